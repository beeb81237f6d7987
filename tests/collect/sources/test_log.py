"""Logs: what is new in them, each line once; errors by kind; own figures; and nothing that a line can do to us."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caelum_report.collect import collect
from caelum_report.model import Failure, Reading, Remembered, Sample, Server, Snapshot, Transport
from tests.collect.fleet import AT, BUDGETS, config

from .conftest import source

SECRET = "k9-s3cret-of-ada-77"
TIME = "2026-11-22T12:59:0"


class Runs:
    """Runs that keep their bookmarks, as the store does."""

    def __init__(self, *, timeout: float = 20.0, **options: Any) -> None:
        self.source = source("log", timeout=timeout, **options)
        self.source = replace(self.source, options=self.source.options | {"files": options.get("files", [])})
        self.remembered = Remembered()
        servers = (Server("git hub", "git-hub", Transport.STDIO, command="x", skip="only its log is read"),)
        self.config = replace(config(*servers), sources=(self.source,), budgets=BUDGETS, secrets=(SECRET,))

    def next(self, hours: float = 0) -> Reading:
        snapshot: Snapshot = collect(self.config, self.remembered, AT + timedelta(hours=hours))
        marks = {(mark.source, mark.name): mark.value for mark in snapshot.bookmarks}
        self.remembered = Remembered(bookmarks=self.remembered.bookmarks | marks)
        return snapshot.readings[0]


def figures(reading: Reading) -> dict[str, float]:
    assert reading.failure is Failure.OK, reading.reason
    return {_name(sample): sample.value for sample in reading.samples}


def _name(sample: Sample) -> str:
    about = f" of {sample.subject}" if sample.subject != "it" else ""
    return " ".join((sample.metric, *(value for _, value in sample.labels))) + about


def kinds(reading: Reading) -> dict[str, int]:
    return {error.text: error.count for error in reading.errors}


def notes(reading: Reading) -> set[str]:
    return {note.code for note in reading.notes}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def test_errors_are_counted_by_kind_each_line_once(log: Path) -> None:
    log.write_text(
        f"{TIME}1Z INFO listening on 8080\n"
        f"{TIME}2Z ERROR cannot reach 10.0.0.7:5432 for user 4711\n"
        f"{TIME}4Z ERROR cannot reach 10.0.0.9:5432 for user 12\n"
        "Traceback (most recent call last):\n"
        "KeyError: 'ada'\n"
        f"{TIME}9Z ERROR half of a li"
    )
    runs = Runs(files=[str(log)])
    first = runs.next()
    assert kinds(first) == {"ERROR cannot reach #.#.#.#:# for user #": 2, 'KeyError: "…"': 1}
    assert figures(first) == {"log_lines": 5, "log_errors": 3}
    reached = first.errors[0]
    assert (reached.first_at.second, reached.last_at.second) == (2, 4)
    assert first.errors[1].last_at == AT, "a line without a time is of the run's"
    with log.open("a") as file:
        file.write("ne\n")
    second = runs.next(1)
    assert kinds(second) == {"ERROR half of a line": 1}
    assert figures(second) == {"log_lines": 6, "log_errors": 4}, "counters go on"
    third = runs.next(2)
    assert (third.errors, figures(third)) == ((), {"log_lines": 6, "log_errors": 4})


def test_rotated_compressed_and_truncated_files_lose_and_repeat_nothing(log: Path) -> None:
    runs = Runs(files=[f"{log}*"])
    log.write_text("".join(f"ERROR one {'x' * 10}\n" for _ in range(3)))
    assert figures(runs.next())["log_errors"] == 3
    with log.open("a") as file:
        file.write("ERROR two\n")
    log.rename(f"{log}.1")
    log.write_text("ERROR three\n")
    assert kinds(runs.next(1)) == {"ERROR two": 1, "ERROR three": 1}
    with gzip.open(f"{log}.1.gz", "wb") as packed, Path(f"{log}.1").open("rb") as plain:
        shutil.copyfileobj(plain, packed)
    Path(f"{log}.1").unlink()
    assert runs.next(2).errors == ()
    log.write_text("ERROR after the cut\n")
    assert kinds(runs.next(3)) == {"ERROR after the cut": 1}


def test_lines_of_json_and_figures_of_ones_own(log: Path) -> None:
    rows = [
        {"time": 1763816340000, "level": 30, "msg": "done", "took": 0.2, "code": 200},
        {"time": 1763816341000, "level": 50, "msg": "no route to db-3", "took": 1.5, "code": 500},
        {"level": "error", "message": "no route to db-4", "took": "x", "code": 500, "who": "git hub"},
    ]
    log.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "served /a in 12 ms\nserved /b in 18 ms\n")
    metrics = [
        {"name": "requests", "where": "code", "labels": {"code": "code"}, "subject": "who"},
        {"name": "took_seconds", "value": "took", "give": "max", "unit": "seconds"},
        {"name": "served_ms", "pattern": r"served (?P<path>\S+) in (?P<value>\d+) ms", "give": "mean"},
        {"name": "served", "pattern": "^served "},
    ]
    reading = Runs(files=[str(log)], metric=metrics).next()
    assert figures(reading) == {
        "log_lines": 5,
        "log_errors": 2,
        "requests 200": 1,
        "requests 500": 1,
        "requests 500 of git hub": 1,
        "took_seconds": 1.5,
        "served_ms /a": 12,
        "served_ms /b": 18,
        "served": 2,
    }
    assert kinds(reading) == {"no route to db-#": 2}
    assert {sample.counter for sample in reading.samples if sample.metric == "requests"} == {True}


def test_own_words_for_what_is_an_error(log: Path) -> None:
    log.write_text("ERROR of no interest\nE1234 it is broken\n")
    assert kinds(Runs(files=[str(log)], errors=r"^E\d+ ").next()) == {"E# it is broken": 1}


def test_logs_of_mcp_hosts_say_whose_errors_they_are(tmp_path: Path) -> None:
    (tmp_path / "mcp-server-git_hub.log").write_text(
        f"{TIME}1.014Z [git hub] [info] Message from client: {json.dumps({'method': 'tools/call', 'id': 1})}\n"
        f"{TIME}2.014Z [info] [git hub] Message from server: {json.dumps({'id': 1, 'result': 'ERROR ' + SECRET})}\n"
        f"{TIME}3.014Z [git hub] [info] Message from server: "
        f"{json.dumps({'id': 2, 'error': {'code': -32000, 'message': 'upstream 503'}})}\n"
        f"{TIME}4.014Z [git hub] [error] Server disconnected\n"
        "ValueError: bad token\n"
    )
    (tmp_path / "mcpServer.mcp.config.ws0.other.log").write_text(
        f"{TIME[:10]} 12:00:00.000 [warning] [server stderr] fatal: no such repository '{SECRET}'\n"
        f'{TIME[:10]} 12:00:00.000 [trace] [editor -> server] {{"method":"ERROR"}}\n'
    )
    reading = Runs(files=[f"{tmp_path}/*.log"], preset="claude-desktop").next()
    assert {(error.subject, error.text) for error in reading.errors} == {
        ("git hub", "JSON-RPC error: upstream #"),
        ("git hub", "Server disconnected"),
        ("git hub", "ValueError: bad token"),
        ("other", 'fatal: no such repository "…"'),
    }
    assert figures(reading)["log_errors of git hub"] == 3


# --- what lines may hold --------------------------------------------------------------------------------------------


def test_secrets_and_people_are_in_no_kind_of_error(log: Path) -> None:
    log.write_text(
        f"ERROR token {SECRET} refused\n"
        "ERROR ghp_abcdefghij0123456789abcdefghij was refused\n"
        "ERROR ada@example.org cannot open /home/ada/letters/anna.txt\n"
        "ERROR GET https://ada:hunter22@example.org/x?token=1 gave 500\n"
        f"ERROR {'x' * 1990} {SECRET}\n"
        "ERROR \x1b[31m\u202ered\x00\n"
    )
    reading = Runs(files=[str(log)]).next()
    said = json.dumps([error.text for error in reading.errors])
    for word in (SECRET, SECRET[:8], "ghp_", "ada", "anna", "hunter", "\\u202e", "\\u0000", "\\u001b"):
        assert word not in said
    assert "ERROR token [redacted] refused" in kinds(reading)
    assert max(len(text) for text in kinds(reading)) < 320


def test_a_pattern_that_never_ends_passes_over_the_line_and_goes_on(log: Path) -> None:
    trap = "a" * 60 + "!"
    log.write_text(f"{trap}\nbbb\n{trap}\n" + "bbb\n" * 3)
    reading = Runs(files=[str(log)], metric=[{"name": "hits", "pattern": "^(a+)+$|^b"}]).next()
    assert figures(reading)["hits"] == 4
    assert figures(reading)["log_lines"] == 6
    assert "slow-pattern" in notes(reading)


def test_a_pattern_that_is_too_slow_again_and_again_is_given_up_for_the_run(log: Path) -> None:
    log.write_text(f"{'a' * 60}!\n" * 50 + "ERROR still seen\n")
    reading = Runs(files=[str(log)], metric=[{"name": "hits", "pattern": "^(a+)+$"}]).next()
    assert kinds(reading) == {"ERROR still seen": 1}
    (slow,) = (note.text for note in reading.notes if note.code == "slow-pattern")
    assert slow == "A pattern needed too long for 3 lines, which it passed over. It was given up for this run."


def test_a_log_that_always_says_something_new_is_bounded(log: Path) -> None:
    letters = "abcdefghij"
    log.write_text("".join(f"ERROR {''.join(letters[int(d)] for d in str(n))}z\n" for n in range(1000)))
    metrics = [{"name": "seen", "pattern": "ERROR (?P<what>.*)"}]
    reading = Runs(files=[str(log)], metric=metrics).next()
    assert len(reading.errors) == 201
    assert sum(error.count for error in reading.errors) == 1000
    assert kinds(reading)["(other errors)"] == 800
    assert len(reading.samples) == 200
    assert "too-many-figures" in notes(reading)


def test_a_clock_in_the_future_is_not_believed(log: Path) -> None:
    log.write_text("2031-01-01T00:00:00Z ERROR from tomorrow\n9999-99-99T00:00:00Z ERROR of no day\n")
    reading = Runs(files=[str(log)]).next()
    assert {error.last_at for error in reading.errors} == {AT}
    assert "clock-ahead" in notes(reading)


def test_a_file_of_anything_and_a_line_without_end(log: Path) -> None:
    log.write_bytes(
        random.Random(7).randbytes(50_000)
        + b"\n"
        + b"y" * 3_000_000
        + b"\nERROR at last\n"
        + b'{"level": "error"\n'
        + b"[" * 90_000
    )
    reading = Runs(files=[str(log)]).next()
    assert "ERROR at last" in kinds(reading)


def test_what_is_more_than_a_run_may_read_is_said_and_read_by_the_next(log: Path) -> None:
    with log.open("w") as file:
        file.writelines(f"{'x' * 8000} {n}\n" for n in range(9000))
    runs = Runs(files=[str(log)])
    first = runs.next()
    (note,) = (note.text for note in first.notes if note.code == "more-to-read")
    lines = figures(first)["log_lines"]
    assert note.endswith("\N{NO-BREAK SPACE}MiB of its files are not read yet; the next runs go on from there.")
    mebibytes = float(note.partition("\N{NO-BREAK SPACE}")[0])
    assert mebibytes * 1024**2 == pytest.approx((9000 - lines) * 8006, rel=0.02)
    second = runs.next(1)
    assert (figures(second)["log_lines"], notes(second)) == (9000, set())


def test_a_pattern_that_no_line_ever_had_is_named_until_one_has_it(log: Path) -> None:
    log.write_text("GET /cart took 0.1s\n")
    metric = [{"name": "served", "pattern": "GETT"}, {"name": "paid", "pattern": "PAID"}]
    runs = Runs(files=[str(log)], metric=metric)
    (note,) = runs.next().notes
    assert note.text == "No line has ever matched served and paid."
    with log.open("a") as more:
        more.write("PAID\n")
    assert [note.text for note in runs.next(1).notes] == ["No line has ever matched served."]
    assert [note.text for note in runs.next(2).notes] == ["No line has ever matched served."]


def test_counts_that_an_older_program_kept_go_on(log: Path) -> None:
    log.write_text("took 1s\n")
    runs = Runs(files=[str(log)], metric=[{"name": "took", "pattern": r"took (?P<value>\d+)s", "give": "max"}])
    kept = json.dumps([["", "log_lines", [], 41.0], ["", "log_errors", [], 7.0]])
    runs.remembered = Remembered(bookmarks={("log it", "counted"): kept})
    assert figures(runs.next()) == {"log_lines": 42, "log_errors": 7, "took": 1}
    assert notes(runs.next(1)) == set()


def test_percentiles_are_of_every_line(log: Path) -> None:
    log.write_text("".join(f"took {n}s\n" for n in range(150_000)))
    metric = [{"name": "took", "pattern": r"took (?P<value>\d+)s", "give": "p95"}]
    assert figures(Runs(files=[str(log)], metric=metric).next())["took"] == 142_499


# --- what is missing ------------------------------------------------------------------------------------------------


def test_no_file_is_a_fault_until_there_was_one(log: Path) -> None:
    runs = Runs(files=[str(log)])
    reading = runs.next()
    assert (reading.failure, reading.reason) == (Failure.CONFIG_ERROR, "no file is where `files` says")
    log.write_text("ERROR here\n")
    assert kinds(runs.next(1)) == {"ERROR here": 1}
    log.unlink()
    assert notes(runs.next(2)) == {"no-file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(log: Path) -> None:
    log.write_text("ERROR\n")
    log.chmod(0)
    reading = Runs(files=[str(log)]).next()
    assert (reading.failure, reading.reason) == (
        Failure.CONFIG_ERROR,
        "none of its files can be read: Permission denied",
    )


def test_what_is_no_ordinary_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.log")
    (tmp_path / "b.log").write_text("ERROR plain\n")
    (tmp_path / "c.log").mkdir()
    assert figures(Runs(files=[f"{tmp_path}/*.log"]).next()) == {"log_lines": 1, "log_errors": 1}


def test_what_was_not_kept_is_read_again(log: Path) -> None:
    """A run that dies before it commits leaves its bookmarks where they were."""
    log.write_text("ERROR once\n")
    runs = Runs(files=[str(log)])
    before = runs.remembered
    assert kinds(runs.next()) == {"ERROR once": 1}
    runs.remembered = before
    assert kinds(runs.next()) == {"ERROR once": 1}


# --- the journal ----------------------------------------------------------------------------------------------------

JOURNALCTL = """#!/bin/sh
# Answers as journalctl(1) documents --output=json; what it was asked with is written beside it.
echo "$@" >>"{folder}/asked"
case "$*" in *after-cursor=gone*) echo "Failed to seek to cursor: Invalid argument" >&2; exit 1;; esac
case "$*" in *after-cursor=*) exit 0;; esac
cat "{folder}/entries"
"""
ENTRIES = [
    {"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": "1763816340000000", "PRIORITY": "6", "MESSAGE": "Started."},
    {"__CURSOR": "s=2", "__REALTIME_TIMESTAMP": "1763816341000000", "PRIORITY": "3", "MESSAGE": "job 17 failed"},
    {"__CURSOR": "s=3", "__REALTIME_TIMESTAMP": "1763816342000000", "PRIORITY": "3", "MESSAGE": [106, 111, 98, 255]},
    {"__CURSOR": "s=4", "PRIORITY": "7", "MESSAGE": None},
]


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journalctl on the PATH, for there is no journal where tests run."""
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(JOURNALCTL.format(folder=tmp_path))
    program.chmod(0o755)
    (tmp_path / "entries").write_text("".join(f"{json.dumps(entry)}\n" for entry in ENTRIES) + '{"half": \n')
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


