"""The examples for web servers, served by the real ones: a password, the headers, and a site that is replaced meanwhile."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import httpx
import pytest
import trustme
import yaml

from caelum_report import deliver
from caelum_report.render import render
from caelum_report.render.pages import CSP
from caelum_report.site import Site
from tests.ports import free_port
from tests.render import sample_reports

pytestmark = pytest.mark.xdist_group("hosting")  # each server is started once
DEPLOY = Path(__file__).parent.parent / "deploy"
PASSWORD = "correct horse"
USER = ("ops", PASSWORD)
HASHED = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"  # by bcrypt, at its least cost


@dataclass(frozen=True)
class Served:
    """A web server that has the site."""

    base: str
    plain: str  # where it sends to TLS; empty where it does not
    output: Path
    context: ssl.SSLContext | None

    def get(self, path: str, user: tuple[str, str] | None = USER) -> httpx.Response:
        return httpx.get(f"{self.base}/{path}", auth=user, verify=self.context or True)


@cache
def site() -> Site:
    return render(sample_reports.fleet_report(), pdf=False)


def publish(output: Path, fleet: bytes = b"Caelum fleet") -> None:
    index = site().files["index.html"].replace(b"Caelum fleet", fleet)
    deliver.publish(replace(site(), files={**site().files, "index.html": index}), output, "auto")


@contextmanager
def running(command: list[str], port: int, environ: dict[str, str], folder: Path) -> Iterator[None]:
    """A program until its port answers, and to its end."""
    said = folder / "said"
    with said.open("wb") as log, subprocess.Popen(command, env=environ, stdout=log, stderr=log) as process:
        try:
            for _ in range(1200):
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, said.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def nginx(folder: Path) -> Iterator[Served]:
    authority, output = trustme.CA(), folder / "site" / "reports"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "caelum-report.pem"))
    hashed = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True).stdout
    (folder / "htpasswd").write_text(f"ops:{hashed}")
    publish(output)
    plain, port = free_port(), free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    for said, here in (
        ("/etc/nginx/tls/caelum-report.crt", f"{folder}/caelum-report.pem"),
        ("/etc/nginx/tls/caelum-report.key", f"{folder}/caelum-report.pem"),
        ("/etc/nginx/caelum-report.htpasswd", f"{folder}/htpasswd"),
        ("/var/cache/caelum-report/reports", str(output)),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
    ):
        assert said in text
        text = text.replace(said, here)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = (
        f"daemon off; pid {folder}/pid; error_log {folder}/errors; events {{}}\n"
        f"http {{ include /etc/nginx/mime.types; access_log off; {temporary}\n{text}\n}}\n"
    )
    (folder / "nginx.conf").write_text(f"user root;\n{whole}" if os.geteuid() == 0 else whole)
    command = ["nginx", "-e", f"{folder}/errors", "-c", f"{folder}/nginx.conf"]
    checked = subprocess.run([*command, "-t"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with running(command, port, {"PATH": os.environ["PATH"]}, folder):
        yield Served(f"https://127.0.0.1:{port}", f"http://127.0.0.1:{plain}", output, context)


@contextmanager
def caddy(folder: Path) -> Iterator[Served]:
    output, port = folder / "site" / "reports", free_port()
    publish(output)
    text = (DEPLOY / "Caddyfile").read_text()
    for said, here in (
        ("fleet.example.org {", f"http://127.0.0.1:{port} {{"),
        ("/var/cache/caelum-report/reports", str(output)),
    ):
        assert said in text
        text = text.replace(said, here)
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{text}")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "REPORT_PASSWORD_HASH": HASHED}
    where = ["--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    checked = subprocess.run(["caddy", "validate", *where], check=False, capture_output=True, text=True, env=environ)
    assert checked.returncode == 0, checked.stderr
    with running(["caddy", "run", *where], port, environ, folder):
        yield Served(f"http://127.0.0.1:{port}", "", output, None)


@pytest.fixture(params=["nginx", "caddy"], scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if shutil.which(request.param) is None:
        pytest.skip(f"apt-get install {request.param}")
    with {"nginx": nginx, "caddy": caddy}[request.param](tmp_path_factory.mktemp("web")) as server:
        yield server


def test_nobody_reads_without_the_password_and_everybody_with_it(served: Served) -> None:
    assert [served.get("", user).status_code for user in (None, ("ops", "battery"), USER)] == [401, 401, 200]
    if served.plain:
        moved = httpx.get(f"{served.plain}/slo.html")
        assert (moved.status_code, moved.headers["Location"]) == (301, "https://127.0.0.1/slo.html")


def test_headers_say_what_the_pages_say_and_more(served: Served) -> None:
    page = served.get("index.html")
    assert page.headers["Content-Security-Policy"] == f"{CSP}; frame-ancestors 'none'"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    again = httpx.get(
        f"{served.base}/index.html",
        auth=USER,
        verify=served.context or True,
        headers={"If-None-Match": page.headers["ETag"]},
    )
    assert (page.headers["Cache-Control"], again.status_code) == ("no-cache", 304)
    kinds = {path: served.get(path).headers["Content-Type"].partition(";")[0] for path in
             ("index.html", "api/v1/servers.json", "report.md", "metrics.prom", "static/site.css")}  # fmt: skip
    assert kinds == {
        "index.html": "text/html", "api/v1/servers.json": "application/json", "report.md": "text/plain",
        "metrics.prom": "text/plain", "static/site.css": "text/css",
    }  # fmt: skip


def test_only_the_json_may_be_read_by_the_page_of_another_site(served: Served) -> None:
    said = [
        served.get(path).headers.get("Access-Control-Allow-Origin")
        for path in ("api/v1/servers.json", "latest.json", "index.html")
    ]
    assert said == ["https://wiki.example.org", "https://wiki.example.org", None]


def test_our_own_marker_is_not_shown(served: Served) -> None:
    assert (served.output / ".caelum-report.json").exists()
    assert served.get(".caelum-report.json").status_code == 404


def test_a_new_report_is_served_as_soon_as_it_is_there(served: Served) -> None:
    publish(served.output, b"Another fleet")
    try:
        assert "Another fleet" in served.get("").text
    finally:
        publish(served.output)


# --- the compose example --------------------------------------------------------------------------------------------


def test_the_compose_example_agrees_with_the_image_and_with_nginx() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    job, web = compose["services"]["report"], compose["services"]["web"]
    image, conf = (DEPLOY / "Dockerfile").read_text(), (DEPLOY / "nginx.conf").read_text()
    assert (DEPLOY / job["build"]["context"] / job["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    volumes = dict(volume.split(":")[:2] for volume in job["volumes"])
    for place in (volumes["history"], volumes["site"]):
        assert f"install -d -o caelum-report -g caelum-report -m 07{'00' if 'lib' in place else '55'} {place}" in image
    assert f"WORKDIR {volumes['site']}\n" in image
    mounted = [volume.split(":") for volume in web["volumes"]]
    assert {kind for *_, kind in mounted} == {"ro"}
    (site,) = (target for source, target, _ in mounted if source == "site")
    assert f"root {site}/reports;" in conf
    for source, target, _ in mounted:
        if source.startswith("./") and source != "./nginx.conf":
            assert target in conf
    assert set(compose["volumes"]) == {"history", "site"}
