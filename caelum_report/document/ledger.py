"""Objectives over their periods, and the stretches of time from which every figure of them can be worked out anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from .alarms import WindowReport


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A stretch of time of one server, and what it counts as. Rows of a server follow each other without a hole."""

    server: str  # Server.id
    start: datetime
    end: datetime
    counts_as: Literal["up", "down", "maintenance", "unknown"]
    status: str  # empty: nobody looked
    failure: str
    checks: int
    unseen_seconds: float  # before it, since the last check: it may have begun so much earlier


@dataclass(frozen=True, slots=True)
class Burn:
    hours: int
    rate: float | None  # 1 spends the budget exactly in the objective's period; None: nothing measured


@dataclass(frozen=True, slots=True)
class SloIncident:
    """A stretch of down of one server within an objective's period, of any failure, without a hole."""

    server: str  # Server.id
    start: datetime
    seconds: float
    unseen_seconds: float  # it may have begun so much earlier: nobody had looked since the check before
    over: bool


@dataclass(frozen=True, slots=True)
class SloReport:
    """One objective over its period. Every figure can be worked out anew from the rows of its servers."""

    name: str
    servers: tuple[str, ...]  # Server.id
    target: float
    period_days: int
    start: datetime
    end: datetime
    up_seconds: float
    down_seconds: float
    maintenance_seconds: float
    unknown_seconds: float
    checks: int
    achieved: float | None
    low: float | None  # 95 % bounds (Wilson) of so many checks
    high: float | None
    budget_seconds: float | None  # that the target allows of what was measured
    budget_left: float | None
    burns: tuple[Burn, ...]
    incidents: int
    recovery_seconds: float | None  # mean, of those that are over
    detection_seconds: float | None  # mean: at most so long nobody saw them
    spent_earliest_days: float | None  # at the burn of the last day, three days and week: None, never
    spent_latest_days: float | None
    page: str
    latest: tuple[SloIncident, ...] = ()  # of the incidents the newest ones, newest first

    @property
    def is_met(self) -> bool:
        """Not where nothing could be judged."""
        return self.achieved is not None and self.achieved >= self.target


@dataclass(frozen=True, slots=True)
class LedgerReport:
    objectives: tuple[SloReport, ...] = ()  # riskiest first
    rows: tuple[LedgerRow, ...] = ()  # by server, ascending
    exclusions: tuple[WindowReport, ...] = ()  # maintenance in the period, as declared
