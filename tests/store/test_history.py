"""What the analysis gets: exactly the frames of `History`, as of one snapshot."""

from __future__ import annotations

import hashlib
import inspect
import re
import sqlite3
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from caelum_report import codec, store
from caelum_report.document import ReportRef, StepReport
from caelum_report.errors import StoreError
from caelum_report.history import History
from caelum_report.model import STAGES, Failure, Note

from .given import NOON, config, fleet, host_sample, hours, process, report, snapshot, surface

FRAMES = ("snapshots", "probes", "states", "rollups", "host_samples", "disks", "networks", "marks")


def documented(frame: str) -> list[str]:
    """The columns that the docstring of `History` names."""
    text = inspect.cleandoc(History.__doc__ or "").replace(
        "one column of seconds per stage (dns … canary)", ", ".join(STAGES)
    )
    blocks = re.split(r"\n(?=[a-z_]+  )", text)
    (block,) = (block for block in blocks if re.match(rf"{frame}  ", block))
    block = re.sub(r"\([^()]*\)", "", block.split(maxsplit=1)[1])
    block = block.rsplit(": ", maxsplit=1)[-1]
    sentence = re.split(r"\. [A-Z]|\.\n", block)[0]
    return [name.strip().rstrip(".") for name in sentence.split(",")]


@pytest.fixture
def past(database: sqlite3.Connection) -> sqlite3.Connection:
    """Thirty hours of three servers; server-1 was down from 13:00 to 15:00."""
    for number in range(30):
        at = NOON + hours(number)
        failures = {"server-1": Failure.TIMEOUT} if 1 <= number <= 3 else {}
        run = fleet(at, failures)
        first = replace(run.probes[0], surface=surface("x", "y") if number >= 20 else surface("x"), process=process(7))
        host = host_sample(at, boot=NOON - hours(1), counter=number * 3600)
        store.add_snapshot(database, replace(run, probes=(first, *run.probes[1:]), host_sample=host), config())
        store.maintain(database, at, config())
    store.add_mark(database, NOON + hours(2), "deployed")
    return database


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("empty", [False, True])
def test_a_frame_has_the_documented_columns(past: sqlite3.Connection, frame: str, empty: bool) -> None:
    if empty:
        for table in ("probes", "disks", "networks", "host_samples", "marks", "rollups"):
            past.execute(f"DELETE FROM {table}")
    assert list(getattr(store.history(past, 30), frame).columns) == documented(frame)


def test_times_are_utc_and_durations_are_seconds(past: sqlite3.Connection) -> None:
    history = store.history(past, 30)
    times = {("states", "start"), ("states", "end"), ("host_samples", "boot_at"), ("probes", "certificate_expires_at")}
    for frame, column in times | {(frame, "at") for frame in FRAMES if frame != "states"}:
        assert str(getattr(history, frame)[column].dtype) == "datetime64[ns, UTC]"
    row = history.probes.iloc[0]
    assert (row["at"], row["server"], row["list"], row["latency_p50"]) == (pd.Timestamp(NOON), "server-0", 0.2, 0.04)
    assert (row["timings"], row["latency_n"], row["rss"], row["tokens"]) == (3, 3, 7, 10)
    assert history.timings[:3].tolist() == [0.04, 0.05, 0.01]
    assert len(history.timings) == history.probes["timings"].sum()
    assert np.isnan(row["tls"])
    assert row["certificate_expires_at"] is pd.NaT
    down = history.probes.query("failure == 'timeout'").iloc[0]
    assert (down["timings"], down["latency_n"]) == (0, 0)
    assert np.isnan(down["latency_p50"])
    assert history.networks["received"].tolist() == [3 * 3600 * number for number in range(30)]


def test_frames_are_ordered_by_time_also_when_the_clock_was_not(past: sqlite3.Connection) -> None:
    store.add_snapshot(past, fleet(NOON + hours(1.5)), config())
    last = store.add_snapshot(past, fleet(NOON + hours(31)), config())
    history = store.history(past, last)
    for frame in FRAMES:
        column = "start" if frame == "states" else "at"
        assert getattr(history, frame)[column].is_monotonic_increasing


