"""What tools cost a model, by server and over time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from caelum_report import analyse
from caelum_report.document import Report
from caelum_report.model import Failure, Snapshot

from .past import HOUR, NOW, config, history, hourly, probe, server, snapshot, surface, tool

SMALL, LARGE = surface(tool("a")), surface(*(tool(f"t{n}") for n in range(10)))  # 20 tokens a tool


def report(seen: list[Snapshot], *names: str) -> Report:
    it = config(*(server(name) for name in names or ("alpha",)))
    return analyse.report(seen[-1], len(seen), history(seen), it, ())


def test_the_course_is_a_staircase_that_ends_at_what_is_listed_now() -> None:
    before, after = ([probe("alpha", surface=offer), probe("beta", surface=LARGE)] for offer in (SMALL, LARGE))
    it = report([*hourly(48, *before, until=NOW - timedelta(days=1)), *hourly(24, *after)], "alpha", "beta")
    assert [(cost.server, cost.now, cost.before) for cost in it.token_costs] == [("alpha", 200, 20), ("beta", 200, 200)]
    fleet, alpha = it.token_charts
    assert set(fleet.points.mid) == {220.0, 400.0}
    assert set(alpha.points.mid) == {20.0, 200.0}
    assert alpha.points.mid[-1] == 200
    step = next(at for at, value in zip(alpha.points.at, alpha.points.mid, strict=True) if value == 200)
    assert step == pytest.approx((NOW - 23 * HOUR).timestamp(), abs=3600)
    assert fleet.caption == "400 tokens now. At the beginning 220."
    assert len({chart.id for chart in it.token_charts}) == 2


def test_a_first_report_has_the_cost_and_no_chart() -> None:
    it = report([snapshot(NOW, probe(surface=LARGE))])
    assert [(cost.tools, cost.now, cost.before) for cost in it.token_costs] == [(10, 200, None)]
    assert it.token_charts == ()


def test_a_server_that_never_listed_costs_nothing_known() -> None:
    it = report(hourly(48, probe(failure=Failure.TIMEOUT)))
    assert (it.token_costs, it.token_charts) == ((), ())
