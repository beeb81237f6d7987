"""dataflow.html: real calls as they flow, from who calls to servers and tools; drawn, and as a table."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import flows, words
from caelum_report.diagram import Edge
from caelum_report.document import ServerUsage
from caelum_report.model import USAGE_WORDS
from caelum_report.render.html import named

from .view import Page, View, current, diagram_block

SHOWN: Final = 200  # rows; the rest is in the diagram's JSON
NAMED: Final = 12


def _head(view: View) -> dict[str, Any]:
    usage = view.report.usage
    if view.report.dataflow is None:
        return {
            "heading": "No flow of calls is measured yet.",
            "lede": "What probes ask is not what people use. One line in an mcp.json, or one setting, begins it.",
        }
    called = [server for server in usage.servers if server.source and server.calls]
    busiest = called[0]
    share = words.percent(busiest.calls / usage.calls, 0)
    return {
        "heading": f"{words.count(usage.calls)} calls flow to {words.plural(len(called), 'server')} in 30 days.",
        "lede": f"Most go to {_name(view, busiest)}: {words.count(busiest.calls)}, {share}. {_failing(view, called)}",
    }


def _name(view: View, server: ServerUsage) -> str:
    return named(view.servers[server.server].name if server.server in view.servers else server.server)


def _failing(view: View, called: list[ServerUsage]) -> str:
    failing = [one for one in called if flows.is_failing(one.calls, one.errors)]
    limit = words.percent(flows.FAILING, 0)
    if not failing:
        return f"To no server do {limit} of the calls fail."
    names = words.listing([_name(view, one) for one in failing], 4)
    return f"{limit} or more of the calls to {names} fail."


def _drawing(view: View) -> dict[str, Any] | None:
    diagram = view.report.dataflow
    if diagram is None:
        return {"quiet": True}
    return {"quiet": False, **diagram_block(view, diagram)}


def _table(view: View) -> dict[str, Any] | None:
    diagram = view.report.dataflow
    if diagram is None or diagram.at is None:
        return None
    edges = {edge.target: edge for edge in diagram.edges}
    called = [server for server in view.report.usage.servers if f"server:{server.server}" in edges]
    return {
        "rows": [(server, _name(view, server), _last(edges[f"server:{server.server}"])) for server in called[:SHOWN]],
        "source": USAGE_WORDS,
        "rest": words.plural(len(called) - SHOWN, "more server") if len(called) > SHOWN else "",
    }


def _last(edge: Edge) -> Any:
    return edge.flow.succeeded_at if edge.flow else None


def _unmeasured(view: View) -> dict[str, Any] | None:
    if view.report.dataflow is None:
        return None
    usage = view.usage
    fleet = current(view.report)
    unknown = [named(s.name) for s in fleet if s.id not in usage or usage[s.id].source is None]
    idle = [named(s.name) for s in fleet if s.id in usage and usage[s.id].source and not usage[s.id].calls]
    return {
        "unknown": f"{words.plural(len(unknown), 'server is', 'servers are')} not measured: {words.listing(unknown, NAMED)}."
        if unknown
        else "",
        "idle": f"{words.plural(len(idle), 'server was', 'servers were')} not called: {words.listing(idle, NAMED)}."
        if idle
        else "",
    }


PAGE: Final = Page(
    "dataflow.html",
    "Data flow",
    (
        ("page_head.html", _head),
        ("dataflow/drawing.html", _drawing),
        ("dataflow/table.html", _table),
        ("dataflow/unmeasured.html", _unmeasured),
    ),
)
