"""What the rules have said, as the report and its pages show it; rules that need the analysis."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest

from caelum_report import pipeline, store
from caelum_report.alerting import Hold, Rule, Silence
from caelum_report.configured import Config
from caelum_report.document import Report
from caelum_report.model import Failure, Status, Window
from caelum_report.render import render
from caelum_report.site import Site

from .fleet import HOUR, START, Course, config, host, server, snapshot

DOWN = Failure.CONNECT_ERROR


def reported(course: Course, *hours: dict[str, Failure], first: int = 0) -> Report:
    """The report after these runs, one an hour."""
    settings, number, taken = course.settings, 0, None
    with store.open_store(str(course.path)) as database:
        for hour, failing in enumerate(hours, first):
            taken = snapshot(settings, START + hour * HOUR, failing)
            course.lived(database, taken)
            number = database.execute("SELECT max(id) FROM snapshots").fetchone()[0]
    assert taken is not None
    return pipeline.analyse(replace(settings, database=str(course.path)), number, taken, pipeline.Stopwatch())


def fleet() -> Config:
    window = Window(START + 30 * HOUR, START + 32 * HOUR, "storage", weekly=True)
    return config(
        server("gateway", owner="platform"), server("a", "gateway"), server("b", "gateway"),
        server("c", maintenance=(window,)),
    )  # fmt: skip


STORM: dict[str, Failure] = dict.fromkeys(("gateway", "a", "b"), DOWN)


def words_of(site: Site, page: str) -> str:
    tree = html5lib.parse(site.files[page].decode(), namespaceHTMLElements=False)
    return " ".join("".join(tree.find("body").itertext()).split())


def test_one_cause_is_one_incident_with_its_course(tmp_path: Path) -> None:
    course = Course(fleet(), tmp_path / "history.sqlite")
    report = reported(course, {}, STORM, STORM, {}, {}, {"c": DOWN})
    newest, storm = report.alarms.incidents
    assert storm.title == "gateway was down → 2 dependants."
    assert (storm.servers, storm.seconds, storm.impact) == (("a", "b", "gateway"), 2 * 3600, "a and b failed with it.")
    assert storm.cause == "Connection refused."
    assert [event.at for event in storm.events] == sorted(event.at for event in storm.events)
    said = [event.text for event in storm.events]
    assert "First sign: gateway is down: connection refused" in said
    assert any(text.startswith("Waiting by ops: [Caelum] 1 firing: gateway is down") for text in said)
    assert (newest.ended_at, newest.servers) == (None, ("c",))
    assert [(alert.subject, alert.phase) for alert in report.alarms.alerts if alert.cause is None] == [
        ("c", "firing"),
        ("gateway", "resolved"),
    ]
    assert [(w.reason, w.start) for w in report.alarms.windows][:2] == [
        ("storage", START + 30 * HOUR),
        ("storage", START + (30 + 168) * HOUR),
    ]
    assert {rule.name: (rule.fired, rule.explained) for rule in report.alarms.rules}["down"] == (4, 2)


def test_an_incident_keeps_the_probe_that_saw_it_first_and_what_it_took_with_it(tmp_path: Path) -> None:
    course = Course(fleet(), tmp_path / "history.sqlite")
    report = reported(course, {}, STORM, STORM, {}, {}, {"c": DOWN})
    newest, storm = report.alarms.incidents
    assert (storm.root, newest.root) == ("gateway", "c")
    assert storm.probe is not None
    assert (storm.probe.at, storm.probe.status, storm.probe.failure) == (START + HOUR, Status.DOWN, DOWN)
    assert storm.dependants is not None
    assert {(edge.source, edge.target, edge.kind) for edge in storm.dependants.edges} == {
        ("gateway", "a", "takes-down"),
        ("gateway", "b", "takes-down"),
    }
    assert newest.dependants is None  # nothing needs c
    assert "2 failed with it: a and b" in words_of(render(report, pdf=False), f"incidents/{storm.id}.html")


def test_that_probe_outlives_the_raw_rows_and_goes_with_a_server_that_is_forgotten(tmp_path: Path) -> None:
    course = Course(fleet(), tmp_path / "history.sqlite")
    before = reported(course, {}, STORM, {}).alarms.incidents[-1].probe
    with store.open_store(str(course.path)) as database:
        store.maintain(database, START + 20 * 24 * HOUR, course.settings)
        assert database.execute("SELECT count(*) FROM probes").fetchone() == (0,)
    later = reported(course, {}, first=20 * 24).alarms.incidents[-1]
    assert before is not None
    assert later.probe == before
    with store.open_store(str(course.path)) as database:
        store.forget_server(database, "gateway")
        assert database.execute("SELECT count(*) FROM first_probes").fetchone() == (0,)


def test_the_pages_say_it_and_programs_can_read_it(tmp_path: Path) -> None:
    course = Course(fleet(), tmp_path / "history.sqlite")
    with store.open_store(str(course.path)) as database:
        silence = Silence(0, START, START + 400 * HOUR, "me", "new disks", rule="disk*", subject="/data")
        store.add_silence(database, silence)
    report = reported(course, {}, STORM, STORM, {}, {}, {"c": DOWN})
    site = render(report, pdf=False)
    page = words_of(site, "alerts.html")
    for text in ("One alert fires.", "c is down: connection refused", "gateway was down → 2 dependants.", "storage",
                 "Rule disk* about /data", "new disks", "a server is down", "[Caelum] 1 firing: c is down"):  # fmt: skip
        assert text in page
    incident = words_of(site, f"incidents/{report.alarms.incidents[1].id}.html")
    assert "It lasted 2 h. a and b failed with it." in incident
    assert "gateway: down is over" in incident
    told = json.loads(site.files["api/v1/alerts.json"])
    assert [alert["subject"] for alert in told["alerts"] if alert["phase"] == "firing"] == ["c"]
    assert told["incidents"][1]["alerts"] == [1, 2, 3]
    assert json.loads(site.files["api/v1/slo.json"])["objectives"] == []


def test_what_is_well_again_recovers_until_that_has_lasted(tmp_path: Path) -> None:
    course = Course(fleet(), tmp_path / "history.sqlite")
    report = reported(course, {}, {"a": DOWN}, {})  # the built-in rule wants two good checks
    (alert,) = report.alarms.alerts
    assert (alert.phase, alert.recovering_since, alert.resolved_from) == (
        "firing", START + 2 * HOUR, START + 3 * HOUR,
    )  # fmt: skip
    assert report.alarms.incidents[0].recovering_since == START + 2 * HOUR
    site = render(report, pdf=False)
    page = words_of(site, "alerts.html")
    for text in ("Nothing fires.", "1 alert recovers.", "a recovers", "05:00 at the earliest", "recovering"):
        assert text in page
    assert "Nothing fires; 1 incident since 02:00." in words_of(site, "index.html")
    incident = words_of(site, f"incidents/{report.alarms.incidents[0].id}.html")
    assert "It recovers since 04:00; over 05:00 at the earliest." in incident
    assert "a: down no longer holds" in incident


def test_a_rule_in_seconds_and_a_slow_server_say_when_they_are_over(tmp_path: Path) -> None:
    rule = Rule("down", "state", states=(Status.DOWN,), recover=Hold(1, 2.5 * 3600))
    course = Course(config(server("a", every_seconds=7200), rules=(rule,)), tmp_path / "history.sqlite")
    (alert,) = reported(course, {"a": DOWN}, {}).alarms.alerts
    assert alert.resolved_from == START + 5 * HOUR  # two more checks, two hours apart


def test_what_comes_and_goes_is_over_when_it_is_steady(tmp_path: Path) -> None:
    course = Course(fleet(), tmp_path / "history.sqlite")
    report = reported(course, *([{"a": DOWN}, {}] * 4))
    assert [(a.flapping, a.recovering_since is not None, a.resolved_from) for a in report.alarms.alerts] == [
        (True, True, None)
    ]
    assert "when it is steady" in words_of(render(report, pdf=False), "alerts.html")


def test_everything_open_is_shown_whatever_ended_since(tmp_path: Path) -> None:
    many = tuple(server(f"s{number:03}") for number in range(130))
    course = Course(config(server("old"), *many), tmp_path / "history.sqlite")
    storm = {one.id: DOWN for one in many}
    report = reported(course, {"old": DOWN}, {"old": DOWN, **storm}, {"old": DOWN}, {"old": DOWN})
    assert [alert.subject for alert in report.alarms.alerts if alert.phase == "firing"] == ["old"]
    assert "One alert fires." in words_of(render(report, pdf=False), "alerts.html")


def test_nothing_to_say_is_one_sentence_each(tmp_path: Path) -> None:
    course = Course(config(server("a"), channels=()), tmp_path / "history.sqlite")
    site = render(reported(course, {}), pdf=False)
    page = words_of(site, "alerts.html")
    for text in ("Nothing fires.", "No alert is open.", "No incident is on record.", "Nobody is told: no way out"):
        assert text in page
    assert "No objective is set." in words_of(site, "slo.html")


def test_text_of_a_server_is_text_on_every_page_and_in_every_message(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\u202e"
    course = Course(config(server("a")), tmp_path / "history.sqlite")
    settings = course.settings
    with store.open_store(str(course.path)) as database:
        taken = snapshot(settings, START, {"a": DOWN})
        probe = replace(taken.probes[0], reason=evil)
        (notice,) = course.lived(database, replace(taken, probes=(probe,)))
    assert "\u202e" not in notice.lines[0].detail
    report = reported(course, {"a": DOWN}, first=1)
    site = render(report, pdf=False)
    for path in ("alerts.html", f"incidents/{report.alarms.incidents[0].id}.html"):
        assert b"<script>alert" not in site.files[path]


# --- rules that need the analysis -----------------------------------------------------------------------------------


def lived(course: Course, days: int, percent: float, slope: float) -> list[str]:
    """Hourly runs of days with a memory that fills, and the report at their end."""
    settings = replace(course.settings, database=str(course.path))
    number = 0
    with store.open_store(str(course.path)) as database, store.batch(database):
        for hour in range(days * 24):
            used = percent + slope * hour / 24
            taken = snapshot(settings, START + hour * HOUR, sample=host(used + 0.2 * (hour % 3)))
            course.lived(database, taken)
            number = database.execute("SELECT max(id) FROM snapshots").fetchone()[0]
        store.maintain(database, taken.at, settings)
    before = len(course.said)
    pipeline.analyse(settings, number, taken, pipeline.Stopwatch())
    with store.open_store(str(course.path)) as database:
        waiting = store.unsent(database, taken.at)
    return [errand.subject for errand in waiting[before:]]


def soon(**said: object) -> Rule:
    return Rule("full-soon", "forecast", metric="host_memory", above=97, within_seconds=4 * 86_400, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(("slope", "told"), [(4.0, True), (0.0, False)])
def test_a_leak_is_told_before_the_memory_is_full(tmp_path: Path, slope: float, told: bool) -> None:
    course = Course(config(server("a"), rules=(soon(),)), tmp_path / "history.sqlite")
    said = lived(course, 6, 60.0, slope)
    assert [text.startswith("[Caelum] 1 firing: Memory of here reaches 97.0\u00a0% in") for text in said] == [
        True
    ] * told


def test_a_finding_fires_while_it_is_there(tmp_path: Path) -> None:
    rule = Rule("states", "finding", finding="state:*", recover=Hold(1))
    course = Course(config(server("a"), rules=(rule,)), tmp_path / "history.sqlite")
    report = reported(course, {"a": DOWN})
    assert [(alert.subject, alert.phase) for alert in report.alarms.alerts] == [("state:a", "firing")]
    report = reported(course, {}, first=1)
    assert [(alert.subject, alert.phase) for alert in report.alarms.alerts] == [("state:a", "resolved")]
