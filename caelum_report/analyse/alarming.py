"""What the analysis shows of rules about findings, anomalies and forecasts; the others are judged by every run."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

import pandas as pd

from caelum_report import words
from caelum_report.alerting import Observation, Rule
from caelum_report.document import Report
from caelum_report.history import History
from caelum_report.metrics import METRICS
from caelum_report.model import Config
from caelum_report.text import visible

from .anomaly import anomalies
from .limit import time_to_limit

_RECENT: Final = 3  # hours in which an anomaly counts as now


def alarming(report: Report, history: History, config: Config) -> tuple[Observation, ...]:
    """Observations of the rules that a single run cannot judge, in the order of the rules."""
    found: list[Observation] = []
    for rule in config.rules:
        if rule.kind == "finding":
            found += _findings(rule, report)
        elif rule.kind in {"anomaly", "forecast"}:
            found += _series(rule, history, config)
    return tuple(found)


def _findings(rule: Rule, report: Report) -> Iterator[Observation]:
    servers = {server.id: server for server in report.servers}
    for finding in report.findings:
        meant = fnmatchcase(finding.kind, rule.finding) or fnmatchcase(finding.id, rule.finding)
        server = servers.get(finding.server or "")
        if (
            meant
            and finding.needs_action
            and _wanted(rule, finding.server or finding.id, server.group if server else None)
        ):
            yield Observation(
                rule.name, finding.id, finding.server, True, None, finding.title.rstrip("."),
                report.interval_seconds or 3600.0, server.group if server else None, finding.owner,
            )  # fmt: skip


def _wanted(rule: Rule, name: str, group: str | None) -> bool:
    if rule.groups and not any(fnmatchcase(group or "", pattern) for pattern in rule.groups):
        return False
    return not rule.subjects or any(fnmatchcase(name, pattern) for pattern in rule.subjects)


def _series(rule: Rule, history: History, config: Config) -> Iterator[Observation]:
    """On the hours that have closed, as the report's own forecasts are."""
    metric = METRICS[rule.metric or ""]
    frame = history.rollups
    hours = frame[(frame["level"] == "hour") & (frame["metric"] == metric.name)]
    servers = {server.id: server for server in config.servers}
    for key, rows in hours.groupby("subject", observed=True, sort=True):
        subject = str(key) or config.host
        server = servers.get(subject) if metric.subject == "server" else None
        if (metric.subject == "server" and server is None) or not _wanted(
            rule, subject, server.group if server else None
        ):
            continue
        series = pd.Series(rows["p50"].to_numpy(), pd.DatetimeIndex(rows["at"]))
        said = f"{metric.title} of {visible(subject, 80)}"
        bad, text = _anomalous(series, said) if rule.kind == "anomaly" else _looming(rule, series, said, metric.unit)
        yield Observation(
            rule.name, subject, server.id if server else None, bad, None, text, config.every_seconds or 3600.0,
            server.group if server else None, server.owner if server else None,
        )  # fmt: skip


def _anomalous(series: pd.Series, said: str) -> tuple[bool, str]:
    flags = anomalies(series)["flag"]
    return bool(flags.iloc[-_RECENT:].any()), f"{said} is unusual for its hour"


def _looming(rule: Rule, series: pd.Series, said: str, unit: str) -> tuple[bool, str]:
    limit = rule.above if rule.above is not None else 0.0
    days = rule.within_seconds / 86_400
    crossing = time_to_limit(series, limit, horizon_days=days)
    if crossing is None or (crossing.eta - series.index[-1]).total_seconds() > rule.within_seconds:
        return False, ""
    left = max(0.0, (crossing.eta - series.index[-1]).total_seconds())
    return True, f"{said} reaches {words.quantity(limit, unit)} in {words.duration(left)}"
