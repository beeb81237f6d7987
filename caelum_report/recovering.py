"""Alerts whose condition is gone, but not for long enough: since when it is well, and when that is believed at the earliest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from caelum_report.alerting import Alert, Phase, Rule, Track
from caelum_report.configured import Config


@dataclass(frozen=True, slots=True)
class Recovery:
    """`earliest` None: the alert comes and goes, and ends when it is steady."""

    since: datetime
    earliest: datetime | None


def recoveries(
    alerts: Iterable[Alert], tracks: Iterable[Track], config: Config, interval: float
) -> dict[int, Recovery]:
    """By alert. `interval` is how often runs come; the next checks are expected at that pace."""
    rules = {rule.name: rule for rule in config.rules}
    servers = {server.id: server for server in config.servers}
    firing = {alert.id: alert for alert in alerts if alert.phase is Phase.FIRING}
    found = {}
    for track in tracks:
        alert, rule = firing.get(track.alert or 0), rules.get(track.rule)
        if alert is None or rule is None or track.checked_at is None or not track.seen.endswith("0"):
            continue
        pace = max(interval, config.own_cadence(servers.get(alert.server or "")))
        since = track.checked_at - timedelta(seconds=track.seconds)
        found[alert.id] = Recovery(since, None if alert.flapping else _earliest(rule, track, track.checked_at, pace))
    return found


def _earliest(rule: Rule, track: Track, checked_at: datetime, pace: float) -> datetime:
    checks = max(rule.recover.checks - track.checks, ceil((rule.recover.seconds - track.seconds) / pace))
    return checked_at + timedelta(seconds=pace * max(checks, 1))
