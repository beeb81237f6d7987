"""The demonstration: deterministic, whole, and what is planted is really there."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest

from caelum_report import demo
from caelum_report.configured import Config
from caelum_report.demo import FLEET, PLANTED
from caelum_report.demo.incidents import Planted
from caelum_report.model import STAGES, Failure, Outcome, Probe, Snapshot, Status

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def month() -> list[Snapshot]:
    return list(demo.snapshots(AT))


@pytest.fixture(scope="module")
def config() -> Config:
    return demo.config(AT)


def planted(kind: str, subject: str) -> Planted:
    return next(one for one in PLANTED if one.kind == kind and subject in one.subjects)


def of(month: list[Snapshot], server: str) -> list[Probe]:
    return [next(probe for probe in snapshot.probes if probe.server == server) for snapshot in month]


def latency(probes: list[Probe]) -> float:
    return median(seconds for probe in probes for seconds in probe.timings_seconds)


def test_the_same_time_gives_the_same_month(month: list[Snapshot]) -> None:
    assert list(demo.snapshots(AT)) == month
    assert demo.config(AT) == demo.config(AT)


def test_every_hour_but_those_asleep(month: list[Snapshot]) -> None:
    asleep = planted("asleep", demo.HOST)
    holes = {later.at - earlier.at for earlier, later in pairwise(month)} - {timedelta(hours=1)}
    assert holes == {timedelta(hours=asleep.begins_hours - asleep.ends_hours + 1)}
    assert (month[0].at, month[-1].at) == (AT - timedelta(hours=719), AT)


def test_the_end_is_that_of_the_pictures(month: list[Snapshot]) -> None:
    assert Counter(probe.status for probe in month[-1].probes) == {
        Status.DOWN: 1,
        Status.DEGRADED: 3,
        Status.AUTH_WALLED: 1,
        Status.UNKNOWN: 1,
        Status.MAINTENANCE: 1,
        Status.UP: 17,
    }


def test_configuration_and_probes_name_the_same_fleet(month: list[Snapshot], config: Config) -> None:
    names = [server.id for server in config.servers]
    assert len(set(names)) == 24
    assert all([probe.server for probe in snapshot.probes] == names for snapshot in month)
    assert all(name in names for server in config.servers for name in server.depends_on)
    assert all(subject in {*names, demo.HOST, "/var"} for one in PLANTED for subject in one.subjects)
    assert {server.transport for server in config.servers} == {"stdio", "http", "sse"}
    assert len({server.fingerprint for server in config.servers}) == 24


def test_every_probe_is_a_ladder_that_makes_sense(month: list[Snapshot]) -> None:
    for probe in (probe for snapshot in [*month[::50], month[-1]] for probe in snapshot.probes):
        if probe.failure is Failure.CONFIG_ERROR:
            assert not probe.stages
            continue
        assert [stage.name for stage in probe.stages] == list(STAGES)
        failed = [stage.name for stage in probe.stages if stage.outcome is Outcome.FAILED]
        assert failed == ([probe.stage] if probe.stage else ["canary"] if "canary" in probe.reason else [])
        assert (probe.failure is Failure.OK) == (probe.surface is not None) == bool(probe.timings_seconds)
        assert (probe.status is Status.UP) == (probe.reason == "") or probe.status is Status.MAINTENANCE
        assert probe.seconds >= sum(probe.timings_seconds)


@pytest.mark.parametrize(
    ("kind", "server", "failure"),
    [
        ("outage", "api-gateway", Failure.CONNECT_ERROR),
        ("outage", "team-integration", Failure.CONNECT_ERROR),
        ("auth-wall", "user-profile", Failure.AUTH_REQUIRED),
        ("config-error", "voice-interface", Failure.CONFIG_ERROR),
    ],
)
def test_failures_last_as_long_as_planted(month: list[Snapshot], kind: str, server: str, failure: Failure) -> None:
    incident = planted(kind, server)
    end = incident.ends_at(AT) or AT + timedelta(hours=1)
    for snapshot, probe in zip(month, of(month, server), strict=True):
        if incident.begins_at(AT) <= snapshot.at < end:
            assert probe.failure is failure


@pytest.mark.parametrize("server", ["opportunity-discovery", "analytics-metrics"])
def test_level_shifts_have_their_size(month: list[Snapshot], server: str) -> None:
    shift = planted("shift", server)
    probes, begin = of(month, server), shift.begins_at(AT)
    calm = timedelta(days=4)
    before = [p for p in probes if begin - calm <= p.started_at < begin]
    after = [p for p in probes if begin <= p.started_at < begin + calm]
    assert latency(after) / latency(before) == pytest.approx(shift.size, rel=0.08)


def test_the_drift_and_the_leak_grow_as_planted(month: list[Snapshot]) -> None:
    slow = of(month, "code-analysis")
    assert latency(slow[-72:]) / latency(slow[:72]) == pytest.approx(
        1 + planted("drift", "code-analysis").size, rel=0.12
    )
    leak = planted("leak", "ollama-pool-integration")
    memory = [probe.process.rss_bytes / 2**30 for probe in of(month, "ollama-pool-integration") if probe.process]
    assert memory[-1] - memory[-1 - 7 * 24] == pytest.approx(7 * leak.size, rel=0.15)
    assert memory[0] == pytest.approx(memory[200], rel=0.1)


def test_a_noisy_neighbour_slows_local_servers_only(month: list[Snapshot]) -> None:
    noise = planted("noisy-neighbour", demo.HOST)
    begin, end = noise.begins_at(AT), noise.ends_at(AT)
    assert end is not None
    for server, slower in (("knowledge-management", noise.size), ("intelligence-hub", 1.0)):
        during = [p for p in of(month, server) if begin <= p.started_at < end]
        day_before = [p for p in of(month, server) if begin <= p.started_at + timedelta(days=1) < end]
        assert latency(during) / latency(day_before) == pytest.approx(slower, rel=0.2)
    busy = [s.host_sample.cpu_percent for s in month if s.host_sample and begin <= s.at < end]
    assert min(value for value in busy if value is not None) > 90


def test_contracts_change_when_planted(month: list[Snapshot]) -> None:
    removed = {"search_symbols", "list_symbols"}
    probes = of(month, "project-intelligence")
    names = [{tool.name for tool in probe.surface.tools} for probe in probes if probe.surface]
    assert names[-3] - names[-2] == removed
    assert names[-2] - names[-3] == {"find_symbols"}
    assert len({probe.surface.sha256 for probe in probes if probe.surface}) == 2
    for member in FLEET:
        changes = sum(one.kind == "contract" and member.id in one.subjects for one in PLANTED)
        assert len({probe.surface.sha256 for probe in of(month, member.id) if probe.surface}) == 1 + changes


def test_the_flapping_server_is_called_flapping_and_calms_down(month: list[Snapshot]) -> None:
    flaps = planted("flapping", "cluster-communication")
    probes = of(month, "cluster-communication")
    assert any("between answering and failing" in probe.reason for probe in probes)
    calm = [p for p in probes if flaps.begins_at(AT) + timedelta(days=2) < p.started_at < AT - timedelta(hours=2)]
    assert {probe.status for probe in calm} == {Status.UP}
    assert [probe.status for probe in probes[-2:]] == [Status.DOWN, Status.UP]


def test_counters_never_fall(month: list[Snapshot]) -> None:
    hosts = [snapshot.host_sample for snapshot in month if snapshot.host_sample]
    assert len(hosts) == len(month)
    for earlier, later in pairwise(hosts):
        assert later.swap_in_bytes >= earlier.swap_in_bytes
        assert all(
            one.sent_bytes <= other.sent_bytes for one, other in zip(earlier.networks, later.networks, strict=True)
        )
        assert 0 < later.memory_available_bytes < later.memory_total_bytes


def test_the_month_of_a_change_of_the_clock_has_every_hour() -> None:
    over_dst = list(demo.snapshots(datetime(2026, 10, 26, 9, 0, tzinfo=UTC), days=3))
    assert len(over_dst) == 72
    assert {later.at - earlier.at for earlier, later in pairwise(over_dst)} == {timedelta(hours=1)}
