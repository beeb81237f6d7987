"""The architecture as configured: this report asks servers, servers need servers, stdio servers run on this host."""

from __future__ import annotations

from caelum_report import text, words
from caelum_report.document import Diagram, Edge, Node
from caelum_report.model import Transport

from .facts import Facts


def architecture(facts: Facts) -> Diagram:
    current = facts.current
    host_id = f"host:{facts.snapshot.host}"
    nodes = [
        Node("report", text.visible(facts.config.fleet, 80) or "caelum-report", "report", None, None, "index.html"),
        Node(host_id, text.visible(facts.snapshot.host, 80), "host", None, None, "host.html"),
    ]
    edges = [Edge("report", host_id, "runs-on")]
    for standing in current:
        server = standing.server
        if server is None:
            continue
        nodes.append(
            Node(f"server:{standing.id}", standing.name, "server", standing.status, server.group, standing.page)
        )
        edges.append(Edge("report", f"server:{standing.id}", "probes", server.transport.value))
        if server.transport is Transport.STDIO:
            edges.append(Edge(f"server:{standing.id}", host_id, "runs-on"))
        edges += [
            Edge(f"server:{standing.id}", f"server:{name}", "depends-on")
            for name in dict.fromkeys(server.depends_on)
            if name in facts.by_id and not facts.by_id[name].retired and name != standing.id
        ]
    needs = sum(1 for edge in edges if edge.kind == "depends-on")
    return Diagram(
        name="architecture",
        title="Architecture",
        description=f"This report asks {words.plural(len(current), 'server')} from host "
        f"{text.visible(facts.snapshot.host, 80)}; {words.plural(needs, 'dependency', 'dependencies')} between them.",
        nodes=tuple(nodes),
        edges=tuple(edges),
    )
