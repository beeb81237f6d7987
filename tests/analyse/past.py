"""A history from snapshots, as the store would hand it over: small, slow and plain, to test the analysis against."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from caelum_report.buckets import PAIR
from caelum_report.configured import Config
from caelum_report.document import Report, ReportRef
from caelum_report.history import History, SurfaceVersion
from caelum_report.model import (
    STAGES,
    Disk,
    Failure,
    HostSample,
    Network,
    Outcome,
    Probe,
    Server,
    Snapshot,
    Stage,
    Surface,
    Tool,
    Transport,
    status_of,
)

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROBES = (
    "snapshot", "at", "host", "server", "status", "failure", "stage", "reason", "era", "protocol_version", "seconds",
    *STAGES, "latency_p50", "latency_min", "latency_max", "latency_n", "rss", "cpu_seconds", "threads",
    "open_files", "processes", "instances", "instances_rss", "instances_oldest", "tools", "resources", "prompts", "tokens",
    "surface", "stderr_lines", "certificate_expires_at", "timings", "details",
)  # fmt: skip
STATES = ("host", "server", "start", "end", "status", "failure", "stage", "reason", "checks")
ROLLUPS = ("level", "host", "subject", "metric", "at", "n", "min", "mean", "max", "p5", "p50", "p95", "buckets")
HOST_SAMPLES = (
    "snapshot", "at", "host", "boot_at", "cpus", "cpu_percent", "iowait_percent", "steal_percent", "load_1", "load_5",
    "load_15", "memory_total", "memory_available", "swap_total", "swap_used", "swap_in", "swap_out", "temperature",
)  # fmt: skip
FORECASTS = (
    "id", "subject", "metric", "made_at", "due_at", "level", "lower", "mean", "upper", "limit", "naive", "widened",
    "judged", "held", "actual",
)  # fmt: skip
TIMES = {"at", "hour", "start", "end", "boot_at", "certificate_expires_at", "made_at", "due_at"}


def server(name: str = "alpha", **said: object) -> Server:
    facts: dict[str, object] = {
        "slug": name,
        "transport": Transport.HTTP,
        "endpoint": "https://host:443/mcp",
        "sources": ("fleet.mcp.json",),
    }
    return Server(id=name, **{**facts, **said})  # type: ignore[arg-type]


def config(*servers: Server, **said: object) -> Config:
    facts: dict[str, object] = {
        "fleet": "Test fleet",
        "host": "here",
        "zone": "Europe/Berlin",
        "every_seconds": 3600.0,
        "stdio_every_seconds": 900.0,
        "database": ":memory:",
        "output": "reports",
        "publish": "auto",
        "site_url": None,
    }
    return Config(servers=servers, **{**facts, **said})  # type: ignore[arg-type]


def tool(name: str, properties: dict[str, object] | None = None, required: Sequence[str] = (), **said: object) -> Tool:
    schema = json.dumps({"properties": properties or {}, "required": list(required), "type": "object"}, sort_keys=True)
    return Tool(name=name, schema=schema, tokens=20, sha256=f"{name}{schema}{said}", **said)  # type: ignore[arg-type]


def surface(*tools: Tool, instructions: str = "") -> Surface:
    return Surface(tools, (), (), sha256=str(hash((tools, instructions))), instructions=instructions)


def probe(name: str = "alpha", failure: Failure = Failure.OK, latency: float | None = 0.1, **said: object) -> Probe:
    ok = failure is Failure.OK
    facts: dict[str, object] = {
        "started_at": NOW,
        "failure": failure,
        "status": status_of(failure),
        "reason": "" if ok else f"{failure.value} was seen",
        "stage": None if ok else "connect",
        "stages": (
            Stage("connect", Outcome.OK if ok else Outcome.FAILED, 0.01),
            Stage("handshake", Outcome.OK if ok else Outcome.NOT_REACHED, 0.02 if ok else None),
            Stage("list", Outcome.OK if ok else Outcome.NOT_REACHED, 0.05 if ok else None),
        ),
        "seconds": 0.2,
        "timings_seconds": tuple(latency * k for k in (0.9, 1.0, 1.1)) if ok and latency else (),
        "timing_method": "ping",
        "server_version": "1.0",
        "surface": surface(tool("search")) if ok else None,
    }
    return Probe(server=name, **{**facts, **said})  # type: ignore[arg-type]


def host_sample(**said: object) -> HostSample:
    facts: dict[str, object] = {
        "host": "here",
        "boot_at": NOW - timedelta(days=400),
        "cpus": 8,
        "cpu_percent": 14.0,
        "iowait_percent": 0.0,
        "steal_percent": 0.0,
        "load_1": 0.9,
        "load_5": 0.9,
        "load_15": 0.9,
        "memory_total_bytes": 32 * 2**30,
        "memory_available_bytes": 19 * 2**30,
        "swap_total_bytes": 8 * 2**30,
        "swap_used_bytes": 0,
        "swap_in_bytes": 0,
        "swap_out_bytes": 0,
        "temperature_celsius": 52.0,
        "temperature_label": "package",
        "disks": (Disk("/", "sda1", 500 * 10**9, 300 * 10**9),),
        "networks": (Network("eth0", 1000, 2000, 0),),
    }
    return HostSample(**{**facts, **said})  # type: ignore[arg-type]


def snapshot(at: datetime, *probes: Probe, **said: object) -> Snapshot:
    return Snapshot(
        at=at,
        host="here",
        program_version="0.1",
        method_version=1,
        probes=tuple(replace(p, started_at=at) for p in probes),
        host_sample=said.pop("host_sample", host_sample()),  # type: ignore[arg-type]
        seconds=2.1,
        **said,  # type: ignore[arg-type]
    )


USAGE = ("hour", "host", "server", "tool", "source", "calls", "errors", "seconds", "max", "buckets")


def hourly(count: int, *probes: Probe, until: datetime = NOW) -> list[Snapshot]:
    """The same probes once an hour, the last one at `until`."""
    return [snapshot(until - HOUR * n, *probes) for n in reversed(range(count))]


def history(snapshots: Sequence[Snapshot], previous: Report | None = None, **said: object) -> History:
    """Everything up to the last of `snapshots`, with the interval of an hour."""
    numbered = list(enumerate(snapshots, 1))
    facts: dict[str, object] = {
        "snapshot": len(snapshots),
        "snapshots": _frame(
            ("id", "at", "host", "program_version", "method_version", "seconds", "network_down"),
            [(n, s.at, s.host, s.program_version, s.method_version, s.seconds, s.network_down) for n, s in numbered],
        ),
        "probes": _frame(PROBES, [_probe(n, s, p) for n, s in numbered for p in s.probes]),
        "states": states([(s.at, p) for s in snapshots for p in s.probes]),
        "timings": np.array(
            [seconds for s in snapshots for p in s.probes for seconds in p.timings_seconds], np.float64
        ),
        **rolled_up(_frame(ROLLUPS, [])),
        "host_samples": _frame(HOST_SAMPLES, [_host(n, s) for n, s in numbered if s.host_sample]),
        "disks": _frame(
            ("snapshot", "at", "host", "name", "device", "total", "used", "read", "write"),
            [
                (n, s.at, s.host, d.name, d.device, d.total_bytes, d.used_bytes, d.read_bytes, d.write_bytes)
                for n, s in numbered
                if s.host_sample
                for d in s.host_sample.disks
            ],
        ),
        "networks": _frame(
            ("snapshot", "at", "host", "name", "sent", "received", "errors"),
            [
                (n, s.at, s.host, i.name, i.sent_bytes, i.received_bytes, i.errors)
                for n, s in numbered
                if s.host_sample
                for i in s.host_sample.networks
            ],
        ),
        "marks": _frame(("at", "text"), []),
        "usage": _frame(USAGE, []),
        "forecasts": forecasts(),
        "surfaces": tuple(_surfaces(numbered)),
        "retired": (),
        "next_number": previous.number + 1 if previous else 1,
        "previous": ReportRef(previous.id, previous.number, previous.at, "0" * 64) if previous else None,
        "previous_report": previous,
        "previous_run": None,
        "snapshot_count": len(snapshots),
        "first_snapshot_at": snapshots[0].at,
        "database_bytes": 100_000,
    }
    return History(**{**facts, **said})  # type: ignore[arg-type]


def rolled_up(frame: pd.DataFrame) -> dict[str, Any]:
    """Roll-ups with the bytes of their `buckets`, as `History` holds them."""
    size = frame["buckets"].map(len).to_numpy(np.int64) // PAIR.itemsize
    pairs = np.frombuffer(b"".join(frame["buckets"]), PAIR)
    return {
        "rollups": frame.drop(columns="buckets").assign(first=np.cumsum(size) - size, pairs=size),
        "pairs": pairs,
    }


def states(checks: Sequence[tuple[datetime, Probe]], hole: timedelta = 2.5 * HOUR) -> pd.DataFrame:
    """Stretches of one status and failure; a longer distance than `hole` ends one."""
    rows: dict[str, list[list[object]]] = {}
    for at, p in checks:
        mine = rows.setdefault(p.server, [])
        last = mine[-1] if mine else None
        if last and last[4:6] == [p.status.value, p.failure.value] and at - last[3] <= hole:  # type: ignore[operator]
            last[3], last[8] = at, last[8] + 1  # type: ignore[operator]
        else:
            mine.append(["here", p.server, at, at, p.status.value, p.failure.value, p.stage, p.reason, 1])
    return _frame(STATES, sorted((tuple(row) for mine in rows.values() for row in mine), key=lambda r: (r[2], r[1])))  # type: ignore[arg-type,return-value]


def forecasts(*rows: Sequence[object]) -> pd.DataFrame:
    """The frame `History.forecasts`."""
    frame = _frame(FORECASTS, rows)
    return frame.assign(judged=frame["judged"].astype(bool))


def _probe(number: int, s: Snapshot, p: Probe) -> tuple[object, ...]:
    seconds = {stage.name: stage.seconds for stage in p.stages}
    timings = p.timings_seconds
    process, instances, offer = p.process, p.instances, p.surface
    details = {
        "stages": [
            {"name": i.name, "outcome": i.outcome.value, "seconds": i.seconds, "detail": i.detail} for i in p.stages
        ],
        "notes": [{"code": note.code, "text": note.text} for note in p.notes],
        "capabilities": p.capabilities,
        "supported_versions": p.supported_versions,
        "server_name": p.server_name,
        "server_version": p.server_version,
        "timing_method": p.timing_method,
        "stderr_tail": p.stderr_tail,
        "exit_status": p.exit_status,
    }
    return (
        number, s.at, s.host, p.server, p.status.value, p.failure.value, p.stage, p.reason,
        p.era.value if p.era else None, p.protocol_version, p.seconds,
        *(seconds.get(name) for name in STAGES),
        median(timings) if timings else None, min(timings, default=None), max(timings, default=None), len(timings),
        *((process.rss_bytes, process.cpu_seconds, process.threads, process.open_files, process.processes) if process else [None] * 5),
        *((instances.count, instances.rss_bytes, instances.oldest_seconds) if instances else [None] * 3),
        *((len(offer.tools), len(offer.resources), len(offer.prompts), 0, offer.sha256) if offer else [None] * 5),
        p.stderr_lines, p.certificate_expires_at, len(timings), json.dumps(details),
    )  # fmt: skip


def _host(number: int, s: Snapshot) -> tuple[object, ...]:
    h = s.host_sample
    assert h is not None
    return (
        number, s.at, h.host, h.boot_at, h.cpus, h.cpu_percent, h.iowait_percent, h.steal_percent, h.load_1, h.load_5,
        h.load_15, h.memory_total_bytes, h.memory_available_bytes, h.swap_total_bytes, h.swap_used_bytes, h.swap_in_bytes,
        h.swap_out_bytes, h.temperature_celsius,
    )  # fmt: skip


def _surfaces(numbered: Sequence[tuple[int, Snapshot]]) -> list[SurfaceVersion]:
    last: dict[str, str] = {}
    found = []
    for number, s in numbered:
        for p in s.probes:
            if p.surface and last.get(p.server) != p.surface.sha256:
                last[p.server] = p.surface.sha256
                found.append(SurfaceVersion(p.server, s.at, number, p.surface))
    return found


def _frame(names: Sequence[str], rows: Sequence[Sequence[object]]) -> pd.DataFrame:
    text = {
        "host", "server", "status", "failure", "stage", "reason", "era", "protocol_version", "surface", "details",
        "program_version", "name", "device", "text", "level", "subject", "metric", "buckets",
    }  # fmt: skip
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    frame = {}
    for name, values in columns.items():
        if name in TIMES:
            frame[name] = pd.Series(
                pd.to_datetime(pd.Series(list(values), dtype=object), utc=True).astype("datetime64[ns, UTC]")
            )
        elif name in text:
            cells = np.empty(len(values), object)
            cells[:] = values
            frame[name] = pd.Series(cells, dtype=object)
        else:
            frame[name] = pd.Series([np.nan if v is None else v for v in values], dtype=np.float64)
    return pd.DataFrame(frame)
