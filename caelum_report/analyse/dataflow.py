"""The data flow as it is measured: who calls which server, and which tools most. No line without a measurement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import pandas as pd

from caelum_report import flows, text, words
from caelum_report.diagram import Diagram, Edge, Flow, Node
from caelum_report.document import ServerUsage, ToolUsage, UsageReport

from .facts import Facts
from .times import moment

CALLERS: Final = {  # who calls, as far as the source of a server's usage tells
    "metrics": ("Clients", "by metrics"),
    "tap": ("Clients", "by tap logs"),
    "host-log": ("MCP hosts", "by their logs"),
    "claude-code": ("Claude Code", "by its transcripts"),
}
_BUSIEST: Final = 8  # tools
_FAILING: Final = 4


def dataflow(facts: Facts, usage: UsageReport) -> Diagram | None:
    """Real calls of the usage period; None where no source tells of any."""
    called = [server for server in usage.servers if server.source and server.calls]
    if not called:
        return None
    servers, tools = _succeeded(facts.calls)
    flow_of = {s.server: Flow(s.calls, s.errors, s.p95, servers.get(s.server)) for s in called}
    by_source: dict[str, list[ServerUsage]] = defaultdict(list)
    for server in called:
        by_source[server.source or ""].append(server)
    nodes = [_caller(source, them, facts.at, flow_of) for source, them in sorted(by_source.items())]
    nodes += [_server(facts, server, flow_of[server.server]) for server in called]
    edges = [Edge(f"caller:{s.source}", f"server:{s.server}", "calls", flow=flow_of[s.server]) for s in called]
    for tool in _shown(usage.tools, flow_of):
        flow = Flow(tool.calls, tool.errors, tool.p95, tools.get((tool.server, tool.tool)))
        nodes.append(_tool(facts, tool, flow))
        edges.append(Edge(f"server:{tool.server}", nodes[-1].id, "calls", flow=flow))
    return Diagram(
        name="dataflow",
        title="Data flow",
        description=f"{words.plural(usage.calls, 'real call')} of {words.plural(len(called), 'server')} in 30 days.",
        nodes=tuple(nodes),
        edges=tuple(edges),
        at=facts.at,
    )


def _succeeded(calls: pd.DataFrame) -> tuple[dict[str, datetime], dict[tuple[str, str], datetime]]:
    """The hour of the last call that went well, of every server and of every tool."""
    well = calls.loc[calls["calls"] > calls["errors"]]
    last = well.groupby(["server", "tool"], sort=False)["hour"].max().reset_index()
    tools = {
        (str(server), str(tool)): moment(hour.timestamp())
        for server, tool, hour in zip(last["server"], last["tool"], last["hour"], strict=True)
    }
    servers: dict[str, datetime] = {}
    for (server, _), hour in tools.items():
        servers[server] = max(hour, servers.get(server, hour))
    return servers, tools


def _caller(source: str, called: list[ServerUsage], at: datetime, flow_of: dict[str, Flow]) -> Node:
    name, seen = CALLERS[source]
    flow = flows.together([flow_of[server.server] for server in called])
    said = (seen, f"{words.plural(flow.calls, 'call')} of {words.plural(len(called), 'server')}", flows.age(flow, at))
    return Node(f"caller:{source}", name, "caller", None, None, "usage.html#how", said)


def _server(facts: Facts, server: ServerUsage, flow: Flow) -> Node:
    standing = facts.by_id.get(server.server)
    label = standing.name if standing else text.visible(server.server, 80)
    group = standing.server.group if standing and standing.server else None
    status, page = (standing.status, f"{standing.page}#usage") if standing else (None, None)
    return Node(f"server:{server.server}", label, "server", status, group, page, flows.told(flow, facts.at))


def _tool(facts: Facts, tool: ToolUsage, flow: Flow) -> Node:
    standing = facts.by_id.get(tool.server)
    page = f"{standing.page}#usage" if standing else "tools.html#most-called"
    return Node(
        f"tool:{tool.server}/{tool.tool}",
        text.visible(tool.tool, 80),
        "tool",
        None,
        None,
        page,
        flows.told(flow, facts.at),
    )


def _shown(tools: Iterable[ToolUsage], drawn: dict[str, Flow]) -> Iterator[ToolUsage]:
    """The busiest, and of the others those that fail most."""
    of_drawn = [tool for tool in tools if tool.server in drawn]
    yield from of_drawn[:_BUSIEST]
    failing = [tool for tool in of_drawn[_BUSIEST:] if flows.is_failing(tool.calls, tool.errors)]
    yield from sorted(failing, key=lambda tool: -tool.errors)[:_FAILING]
