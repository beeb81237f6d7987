"""What alerts are made of: rules, what a run showed of them, alerts, messages and the ways out. Frozen values; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from .editions import INTERNAL
from .model import Probe, Status
from .patterns import matches
from .periods import PeriodName

Kind = Literal["state", "threshold", "change", "absence", "anomaly", "forecast", "finding", "network"]
# These need a report: they are judged by `build` only.
ANALYSED: Final[frozenset[Kind]] = frozenset({"anomaly", "forecast", "finding"})


class Phase(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """Worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a condition must be seen without a break: so many checks and so many seconds, both."""

    checks: int = 1
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """When somebody is told. Which fields speak depends on `kind`."""

    name: str
    kind: Kind
    states: tuple[Status, ...] = ()  # state
    metric: str | None = None  # threshold, change, absence, anomaly, forecast
    source: str | None = None  # of the metric; None: own measurements
    above: float | None = None  # threshold; for a forecast the limit, in the metric's unit
    below: float | None = None
    clear: float | None = None  # threshold: good again from here on (hysteresis); None: at the threshold itself
    change: float | None = None  # change: share of the usual value
    over_seconds: float = 86_400.0  # change: what is usual is the median of so long before
    within_seconds: float = 604_800.0  # forecast: the limit is met within so long
    finding: str = "*"  # finding: its kind or id, as a pattern
    subjects: tuple[str, ...] = ()  # patterns of server names, hosts, mount points; empty: all
    groups: tuple[str, ...] = ()  # patterns of servers' groups; empty: all
    hold: Hold = Hold()
    recover: Hold = Hold()
    flapping: bool = True  # four changes in 24 checks keep an alert open until one or none is left
    severity: Severity = Severity.WARNING
    owner: str | None = None
    runbook: str | None = None
    built_in: bool = False

    def is_about(self, subject: str, group: str | None) -> bool:
        """Where subjects and groups are named, both have to match."""
        in_group = not self.groups or matches(group, self.groups)
        return in_group and (not self.subjects or matches(subject, self.subjects))


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run showed of one rule and one subject. `bad` None: it showed nothing, so nothing fires and nothing resolves."""

    rule: str
    subject: str  # a server's id, a host, "/var on HOST"
    server: str | None
    bad: bool | None = None
    value: float | None = None  # where a threshold has to be compared first
    text: str = ""  # a sentence for a person: what is wrong
    interval_seconds: float = 3600.0  # expected to the next one
    group: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a rule said of a subject, from its first sign to its end."""

    id: int
    rule: str
    subject: str
    server: str | None
    severity: Severity
    phase: Phase
    began_at: datetime
    fired_at: datetime | None = None
    resolved_at: datetime | None = None  # when it began to be good, known once that has lasted
    text: str = ""
    value: float | None = None  # the worst so far
    owner: str | None = None
    runbook: str | None = None
    cause: int | None = None  # the alert that explains this one
    told_at: datetime | None = None  # when a message about it was put into the outbox
    flapping: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """What the checks of one rule and subject say so far; kept from run to run while there is anything to keep."""

    rule: str
    subject: str
    seen: str = ""  # the last 24, oldest first: 1 bad, 0 good
    checks: int = 0  # in a row that said the same as the last
    seconds: float = 0.0  # that they speak for
    checked_at: datetime | None = None
    alert: int | None = None  # the open one


@dataclass(frozen=True, slots=True)
class Silence:
    """Somebody knows. An `ack` is of one alert, a silence of patterns; either ends by itself."""

    id: int
    at: datetime
    until: datetime
    author: str
    reason: str
    alert: int | None = None
    rule: str = "*"
    subject: str = "*"


@dataclass(frozen=True, slots=True)
class Watch:
    """What the last run left: everything open, and what is still counted."""

    tracks: tuple[Track, ...] = ()
    alerts: tuple[Alert, ...] = ()  # pending and firing
    silences: tuple[Silence, ...] = ()
    next_alert: int = 1
    latest_at: datetime | None = None  # the run that was judged last


@dataclass(frozen=True, slots=True)
class Line:
    """One cause in a message: an alert that fires or ends, and those that it explains."""

    alert: Alert
    fires: bool  # else it is resolved
    title: str
    detail: str
    page: str | None
    explains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about alerts, before it is put into any form."""

    fleet: str
    at: datetime
    zone: str
    lines: tuple[Line, ...]  # what fires first, worst first
    site_url: str | None = None
    edition: str = INTERNAL  # for whose eyes

    @property
    def title(self) -> str:
        """`1 firing: api-gateway is down → 9 dependants; 2 resolved`."""
        firing = [line for line in self.lines if line.fires]
        ended = [line for line in self.lines if not line.fires]
        parts = []
        for word, lines in (("firing", firing), ("resolved", ended)):
            if lines:
                first = f": {lines[0].title.rstrip('.')}" if lines is firing or not firing else ""
                parts.append(f"{len(lines)} {word}{first}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way out. `options` are its kind's own, validated; they may hold secrets."""

    name: str
    kind: str  # email, webhook, apprise, mcp, command
    alerts: bool = True  # sends transitions of alerts
    reports: Literal["never", "always", "on-change", "needs-action"] = "never"
    quiet_seconds: float | None = None  # with `on-change` and `needs-action`: a word that all is quiet after so long
    digests: tuple[PeriodName, ...] = ()  # calendar periods that it is told of when they are over
    severity: Severity = Severity.INFO  # the least
    owners: tuple[str, ...] = ()  # patterns; empty: everybody's
    timeout_seconds: float = 20.0
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    problem: str | None = None  # why it cannot be used
    edition: str | None = None  # Edition.name: whose words and pages its readers get; None: the internal report


@dataclass(frozen=True, slots=True)
class Errand:
    """A row of the outbox: one message on one way out, until it is sent."""

    id: int
    key: str  # unique by channel: the same thing is never queued twice
    channel: str
    kind: str  # alerts, report, quiet, digest
    at: datetime
    subject: str
    payload: str  # JSON: a Notice or a Digest, or the report's id
    tries: int = 0
    tried_at: datetime | None = None
    error: str = ""
    sent_at: datetime | None = None
    left: tuple[str, ...] = ()  # of several recipients those who wait for it still; empty: all of them


@dataclass(frozen=True, slots=True)
class Record:
    """What the store remembers for a report: alerts and messages newest first."""

    alerts: tuple[Alert, ...] = ()
    silences: tuple[Silence, ...] = ()
    errands: tuple[Errand, ...] = ()
    tracks: tuple[Track, ...] = ()  # of what is open now
    probes: dict[int, Probe] = field(default_factory=dict)  # by alert: the look that saw it first
