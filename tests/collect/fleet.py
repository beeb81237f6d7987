"""Servers and configurations for these tests, and the one way in: `collect`."""

import os
import sys
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from caelum_report.collect import collect
from caelum_report.configured import Config
from caelum_report.model import Budgets, Failure, Probe, Remembered, Server, Snapshot, Status, Transport

HERE = Path(__file__).parent
AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
SECRET = "s3cr3t/Key+with=odd&signs"
BUDGETS = Budgets(
    connect_seconds=3,
    request_seconds=8,
    server_seconds=20,
    run_seconds=60,
    probe_bytes=1_000_000,
    line_bytes=700_000,
    header_bytes=32_000,
    json_values=50_000,
    pages=20,
    tools=500,
    end_seconds=1.5,
    timings=2,
)
HASTE = replace(BUDGETS, request_seconds=1.5, server_seconds=4, connect_seconds=1.5, start_slot_seconds=0.3)


def stdio(fault: str, *arguments: str, **more) -> Server:
    """A server of the stdio zoo."""
    return program(sys.executable, "-IS", str(HERE / "zoo_stdio.py"), fault, *arguments, name=fault, **more)


def program(command: str, *arguments: str, name: str = "program", **more) -> Server:
    return Server(
        id=name,
        slug=name,
        transport=Transport.STDIO,
        command=command,
        args=arguments,
        endpoint=f"{Path(command).name} + {len(arguments)} arguments",
        **more,
    )


def remote(url: str, transport: Transport = Transport.HTTP, name: str = "remote", **more) -> Server:
    return Server(id=name, slug=name, transport=transport, url=url, endpoint="http://zoo", **more)


def config(*servers: Server, budgets: Budgets = BUDGETS, secrets: tuple[str, ...] = (SECRET,)) -> Config:
    return Config(
        fleet="zoo",
        host="here",
        zone="UTC",
        every_seconds=3600,
        stdio_every_seconds=900,
        database="unused",
        output="unused",
        publish="auto",
        site_url=None,
        servers=servers,
        budgets=budgets,
        secrets=secrets,
    )


@dataclass(frozen=True)
class Seen:
    """What one run saw of a hostile server, and of a good one beside it."""

    probe: Probe
    beside: Probe
    snapshot: Snapshot

    @property
    def notes(self) -> set[str]:
        return {note.code for note in self.probe.notes}

    @property
    def tools(self) -> list[str]:
        return [tool.name for tool in self.probe.surface.tools] if self.probe.surface else []


def ask(server: Server, budgets: Budgets = BUDGETS, remembered: Remembered | None = None) -> Seen:
    """One run over `server` and a good one. Whatever the first does, the second is well and nothing is left behind."""
    mark = f"zoo-{uuid.uuid4()}"
    marked = (("ZOO_MARK", mark), ("ZOO_TOKEN", SECRET))
    beside = replace(stdio("good"), id="beside", env=marked)
    server = replace(server, env=(*server.env, *marked))
    snapshot = collect(config(server, beside, budgets=budgets), remembered or Remembered(), AT)
    assert left_behind(mark) == []
    probes = {probe.server: probe for probe in snapshot.probes}
    assert (probes["beside"].failure, probes["beside"].status) == (Failure.OK, Status.UP), probes["beside"].reason
    return Seen(probes[server.id], probes["beside"], snapshot)


def left_behind(mark: str) -> list[int]:
    """Processes that still carry the mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.name != str(os.getpid()) and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
