"""dashboards/NAME.html: what a `[[dashboard]]` block asked for, panel by panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.dashboards import STATE, DashboardReport, PanelReport
from caelum_report.document import RANGE_SPANS, Chart, Report, SeriesReport, ServerReport, Stat, Uptime
from caelum_report.render import marks

from .panels import Drawn, Figure, Row, beside, figure
from .sources import rows as series_rows
from .view import STRIP_DAYS, Page, View, uptime_of

_OF_SERVERS: Final = {
    "states": "30 days, to today",
    "heat-map": "",
    "distribution": "Short requests of the last 24 hours",
}


@dataclass(frozen=True, slots=True)
class StateRow:
    server: ServerReport
    strip: Markup
    uptime: Uptime | None  # over the dashboard's range


@dataclass(frozen=True, slots=True)
class NumberRow:
    subject: str
    server: str | None  # Server.id
    stats: tuple[Stat, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel with what its template prints; one of the lists is filled."""

    id: str
    panel: PanelReport
    note: str
    lead: Figure | None = None  # the one chart, over the whole width
    row: Row | None = None  # charts side by side
    drawing: Any = None  # a Pair of drawings
    states: tuple[StateRow, ...] = ()
    numbers: tuple[NumberRow, ...] = ()
    heads: tuple[str, ...] = ()
    series: Sequence[Any] = ()
    rest: str = ""


def page_of(one: DashboardReport) -> Page:
    return Page(
        f"dashboards/{one.name}.html",
        one.title,
        (("page_head.html", partial(_head, one)), ("dashboards/panels.html", partial(_panels, one))),
        crumbs=(("Fleet", "index.html"), (one.title, None)),
    )


def _head(one: DashboardReport, view: View) -> dict[str, Any]:
    if not view.report.servers:
        return {"heading": one.title, "lede": "The panels begin with the first server."}
    shown = f"{words.plural(len(one.panels), 'panel')} over {RANGE_SPANS[one.range]}."
    return {"heading": one.title, "lede": f"For {one.audience}. {shown}" if one.audience else shown}


def _panels(one: DashboardReport, view: View) -> dict[str, Any]:
    csv = f"api/v1/dashboards/{one.name}.csv"
    return {
        "panels": [
            _shown(view, one, panel, f"panel-{number}", csv) for number, panel in enumerate(one.panels, start=1)
        ],
        "data": csv if any(panel.charts for panel in one.panels) else None,
        "range_words": RANGE_SPANS[one.range],
    }


def _shown(view: View, one: DashboardReport, panel: PanelReport, anchor: str, csv: str) -> Shown:
    shown = Shown(anchor, panel, _note(one, panel), rest=_rest(panel))
    if panel.empty:
        return shown
    if panel.source is not None:
        return replace(shown, series=series_rows(view, series_of(view.report, panel)))
    servers = [view.servers[name] for name in panel.servers if name in view.servers]
    if panel.kind in {"heat-map", "distribution"}:
        return replace(shown, drawing=drawing(view.report, panel, servers, anchor))
    if panel.metric == STATE:
        return replace(shown, states=tuple(_state_row(server, one.range) for server in servers))
    charts = charts_of(view.report, panel)
    if panel.kind == "numbers":
        ids = {server.name: server.id for server in servers}
        rows = tuple(NumberRow(chart.subject, ids.get(chart.subject), chart.stats) for chart in charts)
        return replace(shown, numbers=rows, heads=tuple(stat.label for stat in charts[0].stats) if charts else ())
    drawn: Drawn = {}
    if len(charts) == 1:
        return replace(shown, lead=figure(view, charts[0], csv, "../", drawn, wide=True))
    return replace(shown, row=beside(view, charts, csv, "../", drawn))


def _note(one: DashboardReport, panel: PanelReport) -> str:
    if panel.source is not None:
        return f"{panel.source}, the last 24 hours"
    if panel.kind in _OF_SERVERS:
        return _OF_SERVERS[panel.kind]
    return f"The last {RANGE_SPANS[one.range]}"


def _rest(panel: PanelReport) -> str:
    return f"{words.count(panel.rest)} more" if panel.rest else ""


def charts_of(report: Report, panel: PanelReport) -> list[Chart]:
    wanted = set(panel.charts)
    return [chart for chart in report.dashboard_charts if chart.id in wanted]


def series_of(report: Report, panel: PanelReport) -> list[SeriesReport]:
    return [one for one in report.series if (one.source, one.metric) == (panel.source, panel.metric)]


def drawing(report: Report, panel: PanelReport, servers: Sequence[ServerReport], anchor: str, skin: Any = "css") -> Any:
    """A figure of the chosen servers only; None where they have too little history."""
    from caelum_report.render import figures

    chosen = replace(report, servers=tuple(servers))
    made = (figures.state_heat_map if panel.kind == "heat-map" else figures.latency_distribution)(chosen, skin)
    if made is None:
        return None
    name = "state-heat-map" if panel.kind == "heat-map" else "latency-distribution"
    return figures.Pair(*(svg.replace(f"{name}", f"{anchor}-{name}") for svg in made))  # unique on its page


def _state_row(server: ServerReport, span: str) -> StateRow:
    days = server.strip[-STRIP_DAYS:]
    return StateRow(server, marks.strip(days, marks.strip_label(days)), uptime_of(server, span))
