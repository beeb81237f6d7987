"""A metric over time as SVG: a frame that Matplotlib drew once, filled with this series by string building.

Same chart, same bytes. In pages the drawing carries classes (`stylesheet`), elsewhere plain attributes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from caelum_report import words
from caelum_report.document import RANGE_SPANS, Chart, Limit, Points, Range, Stat
from caelum_report.metrics import METRICS
from caelum_report.text import visible

from .frames import GEOMETRY, TOP, Geometry, Key, Size, frame
from .scales import Scale, scale
from .skins import SANS, Skin, paint, stylesheet
from .widths import clip, text_width, wrap

__all__ = ["Size", "Skin", "picture", "spark", "stylesheet", "svg"]

_GHOST: Final[dict[Range, str]] = {
    "day": "day before",
    "week": "week before",
    "month": "month before",
    "quarter": "quarter before",
    "year": "year before",
}
_CLAMP_FACTOR: Final = 4.0  # a maximum beyond so many 98th percentiles would flatten everything else
_DISC: Final = 17  # pixels between the centres of two marks


def svg(chart: Chart, zone: str, size: Size, skin: Skin, *, root: str = "") -> str:
    """One drawing. `root` leads from its page to the site's root ("../"), for links at its marks.

    The ids that its text alternative needs are made of the chart's id and the size, so both sizes can share a page.
    A chart without points is its `empty` sentence.
    """
    geometry = GEOMETRY[size]
    start, end = int(chart.start.timestamp()), int(chart.end.timestamp())
    points = _reduced(chart.points, start, end, geometry.buckets)
    if not points.at:
        return _nothing(chart, size, skin)
    ahead = chart.forecast
    end += (end - start) // 2 if ahead.at else 0  # half a range of future
    # the narrow drawing has no room for the past and the future at once
    ghost = Points() if ahead.at and size == "M" else _reduced(chart.ghost, start, end, geometry.buckets // 2)
    ceiling = _ceiling(points)
    axis, limit = _axis(chart, _with_future(_extent(points, ghost, ceiling), ahead))
    plot = _Plot(geometry, axis, start, end, max(1.6 * chart.interval_seconds, 1.6 * _usual_step(points.at)))

    stats = chart.stats[: int(geometry.plot_width // geometry.column) + 1]
    labels = tuple(visible(stat.label, 40) for stat in stats)
    legend = tuple(_legend(chart, points, ghost))
    form = frame(Key(size, chart.range, start, end, zone, axis.intervals, legend, labels, skin))
    tints, bars = _spans(chart, plot, skin)
    marks = list(_discs(chart, plot, root, skin))
    limit_y = plot.y(limit.value) if limit else None
    parts = [
        *tints,
        form.svg,
        *_future(plot, points, ahead, skin),
        *_paths(plot, points, ghost, limit_y, skin),
        _lone(plot, points, skin),
        *_passage(plot, chart, limit_y, zone, skin),
        _last(plot, points, skin),
        *_carets(plot, points, ceiling, skin),
        *bars,
        *marks,
        _y_labels(chart, axis, geometry, limit_y, skin),
        *([_limit_key(chart, geometry, form.legend_end, axis.unit, skin, shown=bool(limit))] if chart.limit else []),
        *_figures(stats, geometry, skin),
    ]
    height = geometry.height(statistics=bool(stats))
    linked = any("<a " in mark for mark in marks)
    return _open(chart, size, height, skin, _description(chart, zone), linked=linked) + "".join(parts) + "</svg>"


def _axis(chart: Chart, extent: tuple[float, float]) -> tuple[Scale, Limit | None]:
    """The y axis, and the limit where it is near enough to be drawn without flattening what was measured."""
    metric, limit = METRICS[chart.metric], chart.limit
    low, high = extent
    if limit is not None and limit.value > 3 * high and limit.value > (metric.cap or 0):
        limit = None
    if limit is not None:
        low, high = min(low, limit.value), max(high, limit.value)
    from_zero = not (metric.cap is not None and metric.better == "higher")
    return scale(low, high, metric.unit, metric.cap, from_zero=from_zero), limit


def _spans(chart: Chart, plot: _Plot, skin: Skin) -> tuple[list[str], list[str]]:
    """Stretches of a state: a tint under everything, a bar along the top over everything."""
    tints, bars = [], []
    for span in chart.spans:
        left, right = plot.x(span.start.timestamp()), plot.x(span.end.timestamp())
        right = max(right, left + 2)
        if right > 0 and left < plot.geometry.plot_width:
            left, right = max(left, 0.0), min(right, float(plot.geometry.plot_width))
            box = f'x="{_n(left)}" width="{_n(right - left)}"'
            tint, bar = paint(f"tint-{span.status}", skin), paint(f"bar-{span.status}", skin)
            tints.append(f'<rect{tint} {box} y="{TOP}" height="{plot.geometry.plot_height}"/>')
            bars.append(f'<rect{bar} {box} y="{TOP - 1.5}" height="3"/>')
    return tints, bars


def _paths(plot: _Plot, points: Points, ghost: Points, limit_y: float | None, skin: Skin) -> Iterator[str]:
    if points.low:
        yield f'<path{paint("band", skin)} d="{plot.area(points)}"/>'
    if ghost.at:
        yield f'<path{paint("ghost", skin)} d="{plot.line(ghost)}"/>'
    if limit_y is not None:
        across = _n(round(limit_y - 0.5) + 0.5)
        yield f'<path{paint("limit", skin)} d="M0 {across}H{plot.geometry.width}"/>'
    yield f'<path{paint("line", skin)} d="{plot.line(points)}"/>'


def _figures(stats: Sequence[Stat], geometry: Geometry, skin: Skin) -> Iterator[str]:
    """The statistics under the plot; their labels are the frame's."""
    for index, stat in enumerate(stats):
        text = words.quantity(stat.value, stat.unit)
        role = "value" if text_width(text, 14, bold=True) <= geometry.column - 6 else "tight"
        at = f'x="{_n(index * geometry.column)}" y="{_n(geometry.bottom + 60)}"'
        yield f"<text{paint(role, skin)} {at}>{escape(text)}</text>"


