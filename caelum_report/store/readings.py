"""What sources gave, as rows: part of `rows` for everything that a `[[source]]`, or an import, brings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Final

from caelum_report.counts import ANEW, SAME, UNKNOWN
from caelum_report.model import Failure, Reading, Sample

from . import log_errors
from .database import batch
from .times import DAY, HOUR, duration_us, to_us
from .upkeep import progress

IMPORTED: Final = "import"  # the kind of a source that only `import` has spoken of
_AT_ONCE: Final = 20_000  # rows
_ANEW: Final = {False: SAME, True: ANEW, None: UNKNOWN}

_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def insert_readings(
    connection: sqlite3.Connection, readings: Sequence[Reading], snapshot: int, host: int, at: int
) -> None:
    """Every reading of a snapshot and its samples. Part of the caller's transaction."""
    for reading in readings:
        source = source_id(connection, host, reading.source, reading.kind, at)
        connection.execute(
            """UPDATE sources SET kind = :kind, endpoint = :endpoint, succeeded_at = CASE WHEN :good THEN :at ELSE succeeded_at END,
            failing_since = CASE WHEN :good THEN NULL ELSE coalesce(failing_since, :at) END WHERE id = :id""",
            {
                "kind": reading.kind,
                "endpoint": reading.endpoint,
                "good": reading.failure is Failure.OK,
                "at": at,
                "id": source,
            },
        )
        connection.execute(
            "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                snapshot,
                source,
                reading.failure.value,
                reading.reason,
                duration_us(reading.seconds),
                len(reading.samples),
                _json([asdict(note) for note in reading.notes]),
            ),
        )
        insert_samples(connection, reading.samples, source, host, at)
        log_errors.add(connection, reading.errors, source, host, at)


def import_samples(
    connection: sqlite3.Connection, rows: Iterable[tuple[str, str, Sample]], at: datetime
) -> tuple[int, int]:
    """Host, source and sample of the past: how many were given, and how many were new. One transaction."""
    given = stored = 0
    now = to_us(at)
    with batch(connection):
        source_rows = iter(rows)
        while part := list(islice(source_rows, _AT_ONCE)):
            given += len(part)
            samples: dict[tuple[str, str], list[Sample]] = {}
            for host, source, sample in part:
                samples.setdefault((host, source), []).append(sample)
            for (host, source), those in samples.items():
                number = host_id(connection, host)
                of = source_id(connection, number, source, IMPORTED, now)
                stored += insert_samples(connection, those, of, number, now)
                connection.execute(
                    "UPDATE sources SET succeeded_at = max(?, coalesce(succeeded_at, 0)) WHERE id = ?", (now, of)
                )
    return given, stored


def host_id(connection: sqlite3.Connection, name: str) -> int:
    """The row of a host, made when it is first met."""
    connection.execute("INSERT OR IGNORE INTO hosts (name) VALUES (?)", (name,))
    found = connection.execute("SELECT id FROM hosts WHERE name = ?", (name,)).fetchone()
    return int(found[0])


def source_id(connection: sqlite3.Connection, host: int, name: str, kind: str, at: int) -> int:
    """The row of a source, made when it is first met."""
    connection.execute(
        "INSERT OR IGNORE INTO sources (host, name, kind, first_seen_at) VALUES (?, ?, ?, ?)", (host, name, kind, at)
    )
    found = connection.execute("SELECT id FROM sources WHERE host = ? AND name = ?", (host, name)).fetchone()
    return int(found[0])


def insert_samples(connection: sqlite3.Connection, samples: Iterable[Sample], source: int, host: int, at: int) -> int:
    """Stores what is not stored yet, and gives the number of it. `at` is the time of samples without one.

    A figure so old that only its day's roll-up would be left of it is kept unless its series has that day already: what
    was imported once is not counted twice.
    """
    numbers = _Numbers(connection, host, source)
    raw_from, closed = progress(connection, "raw_from"), _Closed(connection)
    rows = []
    for sample in samples:
        when, series = at if sample.at is None else to_us(sample.at), numbers.of(sample)
        if when >= raw_from or not closed.has(series, when - when % DAY):
            rows.append((series, when, sample.value, _ANEW[sample.anew]))
    before = connection.total_changes
    connection.executemany("INSERT OR IGNORE INTO samples VALUES (?, ?, ?, ?)", rows)
    stored = connection.total_changes - before
    late = {when - when % HOUR for _, when, *_ in rows if when != at}
    connection.executemany("INSERT OR IGNORE INTO late_hours VALUES (?)", [(hour,) for hour in late])
    return stored


class _Numbers:
    """Numbers of a source's series, made when first needed. One about a server we know hangs on it, and follows its name."""

    def __init__(self, connection: sqlite3.Connection, host: int, source: int) -> None:
        self._connection, self._host, self._source = connection, host, source
        self._servers = dict(connection.execute("SELECT name, id FROM servers WHERE host = ?", (host,)))
        rows = connection.execute("SELECT server, subject, metric, labels, id FROM series WHERE source = ?", (source,))
        self._known: dict[tuple[int | None, str, str, str], int] = {tuple(key): number for *key, number in rows}

    def of(self, sample: Sample) -> int:
        server = self._servers.get(sample.subject)
        labels = _json(dict(sample.labels)) if sample.labels else ""
        key = (server, "" if server is not None else sample.subject, sample.metric, labels)
        if key not in self._known:
            row = self._connection.execute(
                """INSERT INTO series (host, source, server, subject, metric, labels, unit, counter)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                (self._host, self._source, *key, sample.unit, sample.counter),
            ).lastrowid
            assert row is not None
            self._known[key] = row
        return self._known[key]


class _Closed:
    """Days that a series has a roll-up of, as they were before; asked for figures older than the raw rows only."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._days: dict[int, set[int]] = {}

    def has(self, series: int, day: int) -> bool:
        if series not in self._days:
            rows = self._connection.execute("SELECT at FROM rollups WHERE series = ?", (series,))
            self._days[series] = {at for (at,) in rows}
        return day in self._days[series]
