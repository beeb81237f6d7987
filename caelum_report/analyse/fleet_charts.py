"""The whole fleet in one line: what its servers' answer times are together, over every range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from caelum_report.document import Chart, Mark

from .charts import chart, ranges_of
from .facts import Facts
from .matrix import median, quantile
from .times import DAY, Floats, unix_of
from .tracks import NOTHING, Pool, Rollups, Track

_SHARES: Final = np.linspace(0, 1, 21)
_KEY: Final = "fleet"


def fleet_charts(facts: Facts, marks: tuple[Mark, ...]) -> Iterator[Chart]:
    """One chart a range, of the servers' medians: their median, and the band from p5 to p95 of the servers."""
    latency = facts.readings.only({"latency"})
    first = facts.history.first_snapshot_at
    if not len(latency) or first is None:
        return
    step = latency.step_seconds
    at = np.minimum(unix_of(pd.DatetimeIndex(latency.frame.index)) + step / 2, facts.now)
    hours = together(at, latency.frame.to_numpy())
    rolled = Rollups({("hour", _KEY, "latency"): hours, ("day", _KEY, "latency"): _days(facts)})
    for name in ranges_of(facts.now - first.timestamp()):
        yield chart(
            name,
            "latency",
            hours,
            rolled,
            facts.now,
            subject="The fleet",
            key=_KEY,
            key_id=_KEY,
            interval=step,
            marks=marks,
            source="the median of each server in each hour",
        )


def together(at: Floats, values: Floats) -> Track:
    """A row a cell. Of more than 21 servers, 21 quantiles stand for all."""
    there = ~np.isnan(values)
    keep = there.any(axis=1)
    at, values, there = at[keep], values[keep], there[keep]
    if not len(at):
        return NOTHING
    shown = (
        values if values.shape[1] <= len(_SHARES) else np.column_stack([quantile(values, s, axis=1) for s in _SHARES])
    )
    known = there if shown is values else np.ones_like(shown, bool)
    each, size = shown[known], known.sum(axis=1)
    low, high = quantile(values, 0.05, axis=1), quantile(values, 0.95, axis=1)
    return Track(
        at,
        median(values, axis=1),
        low,
        high,
        np.nanmax(values, axis=1),
        there.sum(axis=1).astype(np.float64),
        np.cumsum(size) - size,
        size,
        Pool(each, np.ones(len(each), np.int64)),
    )


def _days(facts: Facts) -> Track:
    """The same by the day, from the roll-ups that are kept for ever."""
    tracks = [facts.rolled.of("day", standing.id, "latency") for standing in facts.current]
    tracks = [track for track in tracks if len(track)]
    if not tracks:
        return NOTHING
    start = min(float(track.time[0]) for track in tracks)
    days = round((max(float(track.time[-1]) for track in tracks) - start) / DAY) + 1
    values = np.full((days, len(tracks)), np.nan)
    for place, track in enumerate(tracks):
        values[np.round((track.time - start) / DAY).astype(np.int64), place] = track.mid
    return together(np.asarray(start + DAY * np.arange(days), np.float64), values)
