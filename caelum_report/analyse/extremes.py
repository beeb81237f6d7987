"""How high a series goes by its own chance, told from the greatest values of its days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .times import Floats

_PRIOR_DAYS: Final = 5  # of normal noise that each series starts with, so that a few days cannot invent a tail
_SMALL: Final = 0.5  # deviations: below it a normal day's greatest is no scale to measure by


@dataclass(frozen=True, slots=True)
class Limits:
    """Deviations from the usual, by series, which chance alone exceeds once in `1 / chance` looks at the whole fleet."""

    alone: Floats  # by one cell
    paired: Floats  # by a cell and one of its next two


def limits(values: Floats, days: NDArray[np.int64], per_day: int, looked_days: float, chance: float) -> Limits:
    """Of deviations (cells x series) that are looked at over `looked_days` of all series together.

    Method: block maxima (Gumbel 1958). A series' greatest value of a day has a middle and an upper quartile; from these the
    tail is drawn on to the rarity of so many series and days, never lower than normal independent noise would go. Heavy tails,
    and troubles that last from one hour to the next (pairs), raise a series' limit by what it has shown. A quarter of
    its days may be trouble without moving it. Cost: one sort of the series' days.
    Weak: a tail that is heavier than exponential goes beyond it (Student's t with 4 degrees at 30 % noise: two in a week of
    twelve servers instead of one in twenty); in the first days it is that of normal noise.
    """
    normal = NormalDist().inv_cdf
    per_day = max(per_day, 2)
    number = max(looked_days * per_day * values.shape[1], 20)
    return Limits(
        _limit(_greatest_of_days(values, days), normal(0.5 ** (1 / per_day)), normal(1 - chance / number), number / per_day / chance),
        _limit(
            _greatest_of_days(_paired(values), days),
            normal(1 - (0.5 / (2 * per_day)) ** 0.5),  # a cell has two partners
            normal(1 - (chance / (2 * number)) ** 0.5),
            number / per_day / chance,
        ),
    )  # fmt: skip


def _limit(greatest: Floats, usual: float, wanted: float, rarity: float) -> Floats:
    """`usual` and `wanted` are the middle day's greatest and the limit of normal noise, `rarity` counts days."""
    days = len(greatest)
    middle, upper = greatest[(days - 1) // 2], greatest[3 * (days - 1) // 4]
    known = np.isfinite(middle)
    middle = np.where(known, middle, usual)
    far = math.log(rarity) + math.log(math.log(2))  # from a Gumbel law's median, in its scales
    normal = (wanted - usual) / far
    scale = np.where(known & np.isfinite(upper), (upper - middle) / 0.879, normal)  # its quartile lies 0.879 above
    scale = np.maximum(scale, np.median(scale)) if len(scale) else scale  # a calm fortnight is luck
    learnt = max(days - 2, 0)
    scale = np.maximum((learnt * scale + _PRIOR_DAYS * normal) / (learnt + _PRIOR_DAYS), normal)
    heavier = np.maximum(middle / max(usual, _SMALL), 1.0)
    return np.asarray(np.maximum(heavier * wanted, middle + scale * far))


def _greatest_of_days(values: Floats, days: NDArray[np.int64]) -> Floats:
    """Ascending; -inf where a day has none."""
    there = np.where(np.isfinite(values), values, -np.inf)
    return np.sort(np.stack([there[days == day].max(axis=0) for day in np.unique(days)]), axis=0)


def _paired(values: Floats) -> Floats:
    """The lesser of each measured value and the greater of the next two measured ones."""
    there = np.isfinite(values)
    order = np.argsort(~there, axis=0, kind="stable")  # what was measured first, in its order
    packed = np.take_along_axis(np.where(there, values, -np.inf), order, axis=0)
    padded = np.concatenate((packed, np.full((2, values.shape[1]), -np.inf)))
    pairs = np.empty_like(packed)
    np.put_along_axis(pairs, order, np.minimum(packed, np.maximum(padded[1:-1], padded[2:])), axis=0)
    return pairs
