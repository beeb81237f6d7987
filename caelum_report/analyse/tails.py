"""Tails of the normal and of Student's distribution, for arrays. SciPy's import would cost more than all tests of a run."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .times import Floats

_TERMS = 200


def normal_tails(z: ArrayLike) -> Floats:
    """P(|Z| > |z|), to double precision, by math.erfc."""
    values = np.abs(np.asarray(z, np.float64)) / math.sqrt(2)
    return np.array([math.erfc(v) for v in values.ravel().tolist()], np.float64).reshape(values.shape)


def t_tails(t: ArrayLike, freedom: ArrayLike) -> Floats:
    """P(|T| > |t|) for real degrees of freedom; NaN where either is NaN.

    The regularised incomplete beta function by its continued fraction (Lentz 1976; Numerical Recipes 6.4), accurate to about
    1e-12 relative for up to 1e5 degrees. Cost: at most 200 steps over the array.
    """
    statistic, degrees = np.broadcast_arrays(np.asarray(t, np.float64), np.asarray(freedom, np.float64))
    good = np.isfinite(degrees) & (degrees > 0) & ~np.isnan(statistic)
    result = np.full(statistic.shape, np.nan)
    v, squared = degrees[good], np.minimum(statistic[good] ** 2, 1e300)
    result[good] = _beta(v / (v + squared), squared / (v + squared), v / 2, np.full(len(v), 0.5))
    return result


def t_quantile(two_sided: float, freedom: ArrayLike) -> Floats:
    """The t beyond which both tails together hold `two_sided`, by bisection on `t_tails`; infinite below 0.5 degrees."""
    degrees = np.atleast_1d(np.asarray(freedom, np.float64))
    low, high = np.zeros(len(degrees)), np.full(len(degrees), 1e4)
    for _ in range(50):
        middle = (low + high) / 2
        inside = t_tails(middle, degrees) > two_sided
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.where(degrees >= 0.5, high, np.inf)


def binomial_tails(successes: ArrayLike, trials: ArrayLike, share: ArrayLike) -> Floats:
    """P(at least so many successes); real numbers of both are allowed, as where counts are thinned by a dispersion.

    The incomplete beta function; above 10,000 trials by the normal law, whose error is small there.
    """
    k, n, q = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, np.float64)) for v in (successes, trials, share)))
    k = np.minimum(k, n)
    sure = (k <= 0) | (q >= 1)
    never = ~sure & (q <= 0)
    large = ~sure & ~never & (n > 10_000)
    exact = ~sure & ~never & ~large
    result = np.where(never, 0.0, 1.0)
    result[exact] = _beta(q[exact], 1 - q[exact], k[exact], n[exact] - k[exact] + 1)
    z = (k - 0.5 - n * q)[large] / np.sqrt((n * q * (1 - q))[large])
    result[large] = np.where(z > 0, normal_tails(z) / 2, 1 - normal_tails(z) / 2)
    return result


def _beta(x: Floats, rest: Floats, a: Floats, b: Floats) -> Floats:
    """I_x(a, b); `rest` is 1 - x, known more exactly than by subtraction."""
    swap = x > (a + 1) / (a + b + 2)
    first, second = np.where(swap, rest, x), np.where(swap, x, rest)
    p, q = np.where(swap, b, a), np.where(swap, a, b)
    scale = np.array([math.lgamma(u + w) - math.lgamma(u) - math.lgamma(w) for u, w in zip(p, q, strict=True)])
    with np.errstate(divide="ignore"):
        front = np.exp(scale + p * np.log(first) + q * np.log(second)) / p if len(p) else p
    value = front * _fraction(first, p, q)
    return np.clip(np.where(swap, 1 - value, value), 0.0, 1.0)


def _fraction(x: Floats, a: Floats, b: Floats) -> Floats:
    tiny = 1e-300
    c = np.ones_like(x)
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / np.where(np.abs(d) < tiny, tiny, d)
    value = d.copy()
    for m in range(1, _TERMS):
        for over in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + over * d
            d = 1 / np.where(np.abs(d) < tiny, tiny, d)
            c = 1 + over / c
            c = np.where(np.abs(c) < tiny, tiny, c)
            value = value * d * c
        if np.all(np.abs(c * d - 1) < 1e-13):
            break
    return value
