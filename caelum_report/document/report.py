"""The Report itself: one value with all that its pages place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caelum_report.archived import ArchiveReport
from caelum_report.dashboards import DashboardReport
from caelum_report.diagram import Diagram
from caelum_report.difference import Difference
from caelum_report.grafana import GrafanaLinks
from caelum_report.model import FoundConfiguration, Paper, Status

from .alarms import AlarmsReport
from .bottlenecks import Bottlenecks
from .charts import Chart, Mark
from .forecasts import Forecast, ForecastRecord, Judging, Score
from .hosts import HostReport
from .ledger import LedgerReport
from .page_one import Change, Coverage, Empty, Finding, Looming, ObjectiveReport, ReadOn, Verdict
from .readiness import Readiness
from .recommendations import Recommendation, TokenCost
from .run import RunReport
from .servers import ContractChange, ServerReport
from .sources import ErrorReport, SeriesReport, SourceReport
from .usage import UsageReport


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
