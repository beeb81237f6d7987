"""Findings about changed tool surfaces: breaking and suspicious ones, and those under an unchanged version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from caelum_report import words
from caelum_report.document import ContractChange, Finding
from caelum_report.model import Status

from .commands import command
from .facts import Facts, Standing

CONTRACT_DAYS: Final = 7  # a change stays a finding for so long


def contracts(facts: Facts) -> Iterator[Finding]:
    """Breaking and suspicious changes of tool surfaces of the last week; those since yesterday need somebody."""
    start = facts.at - timedelta(days=CONTRACT_DAYS)
    versions = _server_versions(facts)
    told: set[tuple[str, object]] = set()
    for change in facts.contract:
        standing = facts.by_id.get(change.server)
        if change.at <= start or standing is None or standing.retired or change.server in facts.pins:
            continue
        place = (change.server, change.at)
        silent = versions.get(place) is True
        if change.severity in {"additive", "cosmetic"} and (not silent or place in told):
            continue
        told.add(place)
        yield _of_change(facts, standing, change, silent=silent)


_IMPACT: Final = {
    "breaking": "Calls that worked before may fail now.",
    "suspicious": "A model that reads it may follow it.",
}


def _of_change(facts: Facts, standing: Standing, change: ContractChange, *, silent: bool) -> Finding:
    grave = change.severity in _IMPACT
    suspicious = change.severity == "suspicious"
    fresh = min(facts.baseline or facts.at, facts.at - timedelta(days=1))
    heir = next((line for line in change.added if "takes the same arguments" in line), "")
    causes = ["The server still calls itself the same version." if silent else "", f"{heir}." if heir else ""]
    causes += [f"It reads: “{change.added[0]}”."] if suspicious and change.added else []
    more = "+" if change.tokens > 0 else ""
    return Finding(
        id=f"contract:{change.server}:{change.at:%Y%m%dT%H%M%SZ}:{change.severity}:{change.title[:60]}",
        kind="security" if suspicious else "contract",
        word="Contract",
        status=Status.DEGRADED if grave else None,
        title=_contract_title(standing.name, change.severity, change.title),
        server=change.server,
        page=f"{standing.page}#contract",
        since=change.at,
        owner=standing.server.owner if standing.server else None,
        evidence=change.severity + (f", tokens {more}{words.count(change.tokens)}" if change.tokens else ""),
        chance=0.0,
        impact=_IMPACT.get(change.severity, "Its tools say something else than what was approved."),
        cause=" ".join(filter(None, causes)),
        advice="Read the difference before the server is used again." if suspicious else "",
        command=command(facts, change.server, "probe"),
        needs_action=change.at > fresh and grave,
    )


def _contract_title(name: str, severity: str, title: str) -> str:
    if severity == "breaking" and title.startswith(("Tool removed: ", "Tools removed: ")):
        what, _, names = title.partition(" removed: ")
        return f"{name} removed {'a tool' if what == 'Tool' else 'tools'}: {names}."
    if severity in {"breaking", "suspicious"}:
        return f"{name} changed its tools: {title}."
    return f"{name} changed its tools without a new version: {title}."


def _server_versions(facts: Facts) -> dict[tuple[str, object], bool]:
    """Of each change within the raw history: did the server name the same version before and after it?"""
    changed = {(change.server, change.at) for change in facts.contract}
    same: dict[tuple[str, object], bool] = {}
    for server, at in changed:
        standing = facts.by_id.get(server)
        if standing is None:
            continue
        moment = at.timestamp()
        bounds = facts.checks.bounds[standing.index : standing.index + 2]
        times = facts.checks.time[bounds[0] : bounds[1]]
        row = int(bounds[0] + np.searchsorted(times, moment, "left"))
        if row >= bounds[1] or row == bounds[0] or abs(facts.checks.time[row] - moment) > 1:
            continue
        now, before = _version_of(facts, row), ""
        for earlier in range(row - 1, max(int(bounds[0]) - 1, row - 25), -1):
            before = _version_of(facts, earlier)
            if before:
                break
        same[server, at] = bool(now) and now == before
    return same


def _version_of(facts: Facts, row: int) -> str:
    details = facts.checks.rows["details"].iloc[row]
    match = re.search(r'"server_version": ?"((?:[^"\\]|\\.)*)"', details) if isinstance(details, str) else None
    return match.group(1) if match else ""
