"""InfluxDB, Prometheus, Grafana and Docker as services."""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from caelum_report.model import Failure, Reading
from tests.ports import free_port

from .conftest import Service, asked, source
from .services import running

GRAFANA = {"commit": "83b9528bce", "database": "ok", "version": "11.2.0"}  # as its documentation shows it


def ask(kind: str, url: str, **more: Any) -> Reading:
    (reading,) = asked(source(kind, url=url, **more))
    return reading


def figures(reading: Reading) -> dict[str, float]:
    assert reading.failure is Failure.OK, reading.reason
    return {sample.metric: sample.value for sample in reading.samples}


@pytest.mark.skipif(not shutil.which("prometheus"), reason="apt-get install prometheus")
def test_prometheus_tells_its_targets_and_its_head_block(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "p.yml").write_text(
        f"scrape_configs: [{{job_name: self, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{port}', '127.0.0.1:1']}}]}}]"
    )
    command = [
        "prometheus",
        f"--config.file={tmp_path}/p.yml",
        f"--storage.tsdb.path={tmp_path}/d",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"

    def scraped() -> bool:
        try:
            answer = httpx.get(f"{url}/api/v1/targets")
        except httpx.TransportError:
            return False
        active = answer.json()["data"]["activeTargets"] if answer.status_code == 200 else []
        return sorted(target["health"] for target in active) == ["down", "up"]

    with running(command, scraped, cwd=tmp_path):
        found = figures(ask("prometheus-health", url))
        head = httpx.get(f"{url}/api/v1/status/tsdb").json()["data"]["headStats"]["numSeries"]
    assert (found["targets"], found["targets_down"], found["reload_failed"], found["corruptions"]) == (2, 1, 0, 0)
    assert 0 < found["head_series"] <= head
    assert found["alerts_firing"] == 0


@pytest.mark.skipif(not shutil.which("influxd"), reason="apt-get install influxdb")
def test_influxdb_tells_its_figures(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "i.conf").write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n[meta]\ndir = "{tmp_path}/m"\n'
        f'[data]\ndir = "{tmp_path}/d"\nwal-dir = "{tmp_path}/w"\n[http]\nbind-address = "127.0.0.1:{port}"\n'
    )
    url = f"http://127.0.0.1:{port}"

    def written() -> bool:
        """Whether it took both points; it is up a little before it takes any."""
        try:
            httpx.post(f"{url}/query", params={"q": "CREATE DATABASE a"})
            return httpx.post(f"{url}/write?db=a", content=b"m,t=1 v=1\nm,t=2 v=2").status_code == 204
        except httpx.TransportError:
            return False

    with running(["influxd", "-config", tmp_path / "i.conf"], written, cwd=tmp_path):
        found = figures(ask("influxdb-health", url))
    assert found["points_written"] == 2
    assert found["series"] >= 2
    assert found["memory_bytes"] > 1e6


@pytest.mark.parametrize(
    ("answers", "failure"),
    [
        ({"/ping": "", "/health": '{"name": "influxdb", "status": "pass", "version": "2.7.1"}'}, Failure.OK),
        ({"/ping": "", "/health": '{"name": "influxdb", "status": "fail", "message": "disk"}'}, Failure.HTTP_5XX),
        ({"/ping": '{"version": "3.0.0", "revision": "a"}', "/health": "OK"}, Failure.OK),
        ({"/ping": "pong", "/health": "[]"}, Failure.PROTOCOL_ERROR),
    ],
)
def test_influxdb_2_and_3_as_documented(service: Service, answers: dict[str, str], failure: Failure) -> None:
    service.says("/debug/vars", "", 404)
    for path, body in answers.items():
        service.says(path, body)
    reading = ask("influxdb-health", service.url)
    assert reading.failure is failure, reading.reason


