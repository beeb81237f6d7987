"""What `collect` asks the program, and what it answers; both travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    source: str  # the bookmarks' source
    files: list[str]  # absolute patterns, * for any characters, ** for any folders
    journal: list[str]  # systemd units
    host_log: bool  # the files are those that an MCP host writes of its servers
    errors: str | None  # the pattern of lines that are errors; None: those that call themselves so
    metric: list[dict[str, Any]]  # as `LogMetricTable` has them
    bookmarks: Mapping[str, str]
    secrets: list[str]  # taken out before a line is cut or normalised
    now: float  # the run's time, seconds since 1970
    seconds: float  # that it has


@dataclass(slots=True)
class Answer:
    """`samples` are subject ("" for the source's own), metric, value, unit, counter, labels; `errors` are subject, signature,
    count, first and last time.
    """

    samples: list[tuple[str, str, float, str, bool, dict[str, str]]] = field(default_factory=list)
    errors: list[tuple[str, str, int, float, float]] = field(default_factory=list)
    bookmarks: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    failure: str = "ok"
    reason: str = ""
