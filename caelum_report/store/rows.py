"""Objects become rows here, and in `readings`, and nowhere else. Every function is one transaction, or part of the caller's `batch`."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from caelum_report.configured import Config
from caelum_report.errors import StoreError
from caelum_report.model import STAGES, HostSample, Note, Probe, Snapshot, Stage, Surface

from . import forecasts, standing, usage
from .database import batch
from .readings import insert_readings
from .standing import Stretch
from .times import SECOND, duration_us, to_us

if TYPE_CHECKING:
    from caelum_report.document import Report, StepReport


def add_snapshot(connection: sqlite3.Connection, snapshot: Snapshot, config: Config) -> int:
    """Stores all that a run saw and gives the snapshot's id.

    Ids are the order of things. A clock that went back is noted and harms nothing; two runs at the same time are two
    snapshots.
    """
    with batch(connection):
        host = _host(connection, snapshot.host)
        at = to_us(snapshot.at)
        snapshot_id = _insert_snapshot(connection, snapshot, host, at)
        _insert_probes(connection, snapshot, config, snapshot_id, host)
        insert_readings(connection, snapshot.readings, snapshot_id, host, at)
        if snapshot.host_sample is not None:
            _insert_host_sample(connection, snapshot.host_sample, snapshot_id)
        usage.add_usage(connection, host, snapshot.usage)
        usage.set_bookmarks(connection, snapshot.bookmarks)
        return snapshot_id


def _host(connection: sqlite3.Connection, name: str) -> int:
    found = connection.execute("SELECT id FROM hosts WHERE name = ?", (name,)).fetchone()
    return int(found[0]) if found else _insert(connection, "INSERT INTO hosts (name) VALUES (?)", (name,))


def _insert_snapshot(connection: sqlite3.Connection, snapshot: Snapshot, host: int, at: int) -> int:
    notes = snapshot.notes
    before = connection.execute("SELECT at FROM snapshots WHERE host = ? ORDER BY id DESC LIMIT 1", (host,)).fetchone()
    if before and before[0] > at:
        seconds = (before[0] - at) / 1e6
        notes = (*notes, Note("clock-back", f"The clock is {seconds:.0f} s behind the time of the run before."))
    return _insert(
        connection,
        """INSERT INTO snapshots (at, host, program_version, method_version, took_us, network_down, not_due, notes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            at,
            host,
            snapshot.program_version,
            snapshot.method_version,
            duration_us(snapshot.seconds),
            snapshot.network_down,
            _json(snapshot.not_due),
            _json([asdict(note) for note in notes]),
        ),
    )


def _insert(connection: sqlite3.Connection, statement: str, values: Sequence[Any]) -> int:
    row = connection.execute(statement, values).lastrowid
    assert row is not None
    return row


# --- servers and their probes ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Standing:
    """A row of `servers` while a snapshot is being added."""

    id: int
    stretch: Stretch | None = None
    checked_at: int | None = None
    verdicts: str = ""
    gaps: list[int] = field(default_factory=list)
    flapping: bool = False
    era: str | None = None
    era_seen_at: int | None = None
    started: bool = False
    surface: str | None = None
    details: int | None = None
    tool_order: str = ""
    fingerprint: str = ""
    document: str | None = None  # of `details`


