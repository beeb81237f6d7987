"""What is stored, cleaned anew: today's secrets and today's idea of what can be seen, in every text of the database.

Every column that can hold words is named here; a test asks of each column of the schema whether it is.
"""

from __future__ import annotations

import glob
import hashlib
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from caelum_report.cleaning import Cleaning

from . import archive, log_errors
from .database import batch
from .memory import report_by_id
from .times import to_us


def _columns(names: str) -> tuple[tuple[str, str], ...]:
    return tuple((table, column) for table, column in (name.split(".") for name in names.split()))


_NAMES: Final = _columns("servers.name hosts.name sources.name approvals.server")
_KEYS: Final = _columns(  # what else tells rows apart
    """alert_tracks.rule alert_tracks.subject bookmarks.source disks.name networks.name outbox.key outbox.channel
    series.subject series.metric series.labels usage.server usage.tool usage.source"""
)
_TEXTS: Final = _columns(
    """alerts.rule alerts.subject alerts.server alerts.text alerts.owner alerts.runbook disks.device
    host_samples.temperature_label log_errors.subject log_errors.text marks.text outbox.kind outbox.subject outbox.error
    probes.stage probes.reason probes.protocol_version readings.reason reports.program_version run_notes.code run_notes.text
    run_steps.name run_steps.text series.unit silences.author silences.reason silences.rule silences.subject
    snapshots.program_version sources.endpoint sources.kind states.stage states.reason"""
)
_JSON: Final = _columns(
    """approvals.shown bookmarks.value details.document first_probes.document hosts.servers outbox.payload outbox.waiting readings.notes
    snapshots.not_due snapshots.notes"""
)
_PACKED: Final = _columns("surfaces.document")
_REPORTS: Final = _columns("reports.document")
CLEANED: Final = (*_NAMES, *_KEYS, *_TEXTS, *_JSON, *_PACKED, *_REPORTS)
WITHOUT_WORDS: Final = _columns(  # hashes, figures, and words that are ours alone
    """alert_tracks.seen alerts.severity alerts.phase approvals.fingerprint bookmarks.name pins.surface probes.status
    probes.failure probes.era probes.timings probes.surface readings.failure reports.id reports.sha256
    reports.previous_sha256 reports.purged_sha256 rollups.buckets rollups.hours rollups.hour_buckets rollups.flat_hours
    servers.verdicts servers.gaps servers.era servers.surface servers.tool_order servers.fingerprint states.status states.failure
    surface_versions.surface surfaces.sha256 upkeep.name usage.buckets"""
)
_COPY: Final = re.compile(r"\.(?:schema|damaged|replaced)-\d+$")


@dataclass(frozen=True, slots=True)
class Changed:
    """What a purge changed, or would change. No text of it is told: it may be half a secret."""

    rows: dict[str, int]  # changed texts, by table; none with 0
    reports: tuple[str, ...]  # ids of those whose document is another now
    lost: tuple[str, ...]  # ids of those whose document cannot be read any more, and is gone


@dataclass(frozen=True, slots=True)
class Stale:
    """A report in the archive whose files are not what they would be today."""

    id: str
    document: bytes | None  # to make them anew from; None: they can only go
    endings: frozenset[str]  # that are there


def purge(connection: sqlite3.Connection, cleaning: Cleaning, at: datetime, *, dry_run: bool = False) -> Changed:
    """Everything in one transaction. With `dry_run` it is only counted, and nothing is written."""
    with batch(connection):
        cleaning.settle({*_words(connection, _NAMES), *_pairs(connection)}, {*_words(connection, _KEYS)})
        rows: Counter[str] = Counter()
        for columns, clean in (
            ((*_NAMES, *_KEYS, *_TEXTS), cleaning.text),
            (_JSON, cleaning.json),
            (_PACKED, partial(_repacked, cleaning)),
        ):
            for table, column in columns:
                rows[table] += _clean(connection, table, column, clean, dry_run=dry_run)
        if not dry_run:
            log_errors.unite(connection)
        reports, lost = _reports(connection, cleaning, at, dry_run=dry_run)
    return Changed({table: count for table, count in sorted(rows.items()) if count}, reports, lost)


