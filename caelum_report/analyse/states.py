"""Findings about the states of servers, in the words of a reader: who does what now, since when, whom it hurts, why, and what to do.

The chance that a failure is nothing is how often so many checks in a row would fail at the server's own past rate; it is
`certain` where the failure does not happen by chance, and unsaid where there is no past.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from caelum_report import text, words
from caelum_report.document import Finding
from caelum_report.model import Failure, Status, Transport

from .commands import command
from .facts import PROBLEMS, Facts, Standing, asked_again_at
from .times import DAY
from .troubles import cause, missing_variable, sentence, title
from .uptime import STATUSES, Run, checks_since

_BY_CHANCE: Final = {
    Failure.TIMEOUT,
    Failure.EXITED,
    Failure.PROTOCOL_ERROR,
    Failure.CONNECT_ERROR,
    Failure.DNS_ERROR,
    Failure.HTTP_4XX,
    Failure.HTTP_5XX,
    Failure.OK,
}


def network(facts: Facts) -> Iterator[Finding]:
    """Every remote server failed at its name or its connection: that is ours, and one line."""
    if not facts.snapshot.network_down:
        return
    remote = [s for s in facts.current if s.server and s.server.remote and s.status is Status.UNKNOWN]
    reasons = {s.reason for s in remote if s.reason}
    yield Finding(
        id="network-down",
        kind="host",
        word="Network",
        status=Status.UNKNOWN,
        title=f"The network of {text.visible(facts.snapshot.host, 60)} reaches no remote server.",
        server=None,
        page="host.html",
        since=min((s.since for s in remote if s.since), default=facts.at),
        evidence=f"{len(remote)} of {len(remote)} remote servers failed at dns or connect",
        impact=f"{words.plural(len(remote), 'remote server')} could not be asked: unknown, not down.",
        cause=f"Our own network or name look-up, not theirs. {min(reasons)}"
        if reasons
        else "Our own network or name look-up.",
        command="caelum-report doctor",
    )


def states(facts: Facts) -> Iterator[Finding]:
    """One finding for every server that is down, degraded, walled off, or cannot be asked; one for all that wait for consent."""
    yield from _unapproved(facts, [standing for standing in facts.current if _waits(standing)])
    for standing in facts.current:
        if standing.status in PROBLEMS:
            yield _trouble(facts, standing)
        elif standing.status is Status.UNKNOWN and not _waits(standing):
            found = _not_asked(facts, standing)
            if found is not None:
                yield found


def _trouble(facts: Facts, standing: Standing) -> Finding:
    root = facts.roots.get(standing.id)
    return Finding(
        id=f"state:{standing.id}",
        kind="state",
        word=standing.status.word,
        status=standing.status,
        title=title(facts, standing),
        server=standing.id,
        page=f"{standing.page}#stages",
        since=standing.since,
        owner=standing.server.owner if standing.server else None,
        evidence=_evidence(facts, standing),
        chance=chance_of(facts, standing),
        impact=_impact(facts, standing),
        cause=cause(facts, standing),
        advice=" ".join(filter(None, (_advice(standing), _asked_again(facts, standing)))),
        command=command(facts, root or standing.id, "probe"),
        needs_action=root is None,
    )


def _advice(standing: Standing) -> str:
    variable = missing_variable(standing)
    if variable and standing.failure in {Failure.EXITED, Failure.AUTH_REQUIRED, Failure.SPAWN_FAILED}:
        return f"Set {variable} in the server's entry, then ask it again."
    return ""


def _asked_again(facts: Facts, standing: Standing) -> str:
    """Of a state that is older than this run: how old, and how to know at once."""
    again = asked_again_at(facts, standing)
    if again is None or standing.checked_at is None:
        return ""
    checked, due = (words.moment(at, facts.at, facts.zone) for at in (standing.checked_at, again))
    return f"Last checked {checked}, asked again from {due}; caelum-report build --now asks at once."


def _impact(facts: Facts, standing: Standing) -> str:
    above = [s for s in facts.current if s.server and standing.id in s.server.depends_on and s.id != standing.id]
    with_it = [name for name, root in facts.roots.items() if root == standing.id]
    parts = []
    if with_it:
        names = words.listing([facts.by_id[name].name for name in with_it])
        parts.append(f"{names} {'fails' if len(with_it) == 1 else 'fail'} with it.")
    still = [s.name for s in above if s.id not in with_it]
    if still:
        parts.append(f"{words.listing(still)} {'depends' if len(still) == 1 else 'depend'} on it.")
    tools = len(standing.surface.tools) if standing.surface else 0
    if standing.status is Status.DOWN:
        if tools:
            parts.append(f"Its {words.plural(tools, 'tool')} cannot be called.")
        elif standing.surface is None:
            parts.append("It was never seen up, so what it offers is not known.")
        instances = standing.probe.instances if standing.probe else None
        if standing.transport is Transport.STDIO and instances and instances.count:
            running = words.plural(instances.count, "instance")
            parts.append(f"New starts fail; {running} that people run may still work.")
    elif standing.status is Status.AUTH_WALLED:
        parts.append("We cannot see whether it works. Clients with their own key may be well.")
    elif not parts:
        parts.append("It answers, so its clients may be slowed or served in part.")
    return " ".join(parts)


def _evidence(facts: Facts, standing: Standing) -> str:
    run = standing.run
    if run is None or run.status is not standing.status:
        return "1 probe"
    parts = [f"{run.checks} of {words.plural(run.checks, 'probe')}"]
    troubled, total = _checks_of_a_day(facts, standing)
    if troubled > run.checks:
        parts.append(f"{troubled} of {total} in 24{words.NBSP}h")
    if run.unmeasured_seconds >= 60:
        parts.append(f"no data for {words.duration(run.unmeasured_seconds)} of it")
    return ", ".join(parts)


def _checks_of_a_day(facts: Facts, standing: Standing) -> tuple[int, int]:
    """Checks of the last 24 hours that found this state, and all of them."""
    rows = facts.ledger.rows(standing.index)
    counts = checks_since(facts.ledger, facts.now - DAY)[rows.start : rows.stop]
    same = facts.ledger.status[rows.start : rows.stop] == STATUSES.index(standing.status)
    return int(counts[same].sum()), int(counts.sum())


def chance_of(facts: Facts, standing: Standing) -> float | None:
    if standing.failure not in _BY_CHANCE:
        return 0.0
    if standing.run is None or standing.run.status is not standing.status:
        return None
    return chance_of_run(facts, standing, standing.run)


def chance_of_run(facts: Facts, standing: Standing, run: Run) -> float | None:
    """How often so many checks in a row would fail at the rate of the 30 days before; a rule of succession, so that a
    server which never failed is not taken for one that never can. None below 12 earlier checks.
    """
    rows = facts.ledger.rows(standing.index)
    book = facts.ledger
    counts = checks_since(book, run.start - 30 * DAY)[rows.start : rows.stop]
    before = book.start[rows.start : rows.stop] < run.start
    same = book.status[rows.start : rows.stop] == STATUSES.index(run.status)
    total, failed = float(counts[before].sum()), float(counts[before & same].sum())
    if total < 12:
        return None
    return float(((failed + 1) / (total + 2)) ** min(run.checks, 1000))


def _waits(standing: Standing) -> bool:
    return standing.status is Status.UNKNOWN and standing.failure is Failure.SKIPPED and "approved" in standing.reason


def _not_asked(facts: Facts, standing: Standing) -> Finding | None:
    """Why a server could not be asked; None where our own network explains it, or nobody ever tried."""
    match standing.failure:
        case Failure.CONFIG_ERROR:
            return _unusable(standing)
        case Failure.INTERNAL_ERROR:
            return _our_bug(facts, standing)
        case Failure.SKIPPED if "spent" in standing.reason:
            return _out_of_time(standing)
        case _:
            return None


def _unusable(standing: Standing) -> Finding:
    variable = missing_variable(standing)
    why = f"{variable} is not set" if variable else "its entry is not usable"
    return Finding(
        id=f"config:{standing.id}",
        kind="configuration",
        word="Not asked",
        status=Status.UNKNOWN,
        title=f"{standing.name} cannot be asked: {why}.",
        server=standing.id,
        page=standing.page,
        since=standing.since,
        owner=standing.server.owner if standing.server else None,
        evidence="read from the configuration",
        chance=0.0,
        impact="Nothing is known of it until its entry is mended.",
        cause=sentence(standing.reason),
        advice="" if variable else "Mend the entry, then look again.",
        command=f"caelum-report config explain {variable}" if variable else "caelum-report config check",
    )


def _unapproved(facts: Facts, waiting: Sequence[Standing]) -> Iterator[Finding]:
    """One finding for all that this machine can approve at once; those of other hosts are approved there."""
    ours = [standing for standing in waiting if standing.server is None or not standing.server.host]
    if len(ours) > 1:
        yield _all_that_wait(ours)
    for standing in waiting:
        if len(ours) < 2 or standing not in ours:
            yield _waiting(facts, standing)


def _waiting(facts: Facts, standing: Standing) -> Finding:
    return Finding(
        id=f"approve:{standing.id}",
        kind="configuration",
        word="Not approved",
        status=Status.UNKNOWN,
        title=f"{standing.name} waits for your approval.",
        server=standing.id,
        page=standing.page,
        since=standing.since,
        owner=standing.server.owner if standing.server else None,
        evidence="its entry is new or changed",
        chance=0.0,
        impact="It is not started and not asked until then.",
        cause=sentence(standing.reason),
        command=command(facts, standing.id, "approve"),
    )


def _all_that_wait(waiting: Sequence[Standing]) -> Finding:
    reasons = list(dict.fromkeys(sentence(standing.reason) for standing in waiting))
    return Finding(
        id="approve",
        kind="configuration",
        word="Not approved",
        status=Status.UNKNOWN,
        title=f"{words.spelled(len(waiting)).capitalize()} servers wait for your approval.",
        server=None,
        page="servers/index.html",
        since=min((standing.since for standing in waiting if standing.since), default=None),
        evidence=words.listing([standing.name for standing in waiting], 10),
        chance=0.0,
        impact="They are not started and not asked until then.",
        cause=reasons[0] if len(reasons) == 1 else "Their entries are new or changed.",
        advice="caelum-report approve shows what each would run or ask, caelum-report approve --all agrees to all.",
        command="caelum-report approve",
    )


def _our_bug(facts: Facts, standing: Standing) -> Finding:
    return Finding(
        id=f"bug:{standing.id}",
        kind="state",
        word="Our bug",
        status=Status.UNKNOWN,
        title=f"We failed while asking {standing.name}; the fault is ours.",
        server=standing.id,
        page=standing.page,
        since=standing.since,
        evidence="1 probe",
        chance=0.0,
        impact="Nothing is known of it in this run.",
        cause=sentence(standing.reason),
        advice="Please report this with the output of the command.",
        command=command(facts, standing.id, "probe"),
    )


def _out_of_time(standing: Standing) -> Finding:
    return Finding(
        id=f"skipped:{standing.id}",
        kind="state",
        word="Not asked",
        status=Status.UNKNOWN,
        title=f"{standing.name} was not asked: the run had no time left.",
        server=standing.id,
        page=standing.page,
        since=standing.since,
        evidence="1 run",
        cause=sentence(standing.reason),
        needs_action=False,
    )
