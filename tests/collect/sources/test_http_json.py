"""JSON over HTTP: mapped to figures; and everything that an HTTP service can do wrong, by its class."""

from __future__ import annotations

import base64
import gzip
import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from caelum_report.model import Failure, Reading, Sample
from tests.collect.fleet import SECRET

from .conftest import Service, asked, source

DOCUMENT = {
    "queue": {"length": 17, "oldest": "3.5"},
    "servers": [
        {"name": "github", "calls": 100, "region": "eu", "up": True},
        {"name": "files", "calls": 7, "region": None, "up": False},
        {"name": "broken", "calls": "many"},
    ],
}
LENGTH = {"name": "length", "value": "queue.length", "unit": "count"}


def ask(url: str, *metrics: dict[str, Any], **more: Any) -> Reading:
    (reading,) = asked(source("http-json", url=url, metric=list(metrics or (LENGTH,)), **more))
    return reading


def test_figures_are_mapped_with_unit_subject_and_labels(service: Service) -> None:
    reading = ask(
        service.says("/stats", json.dumps(DOCUMENT)),
        LENGTH,
        {"name": "oldest_seconds", "value": "queue.oldest", "unit": "seconds"},
        {
            "name": "calls",
            "each": "servers[]",
            "subject": "name",
            "value": "calls",
            "counter": True,
            "labels": {"region": "region"},
        },
    )
    assert reading.failure is Failure.OK
    assert reading.samples == (
        Sample("it", "length", 17, "count"),
        Sample("it", "oldest_seconds", 3.5, "seconds"),
        Sample("github", "calls", 100, "", counter=True, labels=(("region", "eu"),)),
        Sample("files", "calls", 7, "", counter=True),
    )


def test_a_figure_that_is_missing_is_noted_and_when_all_are_it_is_the_wrong_document(service: Service) -> None:
    url = service.says("/stats", json.dumps(DOCUMENT))
    reading = ask(url, LENGTH, {"name": "depth", "value": "queue.depth"})
    assert [note.text for note in reading.notes] == ["It sent no number for depth."]
    wrong = ask(url, {"name": "depth", "value": "length(queue.length)"})
    assert (wrong.failure, wrong.samples) == (Failure.PROTOCOL_ERROR, ())


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({"token": "t0ken-of-mine"}, "Bearer t0ken-of-mine"),
        ({"user": "ada", "password": "pass:word"}, "Basic " + base64.b64encode(b"ada:pass:word").decode()),
        ({"headers": {"Authorization": "Own scheme"}}, "Own scheme"),
    ],
)
def test_who_asks_is_said_as_configured(service: Service, said: dict[str, Any], sent: str) -> None:
    ask(service.says("/stats", json.dumps(DOCUMENT)), **said)
    assert service.headers[0]["authorization"] == sent


def test_without_figures_it_is_asked_whether_it_answers(service: Service) -> None:
    (there,) = asked(source("http-json", url=service.says("/", "nothing here", 404)))
    (broken,) = asked(source("http-json", url=service.says("/", "", 502)))
    (closed,) = asked(source("http-json", url=service.says("/", "", 401)))
    assert (there.failure, broken.failure, closed.failure) == (Failure.OK, Failure.HTTP_5XX, Failure.AUTH_REQUIRED)


def test_a_compressed_answer_is_read(service: Service) -> None:
    assert ask(service.says("/z", gzip.compress(json.dumps(DOCUMENT).encode()), Content_Encoding="gzip")).samples


def slowly(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b" ")
        time.sleep(0.05)


