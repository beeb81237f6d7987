"""Real receivers: HTTP that answers as its path says, SMTP with and without TLS."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

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
