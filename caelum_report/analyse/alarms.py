"""Alerts as the report shows them: what is open, incidents with their course, rules, windows, silences, messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from caelum_report import words
from caelum_report.alerting import Alert, Errand, Phase, Record, Rule, Silence
from caelum_report.configured import Config
from caelum_report.document import (
    AlarmsReport,
    AlertReport,
    DeliveryReport,
    Event,
    IncidentReport,
    ReadOn,
    Report,
    RuleReport,
    ServerReport,
    SilenceReport,
    WindowReport,
)
from caelum_report.model import Server
from caelum_report.recovering import Recovery, recoveries
from caelum_report.rule_words import in_words
from caelum_report.text import visible
from caelum_report.windows import occurrences

from .impact import impact
from .incident_probe import probe_report

DAYS: Final = 90  # of incidents that are shown
AHEAD: Final = timedelta(days=14)
_SHOWN: Final = 100
_DRAWN: Final = 40  # newest incidents that are looked into


def with_alarms(report: Report, record: Record, config: Config) -> Report:
    """The report with what the rules have said up to it."""
    servers = {server.id: server for server in config.servers}
    over = {alert.id for alert in record.alerts if alert.phase is Phase.RESOLVED}
    fired = [alert for alert in record.alerts if alert.fired_at is not None or alert.phase is Phase.PENDING]
    interval = config.every_seconds or report.interval_seconds or 3600.0
    well = recoveries(fired, record.tracks, config, interval)
    return replace(
        report,
        read_on=(*_links(fired, well, report), *report.read_on),
        alarms=AlarmsReport(
            alerts=tuple(
                _alert(alert, record.silences, well.get(alert.id), servers, report.at) for alert in _shown(fired)
            ),
            incidents=_looked_into(tuple(_incidents(_Known(record, well, servers, report.at))), record, report),
            rules=tuple(_rule(rule, record.alerts, report.at) for rule in config.rules),
            windows=tuple(_windows(config, report.at)),
            silences=tuple(
                SilenceReport(s.at, s.until, s.author, s.reason, s.alert, s.rule, s.subject)
                for s in record.silences
                if s.until > report.at and s.alert not in over
            ),
            deliveries=tuple(_delivery(errand) for errand in record.errands[:_SHOWN]),
            ways=tuple(channel.name for channel in config.channels),
        ),
    )


def _shown(fired: Sequence[Alert]) -> list[Alert]:
    """Everything open, and the newest of the rest."""
    ended = [alert.id for alert in fired if alert.phase is Phase.RESOLVED]
    dropped = set(ended[_SHOWN:])
    return [alert for alert in fired if alert.id not in dropped]


def _links(fired: Sequence[Alert], well: Mapping[int, Recovery], report: Report) -> Iterator[ReadOn]:
    firing = sum(alert.phase is Phase.FIRING and alert.cause is None and alert.id not in well for alert in fired)
    month = sum(a.cause is None and a.fired_at is not None and (report.at - a.fired_at).days < 30 for a in fired)
    now = f"{words.plural(firing, 'alert')} {'fires' if firing == 1 else 'fire'}" if firing else "Nothing fires"
    yield ReadOn(
        "Alerts",
        "alerts.html",
        f"{now}; {words.plural(month, 'incident')} {words.in_a_month(report.run.first_snapshot_at, report.at, report.zone)}.",
    )
    found = report.ledger.objectives
    if found:
        judged = [one for one in found if one.achieved is not None]
        met = sum(one.is_met for one in judged)
        rows = words.plural(len(report.ledger.rows), "interval")
        said = f"{words.count(met)} of {words.count(len(judged))} met" if judged else "Too little data yet"
        yield ReadOn("Objectives", "slo.html", f"{said}; the ledger has {rows}.")


def _alert(
    alert: Alert, silences: Sequence[Silence], well: Recovery | None, servers: Mapping[str, Server], at: datetime
) -> AlertReport:
    ack = next((s for s in silences if s.alert == alert.id and s.at <= at < s.until), None)
    server = servers.get(alert.server or "")
    return AlertReport(
        id=alert.id,
        rule=alert.rule,
        subject=visible(alert.subject, 80),
        server=alert.server,
        severity=alert.severity.value,
        phase=alert.phase.value,
        began_at=alert.began_at,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
        text=alert.text,
        value=alert.value,
        owner=alert.owner,
        runbook=alert.runbook,
        cause=alert.cause,
        told_at=alert.told_at,
        flapping=alert.flapping,
        acknowledged=f"{ack.author}: {ack.reason}" if ack else "",
        page=f"servers/{server.slug}.html" if server else "host.html",
        recovering_since=well.since if well else None,
        resolved_from=well.earliest if well else None,
    )


# --- incidents ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What incidents are told from."""

    record: Record
    well: Mapping[int, Recovery]
    servers: Mapping[str, Server]
    now: datetime


