"""The grid of a run: one cell an hour in the fleet's zone, closed hours from roll-ups, the newest from checks, holes as holes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from caelum_report import store
from caelum_report.analyse import ROLLED_UP
from caelum_report.analyse.facts import Facts, gather
from caelum_report.analyse.readings import Reading
from caelum_report.analyse.tracks import rollups
from caelum_report.model import Failure, Snapshot

from .past import HOUR, NOW, config, history, host_sample, hourly, probe, server, snapshot


def facts(snapshots: list[Snapshot], *names: str, **said: object) -> Facts:
    it = config(*(server(name) for name in names or ("alpha",)), **said)
    past = history(snapshots)
    return gather(snapshots[-1], past, it, rollups(past, ROLLED_UP))


def test_every_check_is_in_its_hour_and_the_last_cell_is_this_run() -> None:
    it = facts([snapshot(NOW - 2 * HOUR, probe(latency=0.2)), snapshot(NOW, probe(latency=0.1))]).readings
    latency = it.column("alpha", "latency")
    assert latency is not None
    assert latency.index[-1] == NOW
    assert str(latency.index.tz) == "Europe/Berlin"
    assert latency.tolist() == pytest.approx([0.2, np.nan, 0.1], nan_ok=True)
    tail = it.column("alpha", "latency_p95")
    assert tail is not None
    assert tail.tolist() == pytest.approx([0.22, np.nan, 0.11], nan_ok=True)
    memory = it.column("", "host_memory")
    assert memory is not None
    assert memory.iloc[-1] == pytest.approx(100 * 13 / 32)


def test_a_failed_check_is_a_hole_not_a_zero() -> None:
    broken = [*hourly(3, probe(), until=NOW - HOUR), snapshot(NOW, probe(failure=Failure.CONNECT_ERROR, latency=None))]
    latency = facts(broken).readings.column("alpha", "latency")
    assert latency is not None
    assert np.isnan(latency.iloc[-1])
    assert latency.notna().sum() == 3


def test_a_slower_cadence_has_wider_cells() -> None:
    twice_a_day = [snapshot(NOW - n * 12 * HOUR, probe()) for n in reversed(range(6))]
    it = facts(twice_a_day, every_seconds=43_200.0).readings
    assert it.step_seconds == 43_200
    assert it.frame.shape[0] == 6


def test_an_hour_that_is_not_over_is_left_out_where_runs_are_dense() -> None:
    minutes = [snapshot(NOW - timedelta(minutes=5 * n), probe()) for n in reversed(range(40))]
    it = facts(minutes, every_seconds=300.0).readings
    assert it.frame.index[-1] == NOW - HOUR


def test_what_was_never_measured_has_no_column() -> None:
    it = facts([replace_host(snapshot(NOW, probe()))]).readings
    assert it.column("alpha", "rss") is None
    assert all(key.metric.startswith("latency") for key in it.keys)
    assert len(facts([replace_host(snapshot(NOW))]).readings) == 0


def replace_host(it: Snapshot) -> Snapshot:
    return Snapshot(it.at, it.host, it.program_version, it.method_version, it.probes, None, it.seconds)


def test_the_chosen_metrics_of_the_last_days_keep_their_names() -> None:
    it = facts(hourly(100, probe("alpha"), probe("beta")), "alpha", "beta").readings
    chosen = it.only({"latency"}, days=2)
    assert chosen.keys == (Reading("alpha", "latency"), Reading("beta", "latency"))
    assert chosen.frame.shape == (48, 2)
    assert chosen.frame.index[-1] == NOW


def test_roll_ups_and_checks_tell_the_same(tmp_path: Path) -> None:
    """Through the real store: what the roll-ups hold is what the raw rows would say."""
    it = config(server("alpha"), database=str(tmp_path / "h.sqlite"))
    at = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    rng = np.random.default_rng(3)
    snapshots = [
        snapshot(at - n * HOUR, probe(latency=float(rng.uniform(0.1, 0.3))), host_sample=host_sample())
        for n in reversed(range(60))
    ]
    with store.open_store(it.database) as database:
        for each in snapshots:
            number = store.add_snapshot(database, each, it)
        store.maintain(database, at, it)
        stored = store.history(database, number, ROLLED_UP)
    rolled = gather(snapshots[-1], stored, it, rollups(stored, ROLLED_UP)).readings
    raw = facts(snapshots).readings
    assert rolled.frame.index.equals(raw.frame.index)
    for metric in ("latency", "latency_p95"):
        one, other = rolled.column("alpha", metric), raw.column("alpha", metric)
        assert one is not None
        assert other is not None
        assert one.tolist() == pytest.approx(other.tolist(), rel=1e-5)
