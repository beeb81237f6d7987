"""The pipeline's other half: a run judges its rules, keeps what changed with the messages it makes necessary, and sends them.

Judging is part of the transaction that stores what was judged, so that no kill can part an alert from its message.
Sending reads the outbox only; what fails stays there for the next run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import alerts, periods, store
from .alerting import ANALYSED, Channel, Errand, Notice, Observation
from .errors import CaelumError, DeliveryError, LockedError, MessageRefusedError
from .model import Canary, Config, Snapshot
from .periods import PeriodName, Span

if TYPE_CHECKING:
    from .digest import Digest
    from .document import Report
    from .mail import Mail
    from .site import Site

Call = Callable[[str, str, dict[str, object], float], None]  # server, tool, arguments, seconds


def judge(database: sqlite3.Connection, snapshot: Snapshot, config: Config) -> None:
    """The rules that a snapshot alone can tell of: states, thresholds, changes, absence. Part of the caller's `batch`."""
    if not config.rules:
        return
    past = alerts.Past(
        store.usual(database, config.rules, snapshot.at),
        store.host_before(database, snapshot.host, snapshot.at),
        config.every_seconds or store.cadence(database),
    )
    _advance(database, alerts.observe(config.rules, snapshot, config, past), snapshot.at, config)


def judge_report(
    database: sqlite3.Connection, observations: tuple[Observation, ...], at: datetime, config: Config
) -> None:
    """The rules that need the analysis: findings, anomalies, forecasts. Part of the caller's `batch`."""
    rules = {rule.name for rule in config.rules if rule.kind in ANALYSED}
    if not rules:
        return
    shown = {(one.rule, one.subject) for one in observations}
    gone = (
        Observation(track.rule, track.subject, None, bad=False)
        for track in store.watch(database).tracks
        if track.rule in rules and (track.rule, track.subject) not in shown
    )
    _advance(database, (*observations, *gone), at, config)


def _advance(database: sqlite3.Connection, observations: tuple[Observation, ...], at: datetime, config: Config) -> None:
    servers = {server.id: server for server in config.servers}
    step = alerts.advance(store.watch(database), config.rules, servers, observations, at)
    store.save_watch(database, step.watch.tracks, step.changed, step.dropped)
    message = alerts.notice(step, config)
    if message is not None:
        store.put_out(database, _errands(message, config))


def _errands(message: Notice, config: Config) -> list[Errand]:
    from . import codec

    errands = []
    for channel in config.channels:
        part = alerts.for_channel(message, channel)
        if part is not None:
            key = "alerts:" + ",".join(f"{line.alert.id}{'+' if line.fires else '-'}" for line in part.lines)
            title = f"[{part.fleet}] {part.title}"
            errands.append(Errand(0, key, channel.name, "alerts", part.at, title, codec.notice_to_json(part)))
    return errands


# --- reports --------------------------------------------------------------------------------------------------------


def put_out_report(config: Config, report: Report) -> None:
    """Queues a published report for the ways out whose policy wants it, or a word that all is quiet."""
    with store.open_store(config.database) as database, store.batch(database):
        for channel in config.channels:
            kind = _due(database, channel, report)
            if kind is not None:
                errand = Errand(
                    0, f"{kind}:{report.id}", channel.name, kind, report.at, report.verdict.sentence, report.id
                )
                store.put_out(database, [errand])


def _due(database: sqlite3.Connection, channel: Channel, report: Report) -> str | None:
    urgent = any(finding.needs_action and finding.kind != "setup" for finding in report.findings)
    wanted = {
        "never": False,
        "always": True,
        "on-change": bool(report.changes),
        "needs-action": urgent,
    }
    if wanted[channel.reports]:
        return "report"
    if channel.quiet_seconds is None:
        return None
    last = store.last_errand(database, channel.name, ("report", "quiet"))
    silent = last is None or (report.at - last.at).total_seconds() >= 0.98 * channel.quiet_seconds
    return "quiet" if silent else None


# --- digests --------------------------------------------------------------------------------------------------------


def put_out_digests(config: Config, at: datetime) -> None:
    """Queues a digest of each calendar period that is over, once for each way out that wants it."""
    kinds = {kind for channel in config.channels for kind in channel.digests}
    for kind in sorted(kinds):
        put_out_digest(config, kind, periods.last(kind, at, config.zone), at)


def put_out_digest(config: Config, kind: PeriodName, span: Span, at: datetime) -> tuple[Errand, ...]:
    """What is in the outbox about one period, put there now or earlier; nothing where nothing was measured in it."""
    key = f"digest:{kind}:{periods.key(kind, span, config.zone)}"
    ways = [channel.name for channel in config.channels if kind in channel.digests]
    with store.open_store(config.database) as database:
        missing = [name for name in ways if store.errand_of(database, name, key) is None]
        seen = store.seen_between(database, span.start, span.end)
    made = digest_of(config, kind, span, at) if missing and seen else None
    with store.open_store(config.database) as database:
        if made is not None:
            from . import codec

            payload = codec.digest_to_json(made)
            title = f"[{made.fleet}] {made.label}"
            store.put_out(database, [Errand(0, key, name, "digest", at, title, payload) for name in missing])
        return tuple(errand for name in ways if (errand := store.errand_of(database, name, key)))