def picture(chart: Chart, zone: str, size: Size, skin: Skin = "light") -> str:
    """A file of its own: literal colours, a background, a heading above the plot."""
    inner = svg(chart, zone, size, skin)
    width, height = re.findall(r'viewBox="0 0 (\S+) (\S+)"', inner)[0]
    top = 44
    heading = clip(visible(chart.title), float(width) - 24, 15, bold=True)
    subject = clip(visible(chart.subject), float(width) - 24, 12)
    from .skins import TOKENS

    paper = TOKENS["paper"][0 if skin == "light" else 1]
    body = inner.replace("<svg ", f'<svg x="12" y="{top + 12}" ', 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{float(width) + 24:g}" height="{float(height) + top + 24:g}"'
        f' font-family="{escape(SANS)}"><rect width="100%" height="100%" fill="{paper}"/>'
        f'<text{paint("strong", skin)} x="12" y="24" font-size="15">{escape(heading)}</text>'
        f'<text{paint("label", skin)} x="12" y="42" font-size="12">{escape(subject)}</text>{body}</svg>\n'
    )


# --- the words of a chart -------------------------------------------------------------------------------------------


def _open(chart: Chart, size: Size, height: float, skin: Skin, description: str, *, linked: bool) -> str:
    geometry = GEOMETRY[size]
    uid = re.sub(r"[^A-Za-z0-9_-]", "-", f"{chart.id}-{size.lower()}")
    look = f' class="cx cx-{size.lower()}"' if skin == "css" else f" font-family={quoteattr(SANS)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{look} viewBox="0 0 {geometry.width} {height:g}"'
        f' width="{geometry.width}" height="{height:g}" font-size="{geometry.text:g}" role="{"group" if linked else "img"}"'
        f' aria-labelledby="{uid}-t" aria-describedby="{uid}-d">'
        f'<title id="{uid}-t">{escape(visible(chart.title))}</title>'
        f'<desc id="{uid}-d">{escape(description)}</desc>'
    )


