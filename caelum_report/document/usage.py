"""Real calls, as logs and metrics tell of them; never mixed with what probes did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .charts import Chart


@dataclass(frozen=True, slots=True)
class ToolUsage:
    """Real calls of one tool over the usage period, by the one source that counts for its server."""

    server: str  # Server.id, or the source's own name where no server has it
    tool: str
    calls: int
    errors: int
    seconds: float  # of the calls whose duration is known, together
    p50: float | None
    p95: float | None
    max_seconds: float | None
    last: datetime  # the hour of its last call


@dataclass(frozen=True, slots=True)
class ServerUsage:
    server: str
    source: str | None  # one of model.USAGE_SOURCES; None: not measured
    since: datetime | None  # what is known begins here
    calls: int
    calls_before: int | None  # in the period before; None: that was not measured
    errors: int
    seconds: float
    p50: float | None
    p95: float | None
    max_seconds: float | None
    used: int  # tools that were called
    unused: tuple[str, ...]  # declared, and not called in a week or more of measuring
    unused_tokens: int
    drift: str  # a sentence, where its tools are called in another mix than before
    drift_chance: float | None = None


@dataclass(frozen=True, slots=True)
class UsedTogether:
    """Two tools called in the same hours more often than chance would have it."""

    first_server: str
    first_tool: str
    second_server: str
    second_tool: str
    hours: int
    expected: float


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Real calls of the last 30 days; never mixed with what probes did. Empty where nobody measures any."""

    start: datetime | None = None
    calls: int = 0
    errors: int = 0
    servers: tuple[ServerUsage, ...] = ()  # all of the fleet, most calls first, then those that only a source knows
    tools: tuple[ToolUsage, ...] = ()  # most calls first
    week: tuple[tuple[float | None, ...], ...] = ()  # mean calls an hour: Monday first, local hours
    weeks: float = 0.0  # how many are behind that
    busiest: str = ""
    quietest: str = ""
    together: tuple[UsedTogether, ...] = ()
    charts: tuple[Chart, ...] = ()
    sources: tuple[str, ...] = ()  # "tap logs: 12 servers"
