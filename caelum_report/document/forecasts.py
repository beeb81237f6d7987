"""What was foretold, how it came out, and how far what was judged is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was foretold of one series and is judged when its time has come; stored with the report that made it.

    Of a value at `due_at`, `lower`, `mean` and `upper` are in the metric's unit. Of a limit they are the times at which it
    would be reached, in unix seconds, and `due_at` is the last of them.
    """

    server: bool  # whether `subject` is a Server.id
    subject: str  # "" for the host itself, a mount point
    metric: str
    due_at: datetime
    level: float  # how often the interval should hold, 0..1
    lower: float
    mean: float
    upper: float
    limit: float | None = None
    naive: float | None = None  # what "as now" says instead: a forecast that is no better has no skill
    widened: float = 1.0  # the record's factor that is already in the interval


@dataclass(frozen=True, slots=True)
class Score:
    """How a stored forecast came out."""

    forecast: int  # its number in the store
    held: bool | None  # None: nothing was measured when it fell due
    actual: float | None  # in the unit of its mean; None where the limit was not reached


@dataclass(frozen=True, slots=True)
class ForecastRecord:
    """How the forecasts of one metric came out so far."""

    metric: str
    kind: Literal["value", "limit"]
    level: float
    n: int
    held: int
    pending: int
    skill: float | None  # 1 is perfect, 0 no better than "as now"; of values only
    widened: float  # what intervals are multiplied by since
    silent: bool  # not shown any more: no better than "as now", or its dates mostly failed
    sentence: str  # "the 90 % interval held 88 % of 1,240 points"


@dataclass(frozen=True, slots=True)
class Judging:
    """How many series were judged, and how many findings about them are expected to be nothing."""

    series: int = 0  # judged for trends and level shifts
    not_assessed: int = 0  # too short, or more than 30 % missing
    tests: int = 0
    found: int = 0  # trends, shifts and rises of errors among the findings
    expected_false: float = 0.0  # of these
    watched: int = 0  # series whose hours were judged
    unusual: int = 0  # moments among the findings
    expected_unusual: float = 0.0  # flags that a week of nothing would show
    sentence: str = "Nothing was judged yet: there is too little history."
