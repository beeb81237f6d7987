"""Level shift: from one moment on a series stands on another level. Judged in hindsight, at the earliest 18 hours later."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from .matrix import HOUR, Grid, assessable, mean, median, on_grid, rolling_median
from .season import LEAST_CYCLES, MONDAY, WEEK, Seasons, seasons
from .tails import t_tails
from .times import DAY, Floats, Ints

LEAST_EFFECT: Final = 1.2  # standard deviations of the noise
LEAST_Z: Final = 3.9  # of one split: p < 1e-4
LEAST_SEGMENT: Final = 18 * HOUR
_BLOCK: Final = 6 * HOUR
_SCAN: Final = 3.5  # z at which a split becomes a candidate
_JUMP: Final = 0.5  # share of the change that has to happen within two days
_BESIDE_A_LINE: Final = 3.0  # t of the step where a slope may explain the change too
_MOST_CORRELATED: Final = 0.95
_EDGE: Final = 14 * HOUR  # that the step into or out of a weekend lies from its midnight


@dataclass(frozen=True, slots=True)
class LevelShift:
    """`at` is the first point of the new level, `before` and `after` are medians of the two segments without their season,
    `p` is that of the effective-n test times the number of places where the shift could have been.
    """

    at: pd.Timestamp
    before: float
    after: float
    p: float


def level_shifts(series: pd.Series) -> list[LevelShift]:
    """The level shifts of a series, oldest first; none where there is too little history or more than 30 % is missing.

    Method: the season is taken off, six-hour trimmed means are clipped at 3 robust deviations about their two-day median; CUSUM
    over seeded intervals (Kovács et al. 2023), narrowest over a threshold first (Baranowski et al. 2019), gives candidates;
    they are dropped from the weakest until each passes a t-test with the effective sample size of AR(1) residuals
    (p < 1e-4), an effect of 1.2 noise deviations, half of the change within two days, and a step beside a
    straight line. The moment is then placed on the series itself. Before a weekly profile can be known, in three weeks, a level
    that lasts just a weekend is none.

    Cost: 0.5 µs a value beside the season; candidates cost 0.2 ms each. Assumes levels of at least 18 hours (six cells where
    they are longer than six hours). Weak: two opposite shifts within two days, shifts below 1.5 noise deviations in strongly
    autocorrelated noise, the last 18 hours.
    """
    return level_shifts_of(series.to_frame())[0]


def level_shifts_of(frame: pd.DataFrame, known: Seasons | None = None) -> list[list[LevelShift]]:
    """One answer a column; false-discovery control over them is the run's. `known` saves finding the seasons again."""
    known = known or seasons(frame)
    grid, values = known.grid, known.without()
    rows = _Rows(frame.index, *on_grid(frame), grid)
    found: list[list[LevelShift]] = [[] for _ in frame.columns]
    for column, splits in _splits(grid, values).items():
        bounds = [0, *(s.cell for s in splits), len(values)]
        levels = [float(median(values[a:b, column])) for a, b in pairwise(bounds)]
        for split, (before, after) in zip(splits, pairwise(levels), strict=True):
            found[column].append(LevelShift(rows.first(column, split.cell, before, after), before, after, split.p))
    return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """The way back from a cell of the judged grid to a row of the frame."""

    index: pd.Index
    fine: Grid
    cell_of_row: Ints
    judged: Grid

    def first(self, column: int, cell: int, before: float, after: float) -> pd.Timestamp:
        """The first measured row of the new level; within finer cells the one from which the new level fits better."""
        low = round((self.judged.start + cell * self.judged.step - self.fine.start) / self.fine.step)
        width = round(self.judged.step / self.fine.step)
        if width > 1:
            low = max(0, low - width)
            near = self.fine.points[low : low + 3 * width, column]
            nearer = np.nan_to_num(np.abs(near - before) - np.abs(near - after))  # positive where the new level is
            low += int(np.argmin(np.concatenate([[0.0], np.cumsum(nearer)])))
        rows = np.flatnonzero((self.cell_of_row >= low) & ~np.isnan(self.fine.points[self.cell_of_row, column]))
        return pd.Timestamp(self.index[rows[np.argmin(self.cell_of_row[rows])] if len(rows) else -1])


