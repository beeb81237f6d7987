"""The Report: everything that any face prints, computed once before anything is printed. No I/O, no clock, no layout.

HTML, PDF, Markdown, JSON and feeds only place these values; so all of them say the same. A Report is stored as JSON
(pydantic's TypeAdapter reads these annotations) and can be rendered again years later: it holds its charts' points too.
Sentences are finished here. Numbers are plain, in the unit that the name or the metric says; `words` puts them in text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as calendar_date
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from .archived import ArchiveReport
from .dashboards import DashboardReport
from .diagram import Diagram
from .difference import Difference
from .grafana import GrafanaLinks
from .logged import ErrorReport
from .model import Era, Failure, FoundConfiguration, Note, Outcome, Paper, Status, Tool, Transport

Range = Literal["day", "week", "month", "quarter", "year"]
RANGE_DAYS: Final[Mapping[Range, int]] = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
RANGES: Final = tuple(RANGE_DAYS)
RANGE_SPANS: Final[Mapping[str, str]] = {
    name: "24 hours" if days == 1 else f"{days} days" for name, days in RANGE_DAYS.items()
}


# --- page 1 ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    kicker: str  # "Needs action", "All well", "First report", "Unknown"
    status: Status  # gives the kicker its glyph
    sentence: str  # at most 16 words
    lede: str


@dataclass(frozen=True, slots=True)
class Coverage:
    asked: int  # servers with a verdict or an honest failure in this snapshot, or still within their own cadence
    configured: int
    found: int  # named in configurations of this machine, never asked
    sample_share: float | None  # share of the expected checks of the period that gave data, 0..1
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know. The title is a sentence; the evidence is on `page`."""

    id: str  # stable over reports while it is the same finding
    kind: str  # state, contract, configuration, latency, capability, security, setup, host, trend, shift, anomaly, flapping, errors
    word: str  # "Down", "Degraded", "Contract", "Looming", "Set-up", …
    status: Status | None  # gives the word its glyph and colour
    title: str
    server: str | None  # Server.id
    page: str  # where the evidence is: "servers/x.html#stages"
    since: datetime | None = None
    owner: str | None = None
    evidence: str = ""  # "8 of 8 probes", "n = 12 and 288"
    chance: float | None = None  # that it is nothing; 0 is certain, None not a matter of chance
    impact: str = ""
    cause: str = ""
    advice: str = ""  # what to do, where no command says it
    command: str | None = None  # one shell command
    needs_action: bool = True
    metric: str | None = None  # a name in metrics.METRICS: the chart that shows it
    preliminary: bool = False  # its newest points will be judged again
    wrong_if: str = ""  # what would make it wrong, the end of a sentence


@dataclass(frozen=True, slots=True)
class Change:
    direction: Literal["worse", "better", "method"]
    servers: tuple[str, ...]  # Server.id; empty: this report
    what: str  # "State", "Answer time, p95", "Tools"
    before: str
    after: str
    detail: str  # what follows the arrow: "at 13:22", "−26 %"
    evidence: str
    page: str


@dataclass(frozen=True, slots=True)
class ObjectiveReport:
    """An availability objective over the last 30 days, time outside maintenance and without data excluded."""

    name: str
    servers: tuple[str, ...]
    target: float  # 0..1
    achieved: float | None  # None: nothing measured
    budget_left: float | None  # share of the error budget, may be negative
    burn_24h: float | None  # 1 spends the budget exactly in its period
    measured_seconds: float
    excluded_seconds: float
    spent_by: str  # "after the period", "none left"
    page: str

    @property
    def is_met(self) -> bool:
        """Not where nothing could be judged."""
        return self.achieved is not None and self.achieved >= self.target


@dataclass(frozen=True, slots=True)
class Looming:
    what: str
    earliest: datetime
    latest: datetime
    when: str
    record: str  # how sure: "read from the certificate", "past forecasts of this kind: 7 of 9 hit"
    page: str


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
class Empty:
    """What an empty part of page 1 says instead."""

    needs_action: str = ""
    changes: str = ""
    objectives: str = ""
    looming: str = ""


