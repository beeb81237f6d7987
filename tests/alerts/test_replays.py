"""Rules that need the analysis, tried on history: what they say is what they would have said then."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from caelum_report import alerts, analyse, store
from caelum_report.alerting import Hold, Rule
from caelum_report.alerts import Replay
from caelum_report.analyse.anomaly import anomalies
from caelum_report.cli.replays import replays
from caelum_report.model import Failure
from tests.test_cli import run

from .fleet import HOUR, START, Course, config, host, server, snapshot
from .test_commands import at_home
from .test_reported import reported, soon

ODD = Rule("odd", "anomaly", metric="latency", recover=Hold(2))
SPIKE = 500  # hours after the start; it lasts three


def tried(course: Course, at: datetime, days: float, rule: str) -> Replay:
    with store.open_store(str(course.path)) as database:
        (found,) = replays(database, course.settings, rule, at - timedelta(days=days), at)
    return found


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Twenty-five days of answer times of one server, with a memory that begins to leak at the end."""
    chance = random.Random(7)
    course = Course(config(server("a"), rules=(ODD, soon())), tmp_path_factory.mktemp("slow") / "history.sqlite")
    with store.open_store(str(course.path)) as database, store.batch(database):
        for hour in range(600):
            seconds = 0.05 * chance.lognormvariate(0, 0.1) * (6 if SPIKE <= hour < SPIKE + 3 else 1)
            used = 60 + max(0, hour - 480) / 4 + 0.2 * (hour % 3)
            taken = snapshot(course.settings, START + hour * HOUR, sample=host(used), latency={"a": seconds})
            store.add_snapshot(database, taken, course.settings)
        store.maintain(database, taken.at, course.settings)
    return course


END = START + 599 * HOUR


def test_an_unusual_hour_of_the_past_is_found_when_it_was_over_and_not_before(slow: Course) -> None:
    found = tried(slow, END, 8, "odd")
    (alert,) = found.alerts
    assert alert.began_at == START + (SPIKE + 1) * HOUR
    assert "would have fired 1 time in 8\u00a0d (193 looks)" in "\n".join(alerts.told(found, "UTC"))


def test_each_look_sees_what_a_report_of_that_hour_would_have_seen(slow: Course) -> None:
    looks = [START + hour * HOUR for hour in (40, 300, SPIKE, SPIKE + 1, SPIKE + 4, SPIKE + 9, 599)]
    with store.open_store(str(slow.path)) as database:
        history = store.history(database, store.latest_snapshot(database) or 0, ("latency",))
    rows = history.rollups[history.rollups["level"] == "hour"]
    series = pd.Series(rows["p50"].to_numpy(), pd.DatetimeIndex(rows["at"]))
    for at, (shown,) in analyse.rehearse(ODD, history, slow.settings, looks):
        then = series[series.index + HOUR <= at]
        assert shown.bad == bool(anomalies(then)["flag"].iloc[-3:].any()), at


def test_a_leak_is_foretold_on_history_before_it_is_there(slow: Course) -> None:
    (alert,) = tried(slow, END, 5, "full-soon").alerts
    assert (alert.subject, alert.resolved_at) == ("here", None)
    assert START + 490 * HOUR < alert.began_at < START + 590 * HOUR
    assert tried(slow, START + 480 * HOUR, 5, "full-soon").alerts == ()


def test_findings_are_tried_on_the_reports_that_were_made(tmp_path: Path) -> None:
    rule = Rule("states", "finding", finding="state:*", recover=Hold(1))
    course = Course(config(server("a"), rules=(rule,)), tmp_path / "history.sqlite")
    for hour, failing in enumerate(({}, {"a": Failure.TIMEOUT}, {"a": Failure.TIMEOUT}, {})):
        report = reported(course, failing, first=hour)
    found = tried(course, START + 3 * HOUR, 30, "states")
    assert (found.runs, found.messages) == (4, 2)
    assert [(a.subject, a.began_at, a.resolved_at) for a in found.alerts] == [
        (a.subject, a.began_at, a.resolved_at) for a in report.alarms.alerts
    ]


def test_what_cannot_be_tried_is_said_with_exit_2(tmp_path: Path) -> None:
    home, file = at_home(tmp_path)
    course = Course(config(server("a")), home / "history.sqlite")
    course.run(snapshot(course.settings, START))
    for rule in ("contract", "disk-full-soon"):
        done = run(home, "alerts", "test", rule, "--config", file)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{rule}: no report or closed hour of that time is kept" in done.stderr
    everything = run(home, "alerts", "test", "--config", file)
    assert everything.returncode == 0
    assert "contract: no report or closed hour" in everything.stdout
