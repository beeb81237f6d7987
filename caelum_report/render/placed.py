"""What page 1 places, for the faces that are no pages of the site: paper, mail and Markdown say the same in the same order."""

from __future__ import annotations

from typing import Any

from caelum_report import words
from caelum_report.document import Change, Finding, Report, ServerReport
from caelum_report.model import Status

from . import marks
from .pages import index
from .pages.view import View, current, uptime_of, view_of

Row = tuple[ServerReport, str, str]  # with its up share and its p95


def parts_of(report: Report) -> tuple[View, dict[str, Any]]:
    """What page 1 places, and the fleet as rows for those that are not simply up and a list of the others."""
    view = view_of(report, sha256="", pdf=False, static_version="", drawings={}, notes=[])
    placed = index.placed(view)
    fleet = placed.get("fleet", {})
    shown = [row.server for row in fleet["rows"]] if fleet else current(report)
    rows = [_row(server) for server in shown[: marks.SEGMENTS_FROM]]
    return view, {
        **{part: placed[part] for part in ("verdict", "needs_action", "changed", "objectives", "looming")},
        "recommended": placed.get("recommended", {"shown": ()}),
        "items": placed.get("read_on", {"items": ()})["items"],
        "rows": [row for row in rows if row[0].status is not Status.UP],
        "steady": [row for row in rows if row[0].status is Status.UP],
        "groups": fleet.get("groups", ()),
        "servers": words.plural(len(current(report)), "server") if current(report) else "",
    }


def _row(server: ServerReport) -> Row:
    p95 = server.latency_day.p95 if server.latency_day else None
    return server, marks.up_share(uptime_of(server, "month")), words.seconds(p95)


def about(finding: Finding, report: Report) -> str:
    """since 13:22 (38 min) · Platform team · 8 of 8 probes · chance it is nothing below 0.1 %"""
    since = words.since(finding.since, report.at, report.zone) if finding.since else ""
    chance = words.chance(finding.chance) if finding.chance is not None else ""
    return " · ".join(filter(None, (since, finding.owner, finding.evidence, chance)))


def why(finding: Finding) -> list[tuple[str, str]]:
    """What follows the impact, each with its label."""
    cause = "What it does" if finding.kind == "setup" else "Likely cause"
    labelled = ((cause, finding.cause), ("Wrong if", finding.wrong_if), ("Do next", finding.advice))
    return [(label, said) for label, said in labelled if said]


def names_of(change: Change, report: Report, at_most: int = 4) -> str:
    names = {server.id: server.name for server in report.servers}
    return words.listing([names.get(server, server) for server in change.servers], at_most) or "this report"