@dataclass(frozen=True, slots=True)
class _Split:
    cell: int
    p: float


def _splits(grid: Grid, values: Floats) -> dict[int, list[_Split]]:
    width = max(1, round(min(_BLOCK, 6 * grid.step) / grid.step))
    least = max(3, int(np.ceil(LEAST_SEGMENT / (width * grid.step)))) if width > 1 else 6
    back = -len(values) % width
    blocks = _middles(np.pad(values, ((0, back), (0, 0)), constant_values=np.nan).reshape(-1, width, values.shape[1]))
    if len(blocks) < 2 * least:
        return {}
    blocks = _clipped(blocks)
    good = assessable(grid)
    result = {}
    for column, places in _candidates(blocks, least).items():
        if not good[column]:
            continue
        series = values[:, column]
        cells: list[int] = []
        for place in places:
            cell = _placed(series, place, width, least * width)
            if all(abs(cell - other) >= least * width for other in cells):
                cells.append(cell)
        if grid.days < LEAST_CYCLES * WEEK / DAY and grid.step <= _BLOCK:
            cells = _but_weekends(grid, sorted(cells))
        kept = _confirmed(blocks[:, column], series, cells, width, least)
        if kept:
            result[column] = kept
    return result


def _middles(cells: Floats) -> Floats:
    """The mean of each block without its least and its greatest value, where there are four or more."""
    there = ~np.isnan(cells)
    count = there.sum(axis=1)
    total = np.where(there, cells, 0.0).sum(axis=1)
    least = np.where(there, cells, np.inf).min(axis=1)
    most = np.where(there, cells, -np.inf).max(axis=1)
    trim = count >= 4
    with np.errstate(invalid="ignore"):
        total = np.where(trim, total - least - most, total) / np.where(trim, count - 2, np.maximum(count, 1))
    return np.where(count > 0, total, np.nan)


def _clipped(blocks: Floats) -> Floats:
    """No farther than three robust deviations from the median of nine blocks, so that an incident is no level."""
    level = rolling_median(blocks, 9)
    rest = blocks - level
    limit = 3 * np.maximum(1.4826 * median(np.abs(rest), axis=0), mean(np.abs(rest), axis=0))
    return level + np.clip(rest, -limit, limit)


