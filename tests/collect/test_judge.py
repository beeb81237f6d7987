"""From an outcome to a status: windows, flapping, objectives, our own network."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report.collect import is_due
from caelum_report.collect.eras import eras_to_try
from caelum_report.collect.judge import changes_of, inside, judged, network_is_down, without_network
from caelum_report.collect.reasons import telling_line
from caelum_report.model import Era, Failure, Memory, Probe, Status, Window, status_of

from .fleet import AT, config, remote, stdio


def seen(server, failure=Failure.OK, **more) -> Probe:
    return Probe(server=server.id, started_at=AT, failure=failure, status=status_of(failure), **more)


def status(probe, server, memory=None, erring=()):
    return judged(probe, server, memory or Memory(), erring, at=AT, zone="UTC").status


@pytest.mark.parametrize("failure", list(Failure))
def test_a_failure_has_the_status_of_the_public_table(failure):
    server = stdio("good")
    assert status(seen(server, failure), server) is status_of(failure)


def test_slower_than_its_objective_is_degraded_and_says_so():
    server = replace(stdio("good"), latency_objective_seconds=0.1)
    fast, slow = seen(server, timings_seconds=(0.01, 0.02, 3)), seen(server, timings_seconds=(0.2, 0.3, 0.1))
    assert status(fast, server) is Status.UP
    assert status(slow, server) is Status.DEGRADED
    assert (
        "in 200\u00a0ms, its objective is 100\u00a0ms" in judged(slow, server, Memory(), (), at=AT, zone="UTC").reason
    )


def test_a_capability_that_errs_is_degraded_and_a_dead_server_stays_down():
    server = stdio("good")
    assert status(seen(server), server, erring=("it declares prompts, but",)) is Status.DEGRADED
    assert status(seen(server, Failure.TIMEOUT), server, erring=("it declares prompts, but",)) is Status.DOWN


def test_flapping_begins_at_four_changes_and_ends_at_one():
    server = stdio("good")
    checks = (True,) * 10 + (False, True, False) + (True,) * 3
    assert changes_of(checks) == 4
    assert status(seen(server), server, Memory(checks=checks)) is Status.DEGRADED
    calmer = (True,) * 10 + (False,) + (True,) * 3
    assert status(seen(server), server, Memory(checks=calmer)) is Status.UP
    assert status(seen(server), server, Memory(checks=calmer, flapping=True)) is Status.DEGRADED
    assert status(seen(server), server, Memory(checks=(False,) + (True,) * 20, flapping=True)) is Status.UP


def test_only_the_last_day_of_checks_counts():
    assert changes_of((False, True) * 50 + (True,) * 24) == 0


def test_a_window_covers_whatever_else():
    server = replace(stdio("good"), maintenance=(Window(AT - timedelta(hours=1), AT + timedelta(hours=1)),))
    for failure in (Failure.OK, Failure.EXITED, Failure.AUTH_REQUIRED):
        assert status(seen(server, failure), server) is Status.MAINTENANCE


@given(st.integers(0, 200), st.integers(-3600, 7200))
def test_a_weekly_window_keeps_its_local_hour(week, second):
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 1, 4, 14, 0, tzinfo=zone)
    window = Window(start, start + timedelta(hours=1), weekly=True)
    wall = datetime(2026, 1, 4, 14, 0) + timedelta(weeks=week, seconds=second)  # noqa: DTZ001 - of a wall clock
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    assert inside(window, at, "Europe/Berlin") == (0 <= second < 3600)


def test_nothing_is_maintained_before_its_first_window():
    window = Window(AT, AT + timedelta(hours=1), weekly=True)
    assert not inside(window, AT - timedelta(weeks=1), "UTC")


def test_one_remote_that_fails_may_be_its_own_fault_two_are_ours():
    servers = [remote("https://a.test/", name="a"), remote("https://b.test/", name="b"), stdio("good")]
    local = remote("http://127.0.0.1:1/", name="local")
    lost = [seen(server, Failure.DNS_ERROR, stage="dns") for server in servers[:2]]
    good, refused = seen(servers[2]), seen(local, Failure.CONNECT_ERROR, stage="connect")
    everyone = [*servers, local]
    assert network_is_down([*lost, good, refused], everyone)
    assert not network_is_down([lost[0], good], everyone)
    assert not network_is_down([lost[0], seen(servers[1], Failure.AUTH_REQUIRED, stage="auth"), good], everyone)
    statuses = [probe.status for probe in without_network([*lost, good, refused], everyone)]
    assert statuses == [Status.UNKNOWN, Status.UNKNOWN, Status.UP, Status.DOWN]


@pytest.mark.parametrize(("minutes", "due"), [(5, False), (14, False), (14.5, True), (20, True), (-5, True)], ids=str)
def test_a_process_is_started_at_its_own_cadence(minutes, due):
    memory = Memory(last_checked_at=AT - timedelta(minutes=minutes))
    assert is_due(stdio("good"), memory, config(), AT) is due  # 900 s
    assert is_due(remote("http://a.test/"), memory, config(), AT)
    assert is_due(replace(stdio("good"), skip="disabled"), memory, config(), AT)
    assert is_due(stdio("good"), replace(memory, untried=True), config(), AT)


def test_a_legacy_server_is_asked_for_the_modern_era_once_a_week():
    server = stdio("good")
    first = []
    for hour in range(24 * 28):
        at = AT + timedelta(hours=hour)
        memory = Memory(era=Era.LEGACY, last_checked_at=at - timedelta(hours=1))
        first.append(eras_to_try(server, memory, at)[0])
    assert first.count(Era.MODERN) == 4
    assert eras_to_try(server, Memory(), AT)[0] is Era.MODERN
    assert eras_to_try(server, Memory(era=Era.MODERN, last_checked_at=AT), AT)[0] is Era.MODERN


# --- why it died ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("", ""),
        ("starting up\nError: GITHUB_TOKEN is required\n", "Error: GITHUB_TOKEN is required"),
        (
            (
                "file:///app/index.js:20\n    throw new Error('x');\n    ^\n\nError: API key required\n    at main (file:///app/index.js:20:9)\n"
                "    at node:internal/main:1:2\n\nNode.js v22.1.0\n"
            ),
            "Error: API key required",
        ),
        (
            "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in <module>\n    main()\nKeyError: 'TOKEN'\n",
            "KeyError: 'TOKEN'",
        ),
        (
            (
                "node:internal/modules/cjs/loader:1\nError: Cannot find module '/app/index.js'\n    at Module._resolve (node:internal:1:1) {\n"
                "  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}\n\nNode.js v22.1.0\n"
            ),
            "Error: Cannot find module '/app/index.js'",
        ),
        ("usage: server [-h] --db PATH\nserver: error: the following arguments are required: --db\n", None),
        ("[INFO] config missing, using defaults\nlistening\nsegmentation fault\n", "segmentation fault"),
        ("one\ntwo\n", "two"),
    ],
)
def test_the_line_that_says_why(stderr, line):
    assert telling_line(stderr) == (line if line is not None else stderr.splitlines()[-1])


def test_the_sdk_that_a_traceback_met_is_named(tmp_path):
    folder = tmp_path / "lib/python3.13/site-packages"
    (folder / "mcp-2.3.0.dist-info").mkdir(parents=True)
    stderr = f'Traceback (most recent call last):\n  File "{folder}/old_server/server.py", line 3, in main\n    x()\nAttributeError: no\n'
    assert telling_line(stderr) == (
        "AttributeError: no (in old_server, with mcp 2.3.0; it may have been written for mcp 1, try pinning mcp<2)"
    )
