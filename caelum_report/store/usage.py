"""Real calls in and kept; and the bookmarks that say how far they were read, in the same transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from caelum_report import counts
from caelum_report.model import Bookmark, Usage

from .times import DAY, SECOND, to_us
from .upkeep import progress, set_progress

_ADD = """INSERT INTO usage (host, server, tool, source, hour, calls, errors, total_us, max_us, buckets)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors,
        total_us = total_us + excluded.total_us, max_us = max(max_us, excluded.max_us), buckets = excluded.buckets"""

Row = tuple[int, str, str, str, int, int, int, int, int, bytes]


def add_usage(connection: sqlite3.Connection, host: int, rows: Sequence[Usage]) -> None:
    """Adds to what the hours hold already: a call that ends after a run belongs to the hour in which it began."""
    for row in rows:
        _add(
            connection,
            (
                host,
                row.server,
                row.tool,
                row.source,
                to_us(row.hour),
                row.calls,
                row.errors,
                round(row.seconds * SECOND),
                round(row.max_seconds * SECOND),
                counts.pack(row.buckets),
            ),
        )


def _add(connection: sqlite3.Connection, row: Row) -> None:
    known = connection.execute(
        "SELECT buckets FROM usage WHERE (host, server, tool, source, hour) = (?, ?, ?, ?, ?)", row[:5]
    ).fetchone()
    connection.execute(_ADD, (*row[:9], counts.merge(known[0], row[9]) if known else row[9]))


def set_bookmarks(connection: sqlite3.Connection, bookmarks: Sequence[Bookmark]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO bookmarks VALUES (?, ?, ?)",
        [(mark.source, mark.name, mark.value) for mark in bookmarks if mark.value != ""],
    )
    connection.executemany(
        "DELETE FROM bookmarks WHERE source = ? AND name = ?",
        [(mark.source, mark.name) for mark in bookmarks if mark.value == ""],
    )


def fold(connection: sqlite3.Connection, limit: int) -> None:
    """What lies before `limit`, the start of a day, is one row a day from now on."""
    done = progress(connection, "usage_hours_from")
    if limit <= done:
        return
    rows: list[Row] = connection.execute(
        "SELECT * FROM usage WHERE hour >= ? AND hour < ? AND hour % ? <> 0", (done, limit, DAY)
    ).fetchall()
    connection.execute("DELETE FROM usage WHERE hour >= ? AND hour < ? AND hour % ? <> 0", (done, limit, DAY))
    for row in rows:
        _add(connection, (*row[:4], row[4] - row[4] % DAY, *row[5:]))
    set_progress(connection, "usage_hours_from", limit)


def rename(connection: sqlite3.Connection, old: str, new: str) -> None:
    rows: list[Row] = connection.execute("SELECT * FROM usage WHERE server = ?", (old,)).fetchall()
    connection.execute("DELETE FROM usage WHERE server = ?", (old,))
    for row in rows:
        _add(connection, (row[0], new, *row[2:]))


def forget(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("DELETE FROM usage WHERE server = ?", (name,))