def _candidates(blocks: Floats, least: int) -> dict[int, list[int]]:
    """Splits of each column, those of the narrowest intervals whose CUSUM passes first; `least` blocks apart."""
    n, series = blocks.shape
    there = ~np.isnan(blocks)
    centred = np.where(there, blocks - median(blocks, axis=0), 0.0)
    total = np.concatenate([np.zeros((1, series)), np.cumsum(centred, axis=0)])
    count = np.concatenate([np.zeros((1, series)), np.cumsum(there, axis=0)])
    scale = _scan_scale(blocks)
    over: dict[int, list[tuple[int, float, int]]] = {}
    for low, high in _seeded(n, 2 * least):
        left, right = (
            total[low + least : high - least + 1] - total[low],
            total[high] - total[low + least : high - least + 1],
        )
        a, b = count[low + least : high - least + 1] - count[low], count[high] - count[low + least : high - least + 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.abs(left / a - right / b) / np.sqrt(1 / a + 1 / b)
        z = np.where((a >= least / 2) & (b >= least / 2), z, 0.0)
        best = np.argmax(z, axis=0)
        top = z[best, np.arange(series)]
        for column in np.flatnonzero(top > _SCAN * scale).tolist():
            over.setdefault(column, []).append((high - low, -float(top[column]), low + least + int(best[column])))
    result = {}
    for column, found in over.items():
        chosen: list[int] = []
        for _, _, place in sorted(found):
            if all(abs(place - other) >= least for other in chosen):
                chosen.append(place)
        result[column] = chosen
    return result


def _scan_scale(blocks: Floats) -> Floats:
    """The square root of the long-run variance, from differences, so that shifts do not hide themselves.

    For AR(1) the variances of differences over one and over four blocks tell the variance and φ apart.
    """
    near, far = (1.4826 * median(np.abs(blocks[lag:] - blocks[:-lag]), axis=0) for lag in (1, 4))
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = np.clip(np.nan_to_num(1 - near**2 / far**2), 0.0, 0.7)
    scale = near / np.sqrt(2 * (1 - phi)) * np.sqrt((1 + phi) / (1 - phi))
    typical = np.abs(median(blocks, axis=0))
    return np.where(scale > 1e-9 * typical, scale, np.where(typical > 0, 1e-9 * typical, 1e-12))


def _seeded(n: int, least: int) -> list[tuple[int, int]]:
    """Intervals of lengths n, n/√2, n/2 …, each shifted by half its length."""
    intervals = []
    length = float(n)
    while length >= least:
        pieces = max(1, int(np.ceil(2 * n / length)) - 1)
        starts = np.linspace(0, n - length, pieces)
        intervals += [(int(s), min(n, int(np.ceil(s + length)))) for s in starts]
        length /= np.sqrt(2)
    return sorted(set(intervals))


def _placed(series: Floats, place: int, width: int, reach: int) -> int:
    """The cell within `reach` of the split at which the two levels beside it part best.

    A narrow interval finds a change near its end at the nearest place it may look at, the least segment away from it.
    """
    middle, beside = place * width, 8 * width
    before, after = series[max(0, middle - beside) : middle], series[middle : middle + beside]
    if np.isnan(before).all() or np.isnan(after).all():
        return middle
    left, right = np.nanmedian(before), np.nanmedian(after)
    low = max(1, middle - reach)
    near = series[low : middle + reach]
    cost = np.nan_to_num(
        np.minimum(np.abs(near - left), abs(right - left)) - np.minimum(np.abs(near - right), abs(right - left))
    )
    return low + int(np.argmin(np.concatenate([[0.0], np.cumsum(cost)])))


def _but_weekends(grid: Grid, cells: list[int]) -> list[int]:
    """The splits less those that only lead into a weekend and out of it again; a level that stays after Monday is a shift."""
    bounds = [0, *cells, len(grid.points)]
    weekend = []
    for first, last in pairwise(bounds):
        begins = first == 0 or abs(_from(grid, first, 5 * DAY)) <= _EDGE
        ends = last == len(grid.points) or abs(_from(grid, last, 7 * DAY)) <= _EDGE
        middle = _from(grid, (first + last) // 2, 6 * DAY)
        short = (last - first) * grid.step <= 2 * DAY + _EDGE
        weekend.append(begins and ends and short and abs(middle) <= DAY)
    return [cell for cell, (before, after) in zip(cells, pairwise(weekend), strict=True) if not (before or after)]


def _from(grid: Grid, cell: int, day: float) -> float:
    """How many seconds a cell lies after the nearest beginning of this day of the week, counted from Monday."""
    since = grid.start + cell * grid.step - MONDAY - day
    return float((since + WEEK / 2) % WEEK - WEEK / 2)


def _confirmed(blocks: Floats, series: Floats, cells: list[int], width: int, least: int) -> list[_Split]:
    """Candidates less those that fail: in each round all that fail and are weaker than their neighbours."""
    remaining = np.array(sorted(cells), np.int64)
    while len(remaining):
        score, t, freedom = _judged(blocks, series, remaining, width, least)
        if np.all(score >= 1):
            p = np.minimum(1.0, t_tails(t, freedom) * len(blocks))
            return [_Split(int(cell), float(each)) for cell, each in zip(remaining, p, strict=True)]
        beside = np.concatenate([[np.inf], score, [np.inf]])
        weakest = (score < 1) & (score < beside[:-2]) & (score <= beside[2:])
        remaining = remaining[~weakest]
    return []


def _judged(blocks: Floats, series: Floats, cells: Ints, width: int, least: int) -> tuple[Floats, Floats, float]:
    """Of each split: by how much it passes the hardest of its tests (1 just passes), its t, and its degrees of freedom."""
    n = len(blocks)
    there = ~np.isnan(blocks)
    edges = np.clip(np.round(np.concatenate([[0], cells / width, [n]])).astype(np.int64), 0, n)
    filled = np.where(there, blocks, 0.0)
    count = np.diff(np.concatenate([[0], np.cumsum(there)])[edges])
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.diff(np.concatenate([[0.0], np.cumsum(filled)])[edges]) / count
    rest = blocks - np.repeat(level, np.diff(edges))
    noise = np.abs(series - np.repeat(level, np.diff(np.concatenate([[0], cells, [len(series)]]))))
    noise = noise[~np.isnan(noise)]
    deviation = max(1.4826 * float(np.median(noise)), float(noise.mean())) if len(noise) else 0.0
    phi, variance = _correlation(rest, len(level))
    change = np.nan_to_num(np.diff(level))
    enough = (np.minimum(edges[1:-1] - edges[:-2], edges[2:] - edges[1:-1]) >= least) & (
        count[:-1] + count[1:] >= 2 * least
    )
    shrink = (1 - phi) / (1 + phi)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(change) / np.sqrt(variance / shrink * (1 / count[:-1] + 1 / count[1:]))
        effect = np.abs(change) / (LEAST_EFFECT * deviation)
    freedom = max(2.0, there.sum() * shrink - len(level))
    z = np.sqrt(freedom * np.log1p(np.minimum(t, 1e6) ** 2 / freedom))  # Wallace 1959: a normal's z for Student's t
    score = np.nan_to_num(np.minimum(z / LEAST_Z, effect), nan=0.0)
    score = np.where(enough, score, 0.1 * score / (1 + score))  # too near to another: the weaker of the two goes
    for k in np.flatnonzero(score >= 1):
        left, right = blocks[edges[k] : edges[k + 1]], blocks[edges[k + 1] : edges[k + 2]]
        score[k] = min(score[k], _jump(left, right, change[k]) / _JUMP)
        if score[k] >= 1:
            score[k] = min(score[k], _beside_a_line(left, right, variance / shrink) / _BESIDE_A_LINE)
    return score, t, freedom


def _correlation(rest: Floats, segments: int) -> tuple[float, float]:
    """φ of neighbouring blocks about their levels, corrected for its bias, never below what days of blocks say; variance."""
    there = ~np.isnan(rest)
    n = int(there.sum())
    filled = np.where(there, rest, 0.0)
    variance = float((filled**2).sum()) / max(1, n - segments)
    if variance <= 0 or n < 4:
        return 0.0, variance
    pairs = there[1:] & there[:-1]
    phi = float((filled[1:] * filled[:-1]).sum()) / max(1, int(pairs.sum())) / variance
    phi += (1 + 3 * phi) * segments / n
    days = mean(np.pad(rest, (0, -len(rest) % 4), constant_values=np.nan).reshape(-1, 4), axis=1)
    ratio = 4 * float(mean(days**2, 0)) / variance  # (1 + φ) / (1 - φ), about, where φ is all there is
    return float(np.clip(max(phi, (ratio - 1) / (ratio + 1)), 0.0, _MOST_CORRELATED)), variance


def _jump(left: Floats, right: Floats, change: float) -> float:
    """The share of the change that lies between the two days before and the two days after."""
    before, after = left[-8:], right[:8]
    between = float(median(after) - median(before)) / change
    return 1.0 if np.isnan(between) else between


def _beside_a_line(left: Floats, right: Floats, long_run: float) -> float:
    """|t| of the step where a slope over both segments is fitted too."""
    y = np.concatenate([left, right])
    x = np.column_stack([np.ones(len(y)), np.linspace(-1, 1, len(y)), np.arange(len(y)) >= len(left)])
    there = ~np.isnan(y)
    if long_run <= 0:
        return np.inf
    inverse = np.linalg.pinv(x[there].T @ x[there])
    step = (inverse @ (x[there].T @ y[there]))[2]
    return float(abs(step) / np.sqrt(inverse[2, 2] * long_run))
