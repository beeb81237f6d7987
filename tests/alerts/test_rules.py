"""Rules in simulated time: one step a run, and what the messages say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caelum_report import alerts, store
from caelum_report.alerting import Channel, Hold, Phase, Rule, Severity, Silence
from caelum_report.model import Failure, Status, Window

from .fleet import HOUR, START, Course, config, host, server, snapshot

DOWN = Failure.CONNECT_ERROR


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def lived(course: Course, pattern: str, name: str = "a", step: timedelta = HOUR, start: datetime = START) -> list[str]:
    """One run a character: `.` up, `x` down, `-` no run. What was said, by run: `3 a is down.`"""
    said = []
    for number, sign in enumerate(pattern):
        if sign != "-":
            failing = {name: DOWN} if sign == "x" else {}
            for notice in course.run(snapshot(course.settings, start + number * step, failing)):
                said += [f"{number} {line.title}" for line in notice.lines]
    return said


def rule(name: str = "slow", **said: object) -> Rule:
    return Rule(name, "threshold", metric="latency", **said)  # type: ignore[arg-type]


def test_down_fires_at_once_and_is_over_after_two_good_checks(path: Path) -> None:
    assert lived(Course(config(server("a")), path), "..xx..") == ["2 a is down.", "5 a: down is over."]


def test_pending_that_comes_to_nothing_is_never_told_and_leaves_no_alert(path: Path) -> None:
    patient = Rule("down", "state", states=(Status.DOWN,), hold=Hold(2), recover=Hold(2))
    assert lived(Course(config(server("a"), rules=(patient,)), path), "x.x.") == []
    with store.open_store(str(path)) as database:
        assert store.alerts_since(database, START) == ()


@pytest.mark.parametrize("pattern", ["x--------x.", "x........-x", "xx.-------.x"])
def test_missed_runs_neither_fire_nor_resolve(path: Path, pattern: str) -> None:
    """Two hours of badness are asked for; a night without runs is at most an hour and a half of it."""
    patient = Rule("down", "state", states=(Status.DOWN,), hold=Hold(1, 7200), recover=Hold(1, 7200))
    assert lived(Course(config(server("a"), rules=(patient,)), path), pattern) == []


def test_time_counts_where_checks_speak_for_it(path: Path) -> None:
    patient = Rule("down", "state", states=(Status.DOWN,), hold=Hold(1, 7200), recover=Hold(1, 3600))
    assert lived(Course(config(server("a"), rules=(patient,)), path), "xxx..") == ["2 a is down.", "4 a: down is over."]


def test_a_clock_that_goes_back_fires_nothing(path: Path) -> None:
    patient = Rule("down", "state", states=(Status.DOWN,), hold=Hold(1, 7200), recover=Hold(2))
    course = Course(config(server("a"), rules=(patient,)), path)
    for hours in (0, 5, 1, 4, 2):
        assert (
            course.run(snapshot(course.settings, START + hours * HOUR, {"a": DOWN if hours in {0, 1} else Failure.OK}))
            == []
        )


def test_what_comes_and_goes_is_one_alert_until_it_is_calm(path: Path) -> None:
    said = lived(Course(config(server("a")), path), "x.x.x.x.x.x." + "." * 30)
    assert said == ["0 a is down.", "33 a: down is over."]


def test_a_slow_server_is_over_only_on_the_good_side(path: Path) -> None:
    course = Course(config(server("a"), rules=(rule(above=0.8, clear=0.5, recover=Hold(1)),)), path)
    said = []
    for number, seconds in enumerate((0.7, 0.9, 0.7, 0.6, 0.4, 0.7)):
        taken = snapshot(course.settings, START + number * HOUR, latency={"a": seconds})
        said += [f"{number} {line.title}" for notice in course.run(taken) for line in notice.lines]
    assert said == ["1 Answer time of a is 900\u00a0ms, above 800\u00a0ms.", "4 a: slow is over."]


def test_a_change_is_judged_by_what_was_usual(path: Path) -> None:
    changed = Rule("jump", "change", metric="latency", change=0.5, recover=Hold(1))
    course = Course(config(server("a"), rules=(changed,)), path)
    said = []
    for number, seconds in enumerate((0.1, 0.11, 0.1, 0.1, 0.16, 0.1)):
        taken = snapshot(course.settings, START + number * HOUR, latency={"a": seconds})
        said += [f"{number} {line.title}" for notice in course.run(taken) for line in notice.lines]
    assert said == ["4 Answer time of a is 160\u00a0ms, usually 100\u00a0ms.", "5 a: jump is over."]


def test_an_absent_figure_fires(path: Path) -> None:
    absent = Rule("silent", "absence", metric="latency", hold=Hold(2), recover=Hold(1))
    said = lived(Course(config(server("a"), rules=(absent,)), path), ".xxx.")
    assert said == ["2 Answer time of a is not measured.", "4 a: silent is over."]


def test_a_full_disk_names_the_mount_point(path: Path) -> None:
    course = Course(config(server("a")), path)
    said = []
    for number, percent in enumerate((80, 93, 94, 91, 89, 89)):
        taken = snapshot(course.settings, START + number * HOUR, sample=host(disk_percent=percent))
        said += [f"{number} {line.title}" for notice in course.run(taken) for line in notice.lines]
    assert said == ["2 Disk of / is 94.0\u00a0%, above 92.0\u00a0%.", "5 /: disk is over."]


# --- one cause, one line --------------------------------------------------------------------------------------------


def test_a_storm_is_one_line_and_who_stays_down_is_told_afterwards(path: Path) -> None:
    course = Course(config(server("gateway"), *(server(f"s{n}", "gateway") for n in range(9))), path)
    everybody = dict.fromkeys(("gateway", *(f"s{n}" for n in range(9))), DOWN)
    said = []
    for number, failing in enumerate(({}, everybody, everybody, {"s3": DOWN}, {"s3": DOWN}, {}, {})):
        taken = snapshot(course.settings, START + number * HOUR, failing)
        said += [f"{number} {line.title}" for notice in course.run(taken) for line in notice.lines]
    assert said == [
        "1 gateway is down → 9 dependants.",
        "4 s3 is down.",
        "4 gateway: down is over, 8 dependants with it.",
        "6 s3: down is over.",
    ]
    with store.open_store(str(path)) as database:
        own = {alert.server: alert.phase for alert in store.alerts_since(database, START)}
    assert own == dict.fromkeys(everybody, Phase.RESOLVED), "each dependant has a history of its own"


@pytest.mark.parametrize("percents", [(90, 96, 96, 80, 80), (90, 96, 92, 80, 80)])
def test_one_figure_that_breaks_two_rules_is_one_line(path: Path, percents: tuple[float, ...]) -> None:
    high = Rule("high", "threshold", metric="disk_used", above=89, recover=Hold(1))
    higher = Rule("higher", "threshold", metric="disk_used", above=95, recover=Hold(1))
    memory = Rule("memory", "threshold", metric="host_memory", above=50, recover=Hold(1))
    course = Course(config(server("a"), rules=(high, higher, memory)), path)
    said = []
    for number, percent in enumerate(percents):
        taken = snapshot(course.settings, START + number * HOUR, sample=host(60, percent))
        said += [f"{number} {line.title}" for notice in course.run(taken) for line in notice.lines]
    assert said == [
        "0 Disk of / is 90.0\u00a0%, above 89.0\u00a0%.",
        "0 Memory of here is 60.0\u00a0%, above 50.0\u00a0%.",
        "3 /: high is over.",
    ]


def test_a_dependency_that_broke_later_explains_nothing(path: Path) -> None:
    course = Course(config(server("gateway"), server("s", "gateway")), path)
    said = []
    for number, failing in enumerate(({"s": DOWN}, {"s": DOWN}, {"s": DOWN, "gateway": DOWN})):
        taken = snapshot(course.settings, START + number * HOUR, failing)
        said += [f"{number} {line.title}" for notice in course.run(taken) for line in notice.lines]
    assert said == ["0 s is down.", "2 gateway is down."]


def test_a_circle_of_dependencies_has_an_end(path: Path) -> None:
    course = Course(config(server("a", "b"), server("b", "a")), path)
    (notice,) = course.run(snapshot(course.settings, START, {"a": DOWN, "b": DOWN}))
    assert [line.title for line in notice.lines] == ["a is down → 1 dependant."]


def test_our_own_network_is_one_line_and_no_server_resolves_meanwhile(path: Path) -> None:
    course = Course(config(server("a"), server("b")), path)
    course.run(snapshot(course.settings, START, {"a": DOWN}))
    said = []
    for number in range(1, 6):
        taken = snapshot(course.settings, START + number * HOUR, {"a": DOWN}, network_down=number < 4)
        said += [f"{number} {line.title}" for notice in course.run(taken) for line in notice.lines]
    assert said == ["1 The network of here reaches none of 2 remote servers.", "5 here: network is over."]


# --- maintenance, silences ------------------------------------------------------------------------------------------


def test_maintenance_fires_nothing_and_keeps_what_was_open(path: Path) -> None:
    window = Window(START + 2 * HOUR, START + 5 * HOUR)
    course = Course(config(server("a", maintenance=(window,))), path)
    assert lived(course, ".xxxxxx..") == ["1 a is down.", "8 a: down is over."]
    quiet = Course(config(server("a", maintenance=(window,))), path.with_name("other.sqlite"))
    assert lived(quiet, "..xxx...") == []


def test_a_silence_hides_the_beginning_only_while_it_lasts(path: Path) -> None:
    course = Course(config(server("a")), path)
    with store.open_store(str(path)) as database:
        store.add_silence(database, Silence(0, START, START + 3 * HOUR, "me", "known", rule="down", subject="a"))
    assert lived(course, "xxxxx") == ["3 a is down."]


def test_an_acknowledged_alert_still_tells_its_end(path: Path) -> None:
    course = Course(config(server("a")), path)
    assert lived(course, "x") == ["0 a is down."]
    with store.open_store(str(path)) as database:
        store.add_silence(database, Silence(0, START, START + 24 * HOUR, "me", "on it", alert=1))
    assert lived(course, ".xx..", start=START + HOUR) == ["4 a: down is over."]


def test_a_server_that_leaves_the_configuration_ends_its_alert(path: Path) -> None:
    course = Course(config(server("a"), server("b")), path)
    lived(course, "x")
    course.settings = config(server("b"))
    (notice,) = course.run(snapshot(course.settings, START + HOUR))
    assert [line.title for line in notice.lines] == ["a: down is no longer watched."]


# --- ways out -------------------------------------------------------------------------------------------------------


def test_each_way_gets_the_lines_that_it_wants(path: Path) -> None:
    ways = (
        Channel("all", "webhook"),
        Channel("worst", "webhook", severity=Severity.CRITICAL),
        Channel("storage", "webhook", owners=("storage*",)),
        Channel("reports", "webhook", alerts=False),
        Channel("broken", "webhook", problem="the variable X is not set"),
    )
    owned = server("a", owner="storage team")
    course = Course(config(owned, server("b"), channels=ways), path)
    course.run(snapshot(course.settings, START, {"a": DOWN, "b": Failure.AUTH_REQUIRED}))
    course.run(snapshot(course.settings, START + HOUR, {"a": DOWN, "b": Failure.AUTH_REQUIRED}))
    with store.open_store(str(path)) as database:
        queued = [errand.channel for errand in store.unsent(database, START + HOUR)]
    assert queued == ["all", "worst", "storage", "broken", "all", "broken"]


# --- replay ---------------------------------------------------------------------------------------------------------


def test_a_replay_says_what_the_run_has_said(path: Path) -> None:
    course = Course(config(server("a"), server("b", "a")), path)
    said = lived(course, "..xx......x.....xx..")
    with store.open_store(str(path)) as database:
        runs = store.runs_since(database, START, 3600)
        found = {one.rule.name: one for one in alerts.replay(course.settings.rules, runs, course.settings, 3600)}
    assert found["down"].messages == len(said)
    assert [alert.subject for alert in found["down"].alerts] == ["a", "a", "a"]
    lines = "\n".join(alerts.told(found["down"], "UTC"))
    assert "would have fired 3 times" in lines
    assert "a 3×" in lines
    assert "would not have fired" in "\n".join(alerts.told(found["degraded"], "UTC"))


def test_a_replay_goes_on_where_only_states_are_left(path: Path) -> None:
    settings = config(server("a"), raw_days=1)
    course = Course(settings, path)
    lived(course, "..xxx....." + "." * 40)
    with store.open_store(str(path)) as database:
        store.maintain(database, START + 50 * HOUR, settings)
        runs = store.runs_since(database, START, 3600)
        (found,) = alerts.replay(settings.rules[1:2], runs, settings, 3600)
    assert [alert.began_at for alert in found.alerts] == [START + 2 * HOUR]


def test_weekly_windows_keep_their_hour_over_daylight_saving_time() -> None:
    from zoneinfo import ZoneInfo

    from caelum_report.windows import inside, occurrences

    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 18, 2, tzinfo=berlin)
    window = Window(first, first + timedelta(hours=2), weekly=True, zone="Europe/Berlin")
    found = list(occurrences(window, first, first + timedelta(days=15), "UTC"))
    assert [opens for opens, _ in found] == [
        datetime(2026, 10, 18, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, tzinfo=UTC),
        datetime(2026, 11, 1, 1, tzinfo=UTC),
    ]
    assert [closes - opens for opens, closes in found] == [2 * HOUR, 3 * HOUR, 2 * HOUR]
    for opens, closes in found:
        assert inside(window, opens, "UTC")
        assert inside(window, closes - timedelta(seconds=1), "UTC")
        assert not inside(window, closes, "UTC")
