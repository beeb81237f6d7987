"""Real calls: added up by hour and source, never counted twice, kept by the hour and then by the day."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report import buckets, counts, store
from caelum_report.model import Bookmark, Usage

from .given import NOON, config, fleet

HOUR = NOON.replace(minute=0, second=0, microsecond=0)


def calls(tool: str = "add", *seconds: float, hour: datetime = HOUR, errors: int = 0, **more: str) -> Usage:
    found: dict[int, int] = {}
    for each in seconds:
        found[counts.bucket_of(each)] = found.get(counts.bucket_of(each), 0) + 1
    return Usage(
        hour, more.get("server", "alpha"), tool, more.get("source", "tap"), len(seconds), errors,
        sum(seconds), max(seconds, default=0.0), tuple(sorted(found.items())),
    )  # fmt: skip


def stored(database: sqlite3.Connection, *snapshots: tuple[Usage, ...]) -> int:
    for number, usage in enumerate(snapshots):
        snapshot = replace(fleet(NOON + timedelta(minutes=5 * number)), usage=usage)
        last = store.add_snapshot(database, snapshot, config())
    return last


def test_what_ends_later_is_added_to_the_hour_in_which_it_began(database: sqlite3.Connection) -> None:
    last = stored(database, (calls("add", 1.0, 2.0), calls("feed", 3.0)), (calls("add", 9.0, errors=1),))
    usage = store.history(database, last).usage.set_index("tool")
    assert usage.loc["add", ["calls", "errors", "seconds", "max"]].tolist() == [3, 1, 12.0, 9.0]
    assert buckets.quantile(usage.loc["add", "buckets"], 0.5) == pytest.approx(2.0, rel=0.021)
    assert usage.loc["feed", "calls"] == 1
    assert usage["hour"].unique().tolist() == [HOUR]


def test_bookmarks_come_back_as_they_were_left_and_go_with_their_rows_or_not_at_all(
    database: sqlite3.Connection,
) -> None:
    marks = (Bookmark("tap", "1:2", "10"), Bookmark("claude-code", "1:2", "x"))
    store.add_snapshot(database, replace(fleet(NOON), bookmarks=marks), config())
    store.add_snapshot(database, replace(fleet(NOON), bookmarks=(Bookmark("tap", "1:2", "20"),)), config())
    assert store.remember(database, NOON).bookmarks == {("tap", "1:2"): "20", ("claude-code", "1:2"): "x"}
    bad = replace(fleet(NOON), usage=(calls("add", 1.0),), bookmarks=(Bookmark("tap", "1:2", None),))  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.add_snapshot(database, bad, config())
    assert store.remember(database, NOON).bookmarks[("tap", "1:2")] == "20"
    assert database.execute("SELECT count(*) FROM usage").fetchone() == (0,)


def test_after_a_year_an_hour_is_part_of_its_day(database: sqlite3.Connection) -> None:
    day = HOUR.replace(hour=0)
    stored(database, tuple(calls("add", 1.0 + n, hour=day + timedelta(hours=n)) for n in range(24)))
    for _ in range(2):
        store.maintain(database, NOON + timedelta(days=366), config())
    assert database.execute("SELECT hour, calls, total_us, max_us FROM usage").fetchall() == [
        (int(day.timestamp()) * 1_000_000, 24, 300_000_000, 24_000_000)
    ]
    (blob,) = database.execute("SELECT buckets FROM usage").fetchone()
    assert buckets.total(blob) == 24


def test_usage_follows_a_name_and_is_forgotten_with_it(database: sqlite3.Connection) -> None:
    last = stored(database, (calls("add", 1.0), calls("add", 5.0, server="old")))
    database.execute("UPDATE servers SET name = 'old' WHERE name = (SELECT min(name) FROM servers)")
    store.rename_server(database, "old", "alpha")
    assert store.history(database, last).usage[["server", "calls", "seconds"]].to_numpy().tolist() == [
        ["alpha", 2, 6.0]
    ]
    store.forget_server(database, "alpha")
    assert len(store.history(database, last).usage) == 0


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_both_ways_of_counting_agree(values: list[float]) -> None:
    mine = [counts.bucket_of(value) for value in values]
    assert mine == pytest.approx(buckets.bucket_of(np.array(values, float)).tolist(), abs=1)  # a logarithm's last digit
    whole = counts.merge(*(counts.pack({bucket: 1}) for bucket in mine))
    assert whole == buckets.merge([counts.pack({bucket: 1}) for bucket in mine])
