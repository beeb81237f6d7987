"""Fleet-level statistics that need a statistical plotter: seaborn draws them, the same cleaning as for frames inks them.

seaborn costs three quarters of a second to import; it is imported when a figure is drawn, and there are two a build.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from caelum_report import words
from caelum_report.document import Latency, Report, ServerReport
from caelum_report.model import Status
from caelum_report.text import visible

from .drawn import SETTINGS, Shape, canvas, shapes, svg_of
from .skins import SANS, Skin, paint
from .widths import clip, text_width, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DAYS: Final = 30
ROWS: Final = 60  # lines that a reader still compares; the steadiest beyond are counted in words
_LEAST_SERVERS: Final = 3
_LEAST_DAYS: Final = 2
WIDTH: Final = 760
NARROW: Final = 340  # a phone
_NARROW_NAMES: Final = 126
_ROW: Final = 18
_TOP: Final = 26
_FOOT: Final = 34
_SEVERITY: Final = list(Status)
# Colours that Matplotlib sees; each stands for the role that the reader sees.
_CODES: Final = {f"#0000{index + 1:02x}": f"cell-{status}" for index, status in enumerate(Status)}


class Pair(NamedTuple):
    """One drawing for two widths; the narrow one is made of the same shapes, for a second drawing costs a tenth of a second."""

    wide: str
    narrow: str


class _Sheet:
    """A figure under way: rows below each other, and texts by CSS pixels from the top left. Used within `SETTINGS`."""

    def __init__(self, rows: int) -> None:
        self.height = _height(rows)
        self.figure = canvas(WIDTH, self.height)
        self.texts: list[str] = []
        self._rows = rows

    def plot(self, left: float, across: float) -> Axes:
        """Axes over all rows, `across` pixels wide."""
        place = (left / WIDTH, _FOOT / self.height, across / WIDTH, _ROW * self._rows / self.height)
        return self.figure.add_axes(place)

    def write(self, role: str, text: str, x: float, y: float) -> None:
        anchor = {"middle": "center", "end": "right"}.get(role, "left")
        number = str(len(self.texts))
        self.figure.text(x / WIDTH, 1 - y / self.height, number, ha=anchor, va="baseline", gid=role)
        self.texts.append(text)


def _height(rows: int) -> float:
    return _TOP + _ROW * rows + _FOOT


# --- states ---------------------------------------------------------------------------------------------------------


def state_heat_map(report: Report, skin: Skin = "css") -> Pair | None:
    """Servers by days, the worst state of each day. None while there is too little to see a pattern in."""
    servers = [server for server in report.servers if not server.retired and server.strip]
    days = min(DAYS, max((sum(day.status is not None for day in s.strip[-DAYS:]) for s in servers), default=0))
    if len(servers) < _LEAST_SERVERS or days < _LEAST_DAYS:
        return None
    ordered = sorted(servers, key=_unsteadiness)
    shown = ordered[:ROWS]
    dates = sorted({bar.date for server in shown for bar in server.strip[-DAYS:]})[-DAYS:]
    left = _name_width(shown)
    cell = (WIDTH - left) / DAYS
    drawn = _drawn_states(shown, dates, left, cell)
    cells = [_inset(shape) for shape in drawn if shape.path]
    labels = [shape for shape in drawn if shape.text]
    seen = {day.status for server in shown for day in server.strip[-DAYS:] if day.status is not None}
    told = [status for status in _SEVERITY if status in seen]
    height = _height(len(shown))
    key, _ = _key(told, height - 8, WIDTH, skin)
    title = f"States of the last {DAYS} days, the worst of each day"
    description = _heat_words(ordered, shown, len(dates))
    wide = framed("state-heat-map", title, description, (WIDTH, height), svg_of(cells + labels, skin) + key, skin)
    kept = min(len(dates), int((NARROW - _NARROW_NAMES) / cell))
    few = list(_last_days(cells, left + cell * (len(dates) - kept), NARROW - kept * cell))
    few += [_text("label", clip(visible(s.name), _NARROW_NAMES - 8), 0, _row(row)) for row, s in enumerate(shown)]
    few += [_text("end", "today", NARROW, _TOP - 8), _text("label", f"{kept} days", 0, _TOP - 8)]
    key, lines = _key(told, height - 8, NARROW, skin)
    size = NARROW, height + (lines - 1) * _ROW
    return Pair(wide, framed("state-heat-map-narrow", title, description, size, svg_of(few, skin) + key, skin))


def _drawn_states(shown: Sequence[ServerReport], dates: Sequence[date], left: float, cell: float) -> list[Shape]:
    """A cell a day, as seaborn draws it; names at the left, Mondays and today above."""
    import matplotlib as mpl
    import pandas as pd
    import seaborn as sns
    from matplotlib.colors import ListedColormap

    table = pd.DataFrame(
        [_ranks(server, dates) for server in shown], index=range(len(shown)), columns=range(len(dates)), dtype=float
    )
    with mpl.rc_context(SETTINGS):
        sheet = _Sheet(len(shown))
        axes = sheet.plot(left, cell * len(dates))
        sns.heatmap(
            table,
            ax=axes,
            mask=table.isna(),
            cmap=ListedColormap(list(_CODES)),
            vmin=-0.5,
            vmax=len(_SEVERITY) - 0.5,
            cbar=False,
            xticklabels=False,
            yticklabels=False,
        )
        axes.set_axis_off()
        for row, server in enumerate(shown):
            sheet.write("label", clip(visible(server.name), left - 12), 0, _row(row))
        for column, day in enumerate(dates[:-2]):
            if day.weekday() == 0:
                sheet.write("middle", f"{day.day}\u00a0{day:%b}", left + cell * (column + 0.5), _TOP - 8)
        sheet.write("end", "today", left + cell * len(dates), _TOP - 8)
        return shapes(sheet.figure, sheet.texts, _CODES)


def _row(row: int) -> float:
    """Where the text of a row stands."""
    return _TOP + _ROW * (row + 1) - 5


def _text(role: str, text: str, x: float, y: float) -> Shape:
    return Shape(role, text=text, x=f"{x:g}", y=f"{y:g}")


def _last_days(cells: Sequence[Shape], start: float, left: float) -> Iterator[Shape]:
    """The cells from `start` on, moved so that they begin at `left`."""
    for shape in cells:
        x = float(shape.path[1 : shape.path.index(" ")])
        if x >= start:
            yield Shape(shape.role, path=_mapped(shape.path, lambda old: old - start + left))


_NUMBERS: Final = re.compile(r"([A-Za-z])|(-?\d+\.?\d*)")


def _mapped(path: str, x: Callable[[float], float]) -> str:
    """A path of absolute points and lines (M, L, C, H; v keeps its length) with other x."""
    parts: list[str] = []
    command, odd = "", False
    for letter, number in _NUMBERS.findall(path):
        if letter:
            command, odd = letter, False
            parts.append(letter)
            continue
        vertical = odd if command not in "vVH" else command != "H"
        value = float(number) if vertical else x(float(number))
        text = f"{value:.1f}".removesuffix(".0")
        parts.append(text if parts[-1].isalpha() or text.startswith("-") else f" {text}")
        odd = not odd
    return "".join(parts)


def _unsteadiness(server: ServerReport) -> tuple[int, int, str]:
    """Most days with trouble first."""
    days = [day.status for day in server.strip[-DAYS:]]
    return -days.count(Status.DOWN), -sum(s not in {None, Status.UP} for s in days), server.name


def _ranks(server: ServerReport, dates: Sequence[date]) -> list[float]:
    found = {day.date: day.status for day in server.strip[-DAYS:]}
    states = [found.get(day) for day in dates]
    return [float("nan") if status is None else float(_SEVERITY.index(status)) for status in states]


def _name_width(servers: Sequence[ServerReport]) -> float:
    return min(230.0, max(text_width(visible(server.name)) for server in servers) + 14)


# Share of a cell's height, from its foot: severity is height here as in every strip.
_HEIGHTS: Final = {
    "cell-down": 1.0,
    "cell-degraded": 0.68,
    "cell-auth-walled": 0.68,
    "cell-maintenance": 0.45,
    "cell-up": 0.28,
    "cell-unknown": 0.12,
}


def _inset(shape: Shape) -> Shape:
    """A cell as a bar with air around it, as high as its state is bad."""
    numbers = [float(part) for part in shape.path.replace("M", " ").replace("L", " ").replace("z", "").split()]
    left, right, top, foot = min(numbers[0::2]), max(numbers[0::2]), min(numbers[1::2]), max(numbers[1::2])
    left, right, top, foot = left + 1, right - 1, top + 2, foot - 2
    height = (foot - top) * _HEIGHTS[shape.role]
    return Shape(shape.role, path=f"M{left:.1f} {foot:.1f}v{-height:.1f}H{right:.1f}v{height:.1f}z")


def _key(statuses: Sequence[Status], y: float, width: float, skin: Skin) -> tuple[str, int]:
    """The states that occur, with their words, in as many lines as they need."""
    parts, x, lines = [], 0.0, 1
    for status in [*statuses, None]:
        text = status or "blank: no data"
        wanted = (16 if status else 0) + text_width(text)
        if x and x + wanted > width:
            x, lines = 0.0, lines + 1
        foot = y + (lines - 1) * _ROW
        if status:
            height = (_ROW - 4) * _HEIGHTS[f"cell-{status}"]
            parts.append(
                f'<path{paint(f"cell-{status}", skin)} d="M{x:.1f} {foot:.1f}v{-height:.1f}h10v{height:.1f}z"/>'
            )
        parts.append(f'<text{paint("label", skin)} x="{x + (16 if status else 0):.1f}" y="{foot:.1f}">{text}</text>')
        x += wanted + 18
    return "".join(parts), lines


def _heat_words(ordered: Sequence[ServerReport], shown: Sequence[ServerReport], days: int) -> str:
    troubled = [s for s in ordered if any(day.status in {Status.DOWN, Status.DEGRADED} for day in s.strip[-DAYS:])]
    steady = len(ordered) - len(troubled)
    sentences = [
        f"{words.plural(len(ordered), 'server')} over {words.plural(days, 'day')}; {steady} never down or degraded"
    ]
    for server in troubled[:3]:
        states = [day.status for day in server.strip[-DAYS:]]
        down, degraded = states.count(Status.DOWN), states.count(Status.DEGRADED)
        sentences.append(f"{visible(server.name)}: {words.plural(down, 'day')} down, {degraded} degraded")
    if len(shown) < len(ordered):
        sentences.append(f"The {len(ordered) - len(shown)} steadiest are not drawn")
    return ". ".join(sentences) + "."


# --- latency --------------------------------------------------------------------------------------------------------

_BOX, _MEDIAN, _WHISKER, _TAIL = "#000101", "#000102", "#000103", "#000104"
_INKS: Final = {_BOX: "box", _MEDIAN: "median", _WHISKER: "whisker", _TAIL: "tail"}


def latency_distribution(report: Report, skin: Skin = "css") -> Pair | None:
    """Answer times of the last 24 hours on one logarithmic axis, slowest first.

    Of a server's medians over the day: their median, the middle half and the whole range; the diamond is the p95 of all
    its requests. (No box plot: seaborn 0.13 asks for it in words that Matplotlib 3.13 no longer knows.)
    """
    measured = [
        (server, server.latency_day)
        for server in report.servers
        if not server.retired and server.latency_day is not None and server.latency_day.p50 > 0
    ]
    if len(measured) < _LEAST_SERVERS:
        return None
    measured.sort(key=lambda pair: (-pair[1].p95, pair[0].name))
    shown = measured[:ROWS]

    medians = [[value for value in server.spark.mid if value > 0] or [latency.p50] for server, latency in shown]
    low = min(*map(min, medians), *(latency.p50 for _, latency in shown)) * 0.8
    high = max(*map(max, medians), *(latency.p95 for _, latency in shown)) * 1.25
    left = _name_width([server for server, _ in shown])
    axis = _Axis(low, high, left, WIDTH - left - 130.0)
    drawn = _drawn_latencies(shown, medians, axis)
    title = "Answer times of the last 24 hours, slowest first"
    description = _latency_words(measured, len(shown))
    height = _height(len(shown))
    wide = framed("latency-distribution", title, description, (WIDTH, height), svg_of(drawn, skin), skin)
    few = list(_narrow_latencies(shown, drawn, axis))
    lines = wrap(_LATENCY_KEY, NARROW, 12)
    few += [_text("label", line, 0, height - 8 + n * _ROW) for n, line in enumerate(lines)]
    size = NARROW, height + (len(lines) - 1) * _ROW
    return Pair(wide, framed("latency-distribution-narrow", title, description, size, svg_of(few, skin), skin))


class _Axis(NamedTuple):
    """Seconds on a logarithmic axis, `across` pixels from `left` on."""

    low: float
    high: float
    left: float
    across: float

    def ticks(self, after: float, before: float) -> Iterator[tuple[float, str]]:
        """Where a tick's text stands and what it says, of those that touch neither each other nor what is beside them."""
        for tick in _decades(self.low, self.high):
            x = self.left + self.across * (math.log(tick) - math.log(self.low)) / (
                math.log(self.high) - math.log(self.low)
            )
            text = words.seconds(tick)
            half = text_width(text) / 2
            if after + 6 < x - half and x + half < before:
                yield x, text
                after = x + half


