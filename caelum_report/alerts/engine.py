"""The state machine: observations of one run move alerts from pending over firing to resolved. Pure, one step a run.

Time counts only as far as checks speak for it: between two checks at most 1.5 expected intervals pass. So a run that was
missed, a machine that slept and a clock that went back neither fire nor resolve anything by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from caelum_report.alerting import Alert, Hold, Observation, Phase, Rule, Severity, Silence, Track, Watch
from caelum_report.model import Server, Status

from .observe import beyond

REMEMBERED: Final = 24  # checks
_STARTS_FLAPPING, _ENDS_FLAPPING = 4, 1  # changes among them, as for servers
_SPEAKS_FOR: Final = 1.5  # intervals
_SAME_CAUSE: Final = timedelta(hours=1)  # a dependency that broke later than this explains nothing
_SEVERITIES: Final = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Step:
    """What a run changed: the watch as it is now, and the alerts that are other than before."""

    watch: Watch
    changed: tuple[Alert, ...]  # `resolved` ones are not in the watch any more
    dropped: tuple[int, ...]  # pending ones that came to nothing
    told: tuple[Alert, ...]  # of `changed`, those that a message has to name


def advance(
    watch: Watch, rules: Sequence[Rule], servers: Mapping[str, Server], seen: Sequence[Observation], at: datetime
) -> Step:
    """One step. A rule or a server that is no longer configured ends its alerts: nobody will look again."""
    by_name = {rule.name: rule for rule in rules}
    before = {alert.id: alert for alert in watch.alerts}
    counted = _after_checks(watch, by_name, seen, at)
    alerts = {alert.id: _ended_with(alert, by_name, servers, at) for alert in counted.alerts.values()}
    followed = {track.alert for track in counted.tracks.values()}
    dropped = {one.id for one in alerts.values() if one.phase is Phase.PENDING and one.id not in followed}
    alerts = _explained({number: one for number, one in alerts.items() if number not in dropped}, by_name, servers)
    told = _to_tell(alerts, before, watch.silences, counted.bad, at)
    alerts |= {alert.id: replace(alert, told_at=at) for alert in told if alert.phase is Phase.FIRING}
    kept = tuple(
        track
        for (rule, _), track in sorted(counted.tracks.items())
        if rule in by_name and (track.alert in alerts or "1" in track.seen)
    )
    still_open = tuple(alert for alert in alerts.values() if alert.phase is not Phase.RESOLVED)
    return Step(
        Watch(kept, still_open, watch.silences, counted.next_alert, max(at, watch.latest_at or at)),
        tuple(alert for alert in alerts.values() if before.get(alert.id) != alert),
        tuple(sorted(dropped & before.keys())),
        tuple(alerts[alert.id] for alert in told),
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """Tracks and alerts after the checks of a run."""

    tracks: dict[tuple[str, str], Track]  # by rule and subject
    alerts: dict[int, Alert]
    bad: set[int]  # alerts of which this run saw something bad
    next_alert: int


def _after_checks(watch: Watch, rules: Mapping[str, Rule], seen: Sequence[Observation], at: datetime) -> _Counted:
    tracks = {(track.rule, track.subject): track for track in watch.tracks}
    alerts = {alert.id: alert for alert in watch.alerts}
    number, bad = watch.next_alert, set()
    for one in seen:
        rule, key = rules[one.rule], (one.rule, one.subject)
        track = tracks.get(key, Track(one.rule, one.subject))
        alert = alerts.get(track.alert) if track.alert is not None else None
        verdict = _verdict(rule, one, alert)
        if verdict is None:
            continue
        track = _counted(track, one, at, bad=verdict)
        if verdict and alert is None:
            alert = _begun(number, rule, one, at)
            number += 1
        if alert is not None:
            alert = _moved(alert, track, rule, one, at, bad=verdict)
            alerts[alert.id] = alert
            bad |= {alert.id} if verdict else set()
        closed = alert is None or alert.phase is Phase.RESOLVED or (alert.phase is Phase.PENDING and not verdict)
        tracks[key] = replace(track, alert=None if closed or alert is None else alert.id)
    return _Counted(tracks, alerts, bad, number)


def _ended_with(alert: Alert, rules: Mapping[str, Rule], servers: Mapping[str, Server], at: datetime) -> Alert:
    """Resolved, where its rule or its server is not configured any more."""
    if alert.rule in rules and (alert.server is None or alert.server in servers):
        return alert
    return replace(alert, phase=Phase.RESOLVED, resolved_at=at)


def _verdict(rule: Rule, one: Observation, alert: Alert | None) -> bool | None:
    if one.bad is None or rule.kind != "threshold" or one.value is None:
        return one.bad
    return beyond(rule, one.value, firing=alert is not None and alert.phase is Phase.FIRING)


def _counted(track: Track, one: Observation, at: datetime, *, bad: bool) -> Track:
    same = track.seen.endswith("1" if bad else "0")
    since = (at - track.checked_at).total_seconds() if track.checked_at else 0.0
    passed = min(max(since, 0.0), _SPEAKS_FOR * one.interval_seconds)
    return replace(
        track,
        seen=(track.seen + ("1" if bad else "0"))[-REMEMBERED:],
        checks=track.checks + 1 if same else 1,
        seconds=track.seconds + passed if same else 0.0,
        checked_at=at,
    )


def _begun(number: int, rule: Rule, one: Observation, at: datetime) -> Alert:
    return Alert(
        id=number,
        rule=rule.name,
        subject=one.subject,
        server=one.server,
        severity=rule.severity,
        phase=Phase.PENDING,
        began_at=at,
        owner=rule.owner or one.owner,
        runbook=rule.runbook,
    )


def _moved(alert: Alert, track: Track, rule: Rule, one: Observation, at: datetime, *, bad: bool) -> Alert:
    """One alert after one more check."""
    flapping = rule.flapping and flaps(track.seen, before=alert.flapping)
    if bad:
        alert = replace(alert, text=one.text, value=_worst(rule, alert.value, one.value), flapping=flapping)
        if alert.phase is Phase.PENDING and _held(rule.hold, track):
            return replace(alert, phase=Phase.FIRING, fired_at=at)
        return alert
    if alert.phase is Phase.FIRING and not flapping and _held(rule.recover, track):
        good_since = at - timedelta(seconds=track.seconds)
        return replace(alert, phase=Phase.RESOLVED, resolved_at=good_since, flapping=False)
    return replace(alert, flapping=flapping)


def _held(hold: Hold, track: Track) -> bool:
    return track.checks >= hold.checks and track.seconds >= hold.seconds


def _worst(rule: Rule, known: float | None, value: float | None) -> float | None:
    if value is None or known is None:
        return value if known is None else known
    return min(known, value) if rule.below is not None else max(known, value)


def flaps(seen: str, *, before: bool) -> bool:
    """With hysteresis: four changes in 24 checks start it, only one or none ends it."""
    changes = seen.count("01") + seen.count("10")
    return changes > _ENDS_FLAPPING if before else changes >= _STARTS_FLAPPING


# --- one cause, one line --------------------------------------------------------------------------------------------


def _explained(
    alerts: Mapping[int, Alert], rules: Mapping[str, Rule], servers: Mapping[str, Server]
) -> dict[int, Alert]:
    """Each open alert with the one that explains it: a dependency that is down, or a worse one of the same server or figure."""
    open_ones = [alert for alert in alerts.values() if alert.phase is not Phase.RESOLVED]
    down = {a.server: a for a in open_ones if a.server and _is_down(rules[a.rule])}
    causes = {alert.id: _below(alert, down, servers) or _worse(alert, open_ones, rules) for alert in open_ones}
    for number in sorted(causes):
        if _leads_back(number, causes):
            causes[number] = None  # of a circle the first is its own cause
    explained = dict(alerts)
    for alert in open_ones:
        cause = causes[alert.id]
        if alert.told_at is None or cause is not None:
            explained[alert.id] = replace(alert, cause=cause.id if cause else None)
    return explained


def _leads_back(number: int, causes: Mapping[int, Alert | None]) -> bool:
    passed: set[int] = set()
    cause = causes.get(number)
    while cause is not None and cause.id not in passed:
        if cause.id == number:
            return True
        passed.add(cause.id)
        cause = causes.get(cause.id)
    return False


def _is_down(rule: Rule) -> bool:
    return rule.kind == "state" and Status.DOWN in rule.states


def _below(alert: Alert, down: Mapping[str, Alert], servers: Mapping[str, Server]) -> Alert | None:
    """The dependency at the bottom that is down."""
    root, passed = None, {alert.server}
    waiting = list(servers[alert.server].depends_on) if alert.server is not None and alert.server in servers else []
    while waiting:
        name = waiting.pop(0)
        below = down.get(name)
        if name in passed or below is None or below.began_at - alert.began_at > _SAME_CAUSE:
            continue
        passed.add(name)
        root = below
        waiting = list(servers[name].depends_on) if name in servers else []
    return root if root is not None and root.id != alert.id else None


def _worse(alert: Alert, others: Sequence[Alert], rules: Mapping[str, Rule]) -> Alert | None:
    """One that fires of the same server, or of the same figure: a memory that leaks is told once, not as full and as full soon."""
    rank = (_SEVERITIES.index(alert.severity), alert.began_at, alert.id)
    figure = (rules[alert.rule].metric, rules[alert.rule].source)

    def is_same(other: Alert) -> bool:
        if alert.server is not None:
            return other.server == alert.server
        alike = figure[0] is not None and (rules[other.rule].metric, rules[other.rule].source) == figure
        return alike and other.subject == alert.subject

    same = [o for o in others if o.id != alert.id and is_same(o)]
    worse = [o for o in same if o.phase is Phase.FIRING and (_SEVERITIES.index(o.severity), o.began_at, o.id) < rank]
    return min(worse, key=lambda o: (_SEVERITIES.index(o.severity), o.began_at, o.id), default=None)


def _to_tell(
    alerts: Mapping[int, Alert],
    before: Mapping[int, Alert],
    silences: Sequence[Silence],
    bad: set[int],
    at: datetime,
) -> tuple[Alert, ...]:
    """Those that fire and were not told, and those that were told and end. A resolve is always told.

    What a cause explained is told by itself when it goes on after that one has ended.
    """
    told = []
    for alert in alerts.values():
        ended = alert.phase is Phase.RESOLVED and before.get(alert.id, alert).phase is not Phase.RESOLVED
        fires = alert.phase is Phase.FIRING and alert.told_at is None and alert.id in bad
        explained = alert.cause is not None and _is_open(alerts.get(alert.cause))
        silenced = any(silences_it(silence, alert, at) for silence in silences)
        if (ended and alert.told_at is not None) or (fires and not explained and not silenced):
            told.append(alert)
    return tuple(told)


def _is_open(alert: Alert | None) -> bool:
    return alert is not None and alert.phase is not Phase.RESOLVED


def silences_it(silence: Silence, alert: Alert, at: datetime) -> bool:
    if not silence.at <= at < silence.until:
        return False
    if silence.alert is not None:
        return silence.alert == alert.id
    return fnmatchcase(alert.rule, silence.rule) and fnmatchcase(alert.subject, silence.subject)