def digest_of(config: Config, kind: PeriodName, span: Span, at: datetime) -> Digest | None:
    """A period worked out from the history; None where nothing was measured in it."""
    from . import analyse, codec

    with store.open_store(config.database) as database:
        snapshot = store.latest_snapshot(database)
        if snapshot is None:
            return None
        history = store.history(database, snapshot, analyse.DIFFERENCE_METRICS)
        stored = store.report_at(database, None)
    return analyse.digest(history, config, codec.from_json(stored) if stored else None, kind, span, at=at)


# --- sending --------------------------------------------------------------------------------------------------------


def send_out(config: Config, at: datetime, site: Site | None = None) -> int:
    """Sends what the outbox holds and says how many; `DeliveryError` where something stays for the next run.

    After a failure a way out is left alone until then, unless only this message was refused. One run sends at a time.
    """
    channels = {channel.name: channel for channel in config.channels}
    if not channels:
        return 0
    problems: dict[str, str] = {}
    closed: set[str] = set()
    sent = 0
    try:
        with store.deliver_lock(config.database):
            with store.open_store(config.database) as database:
                waiting = store.unsent(database, at)
            for errand in waiting:
                channel = channels.get(errand.channel)
                if channel is None or errand.channel in closed:
                    continue
                problem = _try(channel, errand, config, at, site)
                refused = problem if isinstance(problem, MessageRefusedError) else None
                left = refused.left if refused and refused.left else errand.left
                with store.open_store(config.database) as database:
                    store.record_try(database, replace(errand, left=left), at, str(problem or ""))
                if problem is None:
                    sent += 1
                    continue
                problems.setdefault(errand.channel, str(problem))
                if refused is None:
                    closed.add(errand.channel)
    except LockedError:  # it sends ours too, or the next run does
        return sent
    if problems:
        names = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise DeliveryError(f"not delivered, the next run tries again: {names}")
    return sent


def _try(channel: Channel, errand: Errand, config: Config, at: datetime, site: Site | None) -> CaelumError | None:
    """What went wrong; None when it is sent."""
    if channel.problem:
        return DeliveryError(channel.problem)
    try:
        send(channel, replace(mail_of(errand, config, site, at), only=errand.left), config, at)
    except CaelumError as error:
        return error
    return None


def send(channel: Channel, mail: Mail, config: Config, at: datetime) -> None:
    """One message on one way out; `DeliveryError` where it does not arrive."""
    from . import deliver

    def call(server: str, tool: str, arguments: dict[str, object], seconds: float) -> None:
        from . import collect

        problem = collect.call_tool(config, server, Canary(tool, json.dumps(arguments)), at, seconds)
        if problem:
            raise DeliveryError(problem)

    deliver.send(channel, mail, config, call)


def mail_of(errand: Errand, config: Config, site: Site | None, at: datetime) -> Mail:
    """The message that an outbox row stands for."""
    from . import codec, render

    if errand.kind == "alerts":
        return render.notice_mail(codec.notice_from_json(errand.payload), errand.key)
    if errand.kind == "digest":
        digest = codec.digest_from_json(errand.payload)
        paper = render.digest_paper(digest, config.budgets.pdf_seconds) if config.pdf else None
        return render.digest_mail(digest, paper if isinstance(paper, bytes) else None, at)
    with store.open_store(config.database) as database:
        stored = store.report_by_id(database, errand.payload)
    if stored is None:
        raise DeliveryError(f"report {errand.payload} is not kept any more")
    report = codec.from_json(stored)
    if errand.kind == "quiet":
        return render.quiet_mail(report)
    pdf = site.files.get("report.pdf") if site is not None and site.report == report.id else None
    if pdf is None and config.pdf:
        pdf = render.paper(report, config.budgets.pdf_seconds)
    return render.report_mail(report, pdf)


DEAD_MAN: Final = "dead-man"  # the dead man's switch, where ways out are named


def ways(config: Config) -> dict[str, str]:
    """Every name that `test_way` knows, and its kind."""
    switch = {DEAD_MAN: "ping"} if config.ping_url else {}
    return switch | {channel.name: channel.kind for channel in config.channels}


def test_way(config: Config, name: str, at: datetime, *, really: bool) -> str:
    """Sends one test message by a way out, or shows what would go there, and says so; the outbox is not touched.

    Shown is the latest report to a way out that sends reports, the test message to any other.
    """
    from . import deliver, render

    if ways(config)[name] == "ping" and config.ping_url is not None:
        if not really:
            return deliver.shown_post(config.ping_url, {}, "test")
        deliver.ping(config.ping_url, "test")
        return f"{name}: told."
    channel = next(one for one in config.channels if one.name == name)
    if channel.problem:
        raise DeliveryError(f"{name}: {channel.problem}")
    mail = render.test_mail(config.fleet, at, config.zone, config.site_url)
    if not really:
        return deliver.preview(channel, _latest(channel, config, at) or mail, config)
    send(channel, mail, config, at)
    return f"{name}: delivered by {channel.kind}."


def _latest(channel: Channel, config: Config, at: datetime) -> Mail | None:
    if channel.reports == "never" or not Path(config.database).exists():
        return None
    with store.open_store(config.database) as database:
        stored = store.report_at(database, None)
    if stored is None:
        return None
    from . import codec

    return mail_of(Errand(0, "", channel.name, "report", at, "", codec.from_json(stored).id), config, None, at)
