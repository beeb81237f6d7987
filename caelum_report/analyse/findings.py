"""Findings about servers, in the words of a reader: who does what now, since when, whom it hurts, why, and what to do.

Each function takes the `Facts` and yields findings; a title is a sentence, a command is one shell command with the name
quoted for it. The chance that a failure is nothing is how often so many checks in a row would fail at the server's own
past rate; it is `certain` where the failure does not happen by chance, and unsaid where there is no past.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

import numpy as np

from caelum_report import text, words
from caelum_report.document import Finding
from caelum_report.model import Failure, Outcome, Status, Transport

from .expiries import ended_token
from .facts import PROBLEMS, Facts, Standing
from .times import DAY
from .uptime import STATUSES, Run, checks_since, run_before

WORDS: Final = {
    Status.DOWN: "Down",
    Status.DEGRADED: "Degraded",
    Status.AUTH_WALLED: "Auth-walled",
    Status.UNKNOWN: "Unknown",
    Status.MAINTENANCE: "Maintenance",
    Status.UP: "Up",
}
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
_HTTP_STATUS: Final = re.compile(r"\bHTTP \d{3}\b")
_UNSET: Final = re.compile(r"\bvariable ([^\s,;:]+) is not set")
_VARIABLE: Final = re.compile(r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b")
CONTRACT_DAYS: Final = 7  # a change stays a finding for so long


def command(facts: Facts, name: str, *words_before: str) -> str | None:
    """One shell command that ends with a server's name, on the host that asks it; None where a name cannot be typed."""
    server = facts.by_id[name].server if name in facts.by_id else None
    host = server.host if server else ""
    name = name.removesuffix(f"@{host}") if host else name
    if text.visible(name + host, 300) != name + host or not name:
        return None
    last = ["--", name] if name.startswith("-") else [name]
    typed = ["caelum-report", *words_before, *last]
    return shlex.join(["ssh", *(["--"] if host.startswith("-") else []), host, *typed] if host else typed)


# --- servers in trouble ---------------------------------------------------------------------------------------------


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
    """One finding for every server that is down, degraded, walled off, or cannot be asked."""
    for standing in facts.current:
        if standing.status in PROBLEMS:
            yield _trouble(facts, standing)
        elif standing.status is Status.UNKNOWN:
            yield from _unknown(facts, standing)


def _trouble(facts: Facts, standing: Standing) -> Finding:
    root = facts.roots.get(standing.id)
    return Finding(
        id=f"state:{standing.id}",
        kind="state",
        word=WORDS[standing.status],
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
        advice=_advice(standing),
        command=command(facts, root or standing.id, "probe"),
        needs_action=root is None,
    )


def title(facts: Facts, standing: Standing) -> str:
    """Who does what now."""
    name, reason = standing.name, standing.reason.lower()
    root = facts.roots.get(standing.id)
    if root is not None:
        return f"{name} fails with {facts.by_id[root].name}."
    match standing.failure:
        case Failure.OK:
            return _degraded_title(standing)
        case Failure.CONNECT_ERROR if "refused" in reason:
            return f"{name} refuses every connection."
        case Failure.CONNECT_ERROR:
            return f"{name} cannot be reached."
        case Failure.DNS_ERROR:
            return f"The host name of {name} is not found."
        case Failure.TLS_ERROR if "expired" in reason:
            return f"The certificate of {name} has expired."
        case Failure.TLS_ERROR:
            return f"{name} offers no TLS that we can trust."
        case Failure.TIMEOUT if standing.stage in {"list", "ping", "canary"}:
            return f"{name} starts to answer, but not in time at its {standing.stage}."
        case Failure.TIMEOUT:
            return f"{name} does not answer in time."
        case Failure.EXITED if standing.stage in {"list", "ping", "canary"}:
            return f"{name} ends while we ask it."
        case Failure.EXITED:
            return f"{name} ends before it answers."
        case Failure.SPAWN_FAILED:
            return f"{name} cannot be started."
        case Failure.PROTOCOL_ERROR:
            return f"{name} answers against the protocol."
        case Failure.UNSUPPORTED_VERSION:
            return f"{name} speaks no protocol version that we know."
        case Failure.REDIRECT_REFUSED:
            return f"{name} sends us to another address."
        case Failure.HTTP_5XX:
            return f"{name} answers with server errors."
        case Failure.HTTP_4XX if "404" in reason:
            return f"{name} is not found at its address."
        case Failure.HTTP_4XX:
            return f"{name} rejects our request."
        case Failure.OVERSIZED:
            return f"{name} sends more than we accept."
        case Failure.AUTH_REQUIRED if _answered_before(facts, standing):
            return f"{name} no longer accepts our key. Not counted as down."
        case Failure.AUTH_REQUIRED:
            return f"{name} asks for a key. Not counted as down."
        case _:
            return f"{name} is {standing.status.value}."


