"""Errors of logs in and kept: each kind once, and a row for each run that met it. Rows are only added; old ones are folded."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from caelum_report.model import LoggedError

from .times import DAY, to_us
from .upkeep import progress, set_progress

_MOST: Final = 1_000  # kinds of a source; a log that always says something new must not fill the database
_OTHERS: Final = "(other errors)"
_ADD: Final = """INSERT INTO log_error_counts (error, at, count, first_at, last_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, first_at = min(first_at, excluded.first_at),
        last_at = max(last_at, excluded.last_at)"""


def add(connection: sqlite3.Connection, errors: Sequence[LoggedError], source: int, host: int, at: int) -> None:
    """Part of the caller's transaction, which also moves the bookmark: no line is counted twice."""
    if not errors:
        return
    servers = dict(connection.execute("SELECT name, id FROM servers WHERE host = ?", (host,)))
    rows = connection.execute("SELECT server, subject, text, id FROM log_errors WHERE source = ?", (source,))
    known: dict[tuple[int | None, str, str], int] = {tuple(key): number for *key, number in rows}
    for error in errors:
        server = servers.get(error.subject)
        subject = "" if server is not None else error.subject
        key = (server, subject, error.text)
        if key not in known and len(known) >= _MOST:
            key = (server, subject, _OTHERS)
        if key not in known:
            row = connection.execute(
                "INSERT INTO log_errors (source, server, subject, text) VALUES (?, ?, ?, ?)", (source, *key)
            ).lastrowid
            assert row is not None
            known[key] = row
        connection.execute(
            _ADD, (known[key], at, error.count, _not_after(error.first_at, at), _not_after(error.last_at, at))
        )


def _not_after(when: datetime, at: int) -> int:
    return min(to_us(when), at)


def fold(connection: sqlite3.Connection, limit: int) -> None:
    """What runs before `limit`, the start of a day, added is one row a day from now on."""
    done = progress(connection, "log_runs_from")
    if limit <= done:
        return
    span = (done, limit, DAY)
    rows = connection.execute(
        "SELECT * FROM log_error_counts WHERE at >= ? AND at < ? AND at % ? <> 0", span
    ).fetchall()
    connection.execute("DELETE FROM log_error_counts WHERE at >= ? AND at < ? AND at % ? <> 0", span)
    connection.executemany(_ADD, [(error, at - at % DAY, *rest) for error, at, *rest in rows])
    set_progress(connection, "log_runs_from", limit)


def unite(connection: sqlite3.Connection) -> None:
    """Kinds that have become the same text are one kind, the first of them."""
    alike = connection.execute(
        """SELECT a.id, min(b.id) FROM log_errors a JOIN log_errors b ON b.source = a.source AND b.text = a.text
            AND b.server IS a.server AND b.subject = a.subject AND b.id < a.id GROUP BY a.id"""
    ).fetchall()
    for number, first in alike:
        _give(connection, number, first)


def _give(connection: sqlite3.Connection, number: int, into: int) -> None:
    """All that was counted of one kind to another."""
    rows = connection.execute("SELECT * FROM log_error_counts WHERE error = ?", (number,)).fetchall()
    connection.executemany(_ADD, [(into, *rest) for _, *rest in rows])
    connection.execute("DELETE FROM log_error_counts WHERE error = ?", (number,))
    connection.execute("DELETE FROM log_errors WHERE id = ?", (number,))


def forget(connection: sqlite3.Connection, server: int) -> None:
    connection.execute(
        "DELETE FROM log_error_counts WHERE error IN (SELECT id FROM log_errors WHERE server = ?)", (server,)
    )
    connection.execute("DELETE FROM log_errors WHERE server = ?", (server,))


def join(connection: sqlite3.Connection, server: int, newer: int) -> None:
    """Gives the errors of `newer` to `server`; a kind that both have becomes one."""
    kinds = connection.execute("SELECT id, source, text FROM log_errors WHERE server = ?", (newer,)).fetchall()
    for number, *what in kinds:
        into = connection.execute(
            "SELECT id FROM log_errors WHERE server = ? AND source = ? AND text = ?", (server, *what)
        ).fetchone()
        if into is None:
            connection.execute("UPDATE log_errors SET server = ? WHERE id = ?", (server, number))
            continue
        _give(connection, number, into[0])
