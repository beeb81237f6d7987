"""What sources gave: kept once, rolled up, let go with age, and never mixed with what our own probes measured."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from caelum_report import store
from caelum_report.history import SourceHistory
from caelum_report.model import Failure, Reading, Sample
from caelum_report.store import database as file
from caelum_report.store import schema

from .given import NOON, config, fleet, hours


def reading(*samples: Sample, failure: Failure = Failure.OK, source: str = "shop") -> Reading:
    return Reading(source, "http-json", failure, "" if failure is Failure.OK else "closed", 0.25, samples)


def add(database: sqlite3.Connection, at: datetime, *readings: Reading) -> int:
    snapshot = store.add_snapshot(database, replace(fleet(at), readings=readings), config())
    store.maintain(database, at, config())
    return snapshot


def history(database: sqlite3.Connection, snapshot: int) -> SourceHistory:
    found = store.history(database, snapshot).sources
    assert found is not None
    return found


def test_where_no_source_was_ever_asked_there_is_no_history_of_them(database: sqlite3.Connection) -> None:
    assert store.history(database, add(database, NOON)).sources is None


def test_gauges_and_counters_come_back_as_they_are_read(database: sqlite3.Connection) -> None:
    for number, (length, orders) in enumerate([(4.0, 100.0), (5.0, 160.0), (6.0, 40.0)]):
        last = add(
            database,
            NOON + timedelta(minutes=number),
            reading(Sample("shop", "length", length, "count"), Sample("shop", "orders", orders, counter=True)),
        )
    found = history(database, last)
    assert found.of("shop", "shop", "length")["value"].tolist() == [4, 5, 6]
    orders = found.of("shop", "shop", "orders")
    assert orders["raw"].tolist() == [100, 160, 40]
    # 60 in a minute; then it began anew and has counted 40 since
    assert orders["value"].tolist()[1:] == pytest.approx([1.0, 40 / 60])
    assert orders["value"].isna().tolist() == [True, False, False]
    assert found.readings["figures"].tolist() == [2, 2, 2]


def test_a_source_that_fails_is_known_by_its_last_success(database: sqlite3.Connection) -> None:
    add(database, NOON, reading(Sample("shop", "length", 4)))
    add(database, NOON + hours(1), reading(failure=Failure.CONNECT_ERROR))
    last = add(database, NOON + hours(2), reading(failure=Failure.TIMEOUT))
    (row,) = history(database, last).sources.itertuples()
    assert (row.succeeded_at, row.failing_since) == (NOON, NOON + hours(1))
    last = add(database, NOON + hours(3), reading(Sample("shop", "length", 4)))
    (row,) = history(database, last).sources.itertuples()
    assert row.succeeded_at == NOON + hours(3)
    assert str(row.failing_since) == "NaT"


def test_labels_sources_and_our_own_figures_are_different_series(database: sqlite3.Connection) -> None:
    eu, us = (("region", "eu"),), (("region", "us"),)
    for number in range(3):
        last = add(
            database,
            NOON + hours(number),
            reading(Sample("server-0", "latency", 1, labels=eu), Sample("server-0", "latency", 2, labels=us)),
            reading(Sample("server-0", "latency", 3), source="other"),
        )
    whole = store.history(database, last)
    assert whole.sources is not None
    assert whole.sources.series[["subject", "server", "source", "labels"]].to_numpy().tolist() == [
        ["server-0", "server-0", "shop", '{"region":"eu"}'],
        ["server-0", "server-0", "shop", '{"region":"us"}'],
        ["server-0", "server-0", "other", ""],
    ]
    ours = whole.rollups[(whole.rollups["metric"] == "latency") & (whole.rollups["subject"] == "server-0")]
    assert ours["max"].max() < 1
    theirs = whole.sources.rollups
    assert theirs[theirs["level"] == "hour"].groupby("series")["mean"].mean().tolist() == [1, 2, 3]


def test_what_is_given_again_is_stored_once(database: sqlite3.Connection) -> None:
    past = [Sample("shop", "length", n, at=NOON - hours(30) + timedelta(minutes=n)) for n in range(10)]
    for number in range(3):
        last = add(database, NOON + hours(number), reading(*past))
    found = history(database, last)
    assert len(found.samples) == 10
    day = found.rollups[found.rollups["level"] == "day"]
    assert (day["n"].tolist(), day["mean"].tolist()) == ([10], [4.5])


def test_what_is_older_than_the_raw_rows_is_kept_as_roll_ups_and_counted_once(database: sqlite3.Connection) -> None:
    old = [Sample("shop", "length", n, at=NOON - timedelta(days=100, minutes=n)) for n in range(10)]
    for number in range(3):
        last = add(database, NOON + hours(number), reading(*old))
    found = history(database, last)
    assert len(found.samples) == 0
    day = found.rollups[found.rollups["level"] == "day"]
    assert (day["n"].tolist(), day["mean"].tolist()) == ([10], [4.5])


def test_raw_figures_go_with_age_and_their_hours_stay(database: sqlite3.Connection) -> None:
    add(database, NOON, reading(Sample("shop", "length", 4)))
    last = add(database, NOON + timedelta(days=15), reading(Sample("shop", "length", 6)))
    found = history(database, last)
    assert found.samples["raw"].tolist() == [6]
    assert found.rollups["mean"].tolist() == [4, 4]
    assert len(found.readings) == 1


def test_figures_follow_a_renamed_server_and_go_with_a_forgotten_one(database: sqlite3.Connection) -> None:
    last = add(database, NOON, reading(Sample("server-0", "calls", 1), Sample("nobody", "calls", 2)))
    store.rename_server(database, "server-0", "renamed")
    assert history(database, last).series["subject"].tolist() == ["renamed", "nobody"]
    store.forget_server(database, "renamed")
    assert history(database, last).series["subject"].tolist() == ["nobody"]


def test_two_histories_that_become_one_keep_their_figures(database: sqlite3.Connection) -> None:
    add(database, NOON, reading(Sample("server-0", "calls", 1)))
    last = add(database, NOON + hours(1), reading(Sample("server-1", "calls", 2)))
    store.rename_server(database, "server-0", "server-1")
    found = history(database, last)
    assert found.of("shop", "server-1", "calls")["raw"].tolist() == [1, 2]


def test_series_from_before_sources_are_brought_along(tmp_path: Path) -> None:
    """The table as version 1 had it, with a series and its roll-up."""
    path = tmp_path / "old.sqlite"
    kept = ("snapshots", "servers", "rollups")
    tables = [each for each in schema.TABLES if each.startswith(tuple(f"CREATE TABLE {name} (" for name in kept))]
    tables.append("CREATE TABLE hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)")
    tables.append(
        """CREATE TABLE series (id INTEGER PRIMARY KEY, host INTEGER NOT NULL REFERENCES hosts,
        server INTEGER REFERENCES servers, subject TEXT NOT NULL, metric TEXT NOT NULL, UNIQUE (host, server, subject, metric))"""
    )
    migration = next(each for each in schema.MIGRATIONS if each.__name__ == "_with_sources")
    with closing(file.connect(str(path))) as connection:
        file.prepare(connection, str(path), tables=tables, migrations=())
        connection.execute("INSERT INTO hosts VALUES (1, 'here')")
        connection.execute("INSERT INTO series VALUES (7, 1, NULL, '/', 'disk_used')")
        connection.execute("INSERT INTO rollups VALUES (1, 7, 0, 1, 1, 1, 1, 1, 1, 1, x'', NULL, NULL, NULL)")
        file.prepare(connection, str(path), tables=tables, migrations=(migration,))
        joined = connection.execute("SELECT metric, source, labels FROM rollups JOIN series ON series.id = series")
        assert joined.fetchall() == [("disk_used", None, "")]
        connection.execute("INSERT INTO series (host, subject, metric) VALUES (1, '/', 'disk_used')")
        for table in ("sources", "readings", "samples", "late_hours"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
