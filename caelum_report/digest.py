"""What a calendar period was like, for those who read once a day, a week or a month. No I/O, no clock, no layout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from .difference import Difference
from .editions import INTERNAL
from .model import Paper
from .periods import PeriodName


@dataclass(frozen=True, slots=True)
class ServerShare:
    """A server's time over the period; maintenance and time without data stand outside the share."""

    server: str  # Server.id
    name: str
    page: str
    share: float | None  # of the measured time that it answered; None: nothing measured
    share_before: float | None
    down_seconds: float
    measured_seconds: float
    outages: int


@dataclass(frozen=True, slots=True)
class Outage:
    """An incident that touched the period."""

    title: str
    began_at: datetime
    ended_at: datetime | None  # None: it lasts
    seconds: float
    impact: str
    page: str


class ObjectiveShare(NamedTuple):
    """An objective over the period: the mean over the measured time of its servers."""

    name: str
    target: float  # 0..1
    achieved: float | None  # None: nothing measured

    @property
    def is_met(self) -> bool:
        """Not where nothing could be judged."""
        return self.achieved is not None and self.achieved >= self.target


class Ahead(NamedTuple):
    """Something that looms, as the latest report has it."""

    what: str
    when: str


@dataclass(frozen=True, slots=True)
class Digest:
    """One period, worked out once; the mail and the PDF only place it."""

    kind: PeriodName
    key: str  # 2026-11-21, 2026-W47, 2026-11
    label: str  # "week 47 of 2026"
    start: datetime
    end: datetime  # when it was due
    made_at: datetime
    grace_seconds: float  # later than so much after its end it is late
    fleet: str
    zone: str
    site_url: str | None
    program_version: str
    demo: bool
    verdict: str
    lede: str
    servers: tuple[ServerShare, ...]  # worst first
    outages: tuple[Outage, ...]  # longest first
    difference: Difference | None  # against the period before; None: nothing is known of that
    looming: tuple[Ahead, ...]
    objectives: tuple[ObjectiveShare, ...]  # riskiest first
    edition: str = INTERNAL  # for whose eyes
    paper: Paper = "a4"

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.key}"

    def late(self, at: datetime) -> bool:
        """Whether it goes out later than a run in time would have sent it."""
        return (at - self.end).total_seconds() > self.grace_seconds
