"""One build over everything that install-fleet.sh brings: what the SDK sees, we see; what is broken, we explain."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
import warnings
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TextIO

import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client

from caelum_report.collect import collect
from caelum_report.model import Budgets, Era, Memory, Remembered, Transport
from tests.collect.fleet import AT, config, program, remote

pytestmark = [pytest.mark.fleet, pytest.mark.xdist_group("fleet")]

GOOD = {
    "everything", "filesystem", "memory", "sequential-thinking", "context7", "commands", "mui", "time", "fetch", "git", "sqlite",
    "text-editor", "calculator", "duckduckgo", "everything-http", "everything-sse", "context7-http", "ddg-sse", "proxy-time-http", "proxy-time-sse",
}  # fmt: skip
BAD = {
    "brave-search (fails: needs a key)": ("exited", "BRAVE_API_KEY"),
    "sqlite (fails: SDK 2 broke it)": ("exited", "AttributeError"),
    "dead-port": ("connect-error", "refused"),
    "wrong-path-404": ("http-4xx", "404"),
}


@pytest.fixture(scope="module")
def built(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The site of one build over the whole fleet, and the mark that its processes inherited."""
    folder = tmp_path_factory.mktemp("build")
    mark = uuid.uuid4().hex
    command = [
        sys.executable,
        "-m",
        "caelum_report",
        "build",
        "--db",
        str(folder / "h.sqlite"),
        "--output",
        str(folder / "site"),
    ]
    command += ["--mcp-config", str(fleet / "fleet.mcp.json"), "--mcp-config", str(fleet / "http.mcp.json"), "--no-pdf"]
    environ = {**os.environ, "XDG_CONFIG_HOME": str(folder), "CAELUM_TEST_MARK": mark}
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=400, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return folder / "site", mark


def servers(site: Path) -> dict[str, Any]:
    document = json.loads((site / "api/v1/servers.json").read_text("utf-8"))
    return {server["id"]: server for server in document["servers"]}


def test_every_good_server_is_up(built: tuple[Path, str]) -> None:
    seen = servers(built[0])
    assert {
        name: (one["status"], one["failure"], one["reason"]) for name, one in seen.items() if name in GOOD
    } == dict.fromkeys(GOOD, ("up", "ok", ""))


def test_every_part_of_every_page_is_there_after_one_snapshot(built: tuple[Path, str]) -> None:
    pages = sorted(built[0].rglob("*.html"))
    assert len(pages) > 40
    assert [str(page) for page in pages if "could not be drawn" in page.read_text("utf-8")] == []


@pytest.mark.parametrize("name", BAD)
def test_a_broken_server_is_explained(built: tuple[Path, str], name: str) -> None:
    failure, word = BAD[name]
    server = servers(built[0])[name]
    assert (server["status"], server["failure"]) == ("down", failure)
    assert word in server["reason"]


async def sdk_tools(entry: dict[str, Any]) -> set[str]:
    async with AsyncExitStack() as stack:
        parameters = StdioServerParameters(
            command=entry["command"], args=entry["args"], env={**os.environ, **entry.get("env", {})}
        )
        quiet = stack.enter_context(open(os.devnull, "w"))
        reader, writer = await stack.enter_async_context(stdio_client(parameters, errlog=quiet))
        session = await stack.enter_async_context(ClientSession(reader, writer))
        await session.initialize()
        names, cursor = set[str](), None
        while True:
            page = await session.list_tools(cursor=cursor) if cursor else await session.list_tools()
            names |= {tool.name for tool in page.tools}
            cursor = getattr(page, "next_cursor", None) or getattr(page, "nextCursor", None)
            if not cursor:
                return names


def test_the_sdk_sees_the_same_tools(fleet: Path, built: tuple[Path, str]) -> None:
    entries = json.loads((fleet / "fleet.mcp.json").read_text("utf-8"))["mcpServers"]
    for name in sorted(GOOD & entries.keys()):
        slug = servers(built[0])[name]["slug"]
        ours = json.loads((built[0] / f"api/v1/servers/{slug}.json").read_text("utf-8"))["server"]["tool_list"]
        assert {tool["name"] for tool in ours} == asyncio.run(asyncio.wait_for(sdk_tools(entries[name]), 60)), name


def sdk_target(entry: dict[str, Any], quiet: TextIO) -> Any:
    if "command" in entry:
        environ = {**os.environ, **entry.get("env", {})}
        return stdio_client(
            StdioServerParameters(command=entry["command"], args=entry["args"], env=environ), errlog=quiet
        )
    return sse_client(entry["url"]) if entry["type"] == "sse" else entry["url"]


async def sdk_opinion(entry: dict[str, Any], mode: Literal["auto", "legacy"]) -> tuple[str, str, int, int]:
    with open(os.devnull, "w") as quiet:
        async with Client(sdk_target(entry, quiet), mode=mode) as client:
            able = client.server_capabilities
            tools = await counted(client.list_tools, "tools") if able.tools else 0
            prompts = await counted(client.list_prompts, "prompts") if able.prompts else 0
            return client.protocol_version, client.server_info.name if client.server_info else "", tools, prompts


async def counted(ask: Any, key: str) -> int:
    count, cursor = 0, None
    while True:
        page = await ask(cursor=cursor)
        count, cursor = count + len(getattr(page, key)), page.next_cursor
        if not cursor:
            return count


@pytest.mark.parametrize("known", [None, Era.LEGACY], ids=["auto", "legacy"])
@pytest.mark.parametrize("name", sorted(GOOD))
def test_the_sdk_and_the_probe_agree_on_era_version_and_counts(fleet: Path, name: str, known: Era | None) -> None:
    """Asked without a memory both find the newest era that the server speaks; held to the legacy one both stay in it."""
    files = (json.loads((fleet / file).read_text("utf-8")) for file in ("fleet.mcp.json", "http.mcp.json"))
    entry = next(file["mcpServers"][name] for file in files if name in file["mcpServers"])
    if "command" in entry:
        own_env = tuple(entry.get("env", {}).items())
        server = program(entry["command"], *entry["args"], name=name, env=own_env)
    else:
        server = remote(entry["url"], Transport.SSE if entry["type"] == "sse" else Transport.HTTP, name=name)
    memory = Memory(era=known, era_seen_at=AT, last_checked_at=AT - timedelta(minutes=20), started_before=True)
    settings = replace(config(server, budgets=Budgets(), secrets=()), path=os.environ["PATH"])
    probe = collect(settings, Remembered({name: memory} if known else {}), AT).probes[0]
    assert probe.surface is not None, (probe.failure, probe.reason)
    ours = (probe.protocol_version, probe.server_name, len(probe.surface.tools), len(probe.surface.prompts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # HTTP+SSE is deprecated, and that is why it is here
        theirs = asyncio.run(asyncio.wait_for(sdk_opinion(entry, "legacy" if known else "auto"), 60))
    assert ours == theirs
    assert (probe.era is Era.MODERN) == (theirs[0] >= "2026-07-28")


def test_no_process_is_left_behind(built: tuple[Path, str]) -> None:
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if built[1].encode() in (entry / "environ").read_bytes():
                left.append((entry / "cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            continue
    assert left == []
