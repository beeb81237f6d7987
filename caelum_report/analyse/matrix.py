"""Series side by side on a regular time grid, and the robust statistics that every analysis of them starts from.

One column is one series, NaN is "not measured". An irregular index is laid on the grid of its usual distance, so that windows
are lengths of time; cells in which nothing was measured stay NaN. Times are those of the wall clock the index tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .times import DAY, Floats, Ints

HOUR: Final = 3600.0
MOST_MISSING: Final = 0.3  # beyond it a series is not assessed
# Each divides a day.
_STEPS: Final = np.array(
    [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800]
    + [h * 3600 for h in (1, 2, 3, 4, 6, 8, 12, 24)],
    np.float64,
)
_GREATEST: Final = 1e75  # whose fourth power is a number
_FARTHEST: Final = 1.0  # times as long as all others span
_GAP: Final = 50  # usual distances of rows, from which on nothing was measured between them
_CHUNK: Final = 4_000_000  # numbers that are sorted at once: 32 MB


@dataclass(frozen=True, slots=True)
class Grid:
    points: Floats  # cells × series
    start: float  # of the first cell, seconds since 1970 on the wall clock of the index
    step: float  # seconds

    @property
    def days(self) -> float:
        return len(self.points) * self.step / DAY

    def cells(self, seconds: float) -> int:
        return round(seconds / self.step)


def on_grid(data: pd.Series | pd.DataFrame) -> tuple[Grid, Ints]:
    """The grid under a series or a frame, and the cell of each of its rows. Rows that share a cell are averaged.

    The grid's step is the usual distance of the rows, or the next smaller one that divides a day; a second at least. What
    `finite` and `strays` say is no measurement is none; the cell of a stray row is -1. Cost: nothing to speak of where the index
    is regular.
    """
    values = finite(data.to_numpy(np.float64, na_value=np.nan))
    values = values[:, None] if values.ndim == 1 else values
    if not isinstance(data.index, pd.DatetimeIndex):
        raise TypeError(f"a series needs a DatetimeIndex, not {type(data.index).__name__}")
    at = data.index.tz_localize(None).as_unit("us").asi8 / 1e6
    astray = strays(data.index)
    if astray.all():
        return Grid(np.full((min(1, len(at)), values.shape[1]), np.nan), 0.0, HOUR), np.zeros(len(at), np.int64)
    if astray.any():
        grid, cell = _laid(at[~astray], values[~astray])
        cell_of_row = np.full(len(at), -1)
        cell_of_row[~astray] = cell
        return grid, cell_of_row
    return _laid(at, values)


def _laid(at: Floats, values: Floats) -> tuple[Grid, Ints]:
    if len(at) < 2:
        return Grid(values, float(at[0]), HOUR), np.arange(len(at))
    gaps = np.diff(at)
    step = float(gaps[0])
    if step > 0 and np.all(gaps == step) and (step >= 2 * DAY or step in _STEPS):
        return Grid(values, float(at[0]), step), np.arange(len(at))
    step = _usual(at)
    start = float(np.floor(at.min() / step + 0.5) * step)
    cell = np.floor((at - start) / step + 0.5).astype(np.int64)
    total = np.zeros((int(cell.max()) + 1, values.shape[1]))
    count = np.zeros_like(total)
    measured = ~np.isnan(values)
    np.add.at(total, cell, np.where(measured, values, 0.0))
    np.add.at(count, cell, measured)
    with np.errstate(invalid="ignore"):
        return Grid(total / np.where(count > 0, count, np.nan), start, step), cell


def finite(values: Floats) -> Floats:
    """The values, NaN where one is infinite or beyond 1e75 either way: no unit is so small, and no square of it a number. What is
    nearer to 0 than 1e-75 is 0.
    """
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        if size.max(initial=0.0) <= _GREATEST and size.min(initial=1.0, where=size > 0) >= 1 / _GREATEST:
            return values
    return np.where(size <= _GREATEST, np.where(size >= 1 / _GREATEST, values, 0.0), np.nan)


def strays(index: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """Rows without a time, and the few, one in a hundred at most, that lie farther from all others than those are apart: a clock
    that stood at 1970 for a moment must not make a month of hours one cell of it.
    """
    at = index.as_unit("us").asi8 / 1e6
    astray = np.asarray(index.isna())
    known = np.sort(at[~astray])
    few = max(1, len(known) // 100)
    if len(known) <= 2 * few + 2:
        return astray
    first, last = known[few], known[-1 - few]
    far = _FARTHEST * (last - first)
    return astray | (at < first - far) | (at > last + far) if far > 0 else astray


def without_long_gaps(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The times with each gap of three weeks and more that is 50 usual distances long shortened by whole weeks to less.

    Hours and weekdays stay; what was learned before a summer without values is remembered, and its empty cells cost nothing.
    """
    placed = np.flatnonzero(~strays(index))
    if len(placed) < 2:
        return index
    at = index.tz_localize(None).as_unit("us").asi8 / 1e6
    order = placed[np.argsort(at[placed], kind="stable")]
    gaps = np.diff(at[order])
    weeks = np.floor(gaps / (7 * DAY)) - 2
    long = (weeks > 0) & (gaps > _GAP * np.median(gaps))
    if not long.any():
        return index
    shorter = at.copy()
    shorter[order] -= np.concatenate([[0.0], np.cumsum(np.where(long, weeks, 0.0))]) * 7 * DAY
    near = pd.DatetimeIndex(np.rint(shorter * 1e6).astype(np.int64).astype("datetime64[us]"))
    return pd.DatetimeIndex(near.where(~strays(index)))


