"""Hostile stdio servers: every row of the promises' table, through the real collect."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from caelum_report.collect import collect
from caelum_report.model import Era, Failure, Memory, Outcome, Remembered, Status

from .fleet import AT, BUDGETS, HASTE, HERE, SECRET, ask, config, program, stdio

OK = Failure.OK


@pytest.mark.parametrize(
    ("fault", "failure", "words", "notes"),
    [
        ("early-exit", Failure.EXITED, "exit status 1|EXAMPLE_API_KEY is required", ""),
        ("killed", Failure.EXITED, "SIGKILL", ""),
        ("mid-message", Failure.EXITED, "exit status 3", ""),
        ("closes-stdout", Failure.EXITED, "closed", ""),
        ("launched", OK, "", ""),
        ("dies-later", Failure.EXITED, "exit status 4|the database is gone", ""),
        ("dies-of-discover", OK, "", ""),
        ("flood", Failure.OVERSIZED, "more than 1 MB", ""),
        ("endless-line", Failure.OVERSIZED, "line", ""),
        ("garbage-flood", Failure.OVERSIZED, "more than", ""),
        ("huge-list", Failure.OVERSIZED, "tools", ""),
        ("many-values", Failure.OVERSIZED, "values", ""),
        ("endless-pages", Failure.OVERSIZED, "pages", ""),
        ("same-cursor", Failure.PROTOCOL_ERROR, "cursor repeats", ""),
        ("stderr-flood", OK, "", "stderr-flood"),
        ("banner", OK, "", "banner"),
        ("glued-banner", Failure.PROTOCOL_ERROR, "Server ready", ""),
        ("utf-16", Failure.PROTOCOL_ERROR, "", ""),
        ("bad-utf-8", Failure.PROTOCOL_ERROR, "UTF-8", ""),
        ("nan", Failure.PROTOCOL_ERROR, "NaN", ""),
        ("huge-integer", Failure.PROTOCOL_ERROR, "digits", ""),
        ("huge-exponent", Failure.PROTOCOL_ERROR, "", ""),
        ("deep-json", Failure.PROTOCOL_ERROR, "deep", ""),
        ("deeper-json", Failure.OVERSIZED, "values", ""),
        ("tools-an-object", Failure.PROTOCOL_ERROR, "tools", ""),
        ("tools-of-numbers", Failure.PROTOCOL_ERROR, "tool", ""),
        ("tool-name-a-number", Failure.PROTOCOL_ERROR, "name", ""),
        ("schema-a-string", Failure.PROTOCOL_ERROR, "inputSchema", ""),
        ("result-a-list", Failure.PROTOCOL_ERROR, "", ""),
        ("neither-result-nor-error", Failure.PROTOCOL_ERROR, "", ""),
        ("wrong-capabilities", Failure.PROTOCOL_ERROR, "capabilities", ""),
        ("twice", OK, "", "duplicate-answer"),
        ("stranger", OK, "", ""),
        ("asks-sampling", OK, "", ""),
        ("asks-roots", OK, "", ""),
        ("asks-elicitation", OK, "", ""),
        ("modern-asks", OK, "", "server-request"),
        ("modern-only", OK, "", ""),
        ("unknown-version", Failure.UNSUPPORTED_VERSION, "1999-01-01", ""),
        ("future-version", Failure.UNSUPPORTED_VERSION, "2099-01-01", ""),
        ("rpc-error", Failure.PROTOCOL_ERROR, "-32603|boom", ""),
        ("list-error", Failure.PROTOCOL_ERROR, "-32011|no tools today", ""),
        ("lame-capability", OK, "", ""),
    ],
)
def test_each_fault_has_its_class_and_its_reason(fault, failure, words, notes):
    seen = ask(stdio(fault))
    assert seen.probe.failure is failure, (seen.probe.reason, seen.probe.stage, seen.notes)
    told = f"{seen.probe.reason} {seen.probe.exit_status} {seen.probe.stderr_tail}"
    assert all(word in told for word in words.split("|")), told
    assert set(notes.split()) <= seen.notes, seen.probe.notes
    assert (seen.probe.stage is None) == (failure is OK)
    assert bool(seen.probe.reason) == (failure is not OK)
    assert len(seen.probe.reason) < 1_500
    assert len(seen.probe.stderr_tail) < 6_000
    if failure is OK:
        assert seen.tools == ["echo"]
        assert len(seen.probe.timings_seconds) == BUDGETS.timings


SILENT = ("silence", "never-reads", "trickle", "progress-for-ever", "silent-list", "garbage", "answers-a-number")


@pytest.fixture(scope="module")
def silent():
    """One run over all who don't answer, so that their deadlines pass together."""
    snapshot = collect(config(*map(stdio, SILENT), stdio("good"), budgets=HASTE), Remembered(), AT)
    return {probe.server: probe for probe in snapshot.probes}


