"""Transitions become a message: one cause, one line, in the words that every way out repeats."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from caelum_report import words
from caelum_report.alerting import Alert, Channel, Line, Notice, Phase, Severity
from caelum_report.configured import Config
from caelum_report.model import Server
from caelum_report.patterns import matches
from caelum_report.text import visible

from .engine import Step

_SEVERITIES = tuple(Severity)


def notice(step: Step, config: Config) -> Notice | None:
    """The message of a run; None where nobody has to be told of anything."""
    if not step.told or step.watch.latest_at is None:
        return None
    everything = {alert.id: alert for alert in (*step.watch.alerts, *step.changed)}
    servers = {server.id: server for server in config.servers}
    rules = {rule.name for rule in config.rules}
    at = step.watch.latest_at
    lines = sorted(
        (_line(alert, everything, servers, rules) for alert in step.told),
        key=lambda line: (not line.fires, _SEVERITIES.index(line.alert.severity), -len(line.explains), line.alert.id),
    )
    return Notice(visible(config.fleet, 80), at, config.zone, tuple(lines), config.site_url)


def for_channel(message: Notice, channel: Channel) -> Notice | None:
    """The part of a message that a way out wants; one that cannot be used now gets it too, and it waits."""
    if not channel.alerts:
        return None
    lines = tuple(line for line in message.lines if _wanted(line.alert, channel))
    return replace(message, lines=lines) if lines else None


def _wanted(alert: Alert, channel: Channel) -> bool:
    if _SEVERITIES.index(alert.severity) > _SEVERITIES.index(channel.severity):
        return False
    return not channel.owners or matches(alert.owner, channel.owners)


def _line(alert: Alert, everything: Mapping[int, Alert], servers: Mapping[str, Server], rules: Collection[str]) -> Line:
    explains = tuple(sorted({a.subject for a in everything.values() if a.cause == alert.id} - {alert.subject}))
    fires = alert.phase is Phase.FIRING
    name = visible(alert.subject, 80)
    title, _, rest = alert.text.partition(": ") if alert.server == alert.subject else (alert.text, "", "")
    if fires and alert.flapping:
        title = f"{name} comes and goes"
    if not fires:
        watched = alert.rule in rules and (alert.server is None or alert.server in servers)
        title = f"{name}: {alert.rule} is {'over' if watched else 'no longer watched'}"
    if explains:
        word = words.plural(len(explains), "dependant")
        title += f" → {word}" if fires else f", {word} with it"
    server = servers.get(alert.server or "")
    page = f"servers/{server.slug}.html" if server else "alerts.html"
    return Line(alert, fires, f"{title}.", " ".join(_detail(alert, rest, explains)), page, explains)


def _detail(alert: Alert, reason: str, explains: Sequence[str]) -> Iterator[str]:
    if alert.phase is Phase.RESOLVED and alert.resolved_at and alert.fired_at:
        yield f"It lasted {words.duration((alert.resolved_at - alert.began_at).total_seconds())}."
    elif reason:
        yield f"{reason[0].upper()}{reason[1:]}{'' if reason.endswith('.') else '.'}"
    if explains:
        with_it = words.listing([visible(name, 60) for name in explains], 9)
        yield f"{'With it' if alert.phase is Phase.FIRING else 'Explained by it'}: {with_it}."
    if alert.phase is Phase.FIRING and alert.owner:
        yield f"Owner: {visible(alert.owner, 80)}."
    if alert.phase is Phase.FIRING and alert.runbook:
        yield f"Runbook: {visible(alert.runbook, 300)}"
