"""A kind of error that a log had, as the `Report` holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """The text is a line without its time, numbers, addresses, paths, quoted texts and secrets."""

    source: str
    subject: str  # visible: a server, or what the source names
    server: str | None  # Server.id where it is one
    text: str
    count: int  # lines, ever
    day: int  # of the last 24 hours
    first_at: datetime  # by the lines' own times where they have any
    last_at: datetime
    is_new: bool  # met for the first time by a run of the last 24 hours, by a source that is older than that
