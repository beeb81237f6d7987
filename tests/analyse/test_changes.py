"""What changed since the report before, and what a test says of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from caelum_report import analyse
from caelum_report.analyse.changes import p_text, rank_test
from caelum_report.document import Change, Report
from caelum_report.model import Failure, ProcessFigures, Snapshot, Status

from .past import HOUR, NOW, config, history, hourly, probe, server, snapshot, surface, tool


def report(snapshots: list[Snapshot], *servers: str, previous: Report | None = None, **said: object) -> Report:
    it = config(*(server(name) for name in servers or ("alpha",)), **said)
    return analyse.report(snapshots[-1], len(snapshots), history(snapshots, previous), it, ())


def changes_after(
    earlier: list[Snapshot], *later: Snapshot, servers: tuple[str, ...] = ("alpha",)
) -> tuple[Change, ...]:
    first = report(earlier, *servers)
    return report([*earlier, *later], *servers, previous=first).changes


# --- the rank test --------------------------------------------------------------------------------------------------


def exact_p(first: list[float], second: list[float]) -> float:
    """Over all ways to divide the values: no approximation."""
    both = [*first, *second]

    def u(chosen: tuple[int, ...]) -> float:
        inside = [both[i] for i in chosen]
        outside = [both[i] for i in range(len(both)) if i not in chosen]
        return sum((b > a) + (b == a) / 2 for a in inside for b in outside)

    middle = len(first) * len(second) / 2
    seen = abs(u(tuple(range(len(first)))) - middle)
    ways = [abs(u(way) - middle) for way in combinations(range(len(both)), len(first))]
    return sum(way >= seen - 1e-9 for way in ways) / len(ways)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 5, 3, 9, 7, 2], [8, 4, 12, 10, 6, 11]),
        ([1, 1, 2, 2, 3, 1], [3, 2, 3, 4, 3, 2]),
        ([5, 1, 4, 2, 3, 6], [1.5, 4.5, 2.5, 5.5, 3.5, 0.5]),
    ],
)
def test_the_approximation_is_near_the_exact_chance(first: list[float], second: list[float]) -> None:
    assert rank_test(np.array(first), np.array(second)).p == pytest.approx(exact_p(first, second), abs=0.05)


def test_noise_is_seldom_called_a_difference_even_when_it_drifts() -> None:
    rng = np.random.default_rng(7)
    called = 0
    for _ in range(400):
        noise = rng.normal(size=48)
        for i in range(1, 48):
            noise[i] += 0.5 * noise[i - 1]
        called += rank_test(noise[:24], noise[24:]).p < 0.05
    assert called / 400 < 0.10


def test_a_shift_is_found() -> None:
    rng = np.random.default_rng(7)
    found = rank_test(rng.normal(1, 0.1, 24), rng.normal(1.5, 0.1, 24))
    assert found.p < 0.001
    assert found.larger > 0.95


samples = arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100).map(lambda x: round(x, 2)))


@given(samples, samples)
def test_the_chance_is_a_chance_and_the_same_both_ways(first: np.ndarray, second: np.ndarray) -> None:
    there, back = rank_test(first, second), rank_test(second, first)
    assert 0 <= there.p <= 1
    assert there.p == pytest.approx(back.p)
    assert there.larger == pytest.approx(1 - back.larger)


def test_nothing_differs_in_a_constant() -> None:
    assert rank_test(np.ones(20), np.ones(30)).p == 1.0


def test_a_chance_is_printed_without_false_digits() -> None:
    assert [p_text(p) for p in (0.00001, 0.0042, 0.04)] == [
        "p\u00a0<\u00a00.001",
        "p\u00a0=\u00a00.0042",
        "p\u00a0=\u00a00.04",
    ]


# --- states, tools, method ------------------------------------------------------------------------------------------


def test_a_server_that_went_down_is_worse_and_one_that_came_back_is_better() -> None:
    down = probe(failure=Failure.TIMEOUT)
    (worse,) = changes_after(hourly(30, probe()), snapshot(NOW + HOUR, down))
    assert (worse.direction, worse.what, worse.before, worse.after) == ("worse", "State", "up", "down")
    assert (worse.detail, worse.evidence) == ("at 15:00", "1 of 1 probe, p\u00a0=\u00a00.031")
    (better,) = changes_after(
        [*hourly(30, probe(), until=NOW - HOUR), snapshot(NOW, down)], snapshot(NOW + HOUR, probe())
    )
    assert (better.direction, better.before, better.after, better.detail) == (
        "better",
        "down",
        "up",
        "at 15:00, after 1\u00a0h",
    )


def test_the_same_trouble_as_in_the_report_before_is_no_change() -> None:
    down = probe(failure=Failure.TIMEOUT)
    assert (
        changes_after([*hourly(30, probe(), until=NOW - HOUR), snapshot(NOW, down)], snapshot(NOW + HOUR, down)) == ()
    )


def test_a_server_never_seen_before_is_said_to_be_new() -> None:
    (new,) = changes_after(hourly(5, probe()), snapshot(NOW + HOUR, probe(), probe("beta")), servers=("alpha", "beta"))
    assert (new.servers, new.before, new.after, new.direction) == (("beta",), "new", "up", "method")


def test_without_a_report_before_the_last_day_is_compared() -> None:
    it = report([*hourly(48, probe(), until=NOW - HOUR), snapshot(NOW, probe(failure=Failure.TIMEOUT))])
    assert [change.what for change in it.changes] == ["State"]
    assert it.previous is None
    assert (it.at - it.period_start).days == 1


def test_one_line_for_a_tool_change_with_its_gravest_part() -> None:
    old, new = surface(tool("a"), tool("b")), surface(tool("a"), tool("c", {"x": {"type": "string"}}))
    (change,) = changes_after(hourly(5, probe(surface=old)), snapshot(NOW + HOUR, probe(surface=new)))
    assert (change.direction, change.what, change.before, change.after) == ("worse", "Tools", "2", "2")
    assert change.detail == "; tool removed: b; 1 more change"


def test_a_new_program_and_a_server_that_left_are_said() -> None:
    earlier = hourly(5, probe(), probe("beta"))
    first = report(earlier, "alpha", "beta")
    later = replace(snapshot(NOW + HOUR, probe()), program_version="0.2")
    it = report([*earlier, later], "alpha", previous=first)
    assert [(c.what, c.before, c.after) for c in it.changes] == [
        ("Fleet", "asked", "not configured"),
        ("Program", "0.1", "0.2"),
    ]
    assert [s.id for s in it.servers] == ["alpha", "beta"]
    assert [s.retired for s in it.servers] == [False, True]
    assert it.tally == ((Status.UP, 1),)


# --- latency --------------------------------------------------------------------------------------------------------


def noisy(hours: int, slower_for: int = 0, factor: float = 1.5, until_hours_ago: int = 0) -> list[Snapshot]:
    rng = np.random.default_rng(3)
    levels = rng.normal(0.1, 0.005, 400)
    return [
        snapshot(NOW - HOUR * ago, probe(latency=float(levels[ago]) * (factor if ago < slower_for else 1.0)))
        for ago in range(hours - 1, until_hours_ago - 1, -1)
    ]


def test_a_slower_day_is_told_with_its_n_and_its_chance() -> None:
    (change,) = report(noisy(72, slower_for=24)).changes
    assert (change.what, change.direction) == ("Answer time, p50", "worse")
    assert change.evidence.startswith("n = 24 and 24, p\u00a0<\u00a00.001")
    assert change.detail.startswith("+")


def test_more_memory_is_told_and_its_return_too() -> None:
    rng = np.random.default_rng(5)
    sizes = 50e6 * (1 + 0.01 * rng.normal(size=100))

    def run(ago: int, factor: float) -> Snapshot:
        figures = ProcessFigures(int(sizes[ago] * factor), 0.1, 2, 5, 1)
        return snapshot(NOW - HOUR * ago, probe(process=figures))

    (more,) = report([run(ago, 1.4 if ago < 24 else 1.0) for ago in range(71, -1, -1)]).changes
    assert (more.what, more.direction, more.before) == ("Memory", "worse", "48\u00a0MiB")
    assert more.evidence.startswith("n = 24 and 24, p\u00a0<\u00a00.001")
    (less,) = report([run(ago, 1.4 if ago >= 24 else 1.0) for ago in range(71, -1, -1)]).changes
    assert (less.what, less.direction) == ("Memory", "better")


def test_a_change_is_told_once() -> None:
    everything = noisy(72, slower_for=20)
    first = report(everything[:-1])
    assert [change.what for change in first.changes] == ["Answer time, p50"]
    assert report(everything, previous=first).changes == ()


def test_a_small_or_an_uncertain_change_is_not_told() -> None:
    assert report(noisy(72, slower_for=24, factor=1.05)).changes == ()
    assert report(noisy(72)).changes == ()
    assert report(noisy(20, slower_for=10)).changes == ()  # too little history


def test_an_empty_part_says_how_much_was_tested() -> None:
    assert "in 1 series tested" in report(noisy(72)).empty.changes
    assert report(hourly(1, probe())).empty.changes == "Nothing to compare with yet. Begins with report #2."
