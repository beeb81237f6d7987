"""From time and value to pixels, and the shapes that stand in the plot of a chart, each as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from caelum_report import words
from caelum_report.document import Chart, Points
from caelum_report.text import visible

from .frames import TOP, Geometry
from .scales import Scale
from .skins import Skin, paint
from .widths import text_width

_DISC: Final = 17  # pixels between the centres of two marks


def px(value: float) -> str:
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


class Plot:
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
        return "".join(polyline(xs[first:last], ys[first:last]) for first, last in runs if last - first > 1)

    def area(self, points: Points, *, whole: bool = False) -> str:
        xs, lows, highs = self._xs(points.at), self._ys(points.low), self._ys(points.high)
        parts = []
        for first, last in [(0, len(xs))] if whole else self.runs(points.at):
            if last - first > 1:
                there, back = xs[first:last], xs[last - 1 : first - 1 if first else None : -1]
                down = lows[last - 1 : first - 1 if first else None : -1]
                parts.append(polyline(there + back, highs[first:last] + down) + "z")
            else:
                x, low, high = xs[first], lows[first], highs[first]
                parts.append(f"M{_tenths(x - 10).strip()}{_tenths(high)}h2V{_tenths(low).strip()}h-2z")
        return "".join(parts)


def polyline(xs: Sequence[int], ys: Sequence[int]) -> str:
    moves = "".join([_MOVES[b - a] + _MOVES[d - c] for a, b, c, d in zip(xs, xs[1:], ys, ys[1:], strict=False)])
    return f"M{_tenths(xs[0]).strip()}{_tenths(ys[0])}l{moves.lstrip()}"


def state_spans(chart: Chart, plot: Plot, skin: Skin) -> tuple[list[str], list[str]]:
    """Stretches of a state: a tint under everything, a bar along the top over everything."""
    tints, bars = [], []
    for span in chart.spans:
        left, right = plot.x(span.start.timestamp()), plot.x(span.end.timestamp())
        right = max(right, left + 2)
        if right > 0 and left < plot.geometry.plot_width:
            left, right = max(left, 0.0), min(right, float(plot.geometry.plot_width))
            box = f'x="{px(left)}" width="{px(right - left)}"'
            tint, bar = paint(f"tint-{span.status}", skin), paint(f"bar-{span.status}", skin)
            tints.append(f'<rect{tint} {box} y="{TOP}" height="{plot.geometry.plot_height}"/>')
            bars.append(f'<rect{bar} {box} y="{TOP - 1.5}" height="3"/>')
    return tints, bars


def line_and_band(plot: Plot, points: Points, ghost: Points, limit_y: float | None, skin: Skin) -> Iterator[str]:
    if points.low:
        yield f'<path{paint("band", skin)} d="{plot.area(points)}"/>'
    if ghost.at:
        yield f'<path{paint("ghost", skin)} d="{plot.line(ghost)}"/>'
    if limit_y is not None:
        across = px(round(limit_y - 0.5) + 0.5)
        yield f'<path{paint("limit", skin)} d="M0 {across}H{plot.geometry.width}"/>'
    yield f'<path{paint("line", skin)} d="{plot.line(points)}"/>'


def lone_points(plot: Plot, points: Points, skin: Skin) -> str:
    """Points between two holes, as round dots."""
    dots = [
        f"M{px(plot.x(points.at[first]))} {px(plot.y(points.mid[first]))}h0"
        for first, last in plot.runs(points.at)
        if last - first == 1
    ]
    return f'<path{paint("lone", skin)} d="{"".join(dots)}"/>' if dots else ""


def last_point(plot: Plot, points: Points, skin: Skin) -> str:
    x, y = plot.x(points.at[-1]), plot.y(points.mid[-1])
    return f'<circle{paint("dot", skin)} cx="{px(x)}" cy="{px(y)}" r="3.5"/>'


def future(plot: Plot, points: Points, ahead: Points, skin: Skin) -> Iterator[str]:
    """The interval as a wedge from the last point on, its middle as a dashed line, and where now is."""
    if not ahead.at:
        return
    now = (points.at[-1], *ahead.at)
    last = points.mid[-1]
    wedge = Points(now, (last, *ahead.mid), (last, *ahead.low), (last, *ahead.high))
    yield f'<path{paint("wedge", skin)} d="{plot.area(wedge, whole=True)}"/>'
    yield f'<path{paint("forecast", skin)} d="{plot.line(wedge, whole=True)}"/>'
    x = px(round(plot.x(now[0])) + 0.5)
    yield f'<path{paint("now", skin)} d="M{x} {TOP}V{px(plot.geometry.bottom)}"/>'


def foretold_passage(plot: Plot, chart: Chart, y: float | None, zone: str, skin: Skin) -> Iterator[str]:
    """On the limit: the foretold times as a bar, a ring and the date at their middle."""
    passage = chart.passage
    if passage is None or y is None:
        return
    width = float(plot.geometry.plot_width)
    eta, first, last = (plot.x(at.timestamp()) for at in (passage.eta, passage.earliest, passage.latest))
    if first < width:
        yield f'<path{paint("passage", skin)} d="M{px(first)} {px(y)}H{px(max(min(last, width), first + 1))}"/>'
    if eta < width - 4:
        yield f'<circle{paint("ring", skin)} cx="{px(eta)}" cy="{px(y)}" r="3.5"/>'
        word, below = words.day(passage.eta, zone), px(y + 16)
        yield f'<text{paint("limit-end", skin)} x="{px(max(eta - 8, text_width(word)))}" y="{below}">{escape(word)}</text>'


def carets(plot: Plot, points: Points, ceiling: float | None, skin: Skin) -> Iterator[str]:
    """A small arrow where a value leaves the plot, one for neighbours."""
    if ceiling is None:
        return
    last = -math.inf
    for at, value in zip(points.at, points.high or points.mid, strict=True):
        x = plot.x(at)
        if value > ceiling and x - last >= 10:
            last = x
            yield f'<path{paint("caret", skin)} d="M{px(x)} {TOP + 2}l4 7h-8z"/>'


def discs(chart: Chart, plot: Plot, root: str, skin: Skin) -> Iterator[str]:
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
            f'<circle{paint("mark", skin)} cx="{px(x)}" cy="{TOP}" r="8"/>'
            f'<text{paint("mark-text", skin)} x="{px(x)}" y="{TOP + 4}">{number}</text>'
        )
        label = escape(visible(mark.text))
        if mark.page and skin == "css":
            yield f"<a href={quoteattr(root + mark.page)}><title>{label}</title>{disc}</a>"
        else:
            yield f"<g><title>{label}</title>{disc}</g>"
