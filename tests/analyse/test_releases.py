import numpy as np

from caelum_report.analyse.releases import Releases

SCALE = np.array([1.0])


def bounds(days, scale=SCALE):
    """What is a release on the day after these, whose values are one series' hours."""
    releases = Releases(len(days), 1)
    for day, hours in enumerate(days):
        low, high = releases.between(day, scale)
        releases.learn(day, np.asarray(hours, float)[:, None])
    low, high = releases.between(len(days), scale)
    return low[0], high[0]


def climbing(days, per_day=24):
    return (100 + np.arange(days * per_day) * 20 / per_day).reshape(days, per_day)


def test_what_climbs_may_fall_back_to_where_it_was_and_nothing_may_rise():
    low, high = bounds(climbing(3))
    assert low < 102
    assert np.isnan(high)


def test_what_descends_may_rise_again():
    low, high = bounds(200 - climbing(3))
    assert np.isnan(low)
    assert high > 98


def test_noise_is_no_climb_and_a_climb_within_the_noise_is_none():
    rng = np.random.default_rng(1)
    found = [bounds(rng.normal(size=(10, 24))) for _ in range(60)]
    assert np.isfinite(np.array(found)).any(axis=1).mean() < 0.06
    assert np.isnan(bounds(climbing(3), np.array([50.0]))).all()


def test_a_release_stays_one_for_the_day_after():
    fallen = [*climbing(3), np.full(24, 100.0)]
    assert np.isfinite(bounds(fallen)[0])
    assert np.isnan(bounds([*fallen, np.full(24, 100.0), np.full(24, 100.0)])[0])
