"""When a limit will be reached: disks, memory, latency against its objective. Mostly the answer is: no date."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from .matrix import finite
from .steps import HOUR, LONGEST_FILL, fill, regular
from .times import DAY, Floats, Ints

LEAST_POINTS: Final = 12
MOST_DAYS: Final = 60  # of history that is looked at
BLOCK: Final = 6 * HOUR
SIGNIFICANT: Final = 2.2  # the slope against its error; below it, no date
DROP_NOISE: Final = 6.0  # a clean-up is a fall of so many deviations of the usual change
DROP_SHARE: Final = 0.15  # and of this share of all that the series ever moved
BELIEVED: Final = 4  # times as long as growth has been seen, and as far
TEETH: Final = 3  # clean-ups that make a saw
ROAMING: Final = 0.9  # an autocorrelation of blocks from which on a series is taken for a random walk
VARIED: Final = 1.2  # times the least value, below which nobody can tell whether noise grows with it
PATHS: Final = 300
SEED: Final = 20_090_515


@dataclass(frozen=True, slots=True)
class Crossing:
    """When a limit is reached: the middle of the possible times, and the range that holds with the given level."""

    eta: pd.Timestamp
    earliest: pd.Timestamp
    latest: pd.Timestamp


def time_to_limit(
    series: pd.Series, limit: float, smooth_hours: float = 1, horizon_days: float = 30, level: float = 0.8
) -> Crossing | None:
    """When the trailing median over `smooth_hours` first reaches `limit`; None where no date can be given honestly.

    Method: a series that lies above its limit is turned over, so all limits are reached from below. An accepted weekly
    or daily profile is set aside. Clean-ups (big falls) cut the history: up to two, and what counts is the growth since
    the last one, judged together with the growth before where that was as fast; three or more make a saw, of which the
    tops are followed. A break in slope or level cuts again. The slope is Theil-Sen's on medians of 6 h; its error is the
    regression's, with the effective number of points n(1-f)/(1+f), f the corrected first autocorrelation of what the
    line leaves. Only a slope of more than 2.2 errors gets a date. Then 300 seeded courses are drawn (slope within its
    error, the profile, autocorrelated wandering, pieces of the old noise; where noise was greater at greater values, as a
    latency's is, these multiply the line instead of being added to it) and the date is the median of their first
    passages, the range their quantiles. Growth is believed four times as long as it has been seen.
    Sources: Sen 1968; Kendall 1954 and Marriott & Pope 1954 (bias of the autocorrelation); Zwiers & von Storch 1995
    (effective n); Bai & Perron 1998 (breaks); Box, Jenkins & Reinsel (simulated first passage).
    Cost: 1 ms where the limit is out of reach, else about 10 ms.
    Assumes: growth goes on as since the last break; growth is a line.
    Weak: growth that bends; a limit that only rare peaks beyond all earlier ones reach (dates too late: where the limit is
    just what the greatest peak of its day reaches, ranges of noise that multiplies hold 69 % instead of 80); a clean-up
    to come; a saw of fewer than three teeth; steps (one big file a month).
    Silent (None): less than 24 h or 12 points of history, more than 30 % missing, no significant slope, no passage within
    `horizon_days` or within as much time as the history is long. A limit that is reached already has the last time.
    """
    if not series.index.notna().any() or not np.isfinite(limit):
        return None
    grid = regular(series)
    found = _steps_to_limit(grid.points, limit, grid.step_seconds, (smooth_hours, horizon_days, level))
    if found is None:
        return None
    eta, earliest, latest = (grid.last + pd.Timedelta(seconds=round(steps * grid.step_seconds)) for steps in found)
    return Crossing(eta, earliest, latest)


def crossings(
    points: Floats,
    limits: Floats,
    step_seconds: float,
    *,
    smooth_hours: float = 1,
    horizon_days: float = 30,
    level: float = 0.8,
) -> Floats:
    """`time_to_limit` of every row of series x grid: rows x (eta, earliest, latest) in steps from the last point; NaN
    where there is no date.
    """
    result = np.full((len(points), 3), np.nan)
    for row, (course, limit) in enumerate(zip(points, limits, strict=True)):
        found = _steps_to_limit(course, float(limit), step_seconds, (smooth_hours, horizon_days, level))
        if found is not None:
            result[row] = found
    return result


def _steps_to_limit(
    points: Floats, limit: float, step_seconds: float, asked: tuple[float, float, float]
) -> tuple[float, float, float] | None:
    """`time_to_limit` on a grid, in steps from its last point: eta, earliest, latest."""
    smooth_hours, horizon_days, level = asked
    points = finite(points[-round(MOST_DAYS * DAY / step_seconds) :] if step_seconds < DAY else points)
    measured = np.flatnonzero(np.isfinite(points))
    if len(measured) < LEAST_POINTS or not np.isfinite(limit):
        return None
    points = points[measured[0] :]
    span = (len(points) - 1) * step_seconds
    if span < DAY or np.isnan(points).mean() > 0.3:
        return None
    window = max(round(smooth_hours * HOUR / step_seconds), 1)
    smooth = _trailing_median(fill(points[None, :], int(LONGEST_FILL // step_seconds))[0], window)
    usual = float(np.nanmedian(smooth))
    if usual > limit:
        smooth, limit, usual = -smooth, -limit, -usual
    now = smooth[np.isfinite(smooth)][-1]
    if now >= limit:
        return (0.0, 0.0, 0.0)
    horizon = int(min(horizon_days * DAY, span) / step_seconds)
    moved = float(np.nanmax(smooth) - np.nanmin(smooth))
    if horizon < 1 or moved == 0 or limit - now > BELIEVED * moved:
        return None  # even all that it ever moved, in one direction, would not do
    return _first_passage(smooth, limit, step_seconds, horizon, level)


@dataclass(frozen=True, slots=True)
class _Line:
    """Growth since the last break, on the axis of the grid's steps."""

    slope: float  # per step
    error: float
    middle: float  # where the line is surest
    height: float  # there
    memory: float  # how much of a block's deviation is left in the next
    shock: float  # what each block adds to it
    begin: int  # first step of the growth


def _first_passage(
    smooth: Floats, limit: float, step_seconds: float, horizon: int, level: float
) -> tuple[float, float, float] | None:
    profile, cycle = _season(smooth, step_seconds)
    size = len(smooth)
    place = np.arange(size)
    plain = smooth - profile[place % cycle]
    block = _block_steps(size, step_seconds)
    falls = _falls(plain, block)
    if _is_saw(smooth, falls) and (tops := _tops(smooth, falls)) is not None:
        return _passage_of_tops(*tops, limit, (horizon, level))
    line = _growth(plain, falls, block)
    if line is None or line.slope <= 0 or line.slope < SIGNIFICANT * line.error:
        return None
    horizon = min(horizon, BELIEVED * (size - line.begin))
    draw = np.random.default_rng(SEED)
    ahead = np.arange(1, 2 * horizon + 1)
    slopes = line.slope + line.error * draw.standard_t(_freedom(size - line.begin, block), PATHS)
    slopes = np.maximum(slopes, 0.1 * line.slope)
    grown = line.height + slopes[:, None] * (size - 1 - line.middle + ahead)
    past = (line.height + line.slope * (place - line.middle))[line.begin :]
    since = smooth[line.begin :]
    if past.min() > 0 and np.nanmin(since) > 0 and _swells(past + profile[place[line.begin :] % cycle], since - past):
        course = grown * np.exp(_about(draw, np.log(since / past), step_seconds, block, len(ahead)))
    else:
        recent = plain[-block:]
        off = float(np.nanmedian(recent if np.isfinite(recent).any() else plain)) - float(past[-1])
        rest = plain[line.begin :] - _blockwise(plain[line.begin :], block)
        noise = _pieces(draw, rest[np.isfinite(rest)], max(block, cycle if cycle > 1 else block), len(ahead))
        course = grown + profile[(size - 1 + ahead) % cycle] + _wandering(draw, line, off, block, len(ahead)) + noise
    reached = course >= limit
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, len(ahead)).astype(np.float64)
    early, eta, late = np.quantile(first, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return (float(eta), float(early), float(late)) if eta <= horizon else None


def _about(draw: np.random.Generator, ratios: Floats, step_seconds: float, block: int, steps: int) -> Floats:
    """Paths of the logarithm of what is measured by what the line says: the profile, wandering and pieces of old noise.

    What multiplies, as all that delays an answer does, makes peaks that no sum of its parts makes.
    """
    size = len(ratios)
    profile, cycle = _season(ratios, step_seconds)
    plain = ratios - profile[np.arange(size) % cycle]
    times, heights = _blocks(plain, block)
    line = _theil_sen(times, heights)
    rest = plain - _blockwise(plain, block)
    noise = _pieces(draw, rest[np.isfinite(rest)], max(block, cycle if cycle > 1 else block), steps)
    ahead = profile[(size + np.arange(steps)) % cycle]
    return ahead + noise + (0.0 if line is None else _wandering(draw, line, float(heights[-1]), block, steps))


def _swells(fitted: Floats, rest: Floats) -> bool:
    """Whether noise grows with what is measured, as a latency's does: by more than its square root, where values tell it."""
    there = np.isfinite(rest)
    fitted, size = fitted[there], np.abs(rest[there])
    if len(fitted) < LEAST_POINTS or not 0 < VARIED * fitted.min() < fitted.max():
        return False
    high = fitted > np.median(fitted)
    if not high.any() or high.all() or not size[~high].mean() > 0:
        return False
    values, noises = (float(some[high].mean() / some[~high].mean()) for some in (fitted, size))
    return bool(noises > np.sqrt(values))


def _trailing_median(values: Floats, window: int) -> Floats:
    """The median of the last `window` points at each point; NaN where the last one is missing."""
    if window == 1:
        return values
    padded = np.concatenate([np.full(window - 1, np.nan), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    seen = np.isfinite(values)
    result = np.full(len(values), np.nan)
    result[seen] = np.nanmedian(windows[seen], axis=1)
    return result


def _season(values: Floats, step_seconds: float) -> tuple[Floats, int]:
    """The week's or the day's profile around the growth, if odd cycles foretell even ones by it: profile by place modulo
    its length, and that length. A zero where there is none.
    """
    best: tuple[Floats, int] = (np.zeros(1), 1)
    least = 0.95
    for cycle, cycles in ((round(DAY / step_seconds), 3), (round(7 * DAY / step_seconds), 3)):
        if cycle < 4 or len(values) < cycles * cycle:
            continue
        whole = len(values) // cycle
        table = (values - _around(values, cycle))[: whole * cycle].reshape(whole, cycle)
        table = np.clip(table, *np.nanquantile(table, [0.01, 0.99]))
        halves = _middle(table[::2]), _middle(table[1::2])
        left = np.concatenate([table[::2] - halves[1], table[1::2] - halves[0]])
        before = np.concatenate([table[::2], table[1::2]])
        gain = float(np.nanmean(np.abs(left)) / max(float(np.nanmean(np.abs(before))), 1e-300))
        if gain < least:
            profile = np.nan_to_num(_middle(table))
            best, least = (profile - profile.mean(), cycle), gain - 0.05
    return best


def _middle(table: Floats) -> Floats:
    """Medians down the columns; NaN for a column without values."""
    seen = np.isfinite(table).any(axis=0)
    result = np.full(table.shape[1], np.nan)
    result[seen] = np.nanmedian(table[:, seen], axis=0)
    return result


def _around(values: Floats, cycle: int) -> Floats:
    """The mean of the cycle around each point, at the ends that of the nearest whole cycle moved along its slope."""
    measured = np.isfinite(values)
    sums = np.convolve(np.where(measured, values, 0.0), np.ones(cycle), "valid")
    counts = np.convolve(measured, np.ones(cycle), "valid")
    inner = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    places = np.arange(len(values)) - (cycle - 1) / 2
    good = np.isfinite(inner)
    if good.sum() < 2:
        return np.full(len(values), np.nanmean(values))
    return np.asarray(np.interp(places, np.flatnonzero(good), inner[good]), np.float64)


def _block_steps(size: int, step_seconds: float) -> int:
    """Steps to a block: 6 h, fewer where the history is short, so that some forty blocks are left."""
    return max(min(round(BLOCK / step_seconds), size // 40), 1)


def _blocks(values: Floats, block: int) -> tuple[Floats, Floats]:
    """Middles (in steps) and medians of the blocks, counted from the end; blocks without values are left out."""
    number = len(values) // block
    table = values[len(values) - number * block :].reshape(number, block)
    seen = np.isfinite(table).any(axis=1)
    middles = len(values) - number * block + np.arange(number) * block + (block - 1) / 2
    return np.asarray(middles[seen], np.float64), np.asarray(np.nanmedian(table[seen], axis=1), np.float64)


def _blockwise(values: Floats, block: int) -> Floats:
    """The block medians as a course over all steps."""
    middles, medians = _blocks(values, block)
    return np.asarray(np.interp(np.arange(len(values)), middles, medians), np.float64)


def _falls(values: Floats, block: int) -> Ints:
    """Where clean-ups begin to show: the first step after each big fall of the level, ascending."""
    width = max(min(block, 6), 2)
    if len(values) < 4 * width:
        return np.array([], np.int64)
    filled = np.interp(np.arange(len(values)), np.flatnonzero(np.isfinite(values)), values[np.isfinite(values)])
    windows = np.median(np.lib.stride_tricks.sliding_window_view(filled, width), axis=1)
    change = windows[:-width] - windows[width:]  # before minus after, around step i + width
    usual = np.median(change)
    noise = 1.4826 * float(np.median(np.abs(change - usual)))
    moved = float(np.quantile(filled, 0.995) - np.quantile(filled, 0.005))
    deep = change > max(DROP_NOISE * noise, DROP_SHARE * moved)
    found: list[int] = []
    for place in np.flatnonzero(deep).tolist():
        if found and place - found[-1] < width:
            if change[place] > change[found[-1]]:
                found[-1] = place
        else:
            found.append(place)
    starts = []
    for place in found:  # the steepest single step nearby is the fall itself
        near = np.arange(max(place, 1), min(place + 2 * width, len(filled)))
        starts.append(int(near[np.argmin(np.diff(filled)[near - 1])]))
    return np.unique(np.array(starts, np.int64))


def _is_saw(values: Floats, falls: Ints) -> bool:
    """Three clean-ups, or two from the same height: whatever empties it does so before the limit."""
    if len(falls) != TEETH - 1:
        return len(falls) >= TEETH
    first, second = np.nanmax(values[: falls[0]]), np.nanmax(values[falls[0] : falls[1]])
    return bool(abs(second - first) < 0.1 * (np.nanmax(values) - np.nanmin(values)))


def _tops(values: Floats, falls: Ints) -> tuple[Floats, Floats, float] | None:
    """Times (before now) and heights of the tops of a saw, and the usual length of a tooth; None where the
    present tooth is so long that whatever emptied it has stopped.
    """
    teeth = np.diff(falls)
    usual = float(np.median(teeth))
    now = len(values) - 1
    if now - falls[-1] > 1.5 * float(teeth.max()):
        return None
    spans = [values[a:b] for a, b in zip(np.append(0, falls[:-1]), falls, strict=True)]
    heights = np.array([np.nanmax(part) if np.isfinite(part).any() else np.nan for part in spans])
    good = np.isfinite(heights)
    return falls[good] - 1.0 - now, heights[good], usual


def _passage_of_tops(
    times: Floats, heights: Floats, tooth: float, limit: float, reach: tuple[int, float]
) -> tuple[float, float, float] | None:
    """When the tops of a saw reach the limit; they do so at a top, up to one tooth after their line does."""
    horizon, level = reach
    line = _theil_sen(times, heights)
    if line is None or line.slope < SIGNIFICANT * line.error or line.slope <= 0:
        return None
    draw = np.random.default_rng(SEED)
    slopes = np.maximum(line.slope + line.error * draw.standard_t(max(len(times) - 2, 1), PATHS), 0.1 * line.slope)
    number = int(3 * horizon / tooth) + 2
    tops = float(times[-1]) + tooth * np.arange(1, number + 1)
    left = heights - (line.height + line.slope * (times - line.middle))
    course = line.height + slopes[:, None] * (tops - line.middle) + draw.choice(left, (PATHS, number))
    reached = course >= limit
    place = np.where(reached.any(axis=1), reached.argmax(axis=1), number - 1)
    first = np.maximum(tops[place] - draw.uniform(0, 0.1, PATHS) * tooth, 1.0)
    early, eta, late = np.quantile(first, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return (float(eta), float(early), float(late)) if eta <= horizon else None


def _growth(plain: Floats, falls: Ints, block: int) -> _Line | None:
    """The line since the last clean-up and the last break."""
    begin = int(falls[-1]) if len(falls) else 0
    times, heights = _blocks(plain[begin:], block)
    if len(times) >= 8:
        cut = _last_break(times, heights)
        line = _theil_sen(times[cut:] + begin, heights[cut:])
    else:
        line = None
    if len(falls) and (line is None or line.slope < SIGNIFICANT * line.error):
        return _common_slope(plain, falls, block) or line
    return line


def _common_slope(plain: Floats, falls: Ints, block: int) -> _Line | None:
    """The slope that all stretches between clean-ups share, at the present height."""
    edges = [0, *falls.tolist(), len(plain)]
    times, heights = [], []
    for a, b in pairwise(edges):
        t, h = _blocks(plain[a:b], block)
        if len(t) >= 3:
            times.append(t + a - (t + a).mean())
            heights.append(h - np.median(h))
    last = plain[edges[-2] :]
    measured = np.flatnonzero(np.isfinite(last))
    if not times or not len(measured):
        return None
    line = _theil_sen(np.concatenate(times), np.concatenate(heights))
    if line is None:
        return None
    middle = edges[-2] + float(measured.mean())
    return _Line(line.slope, line.error, middle, float(np.nanmedian(last)), line.memory, line.shock, edges[-2])


def _last_break(times: Floats, heights: Floats) -> int:
    """Where the present course began: the last of the breaks in level or slope that two free lines explain better."""
    begin = 0
    while (cut := _break(times[begin:], heights[begin:])) is not None:
        begin += cut
    return begin


def _break(times: Floats, heights: Floats) -> int | None:
    number = len(times)
    least = max(6, number // 12)
    if number < 2 * least:
        return None
    whole = _squares(times, heights)[-1]
    left = _squares(times, heights)
    right = _squares(times[::-1], heights[::-1])[::-1]
    both = left[least - 1 : number - least] + right[least : number - least + 1]
    best = int(np.argmin(both))
    cut = best + least
    rest = np.concatenate([_residuals(times[:cut], heights[:cut]), _residuals(times[cut:], heights[cut:])])
    effective = number / _inflation(_memory(rest))
    gain = effective * np.log(max(whole, 1e-300) / max(both[best], 1e-300))
    return cut if gain > 4 * np.log(number) + 4 else None


def _squares(times: Floats, heights: Floats) -> Floats:
    """The squared error of the best line through the first k points, for every k."""
    k = np.arange(1, len(times) + 1)
    t, h = times - times.mean(), heights - heights.mean()
    mean_t, mean_h = np.cumsum(t) / k, np.cumsum(h) / k
    tt = np.cumsum(t * t) - k * mean_t**2
    th = np.cumsum(t * h) - k * mean_t * mean_h
    hh = np.cumsum(h * h) - k * mean_h**2
    return np.asarray(np.maximum(hh - np.divide(th**2, tt, out=np.zeros_like(tt), where=tt > 1e-9), 0.0), np.float64)


def _residuals(times: Floats, heights: Floats) -> Floats:
    t = times - times.mean()
    return np.asarray(heights - heights.mean() - t * (t @ heights) / max(t @ t, 1e-12), np.float64)


def _memory(rest: Floats) -> float:
    """The first autocorrelation of what a line leaves, corrected for what the line took: two parameters of n points."""
    power = float(rest @ rest)
    if len(rest) < 4 or power <= 0:
        return 0.0
    raw = float(rest[1:] @ rest[:-1]) / power
    return float(np.clip(raw + (2 + 4 * raw) / len(rest), 0.0, 0.98))


def _inflation(memory: float) -> float:
    return (1 + memory) / (1 - memory)


def _freedom(steps: int, block: int) -> float:
    return max(steps / block - 2, 2.0)


def _theil_sen(times: Floats, heights: Floats) -> _Line | None:
    """The median of all slopes between two points, with the regression's error for correlated rests."""
    number = len(times)
    if number < TEETH:
        return None
    i, j = np.triu_indices(number, 1)
    apart = times[j] - times[i]
    slope = float(np.median((heights[j] - heights[i])[apart != 0] / apart[apart != 0]))
    middle = float(times.mean())
    height = float(np.median(heights - slope * (times - middle)))
    rest = heights - height - slope * (times - middle)
    robust = 1.4826 * float(np.median(np.abs(rest)))
    rest = np.clip(rest, -4 * robust, 4 * robust) if robust > 0 else rest
    memory = _memory(rest)
    scale = float(np.sqrt(rest @ rest / max(number - 2, 1)))
    across = float(np.sqrt(((times - middle) ** 2).sum()))
    error = scale * np.sqrt(_inflation(memory)) / max(across, 1e-12)
    if memory > ROAMING:  # no line to come back to: a random walk with a drift
        memory = 1.0
        error = max(
            error, float(np.std(np.diff(heights), ddof=1)) * np.sqrt(1.2 * number) / max(float(np.ptp(times)), 1e-12)
        )
    shock = float(np.std(rest[1:] - memory * rest[:-1]))
    return _Line(slope, float(error), middle, height, memory, shock, int(times[0]))


def _wandering(draw: np.random.Generator, line: _Line, off: float, block: int, steps: int) -> Floats:
    """Paths of what the blocks do about their line, from where the series stands now: autocorrelated, by blocks."""
    blocks = steps // block + 2
    shocks = draw.normal(0.0, line.shock, (PATHS, blocks))
    paths = np.empty((PATHS, blocks))
    paths[:, 0] = off
    for k in range(1, blocks):
        paths[:, k] = line.memory * paths[:, k - 1] + shocks[:, k]
    place = np.arange(steps) / block
    low = place.astype(np.int64)
    part = place - low
    return np.asarray(paths[:, low] * (1 - part) + paths[:, low + 1] * part, np.float64)


def _pieces(draw: np.random.Generator, rest: Floats, length: int, steps: int) -> Floats:
    """Paths made of pieces of the old noise."""
    if len(rest) < 2:
        return np.zeros((PATHS, steps))
    length = min(length, len(rest))
    begins = draw.integers(0, len(rest) - length + 1, (PATHS, steps // length + 1))
    places = (begins[:, :, None] + np.arange(length)).reshape(PATHS, -1)[:, :steps]
    return np.asarray(rest[places], np.float64)
