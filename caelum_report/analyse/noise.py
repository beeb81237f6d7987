"""Noise: how a series usually strays from what is expected of it, and the normal variable that is as rare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .matrix import mean, median
from .times import Floats, Ints

_QUARTER, _TENTH, _TAIL = 0.6745, 1.2816, 1.8808  # where a quarter, a tenth and 3 % of a normal variable lie beyond
_DEVIATIONS: Final = (_QUARTER, _TENTH, _TAIL)
_SHARES: Final = (0.25, 0.1, 0.03)  # the same
_DAYS: Final = 3.0  # as much as so many days weighs what is assumed of a shape
_SKEW: Final = 0.12  # g that is assumed
_HEAVY: Final = 0.045  # h that is assumed
_LEAST_HEAVY: Final = 0.015
_MOST_SKEW, _MOST_HEAVY = 0.9, 0.3
_KNOWN: Final = 1.85  # normal deviations up to which data tell the shape; beyond, it is continued straight
_FAR: Final = 5.0  # normal deviations up to which it is straight
_TRUST_LONG, _TRUST_SHORT = 0.7, 0.25  # the share of the skew that is believed on the longer and on the shorter side
_BEND: Final = 0.5  # of the shorter side, where its bound is taken for a line
_FLAT: Final = 0.05  # of the longer side: a side shorter than that is none
_HOURS: Final = 8.0  # days from which an hour's own spread counts more than its neighbours'
_CHANCE: Final = 0.4  # variance, after one day, of the relative spread of hours that are alike
_SPARSE: Final = 0.7  # the same, of the variance of distances, where a series strays seldom and then far
_WILD: Final = 20.0  # usual days
_SAMPLE: Final = 2000  # values that quantiles are read from
_GROWN, _MOST_GROWN = 1.1, 3.0  # a level has risen from here on; and the most that noise grows with it
_OFF: Final = 0.3  # the share of the values' own h that their surprises have anyway
_LATELY: Final = 28  # days from which it is learned how neighbours go together
BOUND: Final = 3.4  # normal deviations that one value may add to a sum


@dataclass(frozen=True, slots=True)
class Noise:
    """Of every series, and `by_hour` of every cell of a day."""

    days: Floats
    level: Floats
    centre: Floats
    scale: Floats
    by_hour: Floats
    size: Floats  # the mean distance
    excess: Floats  # the mean value less the median, for counts that are mostly 0
    still: NDArray[np.bool_]  # nearly all values are one
    up: _Side
    down: _Side
    heavy: Floats
    phi: Floats  # of neighbouring cells
    surprise: Floats  # standard deviation of what neighbours do not explain
    jumpy: Floats  # how much heavier than the values themselves their surprises are
    sums: tuple[Floats, ...]  # by how much sums over each window stray more than those of AR(1)
    power: tuple[Floats, Floats]  # centre and spread of the squares' sum

    def normal_of(self, rest: Floats, level: Floats, cells: Ints) -> Floats:
        """How many normal deviations each distance is as rare as, in these cells of a day.

        No spread is less than a thousandth of the level; where a level above 0 has risen, the noise is taken to have grown with it.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.where(self.level > 0, np.clip(level / self.level / _GROWN, 1, _MOST_GROWN), 1.0)
            spread = np.maximum(self.scale * self.by_hour[cells] * np.fmax(grown, 1.0), 1e-3 * np.abs(level))
            z = np.clip(np.where(rest == 0, 0.0, (rest - self.centre) / spread), -60, 60)
        rising, size = z > 0, np.abs(z)
        skew, known, slope, far, beyond = (
            np.where(rising, one, other) for one, other in zip(self.up.values, self.down.values, strict=True)
        )
        bent = _unbent(size, skew, self.heavy)
        straight = _KNOWN + (np.minimum(size, far) - known) / slope
        return np.asarray(np.sign(z) * np.where(size <= known, bent, straight + np.maximum(bent - beyond, 0)))

    def normal_step(self, surprise: Floats) -> Floats:
        """The same of surprises, in their own deviations; their shape is symmetric."""
        size = np.abs(surprise)
        stretch = np.exp(self.jumpy * _KNOWN**2 / 2)
        known, slope = _KNOWN * stretch, stretch * (1 + self.jumpy * _KNOWN**2)
        far = known + (_FAR - _KNOWN) * slope
        bent = _unstretched(size, self.jumpy)
        straight = _KNOWN + (np.minimum(size, far) - known) / slope
        beyond = np.maximum(bent - _unstretched(far, self.jumpy), 0)
        return np.asarray(np.sign(surprise) * np.where(size <= known, bent, straight + beyond))


