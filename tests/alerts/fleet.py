"""A small plain fleet in simulated time: what happens to whom, hour by hour, through the real store and the real rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from caelum_report import codec, store, telling
from caelum_report.alerting import Channel, Notice
from caelum_report.configured import Config
from caelum_report.default_rules import DEFAULT_RULES
from caelum_report.model import Disk, Failure, HostSample, Probe, Server, Snapshot, Status, Transport, Window, status_of
from caelum_report.windows import inside

START = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
GIB = 1 << 30

Failing = Callable[[str, datetime], Failure]


def server(name: str, *needs: str, **said: Any) -> Server:
    return Server(name, name, Transport.HTTP, url=f"http://{name}:80/mcp", depends_on=needs, **said)


def config(*servers: Server, **said: Any) -> Config:
    whole = Config(
        fleet="Caelum",
        host="here",
        zone="Europe/Berlin",
        every_seconds=3600,
        stdio_every_seconds=900,
        database="",
        output="",
        publish="auto",
        site_url=None,
        servers=servers,
        rules=DEFAULT_RULES,
        channels=(Channel("ops", "webhook", options={"url": "http://127.0.0.1:9/"}),),
    )
    return replace(whole, **said)


def host(memory_percent: float = 60, disk_percent: float = 50) -> HostSample:
    used = int(memory_percent / 100 * 64 * GIB)
    disk = Disk("/", "/dev/sda1", 100 * GIB, int(disk_percent * GIB))
    return HostSample(
        "here", START, 8, 10, 1, 0, 1, 1, 1, 64 * GIB, 64 * GIB - used, 0, 0, 0, 0, None, "", (disk,), ()
    )  # fmt: skip


def snapshot(
    settings: Config,
    at: datetime,
    failing: Mapping[str, Failure] | None = None,
    *,
    network_down: bool = False,
    sample: HostSample | None = None,
    latency: Mapping[str, float] | None = None,
) -> Snapshot:
    probes = []
    for one in settings.servers:
        failure = (failing or {}).get(one.id, Failure.OK)
        status = status_of(failure)
        if network_down:
            failure, status = Failure.CONNECT_ERROR, Status.UNKNOWN
        if any(inside(window, at, settings.zone) for window in one.maintenance):
            status = Status.MAINTENANCE
        reason = "" if failure is Failure.OK else "connection refused"
        seconds = (latency or {}).get(one.id, 0.02)
        timings = (seconds,) if failure is Failure.OK else ()
        probes.append(Probe(one.id, at, failure, status, reason, timings_seconds=timings))
    return Snapshot(at, "here", "1.0", 1, tuple(probes), sample or host(), network_down=network_down)


@dataclass(slots=True)
class Course:
    """A history that is being lived: each run is stored and judged as `collect` does it."""

    settings: Config
    path: Path
    said: list[Notice] = field(default_factory=list)

    def run(self, taken: Snapshot) -> list[Notice]:
        """The messages that this run put into the outbox."""
        with store.open_store(str(self.path)) as database:
            return self.lived(database, taken)

    def lived(self, database: sqlite3.Connection, taken: Snapshot) -> list[Notice]:
        (before,) = database.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()
        with store.batch(database):
            store.add_snapshot(database, taken, self.settings)
            telling.judge(database, taken, self.settings)
        rows = database.execute("SELECT payload FROM outbox WHERE id > ? ORDER BY id", (before,))
        new = [codec.notice_from_json(payload) for (payload,) in rows]
        self.said += new
        return new


def weekend(friday: datetime, servers: str) -> Window:
    return Window(friday, friday + timedelta(days=2, hours=12), f"work on {servers}")
