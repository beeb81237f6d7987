"""DOT: what Graphviz places, and a face of its own for whoever draws it anew."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import graphviz

from caelum_report.diagram import Diagram, Node
from caelum_report.model import Status
from caelum_report.render.widths import clip
from caelum_report.text import visible

from .boxes import height_of, lines_in, name_of, width_of, word_of
from .groups import FEW_GROUPS, Line, groups_of, lines_of

_ROWS: Final = 8  # boxes above each other in a group


def shown(text: str) -> str:
    r"""A DOT text that shows `text` and nothing else: no escape (\N, \l), no entity, no HTML-like label."""
    escaped: str = graphviz.escape(visible(text, 200).replace("&", "&amp;"))
    return escaped


_DOT_STYLES: Final[Mapping[Status | None, Mapping[str, str]]] = {
    Status.DOWN: {"style": "bold", "peripheries": "2", "color": "#c22a20"},
    Status.DEGRADED: {"style": "bold,diagonals", "color": "#c98000"},
    Status.AUTH_WALLED: {"style": "dashed", "color": "#76397f"},
    Status.UNKNOWN: {"style": "dotted", "color": "#5c6067"},
    Status.MAINTENANCE: {"style": "dashed,rounded", "color": "#1d5a8a"},
    Status.UP: {"style": "rounded", "color": "#1c6a55"},
    None: {"style": "solid", "color": "#565a61"},
}
_DOT_EDGES: Final = {
    "depends-on": "solid",
    "probes": "dotted",
    "runs-on": "dashed",
    "calls": "solid",
    "takes-down": "bold",
    "spares": "dashed",
}
_TIES: Final = {"depends-on", "calls", "takes-down", "spares"}  # what orders the places of a group


def dot_source(diagram: Diagram) -> str:
    """The graph that was drawn, complete in itself: `dot -Tsvg` makes a plainer picture of it."""
    letters = {"fontname": "sans-serif", "fontsize": "11"}
    graph = graphviz.Digraph(
        shown(diagram.name),
        graph_attr={
            "rankdir": "LR",
            "compound": "true",
            "nodesep": "0.17",
            "ranksep": "1.9" if any(edge.flow for edge in diagram.edges) else "0.7",
            "label": shown(diagram.title),
            **letters,
        },
        node_attr={"shape": "box", "fixedsize": "true", **letters},
        edge_attr={"color": "#5c6067", "arrowsize": "0.6", **letters},
    )
    grouped = groups_of(diagram)
    inside = {index for members in grouped.values() for index in members}
    for index, node in enumerate(diagram.nodes):
        if index not in inside:
            _dot_box(graph, index, node)
    for number, (group, members) in enumerate(grouped.items()):
        with graph.subgraph(name=f"cluster_{number}") as cluster:
            cluster.attr(label=shown(clip(group, 300)), style="rounded", color="#c9c6bf")
            for index in members:
                _dot_box(cluster, index, diagram.nodes[index])
            for tail, head in _columns(diagram, members):
                cluster.edge(f"n{tail}", f"n{head}", style="invis", weight="4")
    clusters = {group: f"cluster_{number}" for number, group in enumerate(grouped)}
    lines = lines_of(diagram, grouped)
    for line in lines:
        graph.edge(f"n{line.tail}", f"n{line.head}", **_dot_line(line, clusters))
    if len(grouped) > FEW_GROUPS:
        tied = {end for line in lines for end in (line.tail, line.head)}
        for tail, head in _side_by_side([members[0] for members in grouped.values() if tied.isdisjoint(members)]):
            graph.edge(f"n{tail}", f"n{head}", style="invis")
    return str(graph.source)


def _dot_box(graph: graphviz.Digraph, index: int, node: Node) -> None:
    label = graphviz.nohtml("\\n".join(map(shown, filter(None, (name_of(node), word_of(node), *lines_in(node))))))
    link = {"URL": shown(node.page), "tooltip": shown(node.label)} if node.page else {}
    size = {"width": f"{width_of(node) / 72:.4f}", "height": f"{height_of(node) / 72:.4f}"}
    graph.node(f"n{index}", label, **size, **_DOT_STYLES[node.status], **link)


def _dot_line(line: Line, clusters: Mapping[str, str]) -> dict[str, str]:
    attributes = {"style": _DOT_EDGES[line.kind], "class": line.kind}
    if line.flow is not None:
        attributes["penwidth"] = f"{line.width:.2f}"
    if line.kind == "runs-on":
        attributes["arrowhead"] = "none"
    if line.to_group is not None:
        attributes["lhead"] = clusters[line.to_group]
    if line.from_group is not None:
        attributes["ltail"] = clusters[line.from_group]
    if line.label:
        attributes["tooltip"] = shown(line.label)  # a label here makes dot 2.43 corrupt its memory
    return attributes


def _columns(diagram: Diagram, members: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Invisible edges that set servers without relations side by side, so that a group is no tower."""
    numbers = {node.id: index for index, node in enumerate(diagram.nodes)}
    related = {
        numbers[end]
        for edge in diagram.edges
        if edge.kind in _TIES and edge.source in numbers and edge.target in numbers
        for end in (edge.source, edge.target)
    }
    return _side_by_side([index for index in members if index not in related])


def _side_by_side(free: Sequence[int]) -> Iterator[tuple[int, int]]:
    rows = math.ceil(len(free) / max(1, math.ceil(len(free) / _ROWS)))
    return zip(free, free[rows:], strict=False)
