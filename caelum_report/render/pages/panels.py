"""Charts on pages: each with its words, in one or two drawings, gathered by range."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from caelum_report import metrics, words
from caelum_report.document import Chart
from caelum_report.render import charts

from .view import View


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its words: two drawings for two widths, or the narrow one alone."""

    title: str
    wide: Markup | None
    narrow: Markup
    lead: str  # first sentence of the caption, in bold
    rest: str
    foot: str
    csv: str
    marks: tuple[tuple[int, str, str, str | None], ...] = ()  # number in the drawing, when, words, address


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
    metric = metrics.METRICS[chart.metric]
    lead, stop, rest = chart.caption.partition(". ")
    n = f" n = {words.count(chart.n)}." if chart.n else ""
    zone = view.report.zone
    every = f", every {words.duration(chart.interval_seconds)}" if chart.interval_seconds else ""
    whose = f", {chart.subject}" if metric.subject in {"disk", "network"} else ""
    return Figure(
        chart.title + whose,
        _draw(chart, zone, "L", root, drawn) if wide else None,
        _draw(chart, zone, "M", root, drawn),
        lead + stop.strip(),
        rest,
        f"{metric.title}{every}.{n} Source: {chart.source}."
        + (f" {chart.forecast_note}" if chart.forecast_note else ""),
        csv,
        tuple(
            (number, words.moment(mark.at, view.report.at, zone), mark.text, view.address(mark.page))
            for number, mark in enumerate(chart.marks, start=1)
        )
        if chart.points.at
        else (),
    )


@dataclass(frozen=True, slots=True)
class Panel:
    """The charts of one range; the first is the page's own question."""

    range: str
    word: str
    lead: tuple[Figure, ...]
    others: tuple[Figure, ...]
    page: str | None  # where this range has a page of its own
