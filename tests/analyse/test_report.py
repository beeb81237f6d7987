"""The whole report: complete whatever the history, the same every time, and page 1 in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest

from caelum_report import analyse, codec, demo, store
from caelum_report.document import Report
from caelum_report.model import Failure, Server, Snapshot, Status, Transport

from .past import HOUR, NOW, config, history, hourly, probe, server, snapshot


def report(snapshots: list[Snapshot], *servers: Server, previous: Report | None = None, **said: object) -> Report:
    it = config(*servers, **said)
    return analyse.report(snapshots[-1], len(snapshots), history(snapshots, previous), it, ())


def test_no_server_and_no_host() -> None:
    it = report([replace(snapshot(NOW), host_sample=None)])
    assert it.verdict.sentence == "No server is configured yet."
    assert (it.servers, it.hosts, it.tally, it.coverage.sample_share) == ((), (), (), None)
    assert it.id == "r-20261122T1300Z-1"


def test_one_server_one_moment() -> None:
    it = report([snapshot(NOW, probe())], server())
    assert it.verdict.lede == "This is the first report. It knows one moment; comparisons begin with the second."
    assert it.servers[0].lede.endswith("Its history has just begun.")
    assert (it.period_start, it.next_due) == (NOW, None)
    assert it.servers[0].stages[1].start_seconds == 0.01
    assert it.servers[0].latency_now is not None
    assert it.servers[0].latency_now.n == 3


def test_everything_unknown() -> None:
    skipped = [probe(name, Failure.SKIPPED, reason="the budget of the run was spent", stage=None) for name in "abc"]
    it = report([snapshot(NOW, *skipped)], *(server(name) for name in "abc"))
    assert it.verdict.sentence == "None of 3 servers could be asked; all are unknown."
    assert it.coverage.asked == 0
    assert it.servers[0].uptime[0].share is None


def test_a_server_that_was_not_due_keeps_its_page() -> None:
    slow = server("slow", every_seconds=21_600.0)
    earlier = snapshot(NOW - 2 * HOUR, probe("slow", server_version="3.1", stderr_tail="warning"))
    it = report([earlier, snapshot(NOW, not_due=("slow",))], slow)
    (line,) = it.servers
    assert (line.status, line.checked_now, line.checked_at) == (Status.UP, False, NOW - 2 * HOUR)
    assert (line.server_version, line.stderr_tail, len(line.tools)) == ("3.1", "warning", 1)
    assert line.why == "last checked 12:00"
    assert it.coverage.sentence == "1 of 1 server asked, none of them in this run; no check missed"


def test_a_retired_server_keeps_a_page_and_counts_nowhere() -> None:
    snapshots = [*hourly(5, probe(), probe("old"), until=NOW - HOUR), snapshot(NOW, probe())]
    it = analyse.report(snapshots[-1], 6, history(snapshots, retired=("old",)), config(server()), ())
    assert [(s.id, s.retired, s.why) for s in it.servers] == [("alpha", False, ""), ("old", True, "retired")]
    assert it.coverage.configured == 1
    assert all(node.id != "server:old" for node in it.architecture.nodes)


def test_tools_remember_when_they_came() -> None:
    it = report(hourly(5, probe()), server())
    assert it.servers[0].tools[0].first_seen == NOW - 4 * HOUR
    assert it.servers[0].tools[0].changed_at is None


def test_a_stage_is_slow_against_its_own_past() -> None:
    from caelum_report.model import Outcome, Stage

    slow = probe(stages=(Stage("connect", Outcome.OK, 0.012), Stage("list", Outcome.OK, 0.9)))
    it = report([*hourly(30, probe(), until=NOW - HOUR), snapshot(NOW, slow)], server())
    assert [(s.name, s.slow, s.usual_seconds) for s in it.servers[0].stages] == [
        ("connect", False, 0.01),
        ("list", True, 0.05),
    ]


# --- when, and how much ---------------------------------------------------------------------------------------------


def test_next_due_is_known_by_a_schedule_or_learned_and_never_guessed() -> None:
    def due(count: int, **said: object) -> tuple[object, object]:
        it = report(hourly(count, probe()), server(), **said)
        return it.next_due, it.old_after

    assert due(1) == (None, None)
    assert due(1, scheduled=True) == (NOW + HOUR, NOW + HOUR + timedelta(minutes=10))
    assert due(6, every_seconds=None) == (NOW + HOUR, NOW + HOUR + timedelta(minutes=10))
    assert due(2, every_seconds=None) == (None, None)


def test_the_period_is_that_of_the_report_before() -> None:
    snapshots = hourly(5, probe())
    first = report(snapshots[:4], server())
    second = report(snapshots, server(), previous=first)
    assert second.period_start == first.at
    assert second.compared_start == first.period_start
    assert second.number == 2


def test_objectives_are_riskiest_first_and_wait_for_a_day_of_data() -> None:
    def probes(n: int) -> list[object]:
        return [probe("good"), probe("bad", Failure.TIMEOUT if n in (30, 31, 32) else Failure.OK)]

    snapshots = [snapshot(NOW - HOUR * n, *probes(n)) for n in range(200, -1, -1)]  # type: ignore[arg-type]
    servers = server("good", objective=0.99), server("bad", objective=0.99, transport=Transport.STDIO), server("none")
    it = report(snapshots, *servers)
    bad, good = it.objectives
    assert (bad.name, good.name) == ("bad starts", "good answers")
    assert bad.achieved == pytest.approx(197 / 200)
    assert bad.budget_left == pytest.approx(1 - (3 / 200) / 0.01)
    assert (bad.spent_by, good.spent_by, good.burn_24h) == ("none left", "after the period", 0.0)
    young = report(snapshots[-5:], *servers).objectives
    assert {o.achieved for o in young} == {None}
    assert young[0].spent_by == "too little data: 4\u00a0h of 24\u00a0h"


# --- the verdict ----------------------------------------------------------------------------------------------------

FAILURES = {
    Status.DOWN: Failure.TIMEOUT,
    Status.AUTH_WALLED: Failure.AUTH_REQUIRED,
    Status.UNKNOWN: Failure.CONFIG_ERROR,
}


def verdict_of(*statuses: Status, depends: bool = False, scheduled: bool = True) -> Report:
    names = [f"server-{n}" for n in range(len(statuses))]
    probes = [
        probe(n, FAILURES.get(s, Failure.OK), status=s, surface=None) for n, s in zip(names, statuses, strict=True)
    ]
    servers = [server(n, depends_on=(names[0],) if depends and n != names[0] else ()) for n in names]
    return report(hourly(2, *probes), *servers, scheduled=scheduled)


@pytest.mark.parametrize(
    ("statuses", "sentence", "kicker"),
    [
        ((Status.UP,), "The one server is well.", "All is well"),
        ((Status.UP,) * 24, "All 24 servers are well.", "All is well"),
        ((Status.DOWN, *[Status.DEGRADED] * 3, Status.UP), "One server is down and three are degraded.", "Needs action"),
        ((Status.AUTH_WALLED, Status.UP), "One server asks for a key.", "Needs action"),
        ((Status.UP, Status.UP, Status.MAINTENANCE), "2 of 3 servers are well; one is in maintenance.", "All is well"),
        ((*[Status.UP] * 3, *[Status.UNKNOWN] * 21), "We could ask only 3 of 24 servers; the other 21 are unknown.", "Unknown"),
        ((*[Status.DOWN] * 18, *[Status.DEGRADED] * 11, Status.UP), "18 servers are down and 11 are degraded.", "Needs action"),
    ],
)  # fmt: skip
def test_the_verdict_is_a_count_and_a_state(statuses: tuple[Status, ...], sentence: str, kicker: str) -> None:
    it = verdict_of(*statuses)
    assert it.verdict.sentence.startswith(sentence)
    assert it.verdict.kicker == kicker


def test_a_well_fleet_needs_nobody() -> None:
    it = report(hourly(30, probe()), server(), scheduled=True)
    assert it.verdict.lede == "Nothing needs you. No incident is in the history, which begins on 21\u00a0Nov."
    assert it.empty.needs_action == "Nothing."
    old = report([snapshot(NOW - timedelta(days=365), probe()), *hourly(30, probe())], server(), scheduled=True)
    assert "which begins on 22\u00a0Nov\u00a02025." in old.verdict.lede


MIXTURES = [mixture for n in range(1, 7) for mixture in combinations(Status, n)]


@pytest.mark.parametrize("depends", [False, True])
def test_a_verdict_has_at_most_sixteen_words_whatever_the_mixture(*, depends: bool) -> None:
    for mixture in MIXTURES:
        statuses = [*mixture, *mixture] if depends else mixture
        it = verdict_of(*statuses, depends=depends)
        sentence = it.verdict.sentence
        assert len(sentence.split()) <= 16, sentence
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sum(n for _, n in it.tally) == len(statuses)


# --- the same report ------------------------------------------------------------------------------------------------


def test_the_same_history_gives_the_same_bytes_and_comes_back_whole() -> None:
    snapshots = hourly(40, probe(), probe("beta", Failure.EXITED), probe("gamma"))
    servers = server(depends_on=("beta",)), server("beta"), server("gamma")
    one, other = (codec.to_json(report(list(snapshots), *servers)) for _ in range(2))
    assert one == other
    assert codec.to_json(codec.from_json(one)) == one


HOSTILE = ["<script>alert(1)</script>", "a/b", "..", "A", "a", "\u202eevil", "x" * 300, "名前", "$(id)", ""]


def test_hostile_names_stay_apart_and_visible() -> None:
    servers = [server(name, slug=f"s-{n}", depends_on=(HOSTILE[0],)) for n, name in enumerate(HOSTILE)]
    it = report(hourly(3, *(probe(name, Failure.TIMEOUT) for name in HOSTILE)), *servers)
    assert sorted(s.id for s in it.servers) == sorted(HOSTILE)
    said = " ".join([it.verdict.lede, *(f.title + f.cause + f.impact + (f.command or "") for f in it.findings)])
    assert "\u202e" not in said
    assert all(len(s.name) < 160 for s in it.servers)


def test_an_analyser_is_one_function_more() -> None:
    snapshots = hourly(3, probe())
    it = analyse.report(snapshots[-1], 3, history(snapshots), config(server(depends_on=())), (), analysers=())
    assert (it.findings, it.changes, it.looming) == ((), (), ())


# --- through the real store -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    """Two reports of the simulated fleet's last two days, stored and read back."""
    path = Path(tmp_path_factory.mktemp("store")) / "history.db"
    it = replace(demo.config(NOW), database=str(path))
    *before, last = list(demo.snapshots(NOW, days=2))
    reports = []
    with store.open_store(str(path)) as connection:
        for group in (before, [last]):
            with store.batch(connection):
                for seen in group:
                    number = store.add_snapshot(connection, seen, it)
            store.maintain(connection, group[-1].at, it)
            made = analyse.report(group[-1], number, store.history(connection, number), it, ())
            store.save_report(connection, made)
            reports.append(made)
    return reports


