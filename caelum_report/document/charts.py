"""A chart as its points and words: one metric of one subject over one range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caelum_report.model import Status

from .ranges import Range


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure with what it is compared with."""

    label: str
    value: float | None
    unit: str  # a metrics.Unit
    comparison: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """A series as drawn: unix seconds ascending, one value each. Gaps are missing points, never zero."""

    at: tuple[int, ...] = ()
    mid: tuple[float, ...] = ()  # p50 for latencies, mean for gauges
    low: tuple[float, ...] = ()  # p5 or min; empty: no band
    high: tuple[float, ...] = ()  # p95 or max


@dataclass(frozen=True, slots=True)
class Mark:
    at: datetime
    text: str
    page: str | None = None


@dataclass(frozen=True, slots=True)
class StateSpan:
    start: datetime
    end: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class Limit:
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Passage:
    """When a limit is foretold to be reached."""

    eta: datetime
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric of one subject over one range."""

    id: str  # unique on its page: "latency-day"
    metric: str  # a name in metrics.METRICS
    subject: str
    title: str
    caption: str  # the finding, a sentence
    range: Range
    start: datetime
    end: datetime
    points: Points
    ghost: Points = Points()  # the previous period, moved onto this one
    band: str = ""  # what low and high are: "p5–p95", "min–max"
    limit: Limit | None = None
    stats: tuple[Stat, ...] = ()
    marks: tuple[Mark, ...] = ()
    spans: tuple[StateSpan, ...] = ()  # incidents behind the line
    n: int = 0  # measurements behind the points
    interval_seconds: float = 0.0  # of the measurements, 0 where none is known yet; a longer hole breaks the line
    source: str = "own probe"
    forecast: Points = Points()  # what comes after `end`: middle and interval
    forecast_note: str = ""  # how sure: the interval's level and its record
    passage: Passage | None = None  # of `limit`
    empty: str = ""  # "No data since 3 July 2026." when there is nothing to draw
