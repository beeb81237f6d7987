"""Charts as values: which rows, how thinned, and one sentence of what they show.

Checks as they are for a day and a week, hourly roll-ups for a month and a quarter, daily ones for a year; what is newer than
the last roll-up is filled in from the finer rows. At most 352 points after bucketing. Holes stay holes.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from caelum_report import words
from caelum_report.document import RANGES, Chart, Limit, Mark, Passage, Points, Range, Stat, StateSpan
from caelum_report.metrics import METRICS

from .latency import shortened
from .times import RANGE_SECONDS, Floats, moment, told_range, unix
from .tracks import NOTHING, PERCENTILES, SPAN, Measurements, Rollups, Track, alike, join, measurements, single

MOST_POINTS: Final = 352  # of checks as they are: three pixels each on the widest chart
MOST_ROLLED: Final = 194  # of roll-ups: with more, five ranges of 20 servers would make a stored report of over 2 MB
MOST_BESIDE: Final = 120  # of what stands beside the latency: gauges' long ranges, and the period before
_WIDTHS: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400, 172800, 345600)
_LEVEL: Final[dict[Range, str]] = {"day": "", "week": "", "month": "hour", "quarter": "hour", "year": "day"}
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
        end = float(track.time[-1]) + SPAN[level] / 2 if len(track) else -np.inf
        level = _FINER[level]
        track = join(track, (rolled.of(level, subject, metric) if level else rows).after(end))
    return track


def bucketed(track: Track, width: float, *, percentiles: bool, known: Measurements | None = None) -> Track:
    """One point for each bucket of `width` seconds that has data.

    Percentiles are those of all measurements in the bucket, `known` where somebody has them already, never means of
    percentiles. Gauges keep their envelope, so that a dip survives the year view.
    """
    if not width or not len(track):
        return track
    cell = np.floor(track.time / width)
    first = np.flatnonzero(np.diff(cell, prepend=-1.0))
    n = np.add.reduceat(track.n, first)
    if percentiles:
        group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(track))))
        mid, low, high = (known or measurements(track)).quantiles_by(group, (0.5, 0.05, 0.95))
    else:
        mid = np.add.reduceat(track.mid * track.n, first) / n
        low, high = np.minimum.reduceat(track.low, first), np.maximum.reduceat(track.high, first)
    top = np.maximum.reduceat(track.top, first)
    return alike(cell[first] * width + width / 2, mid, low, high, top, n)


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
    spans: Sequence[StateSpan] = (),
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
    shown, before = track.between(start, now), track.between(start - span, start)
    most = MOST_POINTS if not _LEVEL[name] else MOST_ROLLED if percentiles else MOST_BESIDE
    width = width_for(len(shown), span, most)
    all_shown, all_before = (measurements(part) if percentiles and len(part) else None for part in (shown, before))
    thin = bucketed(shown, width, percentiles=percentiles, known=all_shown)
    if width and len(rows) and rows.time[-1] > thin.time[-1]:
        thin = join(thin, rows.between(float(rows.time[-1]) - 1e-3, now))  # the last point is the last measurement
    wide = width_for(len(before), span, MOST_BESIDE)
    previous = bucketed(before, wide, percentiles=percentiles, known=all_before)
    spacing = max(width, SPAN[_LEVEL[name]] if rolled.of(_LEVEL[name], key, metric) is not NOTHING else 0.0, interval)
    figures, earlier = _figures(shown, all_shown), _figures(before, all_before)
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


@dataclass(frozen=True, slots=True)
class _Figures:
    """What caption and statistics both say of a range."""

    middle: float
    p95: float | None
    lowest: float
    highest: float
    last: float
    points: int


def _figures(track: Track, each: Measurements | None) -> _Figures | None:
    if not len(track):
        return None
    p95: float | None
    if each is not None:
        middle, p95 = each.quantiles((0.5, 0.95))
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