def test_reports_are_numbered_and_chained(demonstration: list[Report]) -> None:
    first, second = demonstration
    assert (first.number, second.number) == (1, 2)
    assert second.previous is not None
    assert second.previous.id == first.id
    assert second.period_start == first.at


def test_the_demonstration_tells_its_story(demonstration: list[Report]) -> None:
    it = demonstration[-1]
    assert it.verdict.sentence == "One server is down and three are degraded. One cause explains three of the four."
    assert it.findings[0].title == "api-gateway refuses every connection."
    assert codec.from_json(codec.to_json(it)) == it
    assert it.servers[0].charts[0].points.at
    assert it.hosts[0].charts


def test_every_finding_and_change_leads_to_a_page(demonstration: list[Report]) -> None:
    it = demonstration[-1]
    pages = {f"servers/{s.slug}.html" for s in it.servers} | {
        "host.html",
        "method.html",
        "architecture.html",
        "changes.html",
        "trends.html",
        "bottlenecks.html",
        "readiness.html",
        "usage.html",
        "tools.html",
    }
    pages |= {f"dashboards/{one.name}.html" for one in it.dashboards}
    links = [*it.findings, *it.changes, *it.objectives, *it.looming, *it.read_on]
    assert {link.page.partition("#")[0] for link in links} <= pages
    ids = [finding.id for finding in it.findings]
    assert len(ids) == len(set(ids))
