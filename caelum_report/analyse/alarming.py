"""What the analysis shows of rules about findings, anomalies and forecasts; the others are judged by every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import pandas as pd

from caelum_report import words
from caelum_report.alerting import Observation, Rule
from caelum_report.configured import Config
from caelum_report.document import Report
from caelum_report.history import History
from caelum_report.metrics import METRICS
from caelum_report.model import Server
from caelum_report.text import visible

from .anomaly import anomalies
from .limit import time_to_limit

RECENT: Final = 3  # hours in which an anomaly counts as now


def alarming(report: Report, history: History, config: Config) -> tuple[Observation, ...]:
    """Observations of the rules that a single run cannot judge, in the order of the rules."""
    found: list[Observation] = []
    for rule in config.rules:
        if rule.kind == "finding":
            found += finding_observations(rule, report)
        elif rule.kind in {"anomaly", "forecast"}:
            found += _series(rule, history, config)
    return tuple(found)


def finding_observations(rule: Rule, report: Report) -> Iterator[Observation]:
    """What a report shows of a rule about findings."""
    servers = {server.id: server for server in report.servers}
    for finding in report.findings:
        meant = fnmatchcase(finding.kind, rule.finding) or fnmatchcase(finding.id, rule.finding)
        server = servers.get(finding.server or "")
        if (
            meant
            and finding.needs_action
            and rule.is_about(finding.server or finding.id, server.group if server else None)
        ):
            yield Observation(
                rule.name, finding.id, finding.server, True, None, finding.title.rstrip("."),
                report.interval_seconds or 3600.0, server.group if server else None, finding.owner,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watched:
    """A series that a rule is about: one value an hour."""

    subject: str
    server: Server | None
    said: str  # whose figure it is, in words
    unit: str
    series: pd.Series


def watched(rule: Rule, history: History, config: Config) -> Iterator[Watched]:
    """By subject, on the hours that have closed, as the report's own forecasts are."""
    metric = METRICS[rule.metric or ""]
    frame = history.rollups
    hours = frame[(frame["level"] == "hour") & (frame["metric"] == metric.name)]
    servers = {server.id: server for server in config.servers}
    for key, rows in hours.groupby("subject", observed=True, sort=True):
        subject = str(key) or config.host
        server = servers.get(subject) if metric.subject == "server" else None
        if metric.subject == "server" and server is None:
            continue
        if rule.is_about(subject, server.group if server else None):
            series = pd.Series(rows["p50"].to_numpy(), pd.DatetimeIndex(rows["at"]))
            yield Watched(subject, server, f"{metric.title} of {visible(subject, 80)}", metric.unit, series)


def _series(rule: Rule, history: History, config: Config) -> Iterator[Observation]:
    for one in watched(rule, history, config):
        if rule.kind == "anomaly":
            yield observed(rule, one, config, anomalous(anomalies(one.series)["flag"].iloc[-RECENT:], one))
        else:
            yield observed(rule, one, config, looming(rule, one))


def observed(rule: Rule, one: Watched, config: Config, verdict: tuple[bool, str]) -> Observation:
    """What a rule sees in a series: whether it is bad, and in which words."""
    bad, text = verdict
    server = one.server
    return Observation(
        rule.name, one.subject, server.id if server else None, bad, None, text, config.every_seconds or 3600.0,
        server.group if server else None, server.owner if server else None,
    )  # fmt: skip


def anomalous(latest: pd.Series, one: Watched) -> tuple[bool, str]:
    """Whether one of the latest flags is set."""
    return bool(latest.any()), f"{one.said} is unusual for its hour"


def looming(rule: Rule, one: Watched) -> tuple[bool, str]:
    """Whether the limit is met within the rule's time."""
    limit = rule.above if rule.above is not None else 0.0
    crossing = time_to_limit(one.series, limit, horizon_days=rule.within_seconds / 86_400)
    if crossing is None or (crossing.eta - one.series.index[-1]).total_seconds() > rule.within_seconds:
        return False, ""
    left = max(0.0, (crossing.eta - one.series.index[-1]).total_seconds())
    return True, f"{one.said} reaches {words.quantity(limit, one.unit)} in {words.duration(left)}"