def _drawn_latencies(
    shown: Sequence[tuple[ServerReport, Latency]], medians: Sequence[Sequence[float]], axis: _Axis
) -> list[Shape]:
    """A row a server: the range, the middle half and the median of its medians, and its p95; names left, numbers right."""
    import matplotlib as mpl
    import pandas as pd
    import seaborn as sns

    order = [f"r{row}" for row in range(len(shown))]
    rows = [(row, seconds) for row, values in zip(order, medians, strict=True) for seconds in values]
    points = pd.DataFrame(rows, columns=["row", "seconds"])
    tails = pd.DataFrame({"row": order, "p95": [latency.p95 for _, latency in shown]})
    with mpl.rc_context(SETTINGS):
        sheet = _Sheet(len(shown))
        axes = sheet.plot(axis.left, axis.across)
        axes.set_xscale("log")
        axes.set_xlim(axis.low, axis.high)
        for tick in _decades(axis.low, axis.high):
            axes.axvline(tick, gid="grid")
        of_day = {"data": points, "x": "seconds", "y": "row", "order": order, "ax": axes, "linestyle": "none"}
        sns.pointplot(**of_day, estimator="median", errorbar=("pi", 100), color=_WHISKER, marker="none")
        sns.pointplot(**of_day, estimator="median", errorbar=("pi", 50), color=_BOX, marker="none")
        sns.pointplot(**of_day, estimator="median", errorbar=None, color=_MEDIAN, marker="o", markersize=7)
        sns.scatterplot(data=tails, x="p95", y="row", ax=axes, color=_TAIL, marker="D", s=36, linewidth=0, zorder=5)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_axis_off()
        for row, (server, latency) in enumerate(shown):
            sheet.write("label", clip(visible(server.name), axis.left - 12), 0, _row(row))
            sheet.write("end", words.seconds(latency.p50), WIDTH - 64, _row(row))
            sheet.write("end", words.seconds(latency.p95), WIDTH, _row(row))
        sheet.write("end", "p50", WIDTH - 64, _TOP - 8)
        sheet.write("end", "p95", WIDTH, _TOP - 8)
        for x, text in axis.ticks(after=0.0, before=WIDTH):
            sheet.write("middle", text, x, _TOP - 8)
        sheet.write("label", _LATENCY_KEY, 0, sheet.height - 8)
        return shapes(sheet.figure, sheet.texts, _INKS)