def _usual(at: Floats) -> float:
    gaps = np.diff(np.sort(at))
    gaps = gaps[gaps > 0]
    if not len(gaps):
        return HOUR
    usual = max(float(np.median(gaps)), float(np.ptp(at)) / (8 * len(at)))
    if usual > 1.5 * DAY:
        return usual
    near = _STEPS[np.argmin(np.abs(np.log(_STEPS / usual)))]
    if abs(near / usual - 1) < 0.1:
        return float(near)
    smaller = _STEPS[usual >= _STEPS]
    return float(smaller[-1]) if len(smaller) else 1.0


def coarser(grid: Grid, step: float) -> Grid:
    """Means over cells of at least `step` seconds which divide a day; the grid itself where its cells are that long."""
    wider = _STEPS[step * 0.999 <= _STEPS]
    if grid.step >= step * 0.999 or not len(wider):
        return grid
    fits = [w for w in wider if abs(w / grid.step - round(w / grid.step)) < 1e-9]
    if not fits:
        return grid
    width = round(fits[0] / grid.step)
    start = np.floor(grid.start / fits[0]) * fits[0]
    front = round((grid.start - start) / grid.step)
    back = -(front + len(grid.points)) % width
    padded = np.pad(grid.points, ((front, back), (0, 0)), constant_values=np.nan)
    return Grid(mean(padded.reshape(-1, width, grid.points.shape[1]), axis=1), float(start), float(fits[0]))


def for_levels(grid: Grid) -> Grid:
    """The grid on which trends and shifts are judged: an hour, or a 168th of the history where that is shorter."""
    return coarser(grid, min(HOUR, grid.days * DAY / 168))


