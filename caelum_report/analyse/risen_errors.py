"""Findings about errors that rose, in the words of a reader. What the present state of a server tells is not told again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from caelum_report import text, words
from caelum_report.document import Finding
from caelum_report.model import Status

from .errors import BEFORE_DAYS, Rise
from .facts import PROBLEMS, Facts, Standing
from .patterns import spell
from .times import DAY, moment

_BEFORE: Final = f"in the {words.spelled(BEFORE_DAYS // 7)} weeks before"


def risen_errors(facts: Facts) -> Iterator[Finding]:
    for rise in facts.signals.rises:
        standing = facts.by_id[rise.server]
        if rise.of == "checks" and not _told(facts, standing, rise):
            yield _of_checks(facts, standing, rise)
        elif rise.of == "calls" and standing.status is not Status.DOWN:
            yield _of_calls(facts, standing, rise)


def _told(facts: Facts, standing: Standing, rise: Rise) -> bool:
    """By its state now, or as flapping."""
    spelled = spell(facts, standing)
    return standing.status in PROBLEMS or (spelled is not None and spelled[1] > facts.now - rise.days * DAY)


def _of_checks(facts: Facts, standing: Standing, rise: Rise) -> Finding:
    before = words.plural(rise.errors_before, "time") if rise.errors_before else "never"
    return Finding(
        id=f"errors:checks:{standing.id}",
        kind="errors",
        word="Errors",
        status=None,
        title=f"{standing.name} failed {words.plural(rise.errors, 'time')} in {_window(rise)}, {before} {_BEFORE}.",
        server=standing.id,
        page=f"{standing.page}#states",
        since=moment(facts.now - rise.days * DAY),
        owner=standing.server.owner if standing.server else None,
        evidence=f"n = {words.significant(rise.n, 2)} and {words.significant(rise.n_before, 2)} measured days",
        chance=rise.p,
        impact="Whoever called it then was not served; it answers now.",
        cause="Each failure is in the history of its states, with its stage and reason. What makes them is not known.",
        needs_action=False,
        wrong_if="one trouble came back several times, and is over.",
    )


def _of_calls(facts: Facts, standing: Standing, rise: Rise) -> Finding:
    now, before = (words.percent(share, 1) for share in (rise.errors / rise.n, rise.errors_before / rise.n_before))
    tool = text.visible(rise.tool, 60)
    calls = words.plural(rise.tool_calls, "call")
    return Finding(
        id=f"errors:calls:{standing.id}",
        kind="errors",
        word="Errors",
        status=None,
        title=f"{now} of the calls of {standing.name} failed in {_window(rise)}, {before} {_BEFORE}.",
        server=standing.id,
        page=f"{standing.page}#usage",
        since=moment(facts.now - rise.days * DAY),
        owner=standing.server.owner if standing.server else None,
        evidence=f"n = {words.count(int(rise.n))} and {words.count(int(rise.n_before))} real calls",
        chance=rise.p,
        impact=f"{words.plural(rise.errors, 'call')} got no result.",
        cause=f"Most of it is {tool}: {words.count(rise.tool_errors)} of {calls} failed. What makes it is not known.",
        needs_action=False,
        wrong_if="callers began to ask for what does not exist: a tool's error may be theirs.",
    )


def _window(rise: Rise) -> str:
    return "24 hours" if rise.days == 1 else words.plural(rise.days, "day")
