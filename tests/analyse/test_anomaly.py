import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.anomaly import anomalies, anomalies_of

from . import series


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
    ("kind", "least"), [("spike", 0.7), ("dip", 0.45), ("counts", 0.65), ("stuck", 0.7), ("unusual-hour", 0.3)]
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
