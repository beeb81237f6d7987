"""The Report: everything that any face prints, computed once before anything is printed. No I/O, no clock, no layout.

HTML, PDF, Markdown, JSON and feeds only place these values; so all of them say the same. A Report is stored as JSON
(pydantic's TypeAdapter reads these annotations) and can be rendered again years later: it holds its charts' points too.
Sentences are finished here. Numbers are plain, in the unit that the name or the metric says; `words` puts them in text.
"""

from .alarms import (
    AlarmsReport,
    AlertReport,
    DeliveryReport,
    Event,
    IncidentReport,
    ProbeReport,
    RuleReport,
    SilenceReport,
    WindowReport,
)
from .bottlenecks import BottleneckReport, Bottlenecks, SuspectReport, WaitShare
from .charts import Chart, Limit, Mark, Passage, Points, Stat, StateSpan
from .forecasts import Forecast, ForecastRecord, Judging, Score
from .hosts import DiskReport, HostReport
from .ledger import Burn, LedgerReport, LedgerRow, SloIncident, SloReport
from .page_one import Change, Coverage, Empty, Finding, Looming, ObjectiveReport, ReadOn, Verdict
from .ranges import RANGE_DAYS, RANGE_SPANS, RANGES, Range
from .readiness import Readiness, ReadinessRule, ReadyServer, Speaks
from .recommendations import Recommendation, TokenCost
from .report import Purged, Report, ReportRef
from .run import RunReport, StepReport
from .servers import (
    ContractChange,
    Day,
    Episode,
    Latency,
    PinReport,
    Remark,
    ServerReport,
    StageReport,
    ToolReport,
    Uptime,
)
from .sources import ErrorReport, SeriesReport, SourceReport
from .usage import ServerUsage, ToolUsage, UsageReport, UsedTogether

__all__ = [
    "RANGES",
    "RANGE_DAYS",
    "RANGE_SPANS",
    "AlarmsReport",
    "AlertReport",
    "BottleneckReport",
    "Bottlenecks",
    "Burn",
    "Change",
    "Chart",
    "ContractChange",
    "Coverage",
    "Day",
    "DeliveryReport",
    "DiskReport",
    "Empty",
    "Episode",
    "ErrorReport",
    "Event",
    "Finding",
    "Forecast",
    "ForecastRecord",
    "HostReport",
    "IncidentReport",
    "Judging",
    "Latency",
    "LedgerReport",
    "LedgerRow",
    "Limit",
    "Looming",
    "Mark",
    "ObjectiveReport",
    "Passage",
    "PinReport",
    "Points",
    "ProbeReport",
    "Purged",
    "Range",
    "ReadOn",
    "Readiness",
    "ReadinessRule",
    "ReadyServer",
    "Recommendation",
    "Remark",
    "Report",
    "ReportRef",
    "RuleReport",
    "RunReport",
    "Score",
    "SeriesReport",
    "ServerReport",
    "ServerUsage",
    "SilenceReport",
    "SloIncident",
    "SloReport",
    "SourceReport",
    "Speaks",
    "StageReport",
    "Stat",
    "StateSpan",
    "StepReport",
    "SuspectReport",
    "TokenCost",
    "ToolReport",
    "ToolUsage",
    "Uptime",
    "UsageReport",
    "UsedTogether",
    "Verdict",
    "WaitShare",
    "WindowReport",
]
