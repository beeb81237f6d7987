"""Past reports as the archive keeps them: what travels between store, render and deliver. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FOLDER = "archive/"  # in the site
LARGEST_PAGE = 1_500_000  # bytes of one report's page; servers that no longer fit are left to its JSON


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long past reports stay, and in how much room."""

    hourly_days: int = 3  # the last of each hour
    daily_days: int = 92  # the last of each day of the report's zone; the last of each month for ever
    largest_bytes: int = 500_000_000  # of all files; the newest report is kept whatever it takes


@dataclass(frozen=True, slots=True)
class Kept:
    """A past report: files that were written once, each whole without any other."""

    id: str  # Report.id
    number: int
    at: datetime
    status: str  # a Status, of its verdict
    verdict: str
    files: tuple[tuple[str, Path], ...]  # html, json, pdf: ending and where it lies
    bytes: int


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """How the archive stood when a report was made."""

    reports: int
    bytes: int
    first_at: datetime | None
    keeping: Keeping
