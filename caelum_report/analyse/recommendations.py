"""What would be worth doing: rule, evidence, command; a handful, ranked by what it would save.

Minutes of outage are measured, seconds of waiting are measured a start, tokens are estimated, and a risk has no size at all.
To rank them beside each other `WEIGHTS` says how many minutes a month each is taken for: a declared order, not a
measurement, and printed with the list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd

from caelum_report import words
from caelum_report.document import Recommendation, ServerReport
from caelum_report.model import Failure, Status, Transport

from .commands import command
from .facts import Facts
from .risks import RISKS
from .times import DAY, moment, unix
from .uptime import STATUSES

MOST: Final = 5
DEAD_DAYS: Final = 14
FAT_TOKENS: Final = 8_000
SLOW_START_SECONDS: Final = 3.0
LEAST_TIMEOUTS: Final = 3
NEAR_LIMIT: Final = 0.6  # of a limit: answers that take so long are cut off by it, not by a fault
UNUSED_DAYS: Final = 30
WEIGHTS: Final = {  # minutes a month
    "a minute of outage": 1.0,
    "a second of every start": 0.5,
    "a thousand tokens in every conversation": 10.0,
    "a risk of one server": 30.0,
}
_OUTAGE, _START, _TOKENS, _RISK = WEIGHTS.values()
RANKING: Final = (
    "Outage and waiting are measured, tokens are estimated, and a risk has no size. To stand in one list, "
    f"{words.listing([f'{what} counts as {minutes:g}' for what, minutes in WEIGHTS.items()], len(WEIGHTS))} minutes a month, "
    f"at thirty starts: a declared order, not a measurement. At most {MOST} are shown."
)
LOOKED_FOR: Final = (
    f"Looked for: a server that has been down for {DEAD_DAYS} days; answers that our own limit cuts off; tools that cost "
    f"{words.count(FAT_TOKENS)} tokens or more; the same tools twice; a start of {SLOW_START_SECONDS:g} seconds or more; a server "
    f"whose counted calls ended {UNUSED_DAYS} days ago; HTTP+SSE; and the risks of a configuration entry."
)
_AUDITED: Final = ("writable-program", "plain-text-secret", "plain-http", "no-authentication", "unpinned-launcher")

Rule = Callable[[Facts, Sequence[ServerReport]], Iterator[Recommendation]]


def dead(facts: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """Down for weeks, and nobody mended it."""
    for server in servers:
        month = next((uptime for uptime in server.uptime if uptime.range == "month"), None)
        if server.status is not Status.DOWN or server.since is None or month is None or month.up_seconds:
            continue
        lasted = facts.now - server.since.timestamp()
        if lasted >= DEAD_DAYS * DAY:
            yield Recommendation(
                "dead",
                f"Mend {server.name}, or retire it.",
                f"Down for {words.duration(lasted)}; none of {words.plural(month.checks, 'check')} of 30 days was answered.",
                f"saves {words.duration(month.down_seconds)} of outage a month",
                (server.id,),
                f"servers/{server.slug}.html#states",
                "Then take its entry out of the configuration.",
                command(facts, server.id, "servers", "retire"),
                month.down_seconds / 60 * _OUTAGE,
            )


def timeouts(facts: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """Cut off by our own limit: those that answered took nearly as long."""
    rows = facts.checks.rows
    timed_out = (rows["failure"].astype(object) == Failure.TIMEOUT.value).to_numpy(bool)
    good = (rows["failure"].astype(object) == Failure.OK.value).to_numpy(bool)
    for server in servers:
        standing = facts.by_id[server.id]
        mine = slice(*facts.checks.bounds[standing.index : standing.index + 2])
        cut = int(timed_out[mine].sum())
        listed = rows["list"].to_numpy(np.float64)[mine][good[mine]]
        if (
            cut < LEAST_TIMEOUTS or not np.isfinite(listed).any() or standing.server is None
        ):  # who offers nothing lists nothing
            continue
        limit = standing.server.request_seconds or facts.config.budgets.request_seconds
        slowest = float(np.nanpercentile(listed, 95))
        if not slowest >= NEAR_LIMIT * limit:
            continue
        outage = _seconds_of(facts, standing.index, Failure.TIMEOUT)
        yield Recommendation(
            "timeouts",
            f"Give {server.name} more time to answer.",
            f"{cut} of {words.plural(len(good[mine]), 'check')} ended at the limit of {words.seconds(limit)}; "
            f"of those that were answered, 5 % took {words.seconds(slowest)} or more.",
            f"saves up to {words.duration(outage)} of outage a month",
            (server.id,),
            f"servers/{server.slug}.html#stages",
            f"In its [[server]] block of caelum.toml: request_timeout = {round(2 * limit)}",
            command(facts, server.id, "probe"),
            outage / 60 * _OUTAGE,
        )


def _seconds_of(facts: Facts, index: int, failure: Failure) -> float:
    """Time down by one failure, of the last 30 days."""
    book = facts.ledger
    mine = np.array(book.rows(index))
    down = (book.failures[mine] == failure.value) & (book.status[mine] == STATUSES.index(Status.DOWN))
    lasted = np.clip(book.held[mine] - np.maximum(book.start[mine], facts.now - 30 * DAY), 0, None)
    return float(lasted[down].sum())


def fat_surfaces(_: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """So many declarations that they crowd out what the conversation is about."""
    whole = sum(server.tokens for server in servers)
    for server in servers:
        if server.tokens < FAT_TOKENS:
            continue
        largest = sorted(server.tools, key=lambda item: -item.tool.tokens)[:5]
        names = words.listing([item.tool.name for item in largest[:3]])
        share = words.percent(server.tokens / whole, 0) if len(servers) > 1 else ""
        yield Recommendation(
            "fat-surface",
            f"Split {server.name} by task, or shorten what its tools say.",
            f"{words.plural(len(server.tools), 'tool')} cost about {words.count(server.tokens)} tokens"
            + (f", {share} of the fleet's" if share else "")
            + f"; the longest are {names}.",
            f"saves up to {words.count(server.tokens / 2)} tokens in every conversation",
            (server.id,),
            f"servers/{server.slug}.html#tools",
            "Offer a half to those who need it; a description of more than a few lines is rarely read to its end.",
            None,
            server.tokens / 2000 * _TOKENS,
        )


def twins(facts: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """The very same tools twice."""
    offers: dict[str, list[ServerReport]] = defaultdict(list)
    for server in servers:
        if server.surface_sha256 and server.tools:
            offers[server.surface_sha256].append(server)
    for same in offers.values():
        if len(same) < 2:
            continue
        saved = same[0].tokens * (len(same) - 1)
        who = "Both" if len(same) == 2 else f"All {words.spelled(len(same))}"
        yield Recommendation(
            "twins",
            f"Keep one of {words.listing([server.name for server in same], 4)}.",
            f"{who} offer the same {words.plural(len(same[0].tools), 'tool')}, word for word.",
            f"saves {words.count(saved)} tokens in every conversation that has them all",
            tuple(server.id for server in same),
            f"servers/{same[0].slug}.html#tools",
            "Unless they differ in what they work on: then give them names that say so.",
            command(facts, same[-1].id, "servers", "retire"),
            saved / 1000 * _TOKENS,
        )


def slow_starts(facts: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """Every client waits for the start of a stdio server; one that runs already is only connected to."""
    for server in servers:
        start = next((stage for stage in server.stages if stage.name == "spawn"), None)
        if start is None or start.usual_seconds is None or start.usual_seconds < SLOW_START_SECONDS:
            continue
        yield Recommendation(
            "slow-start",
            f"Keep {server.name} running, and serve it over HTTP.",
            f"A start takes {words.seconds(start.usual_seconds)}, median of 30 days.",
            f"saves {words.seconds(start.usual_seconds)} of every start",
            (server.id,),
            f"servers/{server.slug}.html#stages",
            "Start it once as a service with Streamable HTTP on loopback, and name its url in the entry.",
            command(facts, server.id, "probe"),
            start.usual_seconds * _START,
        )


def unused(facts: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """Called before, by a source that counts it, and not for a month; without such a source nothing is said."""
    usage = facts.history.usage
    if not len(usage) or facts.now - float(unix(usage["hour"]).min()) < UNUSED_DAYS * DAY:
        return
    called = usage[usage["calls"] > 0]
    latest = pd.Series(unix(called["hour"]), index=called["server"].astype(object)).groupby(level=0).max()
    for server in servers:
        if server.id not in latest.index or facts.now - float(latest[server.id]) < UNUSED_DAYS * DAY:
            continue
        last = words.day_in_its_year(moment(float(latest[server.id])), facts.at, facts.zone)
        yield Recommendation(
            "unused",
            f"Take {server.name} out, if nobody misses it.",
            f"Its last counted call was on {last}; others are counted to this day.",
            f"saves {words.count(server.tokens)} tokens in every conversation",
            (server.id,),
            f"servers/{server.slug}.html",
            "Take its entry out of the clients' configuration.",
            command(facts, server.id, "servers", "retire"),
            server.tokens / 1000 * _TOKENS,
        )


def old_transport(_: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """HTTP+SSE may be removed from the protocol."""
    old = [server for server in servers if server.transport is Transport.SSE]
    if old:
        yield Recommendation(
            "old-transport",
            f"Move {words.listing([server.name for server in old], 3)} to Streamable HTTP.",
            "HTTP+SSE is deprecated since revision 2025-03-26, and clients of 2026-07-28 need not speak it.",
            f"removes a risk: clients that cannot reach {'it' if len(old) == 1 else 'them'} any more",
            tuple(server.id for server in old),
            "readiness.html#changes",
            "Serve one address that takes POST, then write type http and that url in the entry.",
            None,
            len(old) * _RISK,
        )


def risky_entries(_: Facts, servers: Sequence[ServerReport]) -> Iterator[Recommendation]:
    """One for each kind of risk that stands in a configuration."""
    for code in _AUDITED:
        having = [server for server in servers if any(risk.code == code for risk in server.risks)]
        if having:
            names = words.listing([server.name for server in having], 3)
            yield Recommendation(
                f"risk-{code}",
                f"{RISKS[code].remedy if len(having) == 1 else RISKS[code].remedies} {names}.",
                f"{names} {RISKS[code].one if len(having) == 1 else RISKS[code].many}.",
                f"removes a risk: {RISKS[code].impact[0].lower()}{RISKS[code].impact[1:].rstrip('.')}",
                tuple(server.id for server in having),
                f"servers/{having[0].slug}.html#notes",
                RISKS[code].advice,
                None,
                len(having) * _RISK,
            )


RULES: Final[tuple[Rule, ...]] = (
    dead,
    timeouts,
    fat_surfaces,
    twins,
    slow_starts,
    unused,
    old_transport,
    risky_entries,
)


def recommendations(
    facts: Facts, servers: Sequence[ServerReport], rules: Sequence[Rule] = RULES
) -> tuple[Recommendation, ...]:
    """At most a handful; what saves most comes first, then the order of the rules."""
    asked = [server for server in servers if not server.retired]
    found = [recommendation for rule in rules for recommendation in rule(facts, asked)]
    return tuple(sorted(found, key=lambda each: -each.worth)[:MOST])
