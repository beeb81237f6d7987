"""Entries that run their server through `caelum-report tap`: what is asked is the server itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from caelum_report.config import find_configurations, tapped_entries
from caelum_report.configured import Config
from caelum_report.model import Tap

Loaded = Callable[..., Config]


def with_entry(loaded: Loaded, command: str, *args: str) -> Config:
    return loaded(json.dumps({"mcpServers": {"github": {"command": command, "args": args}}}))


@pytest.mark.parametrize(
    "words",
    [
        ("/home/ada/.local/bin/caelum-report",),
        ("python3", "-m", "caelum_report"),
        ("uvx", "caelum-report"),
    ],
)
def test_a_tapped_server_is_the_one_behind_the_tap(loaded: Loaded, words: tuple[str, ...]) -> None:
    inner = ("npx", "-y", "@example/github")
    tapped = with_entry(loaded, *words, "tap", "--log", "/var/log/t.jsonl", "--server", "gh", "--", *inner).servers[0]
    plain = with_entry(loaded, *inner).servers[0]
    assert tapped.tap == Tap("/var/log/t.jsonl", "gh")
    assert plain.tap is None
    facts = [(s.command, s.args, s.endpoint, s.fingerprint, s.risks, s.problem) for s in (tapped, plain)]
    assert facts[0] == facts[1]


def test_a_tap_without_a_command_is_that_servers_mistake(loaded: Loaded) -> None:
    (server,) = with_entry(loaded, "caelum-report", "tap", "--log").servers
    assert server.problem == "caelum-report tap: --log takes a value"


def test_another_word_of_ours_is_no_tap(loaded: Loaded) -> None:
    (server,) = with_entry(loaded, "caelum-report", "mcp").servers
    assert (server.tap, server.args) == (None, ("mcp",))


def test_init_shows_entries_that_can_be_pasted_and_keeps_secrets_to_itself(tmp_path: Path) -> None:
    folder = tmp_path / ".cursor"
    folder.mkdir()
    (folder / "mcp.json").write_text(
        json.dumps(
            {
                "mcpServers": {
                    "github": {"command": "npx", "args": ["-y", "@example/github", "--token", "hunter2hunter2"]},
                    "done": {"command": "caelum-report", "args": ["tap", "--", "npx", "x"]},
                    "remote": {"url": "https://example.com/mcp"},
                }
            }
        )
    )
    lines = list(tapped_entries(find_configurations({}, tmp_path)))
    assert lines[1] == "  github"
    (args,) = (line for line in lines if line.startswith('    "args"'))
    words = json.loads(args.partition(": ")[2])
    after = words.index("tap")
    assert words[after:] == [
        "tap", "--server", "github", "--", "npx", "-y", "@example/github", "--token", "[redacted]",
    ]  # fmt: skip
    assert "hunter2" not in "".join(lines)


def test_init_says_when_there_is_nothing_to_tap(tmp_path: Path) -> None:
    assert list(tapped_entries(find_configurations({}, tmp_path))) == [
        "No configuration here has a stdio server that is not tapped already."
    ]
