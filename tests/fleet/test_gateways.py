"""Real gateways before a real server: what we call through them is what the report says was called.

Set CAELUM_GATEWAYS to the folder of an earlier `tests/install-gateways.sh` to spare the installation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from caelum_report import pipeline
from caelum_report.config import Options, load
from caelum_report.document import Report, ServerUsage
from tests.ports import free_port

pytestmark = [pytest.mark.fleet, pytest.mark.slow, pytest.mark.xdist_group("fleet")]

INSTALL = Path(__file__).parent.parent / "install-gateways.sh"
SERVER = Path(__file__).parent.parent / "collect" / "sdk_server.py"
KEY = "sk-a-key-of-the-tests-0123456789"
GOOD, BAD = 3, 1


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("CAELUM_GATEWAYS") or tmp_path_factory.mktemp("gateways"))
    if not (folder / "litellm/bin/litellm").exists():
        subprocess.run(["bash", str(INSTALL), str(folder)], check=True, timeout=1200)
    return folder


@pytest.fixture
def server() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, str(SERVER), "http"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"
        process.stdin.close()


@contextmanager
def running(command: list[str | Path], health: str, folder: Path, **environ: str) -> Iterator[None]:
    """From when it answers; the first start of ContextForge makes its database, which takes minutes on a slow machine."""
    base = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env={**base, "HOME": str(folder), **environ}
        ) as process,
    ):
        try:
            await_answer(lambda: fetched(health), process, folder / "log")
            yield
        finally:
            process.terminate()
            process.wait(60)


def await_answer(ask: Callable[[], Any], process: subprocess.Popen[bytes], log: Path) -> Any:
    for _ in range(1200):
        assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
        try:
            return ask()
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    return pytest.fail(log.read_text("utf-8", "replace")[-2000:])


def fetched(url: str, token: str = "", body: Any = None) -> str:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def call(url: str, token: str, tool: str, **arguments: Any) -> str:
    params = {"name": tool, "arguments": arguments}
    return fetched(url, token, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


def counted(folder: Path, source: str, again: Callable[[], None]) -> Report:
    """A run, calls, and the run after them."""
    file = folder / "caelum.toml"
    file.write_text(f'pdf = false\n[[server]]\nname = "zoo"\ncommand = "true"\ndisabled = true\n{source}')
    file.chmod(0o600)
    settings = load(Options(config=file), {"GATEWAY_TOKEN": KEY}, folder)
    now = datetime.now(UTC)
    pipeline.collect(settings, now - timedelta(hours=2))
    again()
    report = pipeline.build(settings, now).report
    assert {str(one.failure) for one in report.sources} == {"ok"}, report.sources
    return report


def usage(report: Report, server: str) -> ServerUsage:
    return next(each for each in report.usage.servers if each.server == server)


LITELLM = """
mcp_servers:
  zoo:
    url: "{server}"
    transport: "http"
litellm_settings:
  callbacks: ["prometheus"]
general_settings:
  master_key: {key}
"""


def test_litellm_counts_and_times_the_calls_that_succeeded(gateways: Path, server: str, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "config.yaml").write_text(LITELLM.format(server=server, key=KEY))
    command = [gateways / "litellm/bin/litellm", "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]

    def calls() -> None:
        for n in range(GOOD):
            assert '"isError":false' in call(f"{url}/mcp/", KEY, "zoo-add", a=n, b=1)
        for _ in range(BAD):
            assert '"isError":true' in call(f"{url}/mcp/", KEY, "zoo-add", a="x", b=1)

    source = f"""
[[source]]
name = "gateway"
kind = "prometheus-scrape"
url = "{url}/metrics"
token = "${{GATEWAY_TOKEN}}"
presets = ["litellm"]
"""
    with running([*command], f"{url}/health/liveliness", tmp_path, LITELLM_LOCAL_MODEL_COST_MAP="True"):
        calls()
        report = counted(tmp_path, source, calls)
        page = fetched(f"{url}/metrics/", KEY)
    zoo = usage(report, "zoo")
    assert (zoo.source, zoo.calls, zoo.errors) == ("metrics", GOOD, 0)
    assert [(tool.tool, tool.calls) for tool in report.usage.tools] == [("add", GOOD)]
    assert zoo.p50 is not None
    (line,) = (each for each in page.splitlines() if each.startswith("litellm_mcp_tool_calls_total{"))
    assert float(line.rpartition(" ")[2]) == 2 * GOOD, "what it had counted before our first run is nobody's usage"


def test_contextforge_counts_calls_and_failures_of_all_tools(gateways: Path, server: str, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/mcp.db",
        "JWT_SECRET_KEY": KEY,
        "AUTH_ENCRYPTION_SECRET": KEY[::-1],
        "BASIC_AUTH_PASSWORD": KEY,
        "PLATFORM_ADMIN_EMAIL": "admin@example.com",
        "PLATFORM_ADMIN_PASSWORD": "A-long-Password-7",
        "CACHE_TYPE": "memory",
        "SSRF_ALLOW_LOCALHOST": "true",
        "METRICS_BUFFER_FLUSH_INTERVAL": "5",
        "METRICS_CACHE_TTL_SECONDS": "1",
    }
    binaries = gateways / "contextforge/bin"
    make = [binaries / "python", "-m", "mcpgateway.utils.create_jwt_token", "-u", "admin@example.com", "-s", KEY]
    made = subprocess.run(
        [*make, "--admin"], check=True, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **environ}
    )
    token = made.stdout.split()[-1]

    def calls() -> None:
        for n in range(GOOD):
            assert '"isError":false' in call(f"{url}/rpc", token, "zoo-add", a=n, b=1)
        for _ in range(BAD):
            assert '"isError":true' in call(f"{url}/rpc", token, "zoo-add", a="x", b=1)
        await_written()

    def await_written() -> None:
        """It writes what it counted every five seconds."""
        before = None
        for _ in range(120):
            said = json.loads(fetched(f"{url}/metrics", token))["tools"]["totalExecutions"]
            if said == before and said % (GOOD + BAD) == 0 and said:
                return
            before = said
            time.sleep(6)
        pytest.fail("it does not count")

    source = f"""
[[source]]
name = "gateway"
kind = "http-json"
url = "{url}/metrics"
token = "{token}"
preset = "contextforge"
"""
    command = [binaries / "mcpgateway", "--host", "127.0.0.1", "--port", str(port)]
    with running([*command], f"{url}/health", tmp_path, **environ):
        fetched(f"{url}/gateways", token, {"name": "zoo", "url": server, "transport": "STREAMABLEHTTP"})
        calls()
        report = counted(tmp_path, source, calls)
    gateway = usage(report, "gateway")
    assert (gateway.source, gateway.calls, gateway.errors) == ("metrics", GOOD + BAD, BAD)
    assert gateway.seconds > 0
    assert [(tool.tool, tool.calls) for tool in report.usage.tools] == [("(all tools)", GOOD + BAD)]
