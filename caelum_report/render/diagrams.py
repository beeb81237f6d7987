"""Architecture as drawings: Graphviz places the boxes, we draw them, and the same graph leaves as DOT, Mermaid and JSON.

All graphs of a build go through one `dot` process with a time limit. It is asked for positions only; so no text of a
server passes through Graphviz into a page, and boxes are as wide as the widest font needs them.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Final, TypedDict
from xml.sax.saxutils import escape, quoteattr

import graphviz

from caelum_report import words
from caelum_report.document import Diagram, Edge, Node
from caelum_report.model import Status
from caelum_report.text import visible

from .skins import SANS, Skin, paint
from .widths import clip, text_width

SECONDS: Final = 30.0
READABLE: Final = 60  # boxes; above, each group shows its troubled servers and one box for the rest
_TROUBLED: Final = 16  # boxes of their own in a summary
_GROUPS: Final = 12
_FEW_GROUPS: Final = 8
_ROWS: Final = 8  # boxes above each other in a group
_HEIGHT: Final = 44
_SEVERITY: Final = list(Status)
_NO_GROUP: Final = "No group"


@dataclass(frozen=True, slots=True)
class Drawing:
    """One diagram on its ways out. The SVGs are None where Graphviz is missing or was too slow."""

    svg: str | None  # for a page at the site's root: classes, links
    file: str | None  # for diagrams/NAME.svg: its own colours, links from there
    dot: str
    mermaid: str
    json: str


def draw(diagrams: Sequence[Diagram], program: str = "dot") -> dict[str, Drawing]:
    shown = [summary(diagram) for diagram in diagrams]
    sources = [dot_source(diagram) for diagram in shown]
    placed = _layout(tuple(sources), program)
    return {
        whole.name: Drawing(
            None if layout is None else _svg(diagram, layout, "css", ""),
            None if layout is None else _svg(diagram, layout, "light", "../"),
            source,
            mermaid(diagram),
            json.dumps(asdict(whole), ensure_ascii=True, indent=1).replace("\x7f", "\\u007f") + "\n",
        )
        for whole, diagram, source, layout in zip(diagrams, shown, sources, placed, strict=True)
    }


# --- what is shown --------------------------------------------------------------------------------------------------


def summary(diagram: Diagram) -> Diagram:
    """The diagram itself while it is readable; above, groups: servers in trouble, and a box that counts the others."""
    servers = [node for node in diagram.nodes if node.kind == "server"]
    if len(diagram.nodes) <= READABLE:
        return diagram
    by_severity = sorted(servers, key=lambda node: (_rank(node.status), node.id))
    troubled = [node for node in by_severity if node.status is not Status.UP][:_TROUBLED]
    alone = {node.id for node in troubled}
    sizes = Counter(node.group or _NO_GROUP for node in servers)
    large = {group for group, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_GROUPS]}
    small = f"{len(sizes) - len(large)} more groups"
    rest: dict[tuple[str, Status], list[Node]] = defaultdict(list)
    for node in by_severity:
        if node.id not in alone:
            group = node.group or _NO_GROUP
            rest[group if group in large else small, node.status or Status.UNKNOWN].append(node)
    stands_for = {node.id: node.id for node in diagram.nodes}
    boxes: list[Node] = []
    for (group, status), members in rest.items():
        label = words.plural(len(members), "server")
        boxes.append(Node(f"{group}: {status}", label, "server", status, group, "index.html#fleet"))
        stands_for |= {member.id: boxes[-1].id for member in members}
    troubled = [node if (node.group or _NO_GROUP) in large else replace(node, group=small) for node in troubled]
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
    if len(large) > _FEW_GROUPS:  # a place that every server touches says so; its lines would hide the others
        for index, place in enumerate(places):
            touching = [edge for edge in edges if place.id in {edge.source, edge.target}]
            if len(touching) == len(troubled) + len(boxes):
                places[index] = replace(place, label=f"{place.label}, all servers")
                edges = [edge for edge in edges if edge not in touching]
    return replace(diagram, nodes=(*places, *troubled, *boxes), edges=tuple(edges))


def _rank(status: Status | None) -> int:
    return _SEVERITY.index(status or Status.UNKNOWN)


def _word(node: Node) -> str:
    if node.status is not None:
        return str(node.status)
    return {"server": "", "host": "host", "report": "this report"}[node.kind]


def _groups(diagram: Diagram) -> dict[str, list[int]]:
    """Group to the places of its servers in `nodes`; servers without one form the last, if there are more than one."""
    found: dict[str, list[int]] = defaultdict(list)
    for index, node in enumerate(diagram.nodes):
        if node.kind == "server":
            found[node.group or ""].append(index)
    loose = found.pop("", [])
    ordered = {group: found[group] for group in sorted(found)}
    if len(loose) > 1:
        ordered[_NO_GROUP if found else "Servers"] = loose
    return ordered


# --- DOT ------------------------------------------------------------------------------------------------------------


def shown(text: str) -> str:
    r"""A DOT text that shows `text` and nothing else: no escape (\N, \l), no entity, no HTML-like label."""
    escaped: str = graphviz.escape(visible(text, 200).replace("&", "&amp;"))
    return escaped


def _width(node: Node) -> float:
    return max(116.0, math.ceil(text_width(_name(node), 12, bold=True)) + 28.0)


def _name(node: Node) -> str:
    return clip(visible(node.label, 200), 190, 12, bold=True)


_DOT_STYLES: Final[Mapping[Status | None, Mapping[str, str]]] = {
    Status.DOWN: {"style": "bold", "peripheries": "2", "color": "#c22a20"},
    Status.DEGRADED: {"style": "bold,diagonals", "color": "#c98000"},
    Status.AUTH_WALLED: {"style": "dashed", "color": "#76397f"},
    Status.UNKNOWN: {"style": "dotted", "color": "#5c6067"},
    Status.MAINTENANCE: {"style": "dashed,rounded", "color": "#1d5a8a"},
    Status.UP: {"style": "rounded", "color": "#1c6a55"},
    None: {"style": "solid", "color": "#565a61"},
}
_DOT_EDGES: Final = {"depends-on": "solid", "probes": "dotted", "runs-on": "dashed"}


def dot_source(diagram: Diagram) -> str:
    """The graph that was drawn, complete in itself: `dot -Tsvg` makes a plainer picture of it."""
    letters = {"fontname": "sans-serif", "fontsize": "11"}
    graph = graphviz.Digraph(
        shown(diagram.name),
        graph_attr={
            "rankdir": "LR",
            "compound": "true",
            "nodesep": "0.17",
            "ranksep": "0.7",
            "label": shown(diagram.title),
            **letters,
        },
        node_attr={"shape": "box", "fixedsize": "true", "height": f"{_HEIGHT / 72:.4f}", **letters},
        edge_attr={"color": "#5c6067", "arrowsize": "0.6", **letters},
    )
    grouped = _groups(diagram)
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
    lines = _lines(diagram, grouped)
    for line in lines:
        graph.edge(f"n{line.tail}", f"n{line.head}", **_dot_line(line, clusters))
    if len(grouped) > _FEW_GROUPS:
        tied = {end for line in lines for end in (line.tail, line.head)}
        for tail, head in _side_by_side([members[0] for members in grouped.values() if tied.isdisjoint(members)]):
            graph.edge(f"n{tail}", f"n{head}", style="invis")
    return str(graph.source)


def _dot_box(graph: graphviz.Digraph, index: int, node: Node) -> None:
    label = graphviz.nohtml("\\n".join(map(shown, filter(None, (_name(node), _word(node))))))
    link = {"URL": shown(node.page), "tooltip": shown(node.label)} if node.page else {}
    graph.node(f"n{index}", label, width=f"{_width(node) / 72:.4f}", **_DOT_STYLES[node.status], **link)


def _dot_line(line: _Line, clusters: Mapping[str, str]) -> dict[str, str]:
    attributes = {"style": _DOT_EDGES[line.kind], "class": line.kind}
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
        if edge.kind == "depends-on" and edge.source in numbers and edge.target in numbers
        for end in (edge.source, edge.target)
    }
    return _side_by_side([index for index in members if index not in related])


def _side_by_side(free: Sequence[int]) -> Iterator[tuple[int, int]]:
    rows = math.ceil(len(free) / max(1, math.ceil(len(free) / _ROWS)))
    return zip(free, free[rows:], strict=False)


@dataclass(frozen=True, slots=True)
class _Line:
    tail: int
    head: int
    kind: str
    label: str = ""
    from_group: str | None = None
    to_group: str | None = None


def _lines(diagram: Diagram, grouped: Mapping[str, list[int]]) -> list[_Line]:
    """The edges as drawn: what holds for every server of a group is one line to or from the group."""
    numbers = {node.id: index for index, node in enumerate(diagram.nodes)}
    known = [edge for edge in diagram.edges if edge.source in numbers and edge.target in numbers]
    lines: list[_Line] = []
    done: set[tuple[str, int, int]] = set()
    for kind, outer in (("probes", "source"), ("runs-on", "target")):
        ends: dict[int, set[int]] = defaultdict(set)
        for edge in known:
            if edge.kind == kind:
                place, server = numbers[edge.source], numbers[edge.target]
                if outer == "target":
                    place, server = server, place
                ends[place].add(server)
        for place, servers in ends.items():
            for group, members in grouped.items():
                if len(members) > 1 and servers.issuperset(members):
                    done |= {(kind, place, member) for member in members}
                    done |= {(kind, member, place) for member in members}
                    if outer == "source":
                        lines.append(_Line(place, members[0], kind, to_group=group))
                    else:
                        lines.append(_Line(members[-1], place, kind, from_group=group))
    for edge in known:
        tail, head = numbers[edge.source], numbers[edge.target]
        if (edge.kind, tail, head) not in done and tail != head:
            lines.append(_Line(tail, head, edge.kind, edge.label))
    return lines


# --- Graphviz -------------------------------------------------------------------------------------------------------


class _Placed(TypedDict):
    bb: str
    objects: list[dict[str, Any]]
    edges: list[dict[str, Any]]


@lru_cache(maxsize=16)
def _layout(sources: tuple[str, ...], program: str) -> list[_Placed | None]:
    """Positions of every graph from one process; None where `dot` is missing, fails or is too slow."""
    together = _placed("".join(sources), program)
    if together is not None and len(together) == len(sources):
        return list(together)
    if len(sources) < 2:
        return [None] * len(sources)
    return [_layout((source,), program)[0] for source in sources]  # one graph that upsets dot takes no other with it


def _placed(source: str, program: str) -> list[_Placed] | None:
    try:
        done = subprocess.run(
            [program, "-Tjson0"], input=source, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    placed: list[_Placed] = []
    decoder = json.JSONDecoder()
    rest = done.stdout.lstrip()
    while rest:
        graph, end = decoder.raw_decode(rest)
        placed.append(graph)
        rest = rest[end:].lstrip()
    return placed


# --- SVG ------------------------------------------------------------------------------------------------------------

_WORDS: Final = {
    "depends-on": "needs",
    "probes": "is asked by this report",
    "runs-on": "runs on",
}
_MARGIN: Final = 8


def _svg(diagram: Diagram, placed: _Placed, skin: Skin, root: str) -> str:
    _, _, width, height = (float(number) for number in placed["bb"].split(","))
    top = height + _MARGIN

    def x(value: float) -> str:
        return f"{value + _MARGIN:.1f}".removesuffix(".0")

    def y(value: float) -> str:
        return f"{top - value:.1f}".removesuffix(".0")

    boxes, clusters = [], []
    names = list(_groups(diagram))
    for thing in placed.get("objects", []):
        name = str(thing["name"])
        if name.startswith("cluster_"):
            clusters.append(_cluster(thing, names[int(name[8:])], x, y, skin))
        elif name.startswith("n"):
            boxes.append(_box(diagram.nodes[int(name[1:])], thing, x, y, skin, root))
    gvids = {thing["_gvid"]: str(thing["name"]) for thing in placed.get("objects", [])}
    numbers = {gvid: int(name[1:]) for gvid, name in gvids.items() if not name.startswith("cluster_")}
    # of what is asked, most lines lead to a group, which has no one label; the lone ones then go without theirs
    labels = {
        (line.tail, line.head): line.label for line in _lines(diagram, _groups(diagram)) if line.kind == "depends-on"
    }
    lines = []
    kinds = set()
    for edge in placed.get("edges", []):
        if edge.get("style") != "invis":
            kind = str(edge["class"])
            kinds.add(kind)
            label = labels.get((numbers[edge["tail"]], numbers[edge["head"]]), "") if kind == "depends-on" else ""
            lines.append(_edge(edge, label, x, y, skin))
    key, key_width = _key(kinds, height + 2 * _MARGIN + 18, skin)
    across, down = max(width, key_width) + 2 * _MARGIN, height + 2 * _MARGIN + (28 if key else 0)
    look = ' class="cx cx-diagram"' if skin == "css" else f" font-family={quoteattr(SANS)}"
    stem = "".join(c if c.isalnum() and c.isascii() else "-" for c in diagram.name)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{look} viewBox="0 0 {across:.0f} {down:.0f}" width="{across:.0f}"'
        f' height="{down:.0f}" font-size="12" role="group" aria-labelledby="{stem}-t" aria-describedby="{stem}-d">'
        f'<title id="{stem}-t">{escape(visible(diagram.title))}</title>'
        f'<desc id="{stem}-d">{escape(_description(diagram))}</desc>'
        f"{''.join(clusters)}{''.join(lines)}{''.join(boxes)}{key}</svg>"
    )


def _description(diagram: Diagram) -> str:
    """The drawing in words; the table beside it has every place."""
    states = Counter(node.status for node in diagram.nodes if node.kind == "server" and node.status)
    tally = ", ".join(f"{states[status]} {status}" for status in _SEVERITY if states[status])
    needs = [edge for edge in diagram.edges if edge.kind == "depends-on"]
    labels = {node.id: visible(node.label, 80) for node in diagram.nodes}
    said = [f"{labels.get(edge.source, '')} needs {labels.get(edge.target, '')}" for edge in needs]
    return f"{visible(diagram.description, 600)} {tally}. {words.listing(said, 8)}".strip().removesuffix(".") + "."


_Map = Callable[[float], str]


def _cluster(thing: Mapping[str, Any], group: str, x: _Map, y: _Map, skin: Skin) -> str:
    left, low, right, high = (float(number) for number in thing["bb"].split(","))
    label = clip(visible(group), right - left - 16, 12)
    return (
        f'<rect{paint("cluster", skin)} x="{x(left)}" y="{y(high)}" width="{right - left:.0f}" height="{high - low:.0f}" rx="6"/>'
        f'<text{paint("label", skin)} x="{x(left + 8)}" y="{y(high - 15)}">{escape(label)}</text>'
    )


def _box(node: Node, thing: Mapping[str, Any], x: _Map, y: _Map, skin: Skin, root: str) -> str:  # noqa: PLR0917 - two of them are one map
    """Border shape, mark, word and colour say the same."""
    middle, centre = (float(number) for number in thing["pos"].split(","))
    half = _width(node) / 2
    left, right, high, low = x(middle - half), x(middle + half), y(centre + _HEIGHT / 2), y(centre - _HEIGHT / 2)
    role = "node" if node.status is None else f"node-{node.status}"
    radius = {Status.UP: 8, Status.MAINTENANCE: 8, Status.UNKNOWN: 21}.get(node.status, 0) if node.status else 2
    if node.status is Status.DEGRADED:
        inner_left, inner_right = x(middle - half + 9), x(middle + half - 9)
        upper, lower = y(centre + _HEIGHT / 2 - 9), y(centre - _HEIGHT / 2 + 9)
        shape = (
            f'<path{paint(role, skin)} d="M{inner_left} {high}H{inner_right}L{right} {upper}V{lower}L{inner_right} {low}'
            f'H{inner_left}L{left} {lower}V{upper}z"/>'
        )
    else:
        shape = (
            f'<rect{paint(role, skin)} x="{left}" y="{high}" width="{2 * half:.0f}" height="{_HEIGHT}" rx="{radius}"/>'
        )
    word = _word(node)
    name_y = y(centre + 3) if word else y(centre - 4)
    inside = f'{shape}<text{paint("name", skin)} x="{x(middle)}" y="{name_y}">{escape(_name(node))}</text>'
    if node.status is not None:
        offset = 7
        inside += (
            f'<text{paint(f"word-{node.status}", skin)} x="{x(middle + offset)}" y="{y(centre - 13)}">{word}</text>'
        )
        mark_x = middle + offset - text_width(word, 12, bold=True) / 2 - 9
        inside += _mark(node.status, x(mark_x), y(centre - 9), skin)
    elif word:
        inside += f'<text{paint("middle", skin)} x="{x(middle)}" y="{y(centre - 13)}">{word}</text>'
    title = f"<title>{escape(visible(node.label, 200))}{f': {word}' if word else ''}</title>"
    if node.page:
        return f"<a href={quoteattr(root + visible(node.page))}>{title}{inside}</a>"
    return f"<g>{title}{inside}</g>"


_MARKS: Final[Mapping[Status, str]] = {
    Status.DOWN: "M-4-4h8v8h-8z",
    Status.DEGRADED: "M0-4.5l5 9h-10z",
    Status.AUTH_WALLED: "M0-5l5 5-5 5-5-5z",
    Status.UNKNOWN: "M-4-1h8v2h-8z",
    Status.MAINTENANCE: "M-4-4h3v8h-3zM1-4h3v8h-3z",
    Status.UP: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
}


def _mark(status: Status, left: str, middle: str, skin: Skin) -> str:
    return f'<path{paint(f"bar-{status}", skin)} transform="translate({left} {middle})" d="{_MARKS[status]}"/>'


def _edge(edge: Mapping[str, Any], label: str, x: _Map, y: _Map, skin: Skin) -> str:
    """A spline of Graphviz, and a head that points along its end."""
    tip: tuple[float, float] | None = None
    points: list[tuple[float, float]] = []
    for part in str(edge["pos"]).split(" "):
        numbers = part.removeprefix("e,").removeprefix("s,").split(",")
        point = float(numbers[0]), float(numbers[1])
        if part.startswith("e,"):
            tip = point
        elif not part.startswith("s,"):
            points.append(point)
    curve = " ".join(f"{x(px)} {y(py)}" for px, py in points[1:])
    kind = str(edge["class"])
    role = {"depends-on": "edge", "probes": "edge-faint", "runs-on": "edge-dashed"}[kind]
    drawn = f'<path{paint(role, skin)} d="M{x(points[0][0])} {y(points[0][1])}C{curve}"/>'
    if tip is not None and kind != "runs-on":
        (ax, ay), (bx, by) = points[-1], tip
        length = math.hypot(bx - ax, by - ay) or 1.0
        ux, uy = (bx - ax) / length, (by - ay) / length
        base_x, base_y = bx - ux * 7, by - uy * 7
        corners = [(bx, by), (base_x - uy * 3.2, base_y + ux * 3.2), (base_x + uy * 3.2, base_y - ux * 3.2)]
        drawn += f'<path{paint("arrow", skin)} d="M{"L".join(f"{x(px)} {y(py)}" for px, py in corners)}z"/>'
    if label:
        px, py = _middle(points)
        drawn += f'<text{paint("halo", skin)} x="{x(px)}" y="{y(py + 3)}">{escape(visible(label, 40))}</text>'
    return drawn


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Half-way along a chain of cubic curves: a joint, or the middle of the middle curve."""
    curves = (len(points) - 1) // 3
    first = curves // 2 * 3
    if curves % 2 == 0:
        return points[first]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[first : first + 4]
    return (ax + 3 * bx + 3 * cx + dx) / 8, (ay + 3 * by + 3 * cy + dy) / 8


