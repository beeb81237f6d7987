"""The file: whose it is, who may read it, and what is left of it when something goes wrong."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from caelum_report import store
from caelum_report.errors import StoreError
from caelum_report.store import database as file
from caelum_report.store import schema

from .given import NOON, config, fleet, hours

ROOT = Path(__file__).parents[2]


def python(code: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Another process, with the values of `given` at hand."""
    start = "import os, signal, sys\nfrom caelum_report import store\nfrom tests.store.given import *\n"
    return subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


def snapshots_in(path: Path) -> int:
    with store.open_store(str(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return connection.execute("SELECT count(*) FROM snapshots").fetchone()[0]


def test_only_its_owner_may_read_it_whatever_the_umask(path: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with (
            store.run_lock(str(path)),
            store.publish_lock(str(path)),
            store.open_store(str(path)) as connection,
            store.batch(connection),
        ):
            store.add_snapshot(connection, fleet(NOON), config())
            journal = path.with_name(path.name + "-journal")
            modes = {file: file.stat().st_mode & 0o777 for file in (journal, *path.parent.iterdir())}
        with store.open_store(str(path)) as connection:
            store.backup(connection, tmp_path / "copies" / "copy.db")
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "copies").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "copies" / "copy.db").stat().st_mode & 0o777 == 0o600


def test_a_database_that_others_could_read_is_closed_to_them(path: Path) -> None:
    with store.open_store(str(path)):
        pass
    path.chmod(0o644)
    with store.open_store(str(path)):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with store.open_store(str(tmp_path / "h.db")):
        assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_it_is_safe_rather_than_quick(database: sqlite3.Connection) -> None:
    asked = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    assert [database.execute(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["delete", 2, 1, 1, 30_000]


def test_every_column_that_needs_one_has_a_comment_in_the_file_itself(database: sqlite3.Connection) -> None:
    (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'probes'").fetchone()
    assert "rss_bytes INTEGER,                   -- the process tree of the test instance" in sql


def test_neither_pandas_nor_sqlite_utils_is_imported_to_store_a_snapshot(path: Path) -> None:
    done = python(
        """
        with store.open_store(sys.argv[1]) as connection:
            store.remember(connection, NOON)
            store.add_snapshot(connection, fleet(NOON), config())
        print(sorted({"pandas", "numpy", "sqlite_utils"} & set(sys.modules)))
        """,
        path,
    )
    assert done.stdout == "[]\n", done.stderr


# --- whose file -----------------------------------------------------------------------------------------------------


def test_a_database_of_another_program_is_refused_and_untouched(tmp_path: Path) -> None:
    foreign = tmp_path / "firefox.sqlite"
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
        other.execute("PRAGMA journal_mode = WAL")
    before = foreign.read_bytes()
    for rescue in (False, True):
        with pytest.raises(StoreError, match="another program"), store.open_store(str(foreign), rescue=rescue):
            pass
    assert foreign.read_bytes() == before


def test_a_file_of_an_unreleased_version_is_refused_and_untouched(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DROP TABLE details")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="lacks the table details"), store.open_store(str(path)):
        pass
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_and_untouched(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer caelum-report") as refused, store.open_store(str(path)):
        pass
    assert refused.value.exit_status == 3
    assert path.read_bytes() == before


def test_an_older_schema_is_copied_then_migrated(path: Path) -> None:
    newest = 1 + len(schema.MIGRATIONS)
    with store.open_store(str(path)) as connection:
        store.add_snapshot(connection, fleet(NOON), config())

    def add_column(database: Any) -> None:
        database["marks"].add_column("author", str)

    def rebuild_table(database: Any) -> None:
        database["hosts"].transform(rename={"name": "host_name"})

    with closing(file.connect(str(path))) as connection:
        file.prepare(connection, str(path), migrations=(*schema.MIGRATIONS, add_column, rebuild_table))
        columns = [row[1] for row in connection.execute("PRAGMA table_info(marks)")]
        assert columns == ["id", "at", "text", "author"]
        assert connection.execute("SELECT host_name FROM hosts").fetchall() == [("here",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (newest + 2,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    copy = path.with_name(f"history.db.schema-{newest}")
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (newest,)
        assert old.execute("SELECT count(*) FROM probes").fetchone() == (3,)


def test_a_migration_that_fails_leaves_the_old_schema_whole(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        store.add_snapshot(connection, fleet(NOON), config())

    def add_column(database: Any) -> None:
        database["marks"].add_column("author", str)

    def fail(database: Any) -> None:
        database.execute("DROP TABLE states")
        raise RuntimeError("a mistake")

    with closing(file.connect(str(path))) as connection, pytest.raises(RuntimeError):
        file.prepare(connection, str(path), migrations=(*schema.MIGRATIONS, add_column, fail))
    with store.open_store(str(path)) as connection:
        assert [row[1] for row in connection.execute("PRAGMA table_info(marks)")] == ["id", "at", "text"]
        assert connection.execute("SELECT count(*) FROM states").fetchone() == (3,)


def test_a_history_of_the_first_schema_is_what_a_new_one_is(path: Path, tmp_path: Path) -> None:
    """Every table and column, whether made or migrated."""
    first = [
        FIRST_HOSTS
        if table.startswith("CREATE TABLE hosts ")
        else "\n".join(line for line in table.split("\n") if not line.strip().startswith(COLUMNS_SINCE_THE_FIRST))
        for table in schema.TABLES
        if not table.startswith(SINCE_THE_FIRST) and table not in schema.ALERTS
    ]
    with store.open_store(str(tmp_path / "new.db")) as new:
        wanted = columns_of(new)
    path.parent.mkdir(exist_ok=True)
    with closing(file.connect(str(path))) as old:
        file.prepare(old, str(path), tables=first, migrations=())
    with store.open_store(str(path)) as migrated:
        assert columns_of(migrated) == wanted


FIRST_HOSTS = "CREATE TABLE hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"
SINCE_THE_FIRST = (
    *(
        f"CREATE TABLE {name} "
        for name in (
            "pins",
            "sources",
            "readings",
            "samples",
            "late_hours",
            "forecasts",
            "usage",
            "bookmarks",
            "log_errors",
            "log_error_counts",
            "first_probes",
        )
    ),
    "CREATE INDEX log_errors_by_source",
    "CREATE INDEX usage_by_hour ",
    "CREATE INDEX forecasts_due ",
)
COLUMNS_SINCE_THE_FIRST = ("tool_order ", "fingerprint TEXT NOT NULL DEFAULT ", "purged_at ", "purged_sha256 ")


def columns_of(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    return set(
        connection.execute(
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
        )
    )


def test_a_fresh_database_has_the_newest_version(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA user_version").fetchone() == (1 + len(schema.MIGRATIONS),)
    assert database.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    with pytest.raises(StoreError, match="state"), store.open_store(str(tmp_path / "state" / "history.db")):
        pass
    with pytest.raises(StoreError, match="cannot"), store.run_lock(str(tmp_path / "state" / "history.db")):
        pass


# --- faults ---------------------------------------------------------------------------------------------------------


def test_a_damaged_database_is_untouched_and_the_way_out_is_printed(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        store.add_snapshot(connection, fleet(NOON), config())
    whole = bytearray(path.read_bytes())
    whole[8192:] = b"\xa5" * len(whole[8192:])
    path.write_bytes(whole)
    with (
        pytest.raises(StoreError, match="caelum-report build --rescue") as raised,
        store.open_store(str(path)) as connection,
    ):
        store.add_snapshot(connection, fleet(NOON + hours(1)), config())
    assert raised.value.exit_status == 3
    assert path.read_bytes() == bytes(whole)


def test_what_is_no_database_at_all_is_untouched(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("Dear diary,\n" * 100)
    with pytest.raises(StoreError, match="damaged"), store.open_store(str(path)):
        pass
    assert path.read_text().startswith("Dear diary")


def test_rescue_moves_the_damaged_file_aside_and_starts_anew(path: Path) -> None:
    for number in (1, 2):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"damage %d" % number * 100)
        with store.open_store(str(path), rescue=True) as connection:
            store.add_snapshot(connection, fleet(NOON), config())
        assert snapshots_in(path) == 1
        assert path.with_name(f"history.db.damaged-{number}").read_bytes() == b"damage %d" % number * 100


def test_rescue_finds_damage_that_opening_does_not_see(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        for hour in range(20):
            store.add_snapshot(connection, fleet(NOON + hours(hour)), config())
    whole = bytearray(path.read_bytes())
    whole[-8192:] = b"\xa5" * 8192
    path.write_bytes(whole)
    with store.open_store(str(path), rescue=True) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (0,)
    assert path.with_name("history.db.damaged-1").read_bytes() == bytes(whole)


def test_rescue_keeps_a_database_that_is_well(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        store.add_snapshot(connection, fleet(NOON), config())
    with store.open_store(str(path), rescue=True) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (1,)
    assert not list(path.parent.glob("*.damaged-*"))


def test_a_run_killed_in_mid_transaction_leaves_no_trace(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        store.add_snapshot(connection, fleet(NOON), config())
    killed = python(
        """
        with store.open_store(sys.argv[1]) as connection, store.batch(connection):
            connection.execute("PRAGMA cache_size = 5")  # what is written reaches the file before the commit
            for hour in range(1, 30):
                store.add_snapshot(connection, fleet(NOON + hours(hour)), config())
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        path,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert path.with_name("history.db-journal").stat().st_size > 0
    assert snapshots_in(path) == 1


def test_a_full_disk_rolls_back_and_is_said(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        store.add_snapshot(connection, fleet(NOON), config())
    room = path.stat().st_size + 40_000
    stopped = python(
        """
        try:
            with store.open_store(sys.argv[1]) as connection:
                for hour in range(1, 200):
                    store.add_snapshot(connection, fleet(NOON + hours(hour), count=20), config())
        except Exception as error:
            print(type(error).__name__, error)
        """,
        path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert stopped.stdout.startswith("StoreError"), stopped
    assert "stored" in stopped.stdout
    assert snapshots_in(path) >= 1
    with store.open_store(str(path)) as connection:
        counts = connection.execute("SELECT count(*) FROM probes GROUP BY snapshot").fetchall()
        assert set(counts) <= {(3,), (20,)}, "half a snapshot was stored"
        store.add_snapshot(connection, fleet(NOON + hours(500)), config())


def fill(path: Path, stored: list[int]) -> None:
    """Adds snapshots until there is no more room."""
    with store.open_store(str(path)) as connection:
        stored.extend(
            store.add_snapshot(connection, fleet(NOON + hours(hour), count=20), config()) for hour in range(500)
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_without_space_rolls_back_and_is_said(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False).returncode:
        pytest.skip("this machine does not let root mount")
    try:
        path = disk / "history.db"
        stored: list[int] = []
        with pytest.raises(StoreError, match="no space left") as raised:
            fill(path, stored)
        assert raised.value.exit_status == 3
        assert snapshots_in(path) == len(stored) > 0
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_mistake_in_our_own_sql_keeps_its_traceback(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), store.open_store(str(path)) as connection:
        connection.execute("SELECT * FROM nowhere")


# --- several at once ------------------------------------------------------------------------------------------------


def test_a_second_writer_waits_for_the_first(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        writing = threading.Event()

        def other() -> None:
            writing.wait()
            with store.open_store(str(path)) as mine:
                store.add_snapshot(mine, fleet(NOON + hours(1)), config())

        thread = threading.Thread(target=other)
        thread.start()
        with store.batch(connection):
            store.add_snapshot(connection, fleet(NOON), config())
            writing.set()
            thread.join(0.3)
            assert thread.is_alive(), "it did not wait"
        thread.join(20)
    assert snapshots_in(path) == 2


def test_two_first_runs_at_once_make_one_database(path: Path) -> None:
    code = (
        "import sys\nfrom caelum_report import store\nfrom tests.store.given import *\n"
        "with store.open_store(sys.argv[1]) as connection:\n"
        "    store.add_snapshot(connection, fleet(NOON), config())\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT) for _ in range(4)]
    assert [run.wait(60) for run in runs] == [0, 0, 0, 0]
    assert snapshots_in(path) == 4


def test_one_who_only_looks_sees_whole_snapshots(path: Path) -> None:
    with store.open_store(str(path)) as connection:
        store.add_snapshot(connection, fleet(NOON), config())
        with store.batch(connection):
            store.add_snapshot(connection, fleet(NOON + hours(1)), config())
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
                assert reader.execute("SELECT count(*) FROM snapshots").fetchone() == (1,)
                assert reader.execute("SELECT count(*) FROM probes").fetchone() == (3,)


def test_a_batch_is_all_or_nothing(path: Path) -> None:
    def two_then_a_fault() -> None:
        with store.open_store(str(path)) as connection, store.batch(connection):
            store.add_snapshot(connection, fleet(NOON), config())
            store.add_snapshot(connection, fleet(NOON + hours(1)), config())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        two_then_a_fault()
    assert snapshots_in(path) == 0
