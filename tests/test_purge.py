"""What became a secret too late is taken out of history, archive and site; and everything that is left still holds together."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report import codec, pipeline, purging, store
from caelum_report.cleaning import Cleaning
from caelum_report.config.secrets import in_value
from caelum_report.configured import Config
from caelum_report.errors import LockedError
from caelum_report.model import Failure, LoggedError, Reading, Sample, Usage
from caelum_report.render.pdf_text import text_of
from caelum_report.store import purging as stored
from tests.collect.fleet import AT, SECRET, config, stdio
from tests.store.given import NOON, hours, probe, snapshot, surface
from tests.store.given import config as plain

FORMS = (
    SECRET,
    SECRET[::-1],
    SECRET[:-4],
    SECRET.encode().hex(),
    json.dumps(SECRET)[1:-1],
    urllib.parse.quote(SECRET, safe=""),
    base64.b64encode(SECRET.encode()).decode()[:-4],
    base64.b64encode(b"user:" + SECRET.encode()).decode()[8:-4],
)


# --- looking ----------------------------------------------------------------------------------------------------------


def unpacked(content: bytes, name: str = "") -> Iterator[bytes]:
    """A file's bytes, and what it holds that is packed."""
    yield content
    if name.endswith(".pdf"):
        yield text_of(content).encode()


def unpacked_values(database: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):
                for value in row:
                    if isinstance(value, bytes) and value[:1] == b"\x78":
                        try:
                            yield zlib.decompress(value)
                        except zlib.error:
                            continue


def told_in(folder: Path, forms: tuple[str, ...] = FORMS) -> set[str]:
    """Where a secret still is, whatever its case: the database, its journal, the archive, the site."""
    sought = [form.lower().encode() for form in forms]
    found = set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        contents = list(unpacked(path.read_bytes(), path.name))
        if path.name == "h.sqlite":
            contents += unpacked_values(path)
        if any(form in content.lower() for form in sought for content in contents):
            found.add(path.relative_to(folder).as_posix())
    return found


def files(folder: Path) -> dict[str, bytes]:
    """But locks, which are empty."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("lock"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def assert_the_chain_holds(database: str) -> None:
    """Each report names the one before by the hash that it was published with; a purged one says that it is one."""
    with store.open_store(database) as connection:
        rows = connection.execute(
            "SELECT sha256, previous_sha256, document, purged_at, purged_sha256 FROM reports ORDER BY number"
        ).fetchall()
    before = None
    for sha256, previous, packed, purged_at, purged_sha256 in rows:
        assert previous == before
        before = sha256
        if packed is None:
            continue
        document = zlib.decompress(packed)
        report = codec.from_json(document)
        assert hashlib.sha256(document).hexdigest() == (purged_sha256 or sha256)
        assert (report.purged is None) == (purged_at is None) == (purged_sha256 is None)
        assert report.purged is None or report.purged.sha256 == sha256
        assert (report.previous.sha256 if report.previous else None) == previous


# --- a fleet that told everything -------------------------------------------------------------------------------------

BLABBING = ("echoes-secret", "errs-with-secret", "leaky-exit")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three reports, published and archived, of servers that told what nobody had called a secret yet."""
    folder = tmp_path_factory.mktemp("told")
    for hour, pdf in enumerate((True, False, False)):
        pipeline.build(told(folder, secrets=(), pdf=pdf), AT + timedelta(hours=hour))
    return folder


@pytest.fixture
def folder(history: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(history, tmp_path / "told", copy_function=shutil.copy2))


def told(folder: Path, *, secrets: tuple[str, ...], pdf: bool = False) -> Config:
    servers = (replace(stdio(fault), env=(("ZOO_TOKEN", SECRET),)) for fault in (*BLABBING, "good"))
    whole = config(*servers, secrets=secrets)
    return replace(whole, database=str(folder / "state/h.sqlite"), output=str(folder / "site"), pdf=pdf)


def test_nothing_of_it_is_left_in_any_file(folder: Path) -> None:
    before = told_in(folder)
    assert {name.rpartition(".")[2] for name in before} >= {"sqlite", "html", "json", "pdf"}
    done = purging.purge(told(folder, secrets=(SECRET,), pdf=True), AT + hours(3))
    assert told_in(folder) == set()
    assert set(done.rows) == {"details", "probes", "states", "surfaces"}
    assert len(done.reports) == len(done.archive) == 3
    assert all(done.archive.values())
    assert done.published == "exchange"
    page = (folder / "site/servers/echoes-secret.html").read_text("utf-8")
    assert "named-[redacted]" in page
    (paper,) = (folder / "site/archive").glob("*-1.pdf")
    assert "Words were taken out of it" in " ".join(text_of(paper.read_bytes()).split())
    assert b"[redacted]" in (folder / f"state/h.sqlite.archive/{done.reports[0]}.json").read_bytes()


