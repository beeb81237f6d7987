import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.shift import level_shifts, level_shifts_of

from . import monitored, series


def hourly(values):
    return pd.Series(values, pd.date_range("2026-09-01", periods=len(values), freq="h"))


def noise(n, seed=0, phi=0.0):
    return series.ar1(np.random.default_rng(seed), n, phi)


def planted(n=720, at=300, size=5.0, phi=0.5):
    return 100 + noise(n, 3, phi) + size * (np.arange(n) >= at)


def test_the_first_point_of_the_new_level_is_named():
    one = hourly(planted())
    (found,) = level_shifts(one)
    assert found.at == one.index[300]
    assert found.before == pytest.approx(100, abs=0.5)
    assert found.after == pytest.approx(105, abs=0.5)
    assert found.p < 1e-4


def test_there_and_back_are_two():
    one = hourly(planted() - 5.0 * (np.arange(720) >= 500))
    assert [s.at for s in level_shifts(one)] == [one.index[300], one.index[500]]


def test_an_incident_of_eight_hours_is_no_level():
    values = 100 + noise(720)
    values[300:308] += 20
    assert level_shifts(hourly(values)) == []


def test_a_drift_is_no_shift():
    assert level_shifts(hourly(100 + noise(720) + np.arange(720) / 60)) == []


def test_weekends_are_no_shifts():
    one = hourly(100 + noise(900))
    one -= 6.0 * (one.index.day_of_week >= 5)
    assert level_shifts(one) == []


@pytest.mark.parametrize("days", [9, 13, 16, 20])
@pytest.mark.parametrize("start", ["2026-09-02", "2026-09-05T06:00", "2026-09-06T12:00"])  # Wednesday, Saturday, Sunday
def test_weekends_are_no_shifts_before_a_week_can_be_learned(start, days):
    index = pd.date_range(start, periods=days * 24, freq="h")
    values = 100 + noise(len(index)) - 6.0 * (index.day_of_week >= 5)
    assert level_shifts(pd.Series(values, index)) == []


def test_a_level_that_began_on_a_saturday_and_stays_is_a_shift_in_the_first_weeks_too():
    index = pd.date_range("2026-09-02", periods=14 * 24, freq="h")
    values = 100 + noise(len(index)) + 6.0 * (index >= "2026-09-05")
    assert [s.at for s in level_shifts(pd.Series(values, index))] == [pd.Timestamp("2026-09-05")]


def test_finer_and_coarser_cadences():
    rng = np.random.default_rng(3)
    n = 4032
    wave = 10 * np.sin(2 * np.pi * np.arange(n) / 288)
    fine = pd.Series(50 + wave + 3 * series.ar1(rng, n, 0.7), pd.date_range("2026-03-02", periods=n, freq="5min"))
    fine.iloc[2000:] += 15
    (found,) = level_shifts(fine)
    assert abs(found.at - fine.index[2000]) <= pd.Timedelta("15min")
    daily = pd.Series(100 + noise(200), pd.date_range("2026-01-01", periods=200, freq="D"))
    daily.iloc[120:] += 6
    assert [s.at for s in level_shifts(daily)] == [daily.index[120]]


def test_a_step_in_a_level_that_wanders_is_found_in_its_hour():
    wandering = 50 + 2 * noise(720, 5, 0.97) + 3 * np.sin(2 * np.pi * np.arange(720) / 24)
    assert level_shifts(hourly(wandering)) == []
    one = hourly(wandering + 5.0 * (np.arange(720) >= 300))
    (found,) = level_shifts(one)
    assert found.at == one.index[300]
    assert found.after - found.before == pytest.approx(5, abs=1.5)


def test_a_step_up_is_found_among_a_saws_teeth():
    saw = 300 + np.arange(720) % 100 + noise(720)
    assert level_shifts(hourly(saw)) == []
    one = hourly(saw + 120.0 * (np.arange(720) >= 340))
    assert [s.at for s in level_shifts(one)] == [one.index[340]]