def _insert_probes(
    connection: sqlite3.Connection, snapshot: Snapshot, config: Config, snapshot_id: int, host: int
) -> None:
    at = to_us(snapshot.at)
    standings = _standings(connection, host)
    configured = {server.id: server for server in config.servers}
    (next_state,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM states").fetchone()
    extended, begun, rows = [], [], []
    for probe in snapshot.probes:
        known = standings.get(probe.server)
        if known is None:
            known = standings[probe.server] = _new_server(connection, host, probe.server, at)
        if probe.surface is not None and probe.surface.sha256 != known.surface:
            _insert_surface(connection, probe.surface, known.id, snapshot_id)
        stretch = known.stretch
        expected = standing.expected_interval(known.gaps, configured.get(probe.server), config)
        if stretch is not None and standing.lasts(stretch, probe, at, expected):
            extended.append((max(at, stretch.end), snapshot_id, stretch.id))
        else:
            start = at if stretch is None or standing.hole(stretch, at, expected) else max(at, stretch.end)
            begun.append((next_state, known.id, start, start, snapshot_id, snapshot_id, *_state(probe)))
            known.stretch = Stretch(next_state, start, start, probe.status.value, probe.failure.value)
            next_state += 1
        if stretch is not None:
            known.gaps = standing.add_gap(known.gaps, (at - stretch.end) // SECOND)
        _learn(known, probe, at)
        if known.checked_at == at and (server := configured.get(probe.server)) is not None:
            known.fingerprint = server.fingerprint
        document = _details(probe)
        if document != known.document:
            known.details = _insert(
                connection, "INSERT INTO details (server, document) VALUES (?, ?)", (known.id, document)
            )
            known.document = document
        rows.append((snapshot_id, known.id, *_probe(probe), known.details))
    _insert_states(connection, extended, begun)
    connection.executemany(_INSERT_PROBE, rows)
    _remember(connection, [standings[probe.server] for probe in snapshot.probes])


def _insert_states(
    connection: sqlite3.Connection, extended: Sequence[tuple[Any, ...]], begun: Sequence[tuple[Any, ...]]
) -> None:
    connection.executemany("UPDATE states SET end = ?, last_snapshot = ?, checks = checks + 1 WHERE id = ?", extended)
    connection.executemany(
        """INSERT INTO states (id, server, start, end, first_snapshot, last_snapshot, status, failure, stage, reason, checks)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)""",
        begun,
    )


def _remember(connection: sqlite3.Connection, standings: Sequence[_Standing]) -> None:
    """What the next run wants to know of these servers. One that was probed is in service again."""
    connection.executemany(
        """UPDATE servers SET state = ?, checked_at = ?, verdicts = ?, gaps = ?, flapping = ?, era = ?, era_seen_at = ?,
        started = ?, surface = ?, details = ?, tool_order = ?, fingerprint = ?, retired_at = NULL WHERE id = ?""",
        [
            (
                known.stretch.id if known.stretch else None,
                known.checked_at,
                known.verdicts,
                " ".join(map(str, known.gaps)),
                known.flapping,
                known.era,
                known.era_seen_at,
                known.started,
                known.surface,
                known.details,
                known.tool_order,
                known.fingerprint,
                known.id,
            )
            for known in standings
        ],
    )


def _standings(connection: sqlite3.Connection, host: int) -> dict[str, _Standing]:
    rows = connection.execute(
        """SELECT servers.name, servers.id, states.id, states.start, states.end, states.status, states.failure,
            checked_at, verdicts, gaps, flapping, era, era_seen_at, started, surface, details,
            tool_order, fingerprint, document
        FROM servers LEFT JOIN states ON states.id = servers.state LEFT JOIN details ON details.id = servers.details
        WHERE host = ?""",
        (host,),
    )
    return {
        name: _Standing(
            server,
            Stretch(*state) if state[0] else None,
            checked,
            verdicts,
            [int(gap) for gap in gaps.split()],
            bool(flapping),
            era,
            era_seen,
            bool(started),
            *rest,
        )
        for name, server, *state, checked, verdicts, gaps, flapping, era, era_seen, started, surface, details, order, asked, document in rows
        for rest in [(surface, details, order, asked, document)]
    }


def _new_server(connection: sqlite3.Connection, host: int, name: str, at: int) -> _Standing:
    return _Standing(
        _insert(connection, "INSERT INTO servers (host, name, first_seen_at) VALUES (?, ?, ?)", (host, name, at))
    )


def _learn(known: _Standing, probe: Probe, at: int) -> None:
    if standing.asked(probe):
        known.checked_at = at
    known.verdicts = standing.add_verdict(known.verdicts, probe)
    known.flapping = standing.flaps(known.verdicts, before=known.flapping)
    if probe.era is not None:
        known.started = True
    if probe.era is not None and probe.era_certain:
        known.era, known.era_seen_at = probe.era.value, at
    if probe.surface is not None:
        known.surface, known.tool_order = probe.surface.sha256, probe.tool_order


def _insert_surface(connection: sqlite3.Connection, surface: Surface, server: int, snapshot: int) -> None:
    known = connection.execute("SELECT 1 FROM surfaces WHERE sha256 = ?", (surface.sha256,)).fetchone()
    if not known:
        connection.execute("INSERT INTO surfaces VALUES (?, ?)", (surface.sha256, _pack(_json(asdict(surface)))))
    connection.execute("INSERT INTO surface_versions VALUES (?, ?, ?)", (server, snapshot, surface.sha256))


def _state(probe: Probe) -> tuple[str, str, str | None, str]:
    return probe.status.value, probe.failure.value, probe.stage, probe.reason


PROBE_COLUMNS: Final = (
    "started_at", "status", "failure", "stage", "reason", "era", "protocol_version", "took_us",
    *(f"{stage}_us" for stage in STAGES),
    "latency_p50_us", "latency_min_us", "latency_max_us", "latency_n", "timings",
    "rss_bytes", "cpu_us", "threads", "open_files", "processes",
    "instances", "instances_rss_bytes", "instances_oldest_us",
    "tools", "resources", "prompts", "tokens", "surface",
    "stderr_lines", "certificate_expires_at", "details",
)  # fmt: skip
_INSERT_PROBE: Final = (
    f"INSERT INTO probes (snapshot, server, {', '.join(PROBE_COLUMNS)}) VALUES (?, ?{', ?' * len(PROBE_COLUMNS)})"
)


def _probe(probe: Probe) -> tuple[Any, ...]:
    """In the order of PROBE_COLUMNS, without the last."""
    took_us = {stage.name: round(stage.seconds * SECOND) for stage in probe.stages if stage.seconds is not None}
    return (
        to_us(probe.started_at),
        *_state(probe),
        probe.era and probe.era.value,
        probe.protocol_version,
        duration_us(probe.seconds),
        *map(took_us.get, STAGES),
        *_timings(probe),
        *_process(probe),
        *_instances(probe),
        *_offer(probe.surface),
        probe.stderr_lines,
        probe.certificate_expires_at and to_us(probe.certificate_expires_at),
    )


def _timings(probe: Probe) -> tuple[int | None, int | None, int | None, int, str | None]:
    timings = [round(seconds * 1e6) for seconds in probe.timings_seconds]
    if not timings:
        return None, None, None, 0, None
    return round(median(timings)), min(timings), max(timings), len(timings), _json(timings)


def _process(probe: Probe) -> tuple[int | None, ...]:
    process = probe.process
    if process is None:
        return (None,) * 5
    cpu = duration_us(process.cpu_seconds)
    return process.rss_bytes, cpu, process.threads, process.open_files, process.processes


def _instances(probe: Probe) -> tuple[int | None, ...]:
    instances = probe.instances
    if instances is None:
        return (None,) * 3
    return instances.count, instances.rss_bytes, duration_us(instances.oldest_seconds)


def _offer(surface: Surface | None) -> tuple[int | str | None, ...]:
    if surface is None:
        return (None,) * 5
    tokens = sum(tool.tokens for tool in surface.tools)
    return len(surface.tools), len(surface.resources), len(surface.prompts), tokens, surface.sha256


def _details(probe: Probe) -> str:
    rest = _json(
        {
            "notes": [{"code": note.code, "text": note.text} for note in probe.notes],
            "capabilities": probe.capabilities,
            "supported_versions": probe.supported_versions,
            "server_name": probe.server_name,
            "server_version": probe.server_version,
            "timing_method": probe.timing_method,
            "stderr_tail": probe.stderr_tail,
            "exit_status": probe.exit_status,
        }
    )
    return f'{{"stages":[{",".join(map(_stage, probe.stages))}],{rest[1:]}'


def _stage(stage: Stage) -> str:
    """By hand: ten rungs a probe would be half the cost of storing it."""
    detail = _json(stage.detail) if stage.detail else '""'
    return f'{{"name":"{stage.name}","outcome":"{stage.outcome.value}","detail":{detail}}}'


_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _pack(text: str | bytes) -> bytes:
    return zlib.compress(text.encode() if isinstance(text, str) else text, 6)


# --- the host -------------------------------------------------------------------------------------------------------


def _insert_host_sample(connection: sqlite3.Connection, sample: HostSample, snapshot: int) -> None:
    """`sample.host` is usually the snapshot's host; a bundle may carry another's."""
    host = _host(connection, sample.host)
    connection.execute(
        f"INSERT INTO host_samples VALUES (?{', ?' * 17})",
        (
            snapshot,
            host,
            to_us(sample.boot_at),
            sample.cpus,
            sample.cpu_percent,
            sample.iowait_percent,
            sample.steal_percent,
            sample.load_1,
            sample.load_5,
            sample.load_15,
            sample.memory_total_bytes,
            sample.memory_available_bytes,
            sample.swap_total_bytes,
            sample.swap_used_bytes,
            sample.swap_in_bytes,
            sample.swap_out_bytes,
            sample.temperature_celsius,
            sample.temperature_label,
        ),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO disks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                snapshot,
                host,
                disk.name,
                disk.device,
                disk.total_bytes,
                disk.used_bytes,
                disk.read_bytes,
                disk.write_bytes,
            )
            for disk in sample.disks
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO networks VALUES (?, ?, ?, ?, ?, ?)",
        [(snapshot, host, net.name, net.sent_bytes, net.received_bytes, net.errors) for net in sample.networks],
    )


# --- reports, steps, marks, approvals -------------------------------------------------------------------------------


def save_report(connection: sqlite3.Connection, report: Report) -> None:
    """Stores the document, chained to the one before, with its forecasts and scores; refuses a number or a predecessor that
    does not follow.
    """
    from caelum_report import codec  # pydantic, which a snapshot does without

    document = codec.to_json(report)
    with batch(connection):
        last = connection.execute("SELECT number, sha256 FROM reports ORDER BY number DESC LIMIT 1").fetchone()
        number, sha256 = last or (0, None)
        if report.number <= number or (report.previous.sha256 if report.previous else None) != sha256:
            raise StoreError(
                f"report #{report.number} does not follow report #{number}, the last one stored: "
                "another run was quicker; run again"
            )
        connection.execute(
            """INSERT INTO reports (number, id, snapshot, at, program_version, method_version, sha256, previous_sha256,
                document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                report.number,
                report.id,
                report.run.snapshot,
                to_us(report.at),
                report.program_version,
                report.method_version,
                hashlib.sha256(document).hexdigest(),
                sha256,
                _pack(document),
            ),
        )
        forecasts.keep(connection, report)


def add_run_steps(
    connection: sqlite3.Connection, snapshot_id: int, steps: Sequence[StepReport], notes: Sequence[Note] = ()
) -> None:
    """How render and deliver went; replaces what an earlier attempt on this snapshot said."""
    with batch(connection):
        connection.execute("DELETE FROM run_steps WHERE snapshot = ?", (snapshot_id,))
        connection.execute("DELETE FROM run_notes WHERE snapshot = ?", (snapshot_id,))
        connection.executemany(
            "INSERT INTO run_steps VALUES (?, ?, ?, ?, ?)",
            [(snapshot_id, i, step.name, duration_us(step.seconds), step.text) for i, step in enumerate(steps)],
        )
        connection.executemany(
            "INSERT INTO run_notes VALUES (?, ?, ?, ?)",
            [(snapshot_id, i, note.code, note.text) for i, note in enumerate(notes)],
        )


def add_mark(connection: sqlite3.Connection, at: datetime, text: str) -> None:
    with batch(connection):
        connection.execute("INSERT INTO marks (at, text) VALUES (?, ?)", (to_us(at), text))


def approve(
    connection: sqlite3.Connection,
    fingerprints: Mapping[str, str],
    at: datetime,
    shown: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Records consent to each server as it is configured now. `fingerprints` is by `Server.id`, as is what people were
    `shown` of it: lines without secrets.
    """
    with batch(connection):
        connection.executemany(
            "INSERT OR REPLACE INTO approvals (server, fingerprint, at, shown) VALUES (?, ?, ?, ?)",
            [
                (server, fingerprint, to_us(at), _json(tuple(shown.get(server, ()))))
                for server, fingerprint in fingerprints.items()
            ],
        )
