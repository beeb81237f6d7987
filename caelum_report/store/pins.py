"""Held to what they offer: a pin says that somebody read a tool surface and agreed; another one is a finding until it is pinned too."""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass
from datetime import datetime

from caelum_report.errors import UsageError
from caelum_report.text import visible

from .database import batch
from .servers import rows_of
from .times import from_us, to_us


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server listed last, as somebody pins it."""

    sha256: str
    tools: int
    tokens: int
    seen_at: datetime  # by the check that first met this surface
    pinned_before: str | None  # the surface that was pinned until now


@dataclass(frozen=True, slots=True)
class Held:
    """A server with a pin, and what it listed last."""

    name: str  # Server.id
    host: str
    at: datetime
    sha256: str  # what was agreed to
    offered: str | None  # None: it has listed nothing that is still known


def held_servers(connection: sqlite3.Connection) -> tuple[Held, ...]:
    """Those that are pinned now."""
    rows = connection.execute(
        """SELECT servers.name, hosts.name, pins.at, pins.surface,
            (SELECT surface FROM surface_versions WHERE server = servers.id ORDER BY snapshot DESC LIMIT 1)
        FROM pins JOIN servers ON servers.id = pins.server JOIN hosts ON hosts.id = host
        WHERE pins.id IN (SELECT max(id) FROM pins GROUP BY server) AND pins.surface IS NOT NULL ORDER BY 1, 2"""
    )
    return tuple(Held(name, host, from_us(at), sha256, offered) for name, host, at, sha256, offered in rows)


def pin_surface(connection: sqlite3.Connection, name: str, at: datetime, expected: str = "") -> Offer:
    """Holds a server to what it listed last. With `expected`, the beginning of a hash, only where that is what it listed:
    between reading a report and typing, a server may have changed again.
    """
    with batch(connection):
        offers = [_offer(connection, server, name) for server, _ in rows_of(connection, name)]
        for server, offer in offers:
            if not offer.sha256.startswith(expected.lower()):
                raise UsageError(
                    f"{visible(name)!r} now offers the surface {offer.sha256[:12]}, not {visible(expected, 64)}; "
                    "read what changed in the latest report, then pin that"
                )
            if offer.pinned_before != offer.sha256:
                connection.execute(
                    "INSERT INTO pins (server, at, surface) VALUES (?, ?, ?)", (server, to_us(at), offer.sha256)
                )
    return offers[-1][1]


def unpin_surface(connection: sqlite3.Connection, name: str, at: datetime) -> bool:
    """Whether there was a pin to take away."""
    with batch(connection):
        held = [server for server, _ in rows_of(connection, name) if _pinned(connection, server) is not None]
        connection.executemany("INSERT INTO pins (server, at) VALUES (?, ?)", [(server, to_us(at)) for server in held])
    return bool(held)


def _offer(connection: sqlite3.Connection, server: int, name: str) -> tuple[int, Offer]:
    import json

    row = connection.execute(
        """SELECT surface_versions.surface, at, document FROM surface_versions
            JOIN snapshots ON snapshots.id = snapshot JOIN surfaces ON sha256 = surface_versions.surface
        WHERE server = ? ORDER BY snapshot DESC LIMIT 1""",
        (server,),
    ).fetchone()
    if row is None:
        raise UsageError(f"{visible(name)!r} has not listed its tools yet, so there is nothing to pin")
    sha256, seen_at, document = row
    tools = json.loads(zlib.decompress(document))["tools"]
    tokens = sum(tool["tokens"] for tool in tools)
    return server, Offer(sha256, len(tools), tokens, from_us(seen_at), _pinned(connection, server))


def _pinned(connection: sqlite3.Connection, server: int) -> str | None:
    row = connection.execute("SELECT surface FROM pins WHERE server = ? ORDER BY id DESC LIMIT 1", (server,)).fetchone()
    return row[0] if row else None
