"""Page 1: what is the matter, how far one can see, what changed, and what is coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from caelum_report.model import Status


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
