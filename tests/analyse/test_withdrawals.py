"""Preliminary findings that did not last are taken back, once; what lasts is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from caelum_report import analyse
from caelum_report.document import Change, Finding, Report
from caelum_report.model import Snapshot

from .past import HOUR, NOW, config, history, probe, server, snapshot

SERVERS = (server("alpha"), server("beta"))


def shots(slow: range = range(0), hours: int = 24 * 8) -> list[Snapshot]:
    """`slow`: the ages at which alpha takes four times as long."""
    noise = np.random.default_rng(3).lognormal(0, 0.04, (hours, 2))
    return [
        snapshot(
            NOW - HOUR * age,
            probe("alpha", latency=float(0.1 * noise[age, 0] * (4 if age in slow else 1))),
            probe("beta", latency=float(0.1 * noise[age, 1])),
        )
        for age in reversed(range(hours))
    ]


def report(these: list[Snapshot], previous: Report | None = None) -> Report:
    known = history(these, previous)
    return analyse.report(these[-1], known.snapshot, known, config(*SERVERS), ())


def withdrawn(before: Report, these: list[Snapshot]) -> list[Change]:
    return [change for change in report(these, before).changes if change.after == "withdrawn"]


@pytest.fixture(scope="module")
def before() -> Report:
    """A report of four hours ago, which told of an unusual hour an hour before."""
    first = report(shots(range(5, 7))[:-4])
    (finding,) = (f for f in first.findings if f.kind == "anomaly")
    assert finding.preliminary
    assert finding.server == "alpha"
    return first


def test_what_does_not_last_is_taken_back_in_one_line(before: Report) -> None:
    (change,) = withdrawn(before, shots())
    assert (change.direction, change.servers, change.before) == ("method", ("alpha",), "preliminary")
    assert change.detail.startswith(": alpha took 4")
    assert change.evidence == "judged again after 4\u00a0h"


def test_what_lasts_is_not_taken_back(before: Report) -> None:
    assert withdrawn(before, shots(range(5, 7))) == []


def test_what_goes_on_is_not_taken_back(before: Report) -> None:
    assert withdrawn(before, shots(range(7))) == []


def test_what_was_sure_or_long_ago_or_of_one_who_left_is_not_taken_back(before: Report) -> None:
    (finding,) = (f for f in before.findings if f.kind == "anomaly")

    def with_(other: Finding) -> Report:
        return replace(before, findings=(other,))

    assert withdrawn(with_(replace(finding, preliminary=False)), shots()) == []
    assert withdrawn(with_(replace(finding, since=NOW - timedelta(days=8))), shots()) == []
    assert withdrawn(with_(replace(finding, server="gone")), shots()) == []