@pytest.mark.parametrize("fault", SILENT)
def test_whoever_does_not_answer_ends_at_the_deadline(silent, fault):
    probe = silent[fault]
    assert probe.stage == ("list" if fault == "silent-list" else "handshake")
    assert probe.seconds <= HASTE.server_seconds + HASTE.end_seconds + 1
    if fault in {"garbage", "answers-a-number"}:
        assert probe.failure is Failure.PROTOCOL_ERROR
        assert "what is this?" in probe.reason or "42" in probe.reason
    else:
        assert probe.failure is Failure.TIMEOUT
        assert "no answer to" in probe.reason


def test_nobody_waits_for_those_who_do_not_answer(silent):
    assert silent["good"].failure is OK


def test_a_server_deaf_to_discover_is_asked_in_the_other_era_in_time():
    assert ask(stdio("ignores-discover"), HASTE).probe.failure is OK


def test_a_server_that_starts_slowly_has_the_era_that_it_has_when_it_starts_quickly(tmp_path):
    """It was legacy in the first report, and `probe` said modern."""
    quick = ask(stdio("both-eras")).probe
    slow = ask(stdio("slow-start", str(tmp_path / "warm"), server_seconds=3.0), HASTE).probe
    assert (quick.failure, quick.era) == (slow.failure, slow.era) == (OK, Era.MODERN)
    assert slow.era_certain


@pytest.mark.parametrize("before", [Memory(), Memory(last_checked_at=AT - timedelta(hours=1), status=Status.DOWN)])
def test_a_server_that_never_told_its_era_is_asked_in_the_modern_one_first(before):
    assert ask(stdio("both-eras"), remembered=Remembered({"both-eras": before})).probe.era is Era.MODERN


def test_a_server_that_spoke_modern_and_died_of_something_else_is_not_taken_for_legacy():
    spoke = Remembered({"dies-of-discover": Memory(era=Era.MODERN, era_seen_at=AT, started_before=True)})
    probe = ask(stdio("dies-of-discover"), remembered=spoke).probe
    assert (probe.failure, probe.era, probe.era_certain) == (OK, Era.LEGACY, False)
    assert ask(stdio("dies-of-discover")).probe.era_certain


# --- starting -------------------------------------------------------------------------------------------------------


def test_a_command_that_does_not_exist_is_told_in_short_and_where_it_was_sought_only_in_the_stage(tmp_path):
    seen = ask(program("zoo-keeper-that-is-nowhere", env=(("PATH", str(tmp_path)),)))
    assert seen.probe.failure is Failure.SPAWN_FAILED
    assert seen.probe.stage == "spawn"
    assert seen.probe.reason == "zoo-keeper-that-is-nowhere is not on the PATH of this run"
    spawn = next(stage for stage in seen.probe.stages if stage.name == "spawn")
    assert spawn.detail == f"{seen.probe.reason}; looked in PATH={tmp_path}"


def test_a_file_that_may_not_be_executed(tmp_path):
    (tmp_path / "server").write_text("#!/bin/sh\n")
    seen = ask(program(str(tmp_path / "server")))
    assert seen.probe.failure is Failure.SPAWN_FAILED
    assert "ermission denied" in seen.probe.reason


def test_a_script_whose_interpreter_is_missing(tmp_path):
    (tmp_path / "server").write_text("#!/nowhere/python\n")
    (tmp_path / "server").chmod(0o755)
    seen = ask(program(str(tmp_path / "server")))
    assert seen.probe.failure is Failure.SPAWN_FAILED
    assert "/nowhere/python" in seen.probe.reason or "No such file" in seen.probe.reason


def test_a_working_folder_that_is_missing(tmp_path):
    seen = ask(stdio("good", cwd=str(tmp_path / "gone")))
    assert seen.probe.failure is Failure.SPAWN_FAILED
    assert "gone" in seen.probe.reason


