"""Old runs as light snapshots, to try a rule on: what rules look at, and no more."""

from __future__ import annotations

import json
import sqlite3
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from caelum_report.model import (
    Disk,
    Failure,
    HostSample,
    Network,
    Outcome,
    Probe,
    ProcessFigures,
    Snapshot,
    Stage,
    Status,
    Surface,
    Tool,
)

from .schema import OWN_HOSTS
from .times import SECOND, from_us, to_us

_STAGES: Final = ("dns", "connect", "tls", "spawn", "handshake", "list")


def runs_since(connection: sqlite3.Connection, since: datetime, every_seconds: float) -> Iterator[Snapshot]:
    """Every run since then, ascending. Where single probes are gone, states are left: one look every `every_seconds`."""
    (raw_from,) = connection.execute("SELECT min(at) FROM snapshots JOIN probes ON snapshot = id").fetchone()
    start = to_us(since)
    if raw_from is None or raw_from > start:
        yield from _of_states(connection, start, raw_from, round(every_seconds * SECOND))
    yield from _of_probes(connection, start)


def _of_states(connection: sqlite3.Connection, start: int, end: int | None, step: int) -> Iterator[Snapshot]:
    rows = connection.execute(
        f"""SELECT name, start, end, status, failure, reason FROM states JOIN servers ON servers.id = server
        WHERE end >= ? AND servers.host IN {OWN_HOSTS} ORDER BY name, start""",
        (start,),
    ).fetchall()
    if not rows:
        return
    stretches = {name: list(some) for name, some in groupby(rows, key=lambda row: row[0])}
    starts = {name: [row[1] for row in some] for name, some in stretches.items()}
    last = max(row[2] for row in rows) if end is None else end - 1
    first = max(start, min(row[1] for row in rows))
    for at in range(first, last + 1, step):
        probes = []
        for name, some in stretches.items():
            place = bisect_right(starts[name], at) - 1
            if place >= 0 and at <= some[place][2] + step:
                *_, status, failure, reason = some[place]
                probes.append(Probe(name, from_us(at), Failure(failure), Status(status), reason))
        if probes:
            yield Snapshot(from_us(at), "", "", 0, tuple(probes), None)


def _of_probes(connection: sqlite3.Connection, start: int) -> Iterator[Snapshot]:
    columns = ", ".join(f"{stage}_us" for stage in _STAGES)
    rows = connection.execute(
        f"""SELECT snapshots.id, at, hosts.name, network_down, servers.name, status, failure, reason, {columns},
            latency_p50_us, rss_bytes, cpu_us, probes.surface
        FROM snapshots JOIN probes ON snapshot = snapshots.id JOIN servers ON servers.id = server
            JOIN hosts ON hosts.id = snapshots.host
        WHERE at >= ? AND snapshots.host IN {OWN_HOSTS} ORDER BY snapshots.id""",
        (start,),
    )
    surfaces: dict[str, Surface] = {}
    for (number, at, host, network_down), some in groupby(rows, key=lambda row: row[:4]):
        probes = tuple(_probe(connection, row, from_us(at), surfaces) for row in some)
        sample = _host(connection, number, host)
        yield Snapshot(from_us(at), host, "", 0, probes, sample, network_down=bool(network_down))


def _probe(connection: sqlite3.Connection, row: Any, at: datetime, surfaces: dict[str, Surface]) -> Probe:
    _, _, _, _, name, status, failure, reason, *durations, latency, rss, cpu, surface = row
    stages = zip(_STAGES, durations, strict=True)
    if surface is not None and surface not in surfaces:
        surfaces[surface] = _surface(connection, surface)
    return Probe(
        name,
        at,
        Failure(failure),
        Status(status),
        reason,
        stages=tuple(Stage(stage, Outcome.OK, us / SECOND) for stage, us in stages if us is not None),
        timings_seconds=() if latency is None else (latency / SECOND,),
        process=None if rss is None else ProcessFigures(rss, (cpu or 0) / SECOND, 0, 0, 0),
        surface=surfaces.get(surface),
    )


def _surface(connection: sqlite3.Connection, sha256: str) -> Surface:
    (document,) = connection.execute("SELECT document FROM surfaces WHERE sha256 = ?", (sha256,)).fetchone()
    tools = json.loads(zlib.decompress(document))["tools"]
    return Surface(tuple(Tool(tool["name"], tokens=tool["tokens"]) for tool in tools), (), (), sha256)


def _host(connection: sqlite3.Connection, snapshot: int, name: str) -> HostSample | None:
    row = connection.execute(
        """SELECT boot_at, cpus, cpu_percent, iowait_percent, steal_percent, load_1, load_5, load_15, memory_total,
            memory_available, swap_total, swap_used, swap_in, swap_out, temperature, temperature_label
        FROM host_samples WHERE snapshot = ?""",
        (snapshot,),
    ).fetchone()
    if row is None:
        return None
    disks = connection.execute(
        "SELECT name, device, total, used, read, write FROM disks WHERE snapshot = ?", (snapshot,)
    )
    networks = connection.execute("SELECT name, sent, received, errors FROM networks WHERE snapshot = ?", (snapshot,))
    boot, cpus, cpu, iowait, steal, load_1, load_5, load_15, *rest = row
    total, available, swap_total, swap_used, swap_in, swap_out, temperature, label = rest
    loads = (load_1, load_5, load_15)
    memory = (total, available, swap_total, swap_used, swap_in, swap_out)
    disks_and_networks = tuple(Disk(*disk) for disk in disks), tuple(Network(*net) for net in networks)
    return HostSample(
        name, from_us(boot), cpus, cpu, iowait, steal, *loads, *memory, temperature, label, *disks_and_networks
    )
