"""The MCP SDK's client and our probe look at the same real servers and have to see the same."""

import asyncio
import subprocess
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client

from caelum_report.model import Era, Failure, Memory, Remembered, Server, Transport

from .fleet import AT, BUDGETS, ask, program, remote

PROGRAM = str(Path(__file__).with_name("sdk_server.py"))


@dataclass(frozen=True)
class Opinion:
    version: str
    name: str
    tools: tuple[tuple[str, str, str], ...]
    resources: tuple[str, ...]
    prompts: tuple[str, ...]


@contextmanager
def running(kind: str):
    """The server's entry for us, and what the SDK's client is given."""
    if kind.startswith("stdio"):
        yield (
            program(sys.executable, PROGRAM, kind, name=kind),
            lambda: StdioServerParameters(command=sys.executable, args=[PROGRAM, kind]),
        )
        return
    with subprocess.Popen(
        [sys.executable, PROGRAM, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        port = int(process.stdout.readline())
        try:
            if kind == "sse":
                url = f"http://127.0.0.1:{port}/sse"
                yield remote(url, Transport.SSE, name=kind), lambda: sse_client(url)
            else:
                url = f"http://127.0.0.1:{port}/mcp"
                yield remote(url, name=kind), lambda: url
        finally:
            process.stdin.close()


async def sdk_opinion(target, mode: str) -> Opinion:
    async with Client(target, mode=mode) as client:
        tools = (await client.list_tools()).tools
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        prompts = (await client.list_prompts()).prompts
        return Opinion(
            version=client.protocol_version,
            name=client.server_info.name,
            tools=tuple(sorted((tool.name, tool.title or "", tool.description or "") for tool in tools)),
            resources=tuple(sorted([str(r.uri) for r in resources] + [t.uri_template for t in templates])),
            prompts=tuple(sorted(prompt.name for prompt in prompts)),
        )


def our_opinion(server: Server, remembered: Remembered) -> tuple[Era, Opinion]:
    probe = ask(server, remembered=remembered).probe
    assert probe.failure is Failure.OK, (probe.stage, probe.reason, probe.stderr_tail)
    assert probe.timing_method == ("server/discover" if probe.era is Era.MODERN else "ping")
    assert len(probe.timings_seconds) == BUDGETS.timings
    return probe.era, Opinion(
        version=probe.protocol_version,
        name=probe.server_name,
        tools=tuple(sorted((tool.name, tool.title, tool.description) for tool in probe.surface.tools)),
        resources=tuple(sorted(probe.surface.resources)),
        prompts=tuple(sorted(probe.surface.prompts)),
    )


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("stdio", None),
        ("stdio", Era.LEGACY),
        ("stdio-legacy", None),
        ("http", None),
        ("http", Era.LEGACY),
        ("http-json", None),
        ("http-stateless", Era.LEGACY),
        ("sse", None),
    ],
)
def test_the_sdk_and_the_probe_agree(kind, known):
    memory = Memory(era=known, era_seen_at=AT, last_checked_at=AT - timedelta(minutes=20), started_before=True)
    with running(kind) as (server, target):
        era, ours = our_opinion(server, Remembered({kind: memory} if known else {}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # HTTP+SSE is deprecated, and that is why it is here
            theirs = asyncio.run(sdk_opinion(target(), "auto" if era is Era.MODERN else "legacy"))
    assert ours == theirs
    assert {name for name, _, _ in ours.tools} == {"add", "feed"}
    assert era is (Era.LEGACY if kind == "stdio-legacy" else known or Era.MODERN)
