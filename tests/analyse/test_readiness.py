"""Who speaks which revision, and what has to change for the newest."""

from __future__ import annotations

import pytest

from caelum_report import analyse
from caelum_report.analyse.readiness import sentence
from caelum_report.document import Readiness, ReadyServer, Speaks
from caelum_report.model import Era, Failure, Note, Probe, Server, Snapshot, Transport

from .past import HOUR, NOW, config, history, hourly, probe, server, snapshot

MODERN = {"era": Era.MODERN, "protocol_version": "2026-07-28", "supported_versions": ("2026-07-28", "2025-11-25")}
LEGACY = {"era": Era.LEGACY, "protocol_version": "2025-06-18", "supported_versions": ("2025-06-18",)}


def ready(seen: list[Snapshot], *servers: Server) -> Readiness:
    it = config(*(servers or (server(),)))
    return analyse.report(seen[-1], len(seen), history(seen), it, ()).readiness


def one(*probes: Probe, **said: object) -> tuple[Readiness, ReadyServer]:
    found = ready([snapshot(NOW - HOUR * n, p) for n, p in reversed(list(enumerate(reversed(probes))))], server(**said))
    (only,) = found.servers
    return found, only


def test_a_legacy_server_said_no_to_what_is_newer_and_was_not_asked_for_what_is_older() -> None:
    found, it = one(probe(**LEGACY))
    assert dict(zip(found.revisions, it.revisions, strict=True)) == {
        "2024-11-05": Speaks.UNKNOWN,
        "2025-03-26": Speaks.UNKNOWN,
        "2025-06-18": Speaks.SPOKEN,
        "2025-11-25": Speaks.NO,
        "2026-07-28": Speaks.NO,
    }
    assert (it.era, it.rules) == (Era.LEGACY, ("legacy",))
    assert found.sentence == "The one server does not speak 2026-07-28 yet."


def test_a_modern_server_offers_what_it_names_and_has_nothing_to_change() -> None:
    found, it = one(probe(**MODERN))
    assert it.revisions[-2:] == (Speaks.OFFERED, Speaks.SPOKEN)
    assert it.rules == ()
    assert found.sentence == "The one server speaks 2026-07-28."


def test_a_server_that_is_down_has_not_become_another_one() -> None:
    down = probe(failure=Failure.CONNECT_ERROR, era=None)
    found, it = one(probe(**MODERN), down, down)
    assert (it.era, it.revisions[-1]) == (Era.MODERN, Speaks.SPOKEN)
    seen = [snapshot(NOW - HOUR, probe(**MODERN)), snapshot(NOW, down)]
    (page,) = analyse.report(seen[-1], 2, history(seen), config(server()), ()).servers
    assert (page.era, page.protocol_version) == (Era.MODERN, "2026-07-28")
    assert found.sentence == "The one server speaks 2026-07-28."


def test_a_server_that_never_answered_is_not_known() -> None:
    found, it = one(probe(failure=Failure.CONNECT_ERROR, era=None))
    assert (it.era, set(it.revisions), it.rules) == (None, {Speaks.UNKNOWN}, ())
    assert found.sentence == "Whether the one server speaks 2026-07-28 is not known."


@pytest.mark.parametrize(
    ("spoken", "code", "must"),
    [
        (LEGACY, "session", True),
        (LEGACY, "subscribe", True),
        (LEGACY, "core-tasks", True),
        (LEGACY, "asks-client", True),
        (LEGACY, "http-sse", True),
        (LEGACY, "logging", False),
        (MODERN, "no-ttl", True),
        (MODERN, "tool-order", False),
    ],
)
def test_what_was_noted_is_a_rule_with_what_to_do(spoken: dict[str, object], code: str, must: bool) -> None:
    found, it = one(probe(**spoken, notes=(Note(code, "It was seen."),)))
    assert code in it.rules
    (rule,) = [rule for rule in found.rules if rule.code == code]
    assert (rule.must, rule.servers) == (must, ("alpha",))
    assert rule.change.endswith(".")
    assert rule.source


def test_an_order_that_changed_last_week_is_still_unstable() -> None:
    shuffled = probe(**MODERN, notes=(Note("tool-order", "Another order."),))
    _, it = one(shuffled, *(probe(**MODERN) for _ in range(20)))
    assert it.rules == ("tool-order",)


def test_the_deprecated_transport_is_read_from_the_entry() -> None:
    _, it = one(probe(**LEGACY), transport=Transport.SSE)
    assert it.rules == ("legacy", "http-sse")


def test_those_with_most_to_do_come_first() -> None:
    probes = (probe("alpha", **MODERN), probe("beta", **LEGACY), probe("gamma", failure=Failure.TIMEOUT, era=None))
    found = ready(hourly(2, *probes), server(), server("beta"), server("gamma"))
    assert [it.server for it in found.servers] == ["beta", "alpha", "gamma"]
    assert found.sentence == "1 of 3 servers speaks 2026-07-28; 1 does not yet and 1 is not known."


def test_without_servers_it_says_so() -> None:
    assert ready([snapshot(NOW)], server("alpha")).servers[0].era is None
    assert sentence(()) == "No server is configured yet."
