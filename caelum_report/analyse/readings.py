"""What was measured, side by side on one grid of times: the series that trends, shifts, anomalies, forecasts and bottlenecks
are judged on. Made once for a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from caelum_report.history import History
from caelum_report.model import HostSample, Snapshot

from .host_tracks import host_tracks
from .latency import Checks
from .matrix import HOUR
from .times import DAY, Floats
from .tracks import Rollups

WHOLE_STEPS: Final = tuple(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 24))  # each divides a day
_FEW: Final = 20  # of fewer timings the p95 is the greatest


@dataclass(frozen=True, slots=True)
class Reading:
    """What one column of the grid holds."""

    subject: str  # Server.id; "" for the host itself, a mount point, an interface
    metric: str  # a name of metrics.METRICS; "latency" is the p50, "latency_p95" stands beside it


@dataclass(frozen=True, slots=True)
class Readings:
    """Cells of max(1 h, cadence), in the units of `metrics.METRICS`; NaN is "not measured", gaps stay gaps.

    `frame.index` is the beginning of each cell in the fleet's zone (so that an hour of the day is one of the people who use
    the servers), `frame.columns` are places in `keys`. The last cell holds this run, unless runs are so dense that one
    run says little of an hour. As far back as the hourly roll-ups: 184 days, fewer where a fleet is large.
    """

    frame: pd.DataFrame
    keys: tuple[Reading, ...]
    step_seconds: float

    def __len__(self) -> int:
        return len(self.keys)

    def column(self, subject: str, metric: str) -> pd.Series | None:
        """One series, for a notebook's function; None where nothing of it was ever measured."""
        key = Reading(subject, metric)
        return self.frame[self.keys.index(key)] if key in self.keys else None

    def only(self, metrics: Iterable[str], days: float | None = None) -> Readings:
        """The series of some metrics, over the last days."""
        wanted = set(metrics)
        chosen = [place for place, key in enumerate(self.keys) if key.metric in wanted]
        cells = len(self.frame) if days is None else min(len(self.frame), round(days * DAY / self.step_seconds))
        frame = self.frame.iloc[len(self.frame) - cells :, chosen]
        return Readings(
            frame.set_axis(range(len(chosen)), axis=1), tuple(self.keys[k] for k in chosen), self.step_seconds
        )


def readings(
    snapshot: Snapshot,
    history: History,
    rolled: Rollups,
    past: Checks,
    servers: Mapping[str, int],
    *,
    every: float | None,
    zone: str,
) -> Readings:
    """The grid of one run. `servers` are ids with their place among the checks, `every` is the cadence of runs in seconds.

    Closed hours come from the roll-ups, what is newer from the checks themselves; so the p50 of an hour is that of all its
    requests. Cost: 50 µs a series.
    """
    step = next((width for width in WHOLE_STEPS if width >= 0.9 * (every or HOUR)), DAY)
    hours = (track.time[-1] for (level, _, _), track in rolled.tracks.items() if level == "hour")
    closed = max(hours, default=-np.inf) + HOUR / 2
    now = snapshot.at.timestamp()
    end = np.floor(now / step) * step if every is not None and every < step / 2 else np.floor(now / step + 1) * step
    series = {
        key: line.until(min(end, now + 1))
        for key, line in (
            *_of_servers(rolled, past, servers, closed),
            *(_of_host(snapshot.host_sample, history, rolled, closed) if snapshot.host_sample else ()),
        )
    }
    series = {key: line for key, line in series.items() if len(line.time)}
    if not series:
        return Readings(pd.DataFrame(index=pd.DatetimeIndex([], tz=zone)), (), step)
    start = np.floor(min(float(line.time[0]) for line in series.values()) / step) * step
    cells = round((end - start) / step)
    points = np.column_stack([_laid(line, start, step, cells) for line in series.values()])
    at = ((start + step * np.arange(cells)) * 1e6).astype(np.int64).view("datetime64[us]")
    return Readings(pd.DataFrame(points, pd.DatetimeIndex(at, tz="UTC").tz_convert(zone)), tuple(series), step)


class _Line(NamedTuple):
    """Values with their times, ascending, and how many measurements each stands for."""

    time: Floats
    value: Floats
    n: Floats

    def until(self, end: float) -> _Line:
        last = int(np.searchsorted(self.time, end, "left"))
        return _Line(self.time[:last], self.value[:last], self.n[:last])

    def then(self, time: Floats, value: Floats) -> _Line:
        there = ~np.isnan(value)
        if not there.any():
            return self
        parts = zip(self, (time[there], value[there], np.ones(int(there.sum()))), strict=True)
        return _Line(*(np.concatenate(pair) for pair in parts))


def _laid(line: _Line, start: float, step: float, cells: int) -> Floats:
    """A line on the grid: in each cell the mean of what lies there, by how much was measured."""
    cell = np.floor((line.time - start) / step).astype(np.int64)
    values = np.full(cells, np.nan)
    if np.all(cell[1:] > cell[:-1]):
        values[cell] = line.value
        return values
    weight = np.bincount(cell, weights=line.n, minlength=cells)
    total = np.bincount(cell, weights=line.value * line.n, minlength=cells)
    np.divide(total, weight, out=values, where=weight > 0)
    return values


def _of_servers(
    rolled: Rollups, past: Checks, servers: Mapping[str, int], closed: float
) -> Iterator[tuple[Reading, _Line]]:
    p50, rss = (past.rows[name].to_numpy(np.float64) for name in ("latency_p50", "rss"))
    tails = _p95(past, closed)
    for server, place in servers.items():
        rows = past.between(place, closed - 1e-6, np.inf)
        fresh = past.time[rows]
        hours, memory = rolled.of("hour", server, "latency"), rolled.of("hour", server, "rss")
        yield Reading(server, "latency"), _Line(hours.time, hours.mid, hours.n).then(fresh, p50[rows])
        yield Reading(server, "latency_p95"), _Line(hours.time, hours.high, hours.n).then(fresh, tails[rows])
        yield Reading(server, "rss"), _Line(memory.time, memory.mid, memory.n).then(fresh, rss[rows])


def _p95(past: Checks, closed: float) -> Floats:
    """Nearest rank over the timings of each check that the roll-ups do not hold yet."""
    values = past.rows["latency_max"].to_numpy(np.float64).copy()
    counts = np.diff(past.offsets)
    for row in np.flatnonzero((counts >= _FEW) & (past.time >= closed)).tolist():
        ordered = np.sort(past.timings[past.offsets[row] : past.offsets[row + 1]])
        values[row] = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return values


def _of_host(sample: HostSample, history: History, rolled: Rollups, closed: float) -> Iterator[tuple[Reading, _Line]]:
    for metric, subject, track in host_tracks(history, sample):
        hours, fresh = rolled.of("hour", subject, metric), track.after(closed)
        yield Reading(subject, metric), _Line(hours.time, hours.mid, hours.n).then(fresh.time, fresh.mid)
