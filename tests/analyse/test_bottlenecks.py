"""Bottlenecks in simulated fleets: a full host, a slow tool, a slow callee, and nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from caelum_report import analyse, buckets
from caelum_report.document import Report
from caelum_report.model import Server, Snapshot

from .past import HOUR, NOW, config, history, host_sample, probe, server, snapshot

Slower = Callable[[int, int], float]  # of a server's place and an age in hours


def steady(_place: int, _age: int) -> float:
    return 1.0


@cache
def _noise(seed: int, servers: int, hours: int) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(0, 0.08, (hours, servers))


def fleet(
    names: tuple[str, ...],
    slower: Slower = steady,
    *,
    days: int = 8,
    busy: tuple[int, int] | None = None,
    seed: int = 5,
) -> list[Snapshot]:
    """Hourly checks; by day everything takes a third longer. `busy`: ages between which the host's CPU is full."""
    noise = _noise(seed, len(names), days * 24)
    shots = []
    for age in range(days * 24 - 1, -1, -1):
        at = NOW - HOUR * age
        usual = 0.1 * (1.33 if 8 <= at.hour < 18 else 1.0)
        full = busy is not None and busy[1] <= age <= busy[0]
        shots.append(
            snapshot(
                at,
                *(
                    probe(name, latency=float((1 + place % 5) * usual * slower(place, age) * noise[age, place]))
                    for place, name in enumerate(names)
                ),
                host_sample=host_sample(cpu_percent=97.0 if full else 20.0 + 3 * noise[age, 0]),
            )
        )
    return shots


def told(shots: list[Snapshot], servers: tuple[Server, ...], **said: object) -> Report:
    past = history(shots, **said)  # type: ignore[arg-type]
    return analyse.report(shots[-1], past.snapshot, past, config(*servers), ())


TWELVE = tuple(f"s{n:02}" for n in range(12))


def of(names: tuple[str, ...], **depends: tuple[str, ...]) -> tuple[Server, ...]:
    return tuple(server(name, depends_on=depends.get(name, ())) for name in names)


class TestCauses:
    def test_a_full_host_is_the_cause_when_all_are_slow(self) -> None:
        shots = fleet(TWELVE, lambda _, age: 2.2 if age < 4 else 1.0, busy=(3, 0))
        report = told(shots, of(TWELVE))
        (episode,) = report.bottlenecks.episodes
        assert (episode.server, episode.metric, episode.end) == (None, "host_cpu", None)
        assert episode.title == "here is short of processor time since 11:00; 12 of 12 servers are slower."
        assert "CPU stood at 97.0\xa0%" in episode.evidence[0]
        assert episode.chart is not None
        assert episode.chart.metric == "host_cpu"
        (finding,) = (f for f in report.findings if f.word == "Slow")
        assert finding.needs_action
        assert finding.page == f"bottlenecks.html#{episode.id}"

    def test_one_slow_server_is_named_with_its_numbers(self) -> None:
        report = told(fleet(TWELVE, lambda place, age: 3.0 if place == 4 and age < 3 else 1.0), of(TWELVE))
        (episode,) = report.bottlenecks.episodes
        assert episode.server == "s04"
        assert episode.servers == ("s04",)
        assert episode.n == "3 hours, 9 requests"
        assert "instead of" in episode.title
        assert episode.chart is not None
        assert episode.chart.subject == "s04"
        (finding,) = (f for f in report.findings if f.word == "Slow")
        assert finding.command == "caelum-report probe s04"

    def test_blame_moves_to_the_one_that_is_called(self) -> None:
        shots = fleet(TWELVE, lambda place, age: (3.0 if place == 1 else 2.0) if place in {0, 1} and age < 5 else 1.0)
        report = told(shots, of(TWELVE, s00=("s01",)))
        (episode,) = report.bottlenecks.episodes
        assert episode.server == "s01"
        assert set(episode.servers) == {"s00", "s01"}
        assert any("s00, which calls it" in sentence for sentence in episode.evidence)
        (finding,) = (f for f in report.findings if f.word == "Slow")
        assert finding.impact == "s00 is slower with it."

    def test_a_slow_tool_is_found_where_real_calls_are_counted(self) -> None:
        shots = fleet(TWELVE, lambda place, age: 2.0 if place == 2 and age < 4 else 1.0)
        durations = np.array([(buckets.bucket_of(np.array([0.1]))[0], 40)], buckets.PAIR).tobytes()
        rows = [
            (NOW - HOUR * (age + 1), "here", "s02", tool, "tap", 40.0, 0.0,
             40 * (0.1 + 0.001 * (age % 7)) * (9.0 if tool == "search" and age < 4 else 1.0), 1.0, durations)
            for age in range(190, -1, -1) for tool in ("search", "list", "read")
        ]  # fmt: skip
        columns = ("hour", "host", "server", "tool", "source", "calls", "errors", "seconds", "max", "buckets")
        usage = pd.DataFrame(rows, columns=columns)
        report = told(shots, of(TWELVE), usage=usage.assign(hour=pd.to_datetime(usage["hour"], utc=True)))
        found = report.bottlenecks
        assert found.episodes[0].title.startswith("search of s02 takes ")
        assert found.counted == "Of real calls, counted by tool."
        assert found.waits[0].name == "search of s02"
        assert found.waits[0].calls == pytest.approx(168 * 40, abs=40)

    def test_what_has_ended_is_on_the_page_and_no_finding(self) -> None:
        report = told(fleet(TWELVE, lambda place, age: 3.0 if place == 4 and 50 < age < 56 else 1.0), of(TWELVE))
        (episode,) = report.bottlenecks.episodes
        assert episode.end == NOW - 50 * HOUR
        assert report.bottlenecks.heading == "No bottleneck now; the fleet was slow once in 7 days."
        assert not [f for f in report.findings if f.word == "Slow"]

    def test_a_server_may_be_called_anything(self) -> None:
        names = ("host", "fleet|latency", "a/b", "", "s0", "a")
        report = told(fleet(names, lambda place, age: 4.0 if place == 2 and age < 4 else 1.0), of(names))
        assert [episode.server for episode in report.bottlenecks.episodes] == ["a/b"]


