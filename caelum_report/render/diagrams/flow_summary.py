"""The data flow of a large fleet: the busiest servers, those that fail and those in trouble, and one box for the rest of each group."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from caelum_report import flows, words
from caelum_report.diagram import Diagram, Edge, Flow, Node
from caelum_report.model import Status

from .groups import NO_GROUP, SEVERITY

WHOLE: Final = 20  # servers that are drawn one by one; of more, some are, and groups
_BUSIEST: Final = 8
_FAILING: Final = 4
_GROUPS: Final = 8
_TROUBLE: Final = {Status.DOWN, Status.DEGRADED}


def flow_summary(diagram: Diagram) -> Diagram:
    flow_of = {edge.target: edge.flow for edge in diagram.edges if edge.flow is not None}
    servers = [node for node in diagram.nodes if node.kind == "server" and node.id in flow_of]
    if len(servers) <= WHOLE:
        return diagram
    alone = _alone(servers, flow_of)
    stands_for = _rest([node for node in servers if node.id not in alone], flow_of)
    boxes = _boxes(diagram, servers, stands_for, flow_of)
    found: dict[tuple[str, str], list[Flow]] = defaultdict(list)
    for edge in diagram.edges:
        if edge.flow is not None:
            found[stands_for.get(edge.source, edge.source), stands_for.get(edge.target, edge.target)].append(edge.flow)
    edges = [Edge(source, target, "calls", flow=flows.together(them)) for (source, target), them in found.items()]
    kept = [node for node in diagram.nodes if node.id not in stands_for]
    return replace(diagram, nodes=(*kept, *boxes), edges=tuple(edges))


def _alone(servers: Sequence[Node], flow_of: dict[str, Flow]) -> set[str]:
    busy = sorted(servers, key=lambda node: -flow_of[node.id].calls)
    rest = busy[_BUSIEST:]
    failing = [node for node in rest if flows.is_failing(flow_of[node.id].calls, flow_of[node.id].errors)]
    troubled = [node for node in rest if node.status in _TROUBLE]
    failing.sort(key=lambda node: -flow_of[node.id].errors)
    return {node.id for node in (*busy[:_BUSIEST], *failing[:_FAILING], *troubled[:_FAILING])}


def _rest(servers: Sequence[Node], flow_of: dict[str, Flow]) -> dict[str, str]:
    """Server to the box that stands for it; the smallest groups share one."""
    calls: Counter[str] = Counter()
    for node in servers:
        calls[node.group or NO_GROUP] += flow_of[node.id].calls
    large = {group for group, _ in sorted(calls.items(), key=lambda item: (-item[1], item[0]))[:_GROUPS]}
    others = f"{len(calls) - len(large)} more groups"
    groups = {node.id: node.group or NO_GROUP for node in servers}
    return {name: f"rest:{group if group in large else others}" for name, group in groups.items()}


def _boxes(
    diagram: Diagram, servers: Sequence[Node], stands_for: dict[str, str], flow_of: dict[str, Flow]
) -> list[Node]:
    members: dict[str, list[Node]] = defaultdict(list)
    for node in servers:
        if node.id in stands_for:
            members[stands_for[node.id]].append(node)
    return [_box(diagram, box, them, flow_of) for box, them in members.items()]


def _box(diagram: Diagram, box: str, members: Sequence[Node], flow_of: dict[str, Flow]) -> Node:
    states = Counter(node.status for node in members if node.status)
    tally = ", ".join(f"{words.count(states[status])} {status}" for status in SEVERITY if states[status])
    lines = (
        flows.told(flows.together([flow_of[node.id] for node in members]), diagram.at, several=True)
        if diagram.at
        else ()
    )
    label = f"{words.plural(len(members), 'more server')}"
    return Node(
        box,
        label,
        "server",
        None,
        box.removeprefix("rest:"),
        "usage.html#servers",
        tuple(filter(None, (tally, *lines))),
    )