def test_the_chain_of_reports_stays_and_those_that_changed_say_so(folder: Path) -> None:
    settings = told(folder, secrets=(SECRET,))
    published = {
        file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in (folder / "site/archive").glob("r-*.json")
    }
    done = purging.purge(settings, AT + hours(3))
    assert_the_chain_holds(settings.database)
    for report in done.reports:
        document = json.loads((folder / f"site/archive/{report}.json").read_bytes())
        assert document["purged"]["sha256"] == published[report]
        assert published[report] in (folder / f"site/archive/{report}.html").read_text("utf-8")
    after = pipeline.build(settings, AT + hours(4)).report
    assert after.previous is not None
    assert after.previous.sha256 == published[done.reports[-1]]
    assert after.purged is None
    assert_the_chain_holds(settings.database)


def test_the_servers_are_no_others_after_it(folder: Path) -> None:
    """A purge is no change of a tool surface: the next report finds none, and nobody is alarmed."""
    settings = told(folder, secrets=(SECRET,))
    purging.purge(settings, AT + hours(3))
    after = pipeline.build(settings, AT + hours(4)).report
    assert [change for change in after.contract if change.at > AT] == []
    assert {server.id for server in after.servers} == {*BLABBING, "good"}
    assert all(len(server.episodes) <= 1 for server in after.servers)


def test_a_dry_run_says_the_same_and_touches_nothing(folder: Path) -> None:
    settings, before = told(folder, secrets=()), files(folder)
    dry = purging.purge(settings, AT + hours(3), [SECRET], dry_run=True)
    assert files(folder) == before
    assert dry.published is None
    assert replace(purging.purge(settings, AT + hours(3), [SECRET]), published=None) == dry


def test_a_second_purge_finds_nothing(folder: Path) -> None:
    settings = told(folder, secrets=(SECRET,))
    purging.purge(settings, AT + hours(3))
    before = files(folder)
    again = purging.purge(settings, AT + hours(9))
    assert (again.rows, again.reports, again.archive) == ({}, (), {})
    assert files(folder / "site").keys() == {name.removeprefix("site/") for name in before if name.startswith("site/")}


def test_without_a_new_secret_nothing_changes(folder: Path) -> None:
    done = purging.purge(told(folder, secrets=("another-secret-1",)), AT + hours(3))
    assert (done.rows, done.reports, done.archive) == ({}, (), {})
    assert_the_chain_holds(told(folder, secrets=()).database)


def test_an_archived_report_whose_document_is_thinned_is_made_anew_from_its_own_file(folder: Path) -> None:
    settings = told(folder, secrets=(SECRET,))
    with store.open_store(settings.database) as database:
        database.execute("UPDATE reports SET document = NULL WHERE number = 1")
    done = purging.purge(settings, AT + hours(3))
    assert len(done.reports) == 2
    assert list(done.archive.values()) == [True] * 3
    assert told_in(folder) == set()


def test_an_archived_report_that_cannot_be_made_anew_is_taken_out(folder: Path) -> None:
    settings = told(folder, secrets=(SECRET,))
    with store.open_store(settings.database) as database:
        first, second = (
            name for (name,) in database.execute("SELECT id FROM reports WHERE number < 3 ORDER BY number")
        )
        database.execute("UPDATE reports SET document = NULL WHERE number = 1")
        unreadable = zlib.compress(json.dumps({"told": SECRET}).encode())
        database.execute("UPDATE reports SET document = ? WHERE number = 2", (unreadable,))
    (folder / f"state/h.sqlite.archive/{first}.json").unlink()
    (folder / "state/h.sqlite.archive/r-20261122T1200Z-1.unfinished").write_text(SECRET)
    done = purging.purge(settings, AT + hours(3))
    assert done.lost == (second,)
    assert done.archive[first] is done.archive[second] is False
    assert sorted({file.stem for file in (folder / "state/h.sqlite.archive").iterdir()}) == list(done.reports)
    assert told_in(folder) == set()


