"""What is foretold, in which words, and how it is judged: known courses, simulated time, the real store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caelum_report import analyse, store
from caelum_report.analyse.foretelling import LEVEL, STEP, bands, in_words
from caelum_report.analyse.readings import Reading
from caelum_report.analyse.record import Course, records, scores
from caelum_report.configured import Config
from caelum_report.document import Passage, Report
from caelum_report.model import Disk, Snapshot

from .past import HOUR, NOW, config, forecasts, history, host_sample, probe, server, snapshot

DAY = timedelta(days=1)
GB = 10**9


def disk(percent: float) -> Disk:
    return Disk("/var", "sdb1", 100 * GB, round(percent * GB))


def filling(days: int, per_day: float, last: float = 80.0, *, every: int = 3, noise: float = 0.0) -> list[Snapshot]:
    """A disk that fills by so many points a day and is at `last` now."""
    chance = np.random.default_rng(7)
    ages = range(days * 24, -1, -every)
    return [
        snapshot(
            NOW - HOUR * age,
            probe(),
            host_sample=host_sample(disks=(disk(last - per_day * age / 24 + chance.normal(0, noise)),)),
        )
        for age in ages
    ]


def told(snapshots: list[Snapshot], settings: Config | None = None, **said: object) -> Report:
    past = history(snapshots, **said)  # type: ignore[arg-type]
    return analyse.report(snapshots[-1], past.snapshot, past, settings or config(server(), every_seconds=10800.0), ())


class TestLooming:
    def test_a_disk_that_fills_has_a_date_with_a_range(self) -> None:
        report = told(filling(20, 1.0, 85.0, noise=0.4))
        (found,) = report.looming
        assert found.what == "Disk /var of here reaches 95\xa0%"
        assert found.earliest <= NOW + 10 * DAY <= found.latest
        assert found.when.startswith("in\xa010\xa0days")
        assert found.page == "host.html"
        assert found.record == "80\xa0% range; none of this kind has come due yet"

    def test_a_disk_that_stands_still_has_none(self) -> None:
        assert told(filling(20, 0.0, 85.0, noise=0.4)).looming == ()

    def test_one_snapshot_foretells_nothing(self) -> None:
        report = told(filling(0, 1.0))
        assert (report.looming, report.forecasts, report.records) == ((), (), ())
        assert "third day" in report.empty.looming

    def test_nothing_looming_says_what_was_looked_at(self) -> None:
        assert "None of 2 figures with a limit has a date" in told(filling(20, 0.0)).empty.looming

    def test_no_server_and_no_host_is_whole(self) -> None:
        alone = [snapshot(NOW - 3 * HOUR * n, host_sample=None) for n in reversed(range(40))]
        report = told(alone, config())
        assert (report.looming, report.forecasts) == ((), ())

    def test_answers_that_slow_towards_their_objective_have_a_date(self) -> None:
        chance = np.random.default_rng(3)
        slow = [
            snapshot(NOW - HOUR * age, probe(latency=0.3 - 0.004 * age / 24 + chance.normal(0, 0.003)))
            for age in range(20 * 24, -1, -3)
        ]
        one = server(latency_objective_seconds=0.34)
        (found,) = told(slow, config(one, every_seconds=10800.0)).looming
        assert found.what == "alpha answers slower than its objective of 340\xa0ms"
        assert found.earliest - DAY <= NOW + 10 * DAY <= found.latest + DAY

    @pytest.mark.parametrize(
        ("hours", "expected"),
        [
            ((216, 144, 360), "in 9 days (6–15)"),
            ((30, 20, 44), "in 30 hours (20–44)"),
            ((240, 240, 240), "in 10 days"),
            ((0.2, 0.1, 0.4), "within the hour"),
        ],
    )
    def test_the_words(self, hours: tuple[float, float, float], expected: str) -> None:
        assert in_words(NOW, Passage(*(NOW + HOUR * h for h in hours))).replace("\xa0", " ") == expected


class TestCharts:
    def test_the_band_follows_the_last_measurement_for_half_a_range(self) -> None:
        report = told(filling(40, 0.2, noise=0.3))
        charts = {c.range: c for c in report.hosts[0].charts if c.metric == "disk_used"}
        assert [name for name, chart in charts.items() if chart.forecast.at] == ["week", "month"]
        for name, days in (("week", 3.5), ("month", 15)):
            ahead = charts[name].forecast
            first, last = ahead.at[0], ahead.at[-1]  # noqa: PD008  no frame
            assert NOW.timestamp() < first < last <= (NOW + days * DAY).timestamp()
            assert all(a <= b <= c for a, b, c in zip(ahead.low, ahead.mid, ahead.high, strict=True))
            assert "90 % interval" in charts[name].forecast_note.replace("\xa0", " ")

    def test_it_reaches_half_as_far_as_the_history(self) -> None:
        chart = next(c for c in told(filling(10, 0.2, noise=0.3)).hosts[0].charts if c.forecast.at)
        assert max(chart.forecast.at) <= (NOW + 5 * DAY).timestamp()

    def test_the_record_is_said_beside_it_and_widens_it(self) -> None:
        plain = told(filling(40, 0.2, noise=0.3))
        rows = [
            (k, "/var", "disk_used", NOW - 40 * DAY, NOW - (1 + k % 30) * DAY, 0.9, 39.0, 40.0, 41.0, np.nan, 30.0, 1.0,
             True, float(k % 4 == 0), 40.0 + (0.5 if k % 4 == 0 else 3.0))
            for k in range(1, 201)
        ]  # fmt: skip
        learned = told(filling(40, 0.2, noise=0.3), forecasts=forecasts(*rows))
        before, after = (
            next(c for c in r.hosts[0].charts if c.metric == "disk_used" and c.range == "week")
            for r in (plain, learned)
        )
        assert after.forecast_note.endswith("held 25\xa0% of 200 points.")
        width = [np.array(c.forecast.high) - np.array(c.forecast.mid) for c in (before, after)]
        assert np.allclose(width[1], 3 * width[0], rtol=0.02)

    def test_what_is_no_better_than_as_now_is_not_shown(self) -> None:
        rows = [
            (
                k,
                "/var",
                "disk_used",
                NOW - 40 * DAY,
                NOW - DAY,
                0.9,
                20.0,
                40.0,
                90.0,
                np.nan,
                30.0,
                1.0,
                True,
                1.0,
                31.0,
            )
            for k in range(1, 61)
        ]
        report = told(filling(40, 0.2, noise=0.3), forecasts=forecasts(*rows))
        (record,) = report.records
        assert record.silent
        assert {chart.metric for chart in report.hosts[0].charts if chart.forecast.at} == {"host_memory"}


HOURS3 = Course((Reading("/var", "disk_used"),), np.arange(100.0)[None, :], 0.0, STEP)


def waiting(due: float, lower: float, upper: float, limit: float = np.nan, made: float = 0.0) -> pd.DataFrame:
    at = [pd.Timestamp(moment, unit="s", tz="UTC") for moment in (made, due)]
    middle = (lower + upper) / 2
    return forecasts(
        (1, "/var", "disk_used", *at, LEVEL, lower, middle, upper, limit, np.nan, 1.0, False, np.nan, np.nan)
    )


class TestScores:
    def test_a_value_is_compared_with_the_cell_that_ended_when_it_fell_due(self) -> None:
        (score,) = scores(waiting(51 * STEP, 49.5, 50.5), HOURS3, 100 * STEP)
        assert (score.held, score.actual) == (True, 50.0)
        (score,) = scores(waiting(51 * STEP, 50.5, 60.0), HOURS3, 100 * STEP)
        assert (score.held, score.actual) == (False, 50.0)

    def test_what_is_not_due_waits(self) -> None:
        assert list(scores(waiting(51 * STEP, 0, 1), HOURS3, 51 * STEP - 1)) == []

    def test_without_a_measurement_it_cannot_be_judged(self) -> None:
        gone = Course((), np.empty((0, 100)), 0.0, STEP)
        assert list(scores(waiting(51 * STEP, 0, 1), gone, 51 * STEP + 3600)) == []
        (score,) = scores(waiting(51 * STEP, 0, 1), gone, 51 * STEP + 90_000)
        assert (score.held, score.actual) == (None, None)

    def test_a_date_is_judged_when_its_limit_is_reached(self) -> None:
        (score,) = scores(waiting(90 * STEP, 70 * STEP, 90 * STEP, limit=80.0), HOURS3, 100 * STEP)
        assert (score.held, score.actual) == (True, 80.5 * STEP)
        (score,) = scores(waiting(95 * STEP, 90 * STEP, 95 * STEP, limit=80.0), HOURS3, 82 * STEP)
        assert score.held is False

    def test_a_date_that_passes_did_not_hold(self) -> None:
        assert list(scores(waiting(90 * STEP, 70 * STEP, 90 * STEP, limit=200.0), HOURS3, 89 * STEP)) == []
        (score,) = scores(waiting(90 * STEP, 70 * STEP, 90 * STEP, limit=200.0), HOURS3, 91 * STEP)
        assert (score.held, score.actual) == (False, None)


def test_reports_foretell_once_a_day_and_judge_once(tmp_path: Path) -> None:
    """Two weeks of a filling disk through the real store, a report every twelve hours from the tenth day on."""
    settings = config(server(latency_objective_seconds=0.5), every_seconds=10800.0, database=str(tmp_path / "h.db"))
    with store.open_store(settings.database) as connection, store.batch(connection):
        for number, shot in enumerate(filling(16, 0.5, noise=0.2)):
            snapshot_id = store.add_snapshot(connection, shot, settings)
            if number >= 80 and number % 4 == 0:
                store.maintain(connection, shot.at, settings)
                past = store.history(connection, snapshot_id, analyse.ROLLED_UP)
                last = analyse.report(shot, snapshot_id, past, settings, ())
                store.save_report(connection, last)
        made = connection.execute(
            "SELECT metric, reports.at / 86400000000, due_at - reports.at, count(*) FROM forecasts "
            "JOIN series ON series.id = series JOIN reports ON reports.number = report WHERE reaches IS NULL GROUP BY 1, 2, 3"
        ).fetchall()
        judged = connection.execute("SELECT due_at, scored_by IS NOT NULL, reports.at FROM forecasts "
                                    "LEFT JOIN reports ON number = scored_by WHERE reaches IS NULL").fetchall()  # fmt: skip
    assert {metric for metric, *_ in made} == {"disk_used", "host_memory", "latency"}
    assert {count for *_, count in made} == {1}
    now = NOW.timestamp() * 1e6
    assert all(bool(scored) == (due <= now) for due, scored, _ in judged)
    assert all(at - due < 13 * 3600e6 for due, scored, at in judged if scored)
    record = {r.metric: r for r in last.records if r.kind == "value"}["disk_used"]
    assert record.n >= 5
    assert record.held / record.n > 0.6
    assert record.sentence == f"the 90\xa0% interval held {record.held} of {record.n} points"


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say_and_learn_where_they_do_not() -> None:
    """Twelve seeded series of every kind, foretold every day for 70 days; each judged by what came."""
    chance = np.random.default_rng(11)
    cells, per_day, series = 130 * 8, 8, 36
    hours = np.arange(cells) * 3
    day, week = np.sin(2 * np.pi * hours / 24), (hours // 24 % 7 >= 5)
    noise = chance.normal(0, 1, (series, cells))
    for cell in range(1, cells):
        noise[:, cell] += 0.7 * noise[:, cell - 1]
    walk = 0.2 * np.cumsum(chance.normal(0, 1, (series, cells)), axis=1)
    kind = np.arange(series) % 3
    points = 100 + noise + np.where(kind[:, None] == 0, 6 * day, 0) + np.where(kind[:, None] == 1, walk, 0)
    points += np.where(kind[:, None] == 2, 8 * week + 0.01 * hours, 0)
    keys = tuple(Reading(str(n), "host_load") for n in range(series))
    known, adapted = forecasts(), []
    for today in range(60, 129):
        course = Course(keys, points[:, : today * per_day], 0.0, STEP)
        fresh = list(scores(known, course, course.end))
        by_number = {score.forecast: score for score in fresh}
        record = {r.metric: r for r in records(known, fresh)}
        low, middle, high = bands(course, record)
        rows = [
            (0, key.subject, key.metric, *(pd.Timestamp(s, unit="s", tz="UTC") for s in (course.end, course.end + d * 86400)),
             LEVEL, low[n, d * 8 - 1], middle[n, d * 8 - 1], high[n, d * 8 - 1], np.nan, course.points[n, -1],
             record["host_load"].widened if record else 1.0, False, np.nan, np.nan)
            for n, key in enumerate(keys) for d in (1, 7)
        ]  # fmt: skip
        merged = [
            (*row[:12], True, float(bool(by_number[row[0]].held)), by_number[row[0]].actual)
            if row[0] in by_number
            else row
            for row in known.itertuples(index=False, name=None)
        ]
        known = forecasts(*merged, *((len(merged) + k, *row[1:]) for k, row in enumerate(rows, 1)))
        if today > 90:
            adapted += [score.held for score in fresh]
    assert 0.86 <= np.mean(adapted) <= 0.94
