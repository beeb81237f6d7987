"""Rows for other programs: the history as plain tables, times as RFC 3339 in UTC, durations in seconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from caelum_report.model import STAGES

from .times import SECOND, from_us, to_us


@dataclass(frozen=True, slots=True)
class _Export:
    columns: tuple[str, ...]  # names; a column of the select each
    select: str  # of rows at or after ?
    times: tuple[str, ...] = ("at",)
    durations: tuple[str, ...] = ()


_SERIES: Final = """FROM series JOIN hosts ON hosts.id = series.host LEFT JOIN servers ON servers.id = series.server
    LEFT JOIN sources ON sources.id = series.source"""
_LATENCIES: Final = ("latency_p50", "latency_min", "latency_max")
EXPORTS: Final = {
    "samples": _Export(
        ("at", "host", "source", "subject", "metric", "labels", "value", "unit", "counter"),
        f"""SELECT samples.at, hosts.name, sources.name, coalesce(servers.name, series.subject), metric, labels, value,
            unit, counter {_SERIES} JOIN samples ON samples.series = series.id WHERE samples.at >= ? ORDER BY 1, 2, 3, 4, 5, 6""",
    ),
    "days": _Export(
        ("at", "host", "source", "subject", "metric", "labels", "n", "min", "mean", "max", "p5", "p50", "p95"),
        f"""SELECT rollups.at, hosts.name, sources.name, coalesce(servers.name, series.subject), metric, labels, n, min,
            mean, max, p5, p50, p95 {_SERIES} JOIN rollups ON rollups.series = series.id WHERE rollups.at >= ?
        ORDER BY 1, 2, 3, 4, 5, 6""",
    ),
    "probes": _Export(
        (
            *("at", "host", "server", "status", "failure", "stage", "reason", "era", "protocol_version", "seconds"),
            *STAGES,
            *_LATENCIES,
            *("latency_n", "rss_bytes", "cpu_seconds", "tools", "resources", "prompts", "tokens"),
        ),
        f"""SELECT at, hosts.name, servers.name, status, failure, stage, reason, probes.era, protocol_version,
            probes.took_us, {", ".join(f"{name}_us" for name in (*STAGES, *_LATENCIES))}, latency_n, rss_bytes, cpu_us,
            tools, resources, prompts, tokens
        FROM probes JOIN snapshots ON snapshots.id = snapshot JOIN servers ON servers.id = server
            JOIN hosts ON hosts.id = snapshots.host WHERE at >= ? ORDER BY at, snapshot, probes.rowid""",
        durations=("seconds", *STAGES, *_LATENCIES, "cpu_seconds"),
    ),
    "states": _Export(
        ("host", "server", "start", "end", "status", "failure", "stage", "reason", "checks"),
        """SELECT hosts.name, servers.name, start, end, status, failure, stage, reason, checks
        FROM states JOIN servers ON servers.id = server JOIN hosts ON hosts.id = servers.host
        WHERE end >= ? ORDER BY start, states.id""",
        times=("start", "end"),
    ),
}


def exported(
    connection: sqlite3.Connection, what: str, since: datetime | None
) -> tuple[tuple[str, ...], Iterator[Sequence[Any]]]:
    """Column names, and the rows as they are read. `what` is a name of EXPORTS."""
    export = EXPORTS[what]
    times = [export.columns.index(name) for name in export.times]
    durations = [export.columns.index(name) for name in export.durations]

    def rows() -> Iterator[Sequence[Any]]:
        for row in connection.execute(export.select, (0 if since is None else to_us(since),)):
            cells = list(row)
            for index in times:
                cells[index] = from_us(cells[index])
            for index in durations:
                cells[index] = None if cells[index] is None else cells[index] / SECOND
            yield cells

    return export.columns, rows()


def has_samples(connection: sqlite3.Connection) -> bool:
    """Whether a source, or an import, has ever given a figure that is still kept."""
    return connection.execute("SELECT 1 FROM samples LIMIT 1").fetchone() is not None
