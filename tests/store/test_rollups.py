"""What is left of the measurements when the raw rows go."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report import buckets, store
from caelum_report.history import History
from caelum_report.metrics import METRICS
from caelum_report.model import Failure, Outcome, Snapshot, Stage
from caelum_report.store import rollups

from .given import NOON, config, fleet, host_sample, hours, probe, process, snapshot, surface

MIDNIGHT = NOON.replace(hour=0)


def timed(at: datetime, *seconds: float, server: str = "a") -> Snapshot:
    return snapshot(at, probe(server, Failure.OK, at, timings_seconds=seconds))


def rolled(connection: sqlite3.Connection, at: datetime, metric: str = "latency", level: str = "hour") -> pd.DataFrame:
    """The roll-ups of one metric as the analysis gets them."""
    last = store.add_snapshot(connection, snapshot(at), config())
    frame = _with_buckets(store.history(connection, last))
    return frame[(frame["metric"] == metric) & (frame["level"] == level)]


def _with_buckets(history: History) -> pd.DataFrame:
    """The bytes of each row's buckets in the place of where they lie."""
    frame = history.rollups
    places = zip(frame["first"], frame["pairs"], strict=True)
    blobs = [history.pairs[first : first + pairs].tobytes() for first, pairs in places]
    return frame.drop(columns=["first", "pairs"]).assign(buckets=blobs)


def nearest_rank(values: Sequence[float], share: float) -> float:
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


# --- buckets --------------------------------------------------------------------------------------------------------

numbers = st.one_of(
    st.just(0.0), st.floats(1e-9, 1e15), st.floats(-1e6, -1e-6), st.integers(0, 100).map(float)
)  # fmt: skip


@given(st.lists(st.lists(numbers, min_size=1, max_size=30), min_size=1, max_size=8), st.sampled_from((0.05, 0.5, 0.95)))
def test_added_up_hours_give_the_true_percentile_within_two_percent(day: list[list[float]], share: float) -> None:
    count = [len(hour) for hour in day]
    values = np.array([value for hour in day for value in hour])
    at = np.repeat(np.arange(len(day)), count)
    by_hour = rollups.summarise(np.ones(len(values), np.int64), at, values)
    by_day = rollups.merged(by_hour, np.zeros(len(day), np.int64))
    true = nearest_rank(values.tolist(), share)
    found = float({0.05: by_day.p5, 0.5: by_day.p50, 0.95: by_day.p95}[share][0])
    assert abs(found - true) <= 0.02 * abs(true) * (1 + 1e-9)
    assert (by_day.n[0], by_day.min[0], by_day.max[0]) == (len(values), values.min(), values.max())
    assert by_day.mean[0] == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)

    pairs = [rollups.pairs_of(rollups.taken(by_hour, by_hour.at == hour)).tobytes() for hour in range(len(day))]
    whole = buckets.merge(pairs)
    assert buckets.total(whole) == len(values)
    assert abs(buckets.quantile(whole, share) - true) <= 0.02 * abs(true) * (1 + 1e-9)


@given(st.lists(numbers, min_size=2, max_size=50))
def test_buckets_are_ordered_like_values(values: list[float]) -> None:
    found = buckets.bucket_of(np.array(sorted(values)))
    assert (np.diff(found) >= 0).all()


def test_nothing_counted_has_no_percentile() -> None:
    assert math.isnan(buckets.quantile(b"", 0.5))
    assert buckets.merge([]) == b""


# --- hours and days -------------------------------------------------------------------------------------------------


def test_an_hour_is_rolled_up_when_it_has_closed(database: sqlite3.Connection) -> None:
    store.add_snapshot(database, timed(NOON, 0.1, 0.2, 0.3), config("a"))
    store.add_snapshot(database, timed(NOON + hours(0.5), 0.4), config("a"))
    store.maintain(database, NOON + hours(0.9), config("a"))
    assert rolled(database, NOON + hours(0.9)).empty
    store.maintain(database, NOON + hours(1), config("a"))
    (row,) = rolled(database, NOON + hours(1)).itertuples()
    assert (row.host, row.subject, row.at, row.n) == ("here", "a", pd.Timestamp(NOON), 4)
    assert (row.min, row.mean, row.max, row.p5, row.p50, row.p95) == pytest.approx((0.1, 0.25, 0.4, 0.1, 0.2, 0.4))
    assert buckets.total(row.buckets) == 4