def test_it_is_the_history_as_it_was_then(past: sqlite3.Connection) -> None:
    then = store.history(past, 3)
    at = pd.Timestamp(NOON + hours(2))
    assert then.probes["at"].max() == then.states["end"].max() == then.host_samples["at"].max() == at
    assert then.rollups["at"].max() < at.floor("h")
    assert (then.snapshot, then.snapshot_count, then.first_snapshot_at) == (3, 3, NOON)
    spans = {(row.server, row.status): row.checks for row in then.states.itertuples()}
    assert spans == {
        ("server-0", "up"): 3, ("server-1", "up"): 1, ("server-1", "down"): 2, ("server-2", "up"): 3
    }  # fmt: skip
    assert [version.snapshot for version in then.surfaces] == [1]
    assert [version.snapshot for version in store.history(past, 30).surfaces] == [1, 21]


def test_marks_show_from_their_time_on(past: sqlite3.Connection) -> None:
    assert store.history(past, 2).marks.empty
    assert store.history(past, 3).marks["text"].tolist() == ["deployed"]


def test_a_surface_comes_back_as_it_was(past: sqlite3.Connection) -> None:
    first, second = store.history(past, 30).surfaces
    assert (first.server, first.at, first.surface) == ("server-0", NOON, surface("x"))
    assert (second.at, second.surface) == (NOON + hours(20), surface("x", "y"))


def test_the_first_run_has_an_empty_past(database: sqlite3.Connection) -> None:
    history = store.history(database, store.add_snapshot(database, snapshot(NOON), config()))
    assert history.probes.empty
    assert history.rollups.empty
    assert (history.next_number, history.previous, history.previous_report, history.previous_run) == (
        1,
        None,
        None,
        None,
    )
    assert history.database_bytes > 0


# --- reports --------------------------------------------------------------------------------------------------------


def test_a_report_comes_back_byte_for_byte(database: sqlite3.Connection) -> None:
    first = report(1, store.add_snapshot(database, snapshot(NOON), config()), NOON)
    store.save_report(database, first)
    assert store.report_at(database) == codec.to_json(first)
    assert store.report_at(database, NOON + hours(5)) == codec.to_json(first)
    assert store.report_at(database, NOON - timedelta(seconds=1)) is None


def test_the_next_report_names_the_one_before_and_says_how_its_run_ended(database: sqlite3.Connection) -> None:
    first = report(1, store.add_snapshot(database, snapshot(NOON), config()), NOON)
    store.save_report(database, first)
    store.add_run_steps(database, 1, (StepReport("render", 9.0, "failed"),), ())
    store.add_run_steps(database, 1, (StepReport("render", 1.5, "64 files"),), (Note("no-dot", "dot is missing"),))
    store.add_snapshot(database, snapshot(NOON + hours(1)), config())
    history = store.history(database, store.add_snapshot(database, snapshot(NOON + hours(2)), config()))
    sha256 = hashlib.sha256(codec.to_json(first)).hexdigest()
    assert history.previous == ReportRef(first.id, 1, NOON, sha256)
    assert history.previous_report == first
    assert history.next_number == 2
    run = history.previous_run
    assert run is not None
    assert [(step.name, step.seconds) for step in run.steps] == [("prepare", 0.5), ("collect", 2.0), ("render", 1.5)]
    assert (run.seconds, [note.code for note in run.notes]) == (4.0, ["no-dot"])


def test_a_report_that_does_not_follow_the_last_one_is_refused(database: sqlite3.Connection) -> None:
    first = report(1, store.add_snapshot(database, snapshot(NOON), config()), NOON)
    store.save_report(database, first)
    second = store.add_snapshot(database, snapshot(NOON + hours(1)), config())
    for stranger in (first, report(2, second, NOON, None), report(2, second, NOON, ReportRef("r", 1, NOON, "0" * 64))):
        with pytest.raises(StoreError, match="does not follow"):
            store.save_report(database, stranger)
    store.save_report(database, report(2, second, NOON + hours(1), store.history(database, second).previous))
    chain = database.execute("SELECT sha256, previous_sha256 FROM reports ORDER BY number").fetchall()
    assert chain[0][1] is None
    assert chain[1][1] == chain[0][0]
