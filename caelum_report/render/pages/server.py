"""A server's page, and a page for each of its longer ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from caelum_report import document, grafana, words
from caelum_report.document import RANGE_SPANS, Day, ServerReport
from caelum_report.editions import INTERNAL
from caelum_report.model import USAGE_WORDS, Transport
from caelum_report.render import marks
from caelum_report.render.html import named
from caelum_report.render.ladder import ladder

from . import sources
from .panels import Drawn, Panel, beside, figure
from .server_list import PATH, group_page
from .tools import SHOWN_ON_SERVER
from .tools import anchor as tool_anchor
from .view import (
    RANGE_WORDS,
    STRIP_DAYS,
    TRANSPORT_WORDS,
    Page,
    View,
    longer_ranges,
    next_due,
    ranges_apart,
    severities,
    slow_times,
    telling_ranges,
    uptime_of,
)

SHOWN_USAGE: Final = 30
SHOWN_REMARKS: Final = 20
SHOWN_INCIDENTS: Final = 6
LEADING: Final = "latency"
OF_EDITIONS: Final = frozenset({"server/head.html", "server/latency.html", "server/states.html"})


def pages_of(server: ServerReport, edition: str) -> Iterator[Page]:
    crumbs: tuple[tuple[str, str | None], ...] = (("Fleet", "index.html"),)
    if server.group:
        crumbs += ((server.group, group_page(server.group) if not server.retired else PATH),)
    name = named(server.name)
    drawn: Drawn = {}
    blocks: tuple[tuple[str, Callable[[View, ServerReport], dict[str, Any] | None]], ...] = (
        ("server/head.html", _head),
        ("server/findings.html", _findings),
        ("server/stages.html", _stages),
        ("server/latency.html", partial(_latency, drawn)),
        ("server/states.html", _states),
        ("server/usage.html", _usage),
        ("server/tools.html", _tools),
        ("server/contract.html", _contract),
        ("server/about.html", _about),
        ("server/sources.html", _sources),
        ("server/neighbours.html", _neighbours),
        ("server/stderr.html", _stderr),
        ("server/notes.html", _notes),
    )
    yield Page(
        f"servers/{server.slug}.html",
        name,
        tuple(
            (template, partial(_of_server, build, server))
            for template, build in blocks
            if edition == INTERNAL or template in OF_EDITIONS
        ),
        (*crumbs, (name, None)),
    )
    for longer in longer_ranges(server) if edition == INTERNAL else ():
        yield Page(
            f"servers/{server.slug}/{longer}.html",
            f"{name}, {longer}",
            (("server/range.html", partial(_range, server, longer, drawn)),),
            (*crumbs, (name, f"servers/{server.slug}.html"), (RANGE_WORDS[longer], None)),
        )


def _of_server(
    build: Callable[[View, ServerReport], dict[str, Any] | None], server: ServerReport, view: View
) -> dict[str, Any] | None:
    values = build(view, server)
    return None if values is None else {"server": server, **values}


def _head(view: View, server: ServerReport) -> dict[str, Any]:
    facts = {
        "endpoint": f"{TRANSPORT_WORDS[server.transport]}, {server.endpoint}",
        "protocol": _protocol(server),
        "owner": server.owner or "not named",
    }
    return {
        "facts": facts if view.report.edition == INTERNAL else None,
        "host": view.address("host.html"),
        "stats": _stats(view, server)[:6],
        "next_due": next_due(view.report),
    }


def _protocol(server: ServerReport) -> str:
    if server.protocol_version is None:
        return "not known yet"
    era = f" ({server.era})" if server.era else ""
    others = [version for version in server.supported_versions if version != server.protocol_version]
    also = f", also {words.listing(others)}" if others else ""
    return f"{server.protocol_version}{era}{also}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure of the row of six, always with what it is compared with."""

    label: str
    value: str
    unit: str
    comparison: str


def _shown(label: str, value: float | None, unit: str, comparison: str) -> Shown:
    return Shown(label, *words.quantity_parts(value, unit), comparison)


