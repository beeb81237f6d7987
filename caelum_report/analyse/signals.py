"""What stands out from chance among the series of a run: trends, level shifts, risen errors and unusual moments, each found once.

Trends, shifts and error counts are one family of tests: Benjamini-Hochberg over all of them, and a least effect. A shift explains a trend
and what is unusual about it, so the simpler story is told. Unusual hours are merged over time and over what happens at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from caelum_report.metrics import METRICS

from .anomaly import RARE, anomalies_of
from .discoveries import FALSE_SHARE, adjusted
from .errors import Rise
from .matrix import HOUR, Grid, median
from .readings import Reading, Readings
from .season import Seasons, seasons
from .shift import LevelShift, level_shifts_of
from .times import DAY, Floats
from .trend import Trend, trends

LEVEL_DAYS: Final = 30  # over which trends and shifts are judged
SHORT_DAYS: Final = 10  # a trend that began lately
CONTEXT_DAYS: Final = 70  # nine weeks that an unusual hour is compared with, and the week of events
EVENT_DAYS: Final = 7  # unusual moments stay findings for so long
FRESH: Final = DAY  # the newest points are preliminary for so long
LEVELS: Final = (
    "latency",
    "rss",
    "host_cpu",
    "host_memory",
    "host_swap",
    "host_temperature",
)  # what has a limit is forecast
EVENTS: Final = (*LEVELS, "host_load", "host_iowait", "host_swap_in")
LEAST_EFFECT: Final = 0.10
FALSE_FLAGS_A_DAY: Final = 0.1  # over the whole fleet
_LEAST_CHANGE: Final = {
    "seconds": 0.005,
    "bytes": 8 * 2**20,
    "percent": 3.0,
    "celsius": 3.0,
    "count": 0.5,
    "bytes/s": 2**17,
}
# By how much the logarithm of the rate of false flags falls for each unit of score beyond RARE, see `rate`.
_TAIL: Final = 0.36
_MERGED: Final = 3 * HOUR  # unusual hours of one series that are nearer are one event
_AT_ONCE: Final = 3  # servers; so many unusual at the same time have one cause
_BESIDE: Final = DAY  # an unusual hour that is so near to a level shift is its beginning


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend that stands out."""

    key: Reading
    trend: Trend
    days: float  # over which it was judged
    before: float  # on the line, at both ends
    after: float
    n: int
    chance: float  # that it is nothing: the share of false findings that including it costs


@dataclass(frozen=True, slots=True)
class Step:
    """A level shift that stands out."""

    key: Reading
    at: pd.Timestamp
    until: pd.Timestamp | None  # the next shift; None: it lasts
    before: float
    after: float
    n_before: int
    n_after: int
    chance: float


@dataclass(frozen=True, slots=True)
class Event:
    """Unusual hours of one series, merged."""

    key: Reading
    start: pd.Timestamp
    end: pd.Timestamp  # of the last cell
    value: float  # the one that is farthest from the usual one
    usual: float  # the median of the same hours of the week before
    score: float
    stuck: bool  # one and the same value for hours

    @property
    def up(self) -> bool:
        return self.value > self.usual


@dataclass(frozen=True, slots=True)
class Moment:
    """Events of one server, or of all that happened at once."""

    events: tuple[Event, ...]  # rarest first; one of them is rare for the whole fleet, the others for their series
    start: pd.Timestamp
    end: pd.Timestamp
    chance: float  # that chance alone makes one as rare in the time that is reported

    @property
    def score(self) -> float:
        return max(event.score for event in self.events)

    @property
    def stuck(self) -> bool:
        return all(event.stuck for event in self.events)

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(e.key.subject for e in self.events if not e.key.metric.startswith("host_")))

    @property
    def of_host(self) -> tuple[Event, ...]:
        return tuple(e for e in self.events if e.key.metric.startswith("host_"))


@dataclass(frozen=True, slots=True)
class Signals:
    drifts: tuple[Drift, ...] = ()
    steps: tuple[Step, ...] = ()
    rises: tuple[Rise, ...] = ()  # of errors; their p is the chance
    moments: tuple[Moment, ...] = ()
    series: int = 0  # that were judged
    not_assessed: int = 0  # too short, or more than 30 % missing
    tests: int = 0  # of trends, shifts and error counts
    watched: int = 0  # series whose hours were judged
    rare: float = RARE  # the score from which an hour is unusual

    @property
    def expected_false(self) -> float:
        """How many of the trends, shifts and rises are expected to be nothing."""
        return FALSE_SHARE * (len(self.drifts) + len(self.steps) + len(self.rises))

    @property
    def expected_flags(self) -> float:
        """How many unusual hours a week of nothing would show."""
        return EVENT_DAYS * self.watched * rate(self.rare)


def rate(score: float) -> float:
    """How many values of a day reach a score in a series in which nothing happened.

    Up to RARE the score tells its own rate. Beyond, values that are skewed or heavy-tailed by nature go on: measured on 3,000
    months of generated series of which a half is so, 0.010 a day at 4.7, 0.0043 at 7, 0.0013 at 10, 0.0002 at 15, 0.00007 at 20;
    of normal noise none in 900,000 hours beyond 8.9.
    """
    return math.exp(-min(score, RARE) - _TAIL * max(score - RARE, 0.0))


