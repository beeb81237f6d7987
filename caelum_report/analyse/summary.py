"""Page 1 in words: the verdict, its lede, what was covered, when the next one is due, and what empty parts say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import pandas as pd

from caelum_report import text, words
from caelum_report.diagram import Diagram
from caelum_report.document import (
    Bottlenecks,
    Coverage,
    Empty,
    Finding,
    HostReport,
    Looming,
    ObjectiveReport,
    Readiness,
    ReadOn,
    Verdict,
)
from caelum_report.model import Era, Failure, Status

from . import changes as changed
from . import troubles as told
from .expiries import LOOMING_DAYS
from .facts import PROBLEMS, Facts, Standing
from .hosts import has_room, room
from .times import DAY, moment
from .uptime import STATUSES

_OF_THE_ADDRESS: Final = {Failure.DNS_ERROR, Failure.CONNECT_ERROR, Failure.TLS_ERROR}
_LEAST_GRACE: Final = 120.0
_MOST_GRACE: Final = 3600.0
_STATE_VERBS: Final = {
    Status.DOWN: ("is down", "are down"),
    Status.DEGRADED: ("is degraded", "are degraded"),
    Status.AUTH_WALLED: ("asks for a key", "ask for a key"),
}


# --- coverage and time ----------------------------------------------------------------------------------------------


def tally(facts: Facts) -> tuple[tuple[Status, int], ...]:
    counts = Counter(standing.status for standing in facts.current)
    return tuple((status, counts[status]) for status in STATUSES if counts[status])


def coverage(facts: Facts, start: datetime) -> Coverage:
    current = facts.current
    asked = sum(1 for standing in current if standing.asked)
    sentence = _asked(facts)
    found = {name for each in facts.config.found for name in each.servers} - {standing.id for standing in current}
    share = _sample_share(facts, start.timestamp())
    if found:
        sentence += f"; {words.plural(len(found), 'more', 'more')} found, not asked"
    elif share is not None:
        sentence += f"; {words.percent(1 - share, 0)} of the checks missed" if share < 1 else "; no check missed"
    return Coverage(asked, len(current), len(found), share, sentence)


def _asked(facts: Facts) -> str:
    """How many servers' state is known by asking, and how many of them were not due in this run."""
    asked = [standing for standing in facts.current if standing.asked]
    said = f"{words.count(len(asked))} of {words.plural(len(facts.current), 'server')} asked"
    now = sum(1 for standing in asked if standing.checked_now)
    return said if now == len(asked) else f"{said}, {words.count(now) if now else 'none'} of them in this run"


def _sample_share(facts: Facts, start: float) -> float | None:
    """Of the checks that the period should have had, those that told something; a server cannot make up for another."""
    told_rows = (facts.checks.rows["status"].astype(object) != Status.UNKNOWN.value).to_numpy(bool)
    expected = got = 0.0
    for standing in facts.current:
        rows = facts.checks.between(standing.index, min(start, facts.now - 1), facts.now)
        due = max(1, round((facts.now - start) / facts.intervals[standing.id]))
        n = float(told_rows[rows].sum())
        if rows.stop == rows.start and not standing.checked_now and standing.asked:
            n = due  # nothing was due in this period
        expected += due
        got += min(n, due)
    return got / expected if expected else None


def period(facts: Facts) -> tuple[datetime, datetime | None]:
    """Where this report's period begins, and where the one before it began."""
    start = facts.baseline or facts.at
    before = facts.history.previous_report.period_start if facts.history.previous_report else None
    return start, before if before is not None and before < start else None


def next_due(facts: Facts) -> tuple[datetime | None, datetime | None]:
    """When the next report comes and when this one is old: known by a schedule or learned, never guessed."""
    interval = facts.run_seconds if facts.config.scheduled else facts.learned_seconds
    if interval is None:
        return None, None
    due = facts.at + timedelta(seconds=interval)
    grace = min(max(interval / 6, _LEAST_GRACE), _MOST_GRACE)
    return due, due + timedelta(seconds=round(grace))


# --- verdict --------------------------------------------------------------------------------------------------------


