"""Real calls: one source a server, what the fleet does with its tools, and habits that stand out from chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from caelum_report import counts
from caelum_report.analyse import report
from caelum_report.analyse.calls import calls_by_hour, counts_of
from caelum_report.analyse.usage_patterns import mix_drift, together, week_profile
from caelum_report.document import Report
from caelum_report.model import USAGE_SOURCES

from . import past

NOW = past.NOW
HOUR = timedelta(hours=1)


def rows(*given: tuple[float, str, str, str, list[float]], errors: int = 0) -> pd.DataFrame:
    """Hours ago, server, tool, source, durations."""
    table = []
    for ago, server, tool, source, seconds in given:
        blob = counts.pack(Counter(map(counts.bucket_of, seconds)))
        hour = (NOW - ago * HOUR).replace(minute=0, second=0, microsecond=0)
        table.append(
            (hour, "here", server, tool, source, len(seconds), errors, sum(seconds), max(seconds, default=0.0), blob)
        )
    frame = pd.DataFrame(sorted(table), columns=list(past.USAGE))
    frame["hour"] = pd.to_datetime(frame["hour"], utc=True)
    return frame


def chosen(frame: pd.DataFrame, precedence: tuple[str, ...] = USAGE_SOURCES) -> pd.DataFrame:
    return calls_by_hour(frame, precedence, pd.Timestamp(NOW))


# --- one source -----------------------------------------------------------------------------------------------------


def test_of_two_sources_one_counts_and_before_it_began_the_other() -> None:
    frame = rows(
        (100, "a", "x", "claude-code", [1.0]),
        (50, "a", "x", "claude-code", [1.0]),
        (50, "a", "x", "tap", [2.0, 4.0]),
        (2, "a", "x", "claude-code", [1.0]),
        (2, "b", "x", "claude-code", [1.0]),
    )
    found = chosen(frame)
    assert list(zip(found["server"], found["source"], found["calls"], strict=True)) == [
        ("a", "claude-code", 1), ("a", "tap", 2), ("b", "claude-code", 1),
    ]  # fmt: skip
    assert found["latency"].tolist() == [1.0, 3.0, 1.0]
    assert chosen(frame, ("claude-code", "tap"))["source"].unique().tolist() == ["claude-code"]


def test_a_source_that_went_silent_a_month_ago_gives_way() -> None:
    found = chosen(rows((900, "a", "x", "tap", [1.0]), (5, "a", "x", "claude-code", [1.0, 1.0])))
    assert found["source"].tolist() == ["claude-code"]
    assert chosen(rows((900, "a", "x", "tap", [1.0])))["source"].tolist() == ["tap"]


def test_without_any_row_there_is_nothing_to_count() -> None:
    assert len(chosen(rows())) == 0
    assert counts_of(chosen(rows()), NOW.timestamp(), 3).tolist() == [0, 0, 0]


# --- patterns -------------------------------------------------------------------------------------------------------


def test_the_week_is_that_of_the_zone_and_unmeasured_hours_are_not_zero() -> None:
    monday = datetime.fromisoformat("2026-11-16T00:00:00+01:00").timestamp()
    profile = week_profile(np.arange(48.0), monday, "Europe/Berlin")
    assert profile[0].tolist() == list(range(24))
    assert profile[1].tolist() == list(range(24, 48))
    assert np.isnan(profile[2:]).all()
    again = week_profile(np.tile([1.0, 3.0], 168), monday, "Europe/Berlin")
    assert again.mean() == 2.0


def bursty(seed: int, days: int, shares: list[float], calls: float) -> np.ndarray:
    """Days whose sessions prefer one tool each: far from independent calls."""
    random = np.random.default_rng(seed)
    return np.array(
        [random.multinomial(random.poisson(calls), random.dirichlet(np.array(shares) * 8)) for _ in range(days)]
    )


def test_another_mix_is_found_with_the_tool_that_moved() -> None:
    days = np.concatenate([bursty(1, 28, [0.7, 0.2, 0.1], 60), bursty(2, 7, [0.2, 0.2, 0.6], 60)]).astype(float)
    drift = mix_drift(days, ["read", "list", "write"])
    assert drift is not None
    assert drift.p <= 0.002
    assert drift.tool in {"read", "write"}
    assert drift.moved == pytest.approx(0.5, abs=0.12)


def test_the_same_habits_are_rarely_called_others() -> None:
    found = [mix_drift(bursty(seed, 35, [0.5, 0.3, 0.2], 40).astype(float), ["a", "b", "c"]) for seed in range(100)]
    assert sum(drift is not None and drift.p <= 0.05 for drift in found) <= 10


@pytest.mark.parametrize("days", [bursty(1, 35, [0.5, 0.5], 0.3), bursty(1, 8, [0.5, 0.5], 50), np.zeros((35, 2), int)])
def test_of_little_nothing_is_said(days: np.ndarray) -> None:
    assert mix_drift(days.astype(float), ["a", "b"]) is None


def test_tools_of_one_task_are_found_together_and_office_hours_alone_are_no_task() -> None:
    random = np.random.default_rng(5)
    hours = np.arange(24 * 40)
    office = ((hours % 24 >= 9) & (hours % 24 < 17)) * 0.5
    used = random.random((len(hours), 12)) < office[:, None]
    task = random.random(len(hours)) < 0.04
    used[task, 3] = used[task, 8] = True
    used[~task, 3] &= random.random((~task).sum()) < 0.1
    used[~task, 8] &= random.random((~task).sum()) < 0.1
    assert [(pair.first, pair.second) for pair in together(used, (hours % 24).tolist())] in ([(3, 8)], [(8, 3)])


# --- the report -----------------------------------------------------------------------------------------------------


def of_history(frame: pd.DataFrame) -> Report:
    server = past.server("alpha")
    probe = past.probe("alpha", surface=past.surface(*map(past.tool, ("search", "get", "put"))))
    snapshots = past.hourly(30, probe)
    config = past.config(server, past.server("beta"))
    return report(snapshots[-1], len(snapshots), past.history(snapshots, usage=frame), config, ())


def test_without_any_source_every_server_is_not_measured() -> None:
    usage = of_history(rows()).usage
    assert [(server.server, server.source) for server in usage.servers] == [("alpha", None), ("beta", None)]
    assert (usage.calls, usage.tools, usage.charts, usage.week) == (0, (), (), ())


def test_calls_errors_times_and_what_nobody_calls() -> None:
    told = of_history(
        rows(
            *((ago, "alpha", "search", "tap", [1.0, 3.0]) for ago in range(0, 600, 6)),
            (700, "alpha", "search", "tap", [9.0]),
            (3, "stranger", "dance", "claude-code", [2.0]),
            errors=1,
        )
    )  # fmt: skip
    alpha, stranger, beta = told.usage.servers
    assert (alpha.calls, alpha.errors, alpha.used, alpha.source) == (201, 101, 1, "tap")
    assert alpha.unused == ("get", "put")
    assert alpha.p50 == pytest.approx(3.0, rel=0.05) or alpha.p50 == pytest.approx(1.0, rel=0.05)
    assert alpha.max_seconds == 9.0
    assert (stranger.server, stranger.calls) == ("stranger", 1)
    assert beta.source is None
    assert [(tool.server, tool.tool, tool.calls) for tool in told.usage.tools] == [
        ("alpha", "search", 201), ("stranger", "dance", 1),
    ]  # fmt: skip
    assert {chart.range for chart in told.usage.charts} == {"week", "month"}
    assert told.usage.busiest
    assert told.usage.quietest


def test_a_first_hour_of_measuring_says_no_more_than_it_knows() -> None:
    usage = of_history(rows((0, "alpha", "search", "tap", []))).usage
    assert usage.calls == 0
    assert (usage.busiest, usage.quietest, usage.together) == ("", "", ())
    assert usage.servers[0].unused == ()
    assert {chart.empty for chart in usage.charts} == {"The first hour of calls is not over yet."}


def test_no_percentile_is_longer_than_the_longest_call() -> None:
    usage = of_history(rows(*((2, "alpha", f"tool-{n}", "tap", [0.1 + n * 0.0137]) for n in range(40)))).usage
    for one in (*usage.tools, usage.servers[0]):
        assert one.p50 is not None
        assert one.p95 is not None
        assert one.max_seconds is not None
        assert one.p50 <= one.p95 <= one.max_seconds


def test_many_unused_tools_are_one_finding_for_the_fleet() -> None:
    surface = past.surface(*(replace(past.tool(f"tool-{n}"), tokens=400) for n in range(9)))
    snapshots = past.hourly(30, past.probe("alpha", surface=surface))
    frame = rows(*((ago, "alpha", "tool-0", "tap", [1.0]) for ago in range(0, 600, 6)))
    told = report(snapshots[-1], 30, past.history(snapshots, usage=frame), past.config(past.server("alpha")), ())
    (finding,) = (finding for finding in told.findings if finding.kind == "usage")
    assert finding.title == "Nobody called 8 tools of 1 server in 30 days."
    assert "3\u202f200 tokens" in finding.impact
    assert not finding.needs_action
