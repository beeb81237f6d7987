"""readiness.html: which revisions of the protocol each server speaks, and what it has to change for the newest."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import words
from caelum_report.document import ReadyServer, Speaks
from caelum_report.model import Era

from .view import Page, View

SHOWN_SERVERS: Final = 200  # of the matrix; all are in api/v1/readiness.json
SHOWN_NAMES: Final = 12  # of a rule


def _head(view: View) -> dict[str, Any]:
    ready = view.report.readiness
    musts = sum(
        1 for server in ready.servers if any(rule.must and server.server in rule.servers for rule in ready.rules)
    )
    lede = "Nothing stands between them and that revision."
    if musts:
        lede = f"{words.plural(musts, 'server has', 'servers have')} something to change for it; each says what."
    elif any(server.era is None for server in ready.servers) or not ready.servers:
        lede = "What a server has to change is known when it has answered once."
    return {"heading": ready.sentence or "No server has been asked for its revision yet.", "lede": lede}


def _changes(view: View) -> dict[str, Any]:
    rules = [rule for rule in view.report.readiness.rules if rule.servers]
    rules.sort(key=lambda rule: not rule.must)
    return {"rules": rules, "shown": SHOWN_NAMES, "met": any(s.era for s in view.report.readiness.servers)}


def _revisions(view: View) -> dict[str, Any]:
    ready = view.report.readiness
    titles = {rule.code: rule.title for rule in ready.rules}
    told = [
        column
        for column in range(len(ready.revisions))
        if any(server.revisions[column] is not Speaks.UNKNOWN for server in ready.servers)
    ]
    silent = [revision for column, revision in enumerate(ready.revisions) if column not in told]
    return {
        "revisions": [ready.revisions[column] for column in told],
        "silent": words.listing(silent, len(silent)),
        "servers": [
            (
                server,
                _era(server),
                [server.revisions[column] for column in told],
                [titles[code] for code in server.rules],
            )
            for server in ready.servers[:SHOWN_SERVERS]
        ],
        "rest": max(0, len(ready.servers) - SHOWN_SERVERS),
    }


def _era(server: ReadyServer) -> str:
    return {Era.MODERN: "modern", Era.LEGACY: "legacy", None: "not known"}[server.era]


PAGE: Final = Page(
    "readiness.html",
    "Readiness",
    (
        ("page_head.html", _head),
        ("readiness/changes.html", _changes),
        ("readiness/revisions.html", _revisions),
    ),
)
