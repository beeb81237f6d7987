"""Dashboards on paper: the same panels as on their pages, for those with `pdf = true`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from caelum_report.dashboards import STATE, DashboardReport, PanelReport
from caelum_report.document import RANGE_SPANS, Chart, Report, ServerReport
from caelum_report.render import marks

from .pages.dashboards import NumberRow, StateRow, charts_of, drawing, series_of
from .pages.view import STRIP_DAYS, uptime_of

Drawn = tuple[list[tuple[Chart, Markup]], bool]


@dataclass(frozen=True, slots=True)
class PaperPanel:
    panel: PanelReport
    charts: Sequence[tuple[Chart, Markup]] = ()
    paired: bool = False
    picture: Markup | None = None
    states: tuple[StateRow, ...] = ()
    numbers: tuple[NumberRow, ...] = ()
    series: Sequence[Any] = ()


PaperDashboard = tuple[DashboardReport, str, list[PaperPanel]]  # with its range in words


def paper_dashboards(
    report: Report, draw: Callable[[Report, Sequence[Chart]], Drawn], literal: Callable[[Markup], Markup]
) -> list[PaperDashboard]:
    """Each with its range in words and its panels; `draw` makes the charts and `literal` writes small drawings' colours out."""
    servers = {server.id: server for server in report.servers}
    return [
        (one, RANGE_SPANS[one.range], list(_panels(report, one, servers, draw, literal)))
        for one in report.dashboards
        if one.pdf
    ]


def _panels(
    report: Report,
    one: DashboardReport,
    servers: dict[str, ServerReport],
    draw: Callable[[Report, Sequence[Chart]], Drawn],
    literal: Callable[[Markup], Markup],
) -> Iterator[PaperPanel]:
    for number, panel in enumerate(one.panels, start=1):
        shown = [servers[name] for name in panel.servers if name in servers]
        if panel.empty or panel.source is not None:
            yield PaperPanel(panel, series=() if panel.empty else series_of(report, panel))
        elif panel.kind in {"heat-map", "distribution"}:
            pair = drawing(report, panel, shown, f"{one.name}-{number}", "light")
            yield PaperPanel(panel, picture=Markup(pair.wide) if pair else None)  # noqa: S704 - our own SVG
        elif panel.metric == STATE:
            yield PaperPanel(panel, states=tuple(_state_row(server, one.range, literal) for server in shown))
        elif panel.kind == "numbers":
            ids = {server.name: server.id for server in shown}
            rows = [NumberRow(chart.subject, ids.get(chart.subject), chart.stats) for chart in charts_of(report, panel)]
            yield PaperPanel(panel, numbers=tuple(row for row in rows if row.stats))
        else:
            charts, paired = draw(report, [chart for chart in charts_of(report, panel) if chart.points.at])
            yield PaperPanel(panel, charts, paired)


def _state_row(server: ServerReport, span: str, literal: Callable[[Markup], Markup]) -> StateRow:
    days = server.strip[-STRIP_DAYS:]
    strip = literal(marks.strip(days, marks.strip_label(days))) if days else Markup("")
    return StateRow(server, strip, uptime_of(server, span))
