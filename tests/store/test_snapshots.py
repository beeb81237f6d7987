"""What a run saw becomes rows; what the next run needs comes out again."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat

from caelum_report import store
from caelum_report.configured import Config
from caelum_report.model import Era, Failure, Instances, Memory, Note, Server, Status, Transport

from .given import NOON, config, fleet, host_sample, hours, probe, process, snapshot, surface

UP, DOWN = Failure.OK, Failure.TIMEOUT


def add(
    connection: sqlite3.Connection, pattern: str, *, every: float = 1, start: float = 0, settings: Config | None = None
) -> None:
    """One check of server `a` for each letter: u(p), d(own), a space for a run that does not ask it."""
    for number, letter in enumerate(pattern):
        at = NOON + hours(start + number * every)
        failures = {"u": (UP,), "d": (DOWN,), " ": ()}[letter]
        store.add_snapshot(connection, snapshot(at, *(probe("a", f, at) for f in failures)), settings or config("a"))


def stretches(connection: sqlite3.Connection) -> list[tuple[str, float, float, int]]:
    """Status, from and to in hours since noon, checks."""
    rows = connection.execute("SELECT status, start, end, checks FROM states ORDER BY id")
    noon = NOON.timestamp()
    return [(status, start / 3.6e9 - noon / 3600, end / 3.6e9 - noon / 3600, n) for status, start, end, n in rows]


# --- rows -----------------------------------------------------------------------------------------------------------


def test_a_probe_is_one_wide_row_that_people_can_query(database: sqlite3.Connection) -> None:
    one = probe(
        "a",
        surface=surface("add", "subtract"),
        process=process(123_456),
        instances=Instances(2, 500, 60.0),
        notes=(Note("banner", "3 lines before the first answer"),),
        certificate_expires_at=NOON + timedelta(days=30),
    )
    store.add_snapshot(database, snapshot(NOON, one, host=host_sample(NOON)), config("a"))
    row = database.execute(
        """SELECT hosts.name, servers.name, datetime(at / 1000000, 'unixepoch'), status, failure, dns_us, list_us, tls_us,
            latency_p50_us, latency_min_us, latency_max_us, latency_n, timings, rss_bytes, cpu_us, instances, tools, tokens
        FROM probes JOIN snapshots ON snapshots.id = snapshot JOIN servers ON servers.id = server
            JOIN hosts ON hosts.id = snapshots.host"""
    ).fetchone()
    assert row == (
        "here", "a", "2026-11-22 12:00:00", "up", "ok", 1000, 200_000, None,
        40_000, 10_000, 50_000, 3, "[40000,50000,10000]", 123_456, 250_000, 2, 2, 20,
    )  # fmt: skip


def test_what_only_people_read_is_kept_as_json(database: sqlite3.Connection) -> None:
    awkward = 'says "no"\n\\ <b>é</b>'
    one = probe("a", DOWN, reason="no answer", stderr_tail=awkward, exit_status="signal 9 (SIGKILL)")
    one = replace(one, stages=tuple(replace(stage, detail=awkward) for stage in one.stages))
    store.add_snapshot(database, snapshot(NOON, one), config("a"))
    details = json.loads(database.execute("SELECT document FROM details").fetchone()[0])
    assert details["stages"][3] == {"name": "list", "outcome": "failed", "detail": awkward}
    assert (details["stderr_tail"], details["exit_status"]) == (awkward, "signal 9 (SIGKILL)")


def test_what_a_server_always_says_is_kept_once(database: sqlite3.Connection) -> None:
    for number in range(5):
        store.add_snapshot(database, fleet(NOON + hours(number), {"server-1": DOWN} if number == 2 else {}), config())
    kept = dict(
        database.execute("SELECT name, count(*) FROM details JOIN servers ON servers.id = server GROUP BY name")
    )
    assert kept == {"server-0": 1, "server-1": 3, "server-2": 1}


def test_ids_count_runs_and_a_run_that_failed_uses_none(database: sqlite3.Connection) -> None:
    assert store.add_snapshot(database, fleet(NOON), config()) == 1
    twice = snapshot(NOON, probe("a"), probe("a"))
    try:
        store.add_snapshot(database, twice, config())
    except sqlite3.IntegrityError:
        assert store.add_snapshot(database, fleet(NOON), config()) == 2


def test_two_runs_at_the_same_time_are_two_snapshots(database: sqlite3.Connection) -> None:
    assert [store.add_snapshot(database, fleet(NOON), config()) for _ in range(2)] == [1, 2]
    assert database.execute("SELECT DISTINCT checks, start = end FROM states").fetchall() == [(2, 1)]


# --- states ---------------------------------------------------------------------------------------------------------


def test_a_stretch_lasts_while_checks_confirm_it(database: sqlite3.Connection) -> None:
    add(database, "uuudduu")
    assert stretches(database) == [("up", 0, 2, 3), ("down", 3, 4, 2), ("up", 5, 6, 2)]


def test_another_failure_is_another_stretch(database: sqlite3.Connection) -> None:
    for number, failure in enumerate((Failure.TIMEOUT, Failure.TIMEOUT, Failure.HTTP_5XX)):
        at = NOON + hours(number)
        store.add_snapshot(database, snapshot(at, probe("a", failure, at)), config("a"))
    assert [row[0] for row in database.execute("SELECT failure FROM states ORDER BY id")] == ["timeout", "http-5xx"]


def test_a_hole_in_the_checks_is_neither_up_nor_down(database: sqlite3.Connection) -> None:
    add(database, "uuu   uu")
    assert stretches(database) == [("up", 0, 2, 3), ("up", 6, 7, 2)]


def test_a_run_that_came_late_is_no_hole(database: sqlite3.Connection) -> None:
    add(database, "uu u u")
    assert stretches(database) == [("up", 0, 5, 4)]


def test_a_cadence_that_nobody_configured_is_learned(database: sqlite3.Connection) -> None:
    daily = config("a", every_seconds=None)
    add(database, "uuuu", every=24, settings=daily)
    assert stretches(database) == [("up", 0, 0, 1), ("up", 24, 72, 3)], "only the first day was too long to know"


def test_a_server_s_own_cadence_counts(database: sqlite3.Connection) -> None:
    rare = replace(config(), servers=(Server("a", "a", Transport.HTTP, every_seconds=6 * 3600),))
    add(database, "u     u     u", settings=rare)
    assert stretches(database) == [("up", 0, 12, 3)]


def test_a_busy_afternoon_makes_no_hole_of_the_night(database: sqlite3.Connection) -> None:
    add(database, "u" * 20, every=1 / 60)
    add(database, "uu", start=1.3)
    assert [row[0] for row in stretches(database)] == ["up"]


def test_a_clock_that_went_back_is_noted_and_harms_nothing(database: sqlite3.Connection) -> None:
    add(database, "uu")
    add(database, "uu", start=0.5)
    add(database, "d", start=0.75)
    notes = [json.loads(row[0]) for row in database.execute("SELECT notes FROM snapshots ORDER BY id")]
    assert [[note["code"] for note in each] for each in notes] == [[], [], ["clock-back"], [], ["clock-back"]]
    spans = stretches(database)
    assert [status for status, *_ in spans] == ["up", "down"]
    assert spans[0][2] <= spans[1][1], "one server in two states at once"


def test_a_clock_that_was_years_ahead_is_forgotten_when_it_is_right_again(database: sqlite3.Connection) -> None:
    add(database, "uu")
    add(database, "u", start=100_000)
    add(database, "uuu", start=2)
    assert stretches(database)[-1] == ("up", 2, 4, 3)
    assert store.remember(database, NOON + hours(5)).of("a").last_checked_at == NOON + hours(4)


# --- memory ---------------------------------------------------------------------------------------------------------


def test_the_next_run_knows_how_the_last_one_left_a_server(database: sqlite3.Connection) -> None:
    add(database, "ud")
    seen = NOON + hours(2)
    one = probe("a", UP, seen, surface=surface("add"), era=Era.LEGACY)
    store.add_snapshot(database, snapshot(seen, one), config("a"))
    assert store.remember(database, NOON + hours(3)).of("a") == Memory(
        era=Era.LEGACY,
        era_seen_at=seen,
        last_checked_at=seen,
        status=Status.UP,
        checks=(True, False, True),
        flapping=False,
        started_before=True,
        surface_sha256="add",
    )
    assert store.remember(database, NOON).of("unheard of") == Memory()


def test_a_check_from_the_future_does_not_keep_a_server_from_being_asked(database: sqlite3.Connection) -> None:
    add(database, "u", start=1000)
    assert store.remember(database, NOON).of("a").last_checked_at is None


def test_what_gave_no_verdict_is_no_check(database: sqlite3.Connection) -> None:
    undecided = (Failure.SKIPPED, Failure.CONFIG_ERROR, Failure.INTERNAL_ERROR, Failure.AUTH_REQUIRED)
    for number, failure in enumerate(undecided):
        at = NOON + hours(number)
        store.add_snapshot(database, snapshot(at, probe("a", failure, at)), config("a"))
    memory = store.remember(database, NOON + hours(9)).of("a")
    assert memory.checks == ()
    assert not memory.started_before


def test_the_definition_that_was_asked_last_is_remembered(database: sqlite3.Connection) -> None:
    """So that an entry which changed since is asked by the next run."""
    (server,) = config("a").servers

    def run(hour: int, fingerprint: str, failure: Failure) -> str:
        entry = replace(config("a"), servers=(replace(server, fingerprint=fingerprint),))
        at = NOON + hours(hour)
        store.add_snapshot(database, snapshot(at, probe("a", failure, at)), entry)
        return store.remember(database, at).of("a").fingerprint

    assert run(0, "first", Failure.OK) == "first"
    assert run(1, "second", Failure.SKIPPED) == "first", "it waits for consent"
    assert run(2, "second", Failure.SPAWN_FAILED) == "second"


def test_a_skipped_server_was_not_asked(database: sqlite3.Connection) -> None:
    add(database, "u")
    skipped = probe("a", Failure.SKIPPED, NOON + hours(1))
    store.add_snapshot(database, snapshot(NOON + hours(1), skipped), config("a"))
    memory = store.remember(database, NOON + hours(1)).of("a")
    assert (memory.last_checked_at, memory.status, memory.untried) == (NOON, Status.UNKNOWN, True)
    assert memory.era is Era.MODERN


def test_flapping_starts_at_four_changes_and_ends_at_one(database: sqlite3.Connection) -> None:
    seen = []
    for number, letter in enumerate(chain("ududu", repeat("u", 24))):
        add(database, letter, start=number)
        seen.append(store.remember(database, NOON + hours(number)).of("a").flapping)
    assert seen == [False] * 4 + [True] * 22 + [False] * 3


def test_consent_is_remembered_by_name(database: sqlite3.Connection) -> None:
    store.approve(database, {"a": "1", "b": "2"}, NOON)
    store.approve(database, {"b": "3"}, NOON + hours(1))
    assert store.approvals(database) == {"a": "1", "b": "3"}


# --- surfaces -------------------------------------------------------------------------------------------------------


def test_equal_surfaces_are_stored_once_and_each_change_is_a_version(database: sqlite3.Connection) -> None:
    for number, tools in enumerate((("x",), ("x",), ("x", "y"), ("x",))):
        at = NOON + hours(number)
        both = (probe(name, UP, at, surface=surface(*tools)) for name in ("a", "b"))
        store.add_snapshot(database, snapshot(at, *both), config("a", "b"))
    assert database.execute("SELECT sha256 FROM surfaces ORDER BY 1").fetchall() == [("x",), ("x-y",)]
    versions = database.execute("SELECT snapshot, surface FROM surface_versions WHERE server = 1 ORDER BY 1")
    assert versions.fetchall() == [(1, "x"), (3, "x-y"), (4, "x")]


def test_a_failed_probe_changes_no_surface(database: sqlite3.Connection) -> None:
    for number, offer in enumerate((surface("x"), None, surface("x"))):
        at = NOON + hours(number)
        store.add_snapshot(database, snapshot(at, probe("a", UP, at, surface=offer)), config("a"))
    assert database.execute("SELECT count(*) FROM surface_versions").fetchone() == (1,)