def test_a_configured_problem_or_a_skip_starts_nothing(tmp_path):
    started = tmp_path / "started"
    touch = replace(program("touch", str(started)), problem="${TOKEN} is not set")
    seen = ask(touch)
    assert (seen.probe.failure, seen.probe.status) == (Failure.CONFIG_ERROR, Status.UNKNOWN)
    assert "${TOKEN} is not set" in seen.probe.reason
    seen = ask(replace(touch, problem=None, skip="not approved: new"))
    assert (seen.probe.failure, seen.probe.status) == (Failure.SKIPPED, Status.UNKNOWN)
    assert "not approved: new" in seen.probe.reason
    assert not started.exists()


def test_a_spent_run_skips_the_rest_and_says_so():
    servers = [replace(stdio("silence"), id=f"s{n}", slug=f"s{n}") for n in range(12)]
    budgets = replace(HASTE, run_seconds=3, children=2, request_seconds=2)
    snapshot = collect(config(*servers, budgets=budgets), Remembered(), AT)
    failures = [probe.failure for probe in snapshot.probes]
    assert len(failures) == 12
    assert failures.count(Failure.SKIPPED) >= 6
    assert all("3 s were spent" in probe.reason for probe in snapshot.probes if probe.failure is Failure.SKIPPED)


def test_a_child_gets_no_environment_of_ours_but_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_UNRELATED_SECRET", "never to be passed on")
    script = tmp_path / "server"
    script.write_text(f"#!/bin/sh\nenv > {tmp_path}/env\nexit 7\n")
    script.chmod(0o755)
    seen = ask(program(str(script), env=(("MINE", "1"),)))
    assert seen.probe.exit_status == "exit status 7"
    given = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
    assert given["MINE"] == "1"
    assert {"HOME", "PATH"} <= set(given)
    assert not {name for name in given if name.startswith(("ZOO_UNRELATED", "PYTEST"))}


# --- ending ---------------------------------------------------------------------------------------------------------


def test_a_server_that_ignores_the_end_and_sigterm_is_killed():
    assert ask(stdio("ignores-everything")).probe.failure is OK  # `ask` looks for what is left


def test_a_grandchild_that_left_the_session_is_ended():
    assert ask(stdio("grandchildren")).probe.failure is OK


def test_a_grandchild_that_left_its_environment_too_is_ended(tmp_path):
    seen = ask(stdio("clean-grandchildren", str(tmp_path / "pid")))
    assert seen.probe.failure is OK
    pid = (tmp_path / "pid").read_text()
    assert not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_no_descriptor_is_left_open():
    ask(stdio("good"))
    before = len(os.listdir("/proc/self/fd"))
    for fault in ("good", "early-exit", "endless-line", "grandchildren"):
        ask(stdio(fault))
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_server_whose_daemon_keeps_its_stdout_has_ended_all_the_same():
    """It was told as a timeout, and its exit status was nowhere in the reason."""
    probe = ask(stdio("daemon-keeps-stdout"), HASTE).probe
    assert probe.failure is Failure.EXITED
    assert "exit status 3, and what it left behind keeps its stdout open" in probe.reason


