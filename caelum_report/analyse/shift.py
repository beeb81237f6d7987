"""Level shift: from one moment on a series stands on another level. Judged in hindsight, at the earliest 18 hours later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .matrix import HOUR, Grid, assessable, mean, median, on_grid, rolling_median
from .season import LEAST_CYCLES, MONDAY, WEEK, Seasons, seasons
from .tails import normal_tails, t_tails
from .times import DAY, Floats, Ints

LEAST_EFFECT: Final = 1.2  # standard deviations of the noise
LEAST_Z: Final = 3.9  # of one split: p < 1e-4
LEAST_SEGMENT: Final = 18 * HOUR
_BLOCK: Final = 6 * HOUR
_SCAN: Final = 3.5  # z at which a split becomes a candidate
_JUMP: Final = 0.5  # share of the change that has to happen within two days
_BESIDE_A_LINE: Final = 3.0  # t of the step where a slope may explain the change too
_MOST_CORRELATED: Final = 0.95
_BESIDE: Final = (1, 2, 4)  # cells on each side of a jump
_LEAST_JUMP: Final = 4.2  # deviations of the steps that the series makes anyway
_ALONE: Final = 1.5  # times the next greatest step the same way
_WANDERS: Final = 1.3  # times as far in a day as in six hours
_LASTS: Final = 0.4  # share of a jump that is left after two days, and of the whole stretch
# Shares of a normal's steps below so many deviations.
_TAIL: Final = ((0.5, 0.6745), (0.9, 1.645), (0.95, 1.96), (0.99, 2.576))
_LEAST_STEPS: Final = 50  # the same way, to know what is usual
_FEW: Final = 20  # counts with a smaller mean are skewed and their noise grows with them
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
    that lasts just a weekend is none. Small counts are judged by the roots of their sums (Anscombe 1948). What no mean of days
    can show, in a series that wanders (a temperature, memory that is freed now and then), is found where it happens: the
    greatest rise and the greatest fall within hours, if 4.2 deviations of the series' usual steps, half as great again as
    the next (after the additive step of Chen & Liu 1993) and if 40 % of it stays.

    Cost: 0.7 µs a value beside the season; candidates cost 0.2 ms each. Assumes levels of at least 18 hours (six cells where
    they are longer than six hours). Weak: two opposite shifts within two days; in a series that wanders, shifts that come
    gradually, or are smaller than what it wanders in three hours, and a second one the same way; counts below one in ten hours; the last
    18 hours. Scaling or moving a series changes nothing, but for small counts, which are judged as such only as they are.
    """
    return level_shifts_of(series.to_frame())[0]


def level_shifts_of(frame: pd.DataFrame, known: Seasons | None = None) -> list[list[LevelShift]]:
    """One answer a column; false-discovery control over them is the run's. `known` saves finding the seasons again."""
    known = known or seasons(frame)
    grid, values = known.grid, known.without()
    rows = _Rows(frame.index, *on_grid(frame), grid)
    found: list[list[LevelShift]] = [[] for _ in frame.columns]
    for column, splits in _splits(grid, values).items():
        levels = _levels(np.split(values[:, column], [split.cell for split in splits]))
        for split, (before, after) in zip(splits, pairwise(levels), strict=True):
            found[column].append(LevelShift(rows.first(column, split.cell, before, after), before, after, split.p))
    return found


def _levels(parts: Sequence[Floats]) -> list[float]:
    """The medians of neighbouring parts; their means where two medians are the same, as those of rare events are."""
    middles = [float(median(part)) for part in parts]
    return middles if all(a != b for a, b in pairwise(middles)) else [float(mean(part, 0)) for part in parts]


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


@dataclass(frozen=True, slots=True)
class _Jump:
    cell: int
    step: float
    z: float


