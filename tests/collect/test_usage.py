"""Calls of real tools, from what taps, hosts and transcripts wrote; and nothing but names, times and outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from caelum_report.collect import usage
from caelum_report.model import Remembered, Server, Tap, Transport, Usage, UsageSettings
from tests.store.given import config as given_config

AT = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
SECRET = "the-contents-of-a-letter"


def server(name: str, tap: Tap | None = None) -> Server:
    return Server(name, name, Transport.STDIO, command="x", tap=tap)


class Runs:
    """Runs that keep their bookmarks, as the store does."""

    def __init__(self, *servers: Server, **where: Any) -> None:
        self.config = replace(given_config(), servers=servers, usage=UsageSettings(**where))
        self.remembered = Remembered()

    def next(self, days: float = 0.0) -> list[tuple[str, str, str, int, int]]:
        rows, bookmarks, notes = usage.read(self.config, self.remembered, {}, AT + timedelta(days=days))
        self.rows, self.notes = rows, [note.text for note in notes]
        for mark in bookmarks:
            assert SECRET not in mark.value + mark.name
            assert "/" not in mark.name
            self.remembered.bookmarks[mark.source, mark.name] = mark.value
            if not mark.value:
                del self.remembered.bookmarks[mark.source, mark.name]
        assert SECRET not in repr(rows)
        return [(row.source, row.server, row.tool, row.calls, row.errors) for row in rows]


def stamp(seconds: float) -> str:
    return (AT + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- taps -----------------------------------------------------------------------------------------------------------


def line(tool: str = "add", seconds: float = 1.0, outcome: str = "ok", **more: Any) -> str:
    said = {
        "at": stamp(0),
        "server": "zoo",
        "method": "tools/call",
        "tool": tool,
        "seconds": seconds,
        "outcome": outcome,
    }
    return json.dumps(said | {"request_bytes": 1, "answer_bytes": 1} | more) + "\n"


def test_a_tapped_entry_is_read_without_being_named_and_counts_for_its_server(tmp_path: Path) -> None:
    log = tmp_path / "tap.jsonl"
    log.write_text(
        line() + line(seconds=3.0) + line(outcome="tool-error") + line("feed", outcome="unanswered")
        + line(method="tools/list") + "half a li" + "\n" + line("feed", outcome="cancelled")
    )  # fmt: skip
    runs = Runs(server("zoo at home", Tap(str(log), "zoo")))
    assert runs.next() == [("tap", "zoo at home", "add", 3, 1), ("tap", "zoo at home", "feed", 2, 1)]
    (add, feed) = runs.rows
    assert (add.seconds, add.max_seconds, sum(count for _, count in add.buckets)) == (5.0, 3.0, 3)
    assert (feed.seconds, feed.buckets) == (0.0, ())
    assert runs.next() == []
    log.write_text(log.read_text() + line())
    assert runs.next() == [("tap", "zoo at home", "add", 1, 0)]


def test_a_name_that_no_server_has_stays_and_is_made_fit_to_be_shown(tmp_path: Path) -> None:
    log = tmp_path / "tap.jsonl"
    log.write_text(line(server="who\u202e", tool="x" * 9999) + line(at="nonsense") + line(seconds="1") + "[]\n")
    runs = Runs(tap_logs=(str(log),))
    ((source, name, tool, calls, _),) = runs.next()
    assert (source, name, calls) == ("tap", "who<U+202E>", 1)
    assert len(tool) < 300


# --- Claude Code ----------------------------------------------------------------------------------------------------


def asked(number: str, name: str, at: float, **more: Any) -> str:
    part = {"type": "tool_use", "id": number, "name": name, "input": {"text": SECRET}}
    return json.dumps(
        {"type": "assistant", "timestamp": stamp(at), "cwd": f"/home/ada/{SECRET}", "message": {"content": [part]}}
        | more
    )


def answered(number: str, at: float, *, wrong: bool | None = None) -> str:
    part = {"type": "tool_result", "tool_use_id": number, "content": f"{SECRET} mcp__ {number}"}
    if wrong is not None:
        part |= {"is_error": wrong}
    return json.dumps({"type": "user", "timestamp": stamp(at), "message": {"content": [part]}})


@pytest.fixture
def transcripts(tmp_path: Path) -> Path:
    folder = tmp_path / f"-home-ada-{SECRET}"
    folder.mkdir()
    return folder


def test_calls_of_a_transcript_with_their_times_and_errors(transcripts: Path) -> None:
    file = transcripts / "one.jsonl"
    file.write_text(
        "\n".join(
            [
                asked("toolu_1", "mcp__git_hub__get_me", 0),
                asked("toolu_2", "mcp__git__hub__list", 1),
                asked("toolu_3", "Bash", 2),
                answered("toolu_3", 3, wrong=True),
                answered("toolu_2", 5, wrong=True),
                answered("toolu_1", 2.5),
                "not JSON with mcp__ in it",
                json.dumps({"message": {"content": f"mcp__git_hub__get_me {SECRET}"}}),
                asked("toolu_4", "mcp__elsewhere__look", 3600, timestamp="yesterday"),
                "",
            ]
        )
    )
    runs = Runs(server("git hub"), server("git__hub"), transcripts=(str(transcripts.parent),))
    assert runs.next() == [("claude-code", "git hub", "get_me", 1, 0), ("claude-code", "git__hub", "list", 1, 1)]
    assert [row.seconds for row in runs.rows] == [2.5, 4.0]


def test_without_consent_no_transcript_is_opened(transcripts: Path) -> None:
    (transcripts / "one.jsonl").write_text(asked("toolu_1", "mcp__a__b", 0) + "\n")
    assert Runs(server("a")).next() == []


def test_an_answer_of_the_next_run_and_a_resumed_session_count_once(transcripts: Path) -> None:
    file = transcripts / "one.jsonl"
    file.write_text(asked("toolu_1", "mcp__a__b", 0) + "\n")
    runs = Runs(server("a"), transcripts=(str(transcripts),))
    assert runs.next() == [("claude-code", "a", "b", 1, 0)]
    assert runs.rows[0].seconds == 0
    with file.open("a") as more:
        more.write(answered("toolu_1", 90, wrong=True) + "\n")
    assert runs.next() == [("claude-code", "a", "b", 0, 1)]
    assert runs.rows[0].seconds == 90
    (transcripts / "resumed.jsonl").write_text(
        file.read_text() + asked("toolu_9", "mcp__a__c", 100) + "\n" + answered("toolu_9", 101) + "\n"
    )
    assert runs.next() == [("claude-code", "a", "c", 1, 0)]


def test_transcripts_that_may_not_be_read_are_said_without_their_names(
    transcripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (transcripts / "gone.jsonl").symlink_to(transcripts / "nowhere")
    runs = Runs(transcripts=(str(transcripts),))
    runs.next()
    assert runs.notes == ["Claude Code transcripts: 1 file could not be read (No such file or directory)"]


# --- logs of hosts --------------------------------------------------------------------------------------------------

REQUEST = json.dumps({"method": "tools/call", "params": {"arguments": {"x": SECRET}, "name": "look"}, "id": 7})
ANSWER = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"text": SECRET}], "isError": True}})
LISTED = '{"jsonrpc":"2.0","id":8,"method":"tools/list"}'


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mcp-server-play.log", "2026-11-22T13:05:0{s}.000Z [play] [info] Message from {who}: {text}"),
        ("mcp-server-play.log", "2026-11-22T13:05:0{s}.000Z [info] [play] Message from {who}: {text}"),
        ("mcp.log", "2026-11-22T13:05:0{s}.000Z [play] [info] Message from {who}: {text}"),
        ("mcpServer.mcp.config.usrlocal.play.log", "2026-11-22 13:05:0{s}.000 [trace] [{Who} Says] {text}"),
        ("mcpServer.mcp.config.usrlocal.play.log", "2026-11-22 13:05:0{s}.000 [trace] [{way}] {text}"),
    ],
    ids=["desktop-name-first", "desktop-level-first", "desktop-all-in-one", "vscode-old", "vscode-new"],
)
def test_each_hosts_shape_is_understood(tmp_path: Path, name: str, shape: str) -> None:
    def said(seconds: int, text: str, *, client: bool) -> str:
        words = {"who": "client", "Who": "Client", "way": "editor -> server"}
        words = words if client else {"who": "server", "Who": "Server", "way": "server -> editor"}
        return shape.format(s=seconds, text=text, **words) + "\n"

    (tmp_path / name).write_text(
        said(1, LISTED, client=True)
        + said(1, REQUEST, client=True)
        + "  at a stack trace\n"
        + said(3, ANSWER, client=False)
    )
    runs = Runs(server("play"), host_logs=(str(tmp_path),))
    assert runs.next() == [("host-log", "play", "look", 1, 1)]
    assert runs.rows[0].seconds == pytest.approx(2.0)
    assert runs.next() == []


def test_a_log_that_names_no_tools_measures_nothing(tmp_path: Path) -> None:
    (tmp_path / "mcp.log").write_text('20:23:53.331Z [play] Message from client: method="tools/call" id=0 params\n')
    assert Runs(server("play"), host_logs=(str(tmp_path),)).next() == []


def test_what_cannot_happen_in_a_log_harms_nothing(tmp_path: Path) -> None:
    stamp = "2026-11-22T13:05:01.000Z [play] [info] Message from "
    (tmp_path / "mcp-server-play.log").write_bytes(
        f"{stamp}client: {REQUEST[:40]}\n{stamp}server: {ANSWER}\n{stamp}client: {{{{{{[[[\n".encode()
        + b"\xff\xfe\x00 garbage \n" + f"9999-99-99T99:99:99Z [play] [info] Message from client: {REQUEST}\n".encode()
    )  # fmt: skip
    runs = Runs(server("play"), host_logs=(str(tmp_path),))
    assert runs.next() == []
    assert runs.notes == []


def test_hours_are_those_in_which_calls_began(tmp_path: Path) -> None:
    log = tmp_path / "tap.jsonl"
    log.write_text(line(at="2026-11-22T12:59:59.999Z", seconds=60.0) + line(at="2026-11-22T14:00:00+01:00"))
    runs = Runs(server("zoo", Tap(str(log), "zoo")))
    runs.next()
    by_hour: Callable[[Usage], str] = lambda row: row.hour.isoformat()  # noqa: E731
    assert sorted(map(by_hour, runs.rows)) == ["2026-11-22T12:00:00+00:00", "2026-11-22T13:00:00+00:00"]


def test_what_is_known_of_calls_long_ago_is_let_go_of_and_they_are_not_counted_again(transcripts: Path) -> None:
    day = 86_400.0
    old = asked("toolu_old", "mcp__zoo__add", -100 * day) + "\n"
    new = asked("toolu_new", "mcp__zoo__add", 0.0) + "\n"
    (transcripts / "a.jsonl").write_text(old + new)
    runs = Runs(server("zoo"), transcripts=(str(transcripts),))
    assert runs.next() == [("claude-code", "zoo", "add", 1, 0)] * 2, "an hour each"
    days = [name for _, name in runs.remembered.bookmarks if name.startswith("calls of ")]
    assert days == [f"calls of {AT:%Y-%m-%d}"]
    # the session goes on in a file that repeats what was said, and another machine's old one turns up
    (transcripts / "b.jsonl").write_text(old + new + asked("toolu_3", "mcp__zoo__add", 60.0) + "\n")
    (transcripts / "c.jsonl").write_text(asked("toolu_4", "mcp__zoo__add", -101 * day) + "\n")
    assert runs.next() == [("claude-code", "zoo", "add", 1, 0)]
    assert runs.next(days=91) == []
    assert not [name for _, name in runs.remembered.bookmarks if name.startswith("calls of ")]
    (transcripts / "d.jsonl").write_text(new + asked("toolu_5", "mcp__zoo__add", 91 * day) + "\n")
    assert runs.next(days=92) == [("claude-code", "zoo", "add", 1, 0)]
