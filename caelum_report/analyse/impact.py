"""What an incident takes with it: the servers that need the one that failed, directly or through others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from caelum_report import words
from caelum_report.diagram import Diagram, Edge, Node
from caelum_report.document import ServerReport
from caelum_report.model import Status

_MOST: Final = 200  # places; nobody reads more, and the report keeps them
_BEFORE: Final = timedelta(hours=1)  # a dependant may be looked at before what it needs
_EPISODES: Final = 20  # that a ServerReport keeps


def impact(
    name: str,
    root: str,
    failed: Collection[str],
    servers: Mapping[str, ServerReport],
    *,
    began: datetime,
    end: datetime,
) -> Diagram | None:
    """`failed`: who has an alert in the incident. None where nobody needs `root`."""
    reached, needs = _dependants(root, servers)
    if not needs:
        return None
    taken = {root} | {one for one in reached if one in failed or _fell(servers[one], began, end)}
    nodes = tuple(_node(servers[one], began, end) for one in (root, *reached))
    edges = tuple(
        Edge(below, above, "takes-down" if below in taken and above in taken else "spares") for below, above in needs
    )
    fell = [servers[one].name for one in reached if one in taken]
    need = words.plural(len(reached), "server needs", "servers need")
    of_them = f"{words.count(len(fell))} failed with it: {words.listing(fell, 6)}" if fell else "none failed with it"
    return Diagram(
        name=f"incident-{name}",
        title=f"What needs {servers[root].name}",
        description=f"{need} {servers[root].name}, directly or through others; {of_them}.",
        nodes=nodes,
        edges=edges,
    )


def _dependants(root: str, servers: Mapping[str, ServerReport]) -> tuple[list[str], list[tuple[str, str]]]:
    """Breadth first, the nearest first; and who needs whom among them."""
    reached: list[str] = []
    needs: list[tuple[str, str]] = []
    known = {root}
    waiting = [root]
    while waiting:
        below = waiting.pop(0)
        for above in servers[below].needed_by if below in servers else ():
            if above in servers and above not in known and len(known) <= _MOST:
                known.add(above)
                reached.append(above)
                waiting.append(above)
            if above in known and above != root:
                needs.append((below, above))
    return reached, needs


def _node(server: ServerReport, began: datetime, end: datetime) -> Node:
    return Node(
        server.id,
        server.name,
        "server",
        _worst(server, began, end),
        server.group,
        f"servers/{server.slug}.html#states",
    )


def _worst(server: ServerReport, began: datetime, end: datetime) -> Status | None:
    """Its worst state while the incident lasted; None where that is no longer on record."""
    during = [
        episode.status
        for episode in server.episodes
        if episode.start <= end and (episode.end is None or episode.end > began or episode.start >= began)
    ]
    if during:
        return min(during, key=list(Status).index)
    forgotten = len(server.episodes) >= _EPISODES and server.episodes[-1].start > end
    return None if forgotten else Status.UP


def _fell(server: ServerReport, began: datetime, end: datetime) -> bool:
    return any(
        episode.status in {Status.DOWN, Status.DEGRADED} and began - _BEFORE <= episode.start <= end
        for episode in server.episodes
    )
