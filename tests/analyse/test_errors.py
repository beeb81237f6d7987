"""Errors as counts: rises are found with their sizes, and nothing is found where nothing rose."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report import analyse
from caelum_report.analyse.errors import Rise, rises
from caelum_report.analyse.tails import binomial_tails
from caelum_report.analyse.uptime import ledger
from caelum_report.document import Report
from caelum_report.model import Failure

from . import past
from .past import HOUR, NOW, config, history, probe, server, snapshot

DAYS = 36


def calls(seed: int, share: float, late: float, *, tools: int = 2, bursts: float = 1.0, calm: int = 7) -> pd.DataFrame:
    """Of one server by hour: forty calls of each tool a day; `late` is the share of errors of the first tool in `calm` days."""
    rng = np.random.default_rng(seed)
    rows = []
    for hour in range(DAYS * 24):
        for tool in range(tools):
            n = int(rng.poisson(40 / 24))
            often = late if tool == 0 and hour < calm * 24 else share
            often *= rng.gamma(1 / bursts, bursts) if bursts > 1 else 1.0
            if n:
                rows.append(
                    (NOW - HOUR * (hour + 1), "alpha", f"t{tool}", float(n), float(rng.binomial(n, min(often, 1))))
                )
    frame = pd.DataFrame(rows, columns=["hour", "server", "tool", "calls", "errors"])
    return frame.assign(hour=pd.to_datetime(frame["hour"], utc=True))


def of(frame: pd.DataFrame) -> Rise:
    book = ledger(past.states([]), ["alpha"], {"alpha": 3600.0}, NOW.timestamp())
    (found,) = rises(book, frame, ["alpha"], NOW.timestamp())
    return found


def test_binomial_tails_are_those_of_the_binomial() -> None:
    exact = [1.0, 1 - 0.9**20, 1 - 0.9**20 - 20 * 0.1 * 0.9**19, 0.1**20]
    assert binomial_tails([0, 1, 2, 20], 20, 0.1) == pytest.approx(exact, rel=1e-9)
    assert binomial_tails([3, 3], [5, 5], [0.0, 1.0]).tolist() == [0.0, 1.0]
    assert binomial_tails(5200, 20_000, 0.25) == pytest.approx(0.000558, rel=0.05)


class TestCalls:
    def test_a_rise_has_its_shares_and_its_tool(self) -> None:
        found = of(calls(1, 0.02, 0.2))
        assert (found.tool, found.matters) == ("t0", True)
        assert found.p < 1e-6
        assert found.errors / found.n == pytest.approx(0.11, abs=0.03)
        assert found.errors_before / found.n_before == pytest.approx(0.02, abs=0.01)

    def test_a_rise_of_a_day_is_seen_in_its_day(self) -> None:
        assert of(calls(2, 0.02, 0.5, calm=1)).days == 1

    def test_calling_a_failing_tool_more_often_is_no_rise(self) -> None:
        frame = calls(3, 0.01, 0.01)
        often = frame["tool"].eq("t1")
        frame.loc[often, "errors"] = (frame.loc[often, "calls"] * 0.4).round()
        frame.loc[often & (frame["hour"] > NOW - timedelta(days=7)), ["calls", "errors"]] *= 3
        assert of(frame).p > 0.05

    def test_a_server_that_errs_in_bursts_is_judged_by_its_bursts(self) -> None:
        steady, bursty = of(calls(4, 0.04, 0.15)), of(calls(4, 0.04, 0.15, bursts=40))
        assert steady.p < 1e-3
        assert bursty.p > 100 * steady.p

    def test_of_servers_in_which_nothing_rose_few_have_a_small_p(self) -> None:
        small = sum(of(calls(seed, 0.03, 0.03, tools=1)).p <= 0.05 for seed in range(60))
        assert small <= 6

    def test_little_history_is_not_tested(self) -> None:
        frame = calls(5, 0.02, 0.5)
        young = frame[frame["hour"] > NOW - timedelta(days=6)]
        book = ledger(past.states([]), ["alpha"], {"alpha": 3600.0}, NOW.timestamp())
        assert rises(book, young, ["alpha"], NOW.timestamp()) == []

    @settings(deadline=None, max_examples=15)
    @given(st.integers(0, 10_000), st.floats(0.0, 0.5), st.floats(0.0, 0.9))
    def test_p_is_a_chance(self, seed: int, share: float, late: float) -> None:
        frame = calls(seed, share, late, tools=1)
        if frame["errors"].any():
            assert 0 <= of(frame).p <= 1


def told(failing: set[int], *, days: int = DAYS, outage: range = range(0)) -> Report:
    """An hourly check each; those of the ages in `failing` time out."""
    shots = [
        snapshot(
            NOW - HOUR * age,
            probe("alpha", Failure.TIMEOUT if age in failing or age in outage else Failure.OK),
            probe("beta"),
        )
        for age in reversed(range(days * 24))
    ]
    known = history(shots)
    return analyse.report(shots[-1], known.snapshot, known, config(server("alpha"), server("beta")), ())


class TestChecks:
    def test_more_failures_than_usual_are_one_finding(self) -> None:
        report = told({*range(5, 7 * 24, 13), 500})
        (found,) = (f for f in report.findings if f.kind == "errors")
        assert found.title == "alpha failed 13 times in 7 days, 1 time in the four weeks before."
        assert found.chance is not None
        assert found.chance < 1e-6
        assert not found.needs_action

    def test_one_long_outage_is_one_failure(self) -> None:
        assert not [f for f in told(set(), outage=range(30, 80)).findings if f.kind == "errors"]

    def test_as_many_as_ever_are_nothing(self) -> None:
        assert not [f for f in told(set(range(5, DAYS * 24, 31))).findings if f.kind == "errors"]

    def test_who_fails_now_is_told_by_its_state(self) -> None:
        findings = told({0, *range(5, 7 * 24, 13)}).findings
        assert [f.kind for f in findings if f.server == "alpha"] == ["state"]


def test_a_rise_of_failed_calls_is_told_with_its_numbers() -> None:
    frame = calls(1, 0.02, 0.2).assign(host="here", source="tap", seconds=0.0, max=0.0, buckets=b"")
    shots = [snapshot(NOW - HOUR * age, probe("alpha")) for age in reversed(range(48))]
    known = history(shots, usage=frame[list(past.USAGE)])
    report = analyse.report(shots[-1], known.snapshot, known, config(server("alpha")), ())
    (found,) = (f for f in report.findings if f.kind == "errors")
    assert found.title == "12.9\xa0% of the calls of alpha failed in 7 days, 2.1\xa0% in the four weeks before."
    assert "Most of it is t0: " in found.cause
    assert found.page == "servers/alpha.html#usage"