def cut_off(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"queue": {"le')


FAULTS: dict[str, tuple[Failure, str]] = {
    "/401": (Failure.AUTH_REQUIRED, "asks for credentials"),
    "/403": (Failure.AUTH_REQUIRED, "no entry"),
    "/404": (Failure.HTTP_4XX, "HTTP 404 Not Found"),
    "/500": (Failure.HTTP_5XX, "HTTP 500"),
    "/html": (Failure.PROTOCOL_ERROR, "not JSON"),
    "/nan": (Failure.PROTOCOL_ERROR, "NaN is no JSON"),
    "/list": (Failure.PROTOCOL_ERROR, "none of its figures"),
    "/text": (Failure.PROTOCOL_ERROR, "none of its figures"),
    "/huge": (Failure.OVERSIZED, "more than 1 MB"),
    "/bomb": (Failure.OVERSIZED, "more than 1 MB"),
    "/deep": (Failure.PROTOCOL_ERROR, "nested deeper"),
    "/brotli": (Failure.PROTOCOL_ERROR, "encoding br"),
    "/no-gzip": (Failure.PROTOCOL_ERROR, "says gzip and is not"),
    "/half-gzip": (Failure.PROTOCOL_ERROR, "ends too early"),
    "/away": (Failure.REDIRECT_REFUSED, "another origin"),
    "/round": (Failure.REDIRECT_REFUSED, "more than 3 times"),
    "/cut": (Failure.PROTOCOL_ERROR, "broken HTTP"),
    "/echo": (Failure.HTTP_4XX, "[redacted]"),
    "/hidden": (Failure.HTTP_4XX, "<U+202E>"),
}


@pytest.fixture
def bad(service: Service) -> Service:
    service.says("/401", "", 401)
    service.says("/403", "no entry", 403)
    service.says("/404", "<html>nothing", 404)
    service.says("/500", "", 500)
    service.says("/html", "<html>hello</html>")
    service.says("/nan", '{"queue": {"length": NaN}}')
    service.says("/list", "[1, 2]")
    service.says("/text", '{"queue": {"length": "seventeen"}}')
    service.says("/huge", b'{"queue": "' + b"x" * 2_000_000 + b'"}')
    service.says("/bomb", gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")
    service.says("/deep", "[" * 1000 + "]" * 1000)
    service.says("/brotli", "x", Content_Encoding="br")
    service.says("/no-gzip", "plain text", Content_Encoding="gzip")
    service.says("/half-gzip", gzip.compress(b'{"queue": 1}' * 99)[:20], Content_Encoding="gzip")
    service.says("/away", "", 302, Location="http://elsewhere.invalid/")
    service.says("/round", "", 302, Location="/round")
    service.does("/cut", cut_off)
    service.says("/echo", f"no such key: {SECRET}", 400)
    service.says("/hidden", "\u202eevil", 400)
    return service


@pytest.mark.parametrize("path", FAULTS)
def test_a_fault_has_its_class_and_its_reason(bad: Service, path: str) -> None:
    reading = ask(bad.url + path)
    failure, words = FAULTS[path]
    assert (reading.failure, reading.samples) == (failure, ())
    assert words in reading.reason
    assert SECRET not in reading.reason


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://127.0.0.1:1/", Failure.CONNECT_ERROR),
        ("http://no-such-host.invalid/", Failure.DNS_ERROR),
        ("http://[::1/", Failure.CONFIG_ERROR),
    ],
)
def test_nobody_there(url: str, failure: Failure) -> None:
    assert ask(url).failure is failure


def test_tls_that_is_none(service: Service) -> None:
    assert ask(service.url.replace("http:", "https:")).failure is Failure.TLS_ERROR


def test_a_trickle_ends_at_its_time_and_the_others_do_not_wait(service: Service) -> None:
    slow = source("http-json", timeout=0.5, name="slow", url=service.does("/slow", slowly), metric=[LENGTH])
    good = source("http-json", name="good", url=service.says("/stats", json.dumps(DOCUMENT)), metric=[LENGTH])
    first, second = asked(slow, good)
    assert (first.failure, first.reason) == (Failure.TIMEOUT, "no answer within its 0.5 s")
    assert second.failure is Failure.OK


def test_hostile_labels_are_made_visible_and_bounded(service: Service) -> None:
    rows = [{"name": "a\u202e\x00<script>" + "x" * 5000, "n": 1, "l": f"{SECRET}\ud800"}]
    reading = ask(
        service.says("/stats", json.dumps({"rows": rows})),
        {"name": "n", "each": "rows", "value": "n", "subject": "name", "labels": {"l": "l"}},
    )
    (sample,) = reading.samples
    assert sample.subject.startswith("a<U+202E><U+0000><script>xxx")
    assert len(sample.subject) < 250
    assert sample.labels == (("l", "[redacted]<U+D800>"),)


def test_too_many_figures_and_the_same_twice(service: Service) -> None:
    document = {"rows": [{"n": number % 1500} for number in range(3000)]}
    metric = {"name": "n", "each": "rows", "value": "n", "labels": {"n": "n"}}
    reading = ask(service.says("/stats", json.dumps(document)), metric)
    assert len(reading.samples) == 1000
    assert [note.code for note in reading.notes] == ["same-figure", "too-many-figures"]
