"""Series as rows or roll-ups, with all that was measured behind them: what charts, dashboards and analysers cut from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from caelum_report.buckets import spread, value_of
from caelum_report.history import History

from .latency import Checks
from .times import DAY, Floats, Ints, unix

SPAN: Final = {"": 0.0, "hour": 3600.0, "day": DAY}  # of one row of each level
# Drawn as p50 within p5–p95, not mean within min–max.
PERCENTILES: Final = frozenset({"latency", "list", "handshake", "start", "connect"})


@dataclass(frozen=True, slots=True)
class Pool:
    """Measurements that rows share: a value, and how often it was measured."""

    value: Floats
    count: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Track:
    """One series as rows or roll-ups, ascending. `n` counts the measurements of each row; they are the `size` from `first` on
    in `pool`, exact or one a bucket.
    """

    time: Floats
    mid: Floats
    low: Floats
    high: Floats
    top: Floats
    n: Floats
    first: Ints
    size: Ints
    pool: Pool

    def __len__(self) -> int:
        return len(self.time)

    def rows(self, which: slice | NDArray[np.bool_]) -> Track:
        return Track(
            self.time[which],
            self.mid[which],
            self.low[which],
            self.high[which],
            self.top[which],
            self.n[which],
            self.first[which],
            self.size[which],
            self.pool,
        )

    def between(self, start: float, end: float) -> Track:
        """The rows after `start` and up to `end`."""
        first, last = np.searchsorted(self.time, [start, end], "right")
        return self.rows(slice(int(first), int(last)))

    def after(self, when: float) -> Track:
        return self.rows(slice(int(np.searchsorted(self.time, when, "left")), None))


_FIGURES: Final = ("time", "mid", "low", "high", "top", "n")


def join(one: Track, other: Track) -> Track:
    """The rows of one, then those of the other."""
    if not len(other):
        return one
    parts = [(track.pool, spread(track.first, track.size)) for track in (one, other)]
    size = np.concatenate([one.size, other.size])
    return Track(
        **{name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in _FIGURES},
        first=np.cumsum(size) - size,
        size=size,
        pool=Pool(
            np.concatenate([pool.value[places] for pool, places in parts]),
            np.concatenate([pool.count[places] for pool, places in parts]),
        ),
    )


def alike(at: Floats, mid: Floats, low: Floats, high: Floats, top: Floats, n: Floats) -> Track:  # noqa: PLR0917 - columns
    """Rows of which no more is known than their middle, that often."""
    rows = np.arange(len(at))
    return Track(at, mid, low, high, top, n, rows, np.ones(len(at), np.int64), Pool(mid, n.astype(np.int64)))


def single(at: Floats, values: Floats) -> Track:
    """A series of one measurement a row."""
    return alike(at, values, values, values, values, np.ones(len(at)))


def measured(at: Floats, values: Floats) -> Track:
    """A series of one measurement a row; NaN is left out."""
    there = ~np.isnan(values)
    return single(at[there], values[there])


NOTHING: Final = measured(np.empty(0), np.empty(0))


# --- all that was measured ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measurements:
    """Everything that was measured in some rows, ascending by value: sorted once for all quantiles."""

    value: Floats
    count: Ints
    row: Ints

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Nearest-rank, of all together; exact for single values, within 2 % for roll-ups."""
        heaped = np.cumsum(self.count)
        ranks = np.maximum(np.ceil(np.asarray(shares) * heaped[-1]), 1)
        return [float(value) for value in self.value[np.searchsorted(heaped, ranks)]]

    def quantiles_by(self, group: Ints, shares: Sequence[float]) -> list[Floats]:
        """The same of each group of rows; `group` is ascending from 0."""
        groups = int(group[-1]) + 1
        owner = group[self.row]
        # NumPy sorts numbers of 16 bits by their digits, three times as fast
        order = np.argsort(owner.astype(np.int16) if groups < 1 << 15 else owner, kind="stable")
        value, heaped = self.value[order], np.cumsum(self.count[order])
        ends = heaped[np.searchsorted(owner[order], np.arange(groups), "right") - 1]
        before = np.append(0, ends[:-1])
        total = ends - before
        return [value[np.searchsorted(heaped, before + np.maximum(np.ceil(share * total), 1))] for share in shares]


def measurements(track: Track) -> Measurements:
    """Of all rows of a track."""
    places = spread(track.first, track.size)
    value = track.pool.value[places]
    order = np.argsort(value)
    count = track.pool.count[places][order].astype(np.int64)
    return Measurements(value[order], count, np.repeat(np.arange(len(track)), track.size)[order])


# --- the tracks of a history ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rollups:
    """The frame `History.rollups`, cut once into one `Track` per level, subject and metric."""

    tracks: Mapping[tuple[str, str, str], Track]

    def of(self, level: str, subject: str, metric: str) -> Track:
        return self.tracks.get((level, subject, metric), NOTHING)


