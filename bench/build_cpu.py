"""What a build costs with a year of history: N idle local HTTP servers, asked hourly for a year, then one real build.

    python bench/build_cpu.py [SERVERS=20] [DAYS=365] [--pdf]

Prints the CPU seconds of the build (the servers run in a process of their own), as `os.wait4` reports them. Budget: 5 s for 20 servers.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caelum_report import store
from caelum_report.collect import collect
from caelum_report.config import Options, load
from caelum_report.model import Config, Probe, Remembered, Snapshot

SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
TOOLS = [{"name": f"tool_{i}", "description": "Does a thing.", "inputSchema": {"type": "object"}} for i in range(12)]
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
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


def varied(probe: Probe, at: datetime, chance: random.Random) -> Probe:
    """The same answer at another hour: other times, once in a while none."""
    factor = chance.lognormvariate(0, 0.2) * (1.3 if 8 <= at.hour <= 18 else 1)
    return replace(
        probe,
        started_at=at,
        timings_seconds=tuple(t * factor * chance.uniform(0.9, 1.3) for t in probe.timings_seconds),
    )


def a_year(config: Config, template: Snapshot, days: int, end: datetime) -> None:
    chance = random.Random(1)
    with store.open_store(config.database) as database:
        with store.batch(database):
            for hour in range(days * 24, 0, -1):
                at = end - timedelta(hours=hour)
                store.add_snapshot(
                    database,
                    replace(template, at=at, probes=tuple(varied(p, at, chance) for p in template.probes)),
                    config,
                )
        store.maintain(database, end, config)


def main(servers: int, days: int, *, pdf: bool) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen(
            [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as idle,
    ):
        try:
            assert idle.stdout is not None
            port, folder = int(idle.stdout.readline()), Path(name)
            named = {f"server-{i:03}": {"type": "http", "url": f"http://127.0.0.1:{port}/{i}"} for i in range(servers)}
            (folder / "mcp.json").write_text(json.dumps({"mcpServers": named}))
            options = Options(mcp_config=(folder / "mcp.json",), db=folder / "h.sqlite", output=folder / "site")
            config = load(options, os.environ, folder)
            now = datetime.now(UTC).replace(microsecond=0)
            a_year(config, collect(config, Remembered(), now), days, now)
            command = [
                sys.executable,
                "-m",
                "caelum_report",
                "build",
                "--mcp-config",
                str(folder / "mcp.json"),
                "--db",
                str(folder / "h.sqlite"),
            ]
            command += ["--output", str(folder / "site"), *([] if pdf else ["--no-pdf"])]
            for run in ("first", "second", "third"):
                child = subprocess.Popen(command)
                _, status, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
                print(
                    f"{run} build: exit {child.returncode}, {usage.ru_utime + usage.ru_stime:.2f} s CPU, {usage.ru_maxrss / 1024:.0f} MB, {servers} servers, {days} days"
                )
            print(
                f"database {(folder / 'h.sqlite').stat().st_size / 1e6:.1f} MB, report.json {(folder / 'site/report.json').stat().st_size / 1e6:.2f} MB"
            )
        finally:
            idle.terminate()


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    main(numbers[0] if numbers else 20, numbers[1] if len(numbers) > 1 else 365, pdf="--pdf" in sys.argv)
