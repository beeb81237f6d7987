"""What clocks, sensors and exporters do to a series: every public function answers rightly or is silent, and warns of nothing."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.anomaly import anomalies
from caelum_report.analyse.bottleneck import rank
from caelum_report.analyse.forecast import forecast
from caelum_report.analyse.limit import time_to_limit
from caelum_report.analyse.season import profile
from caelum_report.analyse.shift import level_shifts
from caelum_report.analyse.trend import trend

START = pd.Timestamp("2026-03-02")
HOURS = 720
FUNCTIONS: dict[str, Callable[[pd.Series], object]] = {
    "trend": trend,
    "level_shifts": level_shifts,
    "anomalies": anomalies,
    "forecast": lambda one: forecast(one, 24),
    "time_to_limit": lambda one: time_to_limit(one, 200.0),
    "profile": profile,
}


def hourly(values, zone=None):
    return pd.Series(values, pd.date_range(START, periods=len(values), freq="h", tz=zone))


def usual(at=400, size=20.0):
    """A day's wave, noise, and a step up."""
    here = np.arange(HOURS)
    return 100 + 5 * np.sin(2 * np.pi * here / 24) + np.random.default_rng(5).normal(size=HOURS) + size * (here >= at)


def with_a_row(at, value=3.0):
    return pd.concat([hourly(usual()), pd.Series([value], [pd.Timestamp(at)])])


def with_value(value, at=350):
    values = usual()
    values[at] = value
    return hourly(values)


def without_a_time():
    one = hourly(usual())
    times = one.index.to_list()
    times[5] = pd.NaT
    return pd.Series(one.to_numpy(), pd.DatetimeIndex(times))


def irregular():
    seconds = np.cumsum(np.random.default_rng(3).uniform(600, 6600, HOURS))
    return pd.Series(usual(), START + pd.to_timedelta(seconds, unit="s"))


SPOILED = {
    "a row of 1970": lambda: with_a_row("1970-01-01"),
    "a row of 2106": lambda: with_a_row("2106-02-07"),
    "a row without a time": without_a_time,
    "a value of 1e300": lambda: with_value(1e300),
    "an infinite value": lambda: with_value(-np.inf),
    "unsorted": lambda: hourly(usual()).sample(frac=1, random_state=1),
    "rows twice": lambda: pd.concat([hourly(usual()), hourly(usual()).iloc[100:300]]),
    "another resolution": lambda: hourly(usual()).set_axis(pd.date_range(START, periods=HOURS, freq="h").as_unit("s")),
    "a zone with summer time": lambda: hourly(usual(), "Europe/Berlin"),
    "a night's gap": lambda: hourly(np.where(abs(np.arange(HOURS) - 205) < 5, np.nan, usual())),
    "irregular": irregular,
    "single precision": lambda: hourly(usual().astype(np.float32)),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_the_step_is_found_however_the_series_is_spoiled(spoiled):
    one = SPOILED[spoiled]()
    (found,) = level_shifts(one)
    assert one.index.tz == found.at.tz
    assert abs(found.at - hourly(usual(), one.index.tz).index[400]) <= pd.Timedelta(
        "26h" if spoiled == "irregular" else "2h"
    )
    assert found.after - found.before == pytest.approx(20, abs=1)


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_trend_is_found_however_the_series_is_spoiled(spoiled):
    one = SPOILED[spoiled]()
    hours = (one.index.tz_localize(None) - START) / pd.Timedelta("1h")
    rising = one + np.where(np.abs(hours) < 2 * HOURS, hours, 0.0) * 0.05 - np.where(one > 112, 20.0, 0.0)
    found = trend(rising)
    assert found.direction == "up"
    assert 0.9 < found.slope_per_day < 1.5


@pytest.mark.parametrize("spoiled", [name for name in SPOILED if name != "a row of 2106"])
def test_the_next_day_is_foretold_however_the_series_is_spoiled(spoiled):
    told = forecast(SPOILED[spoiled](), 24)
    assert told.notna().all(axis=None)
    assert (told["lower"] <= told["mean"]).all()
    assert (told["mean"] <= told["upper"]).all()
    assert told["mean"].between(110, 130).all()


def test_the_newest_row_is_believed_so_nothing_is_foretold_after_a_row_of_2106():
    assert forecast(with_a_row("2106-02-07"), 24).isna().all(axis=None)
    assert time_to_limit(with_a_row("2106-02-07"), 200.0) is None


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [1e296, 1.7e306, 1e-300, 1e-320])
def test_what_no_unit_makes_is_no_measurement(name, size):
    one = hourly((usual() - 90) * size)
    if name == "anomalies":
        assert not anomalies(one).flag.any()
    elif name == "forecast":
        assert not np.isfinite(forecast(one, 24)).any(axis=None) or (forecast(one, 24) == 0).all(axis=None)
    elif name == "trend":
        assert trend(one).direction in {"unknown", "none"}
    else:
        assert not FUNCTIONS[name](one)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    "index",
    [
        pd.DatetimeIndex([START] * 40),
        pd.DatetimeIndex([pd.NaT] * 40),
        pd.date_range(START, periods=40, freq="ms"),
        pd.date_range("1700-01-01", periods=40, freq="5YS"),
    ],
)
def test_times_that_say_nothing_give_no_finding(name, index):
    found = FUNCTIONS[name](pd.Series(np.arange(40.0), index))
    if name == "trend":
        assert found.direction in {"unknown", "up"}
    elif isinstance(found, pd.DataFrame):
        assert len(found) in {0, 24, 40}
    else:
        assert not found


VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-3, 3).map(float),
    st.floats(90, 110),
    st.just(np.nan),
)
TIMES = st.one_of(
    st.integers(0, 2_000_000),
    st.integers(0, 300).map(lambda hour: hour * 3600),
    st.sampled_from([-1_772_409_600, 2_000_000_000]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TIMES, VALUES), max_size=80), st.sampled_from([None, "UTC", "America/Sao_Paulo"]))
def test_no_series_breaks_a_function(rows, zone):
    index = pd.DatetimeIndex([START + pd.Timedelta(seconds=seconds) for seconds, _ in rows], tz=zone)
    one = pd.Series([value for _, value in rows], index, dtype=np.float64)
    for name, function in FUNCTIONS.items():
        found = function(one)
        if name == "anomalies":
            assert found.index.equals(one.index)
            assert not found.flag[one.isna()].any()
        elif name == "level_shifts":
            assert all(shift.at in one.index and shift.before != shift.after for shift in found)
            assert all(0 <= shift.p <= 1 for shift in found)
        elif name == "forecast":
            there = found.dropna()
            assert ((there["lower"] <= there["mean"]) & (there["mean"] <= there["upper"])).all()
        elif name == "time_to_limit" and found is not None:
            assert found.earliest <= found.eta <= found.latest


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(200)))
def test_the_order_of_the_rows_changes_no_answer(order):
    one = hourly(usual(at=120)[:200])
    mixed = one.iloc[list(order)]
    assert level_shifts(mixed) == level_shifts(one)
    assert trend(mixed) == trend(one)
    assert profile(mixed) == profile(one)
    pd.testing.assert_frame_equal(forecast(mixed, 12), forecast(one, 12))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=30), st.integers(-5, 40), st.booleans())
def test_no_frame_breaks_the_ranking(rows, first, drawn):
    frame = pd.DataFrame(rows, pd.date_range(START, periods=len(rows), freq="h"), ["a|latency", "b|latency", "b|calls"])
    suspects = rank(frame, START + pd.Timedelta(hours=first), "a|latency", {"a": ["b"], "b": ["a"]} if drawn else None)
    assert all(0 < suspect.score <= 1 for suspect in suspects)
    assert suspects == [] or sum(suspect.score for suspect in suspects) == pytest.approx(1, abs=0.02)