def _stats(view: View, server: ServerReport) -> list[Shown]:
    stats = []
    if month := uptime_of(server, "month"):
        started = server.transport is Transport.STDIO
        label = "Starts that worked" if started else "Up, 30 days"
        checks = words.plural(month.checks, "check")
        goal = f"objective {words.percent(server.objective, 1)}" if server.objective else checks
        goal = f"30 days, {goal}" if started else goal
        unknown = "nothing measured yet" if month.share is None else f"too little data, {checks}"
        stats.append(_shown(label, month.told_share, "ratio", unknown if month.told_share is None else goal))
    objective = next((o for o in view.report.objectives if server.id in o.servers), None)
    if objective is not None and objective.budget_left is not None:
        left = max(objective.budget_left, 0.0)
        stats.append(Shown("Budget left", words.percent(left, 0).partition(words.NBSP)[0], "%", objective.spent_by))
    if now := server.latency_now:
        stats.append(_shown("Answer, p50, now", now.p50, "seconds", f"n = {now.n}, at most {words.seconds(now.max)}"))
    if day := server.latency_day:
        before = server.latency_day_before
        compared = f"day before {words.seconds(before.p95)}" if before else f"n = {words.count(day.n)}"
        stats.append(_shown("Answer, p95, 24 h", day.p95, "seconds", compared))
    if server.total_seconds is not None:
        usual = server.usual_total_seconds
        compared = f"usual {words.seconds(usual)}" if usual is not None else "nothing to compare with yet"
        stats.append(_shown("Whole probe", server.total_seconds, "seconds", compared))
    if server.rss_bytes is not None:
        compared = f"test instance, {words.plural(server.processes or 1, 'process', 'processes')}"
        stats.append(_shown("Memory", server.rss_bytes, "bytes", compared))
    if view.report.edition != INTERNAL:  # what it offers is not told there
        return stats
    tokens = f"{words.count(server.tokens)} tokens" if server.surface_sha256 else "never seen"
    stats.append(_shown("Tools", server.tool_count, "count", tokens))
    if offers := len(server.resources) + len(server.prompts):
        kinds = f"{words.plural(len(server.resources), 'resource')}, {words.plural(len(server.prompts), 'prompt')}"
        stats.append(_shown("Resources and prompts", offers, "count", kinds))
    return stats


def _findings(view: View, server: ServerReport) -> dict[str, Any]:
    return {"findings": [view.findings[name] for name in server.findings if name in view.findings]}


def _stages(_: View, server: ServerReport) -> dict[str, Any]:
    return {
        "ladder": ladder(server),
        "usual": any(stage.usual_seconds is not None for stage in server.stages),
        "reason": f"Nothing was measured: {server.reason.rstrip('.')}." if server.reason else "No stage was measured.",
    }


def _panel(view: View, server: ServerReport, name: str, root: str, drawn: Drawn, *, whole: bool) -> Panel:
    """`whole`: every metric of the range; otherwise the leading one only, with a link to the rest."""
    mine = [chart for chart in server.charts if chart.range == name]
    leading = next((c for c in mine if c.metric == LEADING), mine[0])
    csv = f"api/v1/metrics/{server.slug}.csv"
    lead = figure(view, leading, csv, root, drawn, wide=True)
    others = [chart for chart in mine if chart is not leading] if whole else []
    return Panel(
        name,
        RANGE_WORDS[name],
        (lead,),
        beside(view, others, csv, root, drawn).below(lead),
        f"servers/{server.slug}/{name}.html" if name in ranges_apart(view.report, server) else None,
    )


def _latency(drawn: Drawn, view: View, server: ServerReport) -> dict[str, Any]:
    ranges = [name for name in document.RANGES if any(chart.range == name for chart in server.charts)]
    return {"panels": [_panel(view, server, name, "../", drawn, whole=name == ranges[0]) for name in ranges]}


def _range(server: ServerReport, name: str, drawn: Drawn, view: View) -> dict[str, Any]:
    tabs = [("day", "Day", f"servers/{server.slug}.html#latency")]
    tabs += [(other, RANGE_WORDS[other], f"servers/{server.slug}/{other}.html") for other in longer_ranges(server)]
    panel = _panel(view, server, name, "../../", drawn, whole=True)
    return {
        "server": server,
        "panel": panel,
        "tabs": tabs,
        "name": name,
        "span": RANGE_SPANS[name],
        "uptime": uptime_of(server, name),
    }


def _states(view: View, server: ServerReport) -> dict[str, Any]:
    days = _recorded(server.strip)
    incidents = [one for one in view.report.alarms.incidents if server.id in one.servers]
    rest = len(incidents) - SHOWN_INCIDENTS
    return {
        "incidents": incidents[:SHOWN_INCIDENTS],
        "older": words.plural(rest, "older one") if rest > 0 else "",
        "strip": marks.strip(days, marks.strip_label(days), pitch=12),
        "days": len(days),
        "first_day": f"{days[0].date.day}{words.NBSP}{days[0].date:%b}" if days else "",
        "range_words": RANGE_WORDS,
        "uptimes": telling_ranges(server.uptime),
    }