@dataclass(frozen=True, slots=True)
class ReadOn:
    title: str
    page: str
    fact: str


# --- charts ---------------------------------------------------------------------------------------------------------


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
class Span:
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
    spans: tuple[Span, ...] = ()  # incidents behind the line
    n: int = 0  # measurements behind the points
    interval_seconds: float = 0.0  # of the measurements, 0 where none is known yet; a longer hole breaks the line
    source: str = "own probe"
    forecast: Points = Points()  # what comes after `end`: middle and interval
    forecast_note: str = ""  # how sure: the interval's level and its record
    passage: Passage | None = None  # of `limit`
    empty: str = ""  # "No data since 3 July 2026." when there is nothing to draw


# --- bottlenecks ---------------------------------------------------------------------------------------------------


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


# --- servers --------------------------------------------------------------------------------------------------------


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


# --- the next revision of the protocol ------------------------------------------------------------------------------


class Speaks(StrEnum):
    SPOKEN = "speaks"  # agreed on in the last conversation
    OFFERED = "offers"  # named by the server, not used
    NO = "no"
    UNKNOWN = "not asked"


@dataclass(frozen=True, slots=True)
class ReadyServer:
    server: str  # Server.id
    era: Era | None  # as it told last, also while it is down
    protocol_version: str | None
    revisions: tuple[Speaks, ...]  # parallel to Readiness.revisions
    rules: tuple[str, ...]  # ReadinessRule.code of what it has to change


@dataclass(frozen=True, slots=True)
class ReadinessRule:
    code: str
    title: str  # what is so
    change: str  # what to do about it
    source: str  # where the revision says it
    must: bool  # needed for the newest revision; else deprecated or advised
    servers: tuple[str, ...]  # where it is so


@dataclass(frozen=True, slots=True)
class TokenCost:
    """What a server's declarations cost a model that reads them, estimated."""

    server: str  # Server.id
    tools: int
    now: int
    before: int | None  # at the beginning of the charts; None: too little history


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Something worth doing: a rule that fits, its evidence, and what doing it would save."""

    rule: str
    title: str
    evidence: str
    gain: str  # "saves 4.2 s of every start"
    servers: tuple[str, ...]  # Server.id
    page: str
    edit: str  # what to write or to change
    command: str | None
    worth: float  # minutes a month, by the declared weights; for the order only


@dataclass(frozen=True, slots=True)
class Readiness:
    """Which revisions the fleet speaks, and what stands between it and the newest."""

    revisions: tuple[str, ...] = ()
    servers: tuple[ReadyServer, ...] = ()  # most to do first
    rules: tuple[ReadinessRule, ...] = ()
    sentence: str = ""


# --- usage ----------------------------------------------------------------------------------------------------------


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


# --- host, run -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DiskReport:
    name: str
    device: str
    total_bytes: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class HostReport:
    name: str
    lede: str
    boot_at: datetime | None
    cpus: int
    stats: tuple[Stat, ...]
    disks: tuple[DiskReport, ...]
    charts: tuple[Chart, ...]


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


# --- alerts and the ledger ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlertReport:
    """What a rule says of a subject. `cause` is the alert that explains it; `acknowledged` is who knows, and why."""

    id: int
    rule: str
    subject: str
    server: str | None  # Server.id
    severity: str
    phase: str  # pending, firing, resolved
    began_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    text: str
    value: float | None
    owner: str | None
    runbook: str | None
    cause: int | None
    told_at: datetime | None
    flapping: bool
    acknowledged: str
    page: str
    recovering_since: datetime | None = None  # it fires still: well since then, not yet for long enough
    resolved_from: datetime | None = None  # when that is believed at the earliest; None: when it is steady


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """One look at a server, of another run than this report's."""

    at: datetime
    status: Status
    failure: Failure
    stage: str | None
    reason: str
    stages: tuple[StageReport, ...]
    timing_method: str | None


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """Alerts with one cause."""

    id: str  # of its page: "20261122t1322z-7"
    title: str
    severity: str
    began_at: datetime
    ended_at: datetime | None  # None: it lasts
    seconds: float
    cause: str
    impact: str
    servers: tuple[str, ...]  # Server.id
    alerts: tuple[int, ...]
    owner: str | None
    runbook: str | None
    events: tuple[Event, ...]  # ascending
    root: str | None = None  # Server.id of what failed first, where that is a server
    probe: ProbeReport | None = None  # of it, that saw it first; None where the raw rows are gone
    dependants: Diagram | None = None  # what needs the server that failed; None: nothing does
    recovering_since: datetime | None = None  # every alert of it is recovering
    resolved_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class RuleReport:
    name: str
    says: str
    severity: str
    built_in: bool
    fired: int  # in 30 days
    explained: int  # of them, by others


