import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.anomaly import anomalies, anomalies_of

from . import monitored, series


def hourly(values):
    return pd.Series(values, pd.date_range("2026-09-01", periods=len(values), freq="h"))


def noise(n=720, seed=0, phi=0.0):
    return series.ar1(np.random.default_rng(seed), n, phi)


def flagged(one):
    return np.flatnonzero(anomalies(one)["flag"]).tolist()


def test_a_spike_is_flagged_where_it_is_and_nothing_else():
    values = 100 + noise()
    values[500] += 12
    assert flagged(hourly(values)) == [500]


def test_a_dip_is_as_unusual_as_a_spike():
    values = 100 + noise()
    values[500:502] -= 12
    assert set(flagged(hourly(values))) == {500, 501}


def test_the_value_of_noon_is_unusual_at_night():
    hour = np.arange(720) % 24
    values = 100 + 10.0 * ((hour >= 9) & (hour < 17)) + noise()
    values[26 * 24 + 3] += 10
    assert flagged(hourly(values)) == [26 * 24 + 3]


def test_a_slow_burst_counts_by_its_sum():
    values = 100 + noise()
    values[500:512] += 4.0
    score = anomalies(hourly(values))["score"]
    assert 500 <= int(score.argmax()) < 512
    assert flagged(hourly(values))


@pytest.mark.parametrize("seed", range(6))
def test_a_burst_that_is_over_is_told_no_longer(seed):
    values = 100 + noise(seed=seed)
    values[500:508] += 5
    found = flagged(hourly(values))
    assert set(found) & set(range(500, 508))
    assert not set(found) & set(range(510, 524))


def test_eight_hours_of_one_value_are_stuck():
    values = 100 + noise()
    values[500:515] = values[500]
    assert flagged(hourly(values)) == list(range(507, 515))


def test_a_series_of_few_values_is_not_stuck():
    assert flagged(hourly(np.round(noise()))) == []


def test_errors_are_counts():
    rng = np.random.default_rng(2)
    values = rng.poisson(0.3, 720).astype(float)
    values[500:503] = 5
    found = flagged(hourly(values))
    assert set(found) >= {500, 501, 502}
    assert len(found) <= 4


def test_nothing_is_judged_on_the_first_day_and_nothing_that_was_not_measured():
    values = 100 + noise()
    values[300:320] = np.nan
    found = anomalies(hourly(values))
    assert found["score"].iloc[:24].isna().all()
    assert found["score"].iloc[300:320].isna().all()
    assert found["score"].iloc[24:300].notna().all()
    assert found["flag"].dtype == bool


def test_a_level_becomes_usual_after_a_day():
    found = flagged(hourly(100 + noise() + 10.0 * (np.arange(720) >= 400)))
    assert found
    assert min(found) == 400
    assert max(found) < 424


def test_five_minutes_and_days():
    n = 4032
    fine = pd.Series(50 + noise(n, 1, 0.7), pd.date_range("2026-03-02", periods=n, freq="5min"))
    fine.iloc[3000:3003] += 12
    assert set(flagged(fine)) >= {3000, 3001, 3002}
    daily = pd.Series(100 + noise(300), pd.date_range("2026-01-01", periods=300, freq="D"))
    daily.iloc[250] += 12
    assert flagged(daily) == [250]


def test_rows_may_lie_beside_the_hour_and_out_of_order():
    rng = np.random.default_rng(4)
    index = pd.date_range("2026-09-01", periods=720, freq="h") + pd.to_timedelta(rng.uniform(-90, 90, 720), unit="s")
    one = pd.Series(100 + noise(), index)
    one.iloc[500] += 12
    assert flagged(one) == [500]
    mixed = anomalies(one.sample(frac=1, random_state=1))
    assert mixed.index[mixed["flag"]].tolist() == [index[500]]


@settings(max_examples=15, deadline=None)
@given(st.floats(-1e9, 1e9), st.integers(0, 400))
def test_a_constant_has_no_anomaly(value, n):
    assert flagged(hourly(np.full(n, value))) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 719), st.sampled_from(series.KINDS), st.integers(0, 50))
def test_what_comes_after_changes_nothing_before(cut, kind, seed):
    one = series.labelled(kind, seed).series
    whole, part = anomalies(one).iloc[:cut], anomalies(one.iloc[:cut])
    pd.testing.assert_frame_equal(whole, part, check_freq=False)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(9)))
def test_permuting_the_columns_permutes_the_answers(order):
    frame = series.frame(series.fleet(series.KINDS, [1]))
    mixed, plain = anomalies_of(frame.iloc[:, list(order)]), anomalies_of(frame)
    pd.testing.assert_frame_equal(mixed.score, plain.score.iloc[:, list(order)])
    pd.testing.assert_frame_equal(mixed.flag, plain.flag.iloc[:, list(order)])


def test_one_column_is_the_single_series():
    frame = series.frame(series.fleet(series.KINDS, [2]))
    together = anomalies_of(frame)
    for name in frame:
        alone = anomalies(frame[name])
        assert np.allclose(alone["score"], together.score[name], equal_nan=True)
        assert alone["flag"].tolist() == together.flag[name].tolist()


