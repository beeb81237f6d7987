"""Where calls waited, and what was to blame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .charts import Chart


@dataclass(frozen=True, slots=True)
class WaitShare:
    """How much of all waiting one server, or one tool of it, accounts for."""

    name: str
    server: str
    page: str
    calls: float | None  # None: real calls are not measured, each hour counts as one
    usual_seconds: float  # of one call
    seconds: float  # of one call in the period
    share: float  # of all waiting, 0..1
    extra_share: float | None  # of the waiting above the usual; None where there was none
    n: int


@dataclass(frozen=True, slots=True)
class SuspectReport:
    name: str
    page: str | None
    score: float  # of one ranking they sum to 1
    evidence: str


@dataclass(frozen=True, slots=True)
class BottleneckReport:
    """A time in which servers were slow, and who was to blame."""

    id: str  # "slow-20261117T1100Z": its anchor
    title: str
    start: datetime
    end: datetime | None  # None: it lasts
    cause: str
    server: str | None  # Server.id of the cause; None: the host
    metric: str  # of the cause: what the chart shows
    page: str
    servers: tuple[str, ...]  # ids of those that were slow, most waiting first
    extra_share: float  # of all waiting above the usual in the period
    evidence: tuple[str, ...]  # sentences with numbers
    suspects: tuple[SuspectReport, ...]
    n: str
    doubt: str  # what would make it wrong, the end of a sentence
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    heading: str
    lede: str
    quiet: str  # what is said where nothing was slow, with the numbers
    counted: str  # what calls the shares rest on
    waits: tuple[WaitShare, ...]  # at most five
    episodes: tuple[BottleneckReport, ...]  # those that last first, then by waiting
