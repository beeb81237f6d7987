"""A dead man's switch is told of every published report, and of nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from caelum_report.deliver import ping
from caelum_report.errors import DeliveryError


class Switch(HTTPServer):
    """A real receiver that answers as its path says, and remembers what it was told."""

    told: list[tuple[str, str]]


class Answer(BaseHTTPRequestHandler):
    server: Switch

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.append((self.path, body))
        self.send_response(int(self.path.rsplit("/", 1)[-1]))
        self.send_header("Location", "/elsewhere/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def switch() -> Iterator[Switch]:
    with Switch(("127.0.0.1", 0), Answer) as server:
        server.told = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_it_is_told_the_report(switch: Switch) -> None:
    ping(f"http://127.0.0.1:{switch.server_address[1]}/secret-uuid/200", "r-20261122T1300Z-7")
    assert switch.told == [("/secret-uuid/200", "r-20261122T1300Z-7")]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_other_answer_is_a_failed_delivery_that_keeps_the_address_secret(switch: Switch, status: int) -> None:
    with pytest.raises(DeliveryError, match=f"HTTP {status}") as raised:
        ping(f"http://127.0.0.1:{switch.server_address[1]}/secret-uuid/{status}", "r")
    assert "secret-uuid" not in str(raised.value)
    assert len(switch.told) == 1, "a redirect is not followed"


def test_nobody_there_is_a_failed_delivery() -> None:
    with HTTPServer(("127.0.0.1", 0), Answer) as unbound:
        port = unbound.server_address[1]
    with pytest.raises(DeliveryError, match="cannot be reached: nothing accepts connections"):
        ping(f"http://127.0.0.1:{port}/secret-uuid/200", "r")
