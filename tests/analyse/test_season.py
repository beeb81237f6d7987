import numpy as np
import pandas as pd
import pytest

from caelum_report.analyse.season import profile, profiles

from . import series


def hourly(values, start="2026-09-01"):
    return pd.Series(values, pd.date_range(start, periods=len(values), freq="h"))


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def test_a_job_at_three_every_night_is_a_day():
    hour = np.arange(720) % 24
    found = profile(hourly(100 + 8 * (hour == 3) + noise(720)))
    assert found is not None
    assert found.period == "day"
    day = np.asarray(found.values)
    assert day[3] == pytest.approx(8, abs=1)
    assert np.abs(np.delete(day, 3)).max() < 1


def test_quiet_weekends_are_a_week_and_begin_on_saturday():
    index = pd.date_range("2026-09-01", periods=900, freq="h")
    found = profile(pd.Series(100 - 6.0 * (index.day_of_week >= 5) + noise(900), index))
    assert found is not None
    assert found.period == "week"
    week = np.asarray(found.values)
    assert week[: 5 * 24].mean() - week[5 * 24 :].mean() == pytest.approx(6, abs=0.5)


def test_a_profile_is_told_at_any_time():
    hour = np.arange(240) % 24
    one = hourly(50.0 + 10 * (hour >= 12) + noise(240))
    found = profile(one)
    assert found is not None
    rest = one - found.at(one.index)
    assert rest.std() < 1.5


def test_noise_has_no_season_however_much_it_wanders():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({phi: series.ar1(rng, 720, phi) for phi in (0, 0.5, 0.9, 0.99)})
    frame.index = pd.date_range("2026-09-01", periods=720, freq="h")
    assert profiles(frame) == [None] * 4


def test_two_days_are_too_few_for_a_day_and_two_weeks_for_a_week():
    index = pd.date_range("2026-09-01", periods=24 * 14, freq="h")
    weekly = pd.Series(100 - 6.0 * (index.day_of_week >= 5) + noise(len(index)), index)
    assert profile(weekly) is None
    assert profile(hourly(10.0 * (np.arange(48) % 24 > 12))) is None


def test_days_have_weeks():
    index = pd.date_range("2026-01-05", periods=70, freq="D")
    found = profile(pd.Series(100 - 9.0 * (index.day_of_week >= 5) + noise(70), index))
    assert found is not None
    assert found.period == "week"
    assert len(found.values) == 7


def test_most_seasons_of_a_fleet_are_recognised():
    fleet = [one for one in series.fleet(["clean"], range(9000, 9120)) if one.noise != "counts"]
    named = [
        ("none" if p is None else p.period, one.season)
        for p, one in zip(profiles(series.frame(fleet)), fleet, strict=True)
    ]
    assert np.mean([found == planted for found, planted in named]) > 0.9
    assert all(found == "none" for found, planted in named if planted == "none")
