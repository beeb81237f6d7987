"""What a chart draws: the right rows, thinned honestly, with holes as holes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report import analyse
from caelum_report.analyse.charts import MOST_POINTS, bucketed, chart, ranges_of, rounded
from caelum_report.analyse.host_tracks import rates
from caelum_report.analyse.tracks import Pool, Rollups, Track, join, measured, measurements, rollups, single
from caelum_report.buckets import PAIR, bucket_of
from caelum_report.document import Chart, Limit

from .past import HOUR, NOW, ROLLUPS, config, history, hourly, probe, rolled_up, server, snapshot

END = NOW.timestamp()
NONE = Rollups({})


def rolled(metric: str, level: str, values: list[float], *, subject: str = "alpha", until: float = END) -> pd.DataFrame:
    """One roll-up an hour or a day, ending at `until`, of five measurements each."""
    step = 3600 if level == "hour" else 86_400
    rows = []
    for n, value in enumerate(values):
        spread = np.array([0.8, 0.9, 1.0, 1.1, 1.2]) * value
        buckets, counts = np.unique(bucket_of(spread), return_counts=True)
        blob = np.empty(len(buckets), PAIR)
        blob["bucket"], blob["count"] = buckets, counts
        at = pd.Timestamp(until - step * (len(values) - n), unit="s", tz="UTC")
        rows.append(
            (
                level,
                "here",
                subject,
                metric,
                at,
                5,
                spread[0],
                value,
                spread[4],
                spread[0],
                value,
                spread[4],
                blob.tobytes(),
            )
        )
    return pd.DataFrame(rows, columns=list(ROLLUPS))


def draw(track: Track, name: str = "day", metric: str = "latency", rolls: Rollups = NONE, **said: object) -> Chart:
    return chart(name, metric, track, rolls, END, subject="alpha", interval=3600.0, **{"key": "alpha", **said})  # type: ignore[arg-type]


def hourly_track(values: list[float]) -> Track:
    return measured(END - 3600.0 * np.arange(len(values) - 1, -1, -1), np.array(values))


def test_a_day_is_drawn_as_it_was_measured() -> None:
    drawn = draw(hourly_track([1.0] * 30 + [2.0] * 23 + [5.0]), limit=Limit(4.0, "objective"))
    assert len(drawn.points.at) == 24
    assert drawn.points.mid[-1] == 5.0
    assert max(drawn.points.at) == END
    assert (drawn.n, drawn.interval_seconds) == (24, 3600)
    assert [(s.label, s.value) for s in drawn.stats] == [("Last", 5.0), ("Median", 2.0), ("p95", 2.0), ("Max", 5.0)]
    assert drawn.ghost.mid == (1.0,) * 24
    assert max(drawn.ghost.at) <= END


def test_a_hole_stays_a_hole() -> None:
    values = [1.0] * 24
    values[5:12] = [float("nan")] * 7
    assert len(draw(hourly_track(values)).points.at) == 17


def test_nothing_measured_is_said_instead_of_drawn() -> None:
    assert draw(hourly_track([])).empty == "Nothing measured yet."
    old = measured(np.array([END - 40 * 86_400]), np.array([1.0]))
    drawn = draw(old)
    assert drawn.empty == "No data since 13 October 2026."
    assert drawn.points.at == ()
    assert drawn.stats == ()


def test_dense_checks_become_at_most_352_points_and_the_last_is_the_last() -> None:
    minutes = measured(END - 60.0 * np.arange(1439, -1, -1), np.linspace(1, 2, 1440))
    drawn = draw(minutes)
    assert 200 < len(drawn.points.at) <= MOST_POINTS
    assert (max(drawn.points.at), drawn.points.mid[-1]) == (END, 2.0)
    assert drawn.n == 1440


def test_percentiles_of_a_bucket_are_those_of_its_measurements() -> None:
    pool = Pool(np.array([7.0, 1.0, 1.0, 1.0, 1.0, 9.0, 1.0]), np.ones(7, np.int64))  # the first is of nobody here
    track = Track(
        np.array([0.0, 10.0, 20.0]),
        np.array([1.0, 5.0, 2.0]),
        *(np.ones(3) for _ in range(3)),
        np.array([4.0, 2.0, 3.0]),
        np.array([1, 5, 0]),
        np.array([4, 2, 0]),
        pool,
    )
    track = join(track.rows(slice(0, 2)), single(np.array([20.0]), np.array([2.0])))
    assert measurements(track).quantiles((0.5, 1.0)) == [1.0, 9.0]
    assert [part.tolist() for part in measurements(track).quantiles_by(np.array([0, 1, 1]), (0.0, 0.5, 1.0))] == [
        [1.0, 1.0],
        [1.0, 2.0],
        [1.0, 9.0],
    ]


def test_a_months_p95_is_the_p95_of_its_measurements() -> None:
    values = [1.0] * 700 + [100.0] * 20
    rolls = rollups(history(hourly(1), **rolled_up(rolled("latency", "hour", values))), ["latency"])
    drawn = draw(hourly_track([]), "month", rolls=rolls)
    stats = {s.label: s.value for s in drawn.stats}
    everything = np.concatenate([np.array([0.8, 0.9, 1.0, 1.1, 1.2]) * v for v in values])
    assert stats["p95"] == pytest.approx(np.quantile(everything, 0.95, method="inverted_cdf"), rel=0.03)
    assert stats["Median"] == pytest.approx(1.0, rel=0.03)
    assert drawn.n == 3600
    assert drawn.band == "p5–p95"


def test_what_no_rollup_has_yet_comes_from_the_checks() -> None:
    rolls = rollups(
        history(hourly(1), **rolled_up(rolled("latency", "hour", [1.0] * 100, until=END - 3 * 3600))), ["latency"]
    )
    drawn = draw(hourly_track([2.0] * 50), "month", rolls=rolls)
    assert len(drawn.points.at) == 104  # 100 hours and the checks of 10:00 to 13:00
    assert drawn.points.mid[-4:] == (2.0,) * 4


def test_a_year_is_days_then_hours_then_checks() -> None:
    frame = pd.concat(
        [
            rolled("latency", "hour", [2.0] * 40, until=END),
            rolled("latency", "day", [1.0] * 60, until=END - 13 * 3600),
        ]
    )
    drawn = draw(hourly_track([3.0]), "year", rolls=rollups(history(hourly(1), **rolled_up(frame)), ["latency"]))
    assert len(drawn.points.at) == 60 + 13 + 1
    assert drawn.points.mid[0] == 1.0
    assert drawn.points.mid[-2:] == (2.0, 3.0)


def test_a_dip_survives_the_year_view() -> None:
    values = [50.0] * 400
    values[200] = 5.0
    rolls = rollups(history(hourly(1), **rolled_up(rolled("host_memory", "day", values, subject=""))), ["host_memory"])
    drawn = draw(hourly_track([]), "year", "host_memory", rolls, key="")
    assert len(drawn.points.at) < 130
    assert min(drawn.points.low) == 4.0  # 0.8 x 5


@given(
    st.lists(st.tuples(st.floats(0, 3e6), st.floats(1e-6, 1e12)), min_size=1, max_size=60),
    st.sampled_from([0.0, 60.0, 3600.0, 86_400.0]),
)
@settings(deadline=None)
def test_thinning_keeps_what_was_measured(rows: list[tuple[float, float]], width: float) -> None:
    at, values = (np.array(column) for column in zip(*sorted(rows), strict=True))
    whole = measured(at, values)
    thin = bucketed(whole, width, percentiles=False)
    assert thin.n.sum() == len(rows)
    assert (thin.low.min(), thin.high.max()) == (values.min(), values.max())
    assert np.all(np.diff(thin.time) > 0) or width == 0


@given(st.lists(st.floats(-1e15, 1e15, allow_subnormal=False), min_size=1, max_size=20))
def test_four_digits_are_kept(values: list[float]) -> None:
    kept = rounded(np.array(values))
    assert np.allclose(kept, values, rtol=6e-4, atol=1e-12)
    assert all(len(repr(abs(v))) <= 24 for v in kept)


def test_a_range_appears_when_the_history_outgrows_the_one_before() -> None:
    assert [len(ranges_of(days * 86_400)) for days in (0, 1, 1.1, 7.1, 30.1, 91.1, 4000)] == [1, 1, 2, 3, 4, 5, 5]


def test_rates_survive_a_restart() -> None:
    at = np.array([0.0, 10, 20, 30, 40])
    boot = np.array([0.0, 0, 0, 25, 25])
    values = rates(at, np.array([0.0, 100, 300, 50, 60]), boot)
    assert np.isnan(values[0])
    assert values[1:].tolist() == [10, 20, 10, 1]  # 50 bytes in the 5 seconds since the boot


def test_a_counter_that_falls_without_a_restart_says_nothing() -> None:
    values = rates(np.array([0.0, 10, 20]), np.array([100.0, 50, 80]), np.zeros(3))
    assert np.isnan(values[:2]).all()
    assert values[2] == 3


def test_a_server_and_its_host_have_their_charts() -> None:
    snapshots = hourly(60, probe())
    it = config(server(latency_objective_seconds=0.5))
    made = analyse.report(snapshots[-1], 60, history(snapshots), it, ())
    names = [c.id for c in made.servers[0].charts]
    assert names == ["latency-day", "latency-week", "list-day", "connect-day"]
    assert made.servers[0].charts[0].limit == Limit(0.5, "objective")
    host = [c.id for c in made.hosts[0].charts]
    assert len(host) == len(set(host))
    assert {"host-cpu-day", "host-memory-week", "host-load-day"} <= set(host)


def test_incidents_lie_behind_the_line() -> None:
    from caelum_report.model import Failure

    snapshots = [
        snapshot(NOW - HOUR * n, probe(failure=Failure.TIMEOUT if n in (5, 6) else Failure.OK))
        for n in range(30, -1, -1)
    ]
    (span,) = analyse.report(snapshots[-1], 31, history(snapshots), config(server()), ()).servers[0].charts[0].spans
    assert (span.start, span.end - span.start) == (NOW - 6 * HOUR, timedelta(hours=2))


def test_a_caption_tells_how_much_of_the_range_there_is() -> None:
    assert draw(hourly_track([1.0] * 4)).caption.startswith("Answer time over the last 3\u00a0h: ")
    assert draw(hourly_track([1.0] * 24)).caption.startswith("Answer time over 24 hours: ")


def test_a_caption_begins_with_what_stands_out_now() -> None:
    assert draw(hourly_track([1.0] * 30 + [4.0])).caption.startswith(
        "Answer time is now 4\u00a0s, 4 times its median. Over 24 hours"
    )
    assert draw(hourly_track([1.0] * 31)).caption == (
        "Answer time over 24 hours: median 1\u00a0s, p95 1\u00a0s. At most 1\u00a0s; the day before the median was 1\u00a0s (no difference)."
    )