def _incidents(known: _Known) -> Iterator[IncidentReport]:
    """Alerts with one root are one incident; newest first."""
    by_id = {alert.id: alert for alert in known.record.alerts}
    groups: dict[int, list[Alert]] = {}
    for alert in by_id.values():
        if alert.fired_at is not None:
            groups.setdefault(_root(alert, by_id).id, []).append(alert)
    for number in sorted(groups, reverse=True)[:_SHOWN]:
        yield _incident(by_id[number], groups[number], known)


def _root(alert: Alert, by_id: Mapping[int, Alert]) -> Alert:
    passed = set()
    while alert.cause is not None and alert.cause in by_id and alert.id not in passed:
        passed.add(alert.id)
        alert = by_id[alert.cause]
    return alert


def _incident(root: Alert, group: list[Alert], known: _Known) -> IncidentReport:
    ends = [alert.resolved_at for alert in group]
    ended = None if None in ends else max(end for end in ends if end is not None)
    began = min(alert.began_at for alert in group)
    others = sorted({visible(alert.subject, 80) for alert in group if alert.subject != root.subject})
    title, _, reason = root.text.partition(": ") if root.server == root.subject else (root.text, "", "")
    title = _past(title) if ended else title
    depends = _depends(known.servers[root.subject], known.servers) if root.subject in known.servers else ""
    recovery = None if ended else _together([known.well.get(alert.id) for alert in group if alert.resolved_at is None])
    return IncidentReport(
        id=f"{root.began_at:%Y%m%dt%H%Mz}-{root.id}",
        title=f"{title} → {words.plural(len(others), 'dependant')}." if others else f"{title}.",
        severity=root.severity.value,
        began_at=began,
        ended_at=ended,
        seconds=((ended or known.now) - began).total_seconds(),
        cause=f"{reason[0].upper()}{reason[1:]}.{depends}" if reason else depends.strip(),
        impact=f"{words.listing(others, 9)} failed with it." if others else "",
        servers=tuple(sorted({alert.server for alert in group if alert.server})),
        alerts=tuple(sorted(alert.id for alert in group)),
        owner=root.owner,
        runbook=root.runbook,
        events=tuple(sorted(_events(group, known.record, known.well), key=lambda event: (event.at, event.text))),
        recovering_since=recovery.since if recovery else None,
        resolved_from=recovery.earliest if recovery else None,
    )


def _looked_into(incidents: tuple[IncidentReport, ...], record: Record, report: Report) -> tuple[IncidentReport, ...]:
    """The newest of servers with the probe that saw them first, and what needs the server that failed."""
    servers: dict[str, ServerReport] = {server.id: server for server in report.servers if not server.retired}
    roots = {alert.id: alert.server for alert in record.alerts}

    def told(one: IncidentReport) -> IncidentReport:
        number = int(one.id.rpartition("-")[2])
        root = roots.get(number)
        if root is None or root not in servers or one.severity == "info":
            return one
        needing = impact(one.id, root, one.servers, servers, began=one.began_at, end=one.ended_at or report.at)
        seen = record.probes.get(number)
        return replace(one, root=root, probe=probe_report(seen, servers[root]) if seen else None, dependants=needing)

    return (*map(told, incidents[:_DRAWN]), *incidents[_DRAWN:])


