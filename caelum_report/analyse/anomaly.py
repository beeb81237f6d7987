"""Anomalies: measurements that are unusual for their moment, judged only by what came before them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .habits import Habits
from .matrix import HOUR, Grid, finite, mean, median, middle_third, on_grid, without_long_gaps
from .noise import BOUND, Noise, noise_of, power, running, summed
from .releases import LEAST_CELLS, Releases
from .season import MONDAY
from .tails import normal_rarity
from .times import DAY, Floats, Ints

RARE: Final = 4.7  # a flag is about as rare as once in e^4.7, 110 days of a series
_MEMORY: Final = 28  # days from which the noise is learned
_LEAST: Final = 12  # values before the first that is judged
_WINDOWS: Final = (HOUR, 3 * HOUR, 8 * HOUR)  # that sums are taken over
_STUCK: Final = 8 * HOUR
_AT_ONCE: Final = 14_400  # values of a day that are judged together
_PRIOR_DAYS: Final = 12.0  # what is assumed of extremes weighs as much as so many days of them
_PRIOR_TAIL: Final = 1.05
_LEAST_TAIL, _LEAST_TAIL_SUMS = 0.9, 1.0
_TAIL_DAYS: Final = 42
_EARLY, _EARLY_SUMS = 0.8, 2.0  # by how much farther extremes may go after one day, of values and of their sums
_AGAIN: Final = 3.8  # normal deviations that remain of what happened on three days before
_TUNED: Final = 0.65  # makes the score tell the truth on a mix of noises of which a half is skewed or heavy-tailed
_TUNED_COUNTS: Final = 0.0  # the same where the noise is that of counts
_FINE: Final = 1200.0  # seconds; where cells are at most so long, one value by itself may be a slip of the measurement
_TUNED_FINE: Final = -1.0  # the same there
_SLIP: Final = 2.2  # by how much farther than others such a value is assumed to go there
_SUMS_FINE: Final = 0.9  # and sums
_STILL: Final = 3.0  # the score of the first other value after one day of the same one
_BESIDE: Final = 0.9  # normal deviations a value itself has to stand out where its window does
_GOING_ON: Final = 1.5  # the same of the next shorter window
_SHARE: Final = 0.45  # of a window's sum that the next shorter one has to have; 0.6 where it is steady
_RESTLESS: Final = 3.0  # and of its power
_SMALL: Final = 30.0  # counts up to which the Poisson distribution is used itself
_FEWEST: Final = 0.1  # counts a cell that are expected where none were seen


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

    Method, all from earlier values: what a value should be is the middle of the 24 hours before it plus the profile (none,
    hour of the day, of workdays and weekends, of the week) that predicted the days so far best (`habits`). The distance is
    turned into the normal deviations that are as rare, by the spread of its hour and the shape of its series (`noise`, Tukey's
    g-and-h); small counts by the Poisson deviance. These are looked at in four ways: each by itself, as a step that its
    neighbours do not explain (AR(1)), summed over one, three and eight hours for what goes on (generalised least
    squares), and the power of eight hours for what becomes restless; where cells are of twenty minutes or less, also two in a
    row, since one may be a slip of the measurement. How far each way usually goes in a day is learned from its daily extremes
    (Gumbel 1958), and what happened on three days is usual. No surprise is what the same hour had yesterday while no profile can
    have proved itself, and what falls back to where it was after days of climbing (`releases`).
    Also flagged: eight hours of one and the same value in a series that normally varies.

    Measured by bench/recall.py on seeds not tuned on, each figure ± 3 points. Noise added to a level: false events a series-month
    0.02 on normal noise, 0.3 on lognormal, 0.6 on t4; found of spikes 84 %, dips 83 %, unusual hours 53 %, slow bursts of 2.5 to
    5 deviations 37 %, bursts of counts 77 %. Monitored series in their own units: 0.16 false events a series-month, 0.2 every five
    minutes; found of three hours of 1.5 times the latency 47 %, bursts 41 %, ramps 66 %, dips 54 %, louder noise 46 %; every five
    minutes 59, 68, 81, 64 and 72 %. Noise of a tenth of the level hides three hours of 1.5 times the latency in 15 to 45 %,
    noise of a fifth in 90 %.

    Takes rows in any order, more than one of a time, any zone, any distances. Says nothing (a score of NaN and no flag) of what
    was not measured, is no number of a unit or has the stamp of a wrong clock (`matrix.finite`, `matrix.strays`); these change
    nothing for other rows. Gaps of three weeks and more are shortened, so that what was learned before them is remembered.

    Cost: 0.8 µs a value, 1 over a year; nine weeks before the first moment of interest are enough. Assumes three weeks for its
    full power, judges nothing within the first day nor on the first workday after a weekend alone, is shy on weekends and Mondays
    of the first two weeks. Weak: an anomaly in the first days widens what is normal; an event of more than twelve hours becomes
    the level (`level_shifts` names it); noise that is skewed or heavy-tailed by nature, in which six deviations are usual: a
    p95 with an outlier every ten days is told 0.5 times a month; memory that is freed at restarts still 0.5 times a month, and its
    restarts widen what is normal.
    """
    found = anomalies_of(series.to_frame())
    return pd.DataFrame({"score": found.score.iloc[:, 0], "flag": found.flag.iloc[:, 0]})


