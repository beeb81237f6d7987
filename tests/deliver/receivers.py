"""Real receivers: HTTP that answers as its path says, SMTP with and without TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.ports import free_port


class Receiver(ThreadingHTTPServer):
    daemon_threads = True
    got: list[tuple[str, dict[str, str], bytes]]
    answers: list[int]  # taken first, then 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        if self.path.endswith("hang"):
            time.sleep(3)
            return
        if self.path.endswith("trickle"):
            self._trickle(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400)
            return
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        said = b"" if status < 400 else b"no such room"
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _trickle(self, head: bytes) -> None:
        """Never silent for long, and never done."""
        with suppress(OSError):
            for number in range(len(head)):
                self.wfile.write(head[number : number + 1])
                time.sleep(0.05)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver(("127.0.0.1", 0), _Answer) as server:
        server.got, server.answers = [], []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def trickling_smtp() -> Iterator[int]:
    """The port of a mail server that greets with a byte now and then, for ever."""
    ended = threading.Event()

    def greet() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                while not ended.wait(0.05):
                    connection.send(b"2")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        ended.set()
    thread.join()


@dataclass
class Mailbox:
    port: int = 0
    got: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"


class _Login:
    def __call__(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == b"correct horse"
        return AuthResult(success=good, handled=False)


@contextmanager
def smtp(context: ssl.SSLContext | None = None, *, starttls: bool = False, login: bool = False) -> Iterator[Mailbox]:
    box = Mailbox()
    more: dict[str, Any] = {}
    if starttls:
        more = {"tls_context": context, "require_starttls": True}
    if login:
        more |= {"authenticator": _Login(), "auth_required": True, "auth_require_tls": starttls}
    controller = Controller(
        box,
        hostname="localhost",
        port=free_port(),
        ssl_context=None if starttls else context,
        **more,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()
