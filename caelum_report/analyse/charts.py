"""Charts as values: which rows, how thinned, and one sentence of what they show.

Checks as they are for a day and a week, hourly roll-ups for a month and a quarter, daily ones for a year; what is newer than
the last roll-up is filled in from the finer rows. At most 352 points after bucketing. Holes stay holes.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from caelum_report import words
from caelum_report.buckets import PAIR, value_of
from caelum_report.document import RANGES, Chart, Limit, Mark, Passage, Points, Range, Span, Stat
from caelum_report.metrics import METRICS

from .latency import Checks, shortened
from .times import DAY, RANGE_SECONDS, Floats, Ints, moment, told_range, unix

MOST_POINTS: Final = 352  # of checks as they are: three pixels each on the widest chart
MOST_ROLLED: Final = 194  # of roll-ups: with more, five ranges of 20 servers would make a stored report of over 2 MB
MOST_BESIDE: Final = 120  # of what stands beside the latency: gauges' long ranges, and the period before
_WIDTHS: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400, 172800, 345600)
_LEVEL: Final[dict[Range, str]] = {"day": "", "week": "", "month": "hour", "quarter": "hour", "year": "day"}
_SPAN: Final = {"": 0.0, "hour": 3600.0, "day": DAY}
_FINER: Final = {"day": "hour", "hour": ""}
_BEFORE: Final[dict[Range, str]] = {
    "day": "the day before",
    "week": "the week before",
    "month": "the 30 days before",
    "quarter": "the 91 days before",
    "year": "the year before",
}
FORETOLD_RANGES: Final = frozenset[Range]({"week", "month"})
_ENOUGH: Final = 12  # points, before the last one is held against them
_FAR: Final = 1.5
PERCENTILES: Final = {
    "latency",
    "list",
    "handshake",
    "start",
    "connect",
}  # drawn as p50 within p5–p95, not mean within min–max


@dataclass(frozen=True, slots=True)
class Track:
    """One series as rows or roll-ups, ascending. `n` counts the measurements in each, `each` holds them: a tuple of values,
    or the bytes of `buckets`, or None where one value is all there is.
    """

    time: Floats
    mid: Floats
    low: Floats
    high: Floats
    top: Floats
    n: Floats
    each: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.time)

    def rows(self, which: slice | NDArray[np.bool_]) -> Track:
        return Track(*(getattr(self, name)[which] for name in _COLUMNS))

    def between(self, start: float, end: float) -> Track:
        """The rows after `start` and up to `end`."""
        first, last = np.searchsorted(self.time, [start, end], "right")
        return self.rows(slice(int(first), int(last)))

    def after(self, when: float) -> Track:
        return self.rows(slice(int(np.searchsorted(self.time, when, "left")), None))


_COLUMNS: Final = ("time", "mid", "low", "high", "top", "n", "each")


def join(first: Track, second: Track) -> Track:
    if not len(second):
        return first
    return Track(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in _COLUMNS))


def single(at: Floats, values: Floats) -> Track:
    """A series of one measurement a row."""
    return Track(at, values, values, values, values, np.ones(len(at)), np.full(len(at), None, object))


def measured(at: Floats, values: Floats) -> Track:
    """A series of one measurement a row; NaN is left out."""
    there = ~np.isnan(values)
    return single(at[there], values[there])


NOTHING: Final = measured(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Rollups:
    """The frame `History.rollups`, cut once into one `Track` per level, subject and metric."""

    tracks: Mapping[tuple[str, str, str], Track]

    def of(self, level: str, subject: str, metric: str) -> Track:
        return self.tracks.get((level, subject, metric), NOTHING)


def rollups(frame: pd.DataFrame, metrics: Iterable[str]) -> Rollups:
    """The roll-ups of some metrics. Each stands at the middle of its hour or day."""
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
    time, blobs = unix(frame["at"].iloc[keep]), frame["buckets"].to_numpy(object)[keep]
    columns = {name: frame[name].to_numpy(np.float64)[keep] for name in ("n", "min", "mean", "max", "p5", "p50", "p95")}
    starts = np.flatnonzero(np.diff(key, prepend=-1)).tolist()
    tracks = {}
    for start, end in zip(starts, [*starts[1:], len(key)], strict=True):
        rest, subject = divmod(int(key[start]), subjects)
        metric, level = divmod(rest, len(labels["level"]))
        place, name, row = labels["level"][level], labels["metric"][metric], slice(start, end)
        mid, low, high = ("p50", "p5", "p95") if name in PERCENTILES else ("mean", "min", "max")
        tracks[place, labels["subject"][subject], name] = Track(
            time[row] + _SPAN[place] / 2,
            columns[mid][row],
            columns[low][row],
            columns[high][row],
            columns["max"][row],
            columns["n"][row],
            blobs[row],
        )
    return Rollups(tracks)


# --- the rows of a server and of the host ---------------------------------------------------------------------------

SERVER_METRICS: Final = ("latency", "rss", "list", "start", "connect")
LONG_SERVER_METRICS: Final = (
    "latency",
    "rss",
)  # the others have a day only: a report of 20 servers stays near a megabyte


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
    each = past.rows["timings"].to_numpy(object)
    if not len(ordered):
        return Track(past.time, stored, least, most, most, past.rows["latency_n"].to_numpy(np.float64), each)
    there = counts > 0
    return Track(
        past.time,
        np.where(there, quantile(0.5), stored),
        np.where(there, quantile(0.05), least),
        np.where(there, quantile(0.95), most),
        np.where(there, quantile(1.0), most),
        np.where(there, counts, past.rows["latency_n"].to_numpy(np.float64)),
        each,
    )


# --- a chart --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ahead:
    """The course to come of one series, and how sure it is."""

    points: Points
    note: str
    limit: Limit | None = None  # of what has one only in a forecast
    passage: Passage | None = None  # of its limit

    def until(self, end: float) -> Points:
        n = bisect(self.points.at, end)
        each = (self.points.at, self.points.mid, self.points.low, self.points.high)
        return Points(*(part[:n] for part in each)) if n > 1 else Points()  # type: ignore[arg-type]


def ranges_of(history_seconds: float) -> list[Range]:
    """A range appears when the history is longer than the next smaller one; a day always."""
    return [
        name
        for shorter, name in zip((None, *RANGES), RANGES, strict=False)
        if shorter is None or history_seconds > RANGE_SECONDS[shorter]
    ]


def track_for(name: Range, rows: Track, rolled: Rollups, subject: str, metric: str) -> Track:
    """The track of a range: its own level of roll-ups, then finer ones for what is newer, then single checks."""
    level = _LEVEL[name]
    if not level:
        return rows
    track = rolled.of(level, subject, metric)
    while level:
        end = float(track.time[-1]) + _SPAN[level] / 2 if len(track) else -np.inf
        level = _FINER[level]
        track = join(track, (rolled.of(level, subject, metric) if level else rows).after(end))
    return track


def bucketed(track: Track, width: float, *, percentiles: bool) -> Track:
    """One point for each bucket of `width` seconds that has data.

    Percentiles are those of all measurements in the bucket, never means of percentiles. Gauges keep their envelope, so that
    a dip survives the year view.
    """
    if not width or not len(track):
        return track
    cell = np.floor(track.time / width)
    first = np.flatnonzero(np.diff(cell, prepend=-1.0))
    n = np.add.reduceat(track.n, first)
    if percentiles:
        group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(track))))
        mid, low, high = pooled(track, group, (0.5, 0.05, 0.95))
    else:
        mid = np.add.reduceat(track.mid * track.n, first) / n
        low, high = np.minimum.reduceat(track.low, first), np.maximum.reduceat(track.high, first)
    top = np.maximum.reduceat(track.top, first)
    return Track(cell[first] * width + width / 2, mid, low, high, top, n, np.full(len(first), None, object))


def pooled(track: Track, group: Ints, shares: Sequence[float]) -> list[Floats]:
    """Nearest-rank quantiles of all measurements of each group of rows; exact for single values, within 2 % for roll-ups.

    `group` is ascending from 0. One sort for the whole track: 20,000 bucket counts take about 2 ms.
    """
    row, value, count = measurements(track)
    order = np.lexsort((value, group[row]))
    value, count, owner = value[order], count[order], group[row][order]
    first = np.searchsorted(owner, np.arange(int(group[-1]) + 1))
    heaped = np.cumsum(count)
    before = np.append(0, heaped)[first]
    total = np.append(before[1:], heaped[-1]) - before
    return [value[np.searchsorted(heaped, before + np.maximum(np.ceil(share * total), 1))] for share in shares]


def measurements(track: Track) -> tuple[Ints, Floats, Ints]:
    """Row, value and count of everything that was measured."""
    kinds = [type(each) for each in track.each]
    blobs = np.array([kind is bytes for kind in kinds], np.bool_)
    lists = np.array([kind is tuple or kind is list for kind in kinds], np.bool_) & (track.n > 0)
    alone = ~(blobs | lists)
    parts = [(np.flatnonzero(alone), track.mid[alone], track.n[alone].astype(np.int64))]
    if blobs.any():
        stored = track.each[blobs].tolist()
        pairs = np.frombuffer(b"".join(stored), PAIR)
        used = [len(blob) // PAIR.itemsize for blob in stored]
        values = value_of(pairs["bucket"].astype(np.int64))
        parts.append((np.repeat(np.flatnonzero(blobs), used), values, pairs["count"].astype(np.int64)))
    if lists.any():
        values = np.fromiter(chain.from_iterable(track.each[lists]), np.float64)
        used = [len(each) for each in track.each[lists]]
        parts.append((np.repeat(np.flatnonzero(lists), used), values, np.ones(len(values), np.int64)))
    return (
        np.concatenate([row for row, _, _ in parts]),
        np.concatenate([value for _, value, _ in parts]),
        np.concatenate([count for _, _, count in parts]),
    )


def width_for(count: int, span: float, at_most: int) -> float:
    """The bucket that keeps a range below so many points; 0 where there is no need."""
    if count <= at_most:
        return 0.0
    return next(float(width) for width in _WIDTHS if span / width <= at_most - 1)


def points(track: Track, start: float, end: float, *, band: bool) -> Points:
    """As drawn, to four significant digits. Bucket middles are kept inside the range."""
    if not len(track):
        return Points()
    at = np.clip(np.round(track.time), np.ceil(start), np.floor(end)).astype(np.int64)
    if not band or bool(np.all(track.high - track.low <= 0.005 * np.abs(track.mid))):
        return Points(tuple(at.tolist()), rounded(track.mid))
    return Points(tuple(at.tolist()), rounded(track.mid), rounded(track.low), rounded(track.high))


def rounded(values: Floats) -> tuple[float, ...]:
    """Four significant digits of many values."""
    magnitude = np.floor(np.log10(np.abs(values), out=np.zeros(len(values)), where=values != 0))
    small = 10.0 ** np.clip(3 - magnitude, 0, 18)
    large = 10.0 ** np.clip(magnitude - 3, 0, None)
    return tuple((np.round(values * small / large) * large / small).tolist())


def chart(
    name: Range,
    metric: str,
    rows: Track,
    rolled: Rollups,
    now: float,
    *,
    subject: str,
    key: str = "",
    key_id: str = "",
    interval: float,
    ghost: bool = True,
    limit: Limit | None = None,
    spans: Sequence[Span] = (),
    marks: Sequence[Mark] = (),
    source: str = "own probe",
    ahead: Ahead | None = None,
) -> Chart:
    """One metric over one range. `key` is the subject of the roll-ups; `key_id` tells charts of one page apart.

    What lies `ahead` is drawn for half a range more, on the ranges for which a forecast reaches so far.
    """
    told, percentiles = METRICS[metric], metric in PERCENTILES
    span = RANGE_SECONDS[name]
    start = now - span
    track = track_for(name, rows, rolled, key, metric)
    shown = track.between(start, now)
    most = MOST_POINTS if not _LEVEL[name] else MOST_ROLLED if percentiles else MOST_BESIDE
    width = width_for(len(shown), span, most)
    thin = bucketed(shown, width, percentiles=percentiles)
    if width and len(rows) and rows.time[-1] > thin.time[-1]:
        thin = join(thin, rows.between(float(rows.time[-1]) - 1e-3, now))  # the last point is the last measurement
    before = track.between(start - span, start)
    previous = bucketed(before, width_for(len(before), span, MOST_BESIDE), percentiles=percentiles)
    spacing = max(width, _SPAN[_LEVEL[name]] if rolled.of(_LEVEL[name], key, metric) is not NOTHING else 0.0, interval)
    figures, earlier = (_figures(part, percentiles=percentiles) for part in (shown, before))
    drawn = points(thin, start, now, band=True)
    foretold = ahead.until(now + span / 2) if ahead and name in FORETOLD_RANGES and len(shown) else Points()
    return Chart(
        id="-".join(filter(None, (metric.replace("_", "-"), key_id, name))),
        metric=metric,
        subject=subject,
        title=told.title,
        caption=_caption(name, told_range(name, shown.time, now), metric, figures, earlier),
        range=name,
        start=moment(start),
        end=moment(now),
        points=drawn,
        ghost=_moved(previous, span, start, now) if ghost else Points(),
        band=("p5–p95" if percentiles else "min–max") if drawn.low else "",
        limit=limit or (ahead.limit if ahead and foretold.at else None),
        stats=_stats(name, told.unit, float((rows if len(rows) else shown).mid[-1]), figures, earlier)
        if figures
        else (),
        marks=tuple(mark for mark in marks if start < mark.at.timestamp() <= now),
        spans=tuple(spans),
        n=int(shown.n.sum()),
        interval_seconds=spacing,
        source=source,
        forecast=foretold,
        forecast_note=ahead.note if ahead and foretold.at else "",
        passage=ahead.passage if ahead and foretold.at else None,
        empty="" if len(shown) else _why_empty(track),
    )


def _moved(track: Track, span: float, start: float, end: float) -> Points:
    """The period before, laid over this one."""
    if len(track) < 2:
        return Points()
    return points(single(track.time + span, track.mid), start, end, band=False)


def _why_empty(track: Track) -> str:
    if not len(track):
        return "Nothing measured yet."
    last = moment(float(track.time[-1]))
    return f"No data since {last.day} {last:%B %Y}."


def quantiles(track: Track, shares: Sequence[float]) -> list[float]:
    """Quantiles of everything that a track measured."""
    return [float(found[0]) for found in pooled(track, np.zeros(len(track), np.int64), shares)]


@dataclass(frozen=True, slots=True)
class _Figures:
    """What caption and statistics both say of a range."""

    middle: float
    p95: float | None
    lowest: float
    highest: float
    last: float
    points: int


def _figures(track: Track, *, percentiles: bool) -> _Figures | None:
    if not len(track):
        return None
    if percentiles:
        middle, p95 = quantiles(track, (0.5, 0.95))
    else:
        middle, p95 = float((track.mid * track.n).sum() / track.n.sum()), None
    return _Figures(middle, p95, float(track.low.min()), float(track.top.max()), float(track.mid[-1]), len(track))


def _caption(name: Range, over: str, metric: str, now: _Figures | None, before: _Figures | None) -> str:
    """What the range shows against the one before, in numbers; it claims neither a change nor a cause."""
    told = METRICS[metric]
    if now is None:
        return f"{told.title}: nothing measured in {over}."
    middle = words.quantity(now.middle, told.unit)
    if now.points < 3:
        return f"{told.title}: {middle}. Too little history to compare ({words.plural(now.points, 'point')})."
    word = "mean" if now.p95 is None else "median"
    figures = f"{word} {middle}"
    if now.p95 is not None:
        figures += f", p95 {words.quantity(now.p95, told.unit)}"
    head = f"{told.title} over {over}: {figures}"
    if now.p95 is not None and now.points >= _ENOUGH and now.last >= _FAR * now.middle > 0:
        times = words.significant(now.last / now.middle, 2)
        head = f"{told.title} is now {words.quantity(now.last, told.unit)}, {times} times its median. Over {over}: {figures}"
    highest = words.quantity(now.highest, told.unit)
    lowest = words.quantity(now.lowest, told.unit)
    if now.p95 is not None:
        spread = f"At most {highest}"
    else:
        spread = f"Between {lowest} and {highest}" if lowest != highest else "It did not change"
    if before is None or before.points < 3:
        return f"{head}. {spread}; nothing to compare with yet."
    then = words.quantity(before.middle, told.unit)
    return f"{head}. {spread}; {_BEFORE[name]} the {word} was {then}{difference(before.middle, now.middle, told.unit)}."


def difference(before: float, after: float, unit: str = "seconds") -> str:
    """` (+12 %)`; nothing where there is nothing to divide by. Degrees have no such zero, and of shares a percentage of a
    percentage would be misread: points.
    """
    if unit in {"celsius", "percent"}:
        step = 1.0 if unit == "celsius" else 0.1
        apart = round((after - before) / step) * step
        if not apart:
            return " (no difference)"
        shown = words.quantity(abs(apart), unit) if unit == "celsius" else f"{abs(apart):.1f} points"
        return f" ({'+' if apart > 0 else '−'}{shown})"
    if before <= 0 or after < 0:
        return ""
    change = (after / before - 1) * 100
    if abs(change) < 0.5:
        return " (no difference)"
    if change > 900:
        return f" ({words.significant(after / before, 2)} times as much)"
    return f" ({'+' if change > 0 else '−'}{abs(change):.0f}{words.NBSP}%)"


def _stats(name: Range, unit: str, last: float, now: _Figures, before: _Figures | None) -> tuple[Stat, ...]:
    comparison = f"{_BEFORE[name]} {words.quantity(before.middle, unit)}" if before is not None else ""
    second = Stat("Mean" if now.p95 is None else "Median", shortened(now.middle), unit, comparison)
    third = Stat("Min", shortened(now.lowest), unit) if now.p95 is None else Stat("p95", shortened(now.p95), unit)
    return (Stat("Last", shortened(last), unit), second, third, Stat("Max", shortened(now.highest), unit))


def marks_of(frame: pd.DataFrame, now: float) -> tuple[Mark, ...]:
    """People's notes up to now."""
    at = unix(frame["at"])
    return tuple(Mark(moment(t), str(note)) for t, note in zip(at.tolist(), frame["text"], strict=True) if t <= now)