def test_a_day_is_the_sum_of_its_hours(database: sqlite3.Connection) -> None:
    values = []
    for hour in range(24):
        values += [0.01 * hour + 0.001 * i for i in range(1, 6)]
        store.add_snapshot(database, timed(MIDNIGHT + hours(hour), *values[-5:]), config("a"))
        store.maintain(database, MIDNIGHT + hours(hour), config("a"))
    tomorrow = MIDNIGHT + hours(24)
    store.maintain(database, tomorrow, config("a"))
    assert rolled(database, tomorrow - hours(1), level="day").empty, "the day was not over"
    (row,) = rolled(database, tomorrow, level="day").itertuples()
    assert (row.at, row.n) == (pd.Timestamp(MIDNIGHT), 120)
    assert (row.min, row.mean, row.max) == pytest.approx((min(values), np.mean(values), max(values)))
    assert row.p95 == pytest.approx(nearest_rank(values, 0.95), rel=0.02)
    assert buckets.quantile(row.buckets, 0.5) == pytest.approx(nearest_rank(values, 0.5), rel=0.02)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_the_order_of_arrival_and_of_upkeep_makes_no_difference(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runs = [
        snapshot(
            at := MIDNIGHT + hours(number * step),
            probe("a", Failure.OK, at, timings_seconds=(0.1 + number, 0.2)),
            host=host_sample(at, boot=MIDNIGHT - hours(1), counter=1000 * number * number),
        )
        for step in (0.6, 5)
        for number in range(1, 6)
    ]
    order = data.draw(st.permutations(runs))
    upkeep = data.draw(st.sets(st.integers(0, len(runs) - 1)))
    pd.testing.assert_frame_equal(
        _everything(runs, set(), tmp_path_factory.mktemp("h")), _everything(order, upkeep, tmp_path_factory.mktemp("h"))
    )


def test_a_rate_that_a_late_row_takes_back_is_gone_from_its_hour_and_its_day(database: sqlite3.Connection) -> None:
    def run(hour: int, counter: int) -> Snapshot:
        at = MIDNIGHT + hours(hour)
        return snapshot(at, host=host_sample(at, boot=MIDNIGHT - hours(1), counter=counter))

    for each in (run(1, 1_000), run(5, 2_000)):
        store.add_snapshot(database, each, config())
    store.maintain(database, MIDNIGHT + hours(6), config())
    swapped = rolled(database, MIDNIGHT + hours(7), metric="host_swap_in", level="hour")
    assert list(swapped["at"]) == [pd.Timestamp(MIDNIGHT + hours(5))]
    store.add_snapshot(database, run(4, 9_000), config())  # so the counter fell between 4 and 5
    store.maintain(database, MIDNIGHT + hours(8), config())
    swapped = rolled(database, MIDNIGHT + hours(9), metric="host_swap_in", level="hour")
    assert list(swapped["at"]) == [pd.Timestamp(MIDNIGHT + hours(4))]


def _everything(runs: Sequence[Snapshot], upkeep: set[int], folder: Path) -> pd.DataFrame:
    """All roll-ups of these runs, added in this order, with upkeep after some of them."""
    end = MIDNIGHT + hours(50)
    with store.open_store(str(folder / "history.db")) as connection:
        for number, run in enumerate(runs):
            store.add_snapshot(connection, run, config("a"))
            if number in upkeep:
                store.maintain(connection, max(one.at for one in runs[: number + 1]), config("a"))
        store.maintain(connection, end, config("a"))
        frame = _with_buckets(store.history(connection, store.add_snapshot(connection, snapshot(end), config("a"))))
    keys = ["level", "host", "subject", "metric"]
    return frame.astype(dict.fromkeys(keys, str)).sort_values([*keys, "at"]).reset_index(drop=True)


def test_an_hour_in_which_nothing_changed_is_stored_short(database: sqlite3.Connection) -> None:
    for number, seconds in enumerate([(0.1, 0.1), (0.1, 0.3), (0.2,)]):
        store.add_snapshot(database, timed(MIDNIGHT + hours(number), *seconds), config())
    store.maintain(database, MIDNIGHT + hours(5), config())
    packed = database.execute(
        "SELECT hours, flat_hours FROM rollups JOIN series ON series.id = series WHERE metric = 'latency'"
    )
    assert [len(blob) for blob in packed.fetchone()] == [rollups.RECORD.itemsize, 2 * rollups.FLAT.itemsize]
    found = rolled(database, MIDNIGHT + hours(5))
    assert found["n"].tolist() == [2, 2, 1]
    assert found["p95"].tolist() == [0.1, 0.3, 0.2]
    assert [buckets.total(blob) for blob in found["buckets"]] == [2, 2, 1]


def test_a_late_row_is_counted_in_its_hour_and_day(database: sqlite3.Connection) -> None:
    for hour in (0, 1, 30):
        store.add_snapshot(database, timed(MIDNIGHT + hours(hour), 0.1), config("a"))
    end = MIDNIGHT + hours(31)
    store.maintain(database, end, config("a"))
    store.add_snapshot(database, timed(MIDNIGHT + hours(1.5), 0.3), config("a"))
    store.maintain(database, end, config("a"))
    assert rolled(database, end)["n"].tolist() == [1, 2, 1]
    assert rolled(database, end, level="day")["max"].tolist() == [0.3]


def test_what_comes_later_than_the_raw_rows_is_added_to_what_they_left(database: sqlite3.Connection) -> None:
    settings_ = config("a", raw_days=1, hourly_days=365)
    store.add_snapshot(database, timed(MIDNIGHT, 0.1, 0.2), settings_)
    later = MIDNIGHT + timedelta(days=5)
    store.maintain(database, later, settings_)
    assert database.execute("SELECT count(*) FROM probes").fetchone() == (0,)
    for _ in range(2):
        store.add_snapshot(database, timed(MIDNIGHT + hours(0.5), 0.4), settings_)
        store.maintain(database, later, settings_)
    assert rolled(database, later)["n"].tolist() == [4]
    assert rolled(database, later, level="day")["n"].tolist() == [4]


def test_also_where_only_the_day_is_left(database: sqlite3.Connection) -> None:
    settings_ = config("a", raw_days=1, hourly_days=2)
    later = MIDNIGHT + timedelta(days=5)
    for _ in range(2):
        store.add_snapshot(database, timed(MIDNIGHT, 0.1, 0.2), settings_)
        store.maintain(database, later, settings_)
        store.maintain(database, later + timedelta(days=1), settings_)
    end = later + timedelta(days=1)
    assert rolled(database, end).empty
    assert rolled(database, end, level="day")["n"].tolist() == [4]


def test_a_time_in_the_future_does_not_stop_the_upkeep(database: sqlite3.Connection) -> None:
    store.add_snapshot(database, timed(NOON + timedelta(days=4000), 9.0), config("a"))
    for hour in range(3):
        store.add_snapshot(database, timed(NOON + hours(hour), 0.1), config("a"))
        store.maintain(database, NOON + hours(hour), config("a"))
    assert rolled(database, NOON + hours(2))["n"].tolist() == [1, 1]


# --- metrics --------------------------------------------------------------------------------------------------------


def test_a_stage_that_failed_is_no_time_to_answer(database: sqlite3.Connection) -> None:
    store.add_snapshot(database, snapshot(NOON, probe("a", Failure.TIMEOUT)), config("a"))
    store.maintain(database, NOON + hours(1), config("a"))
    assert rolled(database, NOON + hours(1), "list").empty
    assert rolled(database, NOON + hours(1), "handshake")["mean"].tolist() == [0.1]


def test_connecting_and_starting_are_sums_of_their_stages(database: sqlite3.Connection) -> None:
    ladder = (Stage("spawn", Outcome.OK, 0.5), Stage("handshake", Outcome.OK, 0.25))
    remote = (Stage("dns", Outcome.OK, 0.5), Stage("connect", Outcome.OK, 0.25), Stage("tls", Outcome.OK, 1.0))
    address = (Stage("connect", Outcome.OK, 0.25),)
    probes = (probe("a", stages=ladder), probe("b", stages=remote), probe("c", stages=address))
    store.add_snapshot(database, snapshot(NOON, *probes), config("a", "b", "c"))
    store.maintain(database, NOON + hours(1), config("a", "b", "c"))
    start = rolled(database, NOON + hours(1), "start")
    assert dict(zip(start["subject"], start["mean"], strict=True)) == {"a": 0.75}
    connect = rolled(database, NOON + hours(1), "connect")
    assert dict(zip(connect["subject"], connect["mean"], strict=True)) == {"b": 1.75, "c": 0.25}


def test_every_declared_metric_is_rolled_up_and_no_other(database: sqlite3.Connection) -> None:
    for hour in range(2):
        at = NOON + hours(hour)
        ladder = [Stage(name, Outcome.OK, 0.1) for name in ("dns", "connect", "tls", "spawn", "handshake", "list")]
        one = probe("a", Failure.OK, at, stages=tuple(ladder), process=process(5), surface=surface("x"))
        host = host_sample(
            at, boot=NOON - hours(5), counter=hour, iowait_percent=1.0, swap_total_bytes=10, temperature_celsius=-4.0
        )
        store.add_snapshot(database, snapshot(at, one, host=host), config("a"))
    store.maintain(database, NOON + hours(2), config("a"))
    last = store.add_snapshot(database, snapshot(NOON + hours(2)), config())
    found = store.history(database, last).rollups
    derived = {"budget_spent", "tool_calls"}  # from states and an objective, and from usage, when a report is made
    assert set(found["metric"]) == set(METRICS) - derived
    subjects = {"server": "a", "host": "", "disk": "/", "network": "eth0"}
    for row in found.itertuples():
        assert row.subject == subjects[METRICS[str(row.metric)].subject]
    assert found[found["metric"] == "host_temperature"]["mean"].tolist() == [-4.0, -4.0]


def test_rates_come_from_counters_and_survive_a_reset(database: sqlite3.Connection) -> None:
    boot, reboot = NOON - hours(1), NOON + hours(1.5)
    readings = [(0, boot, 1000), (1, boot, 4600), (2, reboot, 1800), (3, reboot, 1700), (4, reboot, 5300)]
    for hour, since, counter in readings:
        at = NOON + hours(hour)
        store.add_snapshot(database, snapshot(at, host=host_sample(at, boot=since, counter=counter)), config())
        store.maintain(database, at, config())
    end = NOON + hours(5)
    store.maintain(database, end, config())
    frame = rolled(database, end, "disk_read")
    by_hour = {at.hour - 12: mean for at, mean in zip(frame["at"], frame["mean"], strict=True)}
    assert by_hour == {1: 1.0, 2: 1.0, 4: 1.0}, (
        "1800 bytes in the half hour since the boot; a fallen counter says nothing"
    )
    assert rolled(database, end, "network_received")["mean"].tolist() == [3.0, 3.0, 3.0]


def test_upkeep_with_nothing_new_writes_nothing(database: sqlite3.Connection, path: Path) -> None:
    store.add_snapshot(database, fleet(NOON), config())
    store.maintain(database, NOON + hours(1), config())
    before = database.total_changes
    store.maintain(database, NOON + hours(1.1), config())
    assert database.execute("SELECT count(*) FROM rollups").fetchone()[0] > 0
    assert database.total_changes - before <= 3
