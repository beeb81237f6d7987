"""What follows page 1 on paper: each part short enough to be read, with one line for what only the site has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.document import Chart, IncidentReport, Report, ServerUsage
from caelum_report.editions import INTERNAL
from caelum_report.model import Status

from .paper_dashboards import PaperDashboard

_INCIDENTS: Final = 12
_SLOW_TIMES: Final = 6
_USED: Final = 10  # servers
_TROUBLED: Final = 6  # charts of servers
_OF_HOST: Final = 4  # charts
_HOSTS: Final = 2
_POINTS: Final = 6  # fewer are no course
_PLACES: Final = {  # where on paper a page of the site is
    "changes.html": "changed",
    "slo.html": "objectives",
    "trends.html": "trends",
    "bottlenecks.html": "bottlenecks",
    "usage.html": "usage",
    "architecture.html": "architecture",
    "alerts.html": "incidents",
    "host.html": "host",
    "method.html": "method",
}
_ON_PAGE_1: Final = {"changed", "objectives"}


@dataclass(frozen=True, slots=True)
class Part:
    """A section with its anchor; `values` are what its template places."""

    anchor: str
    title: str
    note: str
    template: str
    values: Mapping[str, Any]


def parts(
    report: Report,
    placed: Mapping[str, Mapping[str, Any]],
    dashboards: Iterable[PaperDashboard],
    diagram: Markup | None,
) -> list[Part]:
    """None for an edition. What to do, how it goes, who is slow, who is used, what happened, what it runs on, how it hangs together.

    The drawing takes most of a page: what flows over pages comes before it.
    """
    if report.edition != INTERNAL:
        return []
    found = [*_worth_doing(report), *_trends(report), *_bottlenecks(report), *_usage(report)]
    found += [*_incidents(report), *_hosts(report), *map(_dashboard, dashboards)]
    if diagram is not None:
        found.append(Part("architecture", "Architecture", "", "drawing", {"drawing": diagram}))
    found.append(_method(report))
    places = {page: place for page, place in _PLACES.items() if place in {part.anchor for part in found} | _ON_PAGE_1}
    places |= {f"dashboards/{one.name}.html": f"dashboard-{one.name}" for one in report.dashboards if one.pdf}
    read_on = _read_on(placed.get("read_on", {}).get("items", ()), places)
    return [read_on, *found] if read_on.values["items"] else found


def _read_on(items: Any, places: Mapping[str, str]) -> Part:
    return Part("read-on", "Read on", "", "read_on", {"items": [(item, places.get(item.page)) for item in items]})


def _worth_doing(report: Report) -> Iterator[Part]:
    if report.recommendations:
        yield Part("worth-doing", "Worth doing", "What saves most first", "worth", {"items": report.recommendations})


def _trends(report: Report) -> Iterator[Part]:
    shown = [one for one in report.fleet_charts if one.range in {"week", "month"} and len(one.points.at) >= _POINTS]
    if shown:
        yield Part("trends", "Trends", "All servers together", "charts", {"charts": shown})
    troubled = [s for s in report.servers if s.status in {Status.DOWN, Status.DEGRADED} and not s.retired]
    of_servers = [
        chart for server in troubled for chart in server.charts if _shows_a_day(chart) and chart.metric == "latency"
    ]
    if of_servers:
        left = len(of_servers) - _TROUBLED
        note = f"Answer times of the last 24 hours{f'; {left} more on the site' if left > 0 else ''}"
        yield Part("trouble", "Servers in trouble", note, "charts", {"charts": of_servers[:_TROUBLED]})


def _shows_a_day(chart: Chart) -> bool:
    return chart.range == "day" and len(chart.points.at) >= _POINTS


def _bottlenecks(report: Report) -> Iterator[Part]:
    found = report.bottlenecks
    if found.episodes or len(found.waits) > 1:
        shown = [(one, _lasted(report, one.start, one.end)) for one in found.episodes[:_SLOW_TIMES]]
        more = len(found.episodes) - len(shown)
        values = {"found": found, "episodes": shown, "more": words.plural(more, "more", "more") if more else ""}
        yield Part("bottlenecks", "Bottlenecks", "The last 7 days", "bottlenecks", values)


def _lasted(report: Report, start: datetime, end: datetime | None) -> str:
    seconds = ((end or report.at) - start).total_seconds()
    if end is None and seconds < 1:
        return "new"
    return words.duration(seconds) if end else f"{words.duration(seconds)}, lasting"


def _usage(report: Report) -> Iterator[Part]:
    used = report.usage
    if used.calls:
        names = {server.id: server.name for server in report.servers}
        rows: list[tuple[str, ServerUsage]] = [
            (names.get(one.server, one.server), one) for one in used.servers if one.calls
        ]
        more = len(rows) - _USED
        values = {"usage": used, "rows": rows[:_USED], "more": words.plural(more, "server") if more > 0 else ""}
        values["before"] = any(one.calls_before is not None for _, one in rows)
        yield Part("usage", "Usage", "Real calls of 30 days, most first", "usage", values)


def _incidents(report: Report) -> Iterator[Part]:
    found = sorted(report.alarms.incidents, key=lambda one: one.ended_at is not None)
    if found:
        rows: list[tuple[IncidentReport, str]] = [
            (one, "recovering" if one.recovering_since else _lasted(report, one.began_at, one.ended_at))
            for one in found[:_INCIDENTS]
        ]
        more = len(found) - len(rows)
        note = f"Open ones first, then the newest{f'; {more} older on the site' if more else ''}"
        yield Part("incidents", "Incidents", note, "incidents", {"rows": rows})


def _hosts(report: Report) -> Iterator[Part]:
    for number, host in enumerate(report.hosts[:_HOSTS]):
        shown = [chart for chart in host.charts if _shows_a_day(chart)][:_OF_HOST]
        if shown:
            anchor = "host" if number == 0 else f"host-{number}"
            yield Part(anchor, f"Host {host.name}", host.lede, "charts", {"charts": shown})


def _dashboard(shown: PaperDashboard) -> Part:
    one, over, panels = shown
    note = f"{f'For {one.audience}. ' if one.audience else ''}The last {over}"
    return Part(f"dashboard-{one.name}", one.title, note, "dashboard", {"panels": panels})


def _method(report: Report) -> Part:
    return Part("method", "Method and this run", "", "method", {"run": report.run})