def test_no_site_is_made_where_there_was_none(folder: Path) -> None:
    settings = replace(told(folder, secrets=(SECRET,)), output=str(folder / "elsewhere"))
    assert purging.purge(settings, AT + hours(3)).published is None
    assert not (folder / "elsewhere").exists()


def test_copies_of_the_history_are_named_and_left_alone(folder: Path) -> None:
    settings = told(folder, secrets=(SECRET,))
    copies = [Path(f"{settings.database}{suffix}") for suffix in (".damaged-1", ".replaced-2", ".schema-8")]
    for copy in copies:
        shutil.copy(settings.database, copy)
    before = copies[0].read_bytes()
    assert purging.purge(settings, AT + hours(3)).copies == tuple(copies)
    assert copies[0].read_bytes() == before


def test_it_waits_for_whoever_collects_and_gives_up(folder: Path) -> None:
    settings = told(folder, secrets=(SECRET,))
    with store.run_lock(settings.database), pytest.raises(LockedError):
        purging.purge(settings, AT + hours(3))
    assert told_in(folder / "state")


@pytest.mark.parametrize("after_seconds", [0.5, 0.9, 1.5])
def test_killed_at_any_moment_it_is_finished_by_the_next(folder: Path, after_seconds: float) -> None:
    settings = told(folder, secrets=(SECRET,))
    said = folder / "secrets.txt"
    said.write_text(SECRET)
    toml = folder / "caelum.toml"
    toml.write_text(f'database = "{settings.database}"\noutput = "{settings.output}"\n')
    words = [sys.executable, "-m", "caelum_report", "purge", "--config", str(toml), "--secrets", str(said), "--no-pdf"]
    environ = {**os.environ, "HOME": str(folder)}
    with subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, start_new_session=True) as child:
        time.sleep(after_seconds)
        os.killpg(child.pid, signal.SIGKILL)
    with store.open_store(settings.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (folder / "site/index.html").exists()
    assert subprocess.run(words, env=environ, check=False, stdout=subprocess.DEVNULL).returncode == 0
    said.unlink()
    assert told_in(folder) == set()
    assert_the_chain_holds(settings.database)


# --- every column -----------------------------------------------------------------------------------------------------


def columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Those that can hold words."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {
        (table, column)
        for (table,) in tables.fetchall()
        for column, kind in connection.execute(f"SELECT name, type FROM pragma_table_info('{table}')")
        if kind in {"TEXT", "BLOB"}
    }


def test_every_column_that_can_hold_words_is_cleaned(tmp_path: Path) -> None:
    with store.open_store(str(tmp_path / "h.sqlite")) as connection:
        assert columns(connection) == {*stored.CLEANED, *stored.WITHOUT_WORDS}
    assert set(stored.CLEANED).isdisjoint(stored.WITHOUT_WORDS)


