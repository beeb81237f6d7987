"""How high a series goes by its own chance: what the limits follow, and what leaves them where they are."""

from __future__ import annotations

import numpy as np
import pytest

from caelum_report.analyse.extremes import Limits, limits

from .series import ar1

CHANCE = 0.05
DAYS = np.repeat(np.arange(14), 24)


def noise(seed: int, phi: float = 0.0, servers: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([ar1(rng, len(DAYS), phi) for _ in range(servers)])


def of(values: np.ndarray) -> Limits:
    return limits(values, DAYS, 24, 7, CHANCE)


def pair_above(values: np.ndarray, limit: np.ndarray) -> bool:
    above = values > limit
    return bool((above[:-1] & above[1:]).any())


@pytest.mark.parametrize("phi", [0.0, 0.6])
def test_noise_goes_beyond_its_limits_about_as_seldom_as_wanted(phi: float) -> None:
    fortnights = [noise(seed, phi) for seed in range(40)]
    found = [of(values) for values in fortnights]
    wanted = 2 * len(fortnights) * CHANCE  # a fortnight is two looks
    assert sum((values > limit.alone).any() for values, limit in zip(fortnights, found, strict=True)) <= 1.5 * wanted
    assert sum(pair_above(v, limit.paired) for v, limit in zip(fortnights, found, strict=True)) <= 1.5 * wanted


def test_trouble_that_lasts_by_nature_raises_the_limit_of_pairs() -> None:
    assert np.median(of(noise(1, 0.8)).paired) > 1.3 * np.median(of(noise(1)).paired)


def test_a_heavy_tail_raises_the_limit_of_its_own_series_most() -> None:
    values = noise(2)
    values[:, 3] = np.random.default_rng(2).standard_t(3, len(DAYS))
    limit = of(values).alone
    assert limit[3] > 1.3 * np.delete(limit, 3).max()


def test_a_day_of_trouble_is_not_learnt() -> None:
    values = noise(3)
    calm = of(values)
    values[-5:, 4] += 20
    troubled = of(values)
    assert troubled.paired[4] < 1.3 * calm.paired[4]
    assert (values[-5:, 4] > troubled.paired[4]).all()


def test_a_larger_fleet_has_higher_limits() -> None:
    assert (of(noise(4, servers=200)).paired[:12] > of(noise(4, servers=200)[:, :12]).paired).all()


def test_gaps_separate_nothing_and_are_no_values() -> None:
    values = noise(5, 0.6)
    sparse = np.full((2 * len(values), values.shape[1]), np.nan)
    sparse[::2] = values
    thin = limits(sparse, np.repeat(DAYS, 2), 24, 7, CHANCE)
    assert thin.paired == pytest.approx(of(values).paired)
    assert np.isfinite(limits(np.full((48, 2), np.nan), DAYS[:48], 24, 2, CHANCE).alone).all()