def _degraded_title(standing: Standing) -> str:
    name, reason = standing.name, standing.reason.lower()
    failed = _failed_stages(standing)
    if "canary" in failed:
        return f"{name} answers, but its canary call fails."
    if "changed between" in reason:
        return f"{name} comes and goes."
    if "objective" in reason or "slow" in reason:
        return f"{name} answers slower than its objective."
    if "list" in failed:
        return f"{name} does not list all that it declares."
    return f"{name} answers, but not all of it works."


def _failed_stages(standing: Standing) -> list[str]:
    return [stage.name for stage in standing.probe.stages if stage.outcome is Outcome.FAILED] if standing.probe else []


def _answered_before(facts: Facts, standing: Standing) -> bool:
    before = run_before(facts.ledger, standing.index)
    return before is not None and before[0] in {Status.UP, Status.DEGRADED}


def short(standing: Standing) -> str:
    """The trouble in a few words, for a table."""
    reason = standing.reason.lower()
    match standing.failure:
        case Failure.CONNECT_ERROR if "refused" in reason:
            return "connect refused"
        case Failure.CONNECT_ERROR:
            return "no connection"
        case Failure.DNS_ERROR:
            return "no such host"
        case Failure.TLS_ERROR:
            return "certificate expired" if "expired" in reason else "TLS fails"
        case Failure.TIMEOUT:
            return f"{standing.stage} times out" if standing.stage else "times out"
        case Failure.EXITED:
            code = standing.probe.exit_status if standing.probe else None
            return f"ends, {text.brief(code, 40)}" if code else "ends"
        case Failure.SPAWN_FAILED:
            return "does not start"
        case Failure.PROTOCOL_ERROR:
            return "breaks the protocol"
        case Failure.UNSUPPORTED_VERSION:
            return "unknown version"
        case Failure.REDIRECT_REFUSED:
            return "redirects away"
        case Failure.HTTP_4XX | Failure.HTTP_5XX:
            answer = _HTTP_STATUS.search(standing.reason)
            return answer.group() if answer else "HTTP errors"
        case Failure.OVERSIZED:
            return "sends too much"
        case Failure.AUTH_REQUIRED:
            return "key refused"
        case Failure.OK if "canary" in _failed_stages(standing):
            return "canary call fails"
        case Failure.OK if "changed between" in reason:
            return "comes and goes"
        case Failure.OK if "objective" in reason:
            return "slower than its objective"
        case Failure.CONFIG_ERROR if (variable := missing_variable(standing)) is not None:
            return f"{variable} is not set"
        case _:
            return text.brief(standing.reason.removeprefix("it ").partition(":")[0], 60)


