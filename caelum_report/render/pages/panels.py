"""Charts on pages: each with its words, in one or two drawings, gathered by range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from caelum_report import metrics, words
from caelum_report.document import Chart
from caelum_report.render import charts

from .view import View

_NAMED: Final = 6  # charts without data, in their one sentence


Marks = tuple[tuple[int, str, str, str | None], ...]  # number in the drawing, when, words, address


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its words: two drawings for two widths, or the narrow one alone below its title."""

    title: str  # empty where the caption names the metric
    wide: Markup | None
    narrow: Markup | None  # None: nothing to draw, which `rest` says
    lead: str  # first sentence of the caption
    rest: str
    foot: str
    csv: str
    marks: Marks = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Charts side by side. Marks that several of them show are told once, below all of them."""

    figures: tuple[Figure, ...] = ()
    marks: Marks = ()
    silent: tuple[str, ...] = ()  # sentences about the charts that have nothing to draw

    def below(self, lead: Figure) -> Row:
        """As it stands under a figure whose marks the reader has just read."""
        figures = tuple(replace(one, marks=()) if one.marks == lead.marks else one for one in self.figures)
        return replace(self, figures=figures, marks=() if self.marks == lead.marks else self.marks)


Drawn = dict[tuple[str, str], Markup]  # by the chart's id and size: a server's pages share drawings


def _draw(chart: Chart, zone: str, size: charts.Size, root: str, drawn: Drawn) -> Markup:
    """A chart whose marks lead nowhere is the same at every depth of the site, and drawn once."""
    found = drawn.get((chart.id, size))
    if found is None:
        found = Markup(charts.svg(chart, zone, size, "css", root=root))  # noqa: S704  our own SVG
        if not any(mark.page for mark in chart.marks):
            drawn[chart.id, size] = found
    return found


def figure(view: View, chart: Chart, csv: str, root: str, drawn: Drawn, *, wide: bool) -> Figure:
    zone = view.report.zone
    lead, stop, rest = (chart.caption if wide else _below_its_title(chart)).partition(". ")
    if not _drawable(chart):
        rest = chart.empty or f"{rest} The chart begins with a second one.".strip()
        return Figure("" if wide else _title(chart), None, None, lead + stop.strip(), rest, _foot(chart), csv)
    return Figure(
        "" if wide else _title(chart),
        _draw(chart, zone, "L", root, drawn) if wide else None,
        _draw(chart, zone, "M", root, drawn),
        lead + stop.strip(),
        rest,
        _foot(chart),
        csv,
        tuple(
            (number, words.moment(mark.at, view.report.at, zone), mark.text, view.address(mark.page))
            for number, mark in enumerate(chart.marks, start=1)
        ),
    )


def beside(view: View, charts: Sequence[Chart], csv: str, root: str, drawn: Drawn) -> Row:
    """Charts side by side; of those that have nothing to draw, a sentence that names them."""
    figures = tuple(figure(view, chart, csv, root, drawn, wide=False) for chart in charts if _drawable(chart))
    silent: dict[str, list[str]] = {}
    single = []
    for chart in charts:
        if not chart.points.at:
            silent.setdefault(chart.empty or "Nothing measured yet.", []).append(_title(chart))
        elif not _drawable(chart):
            value = words.quantity(chart.points.mid[0], metrics.METRICS[chart.metric].unit)
            single.append(f"{_title(chart)}: {value}")
    told = [f"{words.listing(names, _NAMED)}: {said[:1].lower()}{said[1:]}" for said, names in silent.items()]
    if single:
        told.append(f"Measured once. {'; '.join(single)}. Charts begin with a second measurement.")
    return row(figures, tuple(told))


def row(figures: Sequence[Figure], silent: tuple[str, ...] = ()) -> Row:
    common, shown = next(iter(Counter(figure.marks for figure in figures if figure.marks).most_common(1)), ((), 0))
    if shown < 2:
        return Row(tuple(figures), (), silent)
    return Row(tuple(replace(one, marks=()) if one.marks == common else one for one in figures), common, silent)


def _drawable(chart: Chart) -> bool:
    """One dot in an empty frame says less than its number."""
    return len(chart.points.at) > 1


def _title(chart: Chart) -> str:
    """`Disk reading, /var`"""
    whose = f", {chart.subject}" if metrics.METRICS[chart.metric].subject in {"disk", "network"} else ""
    return chart.title + whose


def _below_its_title(chart: Chart) -> str:
    """The caption without the metric's name, which stands above it: `CPU over 24 hours: …` is `Over 24 hours: …`."""
    name = metrics.METRICS[chart.metric].title
    said = chart.caption.removeprefix(name).removeprefix(":").removeprefix(" is").strip()
    return said[:1].upper() + said[1:]


def _foot(chart: Chart) -> str:
    """A point every 1 h, n = 120. Source: own probe."""
    every = f"A point every {words.duration(chart.interval_seconds)}" if chart.interval_seconds and chart.n else ""
    n = f"n = {words.count(chart.n)}" if chart.n else ""
    said = (", ".join(filter(None, (every, n))), f"Source: {chart.source}", chart.forecast_note.removesuffix("."))
    return " ".join(f"{sentence}." for sentence in said if sentence)


@dataclass(frozen=True, slots=True)
class Panel:
    """The charts of one range; the first is the page's own question."""

    range: str
    word: str
    lead: tuple[Figure, ...]
    others: Row
    page: str | None  # where this range has a page of its own
