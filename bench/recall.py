"""How much of what was planted is found, by kind, and how often nothing is called something; on seeds that nothing was tuned on.

    python bench/recall.py [--each N] [--seed FIRST]

Prints for unusual values and level shifts the recall by what was planted and the false events a series-month and the precision by kind
of series; for the detectors' own generator (`tests/analyse/series.py`) and for monitored series in their own units
(`tests/analyse/monitored.py`), hourly, over a quarter, and every five minutes. An event is found where a flag lies in it, or two
hours after it; flags within three hours are one; a day after an event nothing is counted. A shift is found within twelve hours; by how
many of them its moment is off is told for half of the shifts and for nine in ten.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from caelum_report.analyse.anomaly import anomalies_of
from caelum_report.analyse.shift import level_shifts_of
from tests.analyse import monitored, series

UNTUNED = 600_000  # the first seed


@dataclass(frozen=True)
class Case:
    kind: str
    plant: str
    series: pd.Series
    events: tuple[tuple[int, int], ...]
    shifts: tuple[int, ...]
    per_day: int
    neither: tuple[int, ...] = ()  # rows of changes that were not planted


@dataclass
class Tally:
    found: int = 0
    planted: int = 0
    right: int = 0
    false: int = 0
    months: float = 0.0
    hours_off: list[float] = field(default_factory=list)  # of what was found, where it has a moment

    def line(self) -> str:
        recall = f"{self.found / self.planted:4.0%} of {self.planted:4}" if self.planted else ""
        named = self.right + self.false
        precision = f"{self.right / named:4.0%}" if named else ""
        off = "  off by {:.0f} and {:.0f} h".format(*np.quantile(self.hours_off, [0.5, 0.9])) if self.hours_off else ""
        return f"{recall:13}  {precision:5}  {self.false / self.months:5.2f}{off}"


@dataclass
class Tallies:
    by_plant: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_kind: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def add(self, case: Case, found: int, planted: int, right: int, false: int, *, off: Sequence[float] = ()) -> None:
        for tally in (self.by_plant[case.plant], self.by_kind[case.kind]):
            tally.found += found
            tally.planted += planted
            tally.right += right
            tally.false += false
            tally.months += len(case.series) / case.per_day / 30
            tally.hours_off += off

    def print(self, title: str) -> None:
        print(f"{title}: recall, precision, false events a series-month")
        for name, tally in (*self.by_plant.items(), *self.by_kind.items()):
            print(f"    {name:14} {tally.line()}")


def runs(flags: np.ndarray, apart: int) -> list[np.ndarray]:
    at = np.flatnonzero(flags)
    return np.split(at, np.flatnonzero(np.diff(at) > apart) + 1) if len(at) else []


def flagged(case: Case, flags: np.ndarray, tallies: Tallies) -> None:
    hour = case.per_day // 24
    allowed = np.zeros(len(flags), bool)
    for first, last in case.events:
        allowed[max(0, first - hour) : last + 1 + 24 * hour] = True
    right = [run for run in runs(flags, 3 * hour) if allowed[run].any()]
    for at in (*case.neither, *case.shifts):
        allowed[max(0, at - hour) : at + 24 * hour] = True
    false = [run for run in runs(flags, 3 * hour) if not allowed[run].any()]
    found = sum(bool(flags[first : last + 1 + 2 * hour].any()) for first, last in case.events)
    tallies.add(case, found, len(case.events), len(right), len(false))


def shifted(case: Case, at: Sequence[int], tallies: Tallies) -> None:
    near = case.per_day // 2
    off = [min(apart) for true in case.shifts if (apart := [abs(a - true) for a in at if abs(a - true) <= near])]
    right = sum(any(abs(a - true) <= near for true in case.shifts) for a in at)
    tallies.add(
        case, len(off), len(case.shifts), right, len(at) - right, off=[24 * rows / case.per_day for rows in off]
    )


def judged(cases: Iterable[Case], title: str) -> None:
    values, levels = Tallies(), Tallies()
    beginning = defaultdict(list)
    for case in cases:
        beginning[case.series.index[0]].append(case)
    for together in beginning.values():
        frame = pd.DataFrame({k: case.series for k, case in enumerate(together)})
        flags = anomalies_of(frame).flag.to_numpy()
        for k, (case, shifts) in enumerate(zip(together, level_shifts_of(frame), strict=True)):
            flagged(case, flags[:, k], values)
            if case.plant in {"clean", "shift"}:
                shifted(case, frame.index.get_indexer([shift.at for shift in shifts]).tolist(), levels)
    values.print(f"{title}, unusual values")
    levels.print(f"{title}, level shifts")


def added(seeds: range) -> Iterable[Case]:
    """The detectors' own generator: noise that is added to a level."""
    for kind in series.KINDS:
        for seed in seeds if kind != "clean" else range(seeds.start, seeds.start + 3 * len(seeds)):
            one = series.labelled(kind, seed)
            events = tuple((event.first, event.last) for event in one.events)
            yield Case(one.noise, kind, one.series, events, one.shifts, 24)


def in_units(seeds: range, per_day: int, days: int) -> Iterable[Case]:
    clean = range(seeds.start, seeds.start + 5 * len(seeds))  # what is rare there takes many
    planted = tuple(plant for plant in monitored.PLANTS if plant != "clean")
    for one in chain(
        monitored.every(("clean",), clean, per_day=per_day, days=days),
        monitored.every(planted, seeds, per_day=per_day, days=days),
    ):
        shifts = (*one.steps, *(first for first, _ in one.events if one.plant == "shift"))
        yield Case(one.kind, one.plant, one.series, one.events, shifts, per_day, one.steps)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--each", type=int, default=60, help="series of each kind and plant")
    options.add_argument("--seed", type=int, default=UNTUNED, help="the first seed")
    chosen = options.parse_args()
    parts: dict[str, Callable[[], Iterable[Case]]] = {
        "noise added to a level, hourly, 30 days": lambda: added(range(chosen.seed, chosen.seed + 2 * chosen.each)),
        "monitored, hourly, 30 days": lambda: in_units(range(chosen.seed, chosen.seed + chosen.each // 3), 24, 30),
        "monitored, hourly, 90 days": lambda: in_units(range(chosen.seed, chosen.seed + chosen.each // 12), 24, 90),
        "monitored, every 5 minutes, 14 days": lambda: in_units(
            range(chosen.seed, chosen.seed + chosen.each // 15), 288, 14
        ),
    }
    for title, cases in parts.items():
        judged(cases(), title)


if __name__ == "__main__":
    main()