def cause(facts: Facts, standing: Standing) -> str:
    """What the probe saw: the failed dependency, how the process ended and its last words, else the reason."""
    root = facts.roots.get(standing.id)
    if root is not None:
        below = facts.by_id[root]
        when = f" since {words.moment(below.since, facts.at, facts.zone)}" if below.since else ""
        return f"It depends on {below.name}, which is down{when}."
    parts = [sentence(standing.reason)]
    if standing.failure is Failure.AUTH_REQUIRED:
        parts.append(ended_token(facts, standing))
    probe = standing.probe
    if probe and probe.exit_status and probe.exit_status not in standing.reason and standing.failure is not Failure.OK:
        parts.append(f"It ended with {text.brief(probe.exit_status, 60)}.")
    last = _last_line(probe.stderr_tail) if probe and standing.failure is not Failure.OK else ""
    if last and last not in standing.reason and "it said:" not in standing.reason:
        parts.append(f"Last line on stderr: “{last}”.")
    return " ".join(filter(None, parts))


def _last_line(stderr: str) -> str:
    """The last line that says something; of a traceback that is its exception."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return text.brief(lines[-1], 160) if lines else ""


def sentence(reason: str) -> str:
    reason = text.brief(reason.strip(), 240)
    first = reason.partition(" ")[0]
    if first.isalpha() and first.islower():
        reason = reason[0].upper() + reason[1:]
    return reason if not reason or reason[-1] in ".!?…)”" else f"{reason}."


def missing_variable(standing: Standing) -> str | None:
    """The environment variable that a reason or the last words of a server name."""
    said = [standing.reason, standing.probe.stderr_tail if standing.probe else ""]
    found = (pattern.search(part) for pattern in (_UNSET, _VARIABLE) for part in said)
    return next((match.group(1) for match in found if match), None)


def _advice(standing: Standing) -> str:
    variable = missing_variable(standing)
    if variable and standing.failure in {Failure.EXITED, Failure.AUTH_REQUIRED, Failure.SPAWN_FAILED}:
        return f"Set {variable} in the server's entry, then ask it again."
    return ""


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


def _unknown(facts: Facts, standing: Standing) -> Iterator[Finding]:
    """A server that could not be asked, and why; our own network is told elsewhere."""
    base = {"server": standing.id, "page": standing.page, "since": standing.since}
    owner = standing.server.owner if standing.server else None
    if standing.failure is Failure.CONFIG_ERROR:
        variable = missing_variable(standing)
        yield Finding(
            id=f"config:{standing.id}",
            kind="configuration",
            word="Not asked",
            status=Status.UNKNOWN,
            title=f"{standing.name} cannot be asked: {variable} is not set."
            if variable
            else f"{standing.name} cannot be asked: its entry is not usable.",
            owner=owner,
            evidence="read from the configuration",
            chance=0.0,
            impact="Nothing is known of it until its entry is mended.",
            cause=sentence(standing.reason),
            advice="" if variable else "Mend the entry, then look again.",
            command=f"caelum-report config explain {variable}" if variable else "caelum-report config check",
            **base,  # type: ignore[arg-type]
        )
    elif standing.failure is Failure.SKIPPED and "approved" in standing.reason:
        yield Finding(
            id=f"approve:{standing.id}",
            kind="configuration",
            word="Not approved",
            status=Status.UNKNOWN,
            title=f"{standing.name} waits for your approval.",
            owner=owner,
            evidence="its entry is new or changed",
            chance=0.0,
            impact="It is not started and not asked until then.",
            cause=sentence(standing.reason),
            command=command(facts, standing.id, "approve"),
            **base,  # type: ignore[arg-type]
        )
    elif standing.failure is Failure.INTERNAL_ERROR:
        yield Finding(
            id=f"bug:{standing.id}",
            kind="state",
            word="Our bug",
            status=Status.UNKNOWN,
            title=f"We failed while asking {standing.name}; the fault is ours.",
            owner=None,
            evidence="1 probe",
            chance=0.0,
            impact="Nothing is known of it in this run.",
            cause=sentence(standing.reason),
            advice="Please report this with the output of the command.",
            command=command(facts, standing.id, "probe"),
            **base,  # type: ignore[arg-type]
        )
    elif standing.failure is Failure.SKIPPED and "spent" in standing.reason:
        yield Finding(
            id=f"skipped:{standing.id}",
            kind="state",
            word="Not asked",
            status=Status.UNKNOWN,
            title=f"{standing.name} was not asked: the run had no time left.",
            owner=None,
            evidence="1 run",
            cause=sentence(standing.reason),
            needs_action=False,
            **base,  # type: ignore[arg-type]
        )


# --- what servers offer, and what they say --------------------------------------------------------------------------


def contracts(facts: Facts) -> Iterator[Finding]:
    """Breaking and suspicious changes of tool surfaces of the last week; those since yesterday need somebody."""
    start = facts.at - timedelta(days=CONTRACT_DAYS)
    fresh = min(facts.baseline or facts.at, facts.at - timedelta(days=1))
    versions = _server_versions(facts)
    told: dict[tuple[str, object], bool] = {}
    for change in facts.contract:
        standing = facts.by_id.get(change.server)
        if change.at <= start or standing is None or standing.retired or change.server in facts.pins:
            continue
        silent = versions.get((change.server, change.at)) is True
        if change.severity in {"additive", "cosmetic"} and (not silent or told.get((change.server, change.at))):
            continue
        told[change.server, change.at] = True
        breaking = change.severity == "breaking"
        suspicious = change.severity == "suspicious"
        heir = next((line for line in change.added if "takes the same arguments" in line), "")
        causes = ["The server still calls itself the same version." if silent else "", f"{heir}." if heir else ""]
        causes += [f"It reads: “{change.added[0]}”."] if suspicious and change.added else []
        yield Finding(
            id=f"contract:{change.server}:{change.at:%Y%m%dT%H%M%SZ}:{change.severity}:{change.title[:60]}",
            kind="security" if suspicious else "contract",
            word="Contract",
            status=Status.DEGRADED if breaking or suspicious else None,
            title=_contract_title(standing.name, change.severity, change.title),
            server=change.server,
            page=f"{standing.page}#contract",
            since=change.at,
            owner=standing.server.owner if standing.server else None,
            evidence=f"{change.severity}, tokens {'+' if change.tokens > 0 else ''}{words.count(change.tokens)}"
            if change.tokens
            else change.severity,
            chance=0.0,
            impact="Calls that worked before may fail now."
            if breaking
            else "A model that reads it may follow it."
            if suspicious
            else "Its tools say something else than what was approved.",
            cause=" ".join(filter(None, causes)),
            advice="Read the difference before the server is used again." if suspicious else "",
            command=command(facts, change.server, "probe"),
            needs_action=change.at > fresh and (breaking or suspicious),
        )


def _contract_title(name: str, severity: str, title: str) -> str:
    if severity == "breaking" and title.startswith(("Tool removed: ", "Tools removed: ")):
        what, _, names = title.partition(" removed: ")
        return f"{name} removed {'a tool' if what == 'Tool' else 'tools'}: {names}."
    if severity in {"breaking", "suspicious"}:
        return f"{name} changed its tools: {title}."
    return f"{name} changed its tools without a new version: {title}."


def _server_versions(facts: Facts) -> dict[tuple[str, object], bool]:
    """Of each change within the raw history: did the server name the same version before and after it?"""
    changed = {(change.server, change.at) for change in facts.contract}
    same: dict[tuple[str, object], bool] = {}
    for server, at in changed:
        standing = facts.by_id.get(server)
        if standing is None:
            continue
        moment = at.timestamp()
        bounds = facts.checks.bounds[standing.index : standing.index + 2]
        times = facts.checks.time[bounds[0] : bounds[1]]
        row = int(bounds[0] + np.searchsorted(times, moment, "left"))
        if row >= bounds[1] or row == bounds[0] or abs(facts.checks.time[row] - moment) > 1:
            continue
        now, before = _version_of(facts, row), ""
        for earlier in range(row - 1, max(int(bounds[0]) - 1, row - 25), -1):
            before = _version_of(facts, earlier)
            if before:
                break
        same[server, at] = bool(now) and now == before
    return same


def _version_of(facts: Facts, row: int) -> str:
    details = facts.checks.rows["details"].iloc[row]
    match = re.search(r'"server_version": ?"((?:[^"\\]|\\.)*)"', details) if isinstance(details, str) else None
    return match.group(1) if match else ""


_SECURITY_NOTES: Final = {
    "echoes-secret": (
        "{name} repeats a secret of the configuration.",
        "Whoever reads its answers or its log learns the secret; this report shows [redacted].",
    ),
    "hidden-characters": (
        "{name} has hidden characters in its texts.",
        "A model may read what a person does not see.",
    ),
}


def notes(facts: Facts) -> Iterator[Finding]:
    """What the probe noted beside its result and somebody should know."""
    for standing in facts.current:
        for note in standing.probe.notes if standing.probe else ():
            if note.code in _SECURITY_NOTES:
                said, impact = _SECURITY_NOTES[note.code]
                yield Finding(
                    id=f"{note.code}:{standing.id}",
                    kind="security",
                    word="Security",
                    status=Status.DEGRADED,
                    title=said.format(name=standing.name),
                    server=standing.id,
                    page=standing.page,
                    owner=standing.server.owner if standing.server else None,
                    evidence="1 of 1 probes",
                    chance=0.0,
                    impact=impact,
                    cause=sentence(note.text),
                    command=command(facts, standing.id, "probe"),
                )


def collisions(facts: Facts) -> Iterator[Finding]:
    """Tool names that can be taken for another: look-alikes one by one, equal names in one quiet line."""
    from .collisions import collisions as find

    offered = {s.id: [tool.name for tool in s.surface.tools] for s in facts.current if s.surface and s.asked}
    equal: list[tuple[str, tuple[str, ...]]] = []
    for spellings, places in find(offered):
        servers = tuple(dict.fromkeys(server for server, _ in places))
        names = words.listing([facts.by_id[server].name for server in servers])
        if len(spellings) == 1:
            equal.append((spellings[0], servers))
            continue
        shown = words.listing([f"“{text.visible(name, 60)}”" for name in spellings])
        yield Finding(
            id=f"collision:{'|'.join(spellings)}",
            kind="security",
            word="Collision",
            status=Status.DEGRADED,
            title=f"Tools with names that look alike: {shown}.",
            server=servers[0] if len(servers) == 1 else None,
            page=f"{facts.by_id[servers[0]].page}#tools",
            evidence=f"offered by {names}",
            chance=0.0,
            impact="A model or a person can call one for the other.",
            cause="The names differ only in case, width or letters of another alphabet.",
            needs_action=any(name.casefold() != spellings[0].casefold() for name in spellings),
        )
    if equal:
        name, servers = equal[0]
        names = words.listing([facts.by_id[server].name for server in servers])
        count = len(equal)
        yield Finding(
            id="collision",
            kind="security",
            word="Collision",
            status=None,
            title=f"{words.plural(count, 'tool name is', 'tool names are')} offered by more than one server.",
            server=None,
            page=f"{facts.by_id[servers[0]].page}#tools",
            evidence=words.listing([f"“{text.visible(name, 60)}”" for name, _ in equal], 5),
            chance=0.0,
            impact="A client that does not prefix names calls either.",
            cause=f"“{text.visible(name, 60)}” is a tool of {names}.",
            needs_action=False,
        )


# --- the host, set-up --------------------------------------------------------------


DISK_PERCENT: Final = 90.0
MEMORY_PERCENT: Final = 95.0


def host(facts: Facts) -> Iterator[Finding]:
    """A disk or the memory of this host that is nearly full."""
    sample = facts.snapshot.host_sample
    if sample is None:
        return
    name = text.visible(sample.host, 60)
    for disk in sample.disks:
        used = 100 * disk.used_bytes / disk.total_bytes if disk.total_bytes else 0.0
        if used > DISK_PERCENT:
            mount = text.visible(disk.name, 80)
            yield Finding(
                id=f"disk:{sample.host}:{disk.name}",
                kind="host",
                word="Host",
                status=Status.DEGRADED,
                title=f"The disk {mount} of {name} is {words.percent(used / 100, 0)} full.",
                server=None,
                page="host.html",
                evidence="one reading",
                chance=0.0,
                impact=f"{words.size(disk.total_bytes - disk.used_bytes)} of {words.size(disk.total_bytes)} are left; what writes there will fail.",
                command=shlex.join(["du", "-xh", "--max-depth=2", disk.name]) if mount == disk.name else None,
            )
    used = 100 * (1 - sample.memory_available_bytes / sample.memory_total_bytes) if sample.memory_total_bytes else 0.0
    if used > MEMORY_PERCENT:
        yield Finding(
            id=f"memory:{sample.host}",
            kind="host",
            word="Host",
            status=Status.DEGRADED,
            title=f"The memory of {name} is {words.percent(used / 100, 0)} in use.",
            server=None,
            page="host.html",
            evidence="one reading",
            impact=f"{words.size(sample.memory_available_bytes)} of {words.size(sample.memory_total_bytes)} are left; the next start may swap or be killed.",
            command="ps -eo rss,pid,args --sort=-rss | head -15",
        )


def setup(facts: Facts) -> Iterator[Finding]:
    """The steps from a first page to a full report."""
    config = facts.config
    if config.demo:
        return
    configured = {standing.id for standing in facts.current}
    found = {name for each in config.found for name in each.servers} - configured
    chosen = any(standing.server and standing.server.sources for standing in facts.current)
    if found and not chosen:
        files = sum(1 for each in config.found if each.servers)
        yield Finding(
            id="setup:servers",
            kind="setup",
            word="Set-up",
            status=None,
            title="Choose the servers to ask",
            server=None,
            page="method.html#configurations",
            evidence=f"{words.plural(len(found), 'server is', 'servers are')} named in "
            f"{words.plural(files, 'configuration')} on this machine. None was started: that takes your consent.",
            impact=_found(facts),
            cause="Shows each entry, asks, writes caelum.toml.",
            command="caelum-report init",
        )
    if not config.scheduled and facts.learned_seconds is None:
        yield Finding(
            id="setup:schedule",
            kind="setup",
            word="Set-up",
            status=None,
            title="Have it made every hour",
            server=None,
            page="method.html",
            impact="Without a timer this page stays as it is.",
            cause="Prints the timer first; installs it when you add --install.",
            command="caelum-report schedule",
            needs_action=facts.history.next_number <= 3,
        )


def _found(facts: Facts) -> str:
    counts: dict[str, int] = defaultdict(int)
    for each in facts.config.found:
        counts[each.host] += len(each.servers)
    return words.listing([f"{host} {count}" for host, count in counts.items() if count], 5)


# --- order ----------------------------------------------------------------------------------------------------------

_KINDS: Final = ("state", "host", "security", "contract", "latency", "capability", "configuration", "setup")


def rank(findings: Sequence[Finding], facts: Facts) -> tuple[Finding, ...]:
    """Those that need action first; then by state, by how many others suffer, by kind, the latest first."""
    suffering: dict[str, int] = defaultdict(int)
    for root in facts.roots.values():
        suffering[root] += 1

    def key(finding: Finding) -> tuple[object, ...]:
        return (
            not finding.needs_action,
            finding.word == "Looming",  # has its own part of page 1
            _KINDS.index(finding.kind) if finding.kind in _KINDS else len(_KINDS),
            STATUSES.index(finding.status) if finding.status else len(STATUSES),
            -suffering[finding.server or ""],
            -(finding.since.timestamp() if finding.since else 0.0),
            finding.title,
            finding.id,
        )

    return tuple(sorted(findings, key=key))