class TestNothing:
    def test_a_quiet_fleet_says_so_with_numbers(self) -> None:
        found = told(fleet(TWELVE), of(TWELVE)).bottlenecks
        assert found.heading == "No bottleneck in this period."
        assert found.episodes == ()
        assert "hours of 12 servers stands out" in found.quiet
        assert "times its usual" in found.quiet
        assert len(found.waits) == 5

    @pytest.mark.parametrize("count", [0, 1])
    def test_one_snapshot(self, count: int) -> None:
        report = told([snapshot(NOW, *(probe() for _ in range(count)))], of(("alpha",)[:count]))
        assert report.bottlenecks.episodes == ()
        assert report.bottlenecks.heading == "Too little history to call anything slow."
        assert len(report.bottlenecks.waits) == count

    def test_one_server_is_compared_with_itself(self) -> None:
        report = told(fleet(("alone",), lambda _, age: 3.0 if age < 3 else 1.0), of(("alone",)))
        assert [episode.server for episode in report.bottlenecks.episodes] == ["alone"]

    def test_milliseconds_are_no_bottleneck(self) -> None:
        quick = [
            replace(
                shot,
                probes=tuple(
                    replace(p, timings_seconds=tuple(t / 500 for t in p.timings_seconds)) for p in shot.probes
                ),
            )
            for shot in fleet(TWELVE, lambda place, age: 3.0 if place == 4 and age < 3 else 1.0)
        ]
        assert told(quick, of(TWELVE)).bottlenecks.episodes == ()


@pytest.mark.slow
def test_clean_fleets_have_next_to_none() -> None:
    """Thirty weeks of twelve servers: at most one false bottleneck in fifteen weeks, where one in twenty is the aim."""
    found = [told(fleet(TWELVE, days=14, seed=seed), of(TWELVE)).bottlenecks.episodes for seed in range(100, 130)]
    assert sum(map(len, found)) <= 2


@pytest.mark.parametrize("seed", range(40, 43))
def test_three_hours_of_twice_as_long_are_always_found(seed: int) -> None:
    shots = fleet(TWELVE, lambda place, age: 2.0 if place == 7 and age < 3 else 1.0, seed=seed)
    (episode,) = told(shots, of(TWELVE)).bottlenecks.episodes
    assert (episode.server, episode.end) == ("s07", None)


def test_a_quarter_longer_for_two_hours_keeps_nobody_waiting() -> None:
    shots = fleet(TWELVE, lambda place, age: 1.4 if place == 7 and age < 2 else 1.0)
    assert told(shots, of(TWELVE)).bottlenecks.episodes == ()


def test_in_a_large_fleet_the_slow_ones_are_found_together() -> None:
    names = tuple(f"n{n:03}" for n in range(300))
    shots = fleet(names, lambda place, age: 3.0 if place % 50 == 3 and age < 3 else 1.0, days=3)
    (episode,) = told(shots, of(names)).bottlenecks.episodes
    assert set(episode.servers) == {f"n{n:03}" for n in range(3, 300, 50)}