def _key(kinds: set[str], baseline: float, skin: Skin) -> tuple[str, float]:
    """What the kinds of lines mean, and how wide that is."""
    parts, x = [], float(_MARGIN)
    for kind, role in (("depends-on", "edge"), ("probes", "edge-faint"), ("runs-on", "edge-dashed")):
        if kind in kinds:
            word = _WORDS[kind]
            parts.append(f'<path{paint(role, skin)} d="M{x:.0f} {baseline - 4:.1f}h24"/>')
            parts.append(f'<text{paint("label", skin)} x="{x + 30:.0f}" y="{baseline:.0f}">{word}</text>')
            x += 30 + text_width(word) + 18
    return "".join(parts), x


# --- Mermaid --------------------------------------------------------------------------------------------------------


def _mermaid_text(text: str) -> str:
    """Mermaid reads entities by their number; so every character that could mean something becomes one."""
    return "".join(c if c.isalnum() or c in " .,:-_/()" else f"#{ord(c)};" for c in visible(text, 200))


def mermaid(diagram: Diagram) -> str:
    lines = ["flowchart LR"]
    grouped = _groups(diagram)
    inside = {index for members in grouped.values() for index in members}

    def box(index: int) -> str:
        node = diagram.nodes[index]
        word = f"<br/>{_mermaid_text(_word(node))}" if _word(node) else ""
        kind = f":::{node.status}" if node.status else ""
        return f'n{index}["{_mermaid_text(node.label)}{word}"]{kind}'

    lines += [f"  {box(index)}" for index in range(len(diagram.nodes)) if index not in inside]
    for number, (group, members) in enumerate(grouped.items()):
        lines.append(f'  subgraph g{number}["{_mermaid_text(group)}"]')
        lines += [f"    {box(index)}" for index in members]
        lines.append("  end")
    groups = {group: f"g{number}" for number, group in enumerate(grouped)}
    arrows = {"depends-on": "-->", "probes": "-.->", "runs-on": "---"}
    for line in _lines(diagram, grouped):
        tail = groups[line.from_group] if line.from_group is not None else f"n{line.tail}"
        head = groups[line.to_group] if line.to_group is not None else f"n{line.head}"
        label = f'|"{_mermaid_text(line.label)}"|' if line.label else ""
        lines.append(f"  {tail} {arrows[line.kind]}{label} {head}")
    lines += [
        "  classDef down stroke:#c22a20,stroke-width:3px",
        "  classDef degraded stroke:#c98000,stroke-width:2px",
        "  classDef auth-walled stroke:#76397f,stroke-dasharray:8 3",
        "  classDef unknown stroke:#5c6067,stroke-dasharray:2 3",
        "  classDef maintenance stroke:#1d5a8a,stroke-dasharray:8 3 2 3",
        "  classDef up stroke:#1c6a55",
    ]
    return "\n".join([*lines, ""])
