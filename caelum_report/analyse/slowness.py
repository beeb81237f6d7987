"""When the fleet was slow, and who kept whom waiting: episodes, their suspects, and everybody's share of the wait. Numbers only.

A cell of the grid is slow where a server takes a quarter longer than usual, by more deviations than its own days, and so many
cells of a whole fleet, reach by chance. Usual is the rolling median of a week, by hour of day where three days are known. Slow
cells in a row are a stretch, where together they cost a whole usual answer; stretches of several servers at the same time are
one episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .bottleneck import Suspect, rank
from .extremes import Limits, limits
from .facts import Facts
from .matrix import median, rolling_median, spread
from .times import DAY, Floats, unix

PERIOD_DAYS: Final = 7
PAST_DAYS: Final = 21
LEAST_DAYS: Final = 1.0  # of history, before anything is called slow
SLOWER: Final = 1.25
LEAST_EXCESS: Final = 1.0  # usual answers' worth in a stretch: one hour of twice, two of half, four of a quarter longer
LEAST_SECONDS: Final = 0.005  # a server that takes 2 ms instead of 1 keeps nobody waiting
LEAST_SPREAD: Final = 0.05  # of the logarithm: a server steady to the microsecond is not slow at 5 % more
CHANCE: Final = 0.05  # of one false stretch in the whole period
MOST_EPISODES: Final = 5
MOST_SERVERS: Final = 120  # in a ranking: those that were slow, who they call, and others to compare with
HOST_METRICS: Final = {
    "host_cpu": "cpu", "host_iowait": "iowait", "host_steal": "steal", "host_memory": "memory", "host_swap_in": "swap_in",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cells:
    """Latencies in seconds on the grid (cells x servers), and what was usual in each cell."""

    servers: tuple[str, ...]
    begins: Floats  # unix seconds
    step: float
    latency: Floats
    usual: Floats
    sigmas: Floats  # above the usual, in deviations of the logarithm
    limits: Limits  # of the deviations, by server
    first: int  # cell of the period

    @property
    def excess(self) -> Floats:
        """Seconds above the usual, in the period."""
        return self.latency[self.first :] - self.usual[self.first :]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One server, slow from one cell to another, both included; places in `Cells`."""

    server: int
    begin: int
    end: int
    excess: float  # seconds above the usual, summed over its cells


@dataclass(frozen=True, slots=True)
class Slow:
    """Servers that were slow at the same time, and who may be to blame: `Suspect.entity` is a server's id, "server/tool"
    or "" for the host.
    """

    stretches: tuple[Stretch, ...]
    begin: int
    end: int
    excess: float
    suspects: tuple[Suspect, ...]
    lasts: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """What one server, or one tool of it, made others wait in the period."""

    server: str
    tool: str  # "": the server, as the probe saw it
    calls: float | None  # real ones; None: not measured, each cell counts as one call
    seconds: float  # together
    extra: float  # of these, above the usual
    usual: float  # seconds of one call
    n: int  # cells, or calls


@dataclass(frozen=True, slots=True)
class Slowness:
    cells: Cells | None  # None: too little history to call anything slow
    slow: tuple[Slow, ...]  # those with most waiting first
    waits: tuple[Wait, ...]  # most first
    real: bool  # whether `waits` counts real calls


def slowness(facts: Facts) -> Slowness:
    """Cost: 20 servers about 20 ms, 1,000 servers about 1 s."""
    cells = _cells(facts)
    if cells is None:
        return Slowness(None, (), (), real=False)
    start = float(cells.begins[cells.first])
    calls = _timed_calls(facts, start)
    episodes = sorted(_episodes(_stretches(cells)), key=lambda some: -sum(one.excess for one in some))
    slow = tuple(_slow(facts, cells, calls, some) for some in episodes[:MOST_EPISODES]) if _judged(cells) else ()
    waits = _real_waits(calls, facts) if len(calls) else _probed_waits(cells)
    return Slowness(
        cells if _judged(cells) else None,
        slow,
        tuple(sorted(waits, key=lambda wait: (-wait.seconds, wait.server, wait.tool))),
        real=bool(len(calls)),
    )


def _judged(cells: Cells) -> bool:
    measured = np.flatnonzero(np.isfinite(cells.latency).any(axis=1))
    return len(measured) > 2 and (measured[-1] - measured[0] + 1) * cells.step >= LEAST_DAYS * DAY