@pytest.mark.parametrize(
    ("body", "status", "failure"),
    [
        (json.dumps(GRAFANA), 200, Failure.OK),
        (json.dumps({**GRAFANA, "database": "failing"}), 503, Failure.HTTP_5XX),
        (json.dumps({**GRAFANA, "database": "failing"}), 200, Failure.HTTP_5XX),
        ("<html>", 200, Failure.PROTOCOL_ERROR),
        ("[1]", 200, Failure.PROTOCOL_ERROR),
        ("", 401, Failure.AUTH_REQUIRED),
    ],
)
def test_grafana_as_documented(service: Service, body: str, status: int, failure: Failure) -> None:
    service.says("/grafana/api/health", body, status)
    reading = ask("grafana", f"{service.url}/grafana/")
    assert reading.failure is failure, reading.reason


def test_a_service_of_another_kind(service: Service) -> None:
    for path in ("/-/ready", "/ping", "/health", "/debug/vars", "/containers/json"):
        service.says(path, '{"hello": "world"}')
    for kind in ("prometheus-health", "influxdb-health", "docker"):
        assert ask(kind, service.url).failure is Failure.PROTOCOL_ERROR
    for kind in ("prometheus-health", "influxdb-health", "docker", "grafana"):
        assert ask(kind, "http://127.0.0.1:1").failure is Failure.CONNECT_ERROR


# --- Docker: the documented answers of its API, version 1.45 -----------------------------------------------------------

WEB, JOB = "a1" * 32, "b2" * 32
CONTAINERS = [
    {"Id": WEB, "Names": ["/ollama"], "Image": "ollama", "State": "running"},
    {"Id": JOB, "Names": ["/job"], "Image": "job", "State": "exited"},
]
INSPECTED = {
    WEB: {"RestartCount": 3, "State": {"Running": True, "OOMKilled": False, "Health": {"Status": "unhealthy"}}},
    JOB: {"RestartCount": 0, "State": {"Running": False, "OOMKilled": True, "ExitCode": 137}},
}
STATS = {
    "cpu_stats": {"cpu_usage": {"total_usage": 36_000_000_000}},
    "memory_stats": {"usage": 300_000_000, "limit": 1_000_000_000, "stats": {"inactive_file": 50_000_000}},
}


def engine(service: Service) -> None:
    service.says("/containers/json", json.dumps(CONTAINERS))
    for identifier, about in INSPECTED.items():
        service.says(f"/containers/{identifier}/json", json.dumps(about))
    service.says(f"/containers/{WEB}/stats", json.dumps(STATS))


def told(reading: Reading, container: str) -> dict[str, float]:
    assert reading.failure is Failure.OK, reading.reason
    return {s.metric: s.value for s in reading.samples if s.labels == (("container", container),)}


def test_containers_as_documented(service: Service) -> None:
    engine(service)
    reading = ask("docker", service.url.replace("http:", "tcp:"))
    assert told(reading, "ollama") == {
        "running": 1,
        "unhealthy": 1,
        "oom_killed": 0,
        "restarts": 3,
        "cpu_seconds": 36,
        "memory_bytes": 250_000_000,
        "memory_limit_bytes": 1_000_000_000,
        "memory_percent": 25,
    }
    assert told(reading, "job") == {"running": 0, "oom_killed": 1, "restarts": 0}


def test_only_the_containers_that_were_asked_for(service: Service) -> None:
    engine(service)
    reading = ask("docker", service.url, containers=["oll*", "gone"])
    assert {sample.labels for sample in reading.samples if sample.labels} == {(("container", "ollama"),)}
    assert [note.text for note in reading.notes] == ["There is no container gone."]


@pytest.mark.parametrize(
    "listed",
    ["{}", "[7]", '[{"Id": "../images", "Names": ["/x"]}]', '[{"Id": "' + "c" * 64 + '", "Names": []}]', "[" * 9999],
)
def test_a_hostile_engine(service: Service, listed: str) -> None:
    service.says("/containers/json", listed)
    assert ask("docker", service.url).failure is Failure.PROTOCOL_ERROR


