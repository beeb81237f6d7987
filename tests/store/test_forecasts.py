"""What was foretold comes back until it is judged, is judged once, and is let go in the end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from caelum_report import store
from caelum_report.document import Forecast, ReportRef, Score
from caelum_report.errors import StoreError
from caelum_report.store import database as file
from caelum_report.store import schema

from .given import NOON, config, fleet, hours, report

DISK = Forecast(
    server=False, subject="/", metric="disk_used", due_at=NOON + hours(24), level=0.9, lower=40.0, mean=41.0,
    upper=42.0, naive=40.5,
)  # fmt: skip
ANSWER = replace(
    DISK, server=True, subject="server-1", metric="latency", lower=0.01, mean=0.02, upper=0.05, widened=1.5
)
FULL = replace(DISK, lower=1.8e9, mean=1.9e9, upper=2e9, limit=95.0, naive=None, level=0.8)


def saved(connection: sqlite3.Connection, number: int, *forecasts: Forecast, scores: tuple[Score, ...] = ()) -> int:
    """One more snapshot and its report."""
    at = NOON + hours(number - 1)
    snapshot = store.add_snapshot(connection, fleet(at), config())
    before = store.history(connection, snapshot)
    document = report(number, snapshot, at, before.previous)
    store.save_report(connection, replace(document, forecasts=forecasts, scores=scores))
    return snapshot


def test_what_a_report_foretold_is_known_to_the_next_one(database: sqlite3.Connection) -> None:
    saved(database, 1, DISK, ANSWER, FULL)
    first = store.history(database, saved(database, 2)).forecasts
    assert first[["subject", "metric"]].to_numpy().tolist() == [
        ["/", "disk_used"], ["server-1", "latency"], ["/", "disk_used"],
    ]  # fmt: skip
    assert first["lower"].tolist() == [40.0, 0.01, 1.8e9]
    assert first["widened"].tolist() == [1.0, 1.5, 1.0]
    assert first["limit"].isna().tolist() == [True, True, False]
    assert first["made_at"].tolist() == [NOON] * 3
    assert first["due_at"].tolist() == [DISK.due_at] * 3
    assert not first["judged"].any()


def test_a_forecast_is_judged_once(database: sqlite3.Connection) -> None:
    saved(database, 1, DISK, ANSWER)
    saved(database, 2, scores=(Score(1, held=True, actual=41.5), Score(2, held=None, actual=None)))
    saved(database, 3, scores=(Score(1, held=False, actual=99.0),))
    known = store.history(database, saved(database, 4)).forecasts.set_index("id")
    assert known["judged"].tolist() == [True, True]
    assert known.loc[1, ["held", "actual"]].tolist() == [1.0, 41.5]
    assert np.isnan(known.loc[2, "held"])


def test_an_old_report_does_not_know_how_it_came_out(database: sqlite3.Connection) -> None:
    saved(database, 1, DISK)
    second = saved(database, 2, ANSWER, scores=(Score(1, held=True, actual=41.5),))
    then = store.history(database, second).forecasts
    assert then["id"].tolist() == [1]
    assert not then["judged"].any()
    assert then["actual"].isna().all()


def test_a_server_that_is_forgotten_takes_its_forecasts_along(database: sqlite3.Connection) -> None:
    saved(database, 1, DISK, ANSWER)
    store.forget_server(database, "server-1")
    assert database.execute("SELECT metric FROM forecasts JOIN series ON series.id = series").fetchall() == [
        ("disk_used",)
    ]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_forecasts_are_kept_for_a_quarter(database: sqlite3.Connection) -> None:
    saved(database, 1, DISK)
    store.maintain(database, DISK.due_at + hours(92 * 24), config())
    assert database.execute("SELECT count(*) FROM forecasts").fetchone() == (1,)
    store.maintain(database, DISK.due_at + hours(92 * 24 + 1), config())
    assert database.execute("SELECT count(*) FROM forecasts").fetchone() == (0,)


def test_a_report_that_does_not_follow_leaves_no_forecast(database: sqlite3.Connection) -> None:
    saved(database, 1, DISK)
    stray = replace(report(1, 1, NOON, ReportRef("other", 0, NOON, "0" * 64)), forecasts=(ANSWER,))
    with pytest.raises(StoreError):
        store.save_report(database, stray)
    assert database.execute("SELECT count(*) FROM forecasts").fetchone() == (1,)


def test_a_history_from_before_forecasts_gets_the_table(path: Path) -> None:
    old = [table for table in schema.TABLES if "forecasts" not in table]
    path.parent.mkdir()
    with closing(file.connect(str(path))) as connection:
        file.prepare(connection, str(path), old, ())
        store.add_snapshot(connection, fleet(NOON), config())
        file.prepare(connection, str(path), migrations=(schema.add_forecasts,))
        assert store.history(connection, 1).forecasts.empty
        saved(connection, 1, DISK)
        assert connection.execute("SELECT count(*) FROM forecasts").fetchone() == (1,)
