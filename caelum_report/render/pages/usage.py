"""usage.html: what real users call, when, and how it changed; or how to begin to measure it."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import words
from caelum_report.document import ServerUsage
from caelum_report.render.html import named

from .panels import figure
from .view import Page, View, current

SHOWN: Final = 60  # servers by name; the rest in one sentence


def _head(view: View) -> dict[str, Any]:
    usage = view.report.usage
    measured = [server for server in usage.servers if server.source]
    if not measured:
        return {
            "heading": "Real usage is not measured yet.",
            "lede": "What probes ask is not what people use. One line in an mcp.json, or one setting, begins it.",
        }
    tools = words.plural(len(usage.tools), "tool")
    known = sum(server.server in view.servers for server in measured)
    fleet = len(current(view.report))
    failed = f", {words.count(usage.errors)} of them failed" if usage.errors else "; none failed"
    return {
        "heading": f"{words.count(usage.calls)} calls of {tools} in 30 days{failed}.",
        "lede": f"{known} of {words.plural(fleet, 'server')} {'is' if known == 1 else 'are'} measured{_others(len(measured) - known)}: "
        f"{words.listing(usage.sources, 4)}. "
        "Each by one source, never a sum; our own probes are left out.",
    }


def _others(number: int) -> str:
    return f", and {number} that this report does not ask" if number else ""


def _calls(view: View) -> dict[str, Any] | None:
    usage = view.report.usage
    if not usage.charts:
        return None
    csv = "api/v1/usage/calls.csv"
    return {"figures": [figure(view, chart, csv, "", {}, wide=True) for chart in usage.charts]}


def _week(view: View) -> dict[str, Any] | None:
    from caelum_report.render.week import week_heat_map

    if not view.report.usage.charts:
        return None
    return {"usage": view.report.usage, "drawing": week_heat_map(view.report.usage)}


def _servers(view: View) -> dict[str, Any]:
    called = [server for server in view.report.usage.servers if server.source]
    measured = {server.server for server in called}
    return {
        "servers": called[:SHOWN],
        "earlier": any(server.calls_before is not None for server in called),
        "more": words.plural(len(called) - SHOWN, "server") if len(called) > SHOWN else "",
        "unmeasured": sum(server.id not in measured for server in current(view.report)),
        "label": _label(view),
    }


def _label(view: View) -> Any:
    """A server's name as it is shown, also where only a source knows it."""

    def label(server: ServerUsage) -> str:
        return named(view.servers[server.server].name if server.server in view.servers else server.server)

    return label


def _patterns(view: View) -> dict[str, Any] | None:
    usage = view.report.usage
    if not usage.charts:
        return None
    drifts = [server for server in usage.servers if server.drift]
    return {"drifts": drifts, "together": usage.together, "label": _label(view), "names": view.servers}


def _how(view: View) -> dict[str, Any]:
    return {"measured": any(server.source for server in view.report.usage.servers)}


PAGE: Final = Page(
    "usage.html",
    "Usage",
    (
        ("page_head.html", _head),
        ("usage/calls.html", _calls),
        ("usage/week.html", _week),
        ("usage/servers.html", _servers),
        ("usage/patterns.html", _patterns),
        ("usage/how.html", _how),
    ),
)
