"""Time by state: the parts of a range sum to the range, and a hole is neither up nor down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.times import learned_interval, midnights, server_interval
from caelum_report.analyse.uptime import (
    Ledger,
    episodes,
    latest_run,
    ledger,
    seconds_by_kind,
    status_at,
    strips,
    uptimes,
)
from caelum_report.model import Failure, Status, Transport

from .past import HOUR, NOW, config, probe, server, states

DAY = timedelta(days=1)


def book(*checks: tuple[float, Status], interval: float = 3600.0) -> Ledger:
    """A ledger of one server from (hours before now, status)."""
    failures = {
        Status.DOWN: Failure.TIMEOUT,
        Status.AUTH_WALLED: Failure.AUTH_REQUIRED,
        Status.UNKNOWN: Failure.SKIPPED,
    }
    rows = [
        (NOW - HOUR * ago, probe(failure=failures.get(status, Failure.OK), status=status)) for ago, status in checks
    ]
    return ledger(states(sorted(rows, key=lambda row: row[0])), ["alpha"], {"alpha": interval}, NOW.timestamp())


def hours(b: Ledger, last: float = 24) -> list[float]:
    """Hours up, down, excluded and unknown of the last hours."""
    end = NOW.timestamp()
    return [part / 3600 for part in seconds_by_kind(b, end - last * 3600, end)[0].tolist()]


def test_each_check_speaks_until_the_next() -> None:
    b = book(
        *((n, Status.UP) for n in range(24, 10, -1)), (10, Status.DOWN), *((n, Status.UP) for n in range(9, -1, -1))
    )
    assert hours(b) == [23, 1, 0, 0]


def test_a_hole_is_no_data_beyond_one_and_a_half_intervals() -> None:
    b = book((24, Status.UP), (23, Status.UP), (3, Status.UP), (2, Status.UP), (1, Status.UP), (0, Status.UP))
    assert hours(b) == [1 + 1.5 + 3, 0, 0, 20 - 1.5]


def test_down_before_a_hole_is_not_down_all_the_way_through_it() -> None:
    assert hours(book((20, Status.DOWN), (0, Status.UP))) == [0, 1.5, 0, 22.5]


@pytest.mark.parametrize(
    ("status", "part"),
    [(Status.DEGRADED, 0), (Status.UP, 0), (Status.DOWN, 1), (Status.MAINTENANCE, 2), (Status.AUTH_WALLED, 3), (Status.UNKNOWN, 3)],
)  # fmt: skip
def test_what_each_state_counts_as(status: Status, part: int) -> None:
    parts = hours(book(*((n, status) for n in range(24, -1, -1))))
    assert parts[part] == 24
    assert sum(parts) == 24


def test_one_check_is_a_moment_and_gives_no_share() -> None:
    (ranges,) = uptimes(book((0, Status.UP)))
    assert [u.share for u in ranges] == [None] * 5
    assert [u.checks for u in ranges] == [1] * 5


def test_checks_are_counted_where_they_were() -> None:
    (ranges,) = uptimes(book(*((n, Status.UP) for n in range(100, -1, -1))))
    assert [u.checks for u in ranges] == [25, 101, 101, 101, 101]


def test_rows_of_the_future_and_of_other_servers_are_left_out() -> None:
    frame = states([(NOW - HOUR, probe()), (NOW + HOUR, probe(failure=Failure.TIMEOUT)), (NOW, probe("other"))])
    b = ledger(frame, ["alpha", "never-seen"], {"alpha": 3600.0, "never-seen": 3600.0}, NOW.timestamp())
    assert hours(b) == [1, 0, 0, 23]
    assert seconds_by_kind(b, NOW.timestamp() - 3600, NOW.timestamp())[1].tolist() == [0, 0, 0, 3600]


moments = st.lists(
    st.tuples(st.floats(0, 24 * 40), st.sampled_from(list(Status))), min_size=1, max_size=40, unique_by=lambda c: c[0]
)


@given(moments, st.floats(60, 200_000))
@settings(max_examples=60, deadline=None)
def test_the_parts_of_every_range_sum_to_the_range(checks: list[tuple[float, Status]], interval: float) -> None:
    b = book(*checks, interval=interval)
    for u in uptimes(b)[0]:
        total = u.up_seconds + u.down_seconds + u.excluded_seconds + u.unknown_seconds
        assert total == pytest.approx({"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[u.range] * 86_400)
        assert min(u.up_seconds, u.down_seconds, u.excluded_seconds, u.unknown_seconds) >= 0
        assert u.share is None or 0 <= u.share <= 1


@given(moments, st.integers(0, 39))
@settings(max_examples=60, deadline=None)
def test_more_down_never_raises_the_share(checks: list[tuple[float, Status]], which: int) -> None:
    worse = [(ago, Status.DOWN if n == which else status) for n, (ago, status) in enumerate(checks)]
    for before, after in zip(uptimes(book(*checks))[0], uptimes(book(*worse))[0], strict=True):
        if before.share is not None and after.share is not None and checks[which % len(checks)][1] is Status.UP:
            assert after.share <= before.share + 1e-9


# --- days, runs, episodes -------------------------------------------------------------------------------------------


def test_a_day_shows_its_worst_state_and_a_day_without_checks_none() -> None:
    b = book(*((n, Status.UP) for n in range(80, 60, -1)), (50, Status.UP), (49, Status.DOWN), (0, Status.UP))
    (strip,) = strips(b, NOW, "UTC")
    assert len(strip) == 90
    assert strip[-1].date == NOW.date()
    by_date = {bar.date: bar for bar in strip}
    friday, saturday = datetime(2026, 11, 20, tzinfo=UTC).date(), datetime(2026, 11, 21, tzinfo=UTC).date()
    assert by_date[friday].status is Status.DOWN
    assert by_date[friday].text == "down, 1\u00a0h 30\u00a0min"
    assert by_date[saturday].status is None
    assert by_date[saturday].text == "no data"
    assert strip[-1].status is Status.UP


def test_not_knowing_for_a_while_is_not_worse_than_up() -> None:
    (strip,) = strips(book((30, Status.UNKNOWN), (3, Status.UNKNOWN), (2, Status.UP), (0, Status.UP)), NOW, "UTC")
    assert [bar.status for bar in strip[-2:]] == [Status.UNKNOWN, Status.UP]


def test_a_day_is_a_local_day_even_where_midnight_does_not_exist() -> None:
    dates, edges = midnights(datetime(2026, 4, 25, 12, tzinfo=UTC), "Africa/Cairo", 3)
    assert [d.day for d in dates] == [23, 24, 25]
    assert [round(float(b - a) / 3600) for a, b in pairwise(edges)] == [24, 23, 24]


def test_a_state_on_both_sides_of_a_hole_lasts_and_the_hole_is_said() -> None:
    run = latest_run(book((30, Status.UP), (29, Status.DOWN), (10, Status.DOWN), (0, Status.DOWN)), 0)
    assert run is not None
    assert run.start == (NOW - 29 * HOUR).timestamp()
    assert run.checks == 3
    assert run.unmeasured_seconds == (19 - 1.5 + 10 - 1.5) * 3600


def test_episodes_leave_up_out_and_end_when_they_end() -> None:
    b = book(
        (5, Status.UP),
        (4, Status.DOWN),
        (3, Status.DOWN),
        (2, Status.UP),
        (1, Status.AUTH_WALLED),
        (0, Status.AUTH_WALLED),
    )
    newest, oldest = episodes(b, 0)
    assert (newest.status, newest.end) == (Status.AUTH_WALLED, None)
    assert (oldest.status, oldest.start, oldest.end, oldest.seconds) == (
        Status.DOWN,
        NOW - 4 * HOUR,
        NOW - 2 * HOUR,
        7200,
    )


def test_nothing_is_known_in_a_hole_and_before_the_first_check() -> None:
    b = book((20, Status.UP), (0, Status.UP))
    at = [status_at(b, 0, (NOW - HOUR * ago).timestamp()) for ago in (21, 19, 10, 0)]
    assert at == [None, Status.UP, None, Status.UP]


# --- cadence --------------------------------------------------------------------------------------------------------


def test_a_cadence_is_learned_over_nights_in_which_the_machine_sleeps() -> None:
    day = np.arange(8, 20) * 3600.0
    assert learned_interval(np.concatenate([day, day + 86_400])) == 3600
    assert learned_interval(np.array([0.0, 3600, 7200])) is None
    assert learned_interval(np.array([0.0, 10, 5000, 5100, 90_000, 400_000])) is None


def test_runs_by_hand_within_a_minute_are_no_cadence() -> None:
    assert learned_interval(np.arange(10) * 8.0) is None
    assert learned_interval(np.arange(10) * 60.0) == 60


@pytest.mark.parametrize(
    ("run", "own", "transport", "expected"),
    [
        (3600.0, None, Transport.HTTP, 3600),
        (60.0, None, Transport.HTTP, 60),
        (60.0, None, Transport.STDIO, 900),  # started every 15 minutes at most
        (600.0, None, Transport.STDIO, 1200),
        (3600.0, 21_600.0, Transport.HTTP, 21_600),
        (3600.0, 300.0, Transport.HTTP, 3600),
    ],
)
def test_a_server_is_expected_at_whole_runs(
    run: float, own: float | None, transport: Transport, expected: float
) -> None:
    it = server(transport=transport, every_seconds=own)
    assert server_interval(it, config(it), run, np.empty(0)) == expected
