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


@pytest.mark.parametrize(("per_day", "days", "each"), [(24, 30, 20), (288, 14, 5)])
def test_monitored_series_of_many_kinds_are_quiet(per_day, days, each):
    kinds = monitored.KINDS.keys() - {"deployments"}  # they are events
    events = 0
    for kind in sorted(kinds):
        for seed in range(60_000, 60_000 + each):
            one = monitored.monitored(kind, "clean", seed, per_day=per_day, days=days).series
            at = np.flatnonzero(anomalies(one)["flag"])
            events += len(at) and 1 + int((np.diff(at) > per_day // 8).sum())
    assert events / (len(kinds) * each * days / 30) < 0.3


# --- data as they come ----------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([1e-70, 1e-30, 1e30, 1e70]), st.integers(0, 20))
def test_values_as_large_and_as_small_as_units_go_are_judged_like_others(factor, seed):
    values = 100 + noise(seed=seed)
    values[500] += 14
    assert flagged(hourly(values * factor)) == flagged(hourly(values))


def test_a_value_beyond_all_others_is_flagged_and_spoils_nothing():
    values = 100 + noise()
    values[300], values[301], values[500] = -1e75, 1e75, 114
    assert flagged(hourly(values)) == [300, 301, 500]


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 719),
    st.sampled_from(["1970-01-01", "1677-09-22", "2199-06-05T04:03", "2262-04-11", None]),
    st.sampled_from(["spike", "burst", "counts"]),
)
def test_a_stamp_of_a_wrong_clock_leaves_the_others_as_they_are(row, stamp, kind):
    one = series.labelled(kind, 3).series
    strayed = one.copy()
    times = one.index.to_list()
    times[row] = pd.NaT if stamp is None else pd.Timestamp(stamp)
    strayed.index = pd.DatetimeIndex(times)
    found, without = anomalies(strayed), anomalies(one.drop(one.index[row]))
    assert np.isnan(found["score"].iloc[row])
    assert not found["flag"].iloc[row]
    rest = np.delete(np.arange(720), row)
    assert np.allclose(found["score"].to_numpy()[rest], without["score"], equal_nan=True)
    assert found["flag"].to_numpy()[rest].tolist() == without["flag"].tolist()


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(series.KINDS),
    st.lists(
        st.tuples(st.integers(0, 719), st.integers(1, 300), st.sampled_from([np.nan, np.inf, -np.inf])), max_size=4
    ),
)
def test_what_was_not_measured_has_no_score_and_all_else_a_finite_one(kind, runs):
    one = series.labelled(kind, 5).series
    for first, length, value in runs:
        one.iloc[first : first + length] = value
    found = anomalies(one)
    measured = np.isfinite(one.to_numpy())
    assert found["score"][~measured].isna().all()
    assert not found["flag"][~measured].any()
    scored = measured & (np.cumsum(measured) > 48)
    assert np.isfinite(found["score"][scored]).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=24))
def test_a_day_or_less_is_not_judged(values):
    found = anomalies(hourly(np.array(values, float)))
    assert found["score"].isna().all()
    assert not found["flag"].any()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_irregular_times_in_any_order_are_judged(seed):
    rng = np.random.default_rng(seed)
    at = pd.Timestamp("2026-09-01") + pd.to_timedelta(np.cumsum(rng.exponential(3600, 800)), unit="s")
    one = pd.Series(100 + noise(800, seed), at)
    one.iloc[600:602] += 16
    found = anomalies(one.sample(frac=1, random_state=seed)).sort_index()
    assert found["flag"].iloc[600:602].any()
    assert found["flag"].sum() <= 8


def test_a_summer_without_values_is_no_reason_to_forget():
    index = pd.date_range("2026-03-02", periods=480, freq="h")
    index = index.append(pd.date_range("2027-03-01", periods=240, freq="h"))
    office = (index.hour >= 9) & (index.hour < 17)
    values = pd.Series(100 + 12.0 * office + noise(), index)
    values.iloc[600] = 130
    assert flagged(values) == [600]


@pytest.mark.parametrize("index", [pd.RangeIndex(48), pd.period_range("2026-09-01", periods=48, freq="h")])
def test_what_has_no_times_is_refused(index):
    with pytest.raises(TypeError, match="needs a DatetimeIndex"):
        anomalies(pd.Series(np.zeros(48), index))


# --- what series do by themselves -----------------------------------------------------------------------------------


def test_a_job_of_every_night_is_no_alarm_while_it_is_new():
    values = 100 + noise(240)
    values[np.arange(240) % 24 == 3] += 40
    assert flagged(hourly(values)) == []


def test_the_first_workday_after_a_weekend_alone_is_not_judged():
    values = pd.Series(100 + noise(120), pd.date_range("2026-09-05", periods=120, freq="h"))  # a Saturday
    values[values.index.day_of_week < 5] += 60
    found = anomalies(values)
    assert found["score"]["2026-09-07"].isna().all()
    assert found["score"]["2026-09-08":].notna().all()
    assert not found["flag"].any()


@pytest.mark.parametrize("per_day", [24, 288])
def test_memory_that_is_freed_every_few_days_is_no_alarm(per_day):
    rng, n = np.random.default_rng(7), 21 * per_day
    tooth = (np.arange(n) + per_day) % (4 * per_day) / (4 * per_day)
    values = 800 * (1 + 0.3 * tooth) * (1 + 0.004 * rng.normal(size=n))
    one = pd.Series(values, pd.date_range("2026-09-01", periods=n, freq=pd.Timedelta(days=1) / per_day))
    assert len({at // per_day for at in flagged(one)}) <= 1
    one.iloc[18 * per_day : 18 * per_day + per_day // 8] = 0  # far below where it begins again
    assert set(flagged(one)) & set(range(18 * per_day, 18 * per_day + per_day // 8))


def test_one_value_of_five_minutes_may_be_a_slip_and_two_may_not():
    one = pd.Series(100 + noise(2880), pd.date_range("2026-09-01", periods=2880, freq="5min"))
    slip, spike = one.copy(), one.copy()
    slip.iloc[2500] += 7
    spike.iloc[2500:2502] += 7
    assert flagged(slip) == []
    assert set(flagged(spike)) & {2500, 2501, 2502}


def test_counts_may_stray_more_in_one_hour_than_in_others():
    rng = np.random.default_rng(11)
    busy = np.arange(1440) % 24 == 9
    values = rng.poisson(np.where(busy, 12 * rng.gamma(1.5, 1 / 1.5, 1440), 4.0)).astype(float)
    assert len({at // 24 for at in flagged(hourly(values))}) <= 1
