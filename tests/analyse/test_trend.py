import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.trend import trend, trends

from . import series


def hourly(values):
    return pd.Series(values, pd.date_range("2026-09-01", periods=len(values), freq="h"))


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def test_a_rise_of_two_a_day_is_a_rise_of_two_a_day():
    hour = np.arange(720)
    found = trend(hourly(100 + 2 * hour / 24 + 10 * np.sin(2 * np.pi * hour / 24) + noise(720)))
    assert found.direction == "up"
    assert found.slope_per_day == pytest.approx(2, abs=0.1)
    assert found.low < 2 < found.high
    assert found.p < 1e-6


def test_significant_but_small_is_no_trend():
    found = trend(hourly(1000 + 0.5 * np.arange(720) / 24 + noise(720)))
    assert found.p < 0.001
    assert found.direction == "none"


def test_spikes_at_the_end_are_no_trend():
    values = 100 + noise(720)
    values[-12:] += 80
    assert trend(hourly(values)).direction == "none"


def test_a_slower_cadence_and_holes_change_nothing():
    days = np.arange(30)
    one = pd.Series(100 - 1.5 * days + noise(30), pd.date_range("2026-09-01", periods=30, freq="D"))
    assert trend(one).direction == "down"
    one.iloc[[3, 4, 17]] = np.nan
    assert trend(one).slope_per_day == pytest.approx(-1.5, abs=0.2)


@pytest.mark.parametrize(
    "values",
    [[], [1.0], np.arange(11.0), np.arange(20.0), np.full(100, np.nan), np.where(np.arange(100) % 7 < 3, 1.0, np.nan)],
)
def test_too_little_history_says_nothing(values):
    assert trend(hourly(np.asarray(values, float)[:23])).direction == "unknown"


def test_much_missing_is_not_assessed():
    values = 100 + np.arange(720.0)
    values[100:400] = np.nan
    assert trend(hourly(values)).direction == "unknown"


@settings(max_examples=20, deadline=None)
@given(st.floats(-1e6, 1e6), st.integers(24, 400))
def test_a_constant_has_no_trend(value, n):
    assert trend(hourly(np.full(n, value))).direction == "none"


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(6)))
def test_permuting_the_columns_permutes_the_answers(order):
    frame = series.frame(series.fleet(["drift", "clean"], range(3)))
    plain = trends(frame)
    assert trends(frame.iloc[:, list(order)]) == [plain[k] for k in order]


def test_one_column_is_the_single_series():
    frame = series.frame(series.fleet(["drift", "shift"], range(4)))
    for k, found in enumerate(trends(frame)):
        alone = trend(frame.iloc[:, k])
        assert alone.direction == found.direction
        assert alone.slope_per_day == pytest.approx(found.slope_per_day)
        assert alone.p == pytest.approx(found.p)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_flat_autocorrelated_noise_is_called_significant_as_rarely_as_alpha_says(phi):
    rng = np.random.default_rng(17)
    frame = pd.DataFrame(np.column_stack([50 + series.ar1(rng, 720, phi) for _ in range(300)]))
    frame.index = pd.date_range("2026-09-01", periods=720, freq="h")
    assert np.mean([found.p < 0.05 for found in trends(frame)]) < 0.08  # three standard errors above 0.05


def test_drifts_of_a_fleet_are_found_with_honest_intervals():
    fleet = series.fleet(["drift"], range(9000, 9100))
    found = trends(series.frame(fleet))
    right = [f.direction == ("up" if one.slope_per_day > 0 else "down") for f, one in zip(found, fleet, strict=True)]
    held = [f.low <= one.slope_per_day <= f.high for f, one in zip(found, fleet, strict=True)]
    assert np.mean(right) > 0.95
    assert np.mean(held) > 0.88


def test_rare_errors_are_called_a_trend_as_rarely_as_alpha_says():
    counts = np.random.default_rng(0).poisson(0.3, (720, 300)).astype(float)
    frame = pd.DataFrame(counts, pd.date_range("2026-09-01", periods=720, freq="h"))
    assert np.mean([found.p < 0.05 for found in trends(frame)]) < 0.08
