"""A fleet changes: names move with their history, what is forgotten leaves no trace."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from caelum_report import store
from caelum_report.errors import UsageError
from caelum_report.model import Failure, Status

from .given import NOON, config, hours, probe, snapshot, surface


def live(connection: sqlite3.Connection, name: str, first: int, last: int, failure: Failure = Failure.OK) -> None:
    for hour in range(first, last):
        at = NOON + hours(hour)
        run = snapshot(at, probe(name, failure, at, surface=surface("x")), probe("other", Failure.OK, at))
        store.add_snapshot(connection, run, config(name, "other"))
        store.maintain(connection, at, config())


def history(connection: sqlite3.Connection, at: float) -> store.History:
    return store.history(connection, store.add_snapshot(connection, snapshot(NOON + hours(at)), config()))


def test_the_fleet_is_listed(database: sqlite3.Connection) -> None:
    live(database, "a", 0, 2, Failure.TIMEOUT)
    first, second = store.list_servers(database)
    assert (first.name, first.host, first.first_seen_at, first.checked_at) == ("a", "here", NOON, NOON + hours(1))
    assert (first.status, second.status, first.retired_at) == (Status.DOWN, Status.UP, None)


def test_history_follows_a_new_name(database: sqlite3.Connection) -> None:
    live(database, "old", 0, 30)
    store.approve(database, {"old": "1"}, NOON)
    store.rename_server(database, "old", "new")
    live(database, "new", 30, 32)
    past = history(database, 32)
    assert set(past.probes["server"]) == set(past.states["server"]) == {"new", "other"}
    assert set(past.rollups.query("metric == 'latency'")["subject"]) == {"new", "other"}
    assert past.states.query("server == 'new'")["checks"].tolist() == [32]
    assert [version.server for version in past.surfaces] == ["new"]
    assert store.approvals(database) == {"new": "1"}


def test_a_run_that_met_the_new_name_first_does_not_split_the_history(database: sqlite3.Connection) -> None:
    live(database, "old", 0, 20)
    live(database, "new", 20, 30)
    store.rename_server(database, "old", "new")
    store.maintain(database, NOON + hours(30), config())
    past = history(database, 30)
    assert past.probes.query("server == 'new'")["snapshot"].tolist() == list(range(1, 31))
    latency = past.rollups.query("metric == 'latency' and subject == 'new'")
    hourly = latency.query("level == 'hour'")
    assert hourly["n"].tolist() == [3] * 30
    assert hourly["at"].is_unique
    assert latency.query("level == 'day'")["n"].tolist() == [12 * 3]
    assert [server.name for server in store.list_servers(database)] == ["new", "other"]
    assert store.remember(database, NOON + hours(30)).of("new").last_checked_at == NOON + hours(29)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    live(database, "new", 30, 31)
    assert history(database, 31).states.query("server == 'new'")["checks"].tolist() == [20, 11]


def test_a_retired_server_keeps_its_history_and_comes_back_when_asked_again(database: sqlite3.Connection) -> None:
    live(database, "a", 0, 3)
    store.retire_server(database, "a", NOON + hours(3))
    past = history(database, 4)
    assert past.retired == ("a",)
    assert "a" in set(past.states["server"])
    live(database, "a", 5, 6)
    assert history(database, 6).retired == ()


def test_what_is_forgotten_is_gone_from_the_file_too(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        live(connection, "a-very-secret-name", 0, 30)
        store.approve(connection, {"a-very-secret-name": "1"}, NOON)
        assert b"a-very-secret-name" in path.read_bytes()
        store.forget_server(connection, "a-very-secret-name")
        past = history(connection, 30)
        assert set(past.probes["server"]) == set(past.states["server"]) == {"other"}
        assert past.surfaces == ()
        assert connection.execute("SELECT count(*) FROM surfaces").fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert store.approvals(connection) == {}
    assert b"a-very-secret-name" not in path.read_bytes()


@pytest.mark.parametrize("change", ["rename", "retire", "forget"])
def test_a_server_that_nobody_knows_is_a_mistake_with_a_hint(change: str, database: sqlite3.Connection) -> None:
    live(database, "ollama-pool", 0, 1)
    changes = {
        "rename": lambda: store.rename_server(database, "olama-pool", "x"),
        "retire": lambda: store.retire_server(database, "olama-pool", NOON),
        "forget": lambda: store.forget_server(database, "olama-pool"),
    }
    with pytest.raises(UsageError, match="did you mean 'ollama-pool'"):
        changes[change]()
