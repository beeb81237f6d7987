"""trends.html: what stands out and where, the fleet over every range, its states and answer times, and up time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from caelum_report import document, words
from caelum_report.document import Chart, Finding, ServerReport
from caelum_report.model import Status

from .panels import Panel, Row, figure, row
from .view import RANGE_WORDS, STRIP_DAYS, Page, View, current, host_slug, uptime_of

SERIES_KINDS: Final = {"trend", "shift", "anomaly", "flapping", "errors"}
MOST_FIGURES: Final = 12
SHOWN_SERVERS: Final = 200  # rows, worst first; every server has them on its own page


def _head(view: View) -> dict[str, Any]:
    servers = current(view.report)
    steady = sum(not any(d.status is Status.DOWN for d in s.strip[-STRIP_DAYS:]) for s in servers)
    measured = [s for s in servers if s.latency_day]
    slowest = max(measured, key=lambda s: s.latency_day.p95 if s.latency_day else 0.0, default=None)
    lede = "No answer has been timed yet."
    if slowest is not None and slowest.latency_day is not None:
        lede = f"{slowest.name} answered with a p95 of {words.seconds(slowest.latency_day.p95)} in the last 24 hours."
    if len(servers) > 1 and slowest is not None and slowest.latency_day is not None:
        lede = (
            f"{words.count(len(measured))} of {words.count(len(servers))} answered in the last 24 hours; {slowest.name} took longest, "
            f"p95 {words.seconds(slowest.latency_day.p95)}."
        )
    days = max((sum(d.status is not None for d in s.strip[-STRIP_DAYS:]) for s in servers), default=0)
    title = (
        f"{words.count(steady)} of {words.plural(len(servers), 'server')} had no outage in {words.plural(days, 'day')}."
    )
    if days < 2:
        title = "Trends begin with a second day of history."
    return {"heading": title, "lede": lede}


def _fleet(view: View) -> dict[str, Any]:
    """The whole fleet over every range."""
    panels = [
        Panel(
            chart.range,
            RANGE_WORDS[chart.range],
            (figure(view, chart, "api/v1/fleet.csv", "", {}, wide=True),),
            Row(),
            None,
        )
        for chart in view.report.fleet_charts
    ]
    return {"panels": panels}


def _findings(view: View) -> dict[str, Any]:
    """What stands out, each with the chart that shows it."""
    found = [finding for finding in view.report.findings if finding.kind in SERIES_KINDS]
    figures = [figure(view, chart, csv, "", {}, wide=False) for chart, csv in _shown(view, found)]
    return {"found": found, "row": row(figures[:MOST_FIGURES]), "judging": view.report.judging}


def _shown(view: View, found: Sequence[Finding]) -> Iterator[tuple[Chart, str]]:
    """The month of each series that a finding is about; its first week where there is no month yet."""
    told: set[str] = set()
    for finding in found:
        server = view.servers.get(finding.server) if finding.server is not None else None
        host = view.report.hosts[0] if view.report.hosts and finding.page.startswith("host.html") else None
        if server is None and host is None:
            continue
        charts = server.charts if server else host.charts if host else ()
        metric = finding.metric if server else "host_cpu"
        mine = [chart for chart in charts if chart.metric == metric and chart.range in {"month", "week", "day"}]
        if not mine:
            continue
        slug = server.slug if server else "host"
        csv = f"api/v1/metrics/{slug}.csv" if server else f"api/v1/metrics/hosts/{host_slug(host)}.csv" if host else ""
        chart = replace(mine[-1], id=f"{slug}-{mine[-1].id}", title=f"{mine[-1].title}, {mine[-1].subject}")
        if chart.id not in told:
            told.add(chart.id)
            yield chart, csv


def _states(view: View) -> dict[str, Any]:
    from caelum_report.render import figures

    return {"drawing": figures.state_heat_map(view.report)}


def _latency(view: View) -> dict[str, Any]:
    from caelum_report.render import figures

    return {"drawing": figures.latency_distribution(view.report)}


def _uptime(view: View) -> dict[str, Any]:
    servers = current(view.report)
    rest = len(servers) - SHOWN_SERVERS
    return {
        "servers": servers[:SHOWN_SERVERS],
        "rest": words.plural(rest, "more server") if rest > 0 else "",
        "ranges": _ranges(servers),
        "range_words": RANGE_WORDS,
        "up": _share,
    }


def _ranges(servers: Sequence[ServerReport]) -> list[str]:
    """Those that say more than the shorter one: a year of which a month is known is no year."""
    checks = {name: [u.checks for s in servers for u in s.uptime if u.range == name] for name in document.RANGES}
    shorter = pairwise(document.RANGES)
    return [document.RANGES[0], *(longer for short, longer in shorter if checks[longer] != checks[short])]


def _share(server: ServerReport, name: str) -> float | None:
    uptime = uptime_of(server, name)
    return uptime.told_share if uptime else None


PAGE: Final = Page(
    "trends.html",
    "Trends",
    (
        ("page_head.html", _head),
        ("trends/findings.html", _findings),
        ("trends/fleet.html", _fleet),
        ("trends/states.html", _states),
        ("trends/latency.html", _latency),
        ("trends/uptime.html", _uptime),
    ),
)
