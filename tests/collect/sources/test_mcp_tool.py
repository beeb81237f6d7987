"""A tool of a real server, called and mapped; and refused where it says that it changes something."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caelum_report.model import Failure, Reading, Sample, Server
from tests.collect.fleet import config, remote

from .conftest import asked, source

LOAD = {"name": "load", "value": "load"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    program = Path(__file__).with_name("tool_server.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield remote(f"http://127.0.0.1:{int(process.stdout.readline())}/mcp", name="figures")
        process.stdin.close()


def call(server: Server, *tools: str, **more: Any) -> tuple[Reading, ...]:
    """Readings of several tools in one run."""
    sources = (
        source("mcp-tool", name=tool, server="figures", tool=tool, timeout=20, **{"metric": [LOAD], **more})
        for tool in tools
    )
    return asked(*sources, over=config(server))


def test_structured_content_is_mapped(server: Server) -> None:
    metric = {
        "name": "waiting",
        "each": "queues",
        "value": "waiting",
        "unit": "count",
        "labels": {"queue": "name"},
    }
    (reading,) = call(server, "queues", metric=[metric], arguments={"prefix": "eu-"})
    assert reading.failure is Failure.OK, reading.reason
    assert reading.samples == (
        Sample("figures", "waiting", 3, "count", labels=(("queue", "eu-mail"),)),
        Sample("figures", "waiting", 0, "count", labels=(("queue", "eu-jobs"),)),
    )


def test_a_text_of_json_is_mapped_and_every_other_tool_says_why_not(server: Server) -> None:
    load, chat, purge, write, fails, nothing = call(server, "load", "chat", "purge", "write", "fails", "nothing")
    assert load.samples == (Sample("figures", "load", 1.5),)
    assert chat.failure is Failure.PROTOCOL_ERROR
    assert "not JSON" in chat.reason
    assert (purge.failure, purge.reason) == (Failure.SKIPPED, "not called: purge declares destructiveHint")
    assert (write.failure, write.reason) == (Failure.SKIPPED, "not called: write declares that it is not read-only")
    assert fails.reason.startswith("the tool failed: ")
    assert nothing.reason.startswith("figures offers no tool nothing; it offers ")
    (mistyped,) = call(server, "laod")
    assert mistyped.reason == "figures offers no tool laod; did you mean load?"


def test_a_server_that_cannot_be_asked_has_no_tools(server: Server) -> None:
    waiting = source("mcp-tool", server="figures", tool="load", metric=[LOAD])
    (unapproved,) = asked(waiting, over=config(replace(server, skip="not approved: new in a watched file")))
    (unknown,) = asked(waiting, over=config())
    assert (unapproved.failure, unknown.failure) == (Failure.SKIPPED, Failure.CONFIG_ERROR)
    assert unknown.reason == "no server figures is configured"
