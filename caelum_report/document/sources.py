"""What was asked beside the servers, the figures that it gave, and the errors that logs had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caelum_report.model import Failure, Note

from .charts import Points


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One who was asked beside the servers: how it went in this run."""

    name: str
    kind: str
    endpoint: str
    failure: Failure
    reason: str
    seconds: float
    figures: int  # that it gave in this run
    succeeded_at: datetime | None  # the last time that it gave what it was asked for
    failing_since: datetime | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """A figure that a source gives, over the last 24 hours; of a counter its rate."""

    source: str
    subject: str  # visible: a server, or what the source names
    server: str | None  # Server.id where it is one
    metric: str
    labels: str  # "region eu, code 200"
    unit: str  # "seconds", "bytes/s", …; a word of the source's own stands behind the number
    counter: bool
    value: float | None  # the last one; None: a counter that was seen once
    raw: float  # as the source gave it
    at: datetime  # of the last one
    n: int  # values of the 24 hours
    lowest: float | None
    mean: float | None
    highest: float | None
    spark: Points


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """A kind of error that a log had. The text is a line without its time, numbers, addresses, paths, quoted texts and secrets."""

    source: str
    subject: str  # visible: a server, or what the source names
    server: str | None  # Server.id where it is one
    text: str
    count: int  # lines, ever
    day: int  # of the last 24 hours
    first_at: datetime  # by the lines' own times where they have any
    last_at: datetime
    is_new: bool  # met for the first time by a run of the last 24 hours, by a source that is older than that
