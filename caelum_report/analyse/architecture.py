"""The architecture as configured: this report asks servers, servers need servers, stdio servers run on their host."""

from __future__ import annotations

from collections.abc import Iterator

from caelum_report import text, words
from caelum_report.diagram import Diagram, Edge, Node
from caelum_report.model import Transport

from . import services
from .facts import Facts, Standing


def architecture(facts: Facts) -> Diagram:
    behind = tuple(services.places(facts))
    own, others = facts.snapshot.host, [other.name for other in facts.history.others]
    hosts = [Node(f"host:{name}", text.visible(name, 80), "host", None, None, "host.html") for name in (own, *others)]
    nodes = [
        Node("report", text.visible(facts.config.fleet, 80) or "caelum-report", "report", None, None, "index.html"),
        *hosts,
        *(
            Node(
                f"server:{standing.id}", standing.name, "server", standing.status, standing.server.group, standing.page
            )
            for standing in facts.current
            if standing.server is not None
        ),
        *(node for node, _ in behind),
    ]
    edges = [
        Edge("report", f"host:{own}", "runs-on"),
        *(Edge("report", f"host:{name}", "probes", "bundle") for name in others),
        *(edge for standing in facts.current for edge in _edges(standing, facts)),
        *(edge for _, edge in behind),
    ]
    needs = sum(1 for edge in edges if edge.kind == "depends-on")
    places = words.listing([node.label for node in hosts])
    return Diagram(
        name="architecture",
        title="Architecture",
        description=f"This report asks {words.plural(len(facts.current), 'server')}{_and(len(behind))} from "
        f"{'host' if len(hosts) == 1 else 'hosts'} {places}; {words.plural(needs, 'dependency', 'dependencies')} between them.",
        nodes=tuple(nodes),
        edges=tuple(edges),
    )


def _and(services: int) -> str:
    return f" and {words.plural(services, 'backing service')}" if services else ""


def _edges(standing: Standing, facts: Facts) -> Iterator[Edge]:
    server, node = standing.server, f"server:{standing.id}"
    if server is None:
        return
    host = f"host:{server.host or facts.snapshot.host}"
    yield Edge(host if server.host else "report", node, "probes", server.transport.value)
    if server.transport is Transport.STDIO:
        yield Edge(node, host, "runs-on")
    for name in dict.fromkeys(server.depends_on):
        if name in facts.by_id and not facts.by_id[name].retired and name != standing.id:
            yield Edge(node, f"server:{name}", "depends-on")
