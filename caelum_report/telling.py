"""The pipeline's other half: a run judges its rules, keeps what changed with the messages it makes necessary, and sends them.

Judging is part of the transaction that stores what was judged, so that no kill can part an alert from its message.
Sending reads the outbox only; what fails stays there for the next run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from . import alerts, periods, store
from .alerting import ANALYSED, Channel, Errand, Notice, Observation
from .configured import Config
from .editions import INTERNAL, Edition
from .errors import CaelumError, DeliveryError, LockedError, MessageRefusedError
from .model import Canary, Snapshot
from .periods import PeriodName, Span

if TYPE_CHECKING:
    from .digest import Digest
    from .document import Report
    from .mail import Mail
    from .render import Readers
    from .site import Site

Call = Callable[[str, str, dict[str, object], float], None]  # server, tool, arguments, seconds
NO_SITES: Final[Mapping[str, Site]] = MappingProxyType({})


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


def _edition(channel: Channel, config: Config) -> Edition | None:
    """Whose words and pages its readers get; None: the internal report. The configuration has seen to it that there is one."""
    return None if channel.edition is None else {one.name: one for one in config.editions}[channel.edition]


def _errands(message: Notice, config: Config) -> list[Errand]:
    from . import codec

    errands = []
    for channel in config.channels:
        part = alerts.for_channel(message, channel)
        edition = _edition(channel, config)
        if part is not None and edition is not None:
            part = alerts.for_edition(part, edition, config.rules)
        if part is not None:
            key = "alerts:" + ",".join(f"{line.alert.id}{'+' if line.fires else '-'}" for line in part.lines)
            title = f"[{part.fleet}] {part.title}"
            errands.append(Errand(0, key, channel.name, "alerts", part.at, title, codec.notice_to_json(part)))
    return errands


# --- reports --------------------------------------------------------------------------------------------------------


def put_out_report(config: Config, report: Report) -> None:
    """Queues a published report for the ways out whose policy wants it, or a word that all is quiet."""
    from . import render

    with store.open_store(config.database) as database, store.batch(database):
        for channel in config.channels:
            edition = _edition(channel, config)
            kind = _due(database, channel, report, edition)
            if kind is not None:
                told = render.edition_of(report, edition) if edition else report
                errand = Errand(
                    0, f"{kind}:{report.id}", channel.name, kind, report.at, told.verdict.sentence, report.id
                )
                store.put_out(database, [errand])


def _due(database: sqlite3.Connection, channel: Channel, report: Report, edition: Edition | None) -> str | None:
    from . import render

    urgent = any(finding.needs_action and finding.kind != "setup" for finding in report.findings)
    wanted = {
        "never": False,
        "always": True,
        "on-change": render.has_changed(report, edition) if edition else bool(report.changes),
        "needs-action": render.is_troubled(report, edition) if edition else urgent,
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
    from . import analyse, codec

    key = f"digest:{kind}:{periods.key(kind, span, config.zone)}"
    ways = [channel for channel in config.channels if kind in channel.digests]
    with store.open_store(config.database) as database:
        missing = [channel for channel in ways if store.errand_of(database, channel.name, key) is None]
        seen = store.seen_between(database, span.start, span.end)
    whole = digest_of(config, kind, span, at) if missing and seen else None
    with store.open_store(config.database) as database:
        latest = _latest_report(database) if whole else None
        for channel in missing if whole else ():
            edition = _edition(channel, config)
            made = analyse.digest_for_readers(whole, edition, latest, config) if whole and edition else whole
            if made is not None:
                title, payload = f"[{made.fleet}] {made.label}", codec.digest_to_json(made)
                store.put_out(database, [Errand(0, key, channel.name, "digest", at, title, payload)])
        return tuple(errand for way in ways if (errand := store.errand_of(database, way.name, key)))


def _latest_report(database: sqlite3.Connection) -> Report | None:
    from . import codec

    stored = store.report_at(database, None)
    return codec.from_json(stored) if stored else None


def digest_of(config: Config, kind: PeriodName, span: Span, at: datetime) -> Digest | None:
    """A period worked out from the history; None where nothing was measured in it."""
    from . import analyse

    with store.open_store(config.database) as database:
        snapshot = store.latest_snapshot(database)
        if snapshot is None:
            return None
        history = store.history(database, snapshot, analyse.DIFFERENCE_METRICS)
        latest = _latest_report(database)
    return analyse.digest(history, config, latest, kind, span, at=at)


# --- sending --------------------------------------------------------------------------------------------------------


def send_out(config: Config, at: datetime, sites: Mapping[str, Site] = NO_SITES) -> int:
    """Sends what the outbox holds and says how many; `DeliveryError` where something stays for the next run.

    After a failure a way out is left alone until then, unless only this message was refused. One run sends at a time.
    `sites` are those that this run has published, by edition; their PDFs need not be made again.
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
                problem = _try(channel, errand, config, at, sites)
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