@pytest.mark.parametrize("table", sorted({table for table, _ in stored.CLEANED} - {"reports"}))
def test_a_secret_in_any_column_is_taken_out(table: str, tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    packed, written = {"surfaces.document"}, {f"{t}.{c}" for t, c in stored._JSON}

    def value(column: str, kind: str, row: int) -> Any:
        told = f"it said {SECRET} and {json.dumps(SECRET)} in row {row}"
        if (table, column) not in stored.CLEANED:
            return f"x{row}" if kind == "TEXT" else b"x" if kind == "BLOB" else row
        if f"{table}.{column}" in packed:
            return zlib.compress(json.dumps({"told": [told]}).encode())
        return json.dumps({"told": [told]}) if f"{table}.{column}" in written else told

    with store.open_store(str(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        kinds = connection.execute(f"SELECT name, type FROM pragma_table_info('{table}')").fetchall()
        for row in (1, 2):
            marks = ", ".join("?" * len(kinds))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", [value(*kind, row) for kind in kinds])
        done = stored.purge(connection, Cleaning([SECRET], ()), NOON)
        stored.compact(connection)
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (2,)
    cleaned = [column for cleaned_table, column in stored.CLEANED if cleaned_table == table]
    assert done.rows == {table: 2 * len(cleaned)}
    assert told_in(tmp_path) == set()


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with store.open_store(str(tmp_path / "h.sqlite")) as connection:
        yield connection


def names(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM servers ORDER BY id")]


def test_names_of_the_past_stay_apart_and_those_of_today_stay(database: sqlite3.Connection) -> None:
    servers = (
        f"{SECRET}-now",
        f"{SECRET}",
        f"the {SECRET}",
        "sk-looks-like-a-token-but-is-a-name",
        "na\u202eme",
        "[redacted]",
    )
    store.add_snapshot(database, snapshot(NOON, *(probe(name) for name in servers)), plain(*servers))
    stored.purge(database, Cleaning([SECRET], {f"{SECRET}-now"}), NOON)
    assert names(database) == [
        f"{SECRET}-now",
        "[redacted] (2)",
        "the [redacted]",
        "sk-looks-like-a-token-but-is-a-name",
        "na\u202eme",
        "[redacted]",
    ]


def test_calls_of_two_tools_are_never_added_up(database: sqlite3.Connection) -> None:
    used = tuple(
        Usage(NOON + hours(hour), "a", tool, "tap", 1, 0)
        for hour in (0, 1)
        for tool in (f"x {SECRET}", f"x {SECRET.upper()}")
    )
    store.add_snapshot(database, snapshot(NOON, probe("a"), usage=used), plain("a"))
    stored.purge(database, Cleaning([SECRET], ()), NOON)
    rows = database.execute("SELECT tool, sum(calls) FROM usage GROUP BY tool ORDER BY tool").fetchall()
    assert rows == [("x [redacted]", 2), ("x [redacted] (2)", 2)]


def test_series_keep_their_labels_readable(database: sqlite3.Connection) -> None:
    samples = tuple(
        Sample("s", "m", 1.0, labels=(("key", secret), ("region", "eu"))) for secret in (SECRET, SECRET.upper())
    )
    reading = Reading("source", "redis", Failure.OK, samples=samples)
    store.add_snapshot(database, snapshot(NOON, readings=(reading,)), plain())
    stored.purge(database, Cleaning([SECRET], ()), NOON)
    labels = sorted(json.loads(text)["region"] for (text,) in database.execute("SELECT labels FROM series"))
    assert labels == ["eu", "eu"]
    assert database.execute("SELECT count(DISTINCT labels) FROM series").fetchone() == (2,)


def test_errors_of_logs_that_become_one_text_are_one_kind(database: sqlite3.Connection) -> None:
    def error(text: str, count: int) -> LoggedError:
        return LoggedError("app", text, count, NOON, NOON)

    for hour in (0, 1):
        errors = (error(f"no {SECRET}", 2), error(f"no {SECRET.upper()}", 3), error("other", 1))
        reading = Reading("app", "log", Failure.OK, errors=errors)
        store.add_snapshot(database, snapshot(NOON + hours(hour), readings=(reading,)), plain())
    stored.purge(database, Cleaning([SECRET], ()), NOON)
    rows = database.execute(
        "SELECT text, at, count FROM log_errors JOIN log_error_counts ON error = log_errors.id ORDER BY text, at"
    ).fetchall()
    assert [(text, count) for text, _, count in rows] == [
        ("no [redacted]", 5),
        ("no [redacted]", 5),
        ("other", 1),
        ("other", 1),
    ]


def test_a_schema_that_is_no_json_any_more_says_so(database: sqlite3.Connection) -> None:
    whole = surface("t")
    tool = replace(whole.tools[0], schema=json.dumps({"a": "{" + SECRET, "b": 1}, separators=(",", ":")))
    odd = replace(tool, name="odd", schema='{"a":"\\u007d","b":1}')
    seen = probe("a", surface=replace(whole, tools=(tool, odd)))
    number = store.add_snapshot(database, snapshot(NOON, seen), plain("a"))
    stored.purge(database, Cleaning([SECRET, '\\u007d","b"'], ()), NOON)
    (kept,) = [version.surface for version in store.history(database, number).surfaces]
    assert [json.loads(one.schema) for one in kept.tools] == [
        {"a": "{[redacted]", "b": 1},
        {"$comment": "not kept: it holds what looks like a secret"},
    ]


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "cleaned"),
    [
        (
            f"it said {SECRET[:9]}… (4000 characters, sha256 12345678)",
            "it said [redacted]… (4000 characters, sha256 12345678)",
        ),
        ("eats s3… and more", "eats s3… and more"),
        (SECRET[-7:] + "\n" + "x" * 4_000, "[redacted]\n" + "x" * 4_000),
        ("signs of life", "signs of life"),
        ("joined\u034f\u2065 here", "joined<U+034F><U+2065> here"),
        ("line\n\tand tab", "line\n\tand tab"),
        ("ghp_" + "a1B2" * 9, "[redacted]"),
        ("critical", "critical"),
        ("a critical thing", "a [redacted] thing"),
    ],
)
def test_what_was_stored_is_cleaned_as_it_would_be_today(stored: str, cleaned: str) -> None:
    cleaning = Cleaning([SECRET, "critical"], ())
    assert cleaning.text(stored) == cleaned
    assert cleaning.json(json.dumps([stored])) == json.dumps([cleaned])


@given(st.text(max_size=200), st.text(min_size=8, max_size=20))
def test_what_is_clean_stays(text: str, secret: str) -> None:
    cleaning = Cleaning([secret], ())
    once = cleaning.text(f"{text}{secret}{text[::-1]}…")
    assert cleaning.text(once) == once


def test_a_name_with_hidden_characters_is_still_found_in_what_refers_to_it() -> None:
    cleaning = Cleaning([SECRET], {"na\u202eme"})
    assert cleaning.value(["na\u202eme", "server:na\u202eme", "a\u202eb"]) == [
        "na\u202eme",
        "server:na\u202eme",
        "a<U+202E>b",
    ]


# --- as it is typed ---------------------------------------------------------------------------------------------------


def typed(folder: Path, *words: str, stdin: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
    toml = folder / "caelum.toml"
    toml.write_text(f'database = "{folder}/state/h.sqlite"\noutput = "{folder}/site"\n')
    return subprocess.run(
        [sys.executable, "-m", "caelum_report", "purge", "--config", str(toml), *words],
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        input=stdin, capture_output=True, text=True, timeout=120, check=False, **more,
    )  # fmt: skip


def by_file(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "secrets").write_bytes(f"\ufeffanother-one-1\r\n\r\n{SECRET}\r\n".encode())
    done = typed(folder, "--no-pdf", "--secrets", str(folder / "secrets"))
    (folder / "secrets").unlink()
    return done


def by_stdin(folder: Path) -> subprocess.CompletedProcess[str]:
    return typed(folder, "--no-pdf", "--secrets", "-", stdin=f"another-one-1\n{SECRET}\n")


@pytest.mark.parametrize("way", [by_file, by_stdin])
def test_a_secret_that_no_configuration_has_any_more(
    way: Callable[[Path], subprocess.CompletedProcess[str]], folder: Path
) -> None:
    done = way(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == (
        "Looked for 2 secrets, the shapes of tokens, and characters that cannot be seen."
    )
    assert "Changed texts in: details 3, probes 6, states 2, surfaces 1." in done.stdout
    assert "In the archive made anew: r-20261122T1300Z-1" in done.stdout
    assert not any(form in done.stdout for form in FORMS)
    assert told_in(folder) == set()
    assert not list((folder / "site/archive").glob("*.pdf"))


def test_a_dry_run_for_programs(folder: Path) -> None:
    before = told_in(folder)
    done = typed(folder, "--dry-run", "--json", "--secrets", "-", stdin=SECRET)
    said = json.loads(done.stdout)
    assert said["dry_run"] is True
    assert said["texts"] == {"details": 3, "probes": 6, "states": 2, "surfaces": 1}
    assert len(said["reports"]) == len(said["archive_made_anew"]) == 3
    assert told_in(folder) == before


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        ("", "there is no secret"),
        ("\n\n", "there is no secret"),
        ("long-enough-1\nshort\n", "line 2 of the secrets has fewer than 8 characters"),
        ("x" * 1_100_000, "more than 1000 lines or 1 MB"),
        ("long-enough-1\n" * 1_001, "more than 1000 lines or 1 MB"),
    ],
)
def test_secrets_that_cannot_be_meant(folder: Path, stdin: str, told: str) -> None:
    before = files(folder)
    done = typed(folder, "--secrets", "-", stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "short\n" not in done.stderr
    assert {name: content for name, content in files(folder).items() if name != "caelum.toml"} == before


def test_a_file_that_is_not_there(folder: Path) -> None:
    done = typed(folder, "--secrets", str(folder / "nowhere"))
    assert done.returncode == 2
    assert "cannot be read" in done.stderr


def test_without_a_history_there_is_nothing_to_purge(tmp_path: Path) -> None:
    done = typed(tmp_path)
    assert done.returncode == 2
    assert "no history" in done.stderr
    assert not (tmp_path / "state").exists()


def test_an_address_gives_its_password_too() -> None:
    assert "hunter2hunter2" in set(in_value("secret", "postgresql://ada:hunter2hunter2@db/x"))