@dataclass(frozen=True, slots=True)
class WindowReport:
    """A maintenance window that is open or ahead."""

    start: datetime
    end: datetime
    reason: str
    servers: tuple[str, ...]  # Server.id


@dataclass(frozen=True, slots=True)
class SilenceReport:
    at: datetime
    until: datetime
    author: str
    reason: str
    alert: int | None  # acknowledged; None: a silence of patterns
    rule: str
    subject: str


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A message on a way out; ways are named by their name, never by an address."""

    at: datetime
    way: str
    kind: str  # alerts, report, quiet
    subject: str
    tries: int
    sent_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class AlarmsReport:
    alerts: tuple[AlertReport, ...] = ()  # newest first
    incidents: tuple[IncidentReport, ...] = ()  # newest first
    rules: tuple[RuleReport, ...] = ()
    windows: tuple[WindowReport, ...] = ()  # next first
    silences: tuple[SilenceReport, ...] = ()
    deliveries: tuple[DeliveryReport, ...] = ()  # newest first
    ways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A stretch of time of one server, and what it counts as. Rows of a server follow each other without a hole."""

    server: str  # Server.id
    start: datetime
    end: datetime
    counts_as: Literal["up", "down", "maintenance", "unknown"]
    status: str  # empty: nobody looked
    failure: str
    checks: int
    unseen_seconds: float  # before it, since the last check: it may have begun so much earlier


@dataclass(frozen=True, slots=True)
class Burn:
    hours: int
    rate: float | None  # 1 spends the budget exactly in the objective's period; None: nothing measured


@dataclass(frozen=True, slots=True)
class SloIncident:
    """A stretch of down of one server within an objective's period, of any failure, without a hole."""

    server: str  # Server.id
    start: datetime
    seconds: float
    unseen_seconds: float  # it may have begun so much earlier: nobody had looked since the check before
    over: bool


@dataclass(frozen=True, slots=True)
class SloReport:
    """One objective over its period. Every figure can be worked out anew from the rows of its servers."""

    name: str
    servers: tuple[str, ...]  # Server.id
    target: float
    period_days: int
    start: datetime
    end: datetime
    up_seconds: float
    down_seconds: float
    maintenance_seconds: float
    unknown_seconds: float
    checks: int
    achieved: float | None
    low: float | None  # 95 % bounds (Wilson) of so many checks
    high: float | None
    budget_seconds: float | None  # that the target allows of what was measured
    budget_left: float | None
    burns: tuple[Burn, ...]
    incidents: int
    recovery_seconds: float | None  # mean, of those that are over
    detection_seconds: float | None  # mean: at most so long nobody saw them
    spent_earliest_days: float | None  # at the burn of the last day, three days and week: None, never
    spent_latest_days: float | None
    page: str
    latest: tuple[SloIncident, ...] = ()  # of the incidents the newest ones, newest first

    @property
    def is_met(self) -> bool:
        """Not where nothing could be judged."""
        return self.achieved is not None and self.achieved >= self.target