def _recorded(days: Sequence[Day]) -> Sequence[Day]:
    """From the first day with data on; the last 30 days in any case, so that a new server has the strip of the others."""
    first = next((index for index, day in enumerate(days) if day.status is not None), len(days))
    return days[max(0, min(first, len(days) - STRIP_DAYS)) :]


def _tools(view: View, server: ServerReport) -> dict[str, Any]:
    rest = len(server.tools) - SHOWN_ON_SERVER
    return {
        "listed": view.tool_pages.get(server.id),
        "anchor": partial(tool_anchor, server),
        "tools": server.tools[:SHOWN_ON_SERVER],
        "rest": words.plural(rest, "more tool") if rest > 0 else "",
    }


def _usage(view: View, server: ServerReport) -> dict[str, Any]:
    usage, tools = view.usage.get(server.id), view.called.get(server.id, ())
    rest = len(tools) - SHOWN_USAGE
    return {
        "usage": usage,
        "source": USAGE_WORDS.get(usage.source or "", "") if usage else "",
        "tools": tools[:SHOWN_USAGE],
        "rest": words.plural(rest, "tool") if rest > 0 else "",
    }


def _contract(view: View, server: ServerReport) -> dict[str, Any]:
    return {
        "changes": server.contract,
        "note": severities(server.contract),
        "pinned": _pinned(view, server),
        "shown": SHOWN_REMARKS,
    }


def _pinned(view: View, server: ServerReport) -> str:
    if server.pin is None:
        return ""
    since = f"Pinned on {words.day_in_its_year(server.pin.at, view.report.at, view.report.zone)}, surface {server.pin.sha256[:12]}"
    return f"{since}; it still offers that." if server.pin.holds else f"{since}; it offers something else now."


def _about(view: View, server: ServerReport) -> dict[str, Any]:
    links = view.report.grafana
    dashboard = (
        links
        and links.server
        and grafana.link(links, links.server, view.report.at, server=server.name, host=server.host)
    )
    return {"instance": _test_instance(server), "running": _running(server, view.report.host), "dashboard": dashboard}


def _test_instance(server: ServerReport) -> str:
    """84 MiB, 0.4 s of processor time, 11 threads, 23 open files"""
    parts = []
    if server.rss_bytes is not None:
        parts.append(words.size(server.rss_bytes))
    if server.cpu_seconds is not None:
        parts.append(f"{words.seconds(server.cpu_seconds)} of processor time")
    if server.threads is not None:
        parts.append(words.plural(server.threads, "thread"))
    if server.open_files is not None:
        parts.append(words.plural(server.open_files, "open file"))
    if server.processes is not None:
        parts.append(words.plural(server.processes, "process", "processes"))
    return ", ".join(parts)


def _running(server: ServerReport, here: str) -> str:
    if server.instances is None:
        return ""
    where = "this host" if server.host == here else server.host
    if server.instances == 0:
        return f"none on {where}"
    memory = f", {words.size(server.instances_rss_bytes)}" if server.instances_rss_bytes is not None else ""
    oldest = (
        f", oldest {words.duration(server.instances_oldest_seconds)}"
        if server.instances_oldest_seconds is not None
        else ""
    )
    return f"{words.count(server.instances)} on {where}{memory}{oldest}"


def _sources(view: View, server: ServerReport) -> dict[str, Any] | None:
    return sources.of_server(view, server.id)


def _neighbours(view: View, server: ServerReport) -> dict[str, Any]:
    known = view.servers
    return {
        "needs": [known[name] for name in server.depends_on if name in known],
        "needed_by": [known[name] for name in server.needed_by if name in known],
        "host": next((host for host in view.report.hosts if host.name == server.host), None),
        "objectives": [o for o in view.report.objectives if server.id in o.servers],
        "slow": slow_times(view.report, server.id),
    }


def _stderr(_: View, server: ServerReport) -> dict[str, Any] | None:
    return {} if server.stderr_tail or server.exit_status else None


def _notes(_: View, server: ServerReport) -> dict[str, Any] | None:
    return {} if server.notes or server.risks else None
