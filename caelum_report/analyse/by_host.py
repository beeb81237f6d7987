"""The architecture by host: where each server answers, as far as its configuration tells."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from caelum_report import words
from caelum_report.diagram import Diagram, Edge, Node
from caelum_report.document import ServerReport
from caelum_report.model import Transport


def by_host(servers: Sequence[ServerReport]) -> Diagram | None:
    """None where all are on one host: the other drawing says that."""
    current = [server for server in servers if not server.retired]
    places = {server.id: _host(server) for server in current}
    hosts = sorted(set(places.values()))
    if len(hosts) < 2:
        return None
    needs = tuple(
        Edge(server.id, other, "depends-on")
        for server in current
        for other in dict.fromkeys(server.depends_on)
        if other in places and other != server.id
    )
    across = sum(places[edge.source] != places[edge.target] for edge in needs)
    return Diagram(
        name="hosts",
        title="Architecture by host",
        description=f"{words.plural(len(current), 'server')} on {words.plural(len(hosts), 'host')}; "
        f"{words.plural(across, 'dependency leads', 'dependencies lead')} from one host to another.",
        nodes=tuple(
            Node(server.id, server.name, "server", server.status, places[server.id], f"servers/{server.slug}.html")
            for server in current
        ),
        edges=needs,
    )


def _host(server: ServerReport) -> str:
    """Where it is started, or the name in its address; a loopback address is the host that asks."""
    if server.transport is Transport.STDIO:
        return server.host
    try:
        name = urlsplit(server.endpoint).hostname or ""
    except ValueError:
        return server.host
    return server.host if not name or name == "localhost" or _is_loopback(name) else name


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
