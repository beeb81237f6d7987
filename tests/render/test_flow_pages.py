"""The data flow and what an incident takes with it: drawn at every size, complete without Graphviz, safe with any name."""

from __future__ import annotations

import dataclasses
import functools
import json
import shutil
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from caelum_report import flows
from caelum_report.diagram import Diagram, Edge, Flow, Node
from caelum_report.document import IncidentReport, ServerUsage, UsageReport
from caelum_report.model import Status
from caelum_report.render import diagrams
from caelum_report.render.pages import alerts, dataflow

from . import sample_reports
from .test_diagrams import HOSTILE, SVG
from .test_ledger_pages import written

NOW = sample_reports.NOW
fleet_report = functools.cache(sample_reports.fleet_report)
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz is not installed: apt-get install graphviz"
)


def flow(calls: int, errors: int = 0) -> Flow:
    return Flow(calls, errors, 1.5, NOW - timedelta(hours=4))


def usage(count: int) -> tuple[UsageReport, Diagram]:
    """Calls of so many servers, the first of them those of the sample fleet."""
    names = [server.id for server in fleet_report().servers]
    names += [f"more-{n}" for n in range(count - len(names))]
    servers, nodes, edges = [], [Node("caller:tap", "Clients", "caller", None, None, None, ("by tap logs",))], []
    for number, name in enumerate(names[:count]):
        calls = 5000 // (number + 1) + 1
        bad = calls // 10 if number == 3 else 0
        servers.append(ServerUsage(name, "tap", NOW, calls, None, bad, 9.0, 0.2, 1.5, 9.0, 3, (), 0, ""))
        lines = flows.told(flow(calls, bad), NOW)
        group = f"Team {number % 12}"
        nodes.append(Node(f"server:{name}", name, "server", Status.UP, group, f"servers/{name}.html#usage", lines))
        edges.append(Edge("caller:tap", f"server:{name}", "calls", flow=flow(calls, bad)))
    total = sum(server.calls for server in servers)
    told = UsageReport(start=NOW, calls=total, servers=tuple(servers))
    return told, Diagram("dataflow", "Data flow", "Calls.", tuple(nodes), tuple(edges), NOW)


def test_without_a_measured_call_one_sentence_says_how_to_begin() -> None:
    text, rows = written(fleet_report(), dataflow.PAGE)
    assert "No flow of calls is measured yet." in text
    assert rows == []


@pytest.mark.parametrize("count", [1, 20, 1000])
def test_the_flow_to_so_many_servers_is_a_whole_page(count: int) -> None:
    told, diagram = usage(count)
    report = dataclasses.replace(fleet_report(), usage=told, dataflow=diagram)
    text, rows = written(report, dataflow.PAGE)
    assert len(rows) == 1 + min(count, dataflow.SHOWN)
    assert "the table says the same" in text  # no drawing was given
    if count == 1:
        assert "23 servers are not measured" in text


@needs_dot
@pytest.mark.parametrize("count", [20, 100, 1000])
def test_every_call_is_in_the_drawing_of_any_fleet(count: int) -> None:
    told, diagram = usage(count)
    shown = diagrams.summary(diagram)
    assert len(shown.nodes) <= 30
    from_callers = [edge.flow for edge in shown.edges if edge.source == "caller:tap"]
    assert flows.together([each for each in from_callers if each]).calls == told.calls
    svg = ET.fromstring(diagrams.draw([diagram])["dataflow"].svg or "")
    lines = [
        path
        for path in svg.iter(f"{SVG}path")
        if (path.get("class") or "").startswith("cx-flow") and "C" in path.get("d", "")
    ]
    widths = sorted(float(path.get("stroke-width", "0")) for path in lines)
    assert len(lines) == len(from_callers)
    assert widths[-1] > 2 * widths[0]
    assert [path.get("class") for path in lines].count("cx-flow-failing") == 1


@needs_dot
def test_hostile_names_stay_names_in_flows_and_falls() -> None:
    nodes = tuple(
        Node(f"{i}{name}", name, "tool", None, None, "x.html", (name, name)) for i, name in enumerate(HOSTILE)
    )
    edges = tuple(Edge(nodes[0].id, node.id, "calls", flow=flow(5, 5)) for node in nodes[1:])
    made = diagrams.draw([Diagram(HOSTILE[4], HOSTILE[4], HOSTILE[2], nodes, edges, NOW)])[HOSTILE[4]]
    texts = [text.text for text in ET.fromstring(made.svg or "").iter(f"{SVG}text")]
    assert "</svg><script>" in texts
    assert json.loads(made.json)["edges"][0]["flow"]["succeeded_at"] == "2026-11-22T09:00:00Z"
    assert all(line.count('"') % 2 == 0 for line in made.mermaid.splitlines())


def incident(dependants: Diagram | None) -> IncidentReport:
    return IncidentReport(
        "20261122t1322z-7", "api-gateway is down.", "critical", NOW, None, 60.0, "", "", ("api-gateway",), (7,), None, None, (),
        dependants=dependants,
    )  # fmt: skip


def test_an_incident_shows_what_needs_the_server_that_failed() -> None:
    drawn = Diagram(
        "incident-7", "What needs api-gateway", "1 server needs api-gateway; none failed with it.",
        (Node("a", "api-gateway", "server", Status.DOWN, None, "servers/api-gateway.html#states"),
         Node("b", "workflow-orchestration", "server", Status.UP, None, None)),
        (Edge("a", "b", "spares"),),
    )  # fmt: skip
    text, rows = written(fleet_report(), alerts.incident_page(incident(drawn)))
    assert "none failed with it" in text
    assert [row[0] for row in rows[1:]] == ["api-gateway", "workflow-orchestration"]
    text, rows = written(fleet_report(), alerts.incident_page(incident(None)))
    assert rows == []
