"""A calendar period of the whole fleet as a `Digest`: shares, outages, and what differs from the period before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from caelum_report import periods, text, words
from caelum_report.configured import Config
from caelum_report.digest import Ahead, Digest, ObjectiveShare, Outage, ServerShare
from caelum_report.document import Report
from caelum_report.history import History
from caelum_report.model import Server, Status
from caelum_report.patterns import selects
from caelum_report.periods import PeriodName, Span

from .difference import Past, difference, past_of
from .times import USUAL_INTERVAL, Floats, run_interval
from .uptime import STATUSES, Ledger, seconds_by_kind

_SHOWN_LOOMING = 5


def digest(
    history: History, config: Config, latest: Report | None, kind: PeriodName, span: Span, *, at: datetime
) -> Digest | None:
    """None where nothing was measured in the period. `latest` is the newest report: incidents and what looms are told by it."""
    begun = history.first_snapshot_at
    if begun is None or begun >= span.end:
        return None
    before = periods.before(kind, span, config.zone)
    past = past_of(history, config, at.timestamp())
    known = {server.id for server in config.servers} | {s.id for other in history.others for s in other.servers}
    servers = _servers(past, known, span, before)
    if not any(one.measured_seconds for one in servers):
        return None
    outages = _outages(latest, span)
    newest = span == periods.last(kind, at, config.zone)  # what looms now says nothing of an old period
    return Digest(
        kind=kind,
        key=periods.key(kind, span, config.zone),
        label=span.label,
        start=span.start,
        end=span.end,
        made_at=at,
        grace_seconds=2 * max(run_interval(config, history) or USUAL_INTERVAL, USUAL_INTERVAL),
        fleet=config.fleet,
        zone=config.zone,
        site_url=config.site_url,
        program_version=latest.program_version if latest else "",
        demo=config.demo,
        verdict=verdict(servers, kind, span.label),
        lede=lede(servers, outages, kind, begun_within=begun > span.start),
        servers=servers,
        outages=outages,
        difference=difference(past, before, span) if begun < before.end else None,
        looming=tuple(Ahead(one.what, one.when) for one in latest.looming[:_SHOWN_LOOMING])
        if latest and newest
        else (),
        objectives=_objectives(config, servers),
        paper=config.paper,
    )


def _servers(past: Past, known: set[str], span: Span, before: Span) -> tuple[ServerShare, ...]:
    """Those that were measured in the period or are asked now; a server that is gone stays in the periods in which it was."""
    now, then = (seconds_by_kind(past.book, s.start.timestamp(), s.end.timestamp()) for s in (span, before))
    found = []
    for i, (name, slug) in enumerate(past.servers):
        up, down = float(now[i][0]), float(now[i][1])
        if up + down == 0 and name not in known:
            continue
        found.append(
            ServerShare(
                server=name,
                name=text.visible(name, 80) or "(no name)",
                page=f"servers/{slug}.html",
                share=up / (up + down) if up + down else None,
                share_before=_share(then[i]),
                down_seconds=down,
                measured_seconds=up + down,
                outages=_fell(past.book, i, span),
            )
        )
    return tuple(sorted(found, key=lambda one: (math.inf if one.share is None else one.share, one.name)))


def _share(seconds: Floats) -> float | None:
    up, down = float(seconds[0]), float(seconds[1])
    return up / (up + down) if up + down else None


def _fell(book: Ledger, server: int, span: Span) -> int:
    """How often it went down in the period; one that was down at its beginning counts."""
    down = STATUSES.index(Status.DOWN)
    start, end = span.start.timestamp(), span.end.timestamp()
    rows = [
        row
        for row in book.rows(server)
        if book.status[row] == down and book.held[row] > start and book.start[row] < end
    ]
    return sum(row - 1 not in rows for row in rows)


def _outages(latest: Report | None, span: Span) -> tuple[Outage, ...]:
    incidents = latest.alarms.incidents if latest else ()
    touched = [
        one for one in incidents if one.began_at < span.end and (one.ended_at is None or one.ended_at > span.start)
    ]
    ranked = sorted(touched, key=lambda one: (-one.seconds, one.began_at))
    return tuple(
        Outage(one.title, one.began_at, one.ended_at, one.seconds, one.impact, f"incidents/{one.id}.html")
        for one in ranked
    )


def _objectives(config: Config, servers: Sequence[ServerShare]) -> tuple[ObjectiveShare, ...]:
    """What the servers of each objective reached in the period, the mean over their measured time."""
    own = [(own_objective(s), s.objective, [s.id]) for s in config.servers if s.objective is not None]
    shared = [
        (one.name, one.target, [s.id for s in config.servers if selects(one, s.id, s.group)])
        for one in config.objectives
    ]
    by_id = {one.server: one for one in servers}
    found = []
    for name, target, ids in (*shared, *own):
        members = [by_id[one] for one in ids if one in by_id]
        measured = sum(one.measured_seconds for one in members)
        down = sum(one.down_seconds for one in members)
        found.append(ObjectiveShare(name, target, 1 - down / measured if measured else None))
    return tuple(sorted(found, key=lambda one: math.inf if one.achieved is None else one.achieved - one.target))


def own_objective(server: Server) -> str:
    """What the objective is called that a server has by itself."""
    return f"{text.visible(server.id, 80)} answers"


# --- words ----------------------------------------------------------------------------------------------------------


def verdict(servers: Sequence[ServerShare], kind: PeriodName, label: str) -> str:
    when = f"{'on' if kind == 'day' else 'in'} {label}"
    fell = sum(one.down_seconds > 0 for one in servers)
    measured = sum(one.share is not None for one in servers)
    if not fell:
        all_of = {1: "The one server", 2: "Both servers"}.get(measured, f"All {words.spelled(measured)} servers")
        return f"{all_of} answered at every check {when}."
    of = words.plural(measured, "server")
    return f"{words.spelled(fell).capitalize()} of {of} {'was' if fell == 1 else 'were'} down {when}."


def lede(servers: Sequence[ServerShare], outages: Sequence[Outage], kind: PeriodName, *, begun_within: bool) -> str:
    measured = sum(one.measured_seconds for one in servers)
    share = 1 - sum(one.down_seconds for one in servers) / measured
    said = f"The fleet answered {words.percent(share)} of the measured time"
    then = [one for one in servers if one.share_before is not None]
    if then:
        mean = sum(one.share_before or 0.0 for one in then) / len(then)
        said += f", {words.percent(mean)} the {kind} before"
    said += f". {words.plural(len(outages), 'incident')}." if outages else "."
    unseen = [one for one in servers if one.share is None]
    if unseen:
        said += f" {words.plural(len(unseen), 'server')} gave no data."
    if begun_within:
        said += f" The history begins within this {kind}."
    return said