@dataclass(frozen=True, slots=True)
class _Side:
    """The shape upwards or downwards: bent as far as data tell, straight as far as flags reach, then bent again.

    Straight, since a shape that few values tell would make the unusual usual; bent, so that heavy tails do not seem ever rarer.
    """

    skew: Floats  # above 0 where this is the longer side
    known: Floats  # distance up to which it is bent
    slope: Floats
    far: Floats  # distance from which it is bent again
    beyond: Floats  # what the shape says there

    @property
    def values(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        return self.skew, self.known, self.slope, self.far, self.beyond


def noise_of(rest: Floats, hour: int, level: Floats, windows: tuple[int, ...]) -> Noise:
    """The noise in days × cells × series of distances from what was expected.

    The shape is Tukey's g-and-h: s (e^(gq) - 1)/g e^(hq²/2) of a normal q, read from letter values (Hoaglin 1985) and shrunk to a
    mild one while days are few. It holds lognormal, exponential and Student's noise alike, and makes them normal.
    """
    flat_rest = rest.reshape(-1, rest.shape[2])
    days = (~np.isnan(flat_rest)).sum(axis=0) / rest.shape[1]
    size = _size(rest)
    tiny = 1e-9 * np.abs(level) + 1e-300
    by_hour = _by_hour(rest / np.maximum(size, tiny), days, hour)
    even = (rest / by_hour).reshape(flat_rest.shape)
    middle, above, below, flat = _letter_values(_sample(even, rest.shape[1]), tiny)
    weight = days / (days + _DAYS)
    skew, heavy, scale = _shape(above, below, tiny)
    heavy = weight * heavy + (1 - weight) * _HEAVY
    skew = np.where(flat, 1e-4, _not_zero(weight * skew + (1 - weight) * _SKEW))
    scale = scale * np.exp(-heavy * (_QUARTER**2 + _TENTH**2) / 4)
    one_sided = np.maximum(np.max([side / q for side, q in zip(above, _DEVIATIONS, strict=True)], axis=0), 0.9 * size)
    scale = np.where(flat, one_sided, np.maximum(scale, 0.5 * size))
    heavy = np.where(flat, 0.05, heavy)
    longer, shorter = _not_zero(_TRUST_LONG * skew), _not_zero(_TRUST_SHORT * skew)
    up, down = np.where(skew > 0, longer, shorter), np.where(skew > 0, shorter, longer)
    z = np.clip((even - middle) / np.maximum((above[0] + below[0]) / (2 * _QUARTER), 0.6 * size), -8, 8)
    z = z[-_LATELY * rest.shape[1] :]
    phi, surprise, jumpy = _neighbours(z, days)
    sums, power = _sums(z, phi, surprise, windows)
    jumpy = np.maximum(jumpy - _OFF * heavy, 0.0) + 1e-4
    return Noise(
        days=days,
        level=level,
        centre=np.nan_to_num(middle * np.clip((days - 3) / (days + 4), 0, 1)),
        scale=scale,
        by_hour=by_hour,
        size=size,
        excess=np.nan_to_num(mean(np.minimum(even, middle + 5 * scale), axis=0) - middle),
        still=above[-1] + below[-1] <= 1e-6 * np.abs(level) + 1e-12,
        up=_side(up, heavy),
        down=_side(-down, heavy),
        heavy=heavy,
        phi=phi,
        surprise=surprise,
        jumpy=jumpy,
        sums=sums,
        power=power,
    )


def _size(rest: Floats) -> Floats:
    """The mean distance; no day counts for more than twenty usual ones, be its values as large as numbers go."""
    by_day = mean(np.abs(rest), axis=1)
    usual = median(by_day, axis=0)
    return mean(np.minimum(by_day, np.where(usual > 0, _WILD * usual, np.inf)), axis=0)


def _sample(values: Floats, cells: int) -> Floats:
    """Every so many-th value of a long history, not always of the same hours."""
    stride = len(values) // _SAMPLE
    while stride > 1 and math.gcd(stride, cells) > 1:
        stride += 1
    return values[:: max(1, stride)]


def _quantiles(values: Floats, shares: tuple[float, ...]) -> list[Floats]:
    """The values nearest to these ranks. One sort."""
    ordered = np.sort(values, axis=0)
    last = np.maximum((~np.isnan(values)).sum(axis=0) - 1, 0)
    ranks = [np.floor(share * last + 0.5).astype(np.int64) for share in shares]
    return [np.take_along_axis(ordered, rank[None], 0)[0] for rank in ranks]


def _letter_values(
    values: Floats, tiny: Floats
) -> tuple[Floats, tuple[Floats, ...], tuple[Floats, ...], NDArray[np.bool_]]:
    """The median, how far the letter values lie above and below it, and where one side holds next to nothing."""
    quantiles = _quantiles(values, (0.5, *_SHARES, *(1 - share for share in _SHARES)))
    middle = quantiles[0]
    below = [np.maximum(middle - q, tiny) for q in quantiles[1:4]]
    above = [np.maximum(q - middle, tiny) for q in quantiles[4:]]
    top, bottom = (np.maximum(side[1] / _TENTH, side[2] / _TAIL) for side in (above, below))
    flat: NDArray[np.bool_] = (below[0] < _FLAT * top) | (above[0] < _FLAT * bottom)
    longer = [np.maximum(a, b) for a, b in zip(above, below, strict=True)]
    above = [np.where(flat, most, side) for most, side in zip(longer, above, strict=True)]
    below = [np.where(flat, most, side) for most, side in zip(longer, below, strict=True)]
    return middle, tuple(above), tuple(below), flat


def _shape(above: tuple[Floats, ...], below: tuple[Floats, ...], tiny: Floats) -> tuple[Floats, Floats, Floats]:
    """Skew, heaviness and scale by the letter values."""
    skew = (np.log(above[1] / below[1]) / _TENTH + np.log(above[2] / below[2]) / _TAIL) / 2
    skew = _not_zero(np.nan_to_num(np.clip(skew, -_MOST_SKEW, _MOST_SKEW)))
    near, middle, far = (
        np.maximum(skew * (a + b) / (np.exp(skew * q) - np.exp(-skew * q)), tiny)
        for a, b, q in zip(above, below, _DEVIATIONS, strict=True)
    )
    heavy = np.nan_to_num(2 * np.log(far / near) / (_TAIL**2 - _QUARTER**2), nan=_HEAVY)
    return skew, np.clip(heavy, _LEAST_HEAVY, _MOST_HEAVY), np.sqrt(near * middle)


def _not_zero(skew: Floats) -> Floats:
    return np.where(np.abs(skew) < 1e-4, 1e-4, skew)


def _side(skew: Floats, heavy: Floats) -> _Side:
    """Of g and h where its three pieces meet."""
    bent = np.expm1(skew * _KNOWN) / skew
    stretch = np.exp(heavy * bent**2 / 2)
    known, slope = bent * stretch, np.exp(skew * _KNOWN) * stretch * (1 + heavy * bent**2)
    far = known + (_FAR - _KNOWN) * slope
    return _Side(skew, known, slope, far, _unbent(far, skew, heavy))


def _unstretched(size: Floats, heavy: Floats) -> Floats:
    """v of size = v e^(h v²/2), by Lambert's W in Winitzki's form (2003), within 1 %."""
    first = np.log1p(heavy * size * size)
    return np.asarray(np.sqrt(first * (1 - np.log1p(first) / (2 + first)) / heavy))


def _unbent(size: Floats, skew: Floats, heavy: Floats) -> Floats:
    """The normal q of a distance: g-and-h undone, a line where the shorter side would end."""
    part = skew * _unstretched(size, heavy)
    line = math.log(1 - _BEND) + (part + _BEND) / (1 - _BEND)
    return np.asarray(np.where(part > -_BEND, np.log1p(np.maximum(part, -_BEND)), line) / skew)


def _around(by_hour: Floats, hour: int) -> Floats:
    """The mean over an hour to both sides, round the clock; the middle counts double."""
    total = 2 * by_hour
    for away in range(1, hour + 1):
        total = total + np.roll(by_hour, away, axis=0) + np.roll(by_hour, -away, axis=0)
    return np.asarray(total / (2 + 2 * hour))


def _by_hour(sizes: Floats, days: Floats, hour: int) -> Floats:
    """By how much values of an hour stray more than those of others; shrunk by what chance alone makes of equal hours."""
    bounded = np.minimum(np.abs(sizes), 12.0)
    by_hour, overall = mean(bounded, axis=0), mean(bounded.reshape(-1, bounded.shape[2]), axis=0)
    varied = mean(((bounded - overall) ** 2).reshape(-1, bounded.shape[2]), axis=0) / np.maximum(overall, 1e-12) ** 2
    by_hour = np.where(np.isnan(by_hour), mean(by_hour, axis=0), by_hour)
    own = days / (days + _HOURS)
    smooth = own * _around(by_hour, hour // 4) + (1 - own) * _around(by_hour, hour)
    local = smooth / np.maximum(median(smooth, axis=0), 1e-12)
    relative = smooth / np.maximum(smooth.mean(axis=0), 1e-12)
    chance = np.maximum(_CHANCE + 0.5 * own, _SPARSE * varied) / np.maximum(days, 1)
    real = np.clip(1 - chance / np.maximum(relative.var(axis=0), 1e-12), 0.0, 1.0)
    return np.nan_to_num(np.where(days >= 5, np.clip(1 + real * (local - 1), 0.4, 8.0), 1.0), nan=1.0)


def _neighbours(z: Floats, days: Floats) -> tuple[Floats, Floats, Floats]:
    """φ of neighbours, the deviation of what is left, and how heavy the tails of that are."""
    bounded = np.nan_to_num(np.clip(z, -3, 3))
    there = ~np.isnan(z)
    pairs = np.maximum((there[1:] & there[:-1]).sum(axis=0), 1)
    variance = np.maximum((bounded**2).sum(axis=0) / np.maximum(there.sum(axis=0), 1), 1e-9)
    phi = np.clip((bounded[1:] * bounded[:-1]).sum(axis=0) / pairs / variance, 0.0, 0.95)
    left = np.sqrt(np.clip(1 - phi**2, 0.02, None))
    sizes = np.abs(z[1:] - phi * z[:-1])
    middle, tail = _quantiles(sizes[:: 1 + len(sizes) // _SAMPLE], (0.5, 0.94))
    jumpy = 2 * np.log(np.maximum(tail / _TAIL, 1e-9) / np.maximum(middle / _QUARTER, 1e-9)) / (_TAIL**2 - _QUARTER**2)
    return days / (days + 0.3) * phi, left, days / (days + _DAYS) * np.clip(np.nan_to_num(jumpy), 0, _MOST_HEAVY)


def _sums(
    z: Floats, phi: Floats, surprise: Floats, windows: tuple[int, ...]
) -> tuple[tuple[Floats, ...], tuple[Floats, Floats]]:
    """`Noise.sums` and `Noise.power`, as far as the past is long enough to tell them."""
    bounded = np.nan_to_num(np.clip(z, -BOUND, BOUND))
    steps = np.clip((bounded[1:] - phi * bounded[:-1]) / surprise, -BOUND, BOUND)
    total, longest = running(steps), windows[-1]
    few = np.full(len(phi), 1.3)
    sizes = []
    for window in windows:
        ends = np.arange(window, len(steps) + 1, max(2, window // 2))
        sums = np.minimum(np.abs(summed(steps, total, ends, window, phi)), 4)
        sizes.append(np.maximum(0.9, np.sqrt((sums**2).mean(axis=0))) if len(steps) >= 2 * window else few)
    if len(steps) < 2 * longest:
        return tuple(sizes), (np.zeros(len(phi)), few)
    cubic = np.clip(power(running(steps**2), ends, longest), -12, 12)
    centre = median(cubic, axis=0)
    return tuple(sizes), (np.maximum(centre, 0), np.maximum(1, 1.4826 * median(np.abs(cubic - centre), axis=0)))


def running(values: Floats) -> Floats:
    """The sum up to each cell, from 0 on: a window's sum is a difference of two."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def summed(steps: Floats, total: Floats, ends: NDArray[np.int64], window: int, phi: Floats) -> Floats:
    """How far the level of the window before each end stands from what was before it: generalised least squares for AR(1).

    The first surprise of a new level is the whole of it, each later one 1 - φ of it.
    """
    later = np.clip(1 - phi, 0.05, 1.0)
    first = steps[ends - window]
    every = total[ends] - total[ends - window]
    return np.asarray((first + later * (every - first)) / np.sqrt(1 + (window - 1) * later**2))


def power(squares: Floats, ends: NDArray[np.int64], window: int) -> Floats:
    """The sum of a window's squares, whose running sum this is, as a normal deviation (Wilson and Hilferty 1931)."""
    part = 2 / (9 * window)
    return np.asarray((np.cbrt((squares[ends] - squares[ends - window]) / window) - (1 - part)) / math.sqrt(part))
