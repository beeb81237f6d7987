"""The ledger and the readiness page with nothing, with one, with twenty and with a thousand servers."""

from __future__ import annotations

import dataclasses
import functools
import json
from datetime import timedelta

import html5lib
import pytest

from caelum_report import document as d
from caelum_report.model import Era
from caelum_report.render import api, pages
from caelum_report.render.markdown import markdown
from caelum_report.render.pages import changes, index, readiness, recommendations

from . import sample_reports
from .sample_reports import NOW

fleet_report = functools.cache(sample_reports.fleet_report)

REVISIONS = ("2025-11-25", "2026-07-28")


def view_of(report: d.Report) -> pages.View:
    return pages.view_of(report, sha256="0" * 64, pdf=False, static_version="0", drawings={}, notes=[])


def written(report: d.Report, page: pages.Page) -> tuple[str, list[list[str]]]:
    """All the text of a page, and its tables' rows."""
    view = view_of(report)
    tree = html5lib.parse(pages.write(view, page).decode(), namespaceHTMLElements=False)
    assert view.notes == [], view.notes
    rows = [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in tree.iter("tr")]
    return " ".join("".join(tree.find("body").itertext()).split()), rows


def ready(count: int) -> d.Readiness:
    names = [server.id for server in fleet_report().servers]
    servers = tuple(
        d.ReadyServer(
            names[n] if n < len(names) else f"server-{n}",
            Era.LEGACY if n % 2 else Era.MODERN,
            REVISIONS[1 - n % 2],
            (d.Speaks.SPOKEN, d.Speaks.NO) if n % 2 else (d.Speaks.UNKNOWN, d.Speaks.SPOKEN),
            ("legacy",) if n % 2 else (),
        )
        for n in range(count)
    )
    legacy = tuple(server.server for server in servers if server.rules)
    rule = d.ReadinessRule("legacy", "Answers initialize", "Answer server/discover.", "changelog", True, legacy)
    return d.Readiness(REVISIONS, servers, (rule,), f"{count - len(legacy)} of {count} speak it.")


@pytest.mark.parametrize("count", [0, 1, 20, 1000])
def test_the_readiness_of_so_many_servers_is_a_whole_page(count: int) -> None:
    report = dataclasses.replace(fleet_report(), readiness=ready(count))
    text, rows = written(report, readiness.PAGE)
    assert len(rows) == (1 + min(count, readiness.SHOWN_SERVERS) if count else 0)
    assert ("No server is configured yet." in text) == (count == 0)
    assert ("more servers in the JSON" in text) == (count > readiness.SHOWN_SERVERS)
    assert len(api.readiness(report)["servers"]) == count
    json.dumps(api.readiness(report))


def change(n: int, **said: object) -> d.ContractChange:
    facts: dict[str, object] = {
        "at": NOW - timedelta(hours=n),
        "report": None,
        "server": fleet_report().servers[n % 20].id,
        "severity": "breaking",
        "title": f"Tool removed: t{n}",
        "removed": (f"t{n}",),
        "added": (),
        "tokens": -10,
    }
    return d.ContractChange(**{**facts, **said})  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 20, 1000])
def test_the_ledger_of_so_many_changes_is_a_whole_page(count: int) -> None:
    report = dataclasses.replace(fleet_report(), contract=tuple(change(n) for n in range(count)), changes=())
    text, rows = written(report, changes.PAGE)
    assert len(rows) == (1 + min(count, changes.SHOWN_ENTRIES) if count else 0)
    assert ("No server has changed its tools" in text) == (count == 0)
    assert (f"{count - changes.SHOWN_ENTRIES} older changes" in text) == (count > changes.SHOWN_ENTRIES)


def test_an_entry_says_who_when_what_and_whether_somebody_agreed() -> None:
    contract = (change(1), change(2, pinned=True), change(3, pinned=True, approved_at=NOW))
    _, (_, free, held, agreed) = written(
        dataclasses.replace(fleet_report(), contract=contract, changes=()), changes.PAGE
    )
    assert free[0] == fleet_report().servers[1].name
    assert (free[2], free[4], free[5]) == ("Breaking", "−10", "no pin")
    assert free[3].startswith("Tool removed: t1 Before and now before: t1")
    assert held[5] == "not yet"
    assert agreed[5] == "22 Nov"


def test_hostile_texts_in_the_ledger_stay_texts() -> None:
    bad = "<script>alert(1)</script> {{ 7*7 }}"
    contract = (change(1, title=bad, removed=(bad,), added=(bad,)),)
    view = view_of(dataclasses.replace(fleet_report(), contract=contract))
    page = pages.write(view, changes.PAGE).decode()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}") == 3


def recommended(n: int) -> d.Recommendation:
    server = fleet_report().servers[n].id
    return d.Recommendation(
        "dead",
        f"Mend {n} <b>now</b>.",
        "It is down.",
        "saves 2 d of outage",
        (server,),
        "index.html",
        "Then.",
        "caelum-report x",
        9.0 - n,
    )


@pytest.mark.parametrize("count", [0, 1, 5])
def test_so_many_recommendations_are_a_page_and_a_small_part_of_the_first(count: int) -> None:
    report = dataclasses.replace(
        fleet_report(), recommendations=tuple(recommended(n) for n in range(count)), ranking=("By weights.",)
    )
    text, _ = written(report, recommendations.PAGE)
    assert ("Nothing to recommend." in text) == (count == 0)
    assert text.count("Saves 2 d of outage") == count
    assert "By weights." in text
    front, _ = written(report, index.page(report))
    assert front.count("Saves 2 d of outage") == min(count, index.SHOWN_RECOMMENDATIONS)
    assert ("Worth doing" in front) == (count > 0)
    assert ("and 2 more" in front) == (count == 5)
    told = markdown(report).decode()
    assert told.count("Saves 2 d of outage. It is down.") == count
    assert told.count("Command: `caelum-report x`") == count
    assert told.index("## Looming") < told.index("## Worth doing") < told.index("## Fleet")
