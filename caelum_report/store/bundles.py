"""What other machines collected: their snapshots under their own hosts' names, and their servers as `name@host`."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from caelum_report.configured import Config
from caelum_report.errors import UsageError
from caelum_report.model import Disk, HostSample, Network, OtherHost, Server
from caelum_report.text import slug, visible

from .database import batch
from .rows import add_snapshot
from .times import SECOND, from_us, to_us

if TYPE_CHECKING:
    from caelum_report.bundle import Bundle

# What a report has behind the names of another host's servers, disks and interfaces, in SQL; `hosts` has to be joined.
AT_HOST: Final = "CASE WHEN hosts.servers IS NULL THEN '' ELSE '@' || hosts.name END"
_AHEAD_SECONDS: Final = 3600  # a clock that is more wrong would put its history where none of ours is


def add_bundle(
    connection: sqlite3.Connection, bundle: Bundle, config: Config, at: datetime
) -> Literal["new", "known", "late"]:
    """Stores it once: `known` is a snapshot that is there already, `late` one older than its host's last.

    Raises `UsageError` where the host has our own name, or a clock that is an hour before ours.
    """
    when = to_us(bundle.snapshot.at)
    ahead = when - to_us(at)
    if ahead > _AHEAD_SECONDS * SECOND:
        raise UsageError(
            f"the bundle of {visible(bundle.host, 80)} is from {bundle.snapshot.at:%Y-%m-%d %H:%M} UTC, which is yet to "
            "come: set the clock there"
        )
    with batch(connection):
        found = connection.execute("SELECT id, servers FROM hosts WHERE name = ?", (bundle.host,)).fetchone()
        if bundle.host == config.host or (found and found[1] is None):
            raise UsageError(
                f"the bundle is of a host called {visible(bundle.host, 80)}, as this one is or was; set another `host` "
                "in the caelum.toml there"
            )
        if found:
            known, last = connection.execute(
                "SELECT max(at = :at), max(at) FROM snapshots WHERE host = :host", {"at": when, "host": found[0]}
            ).fetchone()
            if known or (last is not None and last > when):
                return "known" if known else "late"
        add_snapshot(connection, bundle.snapshot, replace(config, servers=bundle.servers))
        connection.execute(
            "UPDATE hosts SET servers = ?, ahead_us = ? WHERE name = ?",
            (_adapter().dump_json(bundle.servers).decode(), max(0, ahead), bundle.host),
        )
    return "new"


def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Server, ...])


def other_hosts(connection: sqlite3.Connection, last: int) -> tuple[OtherHost, ...]:
    """Those with a snapshot up to `last`, each as its newest of them left it; `servers` are as the last bundle said."""
    rows = connection.execute(
        """SELECT hosts.id, name, servers, ahead_us, max(snapshots.id), max(at) FROM hosts
        JOIN snapshots ON host = hosts.id AND snapshots.id <= ? WHERE servers IS NOT NULL GROUP BY hosts.id ORDER BY name""",
        (last,),
    ).fetchall()
    return tuple(
        OtherHost(
            name=name,
            at=from_us(at),
            ahead_seconds=ahead / SECOND,
            servers=_here(_adapter().validate_json(servers), name),
            sample=_sample(connection, host, name, last),
        )
        for host, name, servers, ahead, _, at in rows
    )


def _here(servers: tuple[Server, ...], host: str) -> tuple[Server, ...]:
    """Under the names that they have in a report of several hosts."""
    names = {server.id: f"{server.id}@{host}" for server in servers}
    return tuple(
        replace(
            server,
            id=names[server.id],
            slug=slug(names[server.id]),
            depends_on=tuple(names.get(name, name) for name in server.depends_on),
            host=host,
        )
        for server in servers
    )


def _sample(connection: sqlite3.Connection, host: int, name: str, last: int) -> HostSample | None:
    """The newest that is kept of a host."""
    row = connection.execute(
        "SELECT * FROM host_samples WHERE host = ? AND snapshot <= ? ORDER BY snapshot DESC LIMIT 1", (host, last)
    ).fetchone()
    if row is None:
        return None
    snapshot, _, boot_at, *figures = row
    disks = connection.execute(
        "SELECT name, device, total, used, read, write FROM disks WHERE snapshot = ? ORDER BY name", (snapshot,)
    )
    networks = connection.execute(
        "SELECT name, sent, received, errors FROM networks WHERE snapshot = ? ORDER BY name", (snapshot,)
    )
    values: tuple[Any, ...] = (
        name,
        from_us(boot_at),
        *figures,
        tuple(Disk(*disk) for disk in disks),
        tuple(Network(*network) for network in networks),
    )
    return HostSample(*values)
