"""The drawing itself: our own shapes at the places that Graphviz found, so that no text passes through it into a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from caelum_report import flows, words
from caelum_report.diagram import Diagram, Node
from caelum_report.model import Status
from caelum_report.render.skins import SANS, Skin, paint
from caelum_report.render.widths import clip, text_width
from caelum_report.text import visible

from .boxes import height_of, lines_in, name_of, width_of, word_of
from .groups import SEVERITY, Line, groups_of, lines_of
from .layout import Placed

_WORDS: Final = {
    "depends-on": "needs",
    "probes": "is asked by this report",
    "runs-on": "runs on",
    "takes-down": "takes with it",
    "spares": "is needed by, and spares",
}
_ROLES: Final = {
    "depends-on": "edge",
    "probes": "edge-faint",
    "runs-on": "edge-dashed",
    "calls": "flow",
    "takes-down": "edge-strong",
    "spares": "edge-dashed",
}
_ARROWS: Final = {"edge-strong": "arrow-strong", "flow-failing": "arrow-failing"}
_SAID: Final = {"depends-on": "needs", "takes-down": "takes with it", "spares": "spares"}
_MARGIN: Final = 8


def svg(diagram: Diagram, placed: Placed, skin: Skin, root: str) -> str:
    _, _, width, height = (float(number) for number in placed["bb"].split(","))
    top = height + _MARGIN

    def x(value: float) -> str:
        return f"{value + _MARGIN:.1f}".removesuffix(".0")

    def y(value: float) -> str:
        return f"{top - value:.1f}".removesuffix(".0")

    boxes, clusters = [], []
    names = list(groups_of(diagram))
    flowing = any(edge.flow is not None for edge in diagram.edges)
    # dot gives clusters in another order each time
    things = sorted(placed.get("objects", []), key=lambda thing: (len(thing["name"]), thing["name"]))
    for thing in things:
        name = str(thing["name"])
        if name.startswith("cluster_"):
            clusters.append(_cluster(thing, names[int(name[8:])], x, y, skin, flowing=flowing))
        elif name.startswith("n"):
            boxes.append(_box(diagram.nodes[int(name[1:])], thing, x, y, skin, root))
    gvids = {thing["_gvid"]: str(thing["name"]) for thing in things}
    numbers = {gvid: int(name[1:]) for gvid, name in gvids.items() if not name.startswith("cluster_")}
    lines = {(line.tail, line.head, line.kind): line for line in lines_of(diagram, groups_of(diagram))}
    drawn = []
    kinds = set()
    for edge in placed.get("edges", []):
        if edge.get("style") != "invis":
            kinds.add(str(edge["class"]))
            line = lines.get((numbers[edge["tail"]], numbers[edge["head"]], str(edge["class"])))
            drawn.append(_edge(edge, line, x, y, skin))
    key, key_width = _key(kinds, _most(lines.values()), height + 2 * _MARGIN + 18, skin)
    across, down = max(width, key_width) + 2 * _MARGIN, height + 2 * _MARGIN + (28 if key else 0)
    look = ' class="cx cx-diagram"' if skin == "css" else f" font-family={quoteattr(SANS)}"
    stem = "".join(c if c.isalnum() and c.isascii() else "-" for c in diagram.name)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{look} viewBox="0 0 {across:.0f} {down:.0f}" width="{across:.0f}"'
        f' height="{down:.0f}" font-size="12" role="group" aria-labelledby="{stem}-t" aria-describedby="{stem}-d">'
        f'<title id="{stem}-t">{escape(visible(diagram.title))}</title>'
        f'<desc id="{stem}-d">{escape(_description(diagram))}</desc>'
        f"{''.join(clusters)}{''.join(drawn)}{''.join(boxes)}{key}</svg>"
    )


def _description(diagram: Diagram) -> str:
    """The drawing in words; the table beside it has every place."""
    states = Counter(node.status for node in diagram.nodes if node.kind == "server" and node.status)
    tally = ", ".join(f"{states[status]} {status}" for status in SEVERITY if states[status])
    labels = {node.id: visible(node.label, 80) for node in diagram.nodes}
    said = [
        f"{labels.get(edge.source, '')} {_SAID[edge.kind]} {labels.get(edge.target, '')}"
        for edge in diagram.edges
        if edge.kind in _SAID
    ]
    said += [f"{node.label}: {'; '.join(node.lines)}" for node in diagram.nodes if node.kind == "server" and node.lines]
    return (
        f"{visible(diagram.description, 600)} {tally}. {visible(words.listing(said, 8), 2000)}".strip().removesuffix(
            "."
        )
        + "."
    )


_Map = Callable[[float], str]


def _cluster(thing: Mapping[str, Any], group: str, x: _Map, y: _Map, skin: Skin, *, flowing: bool) -> str:
    """A group's frame and name; the name stands at the right where broad lines come in from the left."""
    left, low, right, high = (float(number) for number in thing["bb"].split(","))
    label = clip(visible(group), right - left - 16, 12)
    return (
        f'<rect{paint("cluster", skin)} x="{x(left)}" y="{y(high)}" width="{right - left:.0f}" height="{high - low:.0f}" rx="6"/>'
        f'<text{paint("end" if flowing else "label", skin)} x="{x(right - 8 if flowing else left + 8)}" y="{y(high - 15)}">{escape(label)}</text>'
    )