def test_a_jump_that_is_gone_after_two_days_is_no_level():
    wandering = 50 + 2 * noise(720, 5, 0.97)
    wandering[300:324] += 6.0
    assert level_shifts(hourly(wandering)) == []


@pytest.mark.parametrize(("before", "after"), [(0.3, 1.2), (1.5, 0.3), (2.0, 3.5), (0.2, 0.0)])
def test_rare_events_that_become_more_or_fewer_are_shifts_with_their_means(before, after):
    rate = np.where(np.arange(960) < 480, before, after)
    one = hourly(np.random.default_rng(3).poisson(rate).astype(float))
    (found,) = level_shifts(one)
    assert abs(found.at - one.index[480]) <= pd.Timedelta("24h")
    assert found.after - found.before == pytest.approx(after - before, rel=0.5)
    assert found.before != found.after


@pytest.mark.parametrize(
    ("kind", "least"), [("temperature", 0.25), ("memory", 0.8), ("rare errors", 0.6), ("counts", 0.8), ("p95", 0.65)]
)
def test_shifts_of_monitored_series_are_found(kind, least):
    shifted = [monitored.monitored(kind, "shift", seed) for seed in range(81_000, 81_040)]
    there = []
    for one in shifted:
        ((first, _),) = one.events
        there.append(any(abs(one.series.index.get_loc(s.at) - first) <= 12 for s in level_shifts(one.series)))
    assert np.mean(there) >= least


@pytest.mark.slow
def test_clean_monitored_series_have_a_false_shift_in_twenty_months_at_most():
    clean = [one.series for one in monitored.every(("clean",), range(82_000, 82_020)) if not one.steps]
    assert sum(len(level_shifts(one)) for one in clean) <= 0.05 * len(clean)


def test_holes_at_the_shift_move_it_to_the_first_measured_point():
    values = planted()
    values[300:306] = np.nan
    one = hourly(values)
    assert [s.at for s in level_shifts(one)] == [one.index[306]]


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 9.0] * 8, np.full(400, np.nan)])
def test_too_little_history_has_no_shift(values):
    assert level_shifts(hourly(np.asarray(values, float))) == []


def test_much_missing_is_not_assessed():
    values = planted()
    values[350:600] = np.nan
    assert level_shifts(hourly(values)) == []


@settings(max_examples=15, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e4), st.integers(0, 30))
def test_shifting_and_scaling_moves_no_change_point(offset, factor, seed):
    one = series.labelled("shift", seed).series
    assert [s.at for s in level_shifts(one * factor + offset)] == [s.at for s in level_shifts(one)]


@settings(max_examples=15, deadline=None)
@given(st.floats(-1e9, 1e9), st.integers(0, 800))
def test_a_constant_has_no_shift(value, n):
    assert level_shifts(hourly(np.full(n, value))) == []


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(8)))
def test_permuting_the_columns_permutes_the_answers(order):
    frame = series.frame(series.fleet(["shift", "clean"], range(4)))
    plain = level_shifts_of(frame)
    assert [[s.at for s in found] for found in level_shifts_of(frame.iloc[:, list(order)])] == [
        [s.at for s in plain[k]] for k in order
    ]


def test_shifts_of_a_fleet_are_found_where_they_are():
    fleet = series.fleet(["shift"], range(9000, 9100))
    frame = series.frame(fleet)
    found = [[frame.index.get_loc(s.at) for s in each] for each in level_shifts_of(frame)]
    there = [
        any(abs(at - true) <= 12 for at in ats) for ats, one in zip(found, fleet, strict=True) for true in one.shifts
    ]
    right = [
        any(abs(at - true) <= 12 for true in one.shifts) for ats, one in zip(found, fleet, strict=True) for at in ats
    ]
    assert np.mean(there) > 0.85
    assert np.mean(right) > 0.92


@pytest.mark.slow
def test_a_thousand_clean_series_have_fewer_than_fifty_false_shifts_a_month():
    frame = series.frame(series.fleet(["clean"], range(30_000, 31_000)))
    assert sum(map(len, level_shifts_of(frame))) < 50