def _narrow_latencies(
    shown: Sequence[tuple[ServerReport, Latency]], drawn: Sequence[Shape], axis: _Axis
) -> Iterator[Shape]:
    """The same marks on a phone: squeezed, with the p95 alone beside them."""
    right = NARROW - 58.0
    scale = (right - _NARROW_NAMES) / axis.across
    for shape in drawn:
        if shape.path:
            yield _squeezed(shape, axis.left, _NARROW_NAMES, scale)
    for row, (server, latency) in enumerate(shown):
        yield _text("label", clip(visible(server.name), _NARROW_NAMES - 8), 0, _row(row))
        yield _text("end", words.seconds(latency.p95), NARROW, _row(row))
    yield _text("end", "p95", NARROW, _TOP - 8)
    squeezed = axis._replace(left=_NARROW_NAMES, across=scale * axis.across)
    for x, text in squeezed.ticks(after=_NARROW_NAMES - 20.0, before=right + 20):
        yield _text("middle", text, x, _TOP - 8)


_LATENCY_KEY: Final = "disc: median; bar and line: the middle half and the range of the day's medians; diamond: p95"


def _squeezed(shape: Shape, left: float, new_left: float, scale: float) -> Shape:
    """Lines and bars are squeezed, discs and diamonds keep their form and move."""
    if shape.role not in {"median", "tail"}:
        return Shape(shape.role, path=_mapped(shape.path, lambda x: new_left + (x - left) * scale))
    numbers = [float(number) for letter, number in _NUMBERS.findall(shape.path) if not letter][0::2]
    middle = (min(numbers) + max(numbers)) / 2
    moved = new_left + (middle - left) * scale - middle
    return Shape(shape.role, path=_mapped(shape.path, lambda x: x + moved))