def rollups(history: History, metrics: Iterable[str]) -> Rollups:
    """The roll-ups of some metrics. Each stands at the middle of its hour or day."""
    frame = history.rollups
    named = {name: frame[name].astype("category") for name in ("metric", "level", "subject")}
    labels = {name: [str(label) for label in column.cat.categories] for name, column in named.items()}
    codes = {name: column.cat.codes.to_numpy(np.int64) for name, column in named.items()}
    wanted = set(metrics)
    chosen = [code for code, label in enumerate(labels["metric"]) if label in wanted]
    keep = np.flatnonzero(np.isin(codes["metric"], chosen))
    if not len(keep):
        return Rollups({})
    subjects = len(labels["subject"])
    key = ((codes["metric"] * len(labels["level"]) + codes["level"]) * subjects + codes["subject"])[keep]
    order = np.argsort(key, kind="stable")  # the frame is ordered by time already
    keep, key = keep[order], key[order]
    time = unix(frame["at"].iloc[keep])
    columns = {name: frame[name].to_numpy(np.float64)[keep] for name in ("n", "min", "mean", "max", "p5", "p50", "p95")}
    first, size = (frame[name].to_numpy(np.int64)[keep] for name in ("first", "pairs"))
    value = value_of(history.pairs["bucket"].astype(np.int64))
    alone = columns["n"] == 1
    value[first[alone]] = columns["mean"][alone]  # known better than its bucket says
    pool = Pool(value, history.pairs["count"])
    starts = np.flatnonzero(np.diff(key, prepend=-1)).tolist()
    tracks = {}
    for start, end in zip(starts, [*starts[1:], len(key)], strict=True):
        rest, subject = divmod(int(key[start]), subjects)
        metric, level = divmod(rest, len(labels["level"]))
        place, name, row = labels["level"][level], labels["metric"][metric], slice(start, end)
        mid, low, high = ("p50", "p5", "p95") if name in PERCENTILES else ("mean", "min", "max")
        tracks[place, labels["subject"][subject], name] = Track(
            time[row] + SPAN[place] / 2,
            columns[mid][row],
            columns[low][row],
            columns[high][row],
            columns["max"][row],
            columns["n"][row],
            first[row],
            size[row],
            pool,
        )
    return Rollups(tracks)


# --- the rows of a server and of the host ---------------------------------------------------------------------------

SERVER_METRICS: Final = ("latency", "rss", "list", "start", "connect")
LONG_SERVER_METRICS: Final = ("latency", "rss")  # the others have a day only: a report of 20 servers stays near 1 MB


@dataclass(frozen=True, slots=True)
class ServerRows:
    """Every check's value of each metric of `SERVER_METRICS`, parallel to the rows of `Checks`."""

    checks: Checks
    tracks: Mapping[str, Track]

    def of(self, server: int, metric: str) -> Track:
        rows = slice(int(self.checks.bounds[server]), int(self.checks.bounds[server + 1]))
        whole = self.tracks[metric]
        there = ~np.isnan(whole.mid[rows])
        return whole.rows(rows).rows(there)


def server_rows(past: Checks) -> ServerRows:
    rows = past.rows
    good = (rows["failure"].astype(object) == "ok").to_numpy(bool)

    def sums(names: Sequence[str]) -> Floats:
        """Stage times added up where all that were used succeeded."""
        table = rows[list(names)].to_numpy(np.float64)
        total = np.nansum(table, axis=1) if len(table) else np.empty(0)
        return np.where(good & ~np.isnan(table).all(axis=1), total, np.nan)

    started = ~np.isnan(rows["spawn"].to_numpy(np.float64))
    tracks = {
        name: single(past.time, values)
        for name, values in (
            ("rss", rows["rss"].to_numpy(np.float64)),
            ("list", np.where(good, rows["list"].to_numpy(np.float64), np.nan)),
            ("start", np.where(started, sums(("spawn", "handshake")), np.nan)),
            ("connect", sums(("dns", "connect", "tls"))),
        )
    }
    tracks["latency"] = _latency(past)
    return ServerRows(past, tracks)


def _latency(past: Checks) -> Track:
    """p50, p5, p95 and max of the timings of every check, all at once: sorted within their row, then interpolated."""
    rows = len(past.time)
    counts = np.diff(past.offsets)
    row = np.repeat(np.arange(rows), counts)
    ordered = past.timings[np.lexsort((past.timings, row))]

    def quantile(share: float) -> Floats:
        place = share * np.maximum(counts - 1, 0)
        below = np.floor(place).astype(np.int64)
        part = place - below
        last = max(len(ordered) - 1, 0)
        low = np.minimum(past.offsets[:-1] + below, last)
        high = np.minimum(low + (part > 0), last)
        return np.asarray(ordered[low] * (1 - part) + ordered[high] * part)

    stored = past.rows["latency_p50"].to_numpy(np.float64)
    least, most = (past.rows[name].to_numpy(np.float64) for name in ("latency_min", "latency_max"))
    n = past.rows["latency_n"].to_numpy(np.float64)
    if not len(ordered):
        return alike(past.time, stored, least, most, most, n)
    there = counts > 0
    return Track(
        past.time,
        np.where(there, quantile(0.5), stored),
        np.where(there, quantile(0.05), least),
        np.where(there, quantile(0.95), most),
        np.where(there, quantile(1.0), most),
        np.where(there, counts, n),
        past.offsets[:-1],
        counts,
        Pool(past.timings, np.broadcast_to(1, len(past.timings))),
    )