def verdict(facts: Facts, found: Sequence[Finding]) -> Verdict:
    current = facts.current
    counts = Counter(standing.status for standing in current)
    first = facts.history.snapshot_count <= 1
    urgent = [finding for finding in found if finding.needs_action and finding.kind != "setup"]
    worst = (
        current[0].status
        if len(current) == 1
        else min((s.status for s in current), key=STATUSES.index, default=Status.UNKNOWN)
    )
    lede_text = lede(facts, urgent)
    if facts.snapshot.network_down:
        return Verdict("Unknown", Status.UNKNOWN, _network_sentence(counts), lede_text)
    if any(counts[status] for status in PROBLEMS):
        return Verdict("Needs action", worst, f"{_trouble_sentence(counts)}{_cause_sentence(facts)}", lede_text)
    if not current:
        return Verdict(
            "First report" if first else "Unknown", Status.UNKNOWN, "No server is configured yet.", lede_text
        )
    unknown = counts[Status.UNKNOWN]
    if unknown == len(current):
        return Verdict("Unknown", Status.UNKNOWN, _all_unknown(len(current)), lede_text)
    if unknown > len(current) / 2:
        sentence = (
            f"We could ask only {words.spelled(len(current) - unknown, len(current))} of {words.spelled(len(current))} "
            f"servers; the other {words.spelled(unknown, len(current))} {'is' if unknown == 1 else 'are'} unknown."
        )
        return Verdict("Unknown", Status.UNKNOWN, sentence, lede_text)
    if first and not unknown and not urgent:
        return Verdict("First report", worst, _first_sentence(facts, len(current)), lede_text)
    sentence = _well_sentence(counts, len(current), brief=bool(urgent))
    if urgent:
        n = words.spelled(len(urgent)).capitalize()
        sentence += f" {n} {'thing needs' if len(urgent) == 1 else 'things need'} you."
        return Verdict("Needs action", Status.DEGRADED, sentence, lede_text)
    if unknown:
        return Verdict("Unknown", Status.UNKNOWN, sentence, lede_text)
    return Verdict("First report" if first else "All is well", worst, sentence, lede_text)


