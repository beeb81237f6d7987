from dataclasses import replace

import numpy as np
import pytest

from caelum_report.analyse.noise import noise_of

WINDOWS = (3, 8)
DAY = np.arange(24)


def learned(values):
    """Noise of one series, learned from its days."""
    return noise_of(values.reshape(-1, 24, 1), 1, np.array([100.0]), WINDOWS)


def drawn(kind, rng, n):
    return {
        "normal": lambda: 3 * rng.normal(size=n),
        "lognormal": lambda: 10 * (np.exp(0.6 * rng.normal(size=n)) - 1),
        "turned": lambda: 10 * (1 - np.exp(0.6 * rng.normal(size=n))),
        "exponential": lambda: 5 * (rng.exponential(size=n) - np.log(2)),
        "t4": lambda: 2 * rng.standard_t(4, n),
    }[kind]()


@pytest.mark.parametrize("kind", ["normal", "lognormal", "turned", "exponential", "t4"])
def test_noise_of_every_shape_becomes_about_normal(kind):
    rng = np.random.default_rng(1)
    noise = learned(drawn(kind, rng, 28 * 24))
    fresh = drawn(kind, rng, 200 * 24)
    q = np.concatenate(
        [noise.normal_of(day.reshape(24, 1), np.array([100.0]), DAY) for day in fresh.reshape(-1, 24)]
    ).ravel()
    for share, expected in ((0.5, 0.0), (0.841, 1.0), (0.159, -1.0)):
        assert np.quantile(q, share) == pytest.approx(expected, abs=0.3)
    deviations = np.abs(fresh - np.median(fresh)) / (1.4826 * np.median(np.abs(fresh - np.median(fresh))))
    assert np.mean(np.abs(q) > 4.7) <= max(1e-4, 0.25 * np.mean(deviations > 4.7))


def test_more_is_rarer_far_beyond_what_was_seen():
    for kind in ("normal", "lognormal", "turned", "t4"):
        noise = learned(drawn(kind, np.random.default_rng(2), 28 * 24))
        size = np.linspace(-80, 80, 24 * 20).reshape(20, 24, 1)
        noise = replace(noise, by_hour=np.ones_like(noise.by_hour))
        q = np.concatenate([noise.normal_of(part, np.array([100.0]), DAY) for part in size]).ravel()
        assert np.all(np.diff(q) >= 0)
        assert q[0] < -4.9 < 4.9 < q[-1]


def test_an_hour_that_strays_more_is_known():
    rng = np.random.default_rng(3)
    sizes = np.where(np.arange(24) == 5, 6.0, 1.0)
    noise = noise_of(sizes[:, None] * rng.normal(size=(28, 24, 40)), 1, np.full(40, 50.0), WINDOWS)
    assert noise.by_hour[5].mean() == pytest.approx(6, rel=0.2)
    assert np.delete(noise.by_hour, [4, 5, 6], axis=0).mean() == pytest.approx(1, abs=0.1)


def test_neighbours_that_go_together_are_known():
    rng = np.random.default_rng(4)
    values = np.zeros(28 * 24)
    for k in range(1, len(values)):
        values[k] = 0.8 * values[k - 1] + rng.normal()
    noise = learned(values)
    assert noise.phi[0] == pytest.approx(0.8, abs=0.08)
    assert noise.surprise[0] == pytest.approx(0.6, abs=0.08)


def test_one_value_is_still_and_a_side_without_values_has_no_shape():
    assert learned(np.zeros(28 * 24)).still.tolist() == [True]
    rare = np.random.default_rng(5).binomial(1, 0.15, 28 * 24) * 0.01
    noise = learned(rare)
    assert noise.still.tolist() == [False]
    assert np.isfinite(noise.normal_of(np.full((24, 1), 0.05), np.array([0.0]), DAY)).all()


def test_a_failure_in_an_hour_that_had_none_is_like_any_other():
    failures = np.random.default_rng(6).binomial(1, 0.03, (7, 24, 40)) * -0.02
    noise = noise_of(failures, 1, np.ones(40), WINDOWS)
    assert np.mean(np.abs(noise.by_hour - 1) > 0.3) < 0.1
