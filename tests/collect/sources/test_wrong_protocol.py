"""An address that leads to another service: the class and the reason say so, instead of only that nothing came in time."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from caelum_report.model import Failure, Reading

from .conftest import asked, source
from .services import PASSWORD, needs_postgres, needs_redis, postgres, redis_server, speaking


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with postgres(tmp_path_factory.mktemp("postgres")) as port:
        yield port


class _Quiet(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None: ...


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A visitor who does not speak TLS is what these tests are about."""


@pytest.fixture(scope="module")
def encrypted() -> Iterator[int]:
    """HTTP behind TLS, with a certificate of nobody's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = _Server(("127.0.0.1", 0), _Quiet)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def ask(scheme: str, port: int) -> Reading:
    """As kinds of sources ask: within three seconds, so that who keeps silent does not keep the tests."""
    address = f"{scheme}://127.0.0.1:{port}"
    kind, more = {
        "redis": ("redis", {"url": f"{scheme}://:{PASSWORD}@127.0.0.1:{port}"}),
        "rediss": ("redis", {"url": f"{scheme}://:{PASSWORD}@127.0.0.1:{port}"}),
        "postgresql": ("postgresql", {"url": f"{scheme}://caelum:{PASSWORD}@127.0.0.1:{port}/postgres"}),
        "http": ("prometheus-scrape", {"url": address, "metrics": ["*"]}),
        "https": ("prometheus-scrape", {"url": address, "metrics": ["*"]}),
        "ws": ("websocket", {"url": address, "window": "1s"}),
        "wss": ("websocket", {"url": address, "window": "1s"}),
    }[scheme]
    (reading,) = asked(source(kind, timeout=3.0, **more))
    assert PASSWORD not in reading.reason
    return reading


def told(scheme: str, port: int) -> tuple[Failure, str]:
    reading = ask(scheme, port)
    assert reading.seconds < 3.5, "within its own time"
    return reading.failure, reading.reason


@needs_redis
@pytest.mark.parametrize("scheme", ["rediss", "https", "wss"])
def test_a_redis_without_tls(redis: int, scheme: str) -> None:
    assert told(scheme, redis) == (Failure.TLS_ERROR, "the other end does not speak TLS: it is Redis, unencrypted")


@needs_redis
@pytest.mark.parametrize(("scheme", "own"), [("postgresql", "PostgreSQL"), ("http", "HTTP"), ("ws", "HTTP")])
def test_a_redis_that_is_asked_for_something_else(redis: int, scheme: str, own: str) -> None:
    assert told(scheme, redis) == (Failure.PROTOCOL_ERROR, f"the other end does not speak {own}: it is Redis")


@needs_postgres
@pytest.mark.parametrize("scheme", ["rediss", "https", "wss"])
def test_a_postgresql_behind_an_address_with_tls(database: int, scheme: str) -> None:
    failure, reason = told(scheme, database)
    assert (failure, reason) == (Failure.TLS_ERROR, "the other end does not speak TLS: it is PostgreSQL, unencrypted")


@needs_postgres
@pytest.mark.parametrize(("scheme", "own"), [("redis", "Redis"), ("http", "HTTP"), ("ws", "HTTP")])
def test_a_postgresql_that_is_asked_for_something_else(database: int, scheme: str, own: str) -> None:
    assert told(scheme, database) == (Failure.PROTOCOL_ERROR, f"the other end does not speak {own}: it is PostgreSQL")


@pytest.mark.parametrize(
    ("scheme", "own"), [("redis", "Redis"), ("postgresql", "PostgreSQL"), ("http", "HTTP"), ("ws", "HTTP")]
)
def test_a_port_behind_tls_that_is_asked_in_plain(encrypted: int, scheme: str, own: str) -> None:
    assert told(scheme, encrypted) == (
        Failure.PROTOCOL_ERROR,
        f"the other end does not speak {own}: it begins with TLS",
    )


@pytest.mark.parametrize("scheme", ["rediss", "https", "wss"])
def test_tls_with_a_certificate_of_nobodys_is_what_is_said_of_it(encrypted: int, scheme: str) -> None:
    failure, reason = told(scheme, encrypted)
    assert failure is Failure.TLS_ERROR
    assert "certificate" in reason


@pytest.mark.parametrize("scheme", ["postgresql", "rediss", "redis", "http"])
def test_a_port_that_says_nothing_to_anybody_is_only_late(scheme: str) -> None:
    with speaking(b"") as port:
        assert told(scheme, port)[0] is Failure.TIMEOUT
