"""Releases: what has climbed for days may fall back at once, as memory does when its process is started anew."""

from __future__ import annotations

from typing import Final

import numpy as np

from .matrix import median
from .times import Floats

LEAST_CELLS: Final = 8  # of a day
_PARTS: Final = 8  # of a day, and of a climb, which is told by their order (Mann 1945)
_SPANS: Final = (1, 2, 4)  # days that a climb may last
_CONCORDANT: Final = 22  # of the 28 pairs of parts: so many more rise than fall; chance has a deviation of 8
_REMEMBERED: Final = 14  # days in which a base is looked for
_CLIMBED: Final = 4.0  # deviations of the noise that a climb has to be high
_BELOW: Final = 0.3  # of a climb, that the next base may lie below the last; all of it while no base can have been seen


class Releases:
    """How far each series may fall after a climb, or rise after a descent: back to where it was, not farther."""

    def __init__(self, days: int, series: int) -> None:
        self._parts = np.full((days, _PARTS, series), np.nan)
        self._bounds = np.full((2, 2, series), np.nan)  # yesterday's and today's, low and high

    def learn(self, day: int, flat: Floats) -> None:
        """Takes a day that is over, less its profile."""
        cells = len(flat) // _PARTS
        self._parts[day] = median(flat[: cells * _PARTS].reshape(_PARTS, cells, -1), axis=1)

    def between(self, day: int, scale: Floats) -> tuple[Floats, Floats]:
        """The lowest and the highest value that is a release; NaN where none is due. What was due yesterday is today."""
        self._bounds = np.stack([self._bounds[1], self._due(day, scale)])
        return np.fmin(*self._bounds[:, 0]), np.fmax(*self._bounds[:, 1])

    def _due(self, day: int, scale: Floats) -> Floats:
        if not day:
            return np.full_like(self._bounds[0], np.nan)
        orders = [self._order(day, span) for span in _SPANS if day >= span]
        past = self._parts[max(0, day - _REMEMBERED) : day].reshape(-1, self._parts.shape[2])
        now, top, bottom = past[-1], np.fmax.reduce(past, axis=0), np.fmin.reduce(past, axis=0)
        beyond = max(_BELOW, 1 - day / _REMEMBERED)
        least = _CLIMBED * scale
        falls = (np.max(orders, axis=0) >= _CONCORDANT) & (now - bottom >= least)
        rises = (np.min(orders, axis=0) <= -_CONCORDANT) & (top - now >= least)
        low = np.where(falls, bottom - beyond * (now - bottom), np.nan)
        return np.stack([low, np.where(rises, top + beyond * (top - now), np.nan)])

    def _order(self, day: int, span: int) -> Floats:
        """Pairs of parts of the last days of which the later is higher, less those of which it is lower."""
        parts = self._parts[day - span : day].reshape(_PARTS, span, -1).mean(axis=1)
        first, second = np.triu_indices(_PARTS, 1)
        return np.asarray(np.nan_to_num(np.sign(parts[second] - parts[first])).sum(axis=0))
