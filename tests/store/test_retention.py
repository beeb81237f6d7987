"""What grows is let go when it is worth no more."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta

from caelum_report import codec, store
from caelum_report.document import ReportRef
from caelum_report.model import Failure

from .given import NOON, config, fleet, hours, probe, report, snapshot, surface


def days(number: float) -> timedelta:
    return timedelta(days=number)


def live(connection: sqlite3.Connection, end: datetime, length: int, every: int = 6) -> None:
    """A history up to `end`, with upkeep once a day."""
    for number in range(length * 24 // every + 1):
        at = end - days(length) + hours(every * number)
        store.add_snapshot(connection, fleet(at), config(every_seconds=every * 3600))
        if at.hour == end.hour:
            store.maintain(connection, at, config())


def test_raw_rows_go_hours_stay_a_year_days_and_states_for_ever(database: sqlite3.Connection) -> None:
    settings = config(raw_days=3, hourly_days=10)
    live(database, NOON, 14)
    store.maintain(database, NOON, settings)
    last = store.add_snapshot(database, snapshot(NOON), settings)
    history = store.history(database, last)
    limit = NOON - days(3)
    assert history.probes["at"].min() == limit
    assert history.host_samples["at"].min() == limit
    assert history.disks["at"].min() == limit
    rollups = history.rollups[history.rollups["metric"] == "latency"]
    assert rollups[rollups["level"] == "hour"]["at"].min() == NOON.replace(hour=0) - days(10)
    assert rollups[rollups["level"] == "day"]["at"].min() == NOON.replace(hour=0) - days(14)
    assert history.states["start"].min() == NOON - days(14)
    assert history.states["checks"].tolist() == [14 * 4 + 1] * 3
    assert (history.snapshot_count, history.first_snapshot_at) == (14 * 4 + 2, NOON - days(14))
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_nothing_is_let_go_before_it_is_rolled_up(database: sqlite3.Connection) -> None:
    for hour in range(5):
        store.add_snapshot(database, fleet(NOON + hours(hour)), config())
    store.maintain(database, NOON + days(100), config(raw_days=1))
    last = store.add_snapshot(database, snapshot(NOON + days(100)), config())
    history = store.history(database, last)
    assert history.probes.empty
    latency = history.rollups.query("metric == 'latency' and level == 'day'")
    assert latency["n"].tolist() == [15, 15, 15]


def test_what_people_read_of_a_probe_goes_with_it(database: sqlite3.Connection) -> None:
    for number in range(4):
        noisy = replace(probe("a"), stderr_tail=f"line {number}")
        store.add_snapshot(database, snapshot(NOON + days(number), noisy), config("a"))
        store.maintain(database, NOON + days(number), config(raw_days=2))
    documents = [document for (document,) in database.execute("SELECT document FROM details ORDER BY id")]
    assert ["line 0" in document for document in documents] == [False] * 3


def save_reports(connection: sqlite3.Connection, times: list[datetime]) -> None:
    previous = None
    with store.batch(connection):
        for number, at in enumerate(times, 1):
            made = report(number, store.add_snapshot(connection, snapshot(at), config()), at, previous)
            store.save_report(connection, made)
            previous = ReportRef(made.id, number, at, hashlib.sha256(codec.to_json(made)).hexdigest())


def test_old_reports_are_thinned_and_the_chain_stays(database: sqlite3.Connection) -> None:
    save_reports(database, [NOON - days(430) + hours(12 * number) for number in range(860 + 1)])
    store.maintain(database, NOON, config())
    rows = database.execute("SELECT at, document IS NOT NULL, sha256, previous_sha256 FROM reports ORDER BY number")
    chain, kept = [None], []
    for at, stored, sha256, before in rows:
        assert before == chain[-1]
        chain.append(sha256)
        if stored:
            kept.append(datetime.fromtimestamp(at / 1e6, NOON.tzinfo))
    assert len(chain) == 1 + 861
    recent = [at for at in kept if at >= NOON - days(14)]
    daily = [at for at in kept if NOON - days(365) <= at < NOON - days(14)]
    monthly = [at for at in kept if at < NOON - days(365)]
    assert len(recent) == 14 * 2 + 1
    assert len(daily) == len({at.date() for at in daily}) == 351
    assert {at.hour for at in daily} == {12}, "the last of each day"
    assert [at.month for at in monthly] == [9, 10, 11]


def test_the_last_report_is_kept_however_old(database: sqlite3.Connection) -> None:
    save_reports(database, [NOON + hours(1), NOON + hours(2)])
    store.maintain(database, NOON + days(2000), config())
    assert store.report_at(database, NOON + hours(1)) is None
    assert store.report_at(database) is not None


def test_a_server_that_rewords_its_tools_every_time_does_not_fill_the_disk(database: sqlite3.Connection) -> None:
    for number in range(150):
        at = NOON + hours(number)
        both = (
            probe("a", Failure.OK, at, surface=surface(f"x{number}")),
            probe("b", Failure.OK, at, surface=surface("y")),
        )
        store.add_snapshot(database, snapshot(at, *both), config("a", "b"))
    store.maintain(database, NOON + hours(150), config())
    assert database.execute("SELECT count(*) FROM surfaces").fetchone() == (101,)
    newest = store.history(database, 150).surfaces
    assert [version.surface.tools[0].name for version in newest if version.server == "a"][-1] == "x149"
    assert [version.surface.tools[0].name for version in newest if version.server == "b"] == ["y"]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_clock_that_was_ahead_for_a_moment_spoils_no_later_figures(database: sqlite3.Connection) -> None:
    store.maintain(database, NOON + days(5000), config())
    for hour in range(3):
        for _ in range(2):
            store.add_snapshot(database, fleet(NOON + hours(hour)), config())
            store.maintain(database, NOON + hours(hour), config())
    last = store.add_snapshot(database, snapshot(NOON + hours(3)), config())
    store.maintain(database, NOON + hours(3), config())
    hourly = store.history(database, last).rollups.query("metric == 'latency' and subject == 'server-0'")
    assert hourly["n"].tolist() == [6, 6, 6]