def _description(chart: Chart, zone: str) -> str:
    """What a reader learns who does not see it."""
    sentences = [
        f"{visible(chart.subject)}, the last {RANGE_SPANS[chart.range]} to {words.moment(chart.end, chart.end, zone)}"
    ]
    figures = [
        f"{visible(stat.label, 40)} {words.quantity(stat.value, stat.unit)}"
        + (f" ({visible(stat.comparison, 80)})" if stat.comparison else "")
        for stat in chart.stats
    ]
    if figures:
        sentences.append(", ".join(figures))
    if chart.limit is not None:
        unit = METRICS[chart.metric].unit
        worst = max((*chart.points.high, *chart.points.mid), default=-math.inf)
        verdict = "exceeded" if worst > chart.limit.value else "kept"
        sentences.append(
            f"limit {visible(chart.limit.label, 60)} ({words.quantity(chart.limit.value, unit)}) is {verdict}"
        )
    if chart.forecast.at:
        unit, ahead = METRICS[chart.metric].unit, chart.forecast
        until = words.moment(datetime.fromtimestamp(ahead.at[-1], UTC), chart.end, zone)
        span = f"{words.quantity(ahead.low[-1], unit)} to {words.quantity(ahead.high[-1], unit)}"
        sentences.append(f"forecast for {until}: {words.quantity(ahead.mid[-1], unit)}, {span}")
    if chart.passage is not None:
        early, late = (words.day(at, zone) for at in (chart.passage.earliest, chart.passage.latest))
        sentences.append(f"the limit is reached about {words.day(chart.passage.eta, zone)}, between {early} and {late}")
    if chart.marks:
        sentences.append(words.plural(len(chart.marks), "mark"))
    if chart.spans:
        sentences.append(words.plural(len(chart.spans), "incident"))
    return ". ".join(sentence[:1].upper() + sentence[1:] for sentence in sentences) + "."


def _legend(chart: Chart, points: Points, ghost: Points) -> Iterator[tuple[str, str]]:
    percentiles = chart.band.startswith("p")
    yield "line", "median" if percentiles or METRICS[chart.metric].unit == "seconds" else "mean"
    if points.low:
        yield "band", visible(chart.band, 30) or "range"
    if ghost.at:
        yield "ghost", _GHOST[chart.range]
    if chart.forecast.at:
        yield "forecast", "forecast"


def _limit_key(chart: Chart, geometry: Geometry, x: float, unit: str, skin: Skin, *, shown: bool) -> str:
    """The limit in the legend, where there is room; a limit far above the plot is always named, it cannot be seen."""
    assert chart.limit is not None
    name = visible(chart.limit.label, 40) or "limit"
    room = geometry.width - x - 24 - text_width(unit, geometry.text)
    if not shown:
        name = f"{name} ({words.quantity(chart.limit.value, METRICS[chart.metric].unit)}, above)"
        name = clip(name, max(room, 60), geometry.text)
    elif text_width(name, geometry.text) > room:
        return ""
    sample = f'<path{paint("limit", skin)} d="M{_n(x)} 7h15"/>'
    return f'{sample}<text{paint("label", skin)} x="{_n(x + 20)}" y="11">{escape(name)}</text>'


def _y_labels(chart: Chart, axis: Scale, geometry: Geometry, limit_y: float | None, skin: Skin) -> str:
    """Above their lines, flush with the edge. The limit's own value takes the place of a label too near to it."""
    right = geometry.width
    end = paint("end", skin)
    parts = []
    if axis.unit:
        parts.append(f'<text{end} x="{right}" y="11">{escape(axis.unit)}</text>')
    for index, label in enumerate(axis.labels):
        y = geometry.bottom - index * geometry.plot_height / axis.intervals
        if limit_y is None or abs(y - limit_y) >= 14:
            parts.append(f'<text{end} x="{right}" y="{_n(y - 4)}">{label}</text>')
    if limit_y is not None and chart.limit is not None:
        parts.append(
            f'<text{paint("limit-end", skin)} x="{right}" y="{_n(limit_y - 4)}">{axis.label(chart.limit.value)}</text>'
        )
    return "".join(parts)


def _nothing(chart: Chart, size: Size, skin: Skin) -> str:
    geometry = GEOMETRY[size]
    sentence = visible(chart.empty) or "No data in this period."
    lines = wrap(sentence, geometry.width, geometry.text)
    texts = "".join(
        f'<text{paint("label", skin)} x="0" y="{18 + 17 * index}">{escape(line)}</text>'
        for index, line in enumerate(lines)
    )
    description = f"{visible(chart.subject)}. {sentence}"
    return f"{_open(chart, size, 26 + 17 * (len(lines) - 1), skin, description, linked=False)}{texts}</svg>"


# --- its data -------------------------------------------------------------------------------------------------------


