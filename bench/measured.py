"""What the benches share: idle servers, a history of them, and the processor time of a child."""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caelum_report import store
from caelum_report.collect import collect
from caelum_report.config import Options, load
from caelum_report.configured import Config
from caelum_report.model import Probe, Remembered, Snapshot

_SERVER = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
TOOLS = [{"name": f"tool_{i}", "description": "Does a thing.", "inputSchema": {"type": "object"}} for i in range(12)]
class Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # head and body are two writes: forty milliseconds of nothing in every answer
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        time.sleep(float(sys.argv[1]))
        ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method, result = ask.get("method"), {}
        if "id" not in ask:
            self.send_response(202); self.send_header("Content-Length", "0"); self.end_headers(); return
        if method == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "idle", "version": "1"}}
        elif method == "tools/list":
            result = {"tools": TOOLS}
        elif method != "ping":
            result = None
        answer = {"jsonrpc": "2.0", "id": ask["id"], **({"result": result} if result is not None else {"error": {"code": -32601, "message": "no"}})}
        body = json.dumps(answer).encode()
        self.send_response(200); self.send_header("Content-Type", "application/json"); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one child and its children: user and system time, and the largest it was."""

    seconds: float
    megabytes: float


def cost(command: Sequence[str | Path]) -> Cost:
    """Of one command. An installed program's modules are compiled already, so ours may be kept compiled too."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {child.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def program(*words: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "caelum_report", *words]


def spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def told(what: str, found: Sequence[float], budget: float, unit: str = "s") -> bool:
    """One row: the median of what was measured, its budget, and what the figures lay between."""
    middle = statistics.median(found)
    spread = f", {min(found):.3g} to {max(found):.3g}" if len(found) > 1 else ""
    print(
        f"{what:44} {middle:8.3g} {unit}   budget {budget:g} {unit}   {middle / budget:5.0%} of it   (n = {len(found)}{spread})"
    )
    return middle <= budget


@contextmanager
def idle_fleet(servers: int, folder: Path, answers_after_seconds: float = 0.0) -> Iterator[tuple[Config, Snapshot]]:
    """So many servers in one process beside us, and what one look at them saw."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(answers_after_seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as idle:
        try:
            assert idle.stdout is not None
            port = int(idle.stdout.readline())
            named = {f"server-{i:03}": {"type": "http", "url": f"http://127.0.0.1:{port}/{i}"} for i in range(servers)}
            (folder / "mcp.json").write_text(json.dumps({"mcpServers": named}))
            options = Options(mcp_config=(folder / "mcp.json",), db=folder / "h.sqlite", output=folder / "site")
            config = load(options, os.environ, folder)
            yield config, collect(config, Remembered(), datetime.now(UTC).replace(microsecond=0))
        finally:
            idle.terminate()


def lived(config: Config, seen: Snapshot, days: int) -> None:
    """A history of that snapshot, hour by hour up to it, through the real store."""
    chance = random.Random(1)
    with store.open_store(config.database) as database:
        with store.batch(database):
            for hour in range(days * 24, 0, -1):
                store.add_snapshot(database, at_hour(seen, seen.at - timedelta(hours=hour), chance), config)
        store.maintain(database, seen.at, config)


def at_hour(seen: Snapshot, at: datetime, chance: random.Random) -> Snapshot:
    return replace(seen, at=at, probes=tuple(_varied(probe, at, chance) for probe in seen.probes))


def _varied(probe: Probe, at: datetime, chance: random.Random) -> Probe:
    """The same answer at another hour, in other times."""
    factor = chance.lognormvariate(0, 0.2) * (1.3 if 8 <= at.hour <= 18 else 1)
    return replace(
        probe,
        started_at=at,
        timings_seconds=tuple(t * factor * chance.uniform(0.9, 1.3) for t in probe.timings_seconds),
    )