def test_a_journal_is_read_from_its_cursor_on(journal: Path) -> None:
    runs = Runs(journal=["shop.service"])
    reading = runs.next()
    assert kinds(reading) == {"job # failed": 1, "job\ufffd": 1}
    assert figures(reading) == {"log_lines": 4, "log_errors": 2}
    assert runs.next(1).errors == ()
    first, second = (journal / "asked").read_text().splitlines()
    assert first.endswith("--since=-24h --unit=shop.service")
    assert second.endswith("--after-cursor=s=4 --unit=shop.service")


def test_a_journal_that_has_let_its_cursor_go_is_read_as_if_for_the_first_time(journal: Path) -> None:
    runs = Runs(journal=["*"])
    runs.remembered = Remembered(bookmarks={("log it", "journal's cursor"): "gone"})
    assert figures(runs.next())["log_lines"] == 4
    assert "--unit" not in (journal / "asked").read_text()


def test_a_machine_without_a_journal_skips_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reading = Runs(journal=["*"]).next()
    assert reading.failure is Failure.SKIPPED
    assert reading.reason == "this machine has no journalctl, so there is no journal to read"
    log.write_text("ERROR in a file\n")
    both = Runs(journal=["*"], files=[str(log)]).next()
    assert (both.failure, kinds(both), notes(both)) == (Failure.OK, {"ERROR in a file": 1}, {"no-journal"})


def test_a_journal_that_never_answers_ends_with_its_source(journal: Path) -> None:
    program = journal / "bin" / "journalctl"
    program.write_text(f'#!/bin/sh\necho $$ >"{journal}/pid"\nexec sleep 600\n')
    reading = Runs(journal=["*"], timeout=1.5).next()
    assert reading.failure is Failure.TIMEOUT
    with pytest.raises(ProcessLookupError):
        os.kill(int((journal / "pid").read_text()), 0)