@pytest.mark.parametrize(
    ("kind", "least"),
    [("spike", 0.7), ("dip", 0.68), ("counts", 0.7), ("stuck", 0.7), ("unusual-hour", 0.45), ("burst", 0.28)],
)
def test_what_was_planted_in_a_fleet_is_found(kind, least):
    fleet = series.fleet([kind], range(9000, 9080))
    flags = anomalies_of(series.frame(fleet)).flag.to_numpy()
    found = [flags[e.first : e.last + 1, k].any() for k, one in enumerate(fleet) for e in one.events]
    assert np.mean(found) > least


def test_a_thousand_clean_series_have_fewer_than_three_hundred_false_events_a_month():
    flags = anomalies_of(series.frame(series.fleet(["clean"], range(30_000, 31_000)))).flag.to_numpy()
    events = 0
    for column in flags.T:
        at = np.flatnonzero(column)
        events += len(at) and 1 + int((np.diff(at) > 3).sum())
    assert events < 300


def test_three_hours_of_half_as_much_again_are_found_in_a_latency_that_strays_by_a_tenth():
    rng = np.random.default_rng(5)
    values = 40 * np.exp(0.1 * series.ar1(rng, 720, 0.3))
    values[500:503] *= 1.5
    assert set(flagged(hourly(values))) & {500, 501, 502}
    values = 40 * np.exp(0.1 * series.ar1(rng, 720, 0.3))
    values[500:503] /= 1.6
    assert set(flagged(hourly(values))) & {500, 501, 502}


def test_noise_that_is_louder_for_hours_is_found_though_no_value_is():
    values = 100 + noise()
    values[500:512] = 100 + 2.6 * np.array([1, -1, 1.2, -1, -1, 1, -1.3, 1, 1, -1, 1, -1])
    assert set(flagged(hourly(values))) & set(range(500, 512))


def test_busy_hours_may_stray_more_than_quiet_ones():
    rng = np.random.default_rng(8)
    busy = 1 + 9.0 * ((np.arange(1440) % 24 >= 9) & (np.arange(1440) % 24 < 17))
    calls = np.round(2000 * busy * np.exp(0.1 * rng.normal(size=1440)))
    assert len(flagged(hourly(calls))) <= 2
    calls[50 * 24 + 3] *= 2  # far less than the busy hours stray
    assert 50 * 24 + 3 in flagged(hourly(calls))


def test_the_first_weekends_of_a_weekly_series_are_no_alarm():
    index = pd.date_range("2026-09-01", periods=15 * 24, freq="h")
    office = (index.hour >= 9) & (index.hour < 17) & (index.day_of_week < 5)
    values = pd.Series(100 + 12.0 * office + noise(len(index)), index)
    assert not anomalies(values)["flag"].any()


def test_what_happened_on_three_days_is_usual():
    values = 100 + noise(960, 3)
    for day in range(12, 40, 4):
        values[day * 24 + 11 * (day % 3)] += 12
    found = {at // 24 for at in flagged(hourly(values))}
    assert {12, 16} <= found
    assert not found & set(range(26, 40))


def test_the_first_failed_check_after_days_without_one_is_told_and_no_catastrophe():
    values = np.ones(720)
    values[600] = 59 / 60
    found = anomalies(hourly(values))
    assert np.flatnonzero(found["flag"]).tolist() == [600]
    assert found["score"].max() < 8


def test_noise_grows_with_a_level_that_has_risen():
    rng = np.random.default_rng(4)
    values = 50 * (1 + 0.05 * rng.normal(size=720)) * np.where(np.arange(720) < 400, 1, 2.2)
    assert {at for at in flagged(hourly(values)) if not 400 <= at < 424} == set()


@settings(max_examples=10, deadline=None)
@given(st.floats(1e-3, 1e4), st.integers(0, 40), st.sampled_from(["spike", "dip", "burst", "unusual-hour"]))
def test_another_unit_changes_no_flag(factor, seed, kind):
    one = series.labelled(kind, seed).series
    assert flagged(one * factor) == flagged(one)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_hour_of_the_clock_counts_when_the_clocks_change(zone):
    index = pd.date_range("2026-03-01", periods=60 * 24, freq="h", tz="UTC").tz_convert(zone)
    office = (index.hour >= 9) & (index.hour < 17)
    values = pd.Series(100 + 12.0 * office + noise(len(index), 2), index)
    assert int(anomalies(values)["flag"].sum()) <= 1


def test_twice_the_same_hour_is_one_hour():
    values = hourly(100 + noise())
    values.iloc[500] += 12
    twice = pd.concat([values, values])
    assert {str(at) for at in twice.index[anomalies(twice)["flag"]]} == {str(values.index[500])}


@pytest.mark.parametrize(("per_day", "days", "each", "most"), [(24, 30, 20, 0.4), (288, 14, 5, 1.0)])
def test_monitored_series_of_many_kinds_are_quiet(per_day, days, each, most):
    kinds = monitored.KINDS.keys() - {"memory", "deployments"}  # restarts and releases are events
    events = 0
    for kind in sorted(kinds):
        for seed in range(60_000, 60_000 + each):
            one = monitored.monitored(kind, "clean", seed, per_day=per_day, days=days).series
            at = np.flatnonzero(anomalies(one)["flag"])
            events += len(at) and 1 + int((np.diff(at) > per_day // 8).sum())
    assert events / (len(kinds) * each * days / 30) < most
