"""Services to ask: a small real HTTP server that answers as a test says, and one way to ask one source."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from caelum_report.collect import collect
from caelum_report.configured import Config
from caelum_report.model import Reading, Remembered, Source
from tests.collect.fleet import AT, BUDGETS, config

Answer = Callable[[BaseHTTPRequestHandler], None]


class Service:
    """Answers each path by a function of the request; keeps what it was asked with."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.headers.append({name.lower(): value for name, value in self.headers.items()})
                service.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # some tests want to hang up
                    service.answers[self.path.partition("?")[0]](self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def says(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> str:
        """`path` answers so from now on; gives its address."""
        data = body.encode() if isinstance(body, str) else body

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.protocol_version, request.close_connection = "HTTP/1.1", True
            request.send_response(status)
            request.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                request.send_header(name.replace("_", "-"), value)
            request.end_headers()
            request.wfile.write(data)

        return self.does(path, answer)

    def does(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url + path


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def asked(*sources: Source, over: Config | None = None) -> tuple[Reading, ...]:
    """What a run that asks these sources keeps of them."""
    whole = replace(over or config(), sources=sources, budgets=BUDGETS)
    return collect(whole, Remembered(), AT).readings


def source(kind: str, *, timeout: float = 5.0, name: str = "it", **options: Any) -> Source:
    """As the configuration would give it: the defaults of its kind filled in."""
    from caelum_report.config.source_tables import SOURCE_TABLES

    block = SOURCE_TABLES[kind].model_validate({"name": name, "kind": kind, **options})
    return Source(name, kind, block.model_dump(exclude={"name", "kind", "timeout"}), "it", timeout)


__all__ = ["AT", "Service", "asked", "service", "source"]
