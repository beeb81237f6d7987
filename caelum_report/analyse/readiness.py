"""Which protocol revisions each server speaks, and what it has to change for the newest one.

A server's era is what it told last, also while it is down. What has to change is a table of rules, each read from the
revision's own text (its changelog, registry of deprecated features and pages on caching and transports), each deciding on
what the last conversation showed. A legacy server agrees on the newest revision that it and we know, so newer ones than
that are "no" and older ones were never asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from caelum_report import words
from caelum_report.document import Readiness, ReadinessRule, ReadyServer, Speaks
from caelum_report.model import Era, Probe, Transport

from .facts import Facts, Standing, last_met

REVISIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
TARGET: Final = REVISIONS[-1]


@dataclass(frozen=True, slots=True)
class Met:
    """A server, and what it showed when it last answered."""

    standing: Standing
    probe: Probe

    def noted(self, code: str) -> str:
        return next((note.text for note in self.probe.notes if note.code == code), "")


@dataclass(frozen=True, slots=True)
class Rule:
    """`applies` says what was seen, or nothing."""

    code: str
    title: str  # what is so
    change: str  # what to do
    source: str  # where the revision says it
    must: bool  # needed for the revision; else deprecated or advised
    applies: Callable[[Met], str]


def _noted(code: str) -> Callable[[Met], str]:
    return lambda met: met.noted(code)


def _speaks_no_modern(met: Met) -> str:
    if met.probe.era is not Era.LEGACY:
        return ""
    return f"It agreed on {met.probe.protocol_version} and did not answer server/discover."


def _over_events(met: Met) -> str:
    if met.standing.transport is Transport.SSE:
        return "Its entry names HTTP+SSE."
    return met.noted("http-sse")


RULES: Final = (
    Rule(
        "legacy",
        "Answers initialize, not server/discover",
        "Answer server/discover, and take the version from _meta of every request; update the SDK to one that knows 2026-07-28.",
        "changelog, major 2 and 3",
        True,
        _speaks_no_modern,
    ),
    Rule(
        "http-sse",
        "Speaks HTTP+SSE",
        "Serve Streamable HTTP at one address, and name that in the entry; HTTP+SSE is deprecated since 2025-03-26.",
        "deprecated features",
        True,
        _over_events,
    ),
    Rule(
        "session",
        "Keeps sessions",
        "Keep no session: hand out handles as ordinary arguments of tools.",
        "changelog, major 1",
        True,
        _noted("session"),
    ),
    Rule(
        "no-ttl",
        "Gives no ttlMs or cacheScope",
        "Add ttlMs and cacheScope to the results of server/discover and of every list.",
        "server/utilities/caching",
        True,
        lambda met: met.noted("no-ttl") if met.probe.era is Era.MODERN else "",
    ),
    Rule(
        "subscribe",
        "Offers resources/subscribe",
        "Send changes on subscriptions/listen instead.",
        "changelog, major 4",
        True,
        _noted("subscribe"),
    ),
    Rule(
        "core-tasks",
        "Has tasks in the core",
        "Move tasks to the extension io.modelcontextprotocol/tasks.",
        "changelog, major 6",
        True,
        _noted("core-tasks"),
    ),
    Rule(
        "asks-client",
        "Asks its client for roots or sampling",
        "Take folders as arguments instead of roots; call a model's own API instead of sampling. Until then answer "
        "input_required instead of sending requests.",
        "changelog, major 7; deprecated features",
        True,
        _noted("asks-client"),
    ),
    Rule(
        "logging",
        "Declares logging",
        "Log to stderr, or use OpenTelemetry; logging/setLevel is gone.",
        "deprecated features",
        False,
        _noted("logging"),
    ),
    Rule(
        "tool-order",
        "Lists its tools in changing order",
        "List tools in the same order every time: clients and models cache the list.",
        "changelog, minor 3",
        False,
        _noted("tool-order"),
    ),
)


def readiness(facts: Facts) -> Readiness:
    servers, found = [], {rule.code: list[str]() for rule in RULES}
    for standing in facts.current:
        probe = last_met(facts, standing)
        if probe is None:
            servers.append(ReadyServer(standing.id, None, None, (Speaks.UNKNOWN,) * len(REVISIONS), ()))
            continue
        met = Met(standing, probe)
        applying = [rule for rule in RULES if rule.applies(met) or _in_the_past(facts, standing, rule)]
        for rule in applying:
            found[rule.code].append(standing.id)
        codes = tuple(rule.code for rule in applying)
        servers.append(ReadyServer(standing.id, probe.era, probe.protocol_version, _row(probe), codes))
    rules = (
        ReadinessRule(rule.code, rule.title, rule.change, rule.source, rule.must, tuple(found[rule.code]))
        for rule in RULES
    )
    ordered = tuple(sorted(servers, key=_order))
    return Readiness(REVISIONS, ordered, tuple(rules), sentence(ordered))


def _in_the_past(facts: Facts, standing: Standing, rule: Rule) -> bool:
    """An order that changes now and then is seen in some checks only."""
    if rule.code != "tool-order":
        return False
    rows = slice(*facts.checks.bounds[standing.index : standing.index + 2])
    details = set(facts.checks.rows["details"].iloc[rows])
    return any(isinstance(document, str) and '"code":"tool-order"' in document.replace(" ", "") for document in details)


def _row(probe: Probe) -> tuple[Speaks, ...]:
    """One cell a revision."""
    return tuple(_cell(probe, revision) for revision in REVISIONS)


def _cell(probe: Probe, revision: str) -> Speaks:
    if revision == probe.protocol_version:
        return Speaks.SPOKEN
    if revision in probe.supported_versions:
        return Speaks.OFFERED
    newer = probe.era is Era.LEGACY and probe.protocol_version is not None and revision > probe.protocol_version
    return Speaks.NO if newer else Speaks.UNKNOWN


def _order(server: ReadyServer) -> tuple[object, ...]:
    """Most to do first; those that never answered last."""
    return (server.era is None, -len(server.rules), server.server)


def sentence(servers: Sequence[ReadyServer]) -> str:
    """`10 of 24 servers speak 2026-07-28; 13 do not yet, 1 is not known.`"""
    modern = sum(1 for server in servers if server.era is Era.MODERN)
    legacy = sum(1 for server in servers if server.era is Era.LEGACY)
    unknown = len(servers) - modern - legacy
    if not servers:
        return "No server is configured yet."
    if len(servers) == 1:
        if unknown:
            return f"Whether the one server speaks {TARGET} is not known."
        return f"The one server speaks {TARGET}." if modern else f"The one server does not speak {TARGET} yet."
    if legacy == len(servers):
        return f"None of {words.count(legacy)} servers speaks {TARGET} yet."
    said = f"{modern} of {words.plural(len(servers), 'server')} {'speaks' if 1 in {modern, len(servers)} else 'speak'} {TARGET}"
    rest = [f"{legacy} {'does' if legacy == 1 else 'do'} not yet"] if legacy else []
    rest += [f"{unknown} {'is' if unknown == 1 else 'are'} not known"] if unknown else []
    return f"{said}; {words.listing(rest)}." if rest else f"{said}."