def threshold(series: int) -> float:
    """The score from which the whole fleet shows FALSE_FLAGS_A_DAY."""
    wanted = math.log(max(series, 1) / FALSE_FLAGS_A_DAY)
    return RARE + max(wanted - RARE, 0.0) / _TAIL


def signals(readings: Readings, memory_bytes: int, counts: Sequence[Rise] = ()) -> Signals:
    """All that stands out at the end of `readings`, and of the error counts; `memory_bytes` is that of the host.

    Cost: 2 ms a series of 30 days, two thirds of it sorting.
    """
    if not len(readings):
        return Signals()
    levels = readings.only(LEVELS, LEVEL_DAYS)
    known = seasons(levels.frame)
    judged, shifts = _trends(levels, known), level_shifts_of(levels.frame, known)
    drifts, steps, rises, tests = _discovered(levels, known, judged, shifts, counts)
    drifts = tuple(drift for drift in drifts if not _carried(drift, drifts, memory_bytes))
    assessed = sum(trend.direction != "unknown" for (trend, _) in judged)
    watched = readings.only(EVENTS, CONTEXT_DAYS)
    rare = threshold(len(watched))
    events = [event for event in _events(watched) if not _explained(event, drifts, steps)]
    return Signals(
        drifts,
        steps,
        rises,
        tuple(m for m in _moments(events, len(watched), readings.step_seconds) if m.score >= rare or m.stuck),
        assessed,
        len(levels) - assessed,
        tests,
        len(watched),
        rare,
    )


# --- trends and shifts ----------------------------------------------------------------------------------------------


def _trends(levels: Readings, known: Seasons) -> list[tuple[Trend, float]]:
    """Of every series the trend over the whole window, or of its last days where that one is the surer; and the days.

    Two windows are two chances, so that p is doubled where there are two.
    """
    long = trends(levels.frame, known=known)
    days = known.grid.days
    if days < 1.5 * SHORT_DAYS:
        return [(trend, days) for trend in long]
    short = trends(levels.frame, known=_last(known, SHORT_DAYS))
    chosen = []
    for whole, late in zip(long, short, strict=True):
        better = whole.direction == "unknown" or (
            late.direction != "unknown" and late.p < whole.p and not whole.p < 1e-4
        )
        trend, span = (late, float(SHORT_DAYS)) if better else (whole, days)
        chosen.append((replace(trend, p=min(1.0, 2 * trend.p)), span))
    return chosen


def _last(known: Seasons, days: float) -> Seasons:
    """The same seasons over the last days."""
    first = max(0, len(known.grid.points) - round(days * DAY / known.grid.step))
    grid = Grid(known.grid.points[first:], known.grid.start + first * known.grid.step, known.grid.step)
    return replace(known, grid=grid)


def _discovered(
    levels: Readings,
    known: Seasons,
    judged: list[tuple[Trend, float]],
    shifts: list[list[LevelShift]],
    counts: Sequence[Rise],
) -> tuple[tuple[Drift, ...], tuple[Step, ...], tuple[Rise, ...], int]:
    """What remains after false-discovery control, and the number of tests it controls."""
    found = [(k, shift) for k, those in enumerate(shifts) for shift in those]
    p = [1.0 if np.isnan(trend.p) else trend.p for trend, _ in judged] + [shift.p for _, shift in found]
    p += [one.p for one in counts]
    assessed = sum(trend.direction != "unknown" for trend, _ in judged)
    tests = assessed + max(assessed, len(found)) + len(counts)
    share = adjusted(p, tests)
    values = known.without()
    steps = []
    for (k, shift), chance in zip(found, share[len(judged) : len(p) - len(counts)].tolist(), strict=True):
        if chance <= FALSE_SHARE and _matters(levels.keys[k], shift.before, shift.after):
            steps.append(_step(levels, k, shift, shifts[k], chance))
    shifted = {step.key for step in steps}
    drifts = []
    for k, (trend, days) in enumerate(judged):
        if trend.direction in {"up", "down"} and share[k] <= FALSE_SHARE and levels.keys[k] not in shifted:
            drift = _drift(
                levels.keys[k], trend, days, values[-round(days * DAY / known.grid.step) :, k], float(share[k])
            )
            if _matters(drift.key, drift.before, drift.after):
                drifts.append(drift)
    risen = [replace(one, p=chance) for one, chance in zip(counts, share[len(p) - len(counts) :].tolist(), strict=True)]
    return tuple(drifts), tuple(steps), tuple(one for one in risen if one.p <= FALSE_SHARE and one.matters), tests


def _matters(key: Reading, before: float, after: float) -> bool:
    """A tenth, and as much as a reader would care for."""
    change = abs(after - before)
    unit = METRICS[key.metric].unit
    return change >= LEAST_EFFECT * abs(before) and change >= _LEAST_CHANGE[unit]


