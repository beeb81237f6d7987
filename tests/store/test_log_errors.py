"""Kinds of errors that logs had: added up, folded with age, and gone with what is forgotten."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from caelum_report import store
from caelum_report.model import Failure, LoggedError, Reading

from .given import NOON, config, fleet, hours


def error(text: str, count: int = 1, at: datetime = NOON, subject: str = "app") -> LoggedError:
    return LoggedError(subject, text, count, at - timedelta(minutes=5), at)


def add(database: sqlite3.Connection, at: datetime, *errors: LoggedError) -> int:
    reading = Reading("app", "log", Failure.OK, errors=errors)
    snapshot = store.add_snapshot(database, replace(fleet(at), readings=(reading,)), config())
    store.maintain(database, at, config())
    return snapshot


def kinds(database: sqlite3.Connection, snapshot: int) -> dict[tuple[str, str], tuple[float, float]]:
    sources = store.history(database, snapshot).sources
    assert sources is not None
    return {(row.subject, row.text): (row.count, row.day) for row in sources.errors.itertuples()}


def test_runs_add_to_what_a_kind_has_had(database: sqlite3.Connection) -> None:
    add(database, NOON, error("no route", 3))
    later = NOON + hours(20)
    add(database, later, error("no route", 2, later), error("no route", 7, later, "server-0"), error("old", 9, NOON))
    last = add(database, NOON + hours(30), error("late", 1, NOON + hours(900)))
    assert kinds(database, last) == {
        ("app", "no route"): (5, 2),
        ("server-0", "no route"): (7, 7),
        ("app", "old"): (9, 0),  # met by a run of the last day; the lines themselves are older
        ("app", "late"): (1, 1),
    }
    found = store.history(database, last).sources
    assert found is not None
    first = found.errors.iloc[0]
    assert (first["first_at"], first["last_at"]) == (NOON - timedelta(minutes=5), NOON + hours(20))
    assert found.errors.iloc[3]["last_at"] == NOON + hours(30), "no line is later than its run"


def test_rows_of_old_runs_become_rows_of_days_and_nothing_is_lost(database: sqlite3.Connection) -> None:
    for hour in range(5):
        add(database, NOON + hours(hour), error("no route", 2, NOON + hours(hour)))
    last = add(database, NOON + hours(24 * 20))
    assert kinds(database, last) == {("app", "no route"): (10, 0)}
    assert database.execute("SELECT count(*) FROM log_error_counts").fetchone() == (1,)


def test_a_source_that_always_says_something_new_does_not_fill_the_database(database: sqlite3.Connection) -> None:
    for part in range(6):
        last = add(database, NOON + hours(part), *(error(f"{part} {n}") for n in range(200)))
    found = kinds(database, last)
    assert len(found) == 1_001
    assert found["app", "(other errors)"][0] == 200


@pytest.mark.parametrize("forget", [False, True])
def test_errors_follow_a_servers_name_and_are_forgotten_with_it(database: sqlite3.Connection, forget: bool) -> None:
    add(database, NOON, error("no route", 3, subject="server-0"), error("no route", 4, subject="server-1"))
    if forget:
        store.forget_server(database, "server-0")
    else:
        store.rename_server(database, "server-0", "server-1")
    last = add(database, NOON + hours(1))
    expected = (4.0, 4.0) if forget else (7.0, 7.0)
    assert kinds(database, last) == {("server-1", "no route"): expected}