def _decades(low: float, high: float) -> list[float]:
    """1 and 3 of every power of ten between two times; 1 alone over many powers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1.0,) if len(powers) > 5 else (1.0, 3.0)
    return [value for power in powers for factor in factors if low < (value := factor * 10.0**power) < high]


def _latency_words(measured: Sequence[tuple[ServerReport, Latency]], shown: int) -> str:
    slowest, worst = measured[0]
    fastest, best = measured[-1]
    middle = measured[len(measured) // 2][1]
    sentences = [
        f"{words.plural(len(measured), 'server')} answered",
        f"{visible(slowest.name)} is the slowest: p50 {words.seconds(worst.p50)}, p95 {words.seconds(worst.p95)}",
        f"{visible(fastest.name)} is the fastest: p95 {words.seconds(best.p95)}",
        f"Half of them have a p95 below {words.seconds(middle.p95)}",
    ]
    if shown < len(measured):
        sentences.append(f"The {len(measured) - shown} fastest are not drawn")
    return ". ".join(sentences) + "."


def framed(  # noqa: PLR0917 - all of them are words of one sentence
    name: str, title: str, description: str, size: tuple[float, float], body: str, skin: Skin
) -> str:
    width, height = size
    shape = "cx-m" if width == NARROW else "cx-l"
    look = f' class="cx cx-figure {shape}"' if skin == "css" else f" font-family={quoteattr(SANS)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{look} viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        f' font-size="12" role="img" aria-labelledby="{name}-t" aria-describedby="{name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>{body}</svg>'
    )
