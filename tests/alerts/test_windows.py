"""Maintenance windows that overlap, repeat and meet a change of the clock, from the checks to the ledger and the alerts."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from caelum_report import analyse, store
from caelum_report.config import Options, load
from caelum_report.document import Report
from caelum_report.model import Failure, Window
from caelum_report.windows import inside

from .fleet import HOUR, Course, config, server, snapshot

BERLIN = ZoneInfo("Europe/Berlin")
SEASONS = {
    "autumn": datetime(2026, 10, 17, tzinfo=UTC),  # on the 25th, 02:00 to 03:00 comes twice
    "spring": datetime(2026, 3, 21, tzinfo=UTC),  # on the 29th, it does not come
}
DAYS = 12


def windows(first: datetime) -> tuple[Window, ...]:
    """Every night, a Sunday's morning that overlaps it, and once a day within which both lie."""
    night = first.astimezone(BERLIN).replace(hour=1, minute=30)
    sunday = night.replace(hour=2, minute=0) + timedelta(days=(6 - night.weekday()) % 7)
    once = first + timedelta(days=10)
    return (
        Window(night, night.replace(hour=3, minute=30), "backup", daily=True),
        Window(sunday, sunday.replace(hour=6), "patches", weekly=True),
        Window(once, once + timedelta(days=1), "new disks"),
        Window(once + 6 * HOUR, once + 30 * HOUR, "new cables"),
    )


def in_one(at: datetime, first: datetime) -> bool:
    """The same by the clock on the wall, worked out another way."""
    here, once = at.astimezone(BERLIN), first + timedelta(days=10)
    night = time(1, 30) <= here.time() < time(3, 30)
    sunday = here.weekday() == 6 and time(2) <= here.time() < time(6)
    return night or sunday or once <= at < once + 30 * HOUR


def lived(path: Path, first: datetime, failing: dict[str, Failure] | None = None) -> tuple[Course, Report]:
    """Hourly checks of two servers, of which `a` fails in its windows only, unless another way is said."""
    course = Course(config(server("a", objective=0.99, maintenance=windows(first)), server("b", objective=0.99)), path)
    with store.open_store(str(path)) as database, store.batch(database):
        for hour in range(DAYS * 24):
            at = first + hour * HOUR
            bad = {"a": Failure.CONNECT_ERROR} if in_one(at, first) else {}
            taken = snapshot(course.settings, at, bad if failing is None else failing)
            course.lived(database, taken)
        (number,) = database.execute("SELECT max(id) FROM snapshots").fetchone()
    with store.open_store(str(path)) as database:
        history = store.history(database, number, analyse.ROLLED_UP)
    return course, analyse.report(taken, number, history, course.settings, ())


@pytest.mark.parametrize("season", SEASONS)
def test_time_in_several_windows_is_left_out_once_and_tells_nobody(tmp_path: Path, season: str) -> None:
    first = SEASONS[season]
    course, report = lived(tmp_path / "history.sqlite", first)
    rested = sum(in_one(first + hour * HOUR, first) for hour in range(DAYS * 24 - 1))  # the last check begins nothing
    a, b = sorted(report.ledger.objectives, key=lambda one: one.servers)
    assert course.said == []
    assert (a.maintenance_seconds, a.down_seconds, a.achieved, a.incidents) == (rested * 3600, 0, 1.0, 0)
    assert (b.maintenance_seconds, b.down_seconds) == (0, 0)
    assert a.up_seconds + a.maintenance_seconds == b.up_seconds
    rows = sum(
        (r.end - r.start).total_seconds()
        for r in report.ledger.rows
        if r.server == "a" and r.counts_as == "maintenance"
    )
    assert rows == a.maintenance_seconds


@pytest.mark.parametrize("season", SEASONS)
def test_a_server_that_is_down_all_the_time_is_charged_for_the_rest_and_told_once(tmp_path: Path, season: str) -> None:
    first = SEASONS[season]
    course, report = lived(tmp_path / "history.sqlite", first, {"a": Failure.TIMEOUT})
    outside = sum(not in_one(first + hour * HOUR, first) for hour in range(DAYS * 24 - 1))
    (a,) = (one for one in report.ledger.objectives if one.servers == ("a",))
    assert a.down_seconds == outside * 3600
    assert [line.title for notice in course.said for line in notice.lines] == ["a is down."]


@pytest.mark.parametrize("season", SEASONS)
def test_every_minute_around_the_change_of_the_clock_is_in_or_out_as_the_wall_says(season: str) -> None:
    first = SEASONS[season]
    for minute in range(7 * 1440, 10 * 1440, 10):
        at = first + timedelta(minutes=minute)
        assert any(inside(window, at, "Europe/Berlin") for window in windows(first)) == in_one(at, first), at


def test_the_exclusions_are_listed_window_by_window(tmp_path: Path) -> None:
    _, report = lived(tmp_path / "history.sqlite", SEASONS["autumn"])
    listed = {(one.reason, one.end - one.start) for one in report.ledger.exclusions}
    assert {("backup", 2 * HOUR), ("backup", 3 * HOUR), ("patches", 5 * HOUR), ("new disks", 24 * HOUR)} <= listed


def test_overlapping_windows_are_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "caelum.toml"
    times = ("02:00:00", "04:00:00"), ("03:00:00", "05:00:00")
    blocks = "".join(
        f'[[window]]\nname = "{name}"\nstart = 2026-10-25T{start}\nend = 2026-10-25T{end}\nservers = ["a"]\n'
        for name, (start, end) in zip(("disks", "cables"), times, strict=True)
    )
    file.write_text(f'zone = "Europe/Berlin"\n[[server]]\nname = "a"\nurl = "https://a.example/"\n{blocks}')
    file.chmod(0o600)
    (server_,) = load(Options(config=file), {}, tmp_path).servers
    assert [window.reason for window in server_.maintenance] == ["disks", "cables"]