def _trouble_sentence(counts: Counter[Status]) -> str:
    """`One server is down and three are degraded.` Who asks for a key is told only where nothing worse is: it is not down."""
    parts: list[str] = []
    shown = PROBLEMS[:2] if counts[Status.DOWN] or counts[Status.DEGRADED] else PROBLEMS
    for status in shown:
        n = counts[status]
        if n:
            noun = "" if parts else (" server" if n == 1 else " servers")
            parts.append(f"{words.spelled(n, *(counts[each] for each in shown))}{noun} {_STATE_VERBS[status][n > 1]}")
    sentence = words.listing(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _cause_sentence(facts: Facts) -> str:
    """` One cause explains three of the four.`"""
    causes = Counter(facts.roots.values())
    if not causes:
        return ""
    _, explained = causes.most_common(1)[0]
    total = sum(1 for standing in facts.current if standing.status in {Status.DOWN, Status.DEGRADED})
    if explained + 1 == total:
        return " One cause explains both." if total == 2 else f" One cause explains all {words.spelled(total)}."
    return f" One cause explains {words.spelled(explained + 1, total)} of the {words.spelled(total)}."


def _network_sentence(counts: Counter[Status]) -> str:
    down = counts[Status.DOWN]
    end = f"; {words.spelled(down)} local {'is' if down == 1 else 'are'} down" if down else ""
    return f"Our own network is down, so {words.spelled(counts[Status.UNKNOWN])} cannot be asked{end}."


def _all_unknown(n: int) -> str:
    return (
        "The one server could not be asked; it is unknown."
        if n == 1
        else f"None of {words.count(n)} servers could be asked; all are unknown."
    )


def _first_sentence(facts: Facts, n: int) -> str:
    subject = "The one server asked is up" if n == 1 else f"All {words.spelled(n)} servers asked are up"
    sample = facts.snapshot.host_sample
    return f"{subject}, and {room(sample)}." if sample and has_room(sample) else f"{subject}."


def _well_sentence(counts: Counter[Status], n: int, *, brief: bool) -> str:
    """Maintenance is told where there is room: `brief` leaves some for what needs action."""
    up, unknown, resting = counts[Status.UP], counts[Status.UNKNOWN], counts[Status.MAINTENANCE]
    if up == n:
        return "The one server is well." if n == 1 else f"All {words.spelled(n)} servers are well."
    rest = []
    if unknown:
        rest.append(f"{words.spelled(unknown)} {'is' if unknown == 1 else 'are'} unknown")
    if resting and not (brief and unknown):
        rest.append(f"{words.spelled(resting)} {'is' if resting == 1 else 'are'} in maintenance")
    if not up:
        return f"{words.listing(rest).capitalize()}."
    return f"{words.count(up)} of {words.count(n)} servers {'is' if up == 1 else 'are'} well; {words.listing(rest)}."


def lede(facts: Facts, urgent: Sequence[Finding]) -> str:
    """The cause, who suffers, and how many are well; for a first report, what it can know."""
    current = facts.current
    up = sum(1 for standing in current if standing.status is Status.UP)
    parts: list[str] = []
    if facts.snapshot.network_down:
        parts.append("Every remote server failed at its name or its connection in one run; that is ours, not theirs.")
    leading = _leading(facts, urgent)
    if leading is not None:
        parts.append(_told(facts, leading))
        parts.append(_told_apart(facts, leading, urgent))
    elif urgent and not facts.snapshot.network_down:
        parts.append(urgent[0].title)
    if any(parts) and any(standing.status is not Status.UNKNOWN for standing in current):
        parts.append(f"{words.count(up)} of {words.plural(len(current), 'server')} {'is' if up == 1 else 'are'} well.")
    if facts.history.snapshot_count <= 1:
        parts.append("This is the first report. It knows one moment; comparisons begin with the second.")
    elif not parts and up == len(current) and current:
        parts.append(f"Nothing needs you. {_last_incident(facts)}")
    elif not parts:
        parts.append(_last_incident(facts))
    return " ".join(filter(None, parts))


def _leading(facts: Facts, urgent: Sequence[Finding]) -> Standing | None:
    """The server that explains most, else that of the first finding."""
    first = next((finding.server for finding in urgent if finding.kind == "state" and finding.server), None)
    return facts.by_id.get(first) if first is not None else None


def _told(facts: Facts, standing: Standing) -> str:
    """`api-gateway refuses every connection since 13:22 and takes a and b with it.`"""
    sentence = told.title(facts, standing).removesuffix(" Not counted as down.").rstrip(".")
    if standing.since and standing.run and standing.run.checks > 1:
        sentence += f", since {words.moment(standing.since, facts.at, facts.zone)}"
    with_it = [facts.by_id[name].name for name, root in facts.roots.items() if root == standing.id]
    if with_it:
        sentence += f", and takes {words.listing(with_it)} with it"
    return f"{sentence}."


def _told_apart(facts: Facts, leading: Standing, urgent: Sequence[Finding]) -> str:
    """Who is down or degraded for a reason of its own, so that the lede does not explain all by the first cause."""
    others = {
        finding.server: finding.title
        for finding in urgent
        if finding.kind == "state"
        and finding.status in {Status.DOWN, Status.DEGRADED}
        and finding.server not in {leading.id, *facts.roots}
        and finding.server is not None
    }
    alike = [name for name in others if _fails_alike(facts.by_id[name], leading)]
    apart = [name for name in others if name not in alike]
    same, own = (words.listing([facts.by_id[name].name for name in part]) for part in (alike, apart))
    sentences = []
    if alike:
        sentences.append(f"{same} {'fails' if len(alike) == 1 else 'fail'} in the same way at the same address.")
    if apart:
        sentences.append(others[apart[0]] if len(apart) == 1 else f"{own} have causes of their own.")
    return " ".join(sentences)


def _fails_alike(one: Standing, other: Standing) -> bool:
    """Whether the two are not reached at one address: what stands there serves both, so it may well be one fault."""
    if one.failure is not other.failure or one.failure not in _OF_THE_ADDRESS or not (one.server and other.server):
        return False
    return urlsplit(one.server.endpoint)[:2] == urlsplit(other.server.endpoint)[:2]


def _last_incident(facts: Facts) -> str:
    """When somebody last had trouble, read from the state history."""
    bad = [STATUSES.index(status) for status in (Status.DOWN, Status.DEGRADED)]
    book = facts.ledger
    ends = [
        float(book.held[row])
        for standing in facts.current
        for row in reversed(book.rows(standing.index))
        if int(book.status[row]) in bad
    ]
    first = facts.history.first_snapshot_at
    if not ends:
        begins = words.day_in_its_year(first, facts.at, facts.zone) if first else ""
        return f"No incident is in the history, which begins on {begins}." if begins else ""
    last = moment(max(ends))
    here = words.local(last, facts.zone)
    seconds = (facts.at - last).total_seconds()
    ago = f"{words.duration(seconds)} ago" if seconds >= 60 else "just now"
    return f"The last incident ended on {here.day} {here:%B} at {here:%H:%M}, {ago}."


# --- the rest of page 1 ---------------------------------------------------------------------------------------------


def empty(
    facts: Facts,
    found: Sequence[Finding],
    objectives: Sequence[ObjectiveReport],
    looming: Sequence[Looming],
    *,
    tested: int,
    changes: int,
    foretold: int,
) -> Empty:
    """What empty parts say: that nothing was found, or when they begin."""
    certificates = sum(1 for s in facts.current if s.probe and s.probe.certificate_expires_at)
    quiet = "" if any(finding.needs_action for finding in found) else "Nothing."
    if changes:
        unchanged = ""
    elif facts.baseline is None:
        unchanged = f"Nothing to compare with yet. Begins with report #{facts.history.next_number + 1}."
    elif tested:
        unchanged = f"Nothing that stands out from chance, in {words.count(tested)} series tested; no state and no tool changed."
    else:
        unchanged = (
            f"No state and no tool changed since {changed.since(facts)}; too little history to test answer times."
        )
    no_objective = (
        "No objective is set. Add one to a server in caelum.toml: objective = 0.995; figures begin after 24 hours."
    )
    return Empty(
        quiet,
        unchanged,
        "" if objectives else no_objective,
        "" if looming else _nothing_looms(certificates, foretold),
    )


def _nothing_looms(certificates: int, foretold: int) -> str:
    parts = []
    if certificates:
        parts.append(f"No certificate of {words.count(certificates)} ends within {LOOMING_DAYS} days.")
    if foretold:
        parts.append(f"None of {words.plural(foretold, 'figure')} with a limit has a date within {LOOMING_DAYS} days.")
    else:
        parts.append("Forecasts of disks, memory and answer times begin with the third day of history.")
    return " ".join(parts)


def read_on(
    facts: Facts,
    hosts: Sequence[HostReport],
    diagram: Diagram,
    *,
    changes: int,
    ready: Readiness,
    slow: Bottlenecks,
) -> tuple[ReadOn, ...]:
    """A link and one fact each."""
    links = [ReadOn("Host", "host.html", hosts[0].lede)] if hosts else []
    since = f"since {changed.since(facts)}" if facts.baseline else "yet: there is nothing to compare with"
    links.append(
        ReadOn(
            "Changes",
            "changes.html",
            f"{words.plural(changes, 'change')} {since}." if changes else f"No change {since}.",
        )
    )
    if facts.history.first_snapshot_at is not None:
        seconds = facts.now - facts.history.first_snapshot_at.timestamp()
        begun = f"States, answer times and up time of {words.duration(seconds)} on record."
        links.append(
            ReadOn("Trends", "trends.html", begun if seconds >= DAY else "Begin with a second day of history.")
        )
    links.append(ReadOn("Bottlenecks", "bottlenecks.html", f"{slow.heading} {slow.lede}"))
    if any(server.era is Era.LEGACY for server in ready.servers):
        links.append(ReadOn("Readiness", "readiness.html", ready.sentence))
    tools = sum(len(s.surface.tools) for s in facts.current if s.surface)
    tokens = sum(tool.tokens for s in facts.current if s.surface for tool in s.surface.tools)
    offered = f"{words.plural(tools, 'tool')}, about {words.count(tokens)} tokens"
    if not any(s.surface for s in facts.current):
        offered = "what they offer was never seen"
    needs = sum(1 for edge in diagram.edges if edge.kind == "depends-on")
    links.append(
        ReadOn(
            "Architecture",
            "architecture.html",
            f"{words.plural(len(facts.current), 'server')}, {_dependencies(needs)}; {offered}.",
        )
    )
    recent = facts.calls.loc[facts.calls["hour"] >= pd.Timestamp(facts.now - 30 * DAY, unit="s", tz="UTC")]
    fact = f"{words.plural(int(recent['calls'].sum()), 'call')} by real users in 30 days."
    links.append(ReadOn("Usage", "usage.html", fact if len(facts.calls) else "Not measured yet; how to begin."))
    took = words.seconds(facts.snapshot.seconds)
    links.append(
        ReadOn(
            "Method and this run",
            "method.html",
            f"{_asked(facts)}; asking took {took}.",
        )
    )
    return tuple(links)


def _dependencies(needs: int) -> str:
    return words.plural(needs, "dependency", "dependencies") if needs else "no dependency declared"


def fleet_name(facts: Facts) -> str:
    return text.visible(facts.config.fleet, 80)
