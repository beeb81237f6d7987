"""A published server that counts its own calls: what we call is what the report says was called, and probes are not."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caelum_report import pipeline
from caelum_report.config import Options, load

from .conftest import await_port

pytestmark = [pytest.mark.fleet, pytest.mark.xdist_group("fleet")]

METRICS_PORT = 9464
TOML = """
pdf = false
[[server]]
name = "context7"
url = "{url}"
[[source]]
name = "context7's own counters"
kind = "prometheus-scrape"
url = "http://localhost:9464/metrics"
presets = ["otel"]
server = "context7"
"""
CALLS = 3


async def called(url: str) -> None:
    """By the SDK's client, as an agent would. Without the Internet the tool fails; it was called all the same."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with streamable_http_client(url) as streams, ClientSession(*streams[:2]) as session:
        await session.initialize()
        for _ in range(CALLS):
            await session.call_tool("resolve-library-id", {"query": "pandas", "libraryName": "pandas"})


def test_calls_of_a_real_server_by_its_own_metrics(fleet: Path, tmp_path: Path) -> None:
    url = json.loads((fleet / "http.mcp.json").read_text())["mcpServers"]["context7-http"]["url"]
    await_port(METRICS_PORT)
    file = tmp_path / "caelum.toml"
    file.write_text(TOML.format(url=url))
    file.chmod(0o600)
    settings = load(Options(config=file), {}, tmp_path)
    asyncio.run(called(url))  # so that the counter is there
    now = datetime.now(UTC)
    pipeline.collect(settings, now - timedelta(hours=2))
    asyncio.run(called(url))
    report = pipeline.build(settings, now).report
    (server,) = (each for each in report.usage.servers if each.server == "context7")
    assert (server.source, server.calls) == ("metrics", CALLS)
    assert [(tool.tool, tool.calls) for tool in report.usage.tools] == [("resolve-library-id", CALLS)]
    assert server.p50 is not None
