"""Snapshots and reports as short as a test wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from caelum_report.configured import Config
from caelum_report.diagram import Diagram
from caelum_report.document import Coverage, Empty, Report, ReportRef, RunReport, StepReport, Verdict
from caelum_report.model import (
    Disk,
    Era,
    Failure,
    HostSample,
    Network,
    Outcome,
    Probe,
    ProcessFigures,
    Server,
    Snapshot,
    Stage,
    Status,
    Surface,
    Tool,
    Transport,
    status_of,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def config(*servers: str, every_seconds: float | None = 3600, **changes: Any) -> Config:
    whole = Config(
        fleet="Test",
        host="here",
        zone="UTC",
        every_seconds=every_seconds,
        stdio_every_seconds=900,
        database="",
        output="",
        publish="auto",
        site_url=None,
        servers=tuple(Server(name, name, Transport.HTTP) for name in servers),
    )
    return replace(whole, **changes)


def surface(*tools: str) -> Surface:
    made = tuple(Tool(name, bytes=40, tokens=10, sha256=name) for name in tools)
    return Surface(made, ("file:///a",), (), sha256="-".join(tools) or "nothing")


def probe(server: str, failure: Failure = Failure.OK, at: datetime = NOON, **changes: Any) -> Probe:
    good = failure is Failure.OK
    whole = Probe(
        server,
        at,
        failure,
        status_of(failure),
        reason="" if good else "no answer",
        stage=None if good else "list",
        stages=(
            Stage("dns", Outcome.OK, 0.001),
            Stage("connect", Outcome.OK, 0.002),
            Stage("handshake", Outcome.OK, 0.1),
            Stage("list", Outcome.OK if good else Outcome.FAILED, 0.2 if good else 10.0),
        ),
        seconds=0.5,
        timings_seconds=(0.04, 0.05, 0.01) if good else (),
        timing_method="ping" if good else None,
        era=Era.MODERN if good else None,
        protocol_version="2026-07-28" if good else None,
    )
    return replace(whole, **changes)


def process(rss: int) -> ProcessFigures:
    return ProcessFigures(rss, 0.25, 4, 20, 2)


def host_sample(at: datetime, *, boot: datetime | None = None, counter: int = 0, **changes: Any) -> HostSample:
    whole = HostSample(
        host="here",
        boot_at=boot or at - timedelta(days=3),
        cpus=4,
        cpu_percent=12.5,
        iowait_percent=None,
        steal_percent=0.0,
        load_1=0.5,
        load_5=0.4,
        load_15=0.3,
        memory_total_bytes=1000,
        memory_available_bytes=750,
        swap_total_bytes=0,
        swap_used_bytes=0,
        swap_in_bytes=counter,
        swap_out_bytes=counter,
        temperature_celsius=None,
        temperature_label="",
        disks=(Disk("/", "/dev/sda1", 1000, 400, counter, 2 * counter),),
        networks=(Network("eth0", counter, 3 * counter, 0),),
    )
    return replace(whole, **changes)


def snapshot(at: datetime, *probes: Probe, host: HostSample | None = None, **changes: Any) -> Snapshot:
    return replace(Snapshot(at, "here", "1.0", 1, probes, host, seconds=1.5), **changes)


def fleet(at: datetime, failures: Mapping[str, Failure] | None = None, count: int = 3) -> Snapshot:
    failures = failures or {}
    names = [f"server-{i}" for i in range(count)]
    return snapshot(at, *(probe(name, failures.get(name, Failure.OK), at) for name in names), host=host_sample(at))


def report(number: int, snapshot_id: int, at: datetime, previous: ReportRef | None = None) -> Report:
    return Report(
        id=f"r-{at:%Y%m%dT%H%MZ}-{number}",
        number=number,
        previous=previous,
        program_version="1.0",
        method_version=1,
        fleet="Test",
        edition="internal",
        demo=False,
        zone="UTC",
        host="here",
        site_url=None,
        at=at,
        period_start=at - timedelta(days=1),
        compared_start=None,
        interval_seconds=3600,
        next_due=None,
        old_after=None,
        coverage=Coverage(1, 1, 0, None, ""),
        verdict=Verdict("All well", Status.UP, "All well.", ""),
        tally=((Status.UP, 1),),
        findings=(),
        changes=(),
        objectives=(),
        objectives_note="",
        looming=(),
        empty=Empty(),
        servers=(),
        hosts=(),
        contract=(),
        architecture=Diagram("architecture", "", "", (), ()),
        read_on=(),
        found=(),
        run=RunReport(
            snapshot_id, at, 2.0, (StepReport("prepare", 0.5, ""), StepReport("collect", 2.0, "")), (), 0, 1, at
        ),
        previous_run=None,
    )
