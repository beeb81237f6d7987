"""One caelum.toml that names everything that runs here; each figure of the page is what the service's own tool says."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caelum_report import pipeline
from caelum_report.config import Options, load
from tests.collect.sources.services import PASSWORD, POSTGRES, needs_postgres, needs_redis, postgres, redis_server
from tests.collect.sources.test_together import everybody
from tests.collect.sources.test_websocket import events, speaking

from .conftest import await_port

pytestmark = [pytest.mark.fleet, pytest.mark.slow, pytest.mark.xdist_group("fleet"), needs_redis, needs_postgres]

TOML = """
pdf = false
output = "site"
database = "history.sqlite"

[[server]]
name = "context7"
url = "{context7}"

[[server]]
name = "time"
command = "{time}"
args = {time_args}

[[source]]
name = "node"
kind = "prometheus-scrape"
url = "{node}/metrics"
metrics = ["node_memory_MemTotal_bytes", "node_boot_time_seconds"]

[[source]]
name = "prometheus"
kind = "prometheus"
url = "{prometheus}"
[[source.query]]
name = "memory_bytes"
query = "node_memory_MemTotal_bytes"

[[source]]
name = "victoria"
kind = "prometheus"
url = "{victoria}"
[[source.query]]
name = "memory_bytes"
query = "node_memory_MemTotal_bytes"
[[source.query]]
name = "busy"
query = "count(node_cpu_seconds_total) by (mode)"

[[source]]
name = "victoria's health"
kind = "prometheus-health"
url = "{victoria}"

[[source]]
name = "prometheus's health"
kind = "prometheus-health"
url = "{prometheus}"

[[source]]
name = "influx"
kind = "influxdb"
url = "{influx}"
database = "shop"
[[source.query]]
name = "orders"
query = "SELECT sum(n) FROM orders GROUP BY region"

[[source]]
name = "stream"
kind = "websocket"
url = "{stream}"
window = "300ms"
event = "type"

[[source]]
name = "context7's counters"
kind = "prometheus-scrape"
url = "http://localhost:9464/metrics"
metrics = ["target_info"]
presets = ["otel"]
server = "context7"

[[source]]
name = "app log"
kind = "log"
files = ["app.log"]
"""


BY_MODE = "count(node_cpu_seconds_total) by (mode)"


def told(*command: str | Path, **environ: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environ}).stdout


def test_each_figure_is_what_the_services_own_tool_says(fleet: Path, tmp_path: Path) -> None:
    await_port(9464)
    http = json.loads((fleet / "http.mcp.json").read_text())["mcpServers"]
    time = json.loads((fleet / "fleet.mcp.json").read_text())["mcpServers"]["time"]
    (tmp_path / "app.log").write_text("ERROR no route to 10.0.0.7\nall well\nERROR no route to 10.0.0.8\n")
    (tmp_path / "pg").mkdir()
    with (
        everybody(tmp_path) as addresses,
        speaking(events) as stream,
        redis_server(tmp_path) as redis,
        postgres(tmp_path / "pg") as database,
    ):
        file = tmp_path / "caelum.toml"
        servers = {
            "context7": http["context7-http"]["url"],
            "time": time["command"],
            "time_args": json.dumps(time["args"]),
        }
        file.write_text(TOML.format(**addresses, **servers, stream=stream))
        file.chmod(0o600)
        redis_cli = ("redis-cli", "-p", str(redis), "--no-auth-warning", "-a", PASSWORD)
        told(*redis_cli, "set", "a", "1")
        psql = (POSTGRES / "psql", "-h", "127.0.0.1", "-p", str(database), "-U", "caelum", "-d", "postgres", "-Atc")
        environ = {
            "PROMETHEUS_URL": addresses["prometheus"],
            "INFLUXDB_URL": addresses["influx"],
            "REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{redis}",
            "POSTGRES_URL": f"postgresql://caelum:{PASSWORD}@127.0.0.1:{database}/postgres",
        }
        report = pipeline.build(load(Options(config=file), environ, tmp_path), datetime.now(UTC)).report
        info = dict(line.split(":", 1) for line in told(*redis_cli, "info").splitlines() if ":" in line)
        size = told(*psql, "SELECT pg_database_size(current_database())", PGPASSWORD=PASSWORD)
        connections = told(*psql, "SHOW max_connections", PGPASSWORD=PASSWORD)
        command = ("promtool", "query", "instant", addresses["prometheus"], "scalar(node_memory_MemTotal_bytes)")
        memory = told(*command).split()[1]
        by_mode = told("promtool", "query", "instant", "--format=json", addresses["victoria"], BY_MODE)
        port = addresses["influx"].rpartition(":")[2]
        query = "SELECT sum(n) FROM orders GROUP BY region"
        orders = told("influx", "-port", port, "-database", "shop", "-format", "csv", "-execute", query)
    failures = {source.name: str(source.failure) for source in report.sources}
    assert set(failures.values()) == {"ok"}, failures
    assert len(failures) == 12
    found = {(one.source, one.metric, one.labels): one.raw for one in report.series}
    assert found["redis", "keys", ""] == 1
    assert found["redis", "maxclients", ""] == float(info["maxclients"])
    assert found["redis", "used_memory_bytes", ""] == pytest.approx(float(info["used_memory"]), rel=0.1)
    assert found[
        "prometheus", "memory_bytes", "instance " + addresses["node"].removeprefix("http://") + ", job node"
    ] == float(memory)
    assert found["node", "node_memory_MemTotal_bytes", ""] == float(memory)
    assert found[
        "victoria", "memory_bytes", "instance " + addresses["node"].removeprefix("http://") + ", job node"
    ] == float(memory)
    modes = {f"mode {one['metric']['mode']}": float(one["value"][1]) for one in json.loads(by_mode)}
    assert modes
    assert {
        labels: value for (name, metric, labels), value in found.items() if (name, metric) == ("victoria", "busy")
    } == modes
    assert found["victoria's health", "targets", ""] == found["prometheus's health", "targets", ""] == 1
    assert found["influx", "orders", "region eu"] == float(orders.split()[-1].rpartition(",")[2])
    assert found["postgresql", "max_connections", ""] == float(connections)
    assert found["postgresql", "database_bytes", ""] == float(size)
    assert found["stream", "events", "event tick"] == 4
    assert [(error.text, error.count) for error in report.errors] == [("ERROR no route to #.#.#.#", 2)]
    assert {server.id: str(server.status) for server in report.servers} == {"context7": "up", "time": "up"}
    page = (tmp_path / "site/sources.html").read_text()
    assert all(source.name.replace("'", "&#39;") in page for source in report.sources)
    assert PASSWORD not in page
    services = {node.label for node in report.architecture.nodes if node.kind == "service"}
    assert services == {"redis", "postgresql", "influxdb-health", "prometheus's health", "victoria's health"}
