"""Anomalies: measurements that are unusual for their moment, judged only by what came before them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .matrix import HOUR, Grid, mean, median, on_grid
from .tails import normal_tails
from .times import DAY, Floats, Ints

RARE: Final = 4.7  # a flag is about as rare as once in e^4.7, 110 days of a series
_MEMORY: Final = 21  # days from which a profile, a spread and the usual extremes are learned
_WEEKS: Final = 8  # the same for what depends on the weekday
_GAIN: Final = 0.05  # the share of the error a profile has to save
_LEAST: Final = 12  # values before the first that is judged
_WINDOW: Final = 6 * HOUR
_STUCK: Final = 8 * HOUR
_CHANNELS: Final = 6  # by itself, as a step, summed; upwards and downwards
_MONDAY: Final = 4 * DAY  # 1970 began on a Thursday
_HOUR_CHANCE: Final = 0.4  # variance, after one day, of the relative spread of hours that are alike
_PRIOR_DAYS: Final = 12.0  # what is assumed of a tail weighs as much as so many days of it
_PRIOR_TAIL: Final = 1.7  # extremes of monitoring data go so many times farther than normal ones, until it is known
_BODY: Final = 1.35  # the same factor where the body of the values is normal
_PRIOR_COUNTS: Final = 1.2  # those of counts are known better
_LEAST_TAIL: Final = 0.8
_TAIL_DAYS: Final = 42
_TUNED: Final = 1.3  # makes the score tell the truth on a mix of noises of which a half is skewed or heavy-tailed; counts need a third
_BOUND: Final = 4.0  # spreads that one value may add to a sum
_TO_AND_FRO: Final = 0.01  # of a logarithmic error, in favour of the profile in use
_SIMPLER: Final = 0.02  # the same for a simpler one


@dataclass(frozen=True, slots=True)
class Anomalies:
    """Of every series and moment `score`, the natural logarithm of the days that pass until a value is as unusual again, NaN
    where nothing was measured or could be judged yet; and `flag`. A run raises the score that it reports with its fleet:
    k series have k·e^-score false findings a day.
    """

    score: pd.DataFrame
    flag: pd.DataFrame


def anomalies(series: pd.Series) -> pd.DataFrame:
    """`score` and `flag` of every value of a series.

    Method, all from earlier values: what a value should be is the median of the 24 hours before it plus the profile (none,
    hour of the day, of workdays and weekends, of the week) that predicted the days so far best. The distance is divided by
    a spread of its own for each direction and hour, and looked at in three ways: by itself, as a step from the value before,
    and summed over six hours, so that slow bursts count. How far each of them usually goes in a day is learned from its
    daily maxima, and from the look of its body until there are many (Gumbel 1958; a tail learned on line is Siffer's SPOT,
    2017), and turns the distance into a rarity.
    Also flagged: eight hours of one and the same value in a series that normally varies.

    Measured on generated months (tests/analyse/series.py, seeds not tuned on): 0.06 false events a series-month on normal
    noise, 0.6 on lognormal and t4 noise; of planted spikes 84 % found, dips 64 %, bursts of counts 80 %, values of another hour
    42 %, slow bursts of 2.5 to 5 deviations 20 %.

    Cost: 0.6 µs a value, 1 µs over a year; nine weeks before the first moment of interest are enough. Assumes three weeks
    for its full power, judges nothing within the first day. Counts get at least the spread of a Poisson variable. Weak: an
    anomaly in the first days widens what is normal; an event of more than twelve hours becomes the level (`level_shifts` names
    it); the first weekends of a weekly series; what comes every third day is usual.
    """
    found = anomalies_of(series.to_frame())
    return pd.DataFrame({"score": found.score.iloc[:, 0], "flag": found.flag.iloc[:, 0]})


def anomalies_of(frame: pd.DataFrame) -> Anomalies:
    """Scores and flags of every value of every column."""
    grid, cell_of_row = on_grid(frame)
    score = _scores(grid)
    flag = (score >= RARE) | _stuck(grid)
    unmeasured = np.isnan(frame.to_numpy(np.float64, na_value=np.nan))
    score, flag = np.where(unmeasured, np.nan, score[cell_of_row]), flag[cell_of_row] & ~unmeasured
    return Anomalies(pd.DataFrame(score, frame.index, frame.columns), pd.DataFrame(flag, frame.index, frame.columns))


# --- days -----------------------------------------------------------------------------------------------------------


def _day_of(grid: Grid) -> tuple[int, int]:
    """How many cells are judged at once, and how many of them lie before the grid: a day; a week of longer cells; else 12."""
    if grid.step <= 6 * HOUR:
        cells = grid.cells(DAY)
        return cells, int(grid.start % DAY / grid.step + 1e-6)
    if grid.step <= DAY:
        cells = grid.cells(7 * DAY)
        return cells, int((grid.start - _MONDAY) % (7 * DAY) / grid.step + 1e-6)
    return 12, 0


def _scores(grid: Grid) -> Floats:
    cells, front = _day_of(grid)
    n, series = grid.points.shape
    back = -(front + n) % cells
    x = np.pad(grid.points, ((front, back), (0, 0)), constant_values=np.nan).reshape(-1, cells, series)
    weekday = (
        (np.floor((grid.start - _MONDAY) / DAY).astype(int) + np.arange(len(x))) % 7
        if cells * grid.step == DAY
        else None
    )
    profiles = _Profiles(x, weekday)
    judge = _Judge(x, max(grid.cells(DAY), _LEAST), max(3, grid.cells(_WINDOW)), max(1, grid.cells(HOUR)))
    score = np.full(x.shape, np.nan)
    for day in range(len(x)):
        score[day] = judge.judged(day, profiles, *profiles.before(day))
        profiles.learn(day)
    return score.reshape(-1, series)[front : front + n]


class _Profiles:
    """The profiles that compete, and how well each predicted the days so far."""

    def __init__(self, x: Floats, weekday: NDArray[np.int64] | None) -> None:
        self.x, self.weekday = x, weekday
        least = max(3, x.shape[1] // 4)
        self.middle = median(x, axis=1, least=least)
        self.about_day = x - self.middle[:, None]
        self.about_week = np.full_like(x, np.nan)
        self.now = np.zeros((4 if weekday is not None else 2, *x.shape[1:]))
        self.there = np.zeros((len(self.now), x.shape[2]), bool)
        self.gain = np.zeros((len(self.now), x.shape[2]))  # mean logarithm of the error against that of no profile
        self.days = np.zeros_like(self.gain)
        self.choice = np.zeros(x.shape[2], np.int64)
        self.spreads = np.full((len(self.now), 2, len(x), x.shape[2]), np.nan)  # median and mean distances of days

    def before(self, day: int) -> tuple[Floats, Ints, NDArray[np.bool_]]:
        """What each profile says of a day, which is the best for each series, and whether that is a new choice."""
        self.now = self.now.copy()
        if day <= _MEMORY or day % 7 == 0:
            self._say(1, self.about_day[max(0, day - _MEMORY) : day], 3)
        if self.weekday is not None and day >= 14:
            free = self.weekday >= 5
            if day <= 2 * _MEMORY or day % 7 == 0 or free[day] != free[day - 1]:
                self._say(2, self.about_week[np.flatnonzero(free[:day] == free[day])[-_MEMORY:]], 3)
            self._say(3, self.about_week[day - 7 :: -7][:_WEEKS], 3)
        proven = np.where(self.there & (self.days >= 2), self.gain, 0.0)
        proven[1:] += _SIMPLER * np.arange(len(proven) - 1)[:, None]
        proven[1:] += np.where(np.arange(1, len(proven))[:, None] == self.choice, -_TO_AND_FRO, 0.0)
        best = np.argmin(proven, axis=0)
        series = np.arange(len(best))
        best = np.where(proven[best, series] < -_GAIN, best, 0)
        new = best != self.choice
        self.choice = best
        return self.now, best, new

    def _say(self, which: int, days: Floats, least: int) -> None:
        said = median(days, axis=0, least=least) if len(days) >= least else np.full(self.x.shape[1:], np.nan)
        self.there[which] = np.isfinite(said).mean(axis=0) > 0.5
        self.now[which] = np.where(self.there[which], np.nan_to_num(said), 0.0)

    def learn(self, day: int) -> None:
        """Scores the profiles on a day that is over."""
        self.about_week[day] = self.x[day] - median(self.middle[max(0, day - 6) : day + 1], axis=0)
        self.spreads[0, :, day] = _sizes(self.about_day[day])
        for which in range(1, len(self.now)):
            if not self.there[which].any():
                continue
            rest = self.x[day] - self.now[which]
            self.spreads[which, :, day] = np.where(self.there[which], _sizes(rest - median(rest, axis=0)), np.nan)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.log(self.spreads[which, 1, day] / self.spreads[0, 1, day])
            scored = self.there[which] & np.isfinite(ratio)
            self.days[which] += scored
            step = 1 / np.clip(self.days[which], 1, 14)
            self.gain[which] += np.where(scored, step * (np.clip(ratio, -2, 2) - self.gain[which]), 0.0)


def _sizes(rest: Floats) -> Floats:
    """The median distance, and the mean one in which none counts for more than five medians."""
    size = np.abs(rest)
    middle = median(size, axis=0, least=max(3, len(rest) // 8))
    return np.stack([middle, mean(np.fmin(size, 5 * middle), axis=0)])


def _spreads(rest: Floats) -> Floats:
    """Median distances upwards, downwards and both ways, and the mean distance, of a day."""
    size = np.abs(rest)
    least = max(3, len(rest) // 8)
    return np.stack(
        [
            median(np.where(rest > 0, rest, np.nan), axis=0, least=least),
            median(np.where(rest < 0, size, np.nan), axis=0, least=least),
            median(size, axis=0, least=least),
            mean(size, axis=0),
        ]
    )


class _Judge:
    """Levels, spreads and usual extremes, and the rarity of a day's values by them."""

    def __init__(self, x: Floats, width: int, window: int, hour: int) -> None:
        days, cells, series = x.shape
        self.x, self.width, self.window, self.hour = x, width, window, hour
        self.behind = max(-(-width // cells), -(-window // cells))
        self.profiles: list[Floats] = []
        self.level = np.full(series, np.nan)
        self.spreads = np.full((4, days, series), np.nan)  # up, down, both, and the mean
        self.by_hour = np.full((cells, series), 0.8)
        self.by_hour_days = np.zeros(series)
        self.earlier = np.full((self.behind * cells, series), np.nan)  # distances, in spreads
        self.phi = np.zeros(series)
        self.squares = np.full((days, 2, series), np.nan)
        self.days = np.zeros(series)
        self.extremes = np.full((days, _CHANNELS, series), np.nan)
        usual = _normal_beyond(1 / cells)
        density = math.exp(-(usual**2) / 2) / math.sqrt(2 * math.pi)
        self.prior = usual, 1 / (cells * density)
        self.counts = np.ones(series, bool)
        self.seen = np.zeros(series)

    def judged(self, day: int, known: _Profiles, profiles: Floats, choice: Ints, new: NDArray[np.bool_]) -> Floats:
        x = self.x[day]
        series = np.arange(x.shape[1])
        self.profiles = [*self.profiles, profiles][-self.behind - 1 :]
        flat = np.concatenate(
            [
                self.x[day - k] - self.profiles[-1 - k][choice, :, series].T if k <= day else np.full_like(x, np.nan)
                for k in range(self.behind, -1, -1)
            ]
        )
        level = self._levels(flat, len(x))
        rest = flat[-len(x) :] - level
        if new.any():  # what was usual about another profile says little about this one
            sizes = 1.15 * known.spreads[choice[new], :, :day, np.flatnonzero(new)].transpose(1, 2, 0)
            self.spreads[:, :day, new] = sizes[[0, 0, 0, 1]]
            self.extremes[:day, :, new] = np.nan
            self.by_hour[:, new], self.by_hour_days[new] = 0.8, 0
        z = self._distances(day, rest, level + (x - flat[-len(x) :]), level)
        channels = self._channels(z)
        score = self._rarity(day, channels)
        ready = self.seen >= _LEAST
        self._learn(day, x, rest, z, channels)
        return np.where(ready & ~np.isnan(x), score, np.nan)

    def _levels(self, flat: Floats, cells: int) -> Floats:
        """The median of a day's width before each cell, renewed eight times a width; the last known one in a long gap."""
        stride = max(1, self.width // 8)
        starts = np.arange(0, cells, stride) + len(flat) - cells
        windows = flat[starts[:, None] + np.arange(-self.width, 0)]
        levels = median(windows, axis=1, least=max(3, self.width // 4))
        for k, level in enumerate(levels):
            self.level = levels[k] = np.where(np.isnan(level), self.level, level)
        return np.repeat(levels, stride, axis=0)[:cells]

    def _distances(self, day: int, rest: Floats, expected: Floats, level: Floats) -> Floats:
        if not day:
            return np.full_like(rest, np.nan)
        up, down, both, average = median(self.spreads[:, max(0, day - _MEMORY) : day], axis=1)
        both = np.maximum(1.4826 * both, 0.9 * average)
        up, down = (np.where(np.isnan(side), both, np.clip(1.4826 * side, 0.6 * both, 2 * both)) for side in (up, down))
        spread = np.where(rest > 0, up, down)
        spread = np.maximum(spread * self._by_hour(), 1e-3 * np.abs(level))
        varied = (level < 1) | (average > 0.3 * np.sqrt(np.abs(level)))  # a Poisson variable strays by 0.8 of its root
        small = self.counts & varied & (np.abs(expected) < 30)
        spread = np.where(small, np.maximum(spread, np.sqrt(np.clip(expected, 0.3, None))), spread)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(rest == 0, 0.0, rest / spread)
        return np.where(np.isnan(rest) | np.isnan(spread), np.nan, np.clip(z, -50, 50))

    def _by_hour(self) -> Floats:
        """By how much values of an hour stray more than those of others; shrunk by what chance alone makes of equal hours."""
        around = _around(self.by_hour, self.hour)
        local = around / np.maximum(around.mean(axis=0), 1e-12)
        chance = _HOUR_CHANCE / np.clip(self.by_hour_days, 1, _MEMORY)
        real = np.clip(1 - chance / np.maximum(local.var(axis=0), 1e-12), 0.0, 1.0)
        return np.where(self.by_hour_days >= 5, np.clip(1 + real * (local - 1), 0.6, 2.5), 1.0)

    def _channels(self, z: Floats) -> Floats:
        """Each value by itself, as a step, summed over the window: channels × cells × series, upwards, then downwards."""
        cells = len(z)
        both = np.concatenate([self.earlier, z])
        bounded = np.clip(both, -_BOUND, _BOUND)
        before = np.nan_to_num(bounded[-cells - 1 : -1])
        step = (z - self.phi * before) / np.sqrt(1 - self.phi**2)
        there = ~np.isnan(bounded)
        total = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(np.where(there, bounded, 0.0), axis=0)])
        count = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(there, axis=0)])
        end = np.arange(len(both) - cells, len(both)) + 1
        longer = 1 + 2 * self.phi / (1 - self.phi) * (1 - (1 - self.phi**self.window) / (self.window * (1 - self.phi)))
        summed = (total[end] - total[end - self.window]) / np.sqrt(
            longer * np.maximum(count[end] - count[end - self.window], 1)
        )
        ways = []
        for side in (1.0, -1.0):
            going_on = np.where(side * z >= 1, side * summed, np.where(np.isnan(z), np.nan, -1.0))
            ways += [side * z, side * step, going_on]
        return np.stack(ways)

    def _rarity(self, day: int, channels: Floats) -> Floats:
        """The logarithm of the days between values as far out, the least usual way counting."""
        usual, scale = self.prior
        assumed = np.where(self.counts, _PRIOR_COUNTS, self._assumed(day))
        assumed = np.repeat(assumed, _CHANNELS // 2, axis=0)
        past = self.extremes[max(0, day - _TAIL_DAYS) : day]
        days = (~np.isnan(past)).sum(axis=0)
        weight = days / (days + _PRIOR_DAYS)
        seen = np.clip(np.nan_to_num(_upper(past) / (usual + scale)), 0.5, 10)
        tail = np.maximum(weight * seen + (1 - weight) * assumed, _LEAST_TAIL)
        rarity = (
            (channels / tail[:, None] - usual) / scale - math.log(_CHANNELS) - np.where(self.counts, _TUNED / 3, _TUNED)
        )
        most: Floats = np.max(np.where(np.isnan(rarity), -np.inf, rarity), axis=0)
        return most

    def _assumed(self, day: int) -> Floats:
        """How far extremes should go by the look of the body: its root mean square in each direction, against its median."""
        body = _BODY * np.sqrt(2 * mean(self.squares[max(0, day - _TAIL_DAYS) : day], axis=0))
        share = np.minimum(self.days, 60) / (np.minimum(self.days, 60) + 4)
        return np.where(np.isnan(body), _PRIOR_TAIL, share * np.clip(body, 1, 4) + (1 - share) * _PRIOR_TAIL)

    def _learn(self, day: int, x: Floats, rest: Floats, z: Floats, channels: Floats) -> None:
        self.spreads[:, day] = _spreads(rest)
        there = ~np.isnan(z)
        self.by_hour_days += there.any(axis=0)
        step = 1 / np.clip(self.by_hour_days, 3, _MEMORY)
        self.by_hour += np.where(there, step * (np.minimum(np.abs(z), 4) - self.by_hour), 0.0)
        bounded = np.where(there, np.clip(z, -3, 3), 0.0)
        pairs = (there[1:] & there[:-1]).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            phi = (bounded[1:] * bounded[:-1]).sum(axis=0) / pairs / ((bounded**2).sum(axis=0) / there.sum(axis=0))
        self.phi += np.where(np.isfinite(phi), (np.clip(phi, 0, 0.95) - self.phi) / min(day + 1, 10), 0.0)
        self.earlier = np.concatenate([self.earlier, z])[-len(self.earlier) :]
        with np.errstate(invalid="ignore"):
            extremes = np.max(np.where(np.isnan(channels), -np.inf, channels), axis=1)
        self.days += there.any(axis=0)
        above = np.stack([np.where(side * z >= 0, np.minimum(np.abs(z), _BOUND), 0.0) for side in (1, -1)])
        self.squares[day] = mean(np.where(there, above**2, np.nan), axis=1)
        self.extremes[day] = np.where(there.sum(axis=0) >= len(x) / 2, extremes, np.nan)
        known = ~np.isnan(x)
        self.counts &= np.all(~known | ((x >= 0) & (x == np.floor(x))), axis=0)
        self.seen += known.sum(axis=0)


def _upper(days: Floats) -> Floats:
    """The mean of the greater half of the days without their greatest tenth; NaN where there is none."""
    ordered = np.sort(days, axis=0)
    count = (~np.isnan(days)).sum(axis=0)
    place = np.arange(len(days))[:, None, None] + 0.5
    inside = (place > 0.4 * count) & (place < np.maximum(0.9 * count, 0.4 * count + 1.01))
    return mean(np.where(inside, ordered, np.nan), axis=0)


def _around(by_hour: Floats, hour: int) -> Floats:
    """The mean over an hour to both sides, round the clock; the middle counts double."""
    total = 2 * by_hour
    for away in range(1, hour + 1):
        total = total + np.roll(by_hour, away, axis=0) + np.roll(by_hour, -away, axis=0)
    return total / (2 + 2 * hour)


def _normal_beyond(share: float) -> float:
    """The z above which this share of a normal variable lies."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(normal_tails(middle)) / 2 > share else (low, middle)
    return high


def _stuck(grid: Grid) -> NDArray[np.bool_]:
    """Cells that end at least eight hours (six cells) of one value, in a series that repeated itself rarely until then."""
    x = grid.points
    same = np.zeros(x.shape, bool)
    same[1:] = x[1:] == x[:-1]
    place = np.arange(len(x))[:, None]
    began = np.maximum.accumulate(np.where(same, 0, place), axis=0)
    repeats, pairs = np.cumsum(same, axis=0), np.cumsum(~np.isnan(x), axis=0)
    before, known = np.take_along_axis(repeats, began, 0), np.take_along_axis(pairs, began, 0)
    least = max(6, grid.cells(_STUCK))
    return np.asarray((place - began + 1 >= least) & same & (known >= 48) & (before <= 0.05 * known))