def _try(
    channel: Channel, errand: Errand, config: Config, at: datetime, sites: Mapping[str, Site]
) -> CaelumError | None:
    """What went wrong; None when it is sent."""
    if channel.problem:
        return DeliveryError(channel.problem)
    try:
        mail = mail_of(errand, config, at, _edition(channel, config), sites)
        send(channel, replace(mail, only=errand.left), config, at)
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

    deliver.send(channel, mail, _published_for(channel, config), call)


def _published_for(channel: Channel, config: Config) -> Config:
    """Where `{site}` is the folder that the way's readers may see."""
    edition = _edition(channel, config)
    return replace(config, output=edition.output) if edition else config


def mail_of(
    errand: Errand, config: Config, at: datetime, edition: Edition | None, sites: Mapping[str, Site] = NO_SITES
) -> Mail:
    """The message that an outbox row stands for. `DeliveryError` where readers of an edition must not have it."""
    from . import codec, render

    readers = _readers(edition, config)
    if errand.kind == "alerts":
        notice = codec.notice_from_json(errand.payload)
        if readers is None:
            return render.notice_mail(notice, errand.key)
        return render.reader_notice_mail(notice, errand.key, readers, alerts.our_words(readers.edition, config.zone))
    if errand.kind == "digest":
        digest = codec.digest_from_json(errand.payload)
        paper = render.digest_paper(digest, config.budgets.pdf_seconds) if config.pdf else None
        pdf = paper if isinstance(paper, bytes) else None
        if readers is None:
            return render.digest_mail(digest, pdf, at)
        return render.reader_digest_mail(digest, readers, pdf, at)
    return _report_mail(errand, config, readers, sites)


def _readers(edition: Edition | None, config: Config) -> Readers | None:
    from . import render

    if edition is None:
        return None
    with store.open_store(config.database) as database:
        return render.Readers(edition, config, _latest_report(database))


def _report_mail(errand: Errand, config: Config, readers: Readers | None, sites: Mapping[str, Site]) -> Mail:
    from . import codec, render

    with store.open_store(config.database) as database:
        stored = store.report_by_id(database, errand.payload)
    if stored is None:
        raise DeliveryError(f"report {errand.payload} is not kept any more")
    report = codec.from_json(stored)
    quiet, pdf = errand.kind == "quiet", None
    if config.pdf and not quiet:
        site = sites.get(readers.edition.name if readers else INTERNAL)
        pdf = site.files.get("report.pdf") if site is not None and site.report == report.id else None
        told = render.edition_of(report, readers.edition) if readers else report
        pdf = pdf or render.paper(told, config.budgets.pdf_seconds)
    if readers is not None:
        return render.reader_report_mail(report, replace(readers, latest=report), pdf, quiet=quiet)
    return render.quiet_mail(report) if quiet else render.report_mail(report, pdf)


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
    whose = _edition(channel, config) or config
    mail = render.test_mail(whose.fleet, at, config.zone, whose.site_url)
    if not really:
        return deliver.preview(channel, _latest(channel, config, at) or mail, _published_for(channel, config))
    send(channel, mail, config, at)
    return f"{name}: delivered by {channel.kind}."


def _latest(channel: Channel, config: Config, at: datetime) -> Mail | None:
    if channel.reports == "never" or not Path(config.database).exists():
        return None
    with store.open_store(config.database) as database:
        latest = _latest_report(database)
    if latest is None:
        return None
    errand = Errand(0, "", channel.name, "report", at, "", latest.id)
    return mail_of(errand, config, at, _edition(channel, config))
