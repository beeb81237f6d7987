"""A server: its state, its uptime, its stages, what it offers, and how that changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as calendar_date
from datetime import datetime
from typing import Literal

from caelum_report.model import Era, Failure, Note, Outcome, Status, Tool, Transport

from .charts import Chart, Points
from .ranges import Range


@dataclass(frozen=True, slots=True)
class StageReport:
    name: str
    outcome: Outcome
    start_seconds: float | None  # where its bar begins
    seconds: float | None
    usual_seconds: float | None  # median of 30 days
    slow: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of a state strip: the worst state of a local day."""

    date: calendar_date  # a field of that name would hide the type from whoever reads the annotations
    status: Status | None  # None: no data
    up_share: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Uptime:
    """Time by state over a range. Unknown is not up, and not down either: it is left out of the share and said."""

    range: Range
    up_seconds: float
    down_seconds: float
    excluded_seconds: float  # maintenance
    unknown_seconds: float  # no data, unknown, auth-walled
    share: float | None  # up / (up + down); degraded counts as up
    checks: int

    @property
    def told_share(self) -> float | None:
        """`share` where enough was measured to say one: an hour of a day, a day of more. 13 seconds up are not 100 %."""
        least = 3_600 if self.range == "day" else 86_400
        return self.share if self.up_seconds + self.down_seconds >= least else None


@dataclass(frozen=True, slots=True)
class Latency:
    """Of short requests, in seconds."""

    p50: float
    p95: float
    max: float
    n: int


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of one state."""

    status: Status
    failure: Failure
    start: datetime
    end: datetime | None  # None: it lasts
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class ToolReport:
    tool: Tool
    first_seen: datetime | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContractChange:
    """A difference of a server's tool surface between two snapshots."""

    at: datetime
    report: int | None  # report number at that time
    server: str  # Server.id
    severity: Literal["breaking", "additive", "cosmetic", "suspicious"]
    title: str
    removed: tuple[str, ...]  # lines of the difference
    added: tuple[str, ...]
    tokens: int  # difference
    pinned: bool = False  # when it came, the server was held to another surface
    approved_at: datetime | None = None  # when somebody pinned what it brought


@dataclass(frozen=True, slots=True)
class Remark:
    """Text for the model that somebody should read: what it does, where it stands, and the words around it. No verdict."""

    tool: str  # or "instructions"
    what: str  # hidden characters | an instruction to the model | …
    where: str  # its description, its parameter “path”
    excerpt: str


@dataclass(frozen=True, slots=True)
class PinReport:
    """A tool surface that somebody agreed to."""

    at: datetime
    sha256: str
    holds: bool  # the server still offers it


@dataclass(frozen=True, slots=True)
class ServerReport:
    """A server's page, and its line everywhere else."""

    id: str
    name: str  # the id as visible text
    slug: str
    host: str
    transport: Transport
    endpoint: str
    era: Era | None
    protocol_version: str | None
    supported_versions: tuple[str, ...]
    status: Status
    failure: Failure
    stage: str | None
    reason: str
    lede: str  # one or two sentences: this page's answer
    why: str  # a few words for the fleet table
    since: datetime | None
    checked_at: datetime | None
    checked_now: bool  # in this snapshot
    group: str | None
    owner: str | None
    server_name: str
    server_version: str
    capabilities: tuple[str, ...]
    stages: tuple[StageReport, ...]
    total_seconds: float | None
    usual_total_seconds: float | None
    latency_now: Latency | None
    latency_day: Latency | None
    latency_day_before: Latency | None
    timing_method: str | None
    tools: tuple[ToolReport, ...]
    tokens: int
    resources: tuple[str, ...]
    prompts: tuple[str, ...]
    surface_sha256: str | None
    rss_bytes: int | None
    cpu_seconds: float | None
    threads: int | None
    open_files: int | None
    processes: int | None
    instances: int | None
    instances_rss_bytes: int | None
    instances_oldest_seconds: float | None
    certificate_expires_at: datetime | None
    stderr_lines: int
    stderr_tail: str
    exit_status: str | None
    notes: tuple[Note, ...]
    risks: tuple[Note, ...]
    uptime: tuple[Uptime, ...]  # one a range
    objective: float | None
    latency_objective_seconds: float | None
    strip: tuple[Day, ...]  # 90 days, oldest first
    spark: Points  # latency of 24 h
    episodes: tuple[Episode, ...]  # newest first, at most 20, `up` left out
    charts: tuple[Chart, ...]
    contract: tuple[ContractChange, ...]  # newest first
    findings: tuple[str, ...]  # ids in Report.findings
    depends_on: tuple[str, ...]
    needed_by: tuple[str, ...]
    retired: bool = False
    remarks: tuple[Remark, ...] = ()  # of what it offers now
    pin: PinReport | None = None
    asked_again_at: datetime | None = None  # not before; of one that was not due in this snapshot

    @property
    def tool_count(self) -> int | None:
        """None: what it offers was never seen."""
        return len(self.tools) if self.surface_sha256 else None
