"""What `alerts list` says: what is open, who knows of it, what is silenced, and what the rules look for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from caelum_report import words
from caelum_report.alerting import Alert, Silence, Watch
from caelum_report.configured import Config
from caelum_report.recovering import Recovery, recoveries
from caelum_report.rule_words import in_words, silenced
from caelum_report.text import visible
from caelum_report.words import stamp


def lines(watch: Watch, settings: Config, at: datetime) -> Iterator[str]:
    """For people."""
    well = _well(watch, settings)
    for alert in watch.alerts:
        cause = f", explained by {alert.cause}" if alert.cause is not None else ""
        since = words.since(alert.began_at, at, settings.zone)
        yield f"{alert.id:5} {alert.phase:8} {alert.severity:8} {visible(alert.text, 1_000)}, {since}{cause}"
        if (known := _known(alert, watch, at)) is not None:
            yield f"      known to {_by(known, at, settings.zone)} (silence {known.id})"
        if (recovery := well.get(alert.id)) is not None:
            yield f"      {_recovering(recovery, at, settings.zone)}"
    if not watch.alerts:
        yield "Nothing is open."
    standing = [one for one in watch.silences if one.alert is None and one.until > at]
    for silence in standing:
        yield f"Silence {silence.id}: {silenced(silence)}, by {_by(silence, at, settings.zone)}"
    yield "Rules:"
    width = max((len(rule.name) for rule in settings.rules), default=0)
    for rule in settings.rules:
        yield f"  {rule.name:{width}}  {rule.severity:8}  {in_words(rule)}"


def _well(watch: Watch, settings: Config) -> dict[int, Recovery]:
    """Which open alerts may end soon. Without a declared cadence checks are taken to come every hour."""
    return recoveries(watch.alerts, watch.tracks, settings, settings.every_seconds or 3600.0)


def _known(alert: Alert, watch: Watch, at: datetime) -> Silence | None:
    return next((one for one in watch.silences if one.alert == alert.id and one.until > at), None)


def _by(silence: Silence, at: datetime, zone: str) -> str:
    """night until 1 Dec 04:32: looking at it"""
    return f"{silence.author} until {words.moment(silence.until, at, zone)}: {silence.reason}"


def _recovering(recovery: Recovery, at: datetime, zone: str) -> str:
    end = f"over from {words.moment(recovery.earliest, at, zone)}" if recovery.earliest else "over when it is steady"
    return f"well {words.since(recovery.since, at, zone)}, {end}"


def facts(watch: Watch, settings: Config, at: datetime) -> dict[str, Any]:
    """The same for programs."""
    well = _well(watch, settings)

    def alert_facts(alert: Alert) -> dict[str, Any]:
        known = _known(alert, watch, at)
        return {
            "id": alert.id,
            "rule": alert.rule,
            "subject": alert.subject,
            "state": alert.phase,
            "severity": alert.severity,
            "text": alert.text,
            "began_at": stamp(alert.began_at),
            "owner": alert.owner,
            "cause": alert.cause,
            "acknowledged": f"{known.author}: {known.reason}" if known else None,
            "recovering_since": stamp(well[alert.id].since) if alert.id in well else None,
        }

    return {
        "alerts": [alert_facts(alert) for alert in watch.alerts],
        "silences": [
            {"id": one.id, "alert": one.alert, "rule": one.rule, "subject": one.subject, "author": one.author,
             "reason": one.reason, "until": stamp(one.until)}
            for one in watch.silences
            if one.until > at
        ],
        "rules": [
            {"name": r.name, "kind": r.kind, "severity": r.severity, "built_in": r.built_in, "says": in_words(r)}
            for r in settings.rules
        ],
    }  # fmt: skip