def assessable(grid: Grid) -> NDArray[np.bool_]:
    """Series with at most 30 % missing since their first value, a slower cadence and nights of sleep not counted as missing.

    A clock hour in which fewer than a fifth of the days have a value is one in which the series is not measured.
    """
    there = ~np.isnan(grid.points)
    n, series = there.shape
    counts = there.sum(axis=0)
    if not n or there.all():
        return np.full(series, n >= 3)
    per_day = max(1, round(DAY / grid.step))
    first = np.argmax(there, axis=0)
    lived = np.arange(n)[:, None] >= first
    clock = np.arange(n) % per_day
    expected = np.zeros((n, series), bool)
    rows = -(-n // per_day) * per_day
    by_clock = np.zeros((2, rows, series))
    by_clock[0, :n], by_clock[1, :n] = there, lived
    shares = by_clock.reshape(2, -1, per_day, series).sum(axis=1)
    usual = shares[0] >= np.maximum(1, 0.2 * shares[1]) if rows > 3 * per_day else np.ones((per_day, series), bool)
    expected = lived & usual[clock]
    share = counts / np.maximum(expected.sum(axis=0), 1)
    for column in np.flatnonzero((share < 1 - MOST_MISSING) & (counts >= 3)):
        usual_gap = float(np.median(np.diff(np.flatnonzero(there[:, column]))))
        share[column] = max(share[column], counts[column] * usual_gap / (n - first[column]))
    enough: NDArray[np.bool_] = (share >= 1 - MOST_MISSING) & (counts >= 3)
    return enough


# --- statistics that leave out what is not measured -----------------------------------------------------------------


def mean(values: Floats, axis: int) -> Floats:
    there = ~np.isnan(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def quantile(values: Floats, share: float, axis: int = -1, least: int = 1) -> Floats:
    """Linear between ranks; NaN where fewer than `least` values are there. One sort."""
    ordered = np.sort(values, axis=axis)
    last = ordered.shape[axis] - 1
    if last + 1 >= least and not np.isnan(ordered.take(-1, axis)).any():  # NaN is sorted to the end
        at = share * last
        lower = ordered.take(int(at), axis)
        return np.asarray(lower + (ordered.take(min(int(at) + 1, last), axis) - lower) * (at - int(at)))
    count = (~np.isnan(ordered)).sum(axis=axis, keepdims=True)
    place = share * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low, high = np.take_along_axis(ordered, below, axis), np.take_along_axis(ordered, above, axis)
    result = low + (high - low) * (place - below)
    return np.asarray(np.where(count >= least, result, np.nan).squeeze(axis))


def median(values: Floats, axis: int = -1, least: int = 1) -> Floats:
    return quantile(values, 0.5, axis, least)


def middle_third(values: Floats, axis: int = -1, least: int = 1) -> Floats:
    """The mean of the middle third by rank: nearly as robust as the median, steadier, and no step where values are few."""
    ordered = np.moveaxis(np.sort(values, axis=axis), axis, 0)
    n = len(ordered)
    if n and not np.isnan(ordered[-1]).any():
        middle = ordered[n // 3 : n - n // 3].mean(axis=0)
        return np.asarray(middle) if n >= least else np.full(ordered.shape[1:], np.nan)
    count = (~np.isnan(ordered)).sum(axis=0)
    place = np.arange(n).reshape(-1, *[1] * (ordered.ndim - 1))
    inside = (place >= count // 3) & (place < count - count // 3)
    return np.where(count >= least, mean(np.where(inside, ordered, np.nan), axis=0), np.nan)


def spread(values: Floats, axis: int = -1, least: int = 3) -> Floats:
    """1.4826 times the median distance from the median: the standard deviation where the values are normal."""
    centre = np.expand_dims(median(values, axis), axis)
    return 1.4826 * median(np.abs(values - centre), axis, least)


def rolling_median(values: Floats, width: int, stride: int = 1, least: int = 1) -> Floats:
    """Centred medians over `width` cells (made odd) along the first axis; the windows end at the ends of the series.

    With a stride the medians in between are interpolated: a level over a day does not change within three hours. NaN where
    fewer than `least` values are there. Cost: n / stride sorts of `width` numbers.
    """
    n, series = values.shape
    half = width // 2
    padded = np.pad(values.T, ((0, 0), (half, half)), constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * half + 1, axis=1)[:, ::stride]
    at_once = max(1, _CHUNK // max(1, windows.shape[1] * windows.shape[2]))
    parts = [median(windows[k : k + at_once], least=least) for k in range(0, series, at_once)]
    rolled = np.concatenate(parts) if parts else np.empty((0, windows.shape[1]))
    if stride == 1:
        return np.ascontiguousarray(rolled.T)
    place = np.minimum(np.arange(n) / stride, rolled.shape[1] - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, rolled.shape[1] - 1)
    rolled = np.ascontiguousarray(rolled.T)
    before, after, part = rolled[low], rolled[high], (place - low)[:, None]
    between = before + (after - before) * part
    return np.asarray(np.where(np.isnan(between), np.where(np.isnan(before), after, before), between), np.float64)
