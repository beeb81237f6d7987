"""What can go wrong with anybody: every kind of source says which, in the same words, and nobody waits for another."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import pairwise

import pytest

from caelum_report.config.source_tables import SOURCE_TABLES
from caelum_report.model import Failure, Source

from .conftest import Answer, Service, asked, source
from .services import speaking

QUERY = [{"name": "a", "query": "a"}]
METRIC = [{"name": "a", "value": "a"}]
HTTP = {
    "http-json": {"metric": METRIC},
    "prometheus-scrape": {"metrics": ["*"]},
    "prometheus": {"query": QUERY},
    "influxdb": {"query": QUERY, "database": "a"},
    "influxdb-health": {},
    "prometheus-health": {},
    "grafana": {},
    "docker": {},
}
OTHERS = {"websocket": "ws", "redis": "redis", "postgresql": "postgresql"}
ELSEWHERE = {"mcp-tool", "log"}  # a server's own faults are the probe's (test_zoo_*); a log is a file (test_log)


class Everywhere(dict[str, Answer]):
    """One answer for every path."""

    def __missing__(self, _: str) -> Answer:
        return self["*"]


def everybody(address: str, *, timeout: float = 5.0) -> Iterator[Source]:
    """Every kind, asking the same port."""
    for kind, options in HTTP.items():
        yield source(kind, name=kind, timeout=timeout, url=f"http://{address}/", **options)
    for kind, scheme in OTHERS.items():
        more = {"window": "200ms"} if kind == "websocket" else {}
        yield source(kind, name=kind, timeout=timeout, url=f"{scheme}://{address}/", **more)


def failures(service: Service, answer: Answer, *, timeout: float = 5.0) -> dict[str, Failure]:
    """Of all that speak HTTP."""
    service.answers = Everywhere({"*": answer})
    sources = [one for one in everybody(service.url.removeprefix("http://"), timeout=timeout) if one.kind in HTTP]
    readings = asked(*sources)
    assert all(reading.reason and not reading.samples for reading in readings)
    return {reading.source: reading.failure for reading in readings}


def test_no_kind_is_forgotten() -> None:
    assert {*HTTP, *OTHERS, *ELSEWHERE} == set(SOURCE_TABLES)


def test_nobody_listens() -> None:
    found = {reading.source: reading.failure for reading in asked(*everybody("127.0.0.1:1"))}
    assert found == dict.fromkeys([*HTTP, *OTHERS], Failure.CONNECT_ERROR)


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials(service: Service, status: int) -> None:
    def refuse(request: BaseHTTPRequestHandler) -> None:
        request.send_error(status)

    assert failures(service, refuse) == dict.fromkeys(HTTP, Failure.AUTH_REQUIRED)


def test_credentials_that_were_sent_and_credentials_that_are_missing(service: Service) -> None:
    url = service.does("/", lambda request: request.send_error(401))
    without, wrong = asked(
        source("http-json", name="without", url=url),
        source("http-json", name="wrong", url=url, token="a-token-of-ours"),
    )
    assert without.reason == "it asks for credentials, and none are configured (HTTP 401)"
    assert wrong.reason == "it refuses the credentials that it was sent (HTTP 401)"


def test_an_error_that_is_told_as_json_is_told_in_its_words(service: Service) -> None:
    url = service.says("/", '{"status": "error", "error": "no such tenant"}', 400)
    (reading,) = asked(source("http-json", url=url, metric=METRIC))
    assert reading.reason == "HTTP 400 Bad Request: “no such tenant”"


def test_those_who_are_timed_are_asked_first_and_one_at_a_time(service: Service) -> None:
    spans: list[tuple[float, float, str]] = []

    def slowly(request: BaseHTTPRequestHandler) -> None:
        since = time.perf_counter()
        time.sleep(0.05)
        spans.append((since, time.perf_counter(), request.headers["X-Name"]))
        request.send_error(404)

    service.answers = Everywhere({"*": slowly})
    kinds = ("http-json", "grafana", "prometheus", "prometheus-health", "influxdb-health")
    asked(*(source(kind, name=kind, url=service.url, headers={"X-Name": kind}) for kind in kinds))
    spans.sort()
    assert [name for _, _, name in spans[:3]] == ["grafana", "prometheus-health", "influxdb-health"]
    for (_, end, _), (start, _, _) in pairwise(spans[:4]):
        assert end <= start
    assert {name for _, _, name in spans[3:]} == {"http-json", "prometheus"}


@pytest.mark.parametrize("body", [b"<!doctype html><title>Welcome</title>", b"\x00\xff\xfe", b'{"a": 1', b"", b"[[[["])
def test_something_else_than_was_asked_for(service: Service, body: bytes) -> None:
    def speak(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    found = failures_but(service, speak, "prometheus-scrape" if not body else "")
    assert found == dict.fromkeys(found, Failure.PROTOCOL_ERROR)


def failures_but(service: Service, answer: Answer, left_out: str) -> dict[str, Failure]:
    """An empty page of metrics is a page without metrics."""
    service.answers = Everywhere({"*": answer})
    sources = [
        one for one in everybody(service.url.removeprefix("http://")) if one.kind in HTTP and one.kind != left_out
    ]
    return {reading.source: reading.failure for reading in asked(*sources)}


def test_half_an_answer(service: Service) -> None:
    def hang_up(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b'{"a": 1}\n')

    assert failures(service, hang_up) == dict.fromkeys(HTTP, Failure.PROTOCOL_ERROR)


def test_a_flood(service: Service) -> None:
    def flood(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(400):
            request.wfile.write(b" " * 100_000)

    assert failures(service, flood) == dict.fromkeys(HTTP, Failure.OVERSIZED)


def test_a_trickle(service: Service) -> None:
    def trickle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100):
                request.wfile.write(b" ")
                time.sleep(0.05)

    assert failures(service, trickle, timeout=0.6) == dict.fromkeys(HTTP, Failure.TIMEOUT)


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_silence_on_a_port_of_another_protocol(kind: str) -> None:
    with speaking(b"") as port:
        address = f"127.0.0.1:{port}"
        (one,) = (each for each in everybody(address, timeout=0.8) if each.kind == kind)
        (reading,) = asked(one)
    assert reading.failure is Failure.TIMEOUT


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_another_protocol_altogether(kind: str) -> None:
    with speaking(b"220 mail.example.org ESMTP\r\n", first=True) as port:
        (one,) = (each for each in everybody(f"127.0.0.1:{port}", timeout=3) if each.kind == kind)
        (reading,) = asked(one)
    assert reading.failure in {Failure.PROTOCOL_ERROR, Failure.TIMEOUT}
    assert reading.reason
