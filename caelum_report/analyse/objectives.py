"""Availability objectives over the last 30 days, by time: what was achieved, what is left of the budget, how fast it burns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from caelum_report import words
from caelum_report.document import ObjectiveReport
from caelum_report.model import Objective, Transport
from caelum_report.patterns import selects

from .facts import Facts, Standing
from .times import DAY
from .uptime import seconds_by_kind

PERIOD_DAYS: Final = 30
LEAST_SECONDS: Final = DAY  # measured; before that a share says more about the clock than about the server


def objectives(facts: Facts) -> tuple[ObjectiveReport, ...]:
    """One for every server with an objective, riskiest first."""
    month = seconds_by_kind(facts.ledger, facts.now - PERIOD_DAYS * DAY, facts.now).tolist()
    day = seconds_by_kind(facts.ledger, facts.now - DAY, facts.now).tolist()
    found = [
        _objective(standing, standing.server.objective, month[standing.index], day[standing.index])
        for standing in facts.current
        if standing.server and standing.server.objective is not None
    ]

    found += [
        _of_several(objective, members, month, day)
        for objective in facts.config.objectives
        if (members := members_of(objective, facts.current))
    ]

    def risk(objective: ObjectiveReport) -> tuple[bool, float, float, str]:
        left = objective.budget_left
        return (left is None, left or 0.0, -(objective.burn_24h or 0.0), objective.name)

    return tuple(sorted(found, key=risk))


def members_of(objective: Objective, standings: Sequence[Standing]) -> list[Standing]:
    """The servers that an objective of several means, by name or by group."""
    return [one for one in standings if selects(objective, one.id, one.server.group if one.server else None)]


def _of_several(
    objective: Objective, members: Sequence[Standing], month: list[list[float]], day: list[list[float]]
) -> ObjectiveReport:
    """The mean over their measured time, over the 30 days of page 1 whatever its own period is."""
    sums = [
        [sum(column) for column in zip(*(part[one.index] for one in members), strict=True)] for part in (month, day)
    ]
    whole = _objective(members[0], objective.target, *sums)
    return replace(whole, name=objective.name, servers=tuple(one.id for one in members), page="slo.html")


def _objective(standing: Standing, target: float, month: list[float], day: list[float]) -> ObjectiveReport:
    up, down, excluded, _ = month
    measured = up + down
    enough = measured >= LEAST_SECONDS
    allowed = 1 - target
    failed = down / measured if measured else 0.0
    left: float | None = None
    burn: float | None = None
    if enough:
        left = 1 - failed / allowed if allowed > 0 else float(down == 0)
        day_measured = day[0] + day[1]
        if day_measured and allowed > 0:
            burn = day[1] / day_measured / allowed
    verb = "starts" if standing.transport is Transport.STDIO else "answers"
    return ObjectiveReport(
        name=f"{standing.name} {verb}",
        servers=(standing.id,),
        target=target,
        achieved=up / measured if enough else None,
        budget_left=left,
        burn_24h=burn,
        measured_seconds=round(measured, 3),
        excluded_seconds=round(excluded, 3),
        spent_by=_spent_by(left, burn, measured),
        page=f"{standing.page}#states",
    )


def _spent_by(left: float | None, burn: float | None, measured: float) -> str:
    """When the budget ends at this rate; a rate that lasts is an assumption, so it is said."""
    if left is None:
        return f"too little data: {words.duration(measured)} of {words.duration(LEAST_SECONDS)}"
    if left <= 0:
        return "none left"
    if not burn:
        return "after the period"
    days = left * PERIOD_DAYS / burn
    if days >= PERIOD_DAYS:
        return "after the period"
    return f"in {words.duration(days * DAY)} at this rate"


def note(found: tuple[ObjectiveReport, ...]) -> str:
    """What the figures leave out, as shares of the servers' time: a sum of hours over servers says nothing to a reader."""
    if not found:
        return ""
    whole = PERIOD_DAYS * DAY * len(found)
    excluded = sum(objective.excluded_seconds for objective in found) / whole
    missing = 1 - excluded - sum(objective.measured_seconds for objective in found) / whole
    left_out = [
        f"{words.percent(share, 1)} {what}"
        for share, what in ((excluded, "in maintenance"), (missing, "without data"))
        if share >= 0.0005
    ]
    ending = f" Left out of the servers' time: {words.listing(left_out)}." if left_out else ""
    return f"{PERIOD_DAYS} days to now, by time.{ending}"
