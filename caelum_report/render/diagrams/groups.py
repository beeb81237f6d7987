"""What stands together in a drawing, and the lines that are drawn for its edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from caelum_report.diagram import Diagram, Edge, Flow
from caelum_report.model import Status

SEVERITY: Final = list(Status)
NO_GROUP: Final = "No group"
FEW_GROUPS: Final = 8
_THINNEST: Final = 1.0
_THICKEST: Final = 9.0


def groups_of(diagram: Diagram) -> dict[str, list[int]]:
    """Group to the places of its servers in `nodes`; servers without one form the last, if there are more than one."""
    found: dict[str, list[int]] = defaultdict(list)
    for index, node in enumerate(diagram.nodes):
        if node.kind in {"server", "service"}:
            found[node.group or ""].append(index)
    loose = found.pop("", [])
    ordered = {group: found[group] for group in sorted(found)}
    if len(loose) > 1:
        ordered[NO_GROUP if found else "Servers"] = loose
    return ordered


@dataclass(frozen=True, slots=True)
class Line:
    tail: int
    head: int
    kind: str
    label: str = ""
    flow: Flow | None = None
    width: float = 1.25  # as thick as its share of the most calls
    from_group: str | None = None
    to_group: str | None = None


def lines_of(diagram: Diagram, grouped: Mapping[str, list[int]]) -> list[Line]:
    """The edges as drawn: what holds for every server of a group is one line to or from the group."""
    numbers = {node.id: index for index, node in enumerate(diagram.nodes)}
    known = [edge for edge in diagram.edges if edge.source in numbers and edge.target in numbers]
    lines: list[Line] = []
    most = max((edge.flow.calls for edge in known if edge.flow is not None), default=0)
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
                        lines.append(Line(place, members[0], kind, to_group=group))
                    else:
                        lines.append(Line(members[-1], place, kind, from_group=group))
    for edge in known:
        tail, head = numbers[edge.source], numbers[edge.target]
        if (edge.kind, tail, head) not in done and tail != head:
            lines.append(Line(tail, head, edge.kind, edge.label, edge.flow, _width(edge, most)))
    return lines


def _width(edge: Edge, most: int) -> float:
    if edge.flow is None or not most:
        return 1.25
    return _THINNEST + (_THICKEST - _THINNEST) * edge.flow.calls / most
