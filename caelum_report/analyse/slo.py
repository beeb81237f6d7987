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
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal

from caelum_report.document import Burn, LedgerReport, LedgerRow, SloReport, WindowReport
from caelum_report.model import Objective, Status
from caelum_report.windows import occurrences

from .facts import Facts, Standing
from .objectives import LEAST_SECONDS, members_of
from .times import DAY, moment
from .uptime import STATUSES

BURN_HOURS: Final = (1, 6, 24, 72, 168)
_PROJECTED: Final = {24, 72, 168}  # windows whose burn says when the budget ends
_Z: Final = 1.959964  # of 95 %
PERIOD_DAYS: Final = 30

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
    longest: dict[str, int] = {}
    for objective, standings in targets:
        for standing in standings:
            longest[standing.id] = max(longest.get(standing.id, 0), objective.period_days)
    rows = {
        name: tuple(rows_of(facts, facts.by_id[name], facts.now - days * DAY)) for name, days in sorted(longest.items())
    }
    found = [_slo(objective, standings, rows, facts) for objective, standings in targets]
    start = moment(facts.now - max(longest.values(), default=0) * DAY)
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


def rows_of(facts: Facts, standing: Standing, start: float) -> Iterator[LedgerRow]:
    """The stretches of a server from `start` to now, holes among them as rows of their own."""
    book, at, seen = facts.ledger, start, start
    for row in book.rows(standing.index):
        begins, ends = max(float(book.start[row]), start), min(float(book.held[row]), facts.now)
        if ends <= start or begins >= facts.now:
            continue
        if begins > at:
            yield LedgerRow(standing.id, moment(at), moment(begins), "unknown", "", "", 0, 0.0)
        spacing = (float(book.end[row]) - float(book.start[row])) / max(int(book.checks[row]) - 1, 1)
        late = math.floor((float(book.end[row]) - begins) / spacing + 1e-6) + 1 if spacing > 0 else 1
        status = STATUSES[int(book.status[row])]
        unseen = round(begins - seen, 3) if begins > start else 0.0
        failure = str(book.failures[row])
        checks = min(int(book.checks[row]), max(late, 1))
        yield LedgerRow(
            standing.id, moment(begins), moment(ends), _CLASS[status], status.value, failure, checks, unseen
        )
        at, seen = ends, max(float(book.end[row]), start)
    if at < facts.now:
        yield LedgerRow(standing.id, moment(at), moment(facts.now), "unknown", "", "", 0, 0.0)


# --- figures, from the rows alone -----------------------------------------------------------------------------------


def _slo(
    objective: Objective, standings: Sequence[Standing], rows: Mapping[str, Sequence[LedgerRow]], facts: Facts
) -> SloReport:
    start, end = facts.now - objective.period_days * DAY, facts.now
    mine = [row for standing in standings for row in rows[standing.id]]
    up, down, rested, unknown = (seconds(mine, kind, start, end) for kind in ("up", "down", "maintenance", "unknown"))
    measured, allowed = up + down, 1 - objective.target
    achieved = up / measured if measured >= LEAST_SECONDS else None
    checks = sum(row.checks for row in mine if row.counts_as in {"up", "down"} and row.end.timestamp() > start)
    low, high = wilson(achieved, checks)
    left = None if achieved is None else 1 - (1 - achieved) / allowed if allowed > 0 else float(down == 0)
    burns = tuple(Burn(hours, burn(mine, objective.target, end, hours)) for hours in BURN_HOURS)
    bad = [one for standing in standings for one in incidents(rows[standing.id], start)]
    recovered = [seconds_ for seconds_, _, over in bad if over]
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
        detection_seconds=sum(unseen for _, unseen, _ in bad) / len(bad) if bad else None,
        spent_earliest_days=earliest,
        spent_latest_days=latest,
        page=f"{standings[0].page}#states" if len(standings) == 1 else "slo.html",
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


def incidents(rows: Sequence[LedgerRow], start: float) -> list[tuple[float, float, bool]]:
    """Stretches of down, of any failure, without a hole: seconds, unseen before, over. Those within the period."""
    found: list[tuple[float, float, bool]] = []
    inside = [row for row in rows if row.end.timestamp() > start]
    for before, row in pairwise((None, *inside)):
        if row is None or row.counts_as != "down":
            continue
        lasted = row.end.timestamp() - max(row.start.timestamp(), start)
        over = row is not inside[-1]
        if before is not None and before.counts_as == "down":
            found[-1] = (found[-1][0] + lasted, found[-1][1], over)
        else:
            found.append((lasted, row.unseen_seconds, over))
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
