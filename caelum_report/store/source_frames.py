"""Rows become frames: what the sources gave, as of one snapshot. Nothing is read where none was ever asked."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import numpy as np

from caelum_report.counters import rates
from caelum_report.history import SourceHistory

from .bundles import AT_HOST
from .columns import frame, utc
from .rolled import rolled
from .rollups import SHAPE
from .times import DAY

if TYPE_CHECKING:
    import pandas as pd


_HOURLY: Final = 31 * DAY  # half a year of forty series would cost 0.8 s in every build


def history(connection: sqlite3.Connection, last: int, at: int) -> SourceHistory | None:
    """Up to the snapshot `last` of the time `at`."""
    if connection.execute("SELECT 1 FROM sources LIMIT 1").fetchone() is None:
        return None
    series = _series(connection)
    return SourceHistory(
        sources=_sources(connection, at),
        readings=_readings(connection, last),
        series=series,
        samples=_samples(connection, at, series),
        rollups=_rollups(connection, at, series),
        errors=_errors(connection, at),
    )


def _sources(connection: sqlite3.Connection, at: int) -> pd.DataFrame:
    rows = connection.execute(
        f"""SELECT hosts.name, sources.name || {AT_HOST}, kind, endpoint, first_seen_at, succeeded_at, failing_since
        FROM sources JOIN hosts ON hosts.id = host WHERE first_seen_at <= ? ORDER BY sources.id""",
        (at,),
    )
    return frame(rows, ("host", "source", "kind", "endpoint", "first_seen_at", "succeeded_at", "failing_since"))


def _readings(connection: sqlite3.Connection, last: int) -> pd.DataFrame:
    rows = connection.execute(
        f"""SELECT snapshot, at, hosts.name, sources.name || {AT_HOST}, failure, reason, readings.took_us AS seconds, figures, readings.notes
        FROM readings JOIN snapshots ON snapshots.id = snapshot JOIN sources ON sources.id = source
            JOIN hosts ON hosts.id = sources.host
        WHERE snapshot <= ? ORDER BY at, snapshot, source""",
        (last,),
    )
    return frame(rows, ("snapshot", "at", "host", "source", "failure", "reason", "seconds", "figures", "notes"))


def _series(connection: sqlite3.Connection) -> pd.DataFrame:
    rows = connection.execute(
        f"""SELECT series.id, hosts.name, sources.name || {AT_HOST}, sources.kind,
            coalesce(servers.name, subject) || {AT_HOST}, servers.name || {AT_HOST}, metric, labels, unit, counter
        FROM series JOIN hosts ON hosts.id = series.host JOIN sources ON sources.id = source
            LEFT JOIN servers ON servers.id = server
        ORDER BY series.id"""
    )
    names = ("series", "host", "source", "kind", "subject", "server", "metric", "labels", "unit", "counter")
    return frame(rows, names).set_index("series")


def _samples(connection: sqlite3.Connection, at: int, series: pd.DataFrame) -> pd.DataFrame:
    """By series, then by time; of counters the rate, which their first sample has not."""
    import pandas as pd

    rows = connection.execute(
        """SELECT series, at, value, anew FROM samples
        WHERE series IN (SELECT id FROM series WHERE source IS NOT NULL) AND at <= ? ORDER BY series, at""",
        (at,),
    ).fetchall()
    table = np.array(rows, np.float64).reshape(-1, 4)  # microseconds of this century are exact in a float
    number, when, anew = (table[:, place].astype(np.int64) for place in (0, 1, 3))
    raw = table[:, 2]
    value = raw.copy()
    counts = np.flatnonzero(series["counter"].reindex(number).to_numpy(np.bool_))
    value[counts] = np.nan
    _, rate, row = rates(number[counts], when[counts], raw[counts], anew=anew[counts])
    value[counts[row]] = rate
    return pd.DataFrame({"series": number, "at": utc(when), "value": value, "raw": raw})


def _errors(connection: sqlite3.Connection, at: int) -> pd.DataFrame:
    """Every kind that was ever met, those of other hosts too."""
    rows = connection.execute(
        f"""SELECT hosts.name, sources.name || {AT_HOST}, coalesce(servers.name, subject) || {AT_HOST},
            servers.name || {AT_HOST}, text, sum(count), sum(CASE WHEN last_at > ? THEN count ELSE 0 END),
            min(first_at), max(last_at), min(log_error_counts.at)
        FROM log_errors JOIN log_error_counts ON error = log_errors.id JOIN sources ON sources.id = source
            JOIN hosts ON hosts.id = sources.host LEFT JOIN servers ON servers.id = server
        WHERE log_error_counts.at <= ? GROUP BY log_errors.id ORDER BY log_errors.id""",
        (at - DAY, at),
    )
    names = ("host", "source", "subject", "server", "text", "count", "day", "first_at", "last_at", "met_at")
    return frame(rows, names)


def _rollups(connection: sqlite3.Connection, at: int, series: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns, is_day, _ = rolled(connection, at, series.index.to_list(), _HOURLY)
    return pd.DataFrame(
        {
            "level": pd.Categorical.from_codes(is_day.astype(np.int8), categories=pd.Index(["hour", "day"])),
            "series": columns["series"],
            "at": utc(columns["at"]),
            **{name: columns[name] for name in ("n", *SHAPE)},
        }
    )