def _splits(grid: Grid, values: Floats) -> dict[int, list[_Split]]:
    width = max(1, round(min(_BLOCK, 6 * grid.step) / grid.step))
    least = max(3, int(np.ceil(LEAST_SEGMENT / (width * grid.step)))) if width > 1 else 6
    if len(values) < 2 * least * width:
        return {}
    counted = _counted(grid.points)
    blocks = _clipped(_in_blocks(values, width, counted), counted)
    good = assessable(grid)
    no_week_known = grid.days < LEAST_CYCLES * WEEK / DAY and grid.step <= _BLOCK
    candidates = _candidates(blocks, least)
    jumps = _jumps(values, np.flatnonzero(good & _wanders(blocks)), least * width)
    result = {}
    for column in sorted(candidates.keys() | jumps.keys()):
        if not good[column]:
            continue
        series = values[:, column]
        cells: list[int] = []
        for place in candidates.get(column, ()):
            cell = _placed(series, place, width, least * width, counts=bool(counted[column]))
            if all(abs(cell - other) >= least * width for other in cells):
                cells.append(cell)
        if no_week_known:
            cells = _but_weekends(grid, sorted(cells))
        noisy = np.repeat(blocks[:, column], width)[: len(series)] if counted[column] else series
        kept = _confirmed(blocks[:, column], noisy, cells, width, least)
        alone = [jump for jump in jumps.get(column, ()) if not (no_week_known and _at_a_weekend(grid, jump.cell))]
        kept = _with_jumps(series, kept, alone, 8 * width, least * width)
        if kept:
            result[column] = kept
    return result


def _counted(points: Floats) -> NDArray[np.bool_]:
    """Series of small whole numbers: errors, calls."""
    known = np.nan_to_num(points)
    whole = ((known >= 0) & (known == np.floor(known))).all(axis=0)
    return np.asarray(whole & (mean(points, axis=0) < _FEW))


def _in_blocks(values: Floats, width: int, counted: NDArray[np.bool_]) -> Floats:
    """Trimmed means of blocks of `width` cells; of counts the roots of their sums, whose noise is the same at every level
    (Anscombe 1948), since what is trimmed off rare events are the events. What has less than a third of the usual number of
    values, beside a gap, is none.
    """
    back = -len(values) % width
    cells = np.pad(values, ((0, back), (0, 0)), constant_values=np.nan).reshape(-1, width, values.shape[1])
    blocks = _middles(cells)
    blocks[:, counted] = 2 * np.sqrt(width * np.maximum(mean(cells[:, :, counted], axis=1), 0.0) + 3 / 8)
    number = (~np.isnan(cells)).sum(axis=1)
    usual = median(np.where(number > 0, number, np.nan), axis=0)
    return np.where(3 * number < usual, np.nan, blocks)


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


def _clipped(blocks: Floats, counted: NDArray[np.bool_]) -> Floats:
    """No farther than three deviations from the median of nine blocks, so that an incident is no level; robust deviations but
    for counts, of which a robust one would only see the blocks without any.
    """
    level = rolling_median(blocks, 9)
    rest = blocks - level
    size = np.abs(rest)
    deviation = np.maximum(1.4826 * median(size, axis=0), mean(size, axis=0))
    limit = 3 * np.where(counted, np.sqrt(mean(rest**2, axis=0)), deviation)
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


def _placed(series: Floats, place: int, width: int, reach: int, *, counts: bool) -> int:
    """The cell within `reach` of the split at which the two levels beside it part best.

    A narrow interval finds a change near its end at the nearest place it may look at, the least segment away from it.
    """
    middle, beside = place * width, 8 * width
    before, after = series[max(0, middle - beside) : middle], series[middle : middle + beside]
    if np.isnan(before).all() or np.isnan(after).all():
        return middle
    low = max(1, middle - reach)
    near = series[low : middle + reach]
    left, right = float(median(before)), float(median(after))
    if counts or left == right:  # events: each counts, however great beside the levels
        left, right = float(mean(before, 0)), float(mean(after, 0))
        cost = np.sign(right - left) * (near - (left + right) / 2)
    else:
        most = abs(right - left)
        cost = np.minimum(np.abs(near - left), most) - np.minimum(np.abs(near - right), most)
    cell = low + int(np.argmin(np.concatenate([[0.0], np.cumsum(np.nan_to_num(cost))])))
    return (
        cell + int(np.argmin(np.isnan(series[cell:]))) if cell < len(series) else cell
    )  # gaps are of the level before