def _box(node: Node, thing: Mapping[str, Any], x: _Map, y: _Map, skin: Skin, root: str) -> str:  # noqa: PLR0917 - two of them are one map
    """Border shape, mark, word and colour say the same."""
    middle, centre = (float(number) for number in thing["pos"].split(","))
    top = centre + height_of(node) / 2
    word, lines = word_of(node), lines_in(node)
    name_y = top - 19 if word or lines else centre - 4
    inside = _border(node, middle, centre, x, y, skin)
    inside += f'<text{paint("name", skin)} x="{x(middle)}" y="{y(name_y)}">{escape(name_of(node))}</text>'
    if node.status is not None:
        offset = 7
        inside += f'<text{paint(f"word-{node.status}", skin)} x="{x(middle + offset)}" y="{y(top - 35)}">{word}</text>'
        mark_x = middle + offset - text_width(word, 12, bold=True) / 2 - 9
        inside += _mark(node.status, x(mark_x), y(top - 31), skin)
    elif word:
        inside += f'<text{paint("middle", skin)} x="{x(middle)}" y="{y(top - 35)}">{word}</text>'
    for row, line in enumerate(lines, start=2 if word else 1):
        inside += f'<text{paint("middle", skin)} x="{x(middle)}" y="{y(top - 20 - 15 * row)}">{escape(line)}</text>'
    title = f"<title>{escape(visible(node.label, 200))}{f': {word}' if word else ''}</title>"
    if node.page:
        return f"<a href={quoteattr(root + visible(node.page))}>{title}{inside}</a>"
    return f"<g>{title}{inside}</g>"


def _border(node: Node, middle: float, centre: float, x: _Map, y: _Map, skin: Skin) -> str:  # noqa: PLR0917
    half, above = width_of(node) / 2, height_of(node) / 2
    left, right, high, low = x(middle - half), x(middle + half), y(centre + above), y(centre - above)
    role = "node" if node.status is None else f"node-{node.status}"
    if node.status is Status.DEGRADED:
        inner_left, inner_right = x(middle - half + 9), x(middle + half - 9)
        upper, lower = y(centre + above - 9), y(centre - above + 9)
        return (
            f'<path{paint(role, skin)} d="M{inner_left} {high}H{inner_right}L{right} {upper}V{lower}L{inner_right} {low}'
            f'H{inner_left}L{left} {lower}V{upper}z"/>'
        )
    radius = {Status.UP: 8, Status.MAINTENANCE: 8, Status.UNKNOWN: 21}.get(node.status, 0) if node.status else 2
    size = f'width="{2 * half:.0f}" height="{2 * above:.0f}"'
    return f'<rect{paint(role, skin)} x="{left}" y="{high}" {size} rx="{radius}"/>'


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


def _edge(edge: Mapping[str, Any], line: Line | None, x: _Map, y: _Map, skin: Skin) -> str:
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
    flow = line.flow if line else None
    failing = flow is not None and flows.is_failing(flow.calls, flow.errors)
    thick = f' stroke-width="{line.width:.2f}"' if line and flow else ""
    role = "flow-failing" if failing else _ROLES[kind]
    drawn = f'<path{paint(role, skin)}{thick} d="M{x(points[0][0])} {y(points[0][1])}C{curve}"/>'
    if tip is not None and kind != "runs-on":
        drawn += _head(
            points[-1], tip, line.width if line and flow else 1.25, x, y, paint(_ARROWS.get(role, "arrow"), skin)
        )
    # of what is asked, most lines lead to a group, which has no one label; the lone ones then go without theirs
    if line and line.label and kind == "depends-on":
        px, py = _middle(points)
        drawn += f'<text{paint("halo", skin)} x="{x(px)}" y="{y(py + 3)}">{escape(visible(line.label, 40))}</text>'
    return drawn


def _head(end: tuple[float, float], tip: tuple[float, float], width: float, x: _Map, y: _Map, painted: str) -> str:  # noqa: PLR0917
    (ax, ay), (bx, by) = end, tip
    length = math.hypot(bx - ax, by - ay) or 1.0
    ux, uy = (bx - ax) / length, (by - ay) / length
    base_x, base_y, half = bx - ux * 7, by - uy * 7, 2.6 + width / 2
    corners = [(bx, by), (base_x - uy * half, base_y + ux * half), (base_x + uy * half, base_y - ux * half)]
    return f'<path{painted} d="M{"L".join(f"{x(px)} {y(py)}" for px, py in corners)}z"/>'


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Half-way along a chain of cubic curves: a joint, or the middle of the middle curve."""
    curves = (len(points) - 1) // 3
    first = curves // 2 * 3
    if curves % 2 == 0:
        return points[first]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[first : first + 4]
    return (ax + 3 * bx + 3 * cx + dx) / 8, (ay + 3 * by + 3 * cy + dy) / 8


def _most(lines: Iterable[Line]) -> Line | None:
    return max((line for line in lines if line.flow is not None), key=lambda line: line.width, default=None)


def _key(kinds: set[str], most: Line | None, baseline: float, skin: Skin) -> tuple[str, float]:
    """What the kinds of lines mean, and how wide that is."""
    said = [(_ROLES[kind], word, "") for kind, word in _WORDS.items() if kind in kinds]
    if most is not None and most.flow is not None:
        width = f' stroke-width="{most.width:.2f}"'
        said.append(("flow", f"{words.plural(most.flow.calls, 'call')} in 30 days; others by their share", width))
        said.append(("flow-failing", f"{words.percent(flows.FAILING, 0)} of the calls failed, or more", width))
    parts, x = [], float(_MARGIN)
    for role, word, width in said:
        parts.append(f'<path{paint(role, skin)}{width} d="M{x:.0f} {baseline - 4:.1f}h24"/>')
        parts.append(f'<text{paint("label", skin)} x="{x + 30:.0f}" y="{baseline:.0f}">{word}</text>')
        x += 30 + text_width(word) + 18
    return "".join(parts), x
