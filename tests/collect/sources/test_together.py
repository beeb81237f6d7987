"""One caelum.toml that names what runs here: a whole build, and figures that are those of each service's own answer."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caelum_report import pipeline
from caelum_report.config import Options, load
from tests.ports import free_port

from .conftest import Service
from .daemons import need, running
from .test_websocket import events, speaking

pytestmark = pytest.mark.slow

INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "{folder}/m"
[data]
dir = "{folder}/d"
wal-dir = "{folder}/w"
[http]
bind-address = "{address}"
"""
TOML = """
output = "site"
database = "history.sqlite"
pdf = false

[[source]]
name = "node"
kind = "prometheus-scrape"
url = "{node}/metrics"
metrics = ["node_memory_MemTotal_bytes", "node_boot_time_seconds"]

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
name = "shop"
kind = "http-json"
url = "{shop}"
[[source.metric]]
name = "waiting"
value = "waiting"

[[source]]
name = "prometheus"
kind = "prometheus"
url = "{prometheus}"

[[source]]
name = "victoria"
kind = "prometheus"
url = "{victoria}"
[[source.query]]
name = "memory_bytes"
query = "node_memory_MemTotal_bytes"

[[source]]
name = "victoria's health"
kind = "prometheus-health"
url = "{victoria}"

[[source]]
name = "gone"
kind = "http-json"
url = "http://127.0.0.1:1/"
"""


@contextmanager
def everybody(folder: Path) -> Iterator[dict[str, str]]:
    """Addresses of a node_exporter, a Prometheus and a VictoriaMetrics that have scraped it, and an InfluxDB with four points."""
    node, prometheus, victoria, influx = (f"127.0.0.1:{free_port()}" for _ in range(4))
    target = {"job_name": "node", "scrape_interval": "1s", "static_configs": [{"targets": [node]}]}
    (folder / "p.yml").write_text(json.dumps({"scrape_configs": [target]}))
    (folder / "i.conf").write_text(INFLUX.format(folder=folder, address=influx))
    programs = [need(name, name) for name in ("prometheus-node-exporter", "prometheus")]
    programs += [need("influxd", "influxdb"), need("victoria-metrics", "victoria-metrics")]
    with (
        running([programs[0], f"--web.listen-address={node}"], f"http://{node}/metrics", folder),
        running(
            [programs[1], "--config.file=p.yml", "--storage.tsdb.path=t", f"--web.listen-address={prometheus}"],
            f"http://{prometheus}/-/ready",
            folder,
        ),
        running([programs[2], "-config", "i.conf"], f"http://{influx}/ping", folder),
        running(
            [
                programs[3],
                f"-httpListenAddr={victoria}",
                "-storageDataPath=v",
                "-retentionPeriod=1",
                "-promscrape.config=p.yml",
            ],
            f"http://{victoria}/-/ready",
            folder,
        ),
    ):
        _said(f"http://{influx}/query", urllib.parse.urlencode({"q": "CREATE DATABASE shop"}))
        _said(f"http://{influx}/write?db=shop", "\n".join(f"orders,region=eu n={n} {n + 1}" for n in range(4)))
        for one in (prometheus, victoria):
            while not _said(f"http://{one}/api/v1/query", "query=node_memory_MemTotal_bytes")["data"]["result"]:
                time.sleep(0.1)
        found = {"node": node, "prometheus": prometheus, "victoria": victoria, "influx": influx}
        yield {name: f"http://{at}" for name, at in found.items()}


def _said(url: str, body: str) -> Any:
    with urllib.request.urlopen(url, body.encode()) as answer:
        return json.loads(answer.read() or b"null")


def test_one_build_over_all_of_them(service: Service, tmp_path: Path) -> None:
    shop = service.says("/stats", '{"waiting": 17}')
    with everybody(tmp_path) as addresses, speaking(events) as stream:
        file = tmp_path / "caelum.toml"
        file.write_text(TOML.format(**addresses, stream=stream, shop=shop))
        file.chmod(0o600)
        settings = load(Options(config=file), {"PROMETHEUS_URL": addresses["prometheus"]}, tmp_path)
        report = pipeline.build(settings, datetime.now(UTC)).report
        asked_for = urllib.parse.urlencode({"query": "node_memory_MemTotal_bytes"})
        (theirs,) = _said(f"{addresses['prometheus']}/api/v1/query", asked_for)["data"]["result"]
    assert {source.name: str(source.failure) for source in report.sources} == {
        "node": "ok",
        "influx": "ok",
        "stream": "ok",
        "shop": "ok",
        "prometheus": "ok",
        "victoria": "ok",
        "victoria's health": "ok",
        "gone": "connect-error",
    }
    found = {(one.source, one.metric, one.labels): one.value for one in report.series}
    assert found["shop", "waiting", ""] == 17
    assert found["influx", "orders", "region eu"] == 6
    assert found["stream", "events", "event tick"] == 4
    assert found["prometheus", "targets", ""] == found["victoria's health", "targets", ""] == 1
    (memory,) = (
        value for (source, metric, _), value in found.items() if (source, metric) == ("victoria", "memory_bytes")
    )
    assert memory == pytest.approx(float(theirs["value"][1]), rel=1e-3)
    assert found["node", "node_memory_MemTotal_bytes", ""] == pytest.approx(float(theirs["value"][1]), rel=1e-3)
    published = json.loads((tmp_path / "site/api/v1/sources.json").read_text())
    assert [source["name"] for source in published["sources"]] == [source.name for source in report.sources]
    assert (tmp_path / "site/sources.html").stat().st_size > 1000
