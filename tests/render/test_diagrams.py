"""Diagrams: readable from nothing to a thousand servers, safe with any name, whole without Graphviz."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from caelum_report.diagram import Diagram, Edge, Node
from caelum_report.model import Status
from caelum_report.render import diagrams
from caelum_report.render.diagrams.dot import dot_source
from caelum_report.render.diagrams.layout import layout
from caelum_report.render.diagrams.svg import svg

SVG = "{http://www.w3.org/2000/svg}"
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
HOSTILE = (
    '\\N "q" \\',
    "<b>&amp;</b>",
    "a\x00\u202eb\nc",
    "]-->|x|",
    "</svg><script>",
    "{}|<>",
    "漢字" * 60,
    "",
    "end\\",
)


def fleet(count: int, groups: tuple[str, ...] = ()) -> Diagram:
    statuses = (Status.DOWN, Status.DEGRADED, *([Status.UP] * 18))
    nodes = [Node("report", "Fleet", "report", None, None, "index.html"), Node("h", "host-1", "host", None, None, None)]
    edges = []
    for index in range(count):
        name = f"server-{index}"
        group = groups[index % len(groups)] if groups else None
        nodes.append(Node(name, name, "server", statuses[index % 20], group, f"servers/{name}.html"))
        edges += [Edge("report", name, "probes"), Edge(name, "h", "runs-on")]
        if index % 5 == 4:
            edges.append(Edge(name, "server-0", "depends-on"))
    return Diagram("architecture", "Architecture", "What runs where.", tuple(nodes), tuple(edges))


def drawing(diagram: Diagram) -> ET.Element:
    return ET.fromstring(diagrams.draw([diagram])[diagram.name].svg or "")


@needs_dot
def test_every_server_is_a_link_with_its_state_as_a_word() -> None:
    svg = drawing(fleet(20, ("A", "B")))
    links = {link.get("href") for link in svg.iter(f"{SVG}a")}
    assert {f"servers/server-{index}.html" for index in range(20)} <= links
    words = [text.text for text in svg.iter(f"{SVG}text")]
    assert words.count("down") == 1
    assert "A" in words
    assert not [element for element in svg.iter() if "style" in element.attrib]


@needs_dot
def test_all_the_statuses_differ_in_their_border() -> None:
    nodes = tuple(Node(str(status), str(status), "server", status, None, None) for status in Status)
    svg = drawing(Diagram("d", "t", "d", nodes, ()))
    roles = {element.get("class") for element in svg.iter() if (element.get("class") or "").startswith("cx-node-")}
    assert roles == {f"cx-node-{status}" for status in Status}


@needs_dot
@pytest.mark.parametrize("groups", [(), ("A", "B", "C"), tuple(f"Team {i}" for i in range(50))])
def test_a_thousand_servers_are_summed_up(groups: tuple[str, ...]) -> None:
    diagram = fleet(1000, groups)
    shown = diagrams.summary(diagram)
    assert len(shown.nodes) <= diagrams.READABLE
    boxes = [node for node in shown.nodes if node.page == "index.html#fleet"]
    counted = sum(int(box.label.split()[0].replace("\u202f", "")) for box in boxes)
    alone = sum(n.id.startswith("server-") for n in shown.nodes)
    assert counted + alone == 1000
    assert diagrams.draw([diagram])["architecture"].svg


def test_a_small_fleet_is_shown_whole() -> None:
    diagram = fleet(3)
    assert diagrams.summary(diagram) is diagram


def test_the_only_host_counts_its_servers_and_every_server_keeps_its_box_and_its_needs() -> None:
    diagram = fleet(20)
    shown = diagrams.summary(diagram)
    assert [node.id for node in shown.nodes] == [node.id for node in diagram.nodes]
    assert next(node for node in shown.nodes if node.kind == "host").lines == ("20 servers run on it",)
    assert {edge.kind for edge in shown.edges} == {"probes", "depends-on"}
    assert sum(edge.kind == "depends-on" for edge in shown.edges) == 4


def test_with_two_hosts_a_line_leads_from_each_server_to_its_own() -> None:
    one = fleet(20)
    second = Node("h2", "host-2", "host", None, None, None)
    two = dataclasses.replace(one, nodes=(*one.nodes, second))
    assert sum(edge.kind == "runs-on" for edge in diagrams.summary(two).edges) == 20


@needs_dot
def test_hostile_names_stay_names() -> None:
    nodes = tuple(
        Node(f"{i}{name}", name, "server", Status.UP, name, "servers/x.html") for i, name in enumerate(HOSTILE)
    )
    edges = tuple(Edge(a.id, b.id, "depends-on", a.label) for a, b in pairwise(nodes))
    diagram = Diagram('x"]\\', HOSTILE[4], HOSTILE[2], (*nodes,), (*edges, Edge("gone", nodes[0].id, "probes")))
    made = diagrams.draw([diagram])[diagram.name]
    for text in (made.svg, made.file):
        svg = ET.fromstring(text or "")
        assert not list(svg.iter(f"{SVG}script"))
        assert len(list(svg.iter(f"{SVG}a"))) == len(HOSTILE)
    again = subprocess.run(["dot", "-Tsvg"], input=made.dot, capture_output=True, encoding="utf-8", check=True)
    assert "<script" not in again.stdout
    assert all(line.count('"') % 2 == 0 for line in made.mermaid.splitlines())
    assert json.loads(made.json)["nodes"][0]["label"] == HOSTILE[0]


@needs_dot
def test_many_graphs_in_one_call_are_the_same_as_alone() -> None:
    several = [fleet(5), Diagram("empty", "t", "d", (), ()), fleet(0)]
    several[2] = Diagram("two", "t", "d", several[2].nodes, ())
    together = diagrams.draw(several)
    assert all(together[d.name] == diagrams.draw([d])[d.name] for d in several)


@needs_dot
def test_in_which_order_dot_tells_of_its_boxes_makes_no_difference() -> None:
    diagram = fleet(20, ("A", "B", "C"))
    (placed,) = layout((dot_source(diagram),), "dot")
    assert placed is not None
    turned = placed | {"objects": placed["objects"][::-1]}
    assert svg(diagram, turned, "css", "") == svg(diagram, placed, "css", "")


def test_without_graphviz_the_twins_remain() -> None:
    made = diagrams.draw([fleet(3)], program="no-such-dot")["architecture"]
    assert made.svg is None
    assert made.file is None
    assert made.dot.startswith("digraph")
    assert made.mermaid.startswith("flowchart")
