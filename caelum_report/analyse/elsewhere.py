"""Hosts whose bundles come to this one: that they still come, and that their clocks are right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from caelum_report import text, words
from caelum_report.document import Finding
from caelum_report.model import OtherHost, Status

from .facts import Facts
from .times import USUAL_INTERVAL

_MISSED: Final = 2.5  # intervals between its runs
_AHEAD_SECONDS: Final = 60.0


def other_hosts(facts: Facts) -> Iterator[Finding]:
    """One whose bundles no longer come, and one whose clock is ahead."""
    for other in facts.history.others:
        silent = facts.now - other.at.timestamp()
        usual = min((facts.intervals[server.id] for server in other.servers), default=USUAL_INTERVAL)
        if silent > _MISSED * usual:
            yield _silent(other, silent, facts)
        elif other.ahead_seconds > _AHEAD_SECONDS:
            yield _ahead(other)


def _silent(other: OtherHost, seconds: float, facts: Facts) -> Finding:
    name = text.visible(other.name, 60)
    return Finding(
        id=f"silent-host:{other.name}",
        kind="host",
        word="Host",
        status=Status.UNKNOWN,
        title=f"The host {name} has sent no bundle for {words.duration(seconds)}.",
        server=None,
        page="host.html",
        since=other.at,
        evidence="one bundle after the other",
        chance=0.0,
        impact=f"{words.plural(len(other.servers), 'server')} there: unknown, not down.",
        advice=f"Look whether `caelum-report collect --to` runs there, and whether its file comes here: the last is of "
        f"{words.moment(other.at, facts.at, facts.zone)}.",
    )


def _ahead(other: OtherHost) -> Finding:
    name = text.visible(other.name, 60)
    return Finding(
        id=f"clock-ahead:{other.name}",
        kind="host",
        word="Host",
        status=None,
        title=f"The clock of {name} is {words.duration(other.ahead_seconds)} ahead of ours.",
        server=None,
        page="host.html",
        evidence="its last bundle came from the future",
        chance=0.0,
        impact="Its times are shown as it told them.",
        advice="Let both hosts follow a time server.",
        needs_action=False,
    )