def _words(connection: sqlite3.Connection, columns: Iterable[tuple[str, str]]) -> Iterator[str]:
    for table, column in columns:
        for (word,) in connection.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"):
            yield word


def _pairs(connection: sqlite3.Connection) -> Iterator[str]:
    """What reports call the servers of other hosts."""
    for row in connection.execute(
        "SELECT servers.name || '@' || hosts.name FROM servers JOIN hosts ON hosts.id = host"
    ):
        yield row[0]


def _clean(
    connection: sqlite3.Connection, table: str, column: str, clean: Callable[[Any], Any], *, dry_run: bool
) -> int:
    """How many rows are others afterwards."""
    key = _key_of(connection, table)
    where = " AND ".join(f"{name} = ?" for name in key)
    changes = [
        (new, *row)
        for old, *row in connection.execute(f"SELECT {column}, {', '.join(key)} FROM {table} WHERE {column} <> ''")
        if (new := clean(old)) != old
    ]
    if not dry_run:
        connection.executemany(f"UPDATE {table} SET {column} = ? WHERE {where}", changes)
    return len(changes)


def _key_of(connection: sqlite3.Connection, table: str) -> list[str]:
    columns = connection.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk")
    return [name for (name,) in columns] or ["rowid"]


def _repacked(cleaning: Cleaning, packed: bytes) -> bytes:
    text = zlib.decompress(packed).decode()
    cleaned = cleaning.json(text)
    return packed if cleaned == text else zlib.compress(cleaned.encode(), 6)


def _reports(
    connection: sqlite3.Connection, cleaning: Cleaning, at: datetime, *, dry_run: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The chain of hashes stays as it was published: `sha256` is what the next report names, `purged_sha256` what is there."""
    changed, lost = [], []
    for (identifier,) in connection.execute(
        "SELECT id FROM reports WHERE document IS NOT NULL ORDER BY number"
    ).fetchall():
        (packed,) = connection.execute("SELECT document FROM reports WHERE id = ?", (identifier,)).fetchone()
        document = zlib.decompress(packed)
        try:
            cleaned = cleaning.report(document, at)
        except ValueError:
            lost.append(identifier)
            values: tuple[Any, ...] = (to_us(at), None, None, identifier)
        else:
            if cleaned == document:
                continue
            changed.append(identifier)
            values = (to_us(at), hashlib.sha256(cleaned).hexdigest(), zlib.compress(cleaned, 6), identifier)
        if not dry_run:
            connection.execute("UPDATE reports SET purged_at = ?, purged_sha256 = ?, document = ? WHERE id = ?", values)
    return tuple(changed), tuple(lost)


def copies(database: str) -> tuple[Path, ...]:
    """Whole copies of the history that lie beside it: of older schemas, damaged or replaced ones. They are not purged."""
    beside = Path(database)
    return tuple(
        sorted(file for file in beside.parent.glob(f"{glob.escape(beside.name)}.*-*") if _COPY.search(file.name))
    )


def compact(connection: sqlite3.Connection) -> None:
    """Writes the file anew, without what was overwritten in it. Its temporary copy holds what it holds afterwards."""
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("VACUUM")


# --- the archive ----------------------------------------------------------------------------------------------------


def stale(
    connection: sqlite3.Connection, database: str, cleaning: Cleaning, at: datetime, lost: Collection[str] = ()
) -> Iterator[Stale]:
    """Reports of the archive that hold what they should not, one at a time, for they are large.

    A report's JSON is what it is judged by; whoever makes its files anew writes that one last.
    """
    for identifier, endings in sorted(archive.contents(database).items()):
        own = archive.read(database, f"{identifier}.json")
        base = report_by_id(connection, identifier) or own
        try:
            wanted = cleaning.report(base, at) if base is not None and identifier not in lost else None
        except ValueError:
            wanted = None
        if own is None and wanted is None and identifier not in lost:
            if not cleaning.holds_secret(archive.read(database, f"{identifier}.html") or b""):
                continue
        elif own == wanted:
            continue
        yield Stale(identifier, wanted, endings)