def anomalies_of(frame: pd.DataFrame) -> Anomalies:
    """Scores and flags of every value of every column."""
    values = finite(frame.to_numpy(np.float64, na_value=np.nan))
    times = without_long_gaps(frame.index) if isinstance(frame.index, pd.DatetimeIndex) else frame.index
    grid, cell_of_row = on_grid(pd.DataFrame(values, times))
    score = _scores(grid)
    flag = (score >= RARE) | _stuck(grid)
    unmeasured = np.isnan(values) | (cell_of_row < 0)[:, None]
    score, flag = np.where(unmeasured, np.nan, score[cell_of_row]), flag[cell_of_row] & ~unmeasured
    return Anomalies(pd.DataFrame(score, frame.index, frame.columns), pd.DataFrame(flag, frame.index, frame.columns))


_Way = tuple[Floats, NDArray[np.bool_]]  # how far values go in one way of looking, and where it counts


# --- days -----------------------------------------------------------------------------------------------------------


def _day_of(grid: Grid) -> tuple[int, int]:
    """How many cells are judged at once, and how many of them lie before the grid: a day; a week of longer cells; else 12."""
    if grid.step <= 6 * HOUR:
        cells = grid.cells(DAY)
        return cells, int(grid.start % DAY / grid.step + 1e-6)
    if grid.step <= DAY:
        cells = grid.cells(7 * DAY)
        return cells, int((grid.start - MONDAY) % (7 * DAY) / grid.step + 1e-6)
    return 12, 0