def _depends(server: Server, servers: Mapping[str, Server]) -> str:
    needs = [visible(name, 60) for name in server.depends_on if name in servers]
    return f" It depends on {words.listing(needs)}; none of them was down before." if needs else ""


def _past(title: str) -> str:
    """What rules say of the present, once it is over."""
    for now, then in (
        (" is ", " was "),
        (" does not ", " did not "),
        (" cannot ", " could not "),
        (" reaches ", " was to reach "),
    ):
        if now in title:
            return title.replace(now, then, 1)
    return title


def _together(recoveries: Sequence[Recovery | None]) -> Recovery | None:
    """Of an incident: when the last of its alerts was well again; None while one is not."""
    known = [one for one in recoveries if one is not None]
    if not known or len(known) < len(recoveries):
        return None
    ends = [one.earliest for one in known if one.earliest is not None]
    return Recovery(max(one.since for one in known), max(ends) if len(ends) == len(known) else None)


def _events(group: Sequence[Alert], record: Record, well: Mapping[int, Recovery]) -> Iterator[Event]:
    ids = {alert.id for alert in group}
    for alert in group:
        subject = visible(alert.subject, 80)
        yield Event(alert.began_at, f"First sign: {alert.text}")
        if alert.fired_at is not None and alert.fired_at != alert.began_at:
            yield Event(alert.fired_at, f"{subject}: {alert.rule} fires")
        if alert.resolved_at is not None:
            yield Event(alert.resolved_at, f"{subject}: {alert.rule} is over")
        elif alert.id in well:
            yield Event(well[alert.id].since, f"{subject}: {alert.rule} no longer holds")
    for silence in record.silences:
        if silence.alert in ids:
            yield Event(silence.at, f"Acknowledged by {silence.author}: {silence.reason}")
    ways: dict[tuple[datetime, str, str], list[str]] = {}
    for errand in record.errands:
        if errand.kind == "alerts" and ids & _numbers(errand):
            when = errand.sent_at or errand.at
            how = "Sent" if errand.sent_at else f"Not sent ({errand.error})" if errand.error else "Waiting"
            ways.setdefault((when, how, errand.subject), []).append(errand.channel)
    for (when, how, said), channels in ways.items():
        yield Event(when, f"{how} by {words.listing(sorted(channels), 9)}: {said}")


def _numbers(errand: Errand) -> set[int]:
    """The alerts that a message names, read from its key: `alerts:7+,8-`."""
    parts = errand.key.partition(":")[2].split(",")
    return {int(part[:-1]) for part in parts if part[:-1].isdigit()}


# --- the rest -------------------------------------------------------------------------------------------------------


def _rule(rule: Rule, alerts: Sequence[Alert], at: datetime) -> RuleReport:
    fired = [
        a for a in alerts if a.rule == rule.name and a.fired_at is not None and at - a.fired_at <= timedelta(days=30)
    ]
    return RuleReport(
        name=rule.name,
        says=in_words(rule),
        severity=rule.severity.value,
        built_in=rule.built_in,
        fired=len(fired),
        explained=sum(alert.cause is not None for alert in fired),
    )


def _windows(config: Config, at: datetime) -> Iterator[WindowReport]:
    """What is open now or begins within two weeks; servers that rest together stand together."""
    found: Counter[tuple[datetime, datetime, str]] = Counter()
    names: dict[tuple[datetime, datetime, str], list[str]] = {}
    for server in config.servers:
        for window in server.maintenance:
            for start, end in occurrences(window, at, at + AHEAD, config.zone):
                key = (start, end, window.reason)
                found[key] += 1
                names.setdefault(key, []).append(server.id)
    for start, end, reason in sorted(found)[:_SHOWN]:
        yield WindowReport(start, end, reason, tuple(names[start, end, reason]))


def _delivery(errand: Errand) -> DeliveryReport:
    return DeliveryReport(
        errand.at, errand.channel, errand.kind, visible(errand.subject, 200), errand.tries, errand.sent_at, errand.error
    )
