"""Whom an incident takes with it, and whom it spares."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from caelum_report.analyse.impact import impact
from caelum_report.document import Episode, ServerReport
from caelum_report.model import Failure, Status
from tests.render import sample_reports

NOW = sample_reports.NOW
BEGAN = NOW - timedelta(hours=3)
DOWN, UP = Status.DOWN, Status.UP


def server(name: str, *needed_by: str, fell: timedelta | None = None, status: Status = DOWN) -> ServerReport:
    begun = (
        [] if fell is None else [Episode(status, Failure.OK, NOW - fell, NOW - fell + timedelta(hours=1), 3600.0, "")]
    )
    made = sample_reports.server(name, UP)
    return replace(made, id=name, name=name, needed_by=needed_by, episodes=tuple(begun))


def fleet(*servers: ServerReport) -> dict[str, ServerReport]:
    return {each.id: each for each in servers}


def test_dependants_are_taken_through_others_and_the_rest_is_spared() -> None:
    three = timedelta(hours=3)
    servers = fleet(
        server("root", "a", "b", fell=three), server("a", "c", fell=three, status=Status.DEGRADED),
        server("b"), server("c"), server("far", fell=timedelta(days=3)),
    )  # fmt: skip
    found = impact("1", "root", ("root", "a", "c"), servers, began=BEGAN, end=NOW)
    assert found is not None
    assert [(node.id, node.status) for node in found.nodes] == [
        ("root", DOWN),
        ("a", Status.DEGRADED),
        ("b", UP),
        ("c", UP),
    ]
    assert {(e.source, e.target): e.kind for e in found.edges} == {
        ("root", "a"): "takes-down", ("root", "b"): "spares", ("a", "c"): "takes-down",
    }  # fmt: skip
    assert found.description == "3 servers need root, directly or through others; 2 failed with it: a and c."


def test_trouble_long_before_or_after_is_not_blamed_on_it() -> None:
    servers = fleet(server("root", "early"), server("early", fell=timedelta(days=2)))
    found = impact("1", "root", ("root",), servers, began=BEGAN, end=NOW)
    assert found is not None
    assert [edge.kind for edge in found.edges] == ["spares"]


def test_a_circle_of_needs_ends_and_nobody_needs_a_lone_server() -> None:
    servers = fleet(server("root", "a"), server("a", "root"), server("alone"))
    found = impact("1", "root", ("root",), servers, began=BEGAN, end=NOW)
    assert found is not None
    assert [(edge.source, edge.target) for edge in found.edges] == [("root", "a")]
    assert impact("1", "alone", ("alone",), servers, began=BEGAN, end=NOW) is None


def test_of_five_hundred_dependants_the_nearest_are_drawn() -> None:
    many = [server(f"s{n}") for n in range(500)]
    servers = fleet(server("root", *(each.id for each in many)), *many)
    found = impact("1", "root", (), servers, began=BEGAN, end=NOW)
    assert found is not None
    assert 200 <= len(found.nodes) <= 202
    assert {edge.target for edge in found.edges} < {node.id for node in found.nodes}