def _scores(grid: Grid) -> Floats:
    """A few series at a time, so that what is worked on stays in the processor's cache."""
    cells, front = _day_of(grid)
    n, series = grid.points.shape
    back = -(front + n) % cells
    weekday = (
        (np.floor((grid.start - MONDAY) / DAY).astype(int) + np.arange((front + n + back) // cells)) % 7
        if cells * grid.step == DAY
        else None
    )
    at_once = max(1, _AT_ONCE // cells)
    score = np.empty((n, series))
    for first in range(0, series, at_once):
        some = slice(first, first + at_once)
        points = np.pad(grid.points[:, some], ((front, back), (0, 0)), constant_values=np.nan)
        x = points.reshape(-1, cells, points.shape[1])
        judge = _Judge(x, Habits(x, weekday), grid, front / cells)
        for day in range(len(x)):
            judge.judge(day)
        score[:, some] = judge.score.reshape(points.shape)[front : front + n]
    return score


def _windows(grid: Grid) -> tuple[int, ...]:
    """Cells of the windows, those that are longer than two; three cells where all of them are too short."""
    cells = [grid.cells(seconds) for seconds in _WINDOWS]
    return tuple(c for c in cells if c >= 3) or (3,)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Values, what was expected of them, and between what they are no surprise; cells × series each."""

    x: Floats
    level: Floats
    expected: Floats
    low: Floats
    high: Floats

    def last(self, cells: int, later: _Seen) -> _Seen:
        """The last cells of this and what came later."""
        return _Seen(
            *(
                np.concatenate([getattr(self, name), getattr(later, name)])[-cells:]
                for name in ("x", "level", "expected", "low", "high")
            )
        )

    def seen_from(self, today: _Seen) -> _Seen:
        """With as much tolerance as today's first cell has: it must be no step when a day's tolerance begins or ends."""
        low = self.expected + np.minimum(self.low - self.expected, today.low[0] - today.expected[0])
        high = self.expected + np.maximum(self.high - self.expected, today.high[0] - today.expected[0])
        return _Seen(self.x, self.level, self.expected, low, high)


class _Judge:
    """What is usual so far, and the rarity of a day's values by it."""

    def __init__(self, x: Floats, habits: Habits, grid: Grid, late: float) -> None:
        days, cells, series = x.shape
        self.x, self.habits, self.late = x, habits, late
        self.width = max(grid.cells(DAY), _LEAST)
        self.hour = max(1, grid.cells(HOUR))
        self.fine = grid.step <= _FINE
        self.windows = _windows(grid)
        self.level = np.full(series, np.nan)
        self.score = np.full_like(x, np.nan)
        self.rest = np.full_like(x, np.nan)  # distances from what was expected
        self.noise: Noise | None = None
        self.releases = Releases(days, series)
        self.yesterday = np.full((cells, series), np.nan)
        self.renewed = 0
        unknown = np.full((self.windows[-1] + 4, series), np.nan)
        self.before = _Seen(unknown, unknown, unknown, unknown, unknown)
        self.early, self.least_tail, self.prior = _assumed(len(self.windows), fine=self.fine)
        ways = len(self.prior)
        self.extremes = np.full((days, ways, series), np.nan)
        self.tails = np.ones((ways, series))
        self.usual_extreme = _normal_beyond(0.7 / cells)
        self.counts = np.ones(series, bool)
        self.worked = np.zeros(series, bool)
        self.seen = np.zeros(series)

    def judge(self, day: int) -> None:
        x = self.x[day]
        if self._due(day):
            self._renew(day)
        said = self.habits.of(day)
        level = self._levels(day, x - said)
        today = _Seen(x, level, level + said, *self._between(day, level, said))
        self.rest[day] = x - today.expected
        score = np.full_like(x, np.nan)
        if self.noise is not None:
            cells = np.arange(len(x))
            earlier, _ = self._deviations(
                self.noise, self.before.seen_from(today), np.arange(-len(self.before.x), 0) % len(x)
            )
            q, small = self._deviations(self.noise, today, cells)
            score = self._rarity(self.noise, day, earlier, q, small)
        self.before = self.before.last(len(self.before.x), today)
        self.yesterday = level
        self.habits.score(day)
        self._know(day, score)

    def _know(self, day: int, score: Floats) -> None:
        """Keeps the scores of values that can be judged: the first workday of a series is none after a weekend alone."""
        x = self.x[day]
        known = ~np.isnan(x)
        self.counts &= np.all(~known | ((x >= 0) & (x == np.floor(x))), axis=0)
        workday = self.habits.is_workday(day)
        ready = (self.seen >= _LEAST) & (self.worked | (not workday))
        self.seen += known.sum(axis=0)
        self.worked |= workday & known.any(axis=0)
        self.score[day] = np.where(ready & known, score, np.nan)

    def _between(self, day: int, level: Floats, said: Floats) -> tuple[Floats, Floats]:
        """The least and the greatest value that is no surprise: little is known yet, a level of yesterday, a release."""
        expected = level + said
        low, high = self.habits.between(day, level, expected)
        before = np.where(np.isnan(self.yesterday), level, self.yesterday) + said
        low, high = np.minimum(low, before), np.maximum(high, before)
        if len(level) < LEAST_CELLS:
            return low, high
        if self.noise is not None:
            fallen, risen = self.releases.between(day, self.noise.scale)
            low, high = np.fmin(low, fallen + said), np.fmax(high, risen + said)
        self.releases.learn(day, self.x[day] - said)
        return low, high

    def _deviations(self, noise: Noise, seen: _Seen, cells: Ints) -> tuple[Floats, NDArray[np.bool_]]:
        """The normal deviations that values in these cells of a day are as rare as, and where they are those of small counts."""
        q = noise.normal_of(seen.x - np.clip(seen.x, seen.low, seen.high), seen.level, cells)
        small = self._small(noise, seen.level, seen.expected)
        if small.any():
            q = np.where(small, self._poisson(noise, seen, cells), q)
        return np.clip(q, -40, 40), small

    def _due(self, day: int) -> bool:
        """Every day at first, then whenever there is a seventh more, at last every second week."""
        return day >= 1 and day - self.renewed >= min(14, max(1, round(0.25 * self.renewed)))

    def _renew(self, day: int) -> None:
        """Learns what is usual from the days before. Where habits change, the past is seen with the new ones."""
        first = max(0, day - _MEMORY)
        changed = self.habits.renew(day)
        if changed.any():
            self.rest[first:day, :, changed] = self.habits.rest(first, day, changed)
            self.extremes[:day, :, changed] = np.nan
        level = np.nan_to_num(median(self.habits.middle[first:day], axis=0))
        self.noise = noise_of(self.rest[first:day], self.hour, level, self.windows)
        self.renewed = day

    def _levels(self, day: int, flat: Floats) -> Floats:
        """The middle of a day's width before each cell, renewed eight times a width; the last known one in a long gap."""
        cells = len(flat)
        behind = -(-self.width // cells)
        before = [
            self.x[k] - self.habits.of(k) if k >= 0 else np.full_like(flat, np.nan) for k in range(day - behind, day)
        ]
        longer = np.concatenate([*before, flat])
        stride = max(1, self.width // 8)
        starts = np.arange(0, cells, stride) + behind * cells
        windows = longer[starts[:, None] + np.arange(-self.width, 0)]
        levels = middle_third(windows, axis=1, least=max(3, self.width // 4))
        for k, level in enumerate(levels):
            self.level = levels[k] = np.where(np.isnan(level), self.level, level)
        return np.repeat(levels, stride, axis=0)[:cells]

    def _small(self, noise: Noise, level: Floats, expected: Floats) -> NDArray[np.bool_]:
        """Where values are counts so small that their noise is known: whole, and as varied as those of chance."""
        # a Poisson variable strays by 0.8 of its root
        varied = (level < 1) | (noise.size > 0.3 * np.sqrt(np.abs(level)))
        return np.asarray(self.counts & varied & (np.abs(expected) < _SMALL) & (level < _SMALL))

    def _poisson(self, noise: Noise, seen: _Seen, cells: Ints) -> Floats:
        """Normal deviations of counts, less where they or those of their hour stray more than those of chance."""
        mean_count = np.maximum(np.maximum(seen.expected, np.minimum(noise.excess, 3.0)), _FEWEST)
        usual = 0.8 * np.sqrt(np.maximum(np.maximum(seen.level, noise.excess), 0.5))
        chance = np.sqrt(np.maximum(mean_count, 0.5) / np.maximum(seen.level, 0.5))
        strays = noise.size / usual * np.maximum(noise.by_hour[cells], 1.0) / chance
        return _deviance(seen.x, mean_count) / np.maximum(1.0, strays)

    def _rarity(self, noise: Noise, day: int, earlier: Floats, q: Floats, small: NDArray[np.bool_]) -> Floats:
        """The logarithm of the days between values as far out, the least usual way counting."""
        if self.renewed == day or day % 3 == 0:
            self._learn_tails(day)
        there = ~np.isnan(q)
        enough = there.sum(axis=0) >= len(q) / 2
        farthest = np.full_like(q, -np.inf)
        for k, (way, counts) in enumerate(self._ways(noise, earlier, q)):
            seen = np.where(there, way, -np.inf)
            self.extremes[day, k] = np.where(enough, seen.max(axis=0), np.nan)
            farthest = np.maximum(farthest, np.where(counts, seen / self.tails[k], -np.inf))
        tuned = np.where(small, _TUNED_COUNTS, _TUNED_FINE if self.fine else _TUNED)
        rarity = normal_rarity(farthest) - math.log(len(q) * len(self.tails)) - tuned
        return np.where(noise.still, np.minimum(rarity, np.log(np.maximum(noise.days, 0.5)) + _STILL), rarity)

    def _ways(self, noise: Noise, earlier: Floats, q: Floats) -> list[_Way]:
        """Each value by itself, as a step, summed over the windows, up and down; and the power of the longest window.

        Where cells are fine, also the nearer of two in a row. And where each counts: what a window tells of has to go on. How
        far it usually goes is learned from all of it.
        """
        both = np.concatenate([earlier, q])
        bounded = np.nan_to_num(np.clip(both, -BOUND, BOUND))
        up, down = self._singly(noise, both, bounded, len(q))
        steps = np.nan_to_num(np.clip((both[1:] - noise.phi * bounded[:-1]) / noise.surprise, -BOUND, BOUND))
        ends, total = np.arange(len(steps) - len(q), len(steps)) + 1, running(steps)
        sums = [
            summed(steps, total, ends, window, noise.phi) / usual
            for window, usual in zip(self.windows, noise.sums, strict=True)
        ]
        squares = running(steps**2)
        restless = (power(squares, ends, self.windows[-1]) - noise.power[0]) / noise.power[1]
        lately = power(squares, ends, self.windows[-2:][0])
        always = np.ones(q.shape, bool)
        return [
            *((way, always) for way in up),
            *_going_on(q, sums),
            *((way, always) for way in down),
            *_going_on(-q, [-one for one in sums]),
            (np.where(np.abs(q) >= 1, restless, -1.0), lately >= _RESTLESS),
        ]

    def _singly(self, noise: Noise, both: Floats, bounded: Floats, cells: int) -> tuple[list[Floats], list[Floats]]:
        """The last values by themselves and as steps that their neighbours do not explain, and two in a row; up and down."""
        last, second, third = bounded[2:-1], bounded[1:-2], bounded[:-3]
        steady = noise.phi * np.maximum(np.minimum(last, second), np.minimum(np.maximum(last, second), third))
        likely = noise.phi * last
        low, high = np.minimum(likely, steady), np.maximum(likely, steady)  # the way back from a spike is no step
        step = noise.normal_step((both[3:] - np.clip(both[3:], low, high)) / noise.surprise)
        ways = [both[-cells:], step[-cells:]]
        if not self.fine:
            return ways, [-way for way in ways]
        later = np.sqrt(np.clip(1 - noise.phi**4, 0.04, None))  # of what two cells do not explain
        low, high = noise.phi * low[:-1], noise.phi * high[:-1]
        kept = noise.normal_step((both[4:] - np.clip(both[4:], low, high)) / later)
        pairs = [(both[-cells:], both[-cells - 1 : -1]), (kept[-cells:], step[-cells - 1 : -1])]
        return (
            [*ways, *(np.minimum(*pair) for pair in pairs)],
            [*(-way for way in ways), *(-np.maximum(*pair) for pair in pairs)],
        )

    def _learn_tails(self, day: int) -> None:
        """By how much farther than normal ones the extremes of each way go."""
        past = self.extremes[max(0, day - _TAIL_DAYS) : day]
        days = (~np.isnan(past)).sum(axis=0)
        weight = days / (days + _PRIOR_DAYS)
        seen = np.clip(np.nan_to_num(_upper(past) / self.usual_extreme), 0.5, 10)
        early = self.prior * (1 + self.early / (day - self.late))
        self.tails = np.maximum(weight * seen + (1 - weight) * early, self.least_tail)
        if len(past) >= 3:
            third = np.sort(np.where(np.isnan(past), -np.inf, past), axis=0)[-3]
            self.tails = np.maximum(self.tails, third / _AGAIN)


def _assumed(windows: int, *, fine: bool) -> tuple[Floats, Floats, Floats]:
    """Of every way how much farther its extremes may go early on, the least they go, and how far before any is known."""
    value, several = (_EARLY, _LEAST_TAIL, _PRIOR_TAIL), (_EARLY_SUMS, _LEAST_TAIL_SUMS, _PRIOR_TAIL)
    if fine:
        slip = (_EARLY, _LEAST_TAIL, _SLIP * _PRIOR_TAIL)
        side = [slip, slip, value, value] + [(_EARLY_SUMS, _LEAST_TAIL_SUMS, _SUMS_FINE * _PRIOR_TAIL)] * windows
    else:
        side = [value, value] + [several] * windows
    early, least, prior = np.array([*side, *side, several]).T
    return early[:, None], least[:, None], prior[:, None]


def _going_on(q: Floats, sums: list[Floats]) -> list[_Way]:
    """The sums where the value itself stands out; they count where the next shorter window does too."""
    beside, shorter, ways = q >= _BESIDE, np.full(q.shape, np.inf), []
    for one in sums:
        ways.append((np.where(beside, one, -1.0), shorter >= np.maximum(_GOING_ON, _SHARE * one)))
        shorter = np.minimum(shorter, one)
    return ways


def _deviance(x: Floats, expected: Floats) -> Floats:
    """The signed root of the deviance of a count, half a count nearer to the mean: close to normal also for rare events."""
    nearer = np.maximum(np.where(x > expected, np.maximum(x - 0.5, expected), np.minimum(x + 0.5, expected)), 0.05)
    deviance = 2 * (nearer * np.log(nearer / expected) - (nearer - expected))
    return np.asarray(np.sign(nearer - expected) * np.sqrt(np.maximum(deviance, 0)))


def _upper(days: Floats) -> Floats:
    """The mean of the greater half of the days without their greatest tenth; NaN where there is none."""
    ordered = np.sort(days, axis=0)
    count = (~np.isnan(days)).sum(axis=0)
    place = np.arange(len(days))[:, None, None] + 0.5
    inside = (place > 0.4 * count) & (place < np.maximum(0.9 * count, 0.4 * count + 1.01))
    return mean(np.where(inside, ordered, np.nan), axis=0)


def _normal_beyond(share: float) -> float:
    """The z above which this share of a normal variable lies."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(middle / math.sqrt(2)) / 2 > share else (low, middle)
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
