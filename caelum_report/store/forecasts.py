"""What reports foretold, kept until its time comes and for a quarter after: the record that the next forecasts answer for."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from .times import DAY, to_us

if TYPE_CHECKING:
    from caelum_report.document import Forecast, Report

_KEPT: Final = 92 * DAY


def keep(connection: sqlite3.Connection, report: Report) -> None:
    """The forecasts that a report made, and the scores that it gave. A forecast is scored once; a part of `save_report`."""
    connection.executemany(
        "UPDATE forecasts SET scored_by = ?, held = ?, actual = ? WHERE id = ? AND scored_by IS NULL",
        [(report.number, score.held, score.actual, score.forecast) for score in report.scores],
    )
    rows = []
    for forecast in report.forecasts:
        series = _series(connection, report.host, forecast)
        if series is not None:
            rows.append(
                (
                    series,
                    report.number,
                    to_us(forecast.due_at),
                    forecast.level,
                    forecast.lower,
                    forecast.mean,
                    forecast.upper,
                    forecast.limit,
                    forecast.naive,
                    forecast.widened,
                )
            )
    connection.executemany(
        """INSERT INTO forecasts (series, report, due_at, level, lower, mean, upper, reaches, naive, widened)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        rows,
    )


def _series(connection: sqlite3.Connection, host: str, forecast: Forecast) -> int | None:
    """Its series, made where the roll-ups have none; None where the server was forgotten meanwhile."""
    row = connection.execute("SELECT id FROM hosts WHERE name = ?", (host,)).fetchone()
    if row is None:
        return None
    server, subject = None, forecast.subject
    if forecast.server:
        found = connection.execute("SELECT id FROM servers WHERE host = ? AND name = ?", (row[0], subject)).fetchone()
        if found is None:
            return None
        server, subject = found[0], ""
    key = (row[0], server, subject, forecast.metric)
    known = connection.execute(
        """SELECT id FROM series WHERE host = ? AND server IS ? AND source IS NULL AND subject = ? AND metric = ?
            AND labels = ''""",
        key,
    ).fetchone()
    if known is not None:
        return int(known[0])
    return connection.execute("INSERT INTO series (host, server, subject, metric) VALUES (?, ?, ?, ?)", key).lastrowid


def drop(connection: sqlite3.Connection, now: int) -> None:
    """Lets go what fell due a quarter ago, judged or not."""
    connection.execute("DELETE FROM forecasts WHERE due_at < ?", (now - _KEPT,))
