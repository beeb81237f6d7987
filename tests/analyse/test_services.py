"""Backing services near their limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caelum_report import analyse, store
from caelum_report.model import Failure, Reading, Sample
from tests.store.given import NOON, config, probe, snapshot


@pytest.mark.parametrize(
    ("kind", "metric", "value", "title"),
    [
        ("redis", "memory_percent", 93.0, "The source it has 93\u00a0% of its maxmemory in use."),
        ("redis", "memory_percent", 89.0, None),
        ("redis", "hit_percent", 99.0, None),
        ("postgresql", "connections_percent", 100.0, "The source it has 100\u00a0% of its connections taken."),
        ("redis", "save_failed", 1.0, "The source it could not save to disk."),
        ("redis", "save_failed", 0.0, None),
        ("docker", "oom_killed", 1.0, "The container job was ended for want of memory."),
    ],
)
def test_a_limit_that_is_near_is_a_finding(tmp_path, kind, metric, value, title):
    labels = (("container", "job"),) if kind == "docker" else ()
    reading = Reading("it", kind, Failure.OK, samples=(Sample("it", metric, value, labels=labels),))
    seen = replace(snapshot(NOON, probe("a")), readings=(reading,))
    with store.open_store(str(tmp_path / "h.db")) as database:
        number = store.add_snapshot(database, seen, config("a"))
        history = store.history(database, number, analyse.ROLLED_UP)
    report = analyse.report(seen, number, history, config("a"), ())
    assert [finding.title for finding in report.findings if finding.word == "Service"] == ([title] if title else [])
