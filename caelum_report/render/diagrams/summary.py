"""A large fleet in one picture: servers in trouble keep their boxes, the others are counted by group."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Final

from caelum_report import words
from caelum_report.diagram import Diagram, Edge, Node
from caelum_report.model import Status

from .flow_summary import flow_summary
from .groups import FEW_GROUPS, NO_GROUP, SEVERITY

READABLE: Final = 60  # boxes; above, each group shows its troubled servers and one box for the rest
_TROUBLED: Final = 16  # boxes of their own in a summary
_GROUPS: Final = 12
_LINES: Final = 4  # to the one host, from which on they are counted instead


def summary(diagram: Diagram) -> Diagram:
    """The diagram itself while it is readable; above, groups: servers in trouble, and a box that counts the others."""
    if any(edge.flow is not None for edge in diagram.edges):
        return flow_summary(diagram)
    diagram = _on_one_host(diagram)
    servers = [node for node in diagram.nodes if node.kind == "server"]
    if len(diagram.nodes) <= READABLE:
        return diagram
    by_severity = sorted(servers, key=lambda node: (_rank(node.status), node.id))
    troubled = [node for node in by_severity if node.status is not Status.UP][:_TROUBLED]
    alone = {node.id for node in troubled}
    sizes = Counter(node.group or NO_GROUP for node in servers)
    large = {group for group, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_GROUPS]}
    small = f"{len(sizes) - len(large)} more groups"
    rest: dict[tuple[str, Status], list[Node]] = defaultdict(list)
    for node in by_severity:
        if node.id not in alone:
            group = node.group or NO_GROUP
            rest[group if group in large else small, node.status or Status.UNKNOWN].append(node)
    stands_for = {node.id: node.id for node in diagram.nodes}
    boxes: list[Node] = []
    for (group, status), members in rest.items():
        label = words.plural(len(members), "server")
        boxes.append(Node(f"{group}: {status}", label, "server", status, group, "index.html#fleet"))
        stands_for |= {member.id: boxes[-1].id for member in members}
    troubled = [node if (node.group or NO_GROUP) in large else replace(node, group=small) for node in troubled]
    counted = Counter(
        (stands_for[edge.source], stands_for[edge.target], edge.kind)
        for edge in diagram.edges
        if edge.source in stands_for and edge.target in stands_for
    )
    edges = [
        Edge(source, target, kind, f"{count}×" if count > 1 and kind == "depends-on" else "")
        for (source, target, kind), count in counted.items()
        if source != target
    ]
    places = [node for node in diagram.nodes if node.kind != "server"]
    if len(large) > FEW_GROUPS:  # a place that every server touches says so; its lines would hide the others
        for index, place in enumerate(places):
            touching = [edge for edge in edges if place.id in {edge.source, edge.target}]
            if len(touching) == len(troubled) + len(boxes):
                places[index] = replace(place, label=f"{place.label}, all servers")
                edges = [edge for edge in edges if edge not in touching]
    return replace(diagram, nodes=(*places, *troubled, *boxes), edges=tuple(edges))


def _on_one_host(diagram: Diagram) -> Diagram:
    """Where there is one host only, it says how many servers run on it: a line from each would tell nothing and cross all others."""
    hosts = [node for node in diagram.nodes if node.kind == "host"]
    servers = {node.id for node in diagram.nodes if node.kind == "server"}
    runs = [edge for edge in diagram.edges if edge.kind == "runs-on" and edge.source in servers]
    if len(hosts) != 1 or len(runs) < _LINES:
        return diagram
    told = replace(hosts[0], lines=(f"{words.plural(len(runs), 'server')} run on it",))
    return replace(
        diagram,
        nodes=tuple(told if node is hosts[0] else node for node in diagram.nodes),
        edges=tuple(edge for edge in diagram.edges if edge not in runs),
    )


def _rank(status: Status | None) -> int:
    return SEVERITY.index(status or Status.UNKNOWN)