def _wanders(blocks: Floats) -> NDArray[np.bool_]:
    """Series whose level a day later differs by more than that six hours later; with noise alone it would not."""
    near, far = (median(np.abs(blocks[lag:] - blocks[:-lag]), axis=0) for lag in (1, 4))
    return far > _WANDERS * near


def _jumps(values: Floats, columns: Ints, least: int) -> dict[int, list[_Jump]]:
    """Of each of these columns the greatest rise and the greatest fall where they stand out from all that it does anyway.

    A level that wanders hides a step in every mean of days, but not in the hours beside it: what is compared are means of one,
    two and four cells before and after, with the steps the same way everywhere else, by all their quantiles, so that
    neither a restless series nor a saw's teeth stand out.
    """
    some = values[:, columns]
    there = ~np.isnan(some)
    centred = np.where(there, some - median(some, axis=0), 0.0)
    sums, counts = (np.pad(np.cumsum(each, axis=0), ((1, 0), (0, 0))) for each in (centred, there))
    found: dict[int, list[_Jump]] = {}
    for beside in _BESIDE:
        steps = _steps(sums, counts, beside)
        usual = median(np.abs(steps[:: 1 + len(steps) // 1000]), axis=0) / _TAIL[0][1]
        greatest = np.maximum(steps.max(axis=0), -steps.min(axis=0))
        for place in np.flatnonzero(greatest > _LEAST_JUMP * usual).tolist():
            jumps = (_greatest(sign * steps[:, place], least) for sign in (1, -1))
            for jump, sign in zip(jumps, (1, -1), strict=True):
                if jump is not None:
                    found.setdefault(int(columns[place]), []).append(replace(jump, step=sign * jump.step))
    return found


def _steps(sums: Floats, counts: Ints, beside: int) -> Floats:
    """At every cell the mean of the `beside` cells from it on less that of those before it; 0 where half is missing."""
    number = counts[beside:] - counts[:-beside]
    means = (sums[beside:] - sums[:-beside]) / np.maximum(number, 1)
    known = 2 * number > beside
    steps = np.where(known[beside:] & known[:-beside], means[beside:] - means[:-beside], 0.0)
    return np.pad(steps, ((beside, beside - 1), (0, 0)))


def _greatest(steps: Floats, least: int) -> _Jump | None:
    """The greatest step up, if it stands alone and `least` cells from the ends."""
    cell = int(np.argmax(steps))
    others = np.concatenate([steps[: max(0, cell - least)], steps[cell + least :]])
    others = np.sort(others[others > 0])
    if not least <= cell <= len(steps) - least or len(others) < _LEAST_STEPS or steps[cell] < _ALONE * others[-1]:
        return None
    z = float(steps[cell]) / max(float(others[int(share * len(others))]) / normal for share, normal in _TAIL)
    return _Jump(cell, float(steps[cell]), z) if z > _LEAST_JUMP else None


def _with_jumps(series: Floats, splits: list[_Split], jumps: list[_Jump], near: int, least: int) -> list[_Split]:
    """The splits, and those jumps that lead to a level which lasts, for days and for as long as no other split follows."""
    for jump in sorted(jumps, key=lambda jump: -jump.z):
        if any(abs(jump.cell - split.cell) < least for split in splits):
            continue
        low = max((split.cell for split in splits if split.cell < jump.cell), default=0)
        high = min((split.cell for split in splits if split.cell > jump.cell), default=len(series))
        before, after = series[low : jump.cell], series[jump.cell : high]
        lasting = min(_change(before[-near:], after[:near]) / jump.step, _change(before, after) / jump.step)
        if lasting >= _LASTS:
            p = min(1.0, float(normal_tails(jump.z)) * len(series))
            splits = sorted([*splits, _Split(jump.cell, p)], key=lambda split: split.cell)
    return splits


def _change(before: Floats, after: Floats) -> float:
    return float(median(after) - median(before))


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


def _at_a_weekend(grid: Grid, cell: int) -> bool:
    """Whether one begins or ends there."""
    return any(abs(_from(grid, cell, day * DAY)) <= _EDGE for day in (5, 7))


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
    between = _change(left[-8:], right[:8]) / change
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
