"""What is worth doing: each rule by a fleet that it fits, and by one that it does not."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from caelum_report import analyse
from caelum_report.analyse.recommendations import MOST, RULES
from caelum_report.document import Recommendation, Report
from caelum_report.model import Failure, Note, Outcome, Server, Snapshot, Stage, Transport

from .past import HOUR, NOW, config, history, hourly, probe, server, snapshot, surface, tool


def report(seen: list[Snapshot], *servers: Server, **said: object) -> Report:
    it = config(*(servers or (server(),)), scheduled=True)
    return analyse.report(seen[-1], len(seen), history(seen, **said), it, ())


def the(it: Report) -> Recommendation:
    (found,) = it.recommendations
    return found


def test_a_fleet_that_is_well_has_nothing_to_do() -> None:
    it = report(hourly(48, probe()))
    assert it.recommendations == ()
    assert len(it.ranking) == 2


def test_a_server_that_has_been_down_for_weeks_is_mended_or_retired() -> None:
    down = probe(failure=Failure.CONNECT_ERROR)
    found = the(report(hourly(15 * 24, down)))
    assert (found.rule, found.title) == ("dead", "Mend alpha, or retire it.")
    assert found.command == "caelum-report servers retire alpha"
    assert found.worth == pytest.approx(15 * 24 * 60, rel=0.02)
    assert report(hourly(13 * 24, down)).recommendations == ()


def test_answers_that_our_limit_cuts_off_need_more_time() -> None:
    def listed(seconds: float) -> object:
        stages = (Stage("handshake", Outcome.OK, 0.1), Stage("list", Outcome.OK, seconds))
        return probe(stages=stages)

    slow, cut = listed(8.5), probe(failure=Failure.TIMEOUT, stage="list")
    mixed = [snapshot(NOW - HOUR * n, cut if n % 8 == 7 else slow) for n in reversed(range(48))]
    found = the(report(mixed))
    assert (found.rule, found.title) == ("timeouts", "Give alpha more time to answer.")
    assert found.evidence.startswith("6 of 48 checks ended at the limit of 10\u00a0s")
    assert "request_timeout = 20" in found.edit
    quick = [snapshot(NOW - HOUR * n, cut if n % 8 == 7 else listed(0.2)) for n in reversed(range(48))]
    assert report(quick).recommendations == (), "a server that answers at once and then not at all has another fault"


def test_tools_that_fill_the_conversation_are_split() -> None:
    fat = surface(*(tool(f"t{n}") for n in range(500)))
    found = the(report(hourly(3, probe(surface=fat))))
    assert (found.rule, found.worth) == ("fat-surface", pytest.approx(50))
    assert found.evidence.startswith("500 tools cost about 10\u202f000 tokens; the longest are")


def test_the_same_tools_twice_are_one_too_many() -> None:
    found = the(report(hourly(3, probe(), probe("beta")), server(), server("beta")))
    assert (found.rule, found.title, found.servers) == ("twins", "Keep one of alpha and beta.", ("alpha", "beta"))


def test_a_slow_start_is_done_once() -> None:
    stages = (Stage("spawn", Outcome.OK, 4.2), Stage("handshake", Outcome.OK, 0.1), Stage("list", Outcome.OK, 0.1))
    found = the(report(hourly(24, probe(stages=stages)), server(transport=Transport.STDIO)))
    assert (found.rule, found.gain) == ("slow-start", "saves 4.2\u00a0s of every start")


def test_a_server_whose_counted_calls_ended_is_asked_about_and_one_that_was_never_counted_is_not() -> None:
    hours = [NOW - timedelta(days=days) for days in (60, 45, 1)]
    usage = pd.DataFrame(
        {
            "hour": pd.Series(pd.to_datetime(hours, utc=True)).astype("datetime64[ns, UTC]"),
            "server": pd.Series(["alpha", "alpha", "beta"], dtype=object),
            "calls": [3.0, 2.0, 9.0],
        }
    )
    seen = hourly(3, *(probe(name, surface=surface(tool(name))) for name in ("alpha", "beta", "gamma")))
    empty = history(seen).usage
    for column in empty.columns.difference(usage.columns):
        usage[column] = None
    found = the(report(seen, server(), server("beta"), server("gamma"), usage=usage[empty.columns]))
    assert (found.rule, found.title) == ("unused", "Take alpha out, if nobody misses it.")
    assert "8\u00a0Oct" in found.evidence


def test_the_deprecated_transport_is_left() -> None:
    found = the(report(hourly(3, probe()), server(transport=Transport.SSE)))
    assert (found.rule, found.page) == ("old-transport", "readiness.html#changes")


def test_a_risk_is_mended_by_an_edit() -> None:
    risky = server(risks=(Note("plain-http", "plain http beyond this machine"),))
    found = the(report(hourly(3, probe()), risky))
    assert found.rule == "risk-plain-http"
    assert found.title == "Use https for alpha."
    assert found.evidence == "alpha is asked over plain http."
    assert "https" in found.edit


def test_several_unpinned_servers_are_named_in_one_plain_sentence() -> None:
    names = ("everything", "memory")
    unpinned = [server(name, risks=(Note("unpinned-launcher", "npx runs the newest"),)) for name in names]
    found = next(
        one for one in report(hourly(3, *map(probe, names)), *unpinned).recommendations if one.servers == names
    )
    assert found.title == "Pin the versions of everything and memory."
    assert (
        found.gain == "removes a risk: any start can bring a new version with other tools, which nobody here has chosen"
    )


def test_there_is_a_handful_at_most_and_what_saves_most_is_first() -> None:
    names = [f"s{n}" for n in range(9)]
    probes = [probe(name, failure=Failure.CONNECT_ERROR) for name in names]
    it = report(hourly(15 * 24, *probes), *(server(name, risks=(Note("plain-http", "plain"),)) for name in names))
    assert len(it.recommendations) == MOST
    worths = [found.worth for found in it.recommendations]
    assert worths == sorted(worths, reverse=True)


def test_every_rule_says_what_it_is_about() -> None:
    assert all(rule.__doc__ for rule in RULES)
