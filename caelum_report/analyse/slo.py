"""The ledger of objectives: every interval of a server classed by the declared accounting, and what follows from it.

The rows are made first and every figure is worked out from them alone, so that an outsider who has the rows has the
figures too (`api/v1/slo.csv`). Accounting as in `uptime`: a state holds until the next check and at most 1.5 intervals;
degraded is up; unknown, auth-walled and unseen time is neither up nor down.
Bounds: Wilson 1927 on the number of checks that were up or down; with few checks they are wide, and that is the point.
Weak: checks that follow each other closely know less than as many independent ones, so the bounds of dense checks are
too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal

from caelum_report.document import Burn, LedgerReport, LedgerRow, SloIncident, SloReport, WindowReport
from caelum_report.model import Objective, Status
from caelum_report.windows import occurrences

from .facts import Facts, Standing
from .objectives import LEAST_SECONDS, members_of
from .times import DAY, moment
from .uptime import STATUSES, Ledger

BURN_HOURS: Final = (1, 6, 24, 72, 168)
_PROJECTED: Final = {24, 72, 168}  # windows whose burn says when the budget ends
_Z: Final = 1.959964  # of 95 %
PERIOD_DAYS: Final = 30
_LATEST: Final = 100  # incidents that are listed

CountsAs = Literal["up", "down", "maintenance", "unknown"]
_CLASS: Final[Mapping[Status, CountsAs]] = {
    Status.UP: "up",
    Status.DEGRADED: "up",
    Status.DOWN: "down",
    Status.MAINTENANCE: "maintenance",
    Status.AUTH_WALLED: "unknown",
    Status.UNKNOWN: "unknown",
}


def ledger_of(facts: Facts) -> LedgerReport:
    """Objectives of servers and of the groups that the configuration names, and the rows that they are made of."""
    targets = list(_targets(facts))
    periods: dict[str, set[int]] = {}
    for objective, standings in targets:
        for standing in standings:
            periods.setdefault(standing.id, set()).add(objective.period_days)
    rows = {
        name: tuple(rows_of(facts, facts.by_id[name], sorted(facts.now - days * DAY for days in all_days)))
        for name, all_days in sorted(periods.items())
    }
    longest = max((days for all_days in periods.values() for days in all_days), default=0)
    found = [_slo(objective, standings, rows, facts) for objective, standings in targets]
    start = moment(facts.now - longest * DAY)
    return LedgerReport(
        tuple(sorted(found, key=lambda one: (one.budget_left is None, one.budget_left or 0.0, one.name))),
        tuple(row for some in rows.values() for row in some),
        tuple(_exclusions(facts, tuple(rows), start)),
    )


def _targets(facts: Facts) -> Iterator[tuple[Objective, list[Standing]]]:
    for standing in facts.current:
        if standing.server is not None and standing.server.objective is not None:
            yield Objective(standing.name, standing.server.objective, period_days=PERIOD_DAYS), [standing]
    for objective in facts.config.objectives:
        yield objective, members_of(objective, facts.current)


def rows_of(facts: Facts, standing: Standing, starts: Sequence[float]) -> Iterator[LedgerRow]:
    """The stretches of a server from the first of `starts` to now, holes among them as rows of their own.

    None reaches over the start of a period, so that each counts for a period as a whole or not at all.
    """
    book, at, seen = facts.ledger, starts[0], starts[0]
    for row in book.rows(standing.index):
        begins, ends = max(float(book.start[row]), starts[0]), min(float(book.held[row]), facts.now)
        if ends <= starts[0] or begins > facts.now:
            continue
        yield from _holes(standing.id, at, begins, starts)
        status = STATUSES[int(book.status[row])]
        said = (_CLASS[status], status.value, str(book.failures[row]))
        unseen = round(begins - seen, 3) if begins > starts[0] else 0.0
        pieces = list(_cut(begins, ends, starts)) or [(begins, ends)]  # the newest check lasts no time yet
        for opens, closes in pieces:
            checks = _checks_from(book, row, opens) - (_checks_from(book, row, closes) if closes < ends else 0)
            yield LedgerRow(standing.id, moment(opens), moment(closes), *said, checks, unseen)
            unseen = 0.0
        at, seen = ends, max(float(book.end[row]), starts[0])
    yield from _holes(standing.id, at, facts.now, starts)


def _holes(name: str, begins: float, ends: float, starts: Sequence[float]) -> Iterator[LedgerRow]:
    for opens, closes in _cut(begins, ends, starts):
        yield LedgerRow(name, moment(opens), moment(closes), "unknown", "", "", 0, 0.0)


def _cut(begins: float, ends: float, starts: Sequence[float]) -> Iterator[tuple[float, float]]:
    """A stretch of time in pieces that end where a period begins."""
    if ends > begins:
        yield from pairwise((begins, *(one for one in starts if begins < one < ends), ends))


def _checks_from(book: Ledger, row: int, at: float) -> int:
    """The checks of a stretch at or after an instant; they are taken to be evenly spaced."""
    checks, end = int(book.checks[row]), float(book.end[row])
    spacing = (end - float(book.start[row])) / max(checks - 1, 1)
    late = math.floor((end - at) / spacing + 1e-6) + 1 if spacing > 0 else int(end >= at)
    return min(checks, max(late, 0))


# --- figures, from the rows alone -----------------------------------------------------------------------------------


def _slo(
    objective: Objective, standings: Sequence[Standing], rows: Mapping[str, Sequence[LedgerRow]], facts: Facts
) -> SloReport:
    start, end = facts.now - objective.period_days * DAY, facts.now
    inside = [[row for row in rows[standing.id] if row.start >= moment(start)] for standing in standings]
    mine = [row for some in inside for row in some]
    up, down, rested, unknown = (seconds(mine, kind, start, end) for kind in ("up", "down", "maintenance", "unknown"))
    measured, allowed = up + down, 1 - objective.target
    achieved = up / measured if measured >= LEAST_SECONDS else None
    checks = sum(row.checks for row in mine if row.counts_as in {"up", "down"})
    low, high = wilson(achieved, checks)
    left = None if achieved is None else 1 - (1 - achieved) / allowed if allowed > 0 else float(down == 0)
    burns = tuple(Burn(hours, burn(mine, objective.target, end, hours)) for hours in BURN_HOURS)
    bad = [one for some in inside for one in incidents(some)]
    recovered = [one.seconds for one in bad if one.over]
    earliest, latest = _spent(left, burns, objective.period_days)
    return SloReport(
        name=objective.name,
        servers=tuple(standing.id for standing in standings),
        target=objective.target,
        period_days=objective.period_days,
        start=moment(start),
        end=moment(end),
        up_seconds=round(up, 3),
        down_seconds=round(down, 3),
        maintenance_seconds=round(rested, 3),
        unknown_seconds=round(unknown, 3),
        checks=checks,
        achieved=achieved,
        low=low,
        high=high,
        budget_seconds=round(measured * allowed, 3) if measured else None,
        budget_left=left,
        burns=burns,
        incidents=len(bad),
        recovery_seconds=sum(recovered) / len(recovered) if recovered else None,
        detection_seconds=sum(one.unseen_seconds for one in bad) / len(bad) if bad else None,
        spent_earliest_days=earliest,
        spent_latest_days=latest,
        page=f"{standings[0].page}#states" if len(standings) == 1 else "slo.html",
        latest=tuple(sorted(bad, key=lambda one: (one.start, one.server), reverse=True)[:_LATEST]),
    )


def seconds(rows: Iterable[LedgerRow], counts_as: str, start: float, end: float) -> float:
    """Of one class between two instants."""
    return sum(
        max(0.0, min(row.end.timestamp(), end) - max(row.start.timestamp(), start))
        for row in rows
        if row.counts_as == counts_as
    )


def burn(rows: Sequence[LedgerRow], target: float, now: float, hours: int) -> float | None:
    """How fast the budget goes: the share of bad time over the share that is allowed."""
    start = now - hours * 3600
    up, down = (seconds(rows, kind, start, now) for kind in ("up", "down"))
    return down / (up + down) / (1 - target) if up + down and target < 1 else None


def incidents(rows: Sequence[LedgerRow]) -> list[SloIncident]:
    """Those of one server, oldest first."""
    found: list[SloIncident] = []
    for before, row in pairwise((None, *rows)):
        if row is None or row.counts_as != "down":
            continue
        lasted, over = (row.end - row.start).total_seconds(), row is not rows[-1]
        if before is not None and before.counts_as == "down":
            found[-1] = replace(found[-1], seconds=round(found[-1].seconds + lasted, 3), over=over)
        else:
            found.append(SloIncident(row.server, row.start, round(lasted, 3), row.unseen_seconds, over))
    return found


def wilson(share: float | None, n: int) -> tuple[float | None, float | None]:
    """The 95 % score interval of a share of `n` checks."""
    if share is None or not n:
        return None, None
    middle = (share + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _spent(left: float | None, burns: Sequence[Burn], days: int) -> tuple[float | None, float | None]:
    """Days until the budget is spent, at the fastest and the slowest burn of the last day, three days and week."""
    rates = [one.rate for one in burns if one.hours in _PROJECTED and one.rate]
    if left is None or not rates:
        return None, None
    if left <= 0:
        return 0.0, 0.0
    return left * days / max(rates), left * days / min(rates)


def _exclusions(facts: Facts, names: Sequence[str], start: datetime) -> Iterator[WindowReport]:
    """Declared maintenance in the period."""
    found: dict[tuple[datetime, datetime, str], list[str]] = {}
    for name in names:
        server = facts.by_id[name].server
        for window in server.maintenance if server else ():
            for opens, closes in occurrences(window, start, facts.at, facts.zone):
                found.setdefault((opens, closes, window.reason), []).append(name)
    for opens, closes, reason in sorted(found, reverse=True):
        yield WindowReport(opens, closes, reason, tuple(found[opens, closes, reason]))
