"""Which server answers where."""

from __future__ import annotations

from dataclasses import replace

from caelum_report.analyse.by_host import by_host
from caelum_report.document import ServerReport
from caelum_report.model import Status, Transport
from tests.render import sample_reports

STDIO, HTTP = Transport.STDIO, Transport.HTTP


def server(name: str, transport: Transport, endpoint: str, *needs: str) -> ServerReport:
    made = sample_reports.server(name, Status.UP)
    return replace(made, id=name, transport=transport, endpoint=endpoint, host="here", depends_on=needs)


def test_servers_stand_where_they_answer() -> None:
    found = by_host([
        server("a", STDIO, "npx + 1 argument", "c"),
        server("b", HTTP, "http://127.0.0.1:80/mcp", "a", "gone"),
        server("c", HTTP, "https://far.example:443/mcp"),
        server("d", HTTP, "http://[::1]:80/"),
        server("e", HTTP, "an address that cannot be read"),
    ])  # fmt: skip
    assert found is not None
    assert {node.id: node.group for node in found.nodes} == {
        "a": "here", "b": "here", "c": "far.example", "d": "here", "e": "here",
    }  # fmt: skip
    assert [(edge.source, edge.target) for edge in found.edges] == [("a", "c"), ("b", "a")]
    assert found.description == "5 servers on 2 hosts; 1 dependency leads from one host to another."


def test_one_host_needs_no_drawing() -> None:
    assert by_host([server("a", STDIO, "npx"), server("b", HTTP, "http://localhost:80/")]) is None
    assert by_host([]) is None