@dataclass(frozen=True, slots=True)
class LedgerReport:
    objectives: tuple[SloReport, ...] = ()  # riskiest first
    rows: tuple[LedgerRow, ...] = ()  # by server, ascending
    exclusions: tuple[WindowReport, ...] = ()  # maintenance in the period, as declared


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


@dataclass(frozen=True, slots=True)
class StepReport:
    """A stage of a run: how long it took, and what it said."""

    name: str  # collect, store, analyse; of the run before also render, deliver
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class RunReport:
    snapshot: int
    at: datetime
    seconds: float
    steps: tuple[StepReport, ...]
    notes: tuple[Note, ...]
    database_bytes: int
    snapshots: int  # in the history
    first_snapshot_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReportRef:
    id: str
    number: int
    at: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class Purged:
    """Words were taken out of a report after it was published. Its successors name it by the hash that it had before."""

    at: datetime  # the last time
    sha256: str  # of the document as it was published first


@dataclass(frozen=True, slots=True)
class Report:
    """One report. Immutable, numbered, and chained to the one before by its hash."""

    id: str  # r-20261122T1300Z-4217
    number: int
    previous: ReportRef | None
    program_version: str
    method_version: int
    fleet: str
    edition: str
    demo: bool
    zone: str
    host: str
    site_url: str | None
    at: datetime  # data to
    period_start: datetime
    compared_start: datetime | None  # the period before, compared with
    interval_seconds: float | None
    next_due: datetime | None
    old_after: datetime | None
    coverage: Coverage
    verdict: Verdict
    tally: tuple[tuple[Status, int], ...]  # worst first, zeros left out
    findings: tuple[Finding, ...]  # ranked; those that need action first
    changes: tuple[Change, ...]  # ranked
    objectives: tuple[ObjectiveReport, ...]  # riskiest first
    objectives_note: str
    looming: tuple[Looming, ...]
    empty: Empty
    servers: tuple[ServerReport, ...]  # worst first
    hosts: tuple[HostReport, ...]
    contract: tuple[ContractChange, ...]  # newest first
    architecture: Diagram
    read_on: tuple[ReadOn, ...]
    found: tuple[FoundConfiguration, ...]
    run: RunReport
    previous_run: RunReport | None
    sources: tuple[SourceReport, ...] = ()  # in the order of the configuration
    series: tuple[SeriesReport, ...] = ()  # what they give, by source, figure and subject
    grafana: GrafanaLinks | None = None
    errors: tuple[ErrorReport, ...] = ()  # of logs, by source, the latest first
    forecasts: tuple[Forecast, ...] = ()  # made by this report, once a day
    scores: tuple[Score, ...] = ()  # of earlier ones that fell due
    records: tuple[ForecastRecord, ...] = ()
    judging: Judging = Judging()
    fleet_charts: tuple[Chart, ...] = ()  # of all servers together, one a range
    readiness: Readiness = Readiness()
    recommendations: tuple[Recommendation, ...] = ()  # what saves most first
    token_costs: tuple[TokenCost, ...] = ()  # the dearest servers
    token_charts: tuple[Chart, ...] = ()  # of the fleet, then of the servers whose cost changed most
    ranking: tuple[str, ...] = ()  # how they are ranked, and what was looked for
    bottlenecks: Bottlenecks = Bottlenecks("No bottleneck is known.", "", "Nothing measured yet.", "", (), ())
    usage: UsageReport = UsageReport()
    alarms: AlarmsReport = AlarmsReport()
    ledger: LedgerReport = LedgerReport()
    by_host: Diagram | None = None  # None: all are on one host
    dataflow: Diagram | None = None  # None: nobody measures real calls
    marks: tuple[Mark, ...] = ()  # people's notes on every chart, newest first
    archive: ArchiveReport | None = None  # None: nobody keeps one
    compared: tuple[Difference, ...] = ()  # whole calendar periods, each with the one before
    dashboards: tuple[DashboardReport, ...] = ()
    dashboard_charts: tuple[Chart, ...] = ()
    purged: Purged | None = None  # None: as it was published
    paper: Paper = "a4"  # that its PDF is laid out for
