"""Rows become frames: what the analysis may know, as of one snapshot. pandas is imported when one is asked for."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from caelum_report import codec
from caelum_report.buckets import spread
from caelum_report.document import Report, ReportRef, RunReport, StepReport
from caelum_report.history import History, Pin, SurfaceVersion
from caelum_report.model import STAGES, Note, Surface

from . import source_frames
from .bundles import AT_HOST, other_hosts
from .columns import AT_ONCE, columns_of, frame, in_pandas, objects, table, utc
from .rolled import rolled
from .rollups import SHAPE
from .schema import OWN_HOSTS
from .times import DAY, SECOND, from_us

if TYPE_CHECKING:
    import pandas as pd

_USAGE: Final = 92 * DAY

_DURATIONS: Final = (
    ("took_us", "seconds"),
    *((f"{stage}_us", stage) for stage in STAGES),
    ("latency_p50_us", "latency_p50"),
    ("latency_min_us", "latency_min"),
    ("latency_max_us", "latency_max"),
)
_PROBE: Final = (
    ("snapshot", "snapshot"), ("server", "server_id"), *((name, name) for name in ("status", "failure", "stage", "reason",
    "era", "protocol_version")), *_DURATIONS, ("latency_n", "latency_n"), ("rss_bytes", "rss"), ("cpu_us", "cpu_seconds"),
    *((name, name) for name in ("threads", "open_files", "processes", "instances")), ("instances_rss_bytes", "instances_rss"),
    ("instances_oldest_us", "instances_oldest"), *((name, name) for name in ("tools", "resources", "prompts", "tokens",
    "surface", "stderr_lines", "certificate_expires_at")), ("details", "details_id"),
)  # fmt: skip


def history(connection: sqlite3.Connection, snapshot_id: int, metrics: Sequence[str] | None = None) -> History:
    """All that was known when `snapshot_id` was stored; later rows are left out, so that an old report can be explained.

    `metrics` are those whose roll-ups are read: all of a year cost a second. `snapshot_count` counts every run there ever
    was, those whose raw rows are gone included.
    """
    (at,) = connection.execute("SELECT at FROM snapshots WHERE id = ?", (snapshot_id,)).fetchone()
    previous, report, run = _previous(connection, snapshot_id)
    probes, timings = _probes(connection, snapshot_id)
    rollups, pairs = _rollups(connection, at, metrics)
    (first,) = connection.execute("SELECT at FROM snapshots ORDER BY id LIMIT 1").fetchone()
    return History(
        snapshot=snapshot_id,
        snapshots=_snapshots(connection, snapshot_id),
        probes=probes,
        timings=timings,
        states=_states(connection, snapshot_id, at),
        rollups=rollups,
        pairs=pairs,
        host_samples=_host_samples(connection, snapshot_id),
        disks=_disks(connection, snapshot_id),
        networks=_networks(connection, snapshot_id),
        marks=_marks(connection, at),
        usage=_usage(connection, at),
        forecasts=_forecasts(connection, previous.number if previous else 0),
        surfaces=_surfaces(connection, snapshot_id),
        retired=tuple(
            name
            for (name,) in connection.execute(
                f"""SELECT servers.name || {AT_HOST} FROM servers JOIN hosts ON hosts.id = host
                WHERE retired_at <= ? ORDER BY 1""",
                (at,),
            )
        ),
        left=_left(connection, snapshot_id),
        next_number=previous.number + 1 if previous else 1,
        previous=previous,
        previous_report=report,
        previous_run=run,
        snapshot_count=snapshot_id,
        first_snapshot_at=from_us(first),
        database_bytes=_size(connection),
        pins=_pins(connection, at),
        sources=source_frames.history(connection, snapshot_id, at),
        others=other_hosts(connection, snapshot_id),
    )


def _size(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages * page_bytes)


# --- raw rows -------------------------------------------------------------------------------------------------------


def _snapshots(connection: sqlite3.Connection, last: int) -> pd.DataFrame:
    rows = connection.execute(
        """SELECT snapshots.id, at, name, program_version, method_version, took_us, network_down
        FROM snapshots JOIN hosts ON hosts.id = host WHERE snapshots.id <= ? AND servers IS NULL
        ORDER BY at, snapshots.id""",
        (last,),
    )
    return frame(rows, ("id", "at", "host", "program_version", "method_version", "seconds", "network_down"))


def _probes(connection: sqlite3.Connection, last: int) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """The frame, and its timings. What stands once for a run or a server is looked up here and not joined to every row."""
    import pandas as pd

    rows = connection.execute(
        f"SELECT {', '.join(column for column, _ in _PROBE)} FROM probes WHERE snapshot <= ? ORDER BY rowid", (last,)
    )
    columns = columns_of(rows, [name for _, name in _PROBE])
    timings, lengths = _timings(connection, last)
    runs = table(
        connection.execute("SELECT snapshots.id, at, name FROM snapshots JOIN hosts ON hosts.id = host ORDER BY 1"), 3
    )
    servers = table(
        connection.execute(
            f"SELECT servers.id, servers.name || {AT_HOST} FROM servers JOIN hosts ON hosts.id = host ORDER BY 1"
        ),
        2,
    )
    run = _places(runs[0], columns["snapshot"])
    at = np.array(runs[1], np.int64)[run]
    order = np.lexsort((columns["snapshot"], at))  # stable: those of a run as they were stored
    if (order[1:] < order[:-1]).any():  # somebody brought in what is older than the rest
        timings = timings[spread((np.cumsum(lengths) - lengths)[order], lengths[order])]
        columns = {name: column[order] for name, column in columns.items()}
        at, run, lengths = at[order], run[order], lengths[order]
    server, details = columns.pop("server_id"), columns.pop("details_id")
    documents = table(connection.execute("SELECT id, document FROM details ORDER BY 1"), 2)
    own = {name: in_pandas(name, column) for name, column in columns.items()}
    probes = {
        "snapshot": own.pop("snapshot"),
        "at": utc(at),
        "host": _named(runs[2], run),
        "server": _named(servers[1], _places(servers[0], server)),
        **own,
        "timings": lengths,
        "details": pd.Series(objects(documents[1])[_places(documents[0], details)], dtype=object),
    }
    return pd.DataFrame(probes, copy=False), timings


def _timings(connection: sqlite3.Connection, last: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Those of every probe, one after the other, and how many each has."""
    rows = connection.execute("SELECT timings FROM probes WHERE snapshot <= ? ORDER BY rowid", (last,))
    values, lengths = [np.empty(0)], [np.empty(0, np.int64)]
    while some := rows.fetchmany(AT_ONCE):
        lists = json.loads(f"[{','.join([text or '[]' for (text,) in some])}]")  # one call for all
        values.append(np.fromiter(chain.from_iterable(lists), np.float64) / SECOND)
        lengths.append(np.fromiter(map(len, lists), np.int64, len(lists)))
    return np.concatenate(values), np.concatenate(lengths)


