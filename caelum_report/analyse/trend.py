"""Trend: does a series rise or fall over its history, by how much a day, and how sure is that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from .matrix import HOUR, assessable, mean, median
from .season import Seasons, seasons
from .tails import t_quantile, t_tails
from .times import DAY, Floats

Direction = Literal["up", "down", "none", "unknown"]
LEAST_CHANGE: Final = 0.05  # of the level, over the history
LEAST_POINTS: Final = 12
_LIMIT: Final = 3.0  # standard deviations at which residuals are winsorised
_MOST_CORRELATED: Final = 0.98
_LONG_DAYS: Final = 90
_LONG_STEP: Final = 6 * HOUR


@dataclass(frozen=True, slots=True)
class Trend:
    """`direction` is "none" unless the slope is significant *and* the change over the history exceeds 5 % of the level, and
    "unknown" where nothing may be said: under 24 hours or 12 points, or more than 30 % missing. `low` and `high` hold the
    slope with confidence 1 - alpha.
    """

    direction: Direction
    slope_per_day: float
    low: float
    high: float
    p: float


UNKNOWN: Final = Trend("unknown", np.nan, np.nan, np.nan, np.nan)


def trend(series: pd.Series, alpha: float = 0.05) -> Trend:
    """The straight trend of a series.

    Method: the accepted seasonal profile is taken off, residuals are winsorised at 3 robust standard deviations about a first
    line, the slope is least squares and its t-test takes the effective sample size n(1 - φ)/(1 + φ) (Bayley and Hammersley
    1946; φ corrected for its bias after Kendall 1954), but never a smaller standard error than that of 24-hour means with
    their own autocorrelation, which sees slower correlation than neighbouring hours show.

    Cost: 1 µs a value, most of it the season. Assumes one straight line: a level shift is reported as a trend too, and the
    run prefers the shift where there is one. Weak: noise that wanders for weeks (a random walk) passes for a trend more often
    than alpha says. Mann-Kendall on raw hours was far too bold (15 to 45 % at a level of 5 %).
    """
    return trends(series.to_frame(), alpha)[0]


def trends(frame: pd.DataFrame, alpha: float = 0.05, known: Seasons | None = None) -> list[Trend]:
    """One answer a column; false-discovery control over them is the run's. `known` saves finding the seasons again."""
    known = known or seasons(frame)
    values, step = known.without(), known.grid.step
    series = values.shape[1]
    good = assessable(known.grid) & ((~np.isnan(values)).sum(axis=0) >= LEAST_POINTS)
    if known.grid.days < 1 or not good.any():
        return [UNKNOWN] * series
    # neighbouring hours say nothing more about a slope over months
    if known.grid.days > _LONG_DAYS and step < _LONG_STEP:
        width = round(_LONG_STEP / step)
        values, step = _means(_winsorised(values[: len(values) // width * width], step), width), width * step
    days = _days(values, step)
    width = _block(values, step)
    clipped = _winsorised(values, step)
    slope, residuals, squares = _line(clipped, days)
    error, freedom = _standard_error(residuals, squares)
    _, slow_residuals, slow_squares = _line(
        _means(clipped, width), _means(np.where(np.isnan(clipped), np.nan, days), width)
    )
    slow_error, slow_freedom = _standard_error(slow_residuals, slow_squares)
    wider = slow_error > error
    error = np.where(wider, slow_error, error)
    freedom = np.where(wider, slow_freedom, freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(slope == 0, 1.0, t_tails(slope / error, freedom))
    half = np.where(error > 0, t_quantile(alpha, freedom) * error, 0.0)
    level = np.abs(median(values, axis=0))
    lived = _lived(values, days)
    real = (p < alpha) & (np.abs(slope) * lived > LEAST_CHANGE * level)
    return [
        Trend(
            ("up" if slope[k] > 0 else "down") if real[k] else "none",
            float(slope[k]),
            float(slope[k] - half[k]),
            float(slope[k] + half[k]),
            float(p[k]),
        )
        if good[k] and np.isfinite(p[k])
        else UNKNOWN
        for k in range(series)
    ]


def _lived(values: Floats, days: Floats) -> Floats:
    there = ~np.isnan(values)
    first, last = np.argmax(there, axis=0), len(values) - 1 - np.argmax(there[::-1], axis=0)
    return np.asarray(days[last, 0] - days[first, 0], np.float64)


def _days(values: Floats, step: float) -> Floats:
    return np.asarray((np.arange(len(values)) * step / DAY)[:, None], np.float64)


def _block(values: Floats, step: float) -> int:
    """Cells of a day; of a tenth of a history shorter than ten days."""
    return max(1, min(round(DAY / step), len(values) // 10))


def _means(values: Floats, width: int) -> Floats:
    back = -len(values) % width
    return mean(np.pad(values, ((0, back), (0, 0)), constant_values=np.nan).reshape(-1, width, values.shape[1]), axis=1)


def _winsorised(values: Floats, step: float) -> Floats:
    """Values no farther than three robust deviations from a line through the medians of blocks."""
    days, width = _days(values, step), _block(values, step)
    back = -len(values) % width
    blocks = np.pad(values, ((0, back), (0, 0)), constant_values=np.nan).reshape(-1, width, values.shape[1])
    medians = median(blocks, axis=1)
    middle = (np.arange(len(medians)) + 0.5)[:, None] * width * (days[1, 0] if len(days) > 1 else 1.0)
    slope, residuals, _ = _line(medians, middle)
    level = mean(medians - residuals - slope * middle, axis=0)
    line = level + slope * days
    rest = values - line
    centre = median(rest, axis=0)
    size = np.abs(rest - centre)  # for counts that are mostly 0 the median says nothing
    limit = _LIMIT * np.maximum(1.4826 * median(size, axis=0), mean(size, axis=0))
    return np.asarray(line + centre + np.clip(rest - centre, -limit, limit), np.float64)


def _line(values: Floats, days: Floats) -> tuple[Floats, Floats, Floats]:
    """Slope, residuals and the sum of squared distances of the times from their mean, where values are there."""
    there = ~np.isnan(values)
    at = np.where(there, days, np.nan)
    at = at - mean(at, axis=0)
    about = values - mean(values, axis=0)
    squares = np.where(there, at**2, 0.0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(there, at * about, 0.0).sum(axis=0) / squares
    return slope, about - slope * at, squares


def _standard_error(residuals: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Of the slope, and its degrees of freedom, with the effective sample size of AR(1) residuals."""
    there = ~np.isnan(residuals)
    n = there.sum(axis=0)
    rest = np.where(there, residuals, 0.0)
    power = (rest**2).sum(axis=0)
    pairs = there[1:] & there[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = (rest[1:] * rest[:-1]).sum(axis=0) / np.maximum(pairs.sum(axis=0), 1)
        phi = shared / (power / n)
        phi = np.clip(np.nan_to_num(phi + (1 + 4 * phi) / n), 0.0, _MOST_CORRELATED)
        effective = n * (1 - phi) / (1 + phi)
        freedom = np.maximum(effective - 2, 1.0)
        error = np.sqrt(power / np.maximum(n - 2, 1) / squares * (1 + phi) / (1 - phi))
    return error, np.where(n > 2, freedom, np.nan)