@pytest.fixture
def behind_a_socket(tmp_path: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(CONTAINERS[1:] if self.path.startswith("/containers/json") else INSPECTED[JOB]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "docker.sock"), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"unix://{tmp_path}/docker.sock"
        server.shutdown()


def test_an_engine_behind_a_socket_of_the_file_system(behind_a_socket: str) -> None:
    assert told(ask("docker", behind_a_socket), "job") == {"running": 0, "oom_killed": 1, "restarts": 0}
    assert ask("docker", behind_a_socket + ".gone").failure is Failure.CONNECT_ERROR


class Engine(Service):
    """Speaks TLS, and only with those whom its own authority knows."""

    def __init__(self, authority: trustme.CA, certificate: trustme.LeafCert) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = self.url.replace("http:", "tcp:")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Engine]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    mine = authority.issue_cert("caelum@example.org")
    mine.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    mine.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    made = Engine(authority, authority.issue_cert("127.0.0.1"))
    engine(made)
    threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_an_engine_on_another_host_knows_us_by_our_certificate(guarded: Engine, tmp_path: Path) -> None:
    names = {name: str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}
    assert told(ask("docker", guarded.url, **names), "job") == {"running": 0, "oom_killed": 1, "restarts": 0}
    without = ask("docker", guarded.url, ca=names["ca"])
    assert without.failure in {Failure.TLS_ERROR, Failure.PROTOCOL_ERROR}
    stranger = ask("docker", guarded.url, **names | {"ca": None})
    assert (stranger.failure, "certificate verify failed" in stranger.reason) == (Failure.TLS_ERROR, False)
    assert ask("docker", guarded.url.replace("tcp:", "http:")).failure is Failure.PROTOCOL_ERROR


def test_certificates_that_are_none(guarded: Engine, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    for name in ("junk.pem", "missing.pem"):
        reading = ask("docker", guarded.url, ca=str(tmp_path / name))
        assert reading.failure is Failure.CONFIG_ERROR
        assert reading.reason.startswith("`ca`, `cert` or `key` cannot be used: ")
        assert str(tmp_path) not in reading.reason


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("podman") and os.geteuid() == 0),
    reason="as root: apt-get install --no-install-recommends podman crun",
)
def test_a_real_engine_tells_its_containers() -> None:
    """Podman speaks Docker's API. Containers are made, not started: not every machine may start one."""
    with tempfile.TemporaryDirectory() as folder:  # its paths may have no more than fifty characters
        _ask_engine(Path(folder))


def _ask_engine(tmp_path: Path) -> None:
    places = ["--root", str(tmp_path / "store"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs"]
    podman = ["podman", *places, "--cgroup-manager", "cgroupfs"]
    (tmp_path / "image").mkdir()
    subprocess.run(["tar", "-C", tmp_path / "image", "-cf", tmp_path / "image.tar", "."], check=True)
    subprocess.run([*podman, "import", tmp_path / "image.tar", "nothing"], check=True, capture_output=True)
    for name in ("web", "web-2", "other"):
        make = [*podman, "create", "--name", name, "--network", "none", "nothing", "/bin/sleep", "9"]
        subprocess.run(make, check=True, capture_output=True)
    socket = tmp_path / "engine.sock"
    with running([*podman, "system", "service", "--time", "0", f"unix://{socket}"], socket.exists):
        reading = ask("docker", f"unix://{socket}", containers=["web*", "db"])
    assert reading.failure is Failure.OK, reading.reason
    assert [note.text for note in reading.notes] == ["There is no container db."]
    found = {(sample.metric, dict(sample.labels).get("container")): sample.value for sample in reading.samples}
    assert found.pop(("answer_seconds", None)) > 0
    assert found == {("containers", None): 2} | {
        (metric, name): 0 for metric in ("running", "oom_killed", "restarts") for name in ("web", "web-2")
    }
