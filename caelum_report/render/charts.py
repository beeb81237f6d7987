"""A metric over time as SVG: a frame that Matplotlib drew once, filled with this series by string building.

Same chart, same bytes. In pages the drawing carries classes (`stylesheet`), elsewhere plain attributes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from caelum_report import words
from caelum_report.document import RANGE_SPANS, Chart, Limit, Points, Range, Stat
from caelum_report.metrics import METRICS
from caelum_report.text import visible

from .chart_points import ceiling_of, extent_of, reduced, usual_step, with_future
from .frames import GEOMETRY, Geometry, Key, Size, frame
from .plot import (
    Plot,
    carets,
    discs,
    foretold_passage,
    future,
    last_point,
    line_and_band,
    lone_points,
    polyline,
    px,
    state_spans,
)
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


def svg(chart: Chart, zone: str, size: Size, skin: Skin, *, root: str = "") -> str:
    """One drawing. `root` leads from its page to the site's root ("../"), for links at its marks.

    The ids that its text alternative needs are made of the chart's id and the size, so both sizes can share a page.
    A chart without points is its `empty` sentence.
    """
    geometry = GEOMETRY[size]
    start, end = int(chart.start.timestamp()), int(chart.end.timestamp())
    points = reduced(chart.points, start, end, geometry.buckets)
    if not points.at:
        return _nothing(chart, size, skin)
    ahead = chart.forecast
    end += (end - start) // 2 if ahead.at else 0  # half a range of future
    # the narrow drawing has no room for the past and the future at once
    ghost = Points() if ahead.at and size == "M" else reduced(chart.ghost, start, end, geometry.buckets // 2)
    ceiling = ceiling_of(points)
    axis, limit = _axis(chart, with_future(extent_of(points, ghost, ceiling), ahead))
    plot = Plot(geometry, axis, start, end, max(1.6 * chart.interval_seconds, 1.6 * usual_step(points.at)))

    stats = chart.stats[: int(geometry.plot_width // geometry.column) + 1]
    labels = tuple(visible(stat.label, 40) for stat in stats)
    legend = tuple(_legend(chart, points, ghost))
    form = frame(Key(size, chart.range, start, end, zone, axis.intervals, legend, labels, skin))
    tints, bars = state_spans(chart, plot, skin)
    marks = list(discs(chart, plot, root, skin))
    limit_y = plot.y(limit.value) if limit else None
    parts = [
        *tints,
        form.svg,
        *future(plot, points, ahead, skin),
        *line_and_band(plot, points, ghost, limit_y, skin),
        lone_points(plot, points, skin),
        *foretold_passage(plot, chart, limit_y, zone, skin),
        last_point(plot, points, skin),
        *carets(plot, points, ceiling, skin),
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


def _figures(stats: Sequence[Stat], geometry: Geometry, skin: Skin) -> Iterator[str]:
    """The statistics under the plot; their labels are the frame's."""
    for index, stat in enumerate(stats):
        text = words.quantity(stat.value, stat.unit)
        role = "value" if text_width(text, 14, bold=True) <= geometry.column - 6 else "tight"
        at = f'x="{px(index * geometry.column)}" y="{px(geometry.bottom + 60)}"'
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
    sample = f'<path{paint("limit", skin)} d="M{px(x)} 7h15"/>'
    return f'{sample}<text{paint("label", skin)} x="{px(x + 20)}" y="11">{escape(name)}</text>'


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
            parts.append(f'<text{end} x="{right}" y="{px(y - 4)}">{label}</text>')
    if limit_y is not None and chart.limit is not None:
        parts.append(
            f'<text{paint("limit-end", skin)} x="{right}" y="{px(limit_y - 4)}">{axis.label(chart.limit.value)}</text>'
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


def spark(points: Points, start: float, end: float, width: float, height: float, skin: Skin) -> str:  # noqa: PLR0917
    """A small line without axis or text: the shape of a day beside the number that says it. Decorative for a screen reader."""
    first, last = int(start), int(end)
    drawn = reduced(points, first, last, max(int(width), 1))
    look = ' class="cx cx-spark"' if skin == "css" else ""
    head = f'<svg xmlns="http://www.w3.org/2000/svg"{look} viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" aria-hidden="true">'
    if not drawn.at:
        return f'{head}<path{paint("spark-gap", skin)} d="M0 {px(height - 2)}H{px(width)}"/></svg>'
    ceiling = ceiling_of(drawn)
    high = ceiling or max(drawn.mid)
    low = min(drawn.mid)
    spread = max(high - low, abs(high) * 0.5) or 1.0  # noise of a steady server is not stretched to full height
    inside = height - 5

    def y(value: float) -> float:
        return (
            2.5 + inside * (1 - min(max((value - low) / spread, 0.0), 1.0)) - (inside * (1 - (high - low) / spread)) / 2
        )

    pixels = (width - 3) / (last - first)
    hole = 2.5 * max(usual_step(drawn.at), (last - first) / 100)
    xs = [round((at - first) * pixels * 10) for at in drawn.at]
    ys = [round(max(y(value), 1.0) * 10) for value in drawn.mid]
    breaks = [index for index in range(1, len(xs)) if drawn.at[index] - drawn.at[index - 1] > hole]
    path = "".join(
        polyline(xs[a:b], ys[a:b]) for a, b in zip([0, *breaks], [*breaks, len(xs)], strict=True) if b - a > 1
    )
    line = f'<path{paint("spark", skin)} d="{path}"/>' if path else ""
    tail = ""
    if last - drawn.at[-1] > hole:
        tail = f'<path{paint("spark-gap", skin)} d="M{px(xs[-1] / 10 + 4)} {px(height - 2)}H{px(width)}"/>'
    return f'{head}{line}{tail}<circle{paint("spark-dot", skin)} cx="{px(xs[-1] / 10)}" cy="{px(ys[-1] / 10)}" r="1.75"/></svg>'