def _drift(key: Reading, trend: Trend, days: float, values: Floats, chance: float) -> Drift:
    there = ~np.isnan(values)
    middle, half = float(np.median(values[there])), trend.slope_per_day * days / 2
    return Drift(key, trend, days, max(middle - half, 0.0), max(middle + half, 0.0), int(there.sum()), chance)


def _step(levels: Readings, k: int, shift: LevelShift, all_of_it: list[LevelShift], chance: float) -> Step:
    place = all_of_it.index(shift)
    column = levels.frame[k]
    earlier = all_of_it[place - 1].at if place else column.index[0]
    later = all_of_it[place + 1].at if place + 1 < len(all_of_it) else None
    n_before = int(column[(column.index >= earlier) & (column.index < shift.at)].notna().sum())
    after = column[(column.index >= shift.at) & (column.index < later if later is not None else True)]
    return Step(levels.keys[k], shift.at, later, shift.before, shift.after, n_before, int(after.notna().sum()), chance)


def _carried(drift: Drift, drifts: Iterable[Drift], memory_bytes: int) -> bool:
    """Whether the host's memory drifts because servers' does: half of it is theirs, so they are told instead."""
    if drift.key.metric != "host_memory" or not memory_bytes:
        return False
    theirs = sum(d.trend.slope_per_day for d in drifts if d.key.metric == "rss")
    return theirs * 100 / memory_bytes >= 0.5 * drift.trend.slope_per_day > 0


# --- unusual moments ------------------------------------------------------------------------------------------------


def _events(watched: Readings) -> Iterator[Event]:
    """The events of the last week, series by series."""
    if not len(watched):
        return
    found = anomalies_of(watched.frame)
    score = found.score.to_numpy()
    rarest = np.nan_to_num(score, nan=-np.inf) >= RARE
    stuck = found.flag.to_numpy() & ~rarest
    recent = watched.frame.index > watched.frame.index[-1] - pd.Timedelta(days=EVENT_DAYS)
    flags = (rarest | stuck) & recent[:, None]
    near = round(_MERGED / watched.step_seconds)
    for k in np.flatnonzero(flags.any(axis=0)).tolist():
        cells = np.flatnonzero(flags[:, k])
        for part in np.split(cells, np.flatnonzero(np.diff(cells) > max(near, 1)) + 1):
            yield _event(watched, k, part, score[:, k], alone=bool(stuck[part, k].all()))


def _event(watched: Readings, k: int, cells: NDArray[np.intp], score: Floats, *, alone: bool) -> Event:
    values = watched.frame[k].to_numpy()
    day = max(1, round(DAY / watched.step_seconds))
    same = (cells[:, None] - day * np.arange(1, 8)).ravel()
    before = values[same[(same >= 0) & (same < cells[0])]]
    if np.isnan(before).all():
        before = values[max(0, cells[0] - 7 * day) : cells[0]]
    usual = float(median(before, axis=0)) if len(before) else float("nan")
    inside = values[cells]
    far = int(np.nanargmax(np.abs(inside - usual))) if not np.isnan(usual) else 0
    index = watched.frame.index
    return Event(
        watched.keys[k],
        index[cells[0]],
        index[cells[-1]] + pd.Timedelta(seconds=watched.step_seconds),
        float(inside[far]),
        usual,
        float(np.nanmax(score[cells])) if not np.isnan(score[cells]).all() else 0.0,
        alone,
    )


def _explained(event: Event, drifts: Iterable[Drift], steps: Iterable[Step]) -> bool:
    """Whether a shift begins there, or the trend of its series alone makes it as far from usual, or it does not matter."""
    if not event.stuck and not (event.usual == event.usual and _matters(event.key, event.usual, event.value)):
        return True
    beside = pd.Timedelta(seconds=_BESIDE)
    if any(s.key == event.key and event.start - beside <= s.at <= event.end + beside for s in steps):
        return True
    return any(d.key == event.key and abs(event.value - event.usual) <= abs(d.after - d.before) for d in drifts)


def _moments(events: list[Event], watched: int, step: float) -> Iterator[Moment]:
    """All that overlaps is one where the host or several servers are among it; else each server has its own."""
    for together in _overlapping(sorted(events, key=lambda e: (e.start, e.key.subject, e.key.metric)), step):
        subjects = {event.key.subject for event in together}
        host = any(event.key.metric.startswith("host_") for event in together)
        groups = (
            [together]
            if host or len(subjects) >= _AT_ONCE
            else [[e for e in together if e.key.subject == subject] for subject in sorted(subjects)]
        )
        for group in groups:
            rarest = sorted(group, key=lambda e: (-e.score, e.key.subject, e.key.metric))
            expected = EVENT_DAYS * watched * rate(rarest[0].score)
            yield Moment(
                tuple(rarest),
                min(e.start for e in group),
                max(e.end for e in group),
                -math.expm1(-expected),
            )


def _overlapping(events: list[Event], step: float) -> Iterator[list[Event]]:
    together: list[Event] = []
    for event in events:
        if together and event.start > max(e.end for e in together) + pd.Timedelta(seconds=step):
            yield together
            together = []
        together.append(event)
    if together:
        yield together
