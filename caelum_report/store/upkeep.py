"""How far the roll-ups and the retention have come."""

from __future__ import annotations

import sqlite3

from .times import HOUR


def progress(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM upkeep WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def set_progress(connection: sqlite3.Connection, name: str, value: int) -> None:
    connection.execute("INSERT OR REPLACE INTO upkeep VALUES (?, ?)", (name, value))


def hours_have_closed(connection: sqlite3.Connection, at: int) -> bool:
    """Is there anything to roll up? Where people look every five minutes, mostly not."""
    open_hour = at - at % HOUR
    waiting = connection.execute(
        """SELECT 1 FROM snapshots WHERE id > ? AND (at < ? OR at >= ?)
        UNION ALL SELECT 1 FROM late_hours WHERE at <> ? LIMIT 1""",
        (progress(connection, "rolled_up"), open_hour, open_hour + HOUR, open_hour),
    )
    return waiting.fetchone() is not None
