"""changes.html: what changed since the last report, every finding, and the ledger: every change of every server's tools."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from caelum_report import words

from .panels import beside
from .view import Page, View, changed_heading, severities

SHOWN_ENTRIES: Final = 200  # of the ledger; the rest stand on the pages of their servers and in report.json

SHOWN_MARKS: Final = 20


def _head(view: View) -> dict[str, Any]:
    report = view.report
    worse = sum(change.direction == "worse" for change in report.changes)
    better = sum(change.direction == "better" for change in report.changes)
    breaking = sum(change.severity == "breaking" for change in report.contract)
    if report.changes:
        title = f"{words.balance(worse, better)}."
    elif report.previous:
        title = "Nothing changed that stands out from chance."
    else:
        title = "Nothing to compare with yet."
    tools = (
        f"The tools that servers offer changed {words.plural(len(report.contract), 'time')} on record, {breaking} breaking."
        if report.contract
        else "No server has changed the tools that it offers since the first report."
    )
    return {"heading": title, "lede": tools}


def _since(view: View) -> dict[str, Any]:
    return {"changes": view.report.changes, "heading": changed_heading(view.report)}


def _marks(view: View) -> dict[str, Any]:
    return {"marks": view.report.marks[:SHOWN_MARKS], "older": max(0, len(view.report.marks) - SHOWN_MARKS)}


def _compared(view: View) -> dict[str, Any]:
    return {"compared": view.report.compared}


def _findings(view: View) -> dict[str, Any]:
    return {"findings": view.report.findings}


def _ledger(view: View) -> dict[str, Any]:
    entries = view.report.contract
    held = [server for server in view.report.servers if server.pin and not server.retired]
    return {
        "entries": entries[:SHOWN_ENTRIES],
        "rest": words.plural(max(0, len(entries) - SHOWN_ENTRIES), "older change"),
        "more": len(entries) > SHOWN_ENTRIES,
        "note": severities(entries),
        "held": held,
        "differ": [server for server in held if server.pin and not server.pin.holds],
    }


def _tokens(view: View) -> dict[str, Any] | None:
    """The fleet's chart beside those of the servers that changed, and the dearest servers."""
    report = view.report
    row = replace(beside(view, report.token_charts, "api/v1/tokens.csv", "", {}), silent=())
    total = sum(server.tokens for server in report.servers if not server.retired)
    return {"row": row, "costs": report.token_costs, "total": total} if report.token_costs else None


PAGE: Final = Page(
    "changes.html",
    "Changes",
    (
        ("page_head.html", _head),
        ("changes/since.html", _since),
        ("changes/compared.html", _compared),
        ("changes/marks.html", _marks),
        ("changes/findings.html", _findings),
        ("changes/ledger.html", _ledger),
        ("changes/tokens.html", _tokens),
    ),
)
