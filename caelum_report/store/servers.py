"""A fleet changes: names move with their history, what is retired keeps its page, what is forgotten leaves no trace."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from caelum_report.errors import UsageError
from caelum_report.model import Status
from caelum_report.nearest import nearest

from . import log_errors, surfaces, usage
from .database import batch
from .times import from_us, to_us


@dataclass(frozen=True, slots=True)
class StoredServer:
    """A server as the history knows it."""

    name: str  # Server.id
    host: str
    first_seen_at: datetime
    checked_at: datetime | None
    status: Status | None
    retired_at: datetime | None


def list_servers(connection: sqlite3.Connection) -> tuple[StoredServer, ...]:
    rows = connection.execute(
        """SELECT servers.name, hosts.name, first_seen_at, checked_at, states.status, retired_at
        FROM servers JOIN hosts ON hosts.id = host LEFT JOIN states ON states.id = state ORDER BY 1, 2"""
    )
    return tuple(
        StoredServer(
            name,
            host,
            from_us(first_seen),
            None if checked is None else from_us(checked),
            Status(status) if status else None,
            None if retired is None else from_us(retired),
        )
        for name, host, first_seen, checked, status, retired in rows
    )


def rename_server(connection: sqlite3.Connection, old: str, new: str) -> None:
    """History follows the name. Where a run has met the new name already, both histories become one."""
    with batch(connection):
        for server, host in rows_of(connection, old):
            taken = connection.execute("SELECT id FROM servers WHERE host = ? AND name = ?", (host, new)).fetchone()
            if taken and taken[0] != server:
                _join(connection, server, taken[0])
            connection.execute("UPDATE servers SET name = ? WHERE id = ?", (new, server))
        connection.execute("UPDATE OR IGNORE approvals SET server = ? WHERE server = ?", (new, old))
        connection.execute("DELETE FROM approvals WHERE server = ? AND ? <> ?", (old, old, new))
        usage.rename(connection, old, new)
        connection.execute("UPDATE alerts SET server = :new WHERE server = :old", {"old": old, "new": new})
        for table in ("alerts", "alert_tracks"):
            connection.execute(f"UPDATE OR REPLACE {table} SET subject = ? WHERE subject = ?", (new, old))


def retire_server(connection: sqlite3.Connection, name: str, at: datetime) -> None:
    """Out of service from `at`; its history stays. A server that is probed again is back."""
    with batch(connection):
        for server, _ in rows_of(connection, name):
            connection.execute("UPDATE servers SET retired_at = ? WHERE id = ?", (to_us(at), server))


def forget_server(connection: sqlite3.Connection, name: str) -> None:
    """Removes everything measured of it, and overwrites it in the file; stored reports still mention it."""
    with batch(connection):
        for server, _ in rows_of(connection, name):
            for table in ("rollups", "samples", "forecasts"):
                connection.execute(
                    f"DELETE FROM {table} WHERE series IN (SELECT id FROM series WHERE server = ?)", (server,)
                )
            log_errors.forget(connection, server)
            connection.execute("UPDATE servers SET state = NULL, details = NULL WHERE id = ?", (server,))
            for table in ("series", "probes", "details", "states", "surface_versions", "pins"):
                connection.execute(f"DELETE FROM {table} WHERE server = ?", (server,))
            connection.execute("DELETE FROM servers WHERE id = ?", (server,))
        connection.execute("DELETE FROM approvals WHERE server = ?", (name,))
        usage.forget(connection, name)
        connection.execute("DELETE FROM alert_tracks WHERE subject = ?", (name,))
        connection.execute("DELETE FROM first_probes WHERE alert IN (SELECT id FROM alerts WHERE server = ?)", (name,))
        connection.execute("DELETE FROM alerts WHERE server = ?", (name,))
        surfaces.drop_unused(connection)


def rows_of(connection: sqlite3.Connection, name: str) -> list[tuple[int, int]]:
    """The server on every host that has one of this name."""
    rows = connection.execute("SELECT id, host FROM servers WHERE name = ?", (name,)).fetchall()
    if not rows:
        names = [known for (known,) in connection.execute("SELECT name FROM servers ORDER BY name")]
        near = nearest(name, names)
        hint = f"; did you mean {near!r}?" if near else "; see `caelum-report servers list`"
        raise UsageError(f"the history has no server {name!r}{hint}")
    return rows


def _join(connection: sqlite3.Connection, server: int, newer: int) -> None:
    """Gives everything of `newer` to `server`, and what the last run learned of it too."""
    from . import rollups  # NumPy, which no other change of the fleet needs

    connection.execute(
        """DELETE FROM probes WHERE server = ? AND snapshot IN (SELECT snapshot FROM probes WHERE server = ?)""",
        (newer, server),
    )
    connection.execute(
        "DELETE FROM surface_versions WHERE server = ? AND snapshot IN "
        "(SELECT snapshot FROM surface_versions WHERE server = ?)",
        (newer, server),
    )
    for table in ("probes", "details", "states", "surface_versions", "pins"):
        connection.execute(f"UPDATE {table} SET server = ? WHERE server = ?", (server, newer))
    for number, *what in connection.execute(
        "SELECT id, host, metric, labels, source FROM series WHERE server = ?", (newer,)
    ).fetchall():
        into = connection.execute(
            "SELECT id FROM series WHERE server = ? AND host = ? AND metric = ? AND labels = ? AND source IS ?",
            (server, *what),
        ).fetchone()
        if into:
            connection.execute("UPDATE forecasts SET series = ? WHERE series = ?", (into[0], number))
            rollups.join(connection, into[0], number)
        else:
            connection.execute("UPDATE series SET server = ? WHERE id = ?", (server, number))
    log_errors.join(connection, server, newer)
    connection.execute(
        """UPDATE servers SET (state, checked_at, verdicts, gaps, flapping, era, era_seen_at, started, surface, details,
            tool_order, retired_at) =
            (SELECT state, checked_at, verdicts, gaps, flapping, era, era_seen_at, started, surface, details,
                tool_order, retired_at
             FROM servers WHERE id = ?) WHERE id = ?""",
        (newer, server),
    )
    connection.execute("DELETE FROM servers WHERE id = ?", (newer,))
