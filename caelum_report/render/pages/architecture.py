"""architecture.html: who asks, who runs where, who needs whom; drawn, and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from caelum_report import words
from caelum_report.diagram import Diagram, Node
from caelum_report.model import Status

from .view import TRANSPORT_WORDS, Page, View, diagram_block

SHOWN_PLACES: Final = 200  # rows; of more, the places that are no servers and the servers in trouble come first
EDGE_WORDS: Final = {"probes": "asks", "depends-on": "needs", "runs-on": "runs on"}


def _head(view: View) -> dict[str, Any]:
    diagram = view.report.architecture
    servers = sum(node.kind == "server" for node in diagram.nodes)
    needs = sum(edge.kind == "depends-on" for edge in diagram.edges)
    answering = view.report.by_host
    hosts = (
        len({node.group for node in answering.nodes})
        if answering
        else sum(node.kind == "host" for node in diagram.nodes)
    )
    known = f"{words.plural(needs, 'dependency', 'dependencies')} declared" if needs else "no dependency declared"
    title = f"{words.plural(servers, 'server')}, {words.plural(hosts, 'host')}, {known}."
    return {"heading": title, "lede": _reached(diagram)}


def _reached(diagram: Diagram) -> str:
    """How many servers are asked in which way."""
    over = Counter(edge.label for edge in diagram.edges if edge.kind == "probes")
    used = [(over[way], name) for way, name in TRANSPORT_WORDS.items() if over[way]]
    if not used:
        return ""
    first, name = used[0]
    asked = f"{words.count(first)} {'is' if first == 1 else 'are'} asked over {name}"
    return f"{words.listing([asked, *(f'{words.count(n)} over {way}' for n, way in used[1:])])}."


def _drawing(view: View) -> dict[str, Any]:
    return diagram_block(view, view.report.architecture)


def _hosts(view: View) -> dict[str, Any]:
    diagram = view.report.by_host
    if diagram is None:
        return {"diagram": None}
    hosts: dict[str, list[Node]] = {}
    for node in diagram.nodes:
        hosts.setdefault(node.group or "", []).append(node)
    rows = [
        (host, len(servers), _states(servers), words.listing([node.label for node in servers], 6))
        for host, servers in sorted(hosts.items())
    ]
    return {"diagram": diagram, "hosts": rows, **diagram_block(view, diagram)}


def _states(servers: Sequence[Node]) -> str:
    counted = Counter(node.status for node in servers)
    return ", ".join(f"{words.count(counted[status])} {status}" for status in Status if counted[status])


def _table(view: View) -> dict[str, Any]:
    diagram = view.report.architecture
    labels = {node.id: node.label for node in diagram.nodes}
    targets: dict[tuple[str, str], list[str]] = {}
    for edge in diagram.edges:
        targets.setdefault((edge.source, edge.kind), []).append(labels.get(edge.target, edge.target))

    def relations(node: Node) -> str:
        parts = [(verb, targets.get((node.id, kind), [])) for kind, verb in EDGE_WORDS.items()]
        return "; ".join(f"{verb} {words.listing(names, 6)}" for verb, names in parts if names)

    places = sorted(diagram.nodes, key=lambda node: (node.kind == "server", node.status is Status.UP))
    rest = len(places) - SHOWN_PLACES
    return {
        "nodes": [(node, relations(node)) for node in (places[:SHOWN_PLACES] if rest > 0 else diagram.nodes)],
        "rest": words.plural(rest, "more server") if rest > 0 else "",
    }


PAGE: Final = Page(
    "architecture.html",
    "Architecture",
    (
        ("page_head.html", _head),
        ("architecture/drawing.html", _drawing),
        ("architecture/hosts.html", _hosts),
        ("architecture/table.html", _table),
    ),
)
