"""Forecasts and dates on series whose future is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.forecast import Crossing, crossings, forecast, forecasts, time_to_limit

HOUR = 3600.0
DAYS_30 = 720


def series(values, freq="h", start="2026-03-02", tz="UTC"):
    return pd.Series(np.asarray(values, float), index=pd.date_range(start, periods=len(values), freq=freq, tz=tz))


def wandering(rng, size, memory, spread):
    shocks = rng.normal(0, spread, size)
    values = np.zeros(size)
    for t in range(1, size):
        values[t] = memory * values[t - 1] + shocks[t]
    return values


def daily(size, seed=1):
    rng = np.random.default_rng(seed)
    t = np.arange(size)
    return 100 + 10 * np.sin(2 * np.pi * t / 24) + wandering(rng, size, 0.5, 2)


def of_every_kind(rng, size):
    """One series of each kind that monitoring knows."""
    t = np.arange(size)
    day = np.sin(2 * np.pi * (t / 24 + rng.random()))
    shifts = np.cumsum((rng.random(size) < 1 / 360) * rng.normal(0, 8, size))
    return np.array(
        [
            100 + 10 * day + wandering(rng, size, 0.6, 3),
            100 + 10 * day + 8 * rng.normal(0, 1, 7)[t // 24 % 7] + wandering(rng, size, 0.5, 2),
            50 + wandering(rng, size, 0.9, 1),
            100 + 5 * day + shifts + wandering(rng, size, 0.5, 2),
            100 + rng.normal(0, 0.06) * t + 4 * day + wandering(rng, size, 0.6, 1.5),
            1000 + np.cumsum(rng.normal(0, 1, size)),
            np.exp(3 + 0.3 * day + 0.4 * rng.normal(0, 1, size)),
        ]
    )


class TestForecast:
    def test_a_daily_rhythm_is_continued(self):
        values = daily(DAYS_30 + 48)
        found = forecast(series(values[:DAYS_30]), 48)
        truth = values[DAYS_30:]
        assert list(found.columns) == ["lower", "mean", "upper"]
        assert found.index[0] == pd.Timestamp("2026-04-01", tz="UTC")
        assert len(found) == 48
        assert np.abs(found["mean"] - truth).mean() < np.abs(values[DAYS_30 - 48 : DAYS_30] - truth).mean()
        assert ((found["lower"] <= truth) & (truth <= found["upper"])).mean() > 0.75
        assert (found["lower"] <= found["mean"]).all()
        assert (found["mean"] <= found["upper"]).all()

    def test_a_weekend_is_known_after_three_weeks(self):
        t = np.arange(28 * 24)
        values = np.where(t // 24 % 7 < 5, 50.0, 10.0) + np.random.default_rng(2).normal(0, 1, len(t))
        found = forecast(series(values), 168)["mean"].to_numpy()
        assert found[:120].mean() == pytest.approx(50, abs=3)
        assert found[120:].mean() == pytest.approx(10, abs=3)

    def test_a_steady_growth_goes_on(self):
        values = 10 + 0.1 * np.arange(DAYS_30) + np.random.default_rng(3).normal(0, 0.5, DAYS_30)
        found = forecast(series(values), 168)["mean"]
        assert found.iloc[-1] == pytest.approx(10 + 0.1 * (DAYS_30 + 167), rel=0.05)

    def test_a_constant_stays(self):
        found = forecast(series([7.0] * 50), 5)
        assert (found == 7.0).all(axis=None)

    def test_counts_never_fall_below_zero_but_balances_may(self):
        counts = np.random.default_rng(4).poisson(0.5, 400).astype(float)
        assert (forecast(series(counts), 24) >= 0).all(axis=None)
        assert (forecast(series(counts - 5), 24)["lower"] < -4).any()

    @pytest.mark.parametrize("size", [0, 1, 2, 11])
    def test_too_little_history_says_nothing(self, size):
        found = forecast(series(daily(size)), 6)
        assert found.isna().all(axis=None)
        assert list(found.columns) == ["lower", "mean", "upper"]

    def test_never_further_than_the_history_is_long(self):
        found = forecast(series(daily(40)), 60)
        assert found["mean"].notna().sum() == 40
        assert found["mean"].iloc[40:].isna().all()

    def test_not_measured_is_not_zero(self):
        values = daily(DAYS_30)
        values[100:104] = values[300:330] = np.nan
        found = forecast(series(values), 24)
        assert found["mean"].between(70, 130).all()

    def test_a_third_missing_is_not_assessed(self):
        values = daily(DAYS_30)
        values[np.random.default_rng(5).random(DAYS_30) < 0.4] = np.nan
        assert forecast(series(values), 24).isna().all(axis=None)

    def test_a_machine_that_sleeps_at_night_is_assessed(self):
        values = daily(DAYS_30)
        values[np.arange(DAYS_30) % 24 < 9] = np.nan
        assert forecast(series(values), 24)["mean"].iloc[9:].between(70, 130).all()

    def test_nothing_measured_at_all(self):
        assert forecast(series([np.nan] * 100), 3).isna().all(axis=None)

    def test_five_minutes_and_days_are_cadences_too(self):
        t = np.arange(6 * 288)
        found = forecast(series(20 + 5 * np.sin(2 * np.pi * t / 288), freq="5min"), 288)
        assert found["mean"].to_numpy() == pytest.approx(20 + 5 * np.sin(2 * np.pi * t[:288] / 288), abs=1)
        weekly = np.tile([5.0, 5, 5, 5, 5, 1, 1], 20) + np.random.default_rng(6).normal(0, 0.1, 140)
        found = forecast(series(weekly, freq="D", tz="Europe/Berlin"), 7)
        assert found["mean"].to_numpy() == pytest.approx([5, 5, 5, 5, 5, 1, 1], abs=0.5)
        assert (found.index.hour == 0).all()

    def test_a_scheduler_that_is_some_seconds_late_is_hourly(self):
        late = series(daily(DAYS_30))
        late.index += pd.to_timedelta(np.random.default_rng(7).integers(0, 40, DAYS_30), unit="s")
        found = forecast(late.sample(frac=1, random_state=1), 24)
        assert found["mean"].notna().all()
        assert found.index[1] - found.index[0] == pd.Timedelta(hours=1)

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 10**6), factor=st.floats(1e-3, 1e6), offset=st.floats(-1e3, 1e3))
    def test_scaling_and_shifting_the_data_scales_and_shifts_the_forecast(self, seed, factor, offset):
        values = daily(240, seed) - 1000  # below zero, and stays there
        plain = forecast(series(values), 24)
        moved = forecast(series((values - 1e4 + offset) * factor), 24)
        expected = (plain - 1e4 + offset) * factor
        assert np.allclose(moved, expected, rtol=1e-4, atol=1e-2 * factor)

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 10**6), cut=st.integers(12, 200))
    def test_truncating_the_future_changes_nothing(self, seed, cut):
        whole = series(daily(240, seed))
        known = whole.iloc[:cut]
        later = whole.copy()
        later.iloc[cut:] *= 1000
        pd.testing.assert_frame_equal(forecast(known, 12), forecast(later.iloc[:cut], 12))
        assert forecast(known, 12).index[0] > known.index[-1]

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10**6), order=st.permutations(range(7)))
    def test_permuting_the_series_permutes_the_forecasts(self, seed, order):
        values = of_every_kind(np.random.default_rng(seed), 300)
        values[1, :100] = np.nan
        values[3, :250] = np.nan
        straight = np.stack(forecasts(values, HOUR, 24))
        permuted = np.stack(forecasts(values[order], HOUR, 24))
        assert np.allclose(straight[:, order], permuted, rtol=1e-5, equal_nan=True)

    def test_one_series_alone_is_the_one_row_case_of_many(self):
        values = of_every_kind(np.random.default_rng(8), 400)
        lower, mean, upper = forecasts(values, HOUR, 24)
        for row, course in enumerate(values):
            alone = forecast(series(course), 24)
            assert np.allclose(alone, np.stack([lower[row], mean[row], upper[row]], axis=1), rtol=1e-5)

    @pytest.mark.parametrize(("size", "horizon"), [(720, 168), (720, 24), (336, 48), (336, 168)])
    def test_the_ninety_percent_range_holds_in_ninety_of_a_hundred(self, size, horizon):
        rng = np.random.default_rng(20_261_122)
        values = np.concatenate([of_every_kind(rng, size + horizon) for _ in range(50)])
        lower, mean, upper = forecasts(values[:, :size], HOUR, horizon)
        truth = values[:, size:]
        held = ((lower <= truth) & (truth <= upper)).mean()
        assert 0.87 <= held <= 0.93
        naive = values[:, size - 24 + np.arange(horizon) % 24]
        assert np.abs(mean - truth).mean(axis=1).sum() < 0.9 * np.abs(naive - truth).mean(axis=1).sum()

    def test_a_new_level_is_believed_after_a_day(self):
        values = daily(DAYS_30 + 168, seed=21)
        values[DAYS_30 - 30 :] += 60
        found = forecast(series(values[:DAYS_30]), 168)
        truth = values[DAYS_30:]
        assert np.abs(found["mean"] - truth).mean() < 5
        assert ((found["lower"] <= truth) & (truth <= found["upper"])).mean() > 0.8

    def test_an_hour_out_of_line_is_no_new_level(self):
        values = daily(DAYS_30, seed=22)
        values[-2:] += 60
        assert forecast(series(values), 48)["mean"].iloc[24:].between(80, 120).all()

    def test_what_wanders_is_not_levelled(self):
        """A walk has no level to break: the last value stays the best forecast, and the range grows with the distance."""
        rng = np.random.default_rng(23)
        values = 1000 + np.cumsum(rng.normal(0, 1, (60, DAYS_30 + 168)), axis=1)
        lower, mean, upper = forecasts(values[:, :DAYS_30], HOUR, 168)
        last = values[:, DAYS_30 - 1 : DAYS_30]
        truth = values[:, DAYS_30:]
        assert np.abs(mean - truth).mean() < 1.2 * np.abs(last - truth).mean()
        assert ((lower <= truth) & (truth <= upper)).mean() > 0.82
        assert (upper - lower)[:, -1].mean() > 3 * (upper - lower)[:, 5].mean()

    def test_skewed_values_have_their_median_in_the_middle(self):
        rng = np.random.default_rng(24)
        values = np.where(rng.random(DAYS_30 + 48) < 0.1, 500.0, 20.0) + rng.normal(0, 1, DAYS_30 + 48)
        found = forecast(series(values[:DAYS_30]), 48)
        assert found["mean"].median() == pytest.approx(20, abs=6)
        assert (found["upper"] > 100).all()

    @settings(max_examples=15, deadline=None)
    @given(
        seed=st.integers(0, 10**6),
        size=st.integers(12, 400),
        horizon=st.integers(1, 60),
        levels=st.tuples(st.floats(0.5, 0.99), st.floats(0.5, 0.99)),
    )
    def test_ranges_are_nested_and_hold_the_middle(self, seed, size, horizon, levels):
        values = of_every_kind(np.random.default_rng(seed), size)
        inner, outer = (np.stack(forecasts(values, HOUR, horizon, level)) for level in sorted(levels))
        said = min(size, horizon)
        for lower, mean, upper in (inner[..., :said], outer[..., :said]):
            assert (lower <= mean).all()
            assert (mean <= upper).all()
        assert (outer[0] <= inner[0] + 1e-9)[:, :said].all()
        assert (inner[2] <= outer[2] + 1e-9)[:, :said].all()
        assert np.isnan(inner[..., said:]).all()

    @pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
    def test_other_levels_hold_as_often_as_they_say(self, level):
        rng = np.random.default_rng(20_261_130)
        values = np.concatenate([of_every_kind(rng, DAYS_30 + 48) for _ in range(30)])
        lower, _, upper = forecasts(values[:, :DAYS_30], HOUR, 48, level)
        truth = values[:, DAYS_30:]
        held = ((lower <= truth) & (truth <= upper)).mean()
        assert abs(held - level) < 0.25 * (1 - level) + 0.01

    def test_an_hour_that_the_clock_repeats_or_leaves_out(self):
        """Steps are counted in elapsed time; the index tells the wall clock of the zone."""
        values = series(daily(DAYS_30), start="2026-02-28", tz="Europe/Berlin")  # the clock goes forward on 29 March
        assert values.index[-1].dst() != values.index[0].dst()
        found = forecast(values, 24)
        assert found["mean"].notna().all()
        assert (found.index.tz_convert("UTC")[1:] - found.index.tz_convert("UTC")[:-1] == pd.Timedelta(hours=1)).all()
        assert np.allclose(found, forecast(values.tz_convert("UTC"), 24))

    @pytest.mark.parametrize("scale", [1e-9, 1e12])
    def test_any_scale(self, scale):
        found = forecast(series(daily(DAYS_30) * scale), 24)
        assert np.allclose(found / scale, forecast(series(daily(DAYS_30)), 24), rtol=1e-4)


class TestTimeToLimit:
    def leak(self, per_day, size=DAYS_30, noise=0.5, seed=9, begin=100.0):
        return begin + per_day / 24 * np.arange(size) + np.random.default_rng(seed).normal(0, noise, size)

    def near(self, found, values, limit, per_day, begin=100.0):
        expected = pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=(limit - begin) / per_day)
        assert isinstance(found, Crossing)
        assert found.earliest <= found.eta <= found.latest
        assert abs(found.eta - expected) < pd.Timedelta(days=2)

    def test_a_leak_has_a_date(self):
        values = self.leak(2.0)
        self.near(time_to_limit(series(values), 180), values, 180, 2.0)

    def test_a_limit_below_is_reached_from_above(self):
        values = self.leak(2.0)
        falling = time_to_limit(series(-values), -180)
        self.near(falling, values, 180, 2.0)
        assert falling == time_to_limit(series(values), 180)

    def test_growth_since_the_last_clean_up_counts(self):
        values = self.leak(3.0)
        values[300:] -= 35
        found = time_to_limit(series(values), 170)
        self.near(found, values, 205, 3.0)

    def test_growth_that_began_lately_counts_as_it_is_now(self):
        values = np.maximum(self.leak(0.0), 0) + 2 / 24 * np.maximum(np.arange(DAYS_30) - 400, 0)
        found = time_to_limit(series(values), 150)
        assert abs(found.eta - pd.Timestamp("2026-03-02", tz="UTC") - pd.Timedelta(hours=400 + 25 * 24)) < pd.Timedelta(
            days=2
        )

    def test_a_saw_whose_tops_stay_has_no_date(self):
        saw = 100 + 50 * (np.arange(DAYS_30) % 50) / 50 + np.random.default_rng(10).normal(0, 1, DAYS_30)
        assert time_to_limit(series(saw), 165) is None

    def test_a_saw_whose_tops_rise_reaches_the_limit_with_a_top(self):
        t = np.arange(DAYS_30)
        saw = 100 + t / 24 + 40 * (t % 60) / 60 + np.random.default_rng(11).normal(0, 1, DAYS_30)
        found = time_to_limit(series(saw), 185)
        expected = pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=45)
        assert abs(found.eta - expected) < pd.Timedelta(days=4)

    def test_a_weekly_rhythm_reaches_it_at_a_peak_before_its_mean_does(self):
        t = np.arange(DAYS_30)
        disk = 50 + 0.5 / 24 * t + 3 * np.sin(2 * np.pi * t / 168) + np.random.default_rng(12).normal(0, 0.2, DAYS_30)
        found = time_to_limit(series(disk), 70)
        later = np.arange(DAYS_30, 3 * DAYS_30)
        first = later[np.argmax(50 + 0.5 / 24 * later + 3 * np.sin(2 * np.pi * later / 168) >= 70)]
        assert abs(found.eta - pd.Timestamp("2026-03-02", tz="UTC") - pd.Timedelta(hours=int(first))) < pd.Timedelta(
            days=2
        )

    @pytest.mark.parametrize(
        "values",
        [
            daily(DAYS_30),
            np.full(DAYS_30, 100.0),
            100 + np.random.default_rng(13).normal(0, 1, DAYS_30),
            np.where(np.arange(DAYS_30) < 300, 95.0, 105.0) + np.random.default_rng(14).normal(0, 1, DAYS_30),
        ],
        ids=["daily", "constant", "noise", "step"],
    )
    def test_what_does_not_grow_has_no_date(self, values):
        assert time_to_limit(series(values), 140) is None
        assert time_to_limit(series(values), 60) is None

    def test_noise_that_grows_with_a_latency_reaches_its_objective(self):
        """A latency whose peaks are half as high again as its usual gets a date by its peaks as they will be."""
        t = np.arange(2 * DAYS_30)
        dated = near = held = 0
        for seed in range(20):
            rng = np.random.default_rng(20_261_130 + seed)
            latency = np.exp(3 + 0.2 * np.sin(2 * np.pi * t / 24) + 0.2 * wandering(rng, len(t), 0.4, 1) + 0.0012 * t)
            limit = 1.15 * latency[:DAYS_30].max()
            truth = int(np.argmax(latency[DAYS_30:] >= limit)) + 1
            eta, earliest, latest = crossings(latency[None, :DAYS_30], np.array([limit]), HOUR)[0]
            held += bool(earliest <= truth <= latest)
            dated += bool(np.isfinite(eta))
            near += bool(abs(eta - truth) < 10 * 24)
        assert dated >= 18
        assert near >= 13
        assert held >= 13  # of 16 that a range of 80 % holds of 20

    def test_no_date_beyond_the_horizon_or_the_history(self):
        assert time_to_limit(series(self.leak(2.0)), 250) is None
        assert time_to_limit(series(self.leak(2.0, size=96)), 120) is None
        assert time_to_limit(series(self.leak(2.0)), 180, horizon_days=3) is None

    @pytest.mark.parametrize("size", [0, 1, 5, 20])
    def test_no_date_from_less_than_a_day(self, size):
        assert time_to_limit(series(self.leak(5.0, size=size)), 110) is None

    def test_reached_is_now(self):
        values = self.leak(2.0)
        found = time_to_limit(series(values), 150)
        assert found == Crossing(*[pd.Timestamp("2026-03-31 23:00", tz="UTC")] * 3)

    def test_other_cadences_and_holes(self):
        values = self.leak(24 * 2 / 288, size=2016, noise=1.0)  # 2 a day
        values[500:560] = np.nan
        found = time_to_limit(series(values, freq="5min"), 100 + 2 * 10, smooth_hours=2)
        assert abs(found.eta - pd.Timestamp("2026-03-12", tz="UTC")) < pd.Timedelta(days=1)
        found = time_to_limit(series(100 + 2.0 * np.arange(90), freq="D"), 300)
        assert found.eta == pd.Timestamp("2026-06-10", tz="UTC")

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10**6), factor=st.sampled_from([0.25, 8.0, 1024.0]))
    def test_the_unit_does_not_change_the_date(self, seed, factor):
        values = self.leak(2.0, seed=seed)
        assert time_to_limit(series(values), 180) == time_to_limit(series(values * factor), 180 * factor)

    def test_many_rows_are_as_many_single_ones(self):
        values = np.array([self.leak(2.0), daily(DAYS_30), -self.leak(1.0)])
        found = crossings(values, np.array([180.0, 200.0, -150.0]), HOUR)
        assert np.isnan(found[1]).all()
        for row, limit in ((0, 180.0), (2, -150.0)):
            alone = time_to_limit(series(values[row]), limit)
            assert pd.Timestamp("2026-03-31 23:00", tz="UTC") + pd.Timedelta(hours=found[row, 0]) == alone.eta

    def test_four_of_five_dates_hold_and_flat_series_have_none(self):
        rng = np.random.default_rng(20_261_123)
        held, dated, false = 0, 0, 0
        for _ in range(60):
            per_hour = rng.uniform(0.5, 2) / 24
            values = 200 + per_hour * np.arange(2 * DAYS_30) + wandering(rng, 2 * DAYS_30, 0.8, 0.7)
            limit = 200 + per_hour * rng.integers(DAYS_30 + 50, 2 * DAYS_30 - 100)
            truth = np.argmax(values[DAYS_30:] >= limit) + 1
            found = crossings(values[None, :DAYS_30], np.array([limit]), HOUR)[0]
            if not np.isnan(found[0]) and values[DAYS_30:].max() >= limit:
                dated += 1
                held += found[1] <= truth <= found[2]
            flat = 200 + wandering(rng, DAYS_30, rng.choice([0.0, 0.5, 0.9]), 1)
            false += not np.isnan(crossings(flat[None], np.array([flat.max() + 1]), HOUR)[0, 0])
        assert dated >= 40
        assert 0.7 <= held / dated <= 0.95
        assert false <= 3
