"""TLS that cannot be trusted is told apart, and nothing is sent over it."""

import http.server
import json
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from caelum_report.model import Failure, Outcome

from .fleet import ask, remote


class Answering(http.server.BaseHTTPRequestHandler):
    """A decent legacy server."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = {
            "initialize": {
                "protocolVersion": message.get("params", {}).get("protocolVersion"),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "tls zoo", "version": "1"},
            },
            "ping": {},
            "tools/list": {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]},
        }
        method = message["method"]
        value = {"result": results[method]} if method in results else {"error": {"code": -32601, "message": "no"}}
        body = json.dumps({"jsonrpc": "2.0", "id": message.get("id")} | value).encode() if "id" in message else b""
        self.send_response(200 if body else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        pass  # visitors who don't trust us hang up


@pytest.fixture
def serve():
    servers = []

    def start(certificate: trustme.LeafCert | None) -> str:
        server = Quiet(("127.0.0.1", 0), Answering)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            # the handshake belongs to the visitor's thread
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"https://127.0.0.1:{server.server_address[1]}/mcp"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_certificate_of_an_unknown_authority(serve, authority):
    probe = ask(remote(serve(trustme.CA().issue_cert("127.0.0.1")))).probe
    assert (probe.failure, probe.stage) == (Failure.TLS_ERROR, "tls")
    assert "unable to get local issuer" in probe.reason


def test_an_expired_certificate(serve, authority):
    end = datetime(2020, 1, 1, tzinfo=UTC)
    probe = ask(remote(serve(authority.issue_cert("127.0.0.1", not_after=end)))).probe
    assert (probe.failure, probe.stage) == (Failure.TLS_ERROR, "tls")
    assert "expired" in probe.reason
    assert probe.certificate_expires_at == end


def test_a_certificate_for_another_name(serve, authority):
    probe = ask(remote(serve(authority.issue_cert("zoo.example")))).probe
    assert probe.failure is Failure.TLS_ERROR
    assert "127.0.0.1" in probe.reason


def test_a_plain_port_behind_https(serve, authority):
    probe = ask(remote(serve(None))).probe
    assert (probe.failure, probe.stage) == (Failure.TLS_ERROR, "tls")
    assert "not with TLS" in probe.reason


def test_a_good_certificate_and_its_end(serve, authority):
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    probe = ask(remote(serve(authority.issue_cert("127.0.0.1", not_after=end)))).probe
    assert probe.failure is Failure.OK, probe.reason
    assert probe.certificate_expires_at == end
    assert next(stage for stage in probe.stages if stage.name == "tls").outcome is Outcome.OK
