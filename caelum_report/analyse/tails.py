"""Tails of the normal and of Student's distribution, for arrays. SciPy's import would cost more than all tests of a run."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .times import Floats

_TERMS = 200
_STEPS = 40
_FARTHEST = 1e4


def normal_tails(z: ArrayLike) -> Floats:
    """P(|Z| > |z|), to double precision, by math.erfc."""
    values = np.abs(np.asarray(z, np.float64)) / math.sqrt(2)
    return np.array([math.erfc(v) for v in values.ravel().tolist()], np.float64).reshape(values.shape)


def normal_rarity(z: Floats) -> Floats:
    """-log P(Z > z) for z above 0, within 1 % (Birnbaum 1942); that of the median below."""
    above = np.maximum(z, 0.0)
    return np.asarray(above**2 / 2 + math.log(math.sqrt(2 * math.pi) / 4) + np.log(3 * above + np.sqrt(above**2 + 8)))


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
    """The t beyond which both tails together hold `two_sided`, at most 10,000; infinite below 0.5 degrees.

    Newton's method on the logarithms of tail and t, beginning at a bound for the normal law. That curve is nowhere convex,
    so that it comes from the right after one step, and nearly straight far out, where the tail is a power of t. Cost: half a
    dozen `t_tails`.
    """
    degrees = np.atleast_1d(np.asarray(freedom, np.float64))
    known = degrees >= 0.5
    v = degrees[known]
    density = np.array([math.lgamma((d + 1) / 2) - math.lgamma(d / 2) - math.log(d * math.pi) / 2 for d in v.tolist()])
    t = np.full(len(v), math.sqrt(-2 * math.log(two_sided)))
    for _ in range(_STEPS):
        tails = t_tails(t, v)
        slope = -2 * t * np.exp(density - (v + 1) / 2 * np.log1p(t**2 / v)) / tails
        before, t = t, np.minimum(t * np.exp((math.log(two_sided) - np.log(tails)) / slope), _FARTHEST)
        if np.all(np.abs(t - before) < 1e-8 * t):
            break
    result = np.full(len(degrees), np.inf)
    result[known] = t
    return result


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
