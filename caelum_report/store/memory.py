"""What the last runs left for the next one, and the last report for its readers; light, without pandas."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from datetime import datetime

from caelum_report.model import Era, Failure, Memory, Remembered, Status

from .schema import OWN_HOSTS
from .times import from_us, to_us
from .upkeep import progress


def remember(connection: sqlite3.Connection, at: datetime) -> Remembered:
    """Each server of this machine as its last probe left it. A check that lies after `at` is not remembered: the clock went back."""
    rows = connection.execute(
        """SELECT servers.name, servers.era, era_seen_at, checked_at, states.status, verdicts, flapping, started, surface,
            tool_order, ifnull(states.failure = ?, 0), fingerprint
        FROM servers JOIN hosts ON hosts.id = host LEFT JOIN states ON states.id = servers.state
        WHERE hosts.servers IS NULL ORDER BY checked_at""",
        (Failure.SKIPPED.value,),
    )
    now = to_us(at)
    return Remembered(
        {
            name: Memory(
                era=Era(era) if era else None,
                era_seen_at=None if era_seen_at is None else from_us(era_seen_at),
                last_checked_at=None if checked_at is None or checked_at > now else from_us(checked_at),
                untried=bool(untried),
                status=Status(status) if status else None,
                checks=tuple(check == "1" for check in verdicts),
                flapping=bool(flapping),
                started_before=bool(started),
                surface_sha256=surface,
                tool_order=order,
                fingerprint=asked,
            )
            for name, era, era_seen_at, checked_at, status, verdicts, flapping, started, surface, order, untried, asked in rows
        },
        {
            (source, name): value
            for source, name, value in connection.execute("SELECT source, name, value FROM bookmarks")
        },
    )


def fleet_at(connection: sqlite3.Connection, at: datetime) -> frozenset[str] | None:
    """Whom this machine's last run up to then was about, asked or not due; None where no run is known that closely."""
    row = connection.execute(
        f"SELECT id, at, not_due FROM snapshots WHERE host IN {OWN_HOSTS} AND at <= ? ORDER BY id DESC LIMIT 1",
        (to_us(at),),
    ).fetchone()
    if row is None or row[1] < progress(connection, "raw_from"):
        return None
    names = connection.execute(
        "SELECT name FROM probes JOIN servers ON servers.id = server WHERE snapshot = ?", row[:1]
    )
    return frozenset((*(name for (name,) in names), *json.loads(row[2])))


def approvals(connection: sqlite3.Connection) -> dict[str, str]:
    """`Server.id` -> the fingerprint that was approved."""
    return dict(connection.execute("SELECT server, fingerprint FROM approvals"))


def agreed_to(connection: sqlite3.Connection) -> dict[str, tuple[datetime, tuple[str, ...]]]:
    """`Server.id` -> when it was approved, and the lines that were shown then; no line where they are not known."""
    rows = connection.execute("SELECT server, at, shown FROM approvals")
    return {server: (from_us(at), tuple(json.loads(shown))) for server, at, shown in rows}


def report_at(connection: sqlite3.Connection, at: datetime | None = None) -> bytes | None:
    """The stored JSON of the newest report whose data go up to `at` or less; of the latest without it."""
    row = connection.execute(
        """SELECT document FROM reports WHERE document IS NOT NULL AND (:at IS NULL OR at <= :at)
        ORDER BY number DESC LIMIT 1""",
        {"at": at and to_us(at)},
    ).fetchone()
    return zlib.decompress(row[0]) if row else None


def report_by_id(connection: sqlite3.Connection, report: str) -> bytes | None:
    """The stored JSON of one report; None where it is thinned or never was."""
    row = connection.execute("SELECT document FROM reports WHERE id = ?", (report,)).fetchone()
    return zlib.decompress(row[0]) if row and row[0] is not None else None


def reports_since(connection: sqlite3.Connection, since: datetime) -> Iterator[bytes]:
    """The stored JSON of each report since then that is not thinned, ascending."""
    for (document,) in connection.execute(
        "SELECT document FROM reports WHERE document IS NOT NULL AND at >= ? ORDER BY number", (to_us(since),)
    ):
        yield zlib.decompress(document)


def report_time(connection: sqlite3.Connection, name: str) -> tuple[int, datetime] | None:
    """The number of a report, named by number or id, and what its data go up to; also of one whose document is gone."""
    row = connection.execute(
        "SELECT number, at FROM reports WHERE id = :name OR CAST(number AS TEXT) = :name", {"name": name}
    ).fetchone()
    return (row[0], from_us(row[1])) if row else None


def report_numbers(connection: sqlite3.Connection) -> tuple[int, ...]:
    """Of the last two reports, the latest first."""
    return tuple(number for (number,) in connection.execute("SELECT number FROM reports ORDER BY number DESC LIMIT 2"))


def latest_snapshot(connection: sqlite3.Connection) -> int | None:
    """The newest snapshot of this machine."""
    newest: tuple[int | None] = connection.execute(
        f"SELECT max(id) FROM snapshots WHERE host IN {OWN_HOSTS}"
    ).fetchone()
    return newest[0]


def seen_between(connection: sqlite3.Connection, start: datetime, end: datetime) -> bool:
    """Whether any server was found up or down in a span of time."""
    row = connection.execute(
        "SELECT 1 FROM states WHERE start < ? AND end >= ? AND status IN ('up', 'degraded', 'down') LIMIT 1",
        (to_us(end), to_us(start)),
    )
    return row.fetchone() is not None
