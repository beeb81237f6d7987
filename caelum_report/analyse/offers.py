"""What servers offer, held against what people agreed to, and texts in it that somebody should have read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from caelum_report import words
from caelum_report.document import Finding, Remark
from caelum_report.model import Status

from .commands import command
from .contracts import CONTRACT_DAYS
from .facts import Facts, Standing
from .schemas import Severity
from .surface import SEVERITIES, compare


def pins(facts: Facts) -> Iterator[Finding]:
    """One finding for every pinned server that offers something else, with all that differs from its pin."""
    for standing in facts.current:
        pin = facts.pins.get(standing.id)
        if pin is None or pin.surface is None or standing.surface is None:
            continue
        if standing.surface.sha256 == pin.surface.sha256:
            continue
        deltas = sorted(compare(pin.surface, standing.surface), key=lambda delta: SEVERITIES.index(delta.severity))
        counts = Counter(delta.severity for delta in deltas)
        change = next((change for change in facts.contract if change.server == standing.id), None)
        yield Finding(
            id=f"pin:{standing.id}:{standing.surface.sha256[:12]}",
            kind="security" if counts["suspicious"] else "contract",
            word="Contract",
            status=Status.DEGRADED,
            title=f"{standing.name} offers something else than what was pinned.",
            server=standing.id,
            page=f"{standing.page}#contract",
            since=change.at if change else None,
            owner=standing.server.owner if standing.server else None,
            evidence=f"{_counted(counts)} against the pin of {words.day_in_its_year(pin.at, facts.at, facts.zone)}",
            chance=0.0,
            impact=_impact(counts),
            cause=f"{words.listing([delta.title for delta in deltas], 3)}." if deltas else "",
            advice="Read the difference; when it is right, pin it.",
            command=command(facts, standing.id, "servers", "pin", "--surface", standing.surface.sha256[:12]),
        )


def _counted(counts: Counter[Severity]) -> str:
    """`1 suspicious, 2 additive`; a listing whose difference lies beyond what is stored has another hash only."""
    return ", ".join(f"{counts[name]} {name}" for name in SEVERITIES if counts[name]) or "another hash"


def _impact(counts: Counter[Severity]) -> str:
    if counts["suspicious"]:
        return "A model that reads it may follow it."
    if counts["breaking"]:
        return "Calls that worked before may fail now."
    return "Its tools say something else than what was agreed to."


def remarks(facts: Facts) -> Iterator[Finding]:
    """Texts that have stood in a surface for as long as it is known, one quiet line for all servers; new ones are changes."""
    told = [(standing, remark) for standing in facts.current for remark in _unread(facts, standing)]
    if not told:
        return
    first, remark = told[0]
    names = list(dict.fromkeys(standing.name for standing, _ in told))
    one = len(names) == 1
    yield Finding(
        id="texts",
        kind="security",
        word="Note",
        status=None,
        title=f"{names[0]} has text that a person should read once."
        if one
        else f"{words.plural(len(names), 'server')} have text that a person should read once.",
        server=first.id if one else None,
        page=f"{first.page}#tools",
        owner=first.server.owner if one and first.server else None,
        evidence=f"{words.plural(len(told), 'place')}; {words.listing(names, 5)}",
        chance=0.0,
        impact="A model reads it as it reads what you ask.",
        cause=f"{remark.tool}: {remark.what} in {remark.where}, “{remark.excerpt}”.",
        advice="Read it; pin the server when it is right, and it is not told again.",
        command=command(facts, first.id, "servers", "pin"),
        needs_action=False,
    )


def _unread(facts: Facts, standing: Standing) -> tuple[Remark, ...]:
    """What nobody agreed to and no other finding tells: that of a pin, of a fresh change, of hidden characters."""
    start = facts.at - timedelta(days=CONTRACT_DAYS)
    fresh = any(c.server == standing.id and c.severity == "suspicious" and c.at > start for c in facts.contract)
    if standing.surface is None or standing.id in facts.pins or fresh:
        return ()
    found = facts.remarks.get(standing.surface.sha256, ())
    return tuple(remark for remark in found if remark.what != "hidden characters")
