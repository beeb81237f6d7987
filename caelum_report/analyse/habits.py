"""Habits: what an hour of the day or of the week adds to a series, learned day by day from what came before."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .matrix import mean, median
from .times import Floats

_DAYS: Final = 21  # from which a profile of days is learned
_WEEKS: Final = 8  # the same for what depends on the weekday
_UNKNOWN_DAYS: Final = 15  # before, weekends are not known
_PROOF: Final = 2  # days that a profile has to have predicted
_GAIN: Final = 0.05  # the share of the error that a profile has to save
_TO_AND_FRO: Final = 0.01  # of a logarithmic error, in favour of the profile in use
_SIMPLER: Final = 0.02  # the same for a simpler one
_NONE, _DAY, _WORKDAY, _WEEK = range(4)
_SATURDAY: Final = 5


class Habits:
    """Four profiles compete for each series: none, the hour of the day, workdays and weekends apart, the hour of the week.

    Each is a median of days that are over; that which predicted the last days best is used (prequential choice, Dawid 1984).
    `days` are days × cells × series. Where cells do not make days there is no weekday, and the first two compete alone.
    """

    def __init__(self, days: Floats, weekday: NDArray[np.int64] | None) -> None:
        self._x, self._weekday = days, weekday
        kinds = 2 if weekday is None else 4
        self.middle = median(days, axis=1, least=max(3, days.shape[1] // 4))
        self._about_day = days - self.middle[:, None]
        self._about_week = np.full_like(days, np.nan)
        self._tables = [np.zeros((size, *days.shape[1:])) for size in (1, 1, 2, 7)[:kinds]]
        self._there = np.zeros((kinds, days.shape[2]), bool)
        self._gain = np.zeros(self._there.shape)  # mean logarithm of the error against that of no profile
        self._scored = np.zeros(self._there.shape)  # days
        self._level = np.full(self._there.shape, np.nan)  # of the last day, by each profile
        self._choice = np.zeros(days.shape[2], np.int64)

    def of(self, day: int) -> Floats:
        """What the chosen profiles say of a day: cells × series."""
        said = np.broadcast_to(0.0, self._x.shape[1:])
        for kind in np.unique(self._choice[self._choice > _NONE]).tolist():
            said = np.where(self._choice == kind, self._said(kind, day), said)
        return np.asarray(said)

    def _said(self, kind: int, day: int) -> Floats:
        return np.asarray(self._tables[kind][self._row(kind, day)])

    def _row(self, kind: int, day: int) -> int:
        if self._weekday is None or kind < _WORKDAY:
            return 0
        weekday = int(self._weekday[day])
        return weekday if kind == _WEEK else int(weekday >= _SATURDAY)

    def renew(self, day: int) -> NDArray[np.bool_]:
        """Learns the profiles from the days before `day` and chooses; which series have another one than before."""
        if day >= 3:
            self._learn(_DAY, [self._about_day[max(0, day - _DAYS) : day]], 3)
        if self._weekday is not None and day >= 9:
            free = self._weekday[:day] >= _SATURDAY
            self._learn(
                _WORKDAY, [self._about_week[np.flatnonzero(free == kind)[-_DAYS:]] for kind in (False, True)], 2
            )
        if self._weekday is not None and day >= 14:
            before = self._weekday[:day]
            self._learn(_WEEK, [self._about_week[np.flatnonzero(before == one)[-_WEEKS:]] for one in range(7)], 2)
        proven = np.where(self._there & (self._scored >= _PROOF), self._gain, 0.0)
        proven[1:] += _SIMPLER * np.arange(len(proven) - 1)[:, None]
        proven[1:] -= np.where(np.arange(1, len(proven))[:, None] == self._choice, _TO_AND_FRO, 0.0)
        best = np.argmin(proven, axis=0)
        best = np.where(proven[best, np.arange(len(best))] < -_GAIN, best, _NONE)
        changed: NDArray[np.bool_] = best != self._choice
        self._choice = best
        return changed

    def _learn(self, kind: int, groups: list[Floats], least: int) -> None:
        said = [
            median(days, axis=0, least=least) if len(days) >= least else np.full(self._x.shape[1:], np.nan)
            for days in groups
        ]
        self._there[kind] = np.min([np.isfinite(table).mean(axis=0) for table in said], axis=0) > 0.5
        if kind == _DAY:
            said = [said[0] - median(said[0], axis=0)]
        self._tables[kind] = np.where(self._there[kind], np.nan_to_num(np.stack(said)), 0.0)

    def score(self, day: int) -> None:
        """How well each profile predicted a day that is over, about the mean of its own level and the day's before."""
        x = self._x[day]
        self._about_week[day] = x - median(self.middle[max(0, day - 6) : day + 1], axis=0)
        error = np.full(self._gain.shape, np.nan)
        for kind in range(len(self._tables)):
            if kind != _NONE and not self._there[kind].any():
                continue
            rest = x - self._said(kind, day) if kind != _NONE else x
            level = median(rest, axis=0, least=3) if kind != _NONE else self.middle[day]
            before, self._level[kind] = self._level[kind], level
            error[kind] = mean(np.abs(rest - np.where(np.isnan(before), level, 0.5 * (before + level))), axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(error / error[_NONE])
        counts = self._there & np.isfinite(ratio)
        self._scored += counts
        step = 1 / np.clip(self._scored, 1, 14)
        self._gain += np.where(counts, step * (np.clip(np.nan_to_num(ratio), -2, 2) - self._gain), 0.0)

    def is_workday(self, day: int) -> bool:
        """Whether it is one from Monday to Friday; every day is where there are no weekdays."""
        return self._weekday is None or bool(self._weekday[day] < _SATURDAY)

    def rest(self, first: int, last: int, series: NDArray[np.bool_]) -> Floats:
        """Days less their profiles and their levels, as if the present choice had always been made."""
        said = np.stack([self.of(day)[:, series] for day in range(first, last)])
        rest = self._x[first:last][:, :, series] - said
        level = median(rest, axis=1)
        before = np.concatenate([level[:1], level[:-1]])
        return np.asarray(rest - np.where(np.isnan(before), level, 0.5 * (before + level))[:, None])

    def between(self, day: int, level: Floats, expected: Floats) -> tuple[Floats, Floats]:
        """The least and the greatest value that is no surprise on a day, where little is known of days and weekends yet.

        Until a profile of days can have proved itself, what the same hour had yesterday is none. In the first two weeks the
        days from Saturday to Monday may follow the profile or none, stand on the level of yesterday or of the days before, and
        look as they did a week ago.
        """
        low = high = expected
        unproven = (self._choice == _NONE) & (self._scored[_DAY] <= _PROOF)
        if day and unproven.any():
            for yesterday in (np.roll(self._x[day - 1], cells, axis=0) for cells in (-1, 0, 1)):
                near = np.where(unproven & ~np.isnan(yesterday), yesterday, expected)
                low, high = np.minimum(low, near), np.maximum(high, near)
        if self._weekday is None or not 0 < day < _UNKNOWN_DAYS or 0 < self._weekday[day] < _SATURDAY:
            return low, high
        said, free = self.of(day), self._weekday[day] >= _SATURDAY
        week = median(self.middle[max(0, day - 7) : day], axis=0)
        week = np.where(np.isnan(week), level, week)
        ways = [week + said]
        if free:
            ways.append(level)
        if free and day >= 7:
            ways.append(np.nan_to_num(self._about_week[day - 7] + week - level) + level)
        uncertain = self._choice <= _DAY
        for way in ways:
            low = np.where(uncertain, np.minimum(low, way), low)
            high = np.where(uncertain, np.maximum(high, way), high)
        return np.asarray(low), np.asarray(high)
