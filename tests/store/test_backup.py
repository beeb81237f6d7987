"""Moving house, and the way back."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from caelum_report import store
from caelum_report.errors import StoreError, UsageError

from .given import NOON, config, fleet, hours


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found: int = copy.execute("SELECT count(*) FROM snapshots").fetchone()[0]
        assert copy.execute("SELECT count(*) FROM probes").fetchone() == (3 * found,)
        return found


def fill(path: Path, number: int) -> None:
    with store.open_store(str(path)) as connection:
        for hour in range(number):
            store.add_snapshot(connection, fleet(NOON + hours(hour)), config())


def test_a_copy_is_whole_while_runs_go_on(path: Path, tmp_path: Path) -> None:
    fill(path, 5)
    stop = threading.Event()

    def run() -> None:
        with store.open_store(str(path)) as mine:
            hour = 5
            while not stop.is_set():
                store.add_snapshot(mine, fleet(NOON + hours(hour)), config())
                hour += 1

    runs = threading.Thread(target=run)
    runs.start()
    try:
        with store.open_store(str(path)) as connection:
            for _ in range(5):
                store.backup(connection, tmp_path / "copy.db")
                assert count(tmp_path / "copy.db") >= 5
    finally:
        stop.set()
        runs.join()


def test_a_copy_replaces_an_older_one_and_nothing_else(path: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ada")
    fill(path, 2)
    with store.open_store(str(path)) as connection:
        store.backup(connection, tmp_path / "copy.db")
        store.backup(connection, tmp_path / "copy.db")
        with pytest.raises(UsageError, match="left as it is"):
            store.backup(connection, letter)
        with pytest.raises(UsageError, match="itself"):
            store.backup(connection, path)
    assert letter.read_text() == "Dear Ada"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy.db", "letter.txt", "state"]


def test_a_copy_becomes_the_history_of_a_new_machine(path: Path, tmp_path: Path) -> None:
    fill(path, 3)
    with store.open_store(str(path)) as connection:
        store.backup(connection, tmp_path / "copy.db")
    moved = tmp_path / "new" / "home" / "history.db"
    assert store.restore(tmp_path / "copy.db", moved) is None
    assert count(moved) == 3
    assert moved.stat().st_mode & 0o777 == 0o600
    fill(moved, 1)


def test_a_history_that_is_there_is_only_replaced_on_demand_and_never_lost(path: Path, tmp_path: Path) -> None:
    fill(path, 3)
    with store.open_store(str(path)) as connection:
        store.backup(connection, tmp_path / "copy.db")
    fill(path, 1)
    with pytest.raises(UsageError, match="--force"):
        store.restore(tmp_path / "copy.db", path)
    assert count(path) == 4
    assert store.restore(tmp_path / "copy.db", path, force=True) == path.with_name("history.db.replaced-1")
    assert count(path) == 3
    assert count(path.with_name("history.db.replaced-1")) == 4


def test_a_damaged_history_is_replaced_by_its_copy(path: Path, tmp_path: Path) -> None:
    fill(path, 3)
    with store.open_store(str(path)) as connection:
        store.backup(connection, tmp_path / "copy.db")
    path.write_bytes(b"damage")
    path.with_name("history.db-journal").write_bytes(b"what a killed run left")
    store.restore(tmp_path / "copy.db", path, force=True)
    assert count(path) == 3
    assert not path.with_name("history.db-journal").exists()


@pytest.mark.parametrize("kind", ["damaged", "foreign", "newer", "text", "missing", "itself"])
def test_what_is_no_good_copy_is_refused_and_changes_nothing(kind: str, path: Path, tmp_path: Path) -> None:
    fill(path, 2)
    copy = tmp_path / "copy.db"
    with store.open_store(str(path)) as connection:
        store.backup(connection, copy)
    if kind == "damaged":
        whole = copy.read_bytes()
        copy.write_bytes(whole[:8192] + b"\xa5" * 8192 + whole[16384:])
    elif kind == "text":
        copy.write_text("not a database " * 100)
    elif kind == "missing":
        copy.unlink()
    elif kind == "itself":
        copy = path
    else:
        with closing(sqlite3.connect(copy)) as changed:
            changed.execute("PRAGMA application_id = 7" if kind == "foreign" else "PRAGMA user_version = 99")
    with pytest.raises((StoreError, UsageError), match=str(copy)):
        store.restore(copy, path, force=True)
    assert count(path) == 2
    assert [file.name for file in path.parent.iterdir()] == ["history.db"]