def _places(known: Sequence[int], numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Where each number stands among the known ones, which ascend."""
    return np.searchsorted(np.array(known, np.int64), numbers)


def _named(names: Sequence[str], places: npt.NDArray[np.intp]) -> pd.Categorical[Any]:
    """A column of repeating texts: a number a row, and each text once."""
    import pandas as pd

    codes = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return pd.Categorical.from_codes(
        np.array([codes[name] for name in names], np.int64)[places], categories=pd.Index(list(codes), dtype=object)
    )


def _left(connection: sqlite3.Connection, last: int) -> dict[str, datetime]:
    """When servers left: retired by a person, or by the first run of this machine after their last check that was not
    about them.
    """
    gone = connection.execute(
        f"""SELECT servers.host, states.last_snapshot, servers.name
        FROM servers JOIN states ON states.id = servers.state
        WHERE states.last_snapshot < :last AND servers.host IN {OWN_HOSTS}
        AND servers.name NOT IN (SELECT value FROM snapshots, json_each(not_due) WHERE snapshots.id = :last)
        ORDER BY 1, 2""",
        {"last": last},
    )
    left: dict[str, int] = {}
    for (host, checked), rows in groupby(gone.fetchall(), key=lambda row: row[:2]):
        waiting = {name for _, _, name in rows}
        runs = connection.execute(
            "SELECT at, not_due FROM snapshots WHERE host = ? AND id > ? AND id <= ? ORDER BY id", (host, checked, last)
        )
        for at, not_due in runs:
            about = waiting.intersection(json.loads(not_due))
            left |= dict.fromkeys(waiting - about, at)
            waiting = about
            if not waiting:
                break
    retired = connection.execute(
        f"SELECT servers.name || {AT_HOST}, retired_at FROM servers JOIN hosts ON hosts.id = host WHERE retired_at IS NOT NULL"
    )
    for name, at in retired:
        left[name] = min(at, left.get(name, at))
    return {name: from_us(at) for name, at in left.items()}


def _states(connection: sqlite3.Connection, last: int, at: int) -> pd.DataFrame:
    """A stretch that went on after `last` ends, for this history, at the last check up to it."""
    rows = connection.execute(
        f"""SELECT hosts.name, servers.name || {AT_HOST}, start,
            CASE WHEN last_snapshot <= :last THEN end ELSE max(start, coalesce(
                (SELECT max(at) FROM probes JOIN snapshots ON snapshots.id = snapshot
                 WHERE server = states.server AND snapshot BETWEEN first_snapshot AND :last), :at)) END,
            status, failure, stage, reason,
            CASE WHEN last_snapshot <= :last THEN checks ELSE max(1, checks -
                (SELECT count(*) FROM probes WHERE server = states.server AND snapshot > :last
                 AND snapshot <= last_snapshot)) END
        FROM states JOIN servers ON servers.id = states.server JOIN hosts ON hosts.id = servers.host
        WHERE first_snapshot <= :last ORDER BY start, states.id""",
        {"last": last, "at": at},
    )
    return frame(rows, ("host", "server", "start", "end", "status", "failure", "stage", "reason", "checks"))


def _host_samples(connection: sqlite3.Connection, last: int) -> pd.DataFrame:
    rows = connection.execute(
        """SELECT snapshot, at, name, boot_at, cpus, cpu_percent, iowait_percent, steal_percent, load_1, load_5, load_15,
            memory_total, memory_available, swap_total, swap_used, swap_in, swap_out, temperature
        FROM host_samples JOIN snapshots ON snapshots.id = snapshot JOIN hosts ON hosts.id = host_samples.host
        WHERE snapshot <= ? ORDER BY at, snapshot""",
        (last,),
    )
    return frame(
        rows,
        ("snapshot", "at", "host", "boot_at", "cpus", "cpu_percent", "iowait_percent", "steal_percent", "load_1",
         "load_5", "load_15", "memory_total", "memory_available", "swap_total", "swap_used", "swap_in", "swap_out",
         "temperature"),
    )  # fmt: skip


def _disks(connection: sqlite3.Connection, last: int) -> pd.DataFrame:
    rows = connection.execute(
        """SELECT snapshot, at, hosts.name, disks.name, device, total, used, read, write
        FROM disks JOIN snapshots ON snapshots.id = snapshot JOIN hosts ON hosts.id = disks.host
        WHERE snapshot <= ? ORDER BY at, snapshot, disks.name""",
        (last,),
    )
    return frame(rows, ("snapshot", "at", "host", "name", "device", "total", "used", "read", "write"))


def _networks(connection: sqlite3.Connection, last: int) -> pd.DataFrame:
    rows = connection.execute(
        """SELECT snapshot, at, hosts.name, networks.name, sent, received, errors
        FROM networks JOIN snapshots ON snapshots.id = snapshot JOIN hosts ON hosts.id = networks.host
        WHERE snapshot <= ? ORDER BY at, snapshot, networks.name""",
        (last,),
    )
    return frame(rows, ("snapshot", "at", "host", "name", "sent", "received", "errors"))


def _marks(connection: sqlite3.Connection, at: int) -> pd.DataFrame:
    return frame(connection.execute("SELECT at, text FROM marks WHERE at <= ? ORDER BY at, id", (at,)), ("at", "text"))


def _usage(connection: sqlite3.Connection, at: int) -> pd.DataFrame:
    rows = connection.execute(
        """SELECT hour, name, server, tool, source, calls, errors, total_us, max_us, buckets
        FROM usage JOIN hosts ON hosts.id = host WHERE hour BETWEEN ? AND ? ORDER BY hour, name, server, tool, source""",
        (at - _USAGE, at),
    )
    names = ("hour", "host", "server", "tool", "source", "calls", "errors", "seconds", "max", "buckets")
    return frame(rows, names)


_JUDGED_AT_MOST: Final = 20_000  # forecasts: a record does not gain by more


def _forecasts(connection: sqlite3.Connection, last: int) -> pd.DataFrame:
    """As of the report `last`: what was judged later still waits."""
    rows = connection.execute(
        f"""SELECT forecasts.id, coalesce(servers.name, subject), metric, reports.at, due_at, level, lower, mean, upper,
            reaches, naive, widened, judged, CASE WHEN judged THEN held END, CASE WHEN judged THEN actual END
        FROM (SELECT *, scored_by IS NOT NULL AND scored_by <= :last AS judged FROM forecasts WHERE report <= :last)
            AS forecasts JOIN series ON series.id = series JOIN reports ON reports.number = report
            LEFT JOIN servers ON servers.id = server
        WHERE NOT judged OR forecasts.id IN (SELECT id FROM forecasts WHERE scored_by <= :last
            ORDER BY due_at DESC, id DESC LIMIT {_JUDGED_AT_MOST})
        ORDER BY forecasts.id""",
        {"last": last},
    )
    return frame(
        rows,
        ("id", "subject", "metric", "made_at", "due_at", "level", "lower", "mean", "upper", "limit", "naive", "widened",
         "judged", "held", "actual"),
    )  # fmt: skip


# --- roll-ups -------------------------------------------------------------------------------------------------------


def _rollups(
    connection: sqlite3.Connection, at: int, metrics: Sequence[str] | None
) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
    """Hours and days that had closed at `at`, and the buckets of all."""
    import pandas as pd

    known = connection.execute(
        f"""SELECT series.id, hosts.name, coalesce(servers.name, subject) || {AT_HOST}, metric
        FROM series JOIN hosts ON hosts.id = series.host LEFT JOIN servers ON servers.id = server
        WHERE source IS NULL ORDER BY series.id"""
    )
    subjects = table((row for row in known if metrics is None or row[3] in metrics), 4)
    columns, is_day, pairs = rolled(connection, at, subjects[0])
    place = _places(subjects[0], columns["series"])
    hours_and_days = pd.DataFrame(
        {
            "level": pd.Categorical.from_codes(is_day.astype(np.int8), categories=pd.Index(["hour", "day"])),
            "host": _named(subjects[1], place),
            "subject": _named(subjects[2], place),
            "metric": _named(subjects[3], place),
            "at": utc(columns["at"]),
            **{name: columns[name] for name in ("n", *SHAPE, "first", "pairs")},
        },
        copy=False,
    )
    return hours_and_days, pairs


# --- surfaces and reports -------------------------------------------------------------------------------------------


def _surfaces(connection: sqlite3.Connection, last: int) -> tuple[SurfaceVersion, ...]:
    rows = connection.execute(
        f"""SELECT servers.name || {AT_HOST}, at, snapshot, surface_versions.surface
        FROM surface_versions JOIN snapshots ON snapshots.id = snapshot JOIN servers ON servers.id = server
            JOIN hosts ON hosts.id = servers.host
        WHERE snapshot <= ? ORDER BY snapshot, server""",
        (last,),
    ).fetchall()
    documents = _documents(connection, (sha256 for *_, sha256 in rows))
    return tuple(
        SurfaceVersion(server, from_us(at), snapshot, documents[sha256]) for server, at, snapshot, sha256 in rows
    )


def _pins(connection: sqlite3.Connection, at: int) -> tuple[Pin, ...]:
    rows = connection.execute(
        """SELECT name, at, pins.surface FROM pins JOIN servers ON servers.id = server
        WHERE at <= ? ORDER BY at, pins.id""",
        (at,),
    ).fetchall()
    documents = _documents(connection, (sha256 for *_, sha256 in rows if sha256 is not None))
    return tuple(Pin(server, from_us(when), documents.get(sha256)) for server, when, sha256 in rows)


def _documents(connection: sqlite3.Connection, hashes: Iterable[str]) -> dict[str, Surface]:
    """Each different surface once."""
    from pydantic import TypeAdapter

    adapter = TypeAdapter(Surface)
    documents: dict[str, Surface] = {}
    for sha256 in hashes:
        if sha256 not in documents:
            (packed,) = connection.execute("SELECT document FROM surfaces WHERE sha256 = ?", (sha256,)).fetchone()
            documents[sha256] = adapter.validate_json(zlib.decompress(packed))
    return documents


def _previous(
    connection: sqlite3.Connection, snapshot_id: int
) -> tuple[ReportRef | None, Report | None, RunReport | None]:
    """The report before, and how its run went on after it was stored."""
    row = connection.execute(
        """SELECT id, number, at, sha256, snapshot, document FROM reports WHERE snapshot < ?
        ORDER BY number DESC LIMIT 1""",
        (snapshot_id,),
    ).fetchone()
    if row is None:
        return None, None, None
    identifier, number, at, sha256, snapshot, document = row
    reference = ReportRef(identifier, number, from_us(at), sha256)
    if document is None:  # thinned: only where an old snapshot is analysed again
        return reference, None, None
    report = codec.from_json(zlib.decompress(document))
    steps = tuple(
        StepReport(name, took / SECOND, text)
        for name, took, text in connection.execute(
            "SELECT name, took_us, text FROM run_steps WHERE snapshot = ? ORDER BY position", (snapshot,)
        )
    )
    notes = tuple(
        Note(code, text)
        for code, text in connection.execute(
            "SELECT code, text FROM run_notes WHERE snapshot = ? ORDER BY position", (snapshot,)
        )
    )
    steps = (*report.run.steps, *steps)
    run = replace(
        report.run,
        seconds=sum(step.seconds for step in steps),
        steps=steps,
        notes=(*report.run.notes, *notes),
    )
    return reference, report, run
