"""Alerts, the incidents they make up, the rules and silences behind them, and the messages about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caelum_report.diagram import Diagram
from caelum_report.model import Failure, Status

from .servers import StageReport


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
    probe: ProbeReport | None = None  # of it, that saw it first; None where none was kept
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