def _reduced(points: Points, start: int, end: int, buckets: int) -> Points:
    """At most one point a bucket of equal width; the last point stays itself, so that the dot is the last measurement.

    A bucket's middle is the mean of its middles, its band reaches from the lowest low to the highest high.
    """
    banded = len(points.low) == len(points.mid) == len(points.high) > 0
    rows = [
        index
        for index, (at, mid) in enumerate(zip(points.at, points.mid, strict=False))
        if start <= at <= end and math.isfinite(mid)
    ]
    if banded:
        rows = [index for index in rows if math.isfinite(points.low[index]) and math.isfinite(points.high[index])]
    if len(rows) <= buckets:
        if len(rows) == len(points.at) and banded == bool(points.low or points.high):
            return points
        pick = [[index] for index in rows]
    else:
        width = (end - start) / buckets
        pick = []
        current = -1
        for index in rows[:-1]:
            bucket = int((points.at[index] - start) / width)
            if bucket != current:
                pick.append([])
                current = bucket
            pick[-1].append(index)
        pick.append([rows[-1]])
    return Points(
        tuple(sum(points.at[i] for i in group) // len(group) for group in pick),
        tuple(math.fsum(points.mid[i] for i in group) / len(group) for group in pick),
        tuple(min(points.low[i] for i in group) for group in pick) if banded else (),
        tuple(max(points.high[i] for i in group) for group in pick) if banded else (),
    )


def _usual_step(at: Sequence[int]) -> float:
    """The median distance of the points as drawn: rolled-up history is no chain of gaps."""
    steps = sorted(b - a for a, b in pairwise(at))
    return float(steps[len(steps) // 2]) if len(steps) > 2 else 0.0


def _ceiling(points: Points) -> float | None:
    """Where the plot ends when a few values would flatten the rest: 1.6 times the 98th percentile."""
    values = sorted(points.high or points.mid)
    usual = values[min(len(values) - 1, int(len(values) * 0.98))]
    if len(values) >= 50 and usual > 0 and values[-1] > _CLAMP_FACTOR * usual:
        return 1.6 * usual
    return None


def _extent(points: Points, ghost: Points, ceiling: float | None) -> tuple[float, float]:
    low, high = min((*points.low, *points.mid)), max((*points.high, *points.mid))
    if ceiling is not None:
        return low, ceiling
    if ghost.at:  # the past may widen the scale, but never by much
        past_high, past_low = min(max(ghost.mid), 1.5 * high), max(min(ghost.mid), 1.5 * low)
        return min(low, past_low), max(high, past_high)
    return low, high


def _with_future(extent: tuple[float, float], ahead: Points) -> tuple[float, float]:
    """An interval that widens without end must not flatten what was measured."""
    low, high = extent
    if not ahead.at:
        return extent
    lowest = max(min(low, *ahead.low), low - (high - low)) if low > 0 else low
    return lowest, max(high, *ahead.mid, min(max(ahead.high), 2 * high))


# --- its shapes -----------------------------------------------------------------------------------------------------


def _n(value: float) -> str:
    """A coordinate: at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def _tenths(value: int) -> str:
    """A whole number of tenths, as short as SVG allows, with a separator where it needs one."""
    whole, rest = divmod(abs(value), 10)
    text = f"{whole or ''}.{rest}" if rest else str(whole)
    return f"-{text}" if value < 0 else f" {text}"


class _Moves(dict[int, str]):
    """`_tenths`, each once: a thousand servers' charts have three million moves, of a few hundred lengths."""

    def __missing__(self, value: int) -> str:
        self[value] = text = _tenths(value)
        return text


_MOVES: Final = _Moves()


class _Plot:
    """From time and value to pixels. Moves are differences of rounded positions, so that rounding never adds up."""

    __slots__ = ("_down", "_floor", "_pixels", "_start", "geometry", "hole")

    def __init__(self, geometry: Geometry, axis: Scale, start: int, end: int, hole: float) -> None:
        self.geometry = geometry
        self.hole = hole  # seconds; a longer distance between two points breaks the line
        self._start = start
        self._pixels = geometry.plot_width / (end - start)
        self._floor = axis.bottom
        self._down = geometry.plot_height / (axis.top - axis.bottom)

    def x(self, at: float) -> float:
        return (at - self._start) * self._pixels

    def y(self, value: float) -> float:
        return min(max(self.geometry.bottom - (value - self._floor) * self._down, TOP), self.geometry.bottom)

    def _xs(self, at: Sequence[int]) -> list[int]:
        places: list[int] = np.rint((np.array(at) - self._start) * (self._pixels * 10)).astype(np.int64).tolist()
        return places

    def _ys(self, values: Sequence[float]) -> list[int]:
        bottom = self.geometry.bottom * 10
        with np.errstate(over="ignore"):  # what is far beyond the plot is clipped
            places = np.clip(bottom - (np.array(values) - self._floor) * (self._down * 10), TOP * 10, bottom)
        rounded: list[int] = np.rint(places).astype(np.int64).tolist()
        return rounded

    def runs(self, at: Sequence[int]) -> list[tuple[int, int]]:
        """Index ranges without a hole."""
        breaks = [index for index in range(1, len(at)) if at[index] - at[index - 1] > self.hole]
        return list(zip([0, *breaks], [*breaks, len(at)], strict=True))

    def line(self, points: Points, *, whole: bool = False) -> str:
        """`whole`: across every hole, of which a forecast has none."""
        xs, ys = self._xs(points.at), self._ys(points.mid)
        runs = [(0, len(xs))] if whole else self.runs(points.at)
        return "".join(_polyline(xs[first:last], ys[first:last]) for first, last in runs if last - first > 1)

    def area(self, points: Points, *, whole: bool = False) -> str:
        xs, lows, highs = self._xs(points.at), self._ys(points.low), self._ys(points.high)
        parts = []
        for first, last in [(0, len(xs))] if whole else self.runs(points.at):
            if last - first > 1:
                there, back = xs[first:last], xs[last - 1 : first - 1 if first else None : -1]
                down = lows[last - 1 : first - 1 if first else None : -1]
                parts.append(_polyline(there + back, highs[first:last] + down) + "z")
            else:
                x, low, high = xs[first], lows[first], highs[first]
                parts.append(f"M{_tenths(x - 10).strip()}{_tenths(high)}h2V{_tenths(low).strip()}h-2z")
        return "".join(parts)


def _polyline(xs: Sequence[int], ys: Sequence[int]) -> str:
    moves = "".join([_MOVES[b - a] + _MOVES[d - c] for a, b, c, d in zip(xs, xs[1:], ys, ys[1:], strict=False)])
    return f"M{_tenths(xs[0]).strip()}{_tenths(ys[0])}l{moves.lstrip()}"


def _lone(plot: _Plot, points: Points, skin: Skin) -> str:
    """Points between two holes, as round dots."""
    dots = [
        f"M{_n(plot.x(points.at[first]))} {_n(plot.y(points.mid[first]))}h0"
        for first, last in plot.runs(points.at)
        if last - first == 1
    ]
    return f'<path{paint("lone", skin)} d="{"".join(dots)}"/>' if dots else ""


def _last(plot: _Plot, points: Points, skin: Skin) -> str:
    x, y = plot.x(points.at[-1]), plot.y(points.mid[-1])
    return f'<circle{paint("dot", skin)} cx="{_n(x)}" cy="{_n(y)}" r="3.5"/>'


def _future(plot: _Plot, points: Points, ahead: Points, skin: Skin) -> Iterator[str]:
    """The interval as a wedge from the last point on, its middle as a dashed line, and where now is."""
    if not ahead.at:
        return
    now = (points.at[-1], *ahead.at)
    last = points.mid[-1]
    wedge = Points(now, (last, *ahead.mid), (last, *ahead.low), (last, *ahead.high))
    yield f'<path{paint("wedge", skin)} d="{plot.area(wedge, whole=True)}"/>'
    yield f'<path{paint("forecast", skin)} d="{plot.line(wedge, whole=True)}"/>'
    x = _n(round(plot.x(now[0])) + 0.5)
    yield f'<path{paint("now", skin)} d="M{x} {TOP}V{_n(plot.geometry.bottom)}"/>'


def _passage(plot: _Plot, chart: Chart, y: float | None, zone: str, skin: Skin) -> Iterator[str]:
    """On the limit: the foretold times as a bar, a ring and the date at their middle."""
    passage = chart.passage
    if passage is None or y is None:
        return
    width = float(plot.geometry.plot_width)
    eta, first, last = (plot.x(at.timestamp()) for at in (passage.eta, passage.earliest, passage.latest))
    if first < width:
        yield f'<path{paint("passage", skin)} d="M{_n(first)} {_n(y)}H{_n(max(min(last, width), first + 1))}"/>'
    if eta < width - 4:
        yield f'<circle{paint("ring", skin)} cx="{_n(eta)}" cy="{_n(y)}" r="3.5"/>'
        word, below = words.day(passage.eta, zone), _n(y + 16)
        yield f'<text{paint("limit-end", skin)} x="{_n(max(eta - 8, text_width(word)))}" y="{below}">{escape(word)}</text>'


def _carets(plot: _Plot, points: Points, ceiling: float | None, skin: Skin) -> Iterator[str]:
    """A small arrow where a value leaves the plot, one for neighbours."""
    if ceiling is None:
        return
    last = -math.inf
    for at, value in zip(points.at, points.high or points.mid, strict=True):
        x = plot.x(at)
        if value > ceiling and x - last >= 10:
            last = x
            yield f'<path{paint("caret", skin)} d="M{_n(x)} {TOP + 2}l4 7h-8z"/>'


def _discs(chart: Chart, plot: _Plot, root: str, skin: Skin) -> Iterator[str]:
    """Numbered as `marks` is, on the top line; they shift a little rather than overlap."""
    width = plot.geometry.plot_width
    wanted = sorted(
        (plot.x(mark.at.timestamp()), number, mark)
        for number, mark in enumerate(chart.marks, start=1)
        if chart.start <= mark.at <= chart.end
    )
    wanted = wanted[: (width - 16) // _DISC]
    places: list[float] = []
    for x, _, _ in wanted:
        places.append(max(x, 8.0, places[-1] + _DISC if places else 0.0))
    for index in range(len(places) - 1, -1, -1):  # pushed beyond the edge, they queue backwards
        places[index] = min(places[index], width - 8.0 - _DISC * (len(places) - 1 - index))
    for x, (_, number, mark) in zip(places, wanted, strict=True):
        disc = (
            f'<circle{paint("mark", skin)} cx="{_n(x)}" cy="{TOP}" r="8"/>'
            f'<text{paint("mark-text", skin)} x="{_n(x)}" y="{TOP + 4}">{number}</text>'
        )
        label = escape(visible(mark.text))
        if mark.page and skin == "css":
            yield f"<a href={quoteattr(root + mark.page)}><title>{label}</title>{disc}</a>"
        else:
            yield f"<g><title>{label}</title>{disc}</g>"


def spark(points: Points, start: float, end: float, width: float, height: float, skin: Skin) -> str:  # noqa: PLR0917
    """A small line without axis or text: the shape of a day beside the number that says it. Decorative for a screen reader."""
    first, last = int(start), int(end)
    drawn = _reduced(points, first, last, max(int(width), 1))
    look = ' class="cx cx-spark"' if skin == "css" else ""
    head = f'<svg xmlns="http://www.w3.org/2000/svg"{look} viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" aria-hidden="true">'
    if not drawn.at:
        return f'{head}<path{paint("spark-gap", skin)} d="M0 {_n(height - 2)}H{_n(width)}"/></svg>'
    ceiling = _ceiling(drawn)
    high = ceiling or max(drawn.mid)
    low = min(drawn.mid)
    spread = max(high - low, abs(high) * 0.5) or 1.0  # noise of a steady server is not stretched to full height
    inside = height - 5

    def y(value: float) -> float:
        return (
            2.5 + inside * (1 - min(max((value - low) / spread, 0.0), 1.0)) - (inside * (1 - (high - low) / spread)) / 2
        )

    pixels = (width - 3) / (last - first)
    hole = 2.5 * max(_usual_step(drawn.at), (last - first) / 100)
    xs = [round((at - first) * pixels * 10) for at in drawn.at]
    ys = [round(max(y(value), 1.0) * 10) for value in drawn.mid]
    breaks = [index for index in range(1, len(xs)) if drawn.at[index] - drawn.at[index - 1] > hole]
    path = "".join(
        _polyline(xs[a:b], ys[a:b]) for a, b in zip([0, *breaks], [*breaks, len(xs)], strict=True) if b - a > 1
    )
    line = f'<path{paint("spark", skin)} d="{path}"/>' if path else ""
    tail = ""
    if last - drawn.at[-1] > hole:
        tail = f'<path{paint("spark-gap", skin)} d="M{_n(xs[-1] / 10 + 4)} {_n(height - 2)}H{_n(width)}"/>'
    return f'{head}{line}{tail}<circle{paint("spark-dot", skin)} cx="{_n(xs[-1] / 10)}" cy="{_n(ys[-1] / 10)}" r="1.75"/></svg>'