def test_no_server_reaches_the_terminal(tmp_path):
    """One that asks for a password gets no keyboard, and one that writes to the terminal has none."""
    ours, theirs = os.openpty()
    run = f"""
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
open("/dev/tty").close()
from caelum_report.collect import collect
from caelum_report.model import Remembered
from tests.collect.fleet import AT, HASTE, config, stdio
servers = [stdio("asks-password"), stdio("writes-to-the-terminal")]
found = collect(config(*servers, budgets=HASTE), Remembered(), AT)
with open({str(tmp_path / "found")!r}, "w") as file:
    for probe in found.probes:
        print(probe.failure, *probe.stderr_tail.split(), file=file)
"""
    os.write(ours, b"the passphrase\n")
    try:
        done = subprocess.run(
            [sys.executable, "-c", run], stdin=theirs, stdout=theirs, stderr=theirs, cwd=HERE.parents[1], check=False
        )
        os.set_blocking(ours, False)
        shown = os.read(ours, 65_536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, shown
    asking, writing = (tmp_path / "found").read_text().splitlines()
    assert asking.startswith("timeout")
    assert "Passphrase" in asking
    refused = "no terminal: No such device or address"  # once for each message that it got
    assert writing == f"ok {' '.join([refused] * writing.count(refused))}"
    assert refused in writing
    assert "HELLO" not in shown
    assert "Passphrase" not in shown


# --- what is said of a good one -------------------------------------------------------------------------------------


def test_a_good_server_is_seen_whole():
    probe = ask(stdio("two-pages")).probe
    assert (probe.failure, probe.status, probe.stage, probe.reason) == (OK, Status.UP, None, "")
    assert probe.era is Era.LEGACY
    assert probe.timing_method == "ping"
    assert [tool.name for tool in probe.surface.tools] == ["first", "second"]
    assert (probe.server_name, probe.server_version) == ("zoo", "1")
    assert probe.process.rss_bytes > 1_000_000
    assert probe.process.processes == 1
    assert probe.started_at.tzinfo is not None
    stages = {stage.name: stage for stage in probe.stages}
    assert all(stages[name].outcome is Outcome.OK for name in ("spawn", "handshake", "list", "ping"))
    assert all(stages[name].outcome is Outcome.UNUSED for name in ("dns", "connect", "tls", "http", "canary"))
    assert all(stages[name].seconds > 0 for name in ("spawn", "handshake", "list", "ping"))


def test_a_modern_server_is_asked_in_its_own_era():
    probe = ask(stdio("modern-only")).probe
    assert (probe.era, probe.protocol_version, probe.timing_method) == (Era.MODERN, "2026-07-28", "server/discover")
    assert probe.server_name == "zoo"


def test_a_remembered_era_that_no_longer_holds_is_looked_up_again():
    wrong = Remembered({"modern-only": Memory(era=Era.LEGACY, era_seen_at=AT, started_before=True)})
    assert ask(stdio("modern-only"), remembered=wrong).probe.era is Era.MODERN
    wrong = Remembered({"good": Memory(era=Era.MODERN, era_seen_at=AT, started_before=True)})
    assert ask(stdio("good"), remembered=wrong).probe.era is Era.LEGACY


def test_what_stands_in_the_way_of_the_next_revision_is_noted():
    seen = ask(stdio("old-ways"))
    assert seen.probe.failure is OK
    assert seen.notes >= {"logging", "core-tasks", "subscribe", "asks-client"}
    seen = ask(stdio("modern-without-ttl"))
    (note,) = [note for note in seen.probe.notes if note.code == "no-ttl"]
    assert note.text == "It gives no ttlMs or no cacheScope with server/discover, tools/list."
    assert "no-ttl" not in ask(stdio("modern-only")).notes


def test_the_same_tools_in_another_order_are_noted_and_are_the_same_surface():
    first = ask(stdio("ordered", "abc")).probe
    before = Memory(era=Era.LEGACY, surface_sha256=first.surface.sha256, tool_order=first.tool_order)
    for letters, told in (("abc", False), ("cab", True), ("abcd", False)):
        seen = ask(stdio("ordered", letters), remembered=Remembered({"ordered": before}))
        assert ("tool-order" in seen.notes) == told
        assert (seen.probe.surface.sha256 == first.surface.sha256) == (letters != "abcd")


def test_other_words_in_a_tool_make_another_surface():
    one, same, other = (ask(stdio(fault)).probe.surface for fault in ("good", "good", "other-words"))
    assert one == same
    assert one.sha256 != other.sha256
    assert one.tools[0].sha256 != other.tools[0].sha256


def test_the_first_of_two_answers_wins():
    assert ask(stdio("twice")).tools == ["echo"]


def test_hidden_characters_are_made_visible_and_noted():
    seen = ask(stdio("hidden-characters"))
    tools = {tool.name: tool.description for tool in seen.probe.surface.tools}
    assert tools["echo"] == "Adds<U+202E> numbers.<U+200B><U+E0041><U+D800>"
    assert "<U+001B>[2Jclear" in tools
    assert "hidden-characters" in seen.notes


def test_what_a_server_names_is_never_fetched(elsewhere):
    assert ask(stdio("outside-links", str(elsewhere.port))).probe.failure is OK
    assert elsewhere.visits == 0


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["echoes-secret", "errs-with-secret", "leaky-exit"])
def test_a_secret_is_redacted_wherever_it_comes_back(fault):
    seen = ask(stdio(fault))
    everything = repr(seen.snapshot)
    for form in (
        SECRET,
        SECRET.upper(),
        SECRET[::-1],
        SECRET.encode().hex(),
        "s3cr3t%2FKey",
        "czNjcjN0L0tleSt3aXRoPW9kZCZzaWdu",
    ):
        assert form not in everything
    assert "[redacted]" in everything
    assert "echoes-secret" in seen.notes
    if fault == "echoes-secret":
        assert seen.probe.failure is OK
        assert len(seen.tools) == 9
        assert SECRET[:-4] not in everything


def test_arguments_with_a_secret_are_never_shown():
    seen = ask(program("/nowhere/server", "--token", SECRET))
    assert SECRET not in repr(seen.snapshot)