def _cells(facts: Facts) -> Cells | None:
    readings = facts.readings.only(("latency",), PAST_DAYS)
    if not len(readings) or not len(readings.frame):
        return None
    values, step = readings.frame.to_numpy(np.float64), readings.step_seconds
    index = pd.DatetimeIndex(readings.frame.index)
    begins = index.as_unit("us").asi8 / 1e6
    phase = ((index.hour * 3600 + index.minute * 60) // step).to_numpy(np.int64)
    usual = _usual(values, phase, step)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(np.where(values > 0, values, np.nan) / usual)
    sigmas = ratio / np.maximum(np.nan_to_num(spread(ratio, axis=0)), LEAST_SPREAD)
    days = np.floor((begins - begins[0]) / DAY).astype(np.int64)
    return Cells(
        servers=tuple(key.subject for key in readings.keys),
        begins=begins,
        step=step,
        latency=values,
        usual=usual,
        sigmas=sigmas,
        limits=limits(sigmas, days, round(DAY / step), min(PERIOD_DAYS, len(begins) * step / DAY), CHANCE),
        first=int(np.searchsorted(begins, begins[-1] + step - PERIOD_DAYS * DAY - 1)),
    )


def _usual(values: Floats, phase: NDArray[np.int64], step: float) -> Floats:
    """The rolling median of a week, times the profile of the day where three days tell it."""
    half_day = max(round(DAY / 2 / step), 1)
    level = rolling_median(values, max(round(7 * DAY / step), 3), half_day)
    ratio = values / np.where(level > 0, level, np.nan)
    profile = np.ones((int(phase.max()) + 1, values.shape[1]))
    for place in np.unique(phase):
        rows = ratio[phase == place]
        if len(rows) >= 3:
            known = median(rows, axis=0, least=3)
            profile[place] = np.where(np.isfinite(known), known, 1.0)
    return np.asarray(level * profile[phase])


# --- what was slow --------------------------------------------------------------------------------------------------


def _stretches(cells: Cells) -> Iterator[Stretch]:
    """Two slow cells in a row or more, or one that is slower yet; one measured cell between them may be usual."""
    late = slice(cells.first, None)
    latency, usual, sigmas = cells.latency[late], cells.usual[late], cells.sigmas[late]
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = latency / usual - 1
        longer = (excess > SLOWER - 1) & (latency - usual > LEAST_SECONDS)
        sure = longer & (sigmas > cells.limits.alone)
        slow = longer & (sigmas > cells.limits.paired) | sure
    for server in np.flatnonzero(slow.any(axis=0)).tolist():
        measured = np.flatnonzero(np.isfinite(sigmas[:, server]))
        marked = np.flatnonzero(slow[measured, server])
        for run in np.split(marked, np.flatnonzero(np.diff(marked) > 2) + 1):
            places = measured[run]
            found = len(run) > 1 or sure[places[0], server]
            if found and excess[places, server].sum() >= LEAST_EXCESS:
                begin, end = int(places[0]), int(places[-1])
                seconds = float(np.nansum((latency - usual)[begin : end + 1, server]))
                yield Stretch(server, cells.first + begin, cells.first + end, seconds)


def _episodes(stretches: Iterator[Stretch]) -> list[list[Stretch]]:
    """Stretches that overlap by half of the shorter, greatest first: each joins the first episode that it fits."""
    episodes: list[list[Stretch]] = []
    for one in sorted(stretches, key=lambda stretch: -stretch.excess):
        for some in episodes:
            lead = some[0]
            overlap = min(one.end, lead.end) - max(one.begin, lead.begin) + 1
            if 2 * overlap >= min(one.end - one.begin, lead.end - lead.begin) + 1:
                some.append(one)
                break
        else:
            episodes.append([one])
    return episodes


def _slow(facts: Facts, cells: Cells, calls: pd.DataFrame, some: Sequence[Stretch]) -> Slow:
    begin, end = some[0].begin, some[0].end  # those of the greatest
    measured = np.flatnonzero(np.isfinite(cells.latency[:, [one.server for one in some]]).any(axis=1))
    return Slow(
        stretches=tuple(some),
        begin=begin,
        end=end,
        excess=sum(one.excess for one in some),
        suspects=tuple(_suspects(facts, cells, calls, some, (begin, end))),
        lasts=bool(len(measured) and end >= measured[-1]),
    )


def _suspects(
    facts: Facts, cells: Cells, calls: pd.DataFrame, some: Sequence[Stretch], span: tuple[int, int]
) -> Iterator[Suspect]:
    """`bottleneck.rank` of the moment, under names without a meaning: a server may be called anything."""
    begin, end = span
    slow = {one.server for one in some}
    places = {server: place for place, server in enumerate(cells.servers)}
    graph = {
        place: [places[name] for name in standing.server.depends_on if name in places]
        for server, place in places.items()
        if (standing := facts.by_id[server]).server
    }
    chosen = _chosen(slow, graph, len(cells.servers))
    frame = {f"s{place}|latency": 1000 * cells.latency[: end + 1, place] for place in chosen}
    frame["fleet|latency"] = np.nansum([cells.latency[: end + 1, place] for place in slow], axis=0) * 1000
    names = {f"s{place}": cells.servers[place] for place in chosen} | {"host": ""}
    for key, column in zip(facts.readings.keys, facts.readings.frame.columns, strict=True):
        if key.metric in HOST_METRICS and not key.subject:
            values = facts.readings.frame[column].to_numpy(np.float64)[-len(cells.begins) :]
            frame[f"host|{HOST_METRICS[key.metric]}"] = values[: end + 1]
    for (server, tool), (count, mean) in _by_tool(calls, cells).items():
        place = places.get(server)
        if place in slow:
            entity = f"s{place}/t{len(names)}"
            names[entity] = f"{server}/{tool}"
            frame[f"{entity}|latency"], frame[f"{entity}|calls"] = 1000 * mean[: end + 1], count[: end + 1]
    index = pd.DatetimeIndex((cells.begins[: end + 1] * 1e6).astype(np.int64).view("datetime64[us]"), tz="UTC")
    drawn = {f"s{place}": [f"s{name}" for name in graph.get(place, ())] for place in chosen}
    ranked = rank(pd.DataFrame(frame, index), index[begin].to_pydatetime(), "fleet|latency", drawn)
    for suspect in ranked:
        yield Suspect(names[suspect.entity], suspect.score, suspect.evidence)


def _chosen(slow: set[int], graph: Mapping[int, Sequence[int]], number: int) -> list[int]:
    """The slow ones, who they call, and evenly as many others as there is room for."""
    kept = slow | {called for place in slow for called in graph.get(place, ())}
    others = [place for place in range(number) if place not in kept]
    room = max(MOST_SERVERS - len(kept), 0)
    return sorted(kept | set(others[:: max(-(-len(others) // room), 1)] if room else ()))


def _by_tool(calls: pd.DataFrame, cells: Cells) -> dict[tuple[str, str], tuple[Floats, Floats]]:
    """Timed calls of each tool on the grid, and their mean seconds."""
    size = len(cells.begins)
    place = np.floor((unix(calls["hour"]) - cells.begins[0]) / cells.step).astype(np.int64)
    inside = (place >= 0) & (place < size)
    table: dict[tuple[str, str], tuple[Floats, Floats]] = {}
    for (server, tool), rows in calls[inside].assign(place=place[inside]).groupby(["server", "tool"], sort=True):
        count, seconds = (
            np.bincount(rows["place"], weights=rows[name].to_numpy(np.float64), minlength=size).astype(np.float64)
            for name in ("timed", "seconds")
        )
        mean = np.divide(seconds, count, out=np.full(size, np.nan), where=count > 0)
        table[str(server), str(tool)] = (count, mean)
    return table


# --- who made others wait -------------------------------------------------------------------------------------------


def _probed_waits(cells: Cells) -> Iterator[Wait]:
    """As if every server were called equally often: one call in each cell of the period."""
    latency, usual = cells.latency[cells.first :], cells.usual[cells.first :]
    for place, server in enumerate(cells.servers):
        there = np.isfinite(latency[:, place])
        if there.any():
            middle = float(np.nanmean(usual[there, place]))
            seconds = float(latency[there, place].mean())
            yield Wait(server, "", None, seconds, max(seconds - middle, 0.0), middle, int(there.sum()))


def _timed_calls(facts: Facts, start: float) -> pd.DataFrame:
    """Real calls since then whose duration is known."""
    return facts.calls.loc[(unix(facts.calls["hour"]) >= start) & (facts.calls["timed"] > 0).to_numpy()]


def _real_waits(calls: pd.DataFrame, facts: Facts) -> Iterator[Wait]:
    """Seconds of real calls by tool; usual is the tool's median hour."""
    for (server, tool), rows in calls.groupby(["server", "tool"], sort=True):
        if str(server) not in facts.by_id:
            continue
        number, seconds = float(rows["timed"].sum()), float(rows["seconds"].sum())
        usual = float(rows["latency"].median())
        yield Wait(str(server), str(tool), number, seconds, max(seconds - number * usual, 0.0), usual, int(number))
