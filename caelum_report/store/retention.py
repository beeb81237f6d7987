"""What grows is kept as long as it is worth: raw rows for days, hours for a year, days and states for ever."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Final

from caelum_report.configured import Config

from . import first_probes, forecasts, log_errors, surfaces, usage
from .database import batch
from .times import DAY, HOUR, to_us
from .upkeep import hours_have_closed, progress, set_progress

_RAW: Final = ("probes", "disks", "networks", "host_samples", "readings", "run_steps", "run_notes")


def maintain(connection: sqlite3.Connection, at: datetime, config: Config) -> None:
    """Rolls up the hours that closed, then lets go what is older than `raw_days` and `hourly_days`; one transaction.

    Reports are thinned with age: every one of the raw days, then the last of each UTC day for a year, then the last of
    each month. The recent ones answer "what did it say this morning", an old one stands for its time; all would be
    1 GB a year. The newest is always kept, and the chain of hashes has every one.
    """
    now = to_us(at)
    with batch(connection):
        earliest = _roll_up(connection, now) if hours_have_closed(connection, now) else now
        _drop_raw(connection, now, earliest, now - now % HOUR - config.raw_days * DAY)
        _drop_hours(connection, now - now % DAY - config.hourly_days * DAY)
        usage.fold(connection, now - now % DAY - config.hourly_days * DAY)
        log_errors.fold(connection, now - now % DAY - config.raw_days * DAY)
        _thin_reports(connection, now - config.raw_days * DAY, now - config.hourly_days * DAY)
        forecasts.drop(connection, now)
        surfaces.thin(connection)


def _roll_up(connection: sqlite3.Connection, now: int) -> int:
    from . import rollups  # and NumPy

    return rollups.update(connection, now)


def _drop_raw(connection: sqlite3.Connection, now: int, earliest: int, limit: int) -> None:
    """Deletes what has passed the limit since the last time, and what came in older than that.

    Snapshots stay where a report, a surface or the beginning of the history names them.
    """
    known = progress(connection, "raw_from")
    span = (min(known, earliest), limit)
    first_probes.put_by(connection, *span)
    for table in _RAW:
        connection.execute(
            f"DELETE FROM {table} WHERE snapshot IN (SELECT id FROM snapshots WHERE at >= ? AND at < ?)", span
        )
    connection.execute(  # by series: that is how its rows lie
        """DELETE FROM samples WHERE series IN (SELECT id FROM series WHERE source IS NOT NULL) AND at >= ? AND at < ?""",
        span,
    )
    connection.execute(
        """DELETE FROM snapshots WHERE at >= ? AND at < ? AND id > (SELECT min(id) FROM snapshots)
            AND id NOT IN (SELECT snapshot FROM reports) AND id NOT IN (SELECT snapshot FROM surface_versions)""",
        span,
    )
    if limit // DAY > known // DAY:  # it reads every probe
        connection.execute(
            """DELETE FROM details WHERE id NOT IN (SELECT details FROM probes)
                AND id NOT IN (SELECT details FROM servers WHERE details IS NOT NULL)"""
        )
    set_progress(connection, "raw_from", max(limit, known if known < now else 0))


def _drop_hours(connection: sqlite3.Connection, limit: int) -> None:
    done = progress(connection, "hours_from")
    if limit > done:
        connection.execute(
            "UPDATE rollups SET hours = NULL, hour_buckets = NULL, flat_hours = NULL WHERE at >= ? AND at < ?",
            (done, limit),
        )
        set_progress(connection, "hours_from", limit)


def _thin_reports(connection: sqlite3.Connection, daily_from: int, monthly_from: int) -> None:
    connection.execute(
        """UPDATE reports SET document = NULL WHERE document IS NOT NULL AND at < :daily_from AND number NOT IN (
            SELECT max(number) FROM reports WHERE document IS NOT NULL GROUP BY CASE
                WHEN at >= :monthly_from THEN date(at / 1000000, 'unixepoch')
                ELSE strftime('%Y-%m', at / 1000000, 'unixepoch') END)
            AND number < (SELECT max(number) FROM reports)""",
        {"daily_from": daily_from, "monthly_from": monthly_from},
    )
