"""One series on a regular grid of times, and the bridges across its short gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from .times import DAY, Floats

HOUR: Final = 3600.0
LONGEST_FILL: Final = 6 * HOUR
MOST_PLACES: Final = 200_000  # a clock that once stood at 1970 must not ask for all the memory


@dataclass(frozen=True, slots=True)
class Steps:
    """One series on a regular grid; NaN where nothing was measured."""

    points: Floats
    last: pd.Timestamp
    step_seconds: float

    def after(self, steps: int) -> pd.DatetimeIndex:
        """The next points of the grid."""
        whole_days, rest = divmod(self.step_seconds, DAY)
        if not rest:
            return pd.date_range(self.last, periods=steps + 1, freq=pd.offsets.Day(int(whole_days)))[1:]
        return pd.date_range(self.last, periods=steps + 1, freq=pd.Timedelta(seconds=self.step_seconds))[1:]


def regular(series: pd.Series) -> Steps:
    """The series by its usual step. Points off the grid go to the nearest place, several at one place become their mean."""
    series = series[pd.notna(series.index)]
    index = pd.DatetimeIndex(series.index)
    wall = index.tz_localize(None) if index.tz is not None else index
    at = index.as_unit("us").asi8 / 1e6
    gaps = np.diff(np.unique(at))
    step = float(np.median(gaps)) if len(gaps) else HOUR
    if abs(step - round(step / 60) * 60) < 0.02 * step:  # a scheduler's seconds are no cadence
        step = round(step / 60) * 60.0
    if step >= DAY:  # days are counted by the calendar: one with 23 hours is one all the same
        at = wall.as_unit("us").asi8 / 1e6
        step = round(step / DAY) * DAY
    values = series.to_numpy(np.float64, na_value=np.nan)
    newest = int(np.argmax(at))
    place = np.rint((at - at[newest]) / step).astype(np.int64)
    place = place - max(int(place.min()), -MOST_PLACES)
    inside = (place >= 0) & np.isfinite(values)
    size = int(place.max()) + 1
    sums = np.bincount(place[inside], weights=values[inside], minlength=size)
    counts = np.bincount(place[inside], minlength=size)
    with np.errstate(invalid="ignore"):
        return Steps(np.where(counts > 0, sums / counts, np.nan), index[newest], step)


def fill(values: Floats, longest: int) -> Floats:
    """Straight lines across inner gaps of at most `longest` steps."""
    size = values.shape[1]
    measured = np.isfinite(values)
    if longest < 1 or measured.all():
        return values
    place = np.arange(size)
    before = np.maximum.accumulate(np.where(measured, place, -1), axis=1)
    after = np.minimum.accumulate(np.where(measured, place, size)[:, ::-1], axis=1)[:, ::-1]
    gap = ~measured & (before >= 0) & (after < size) & (after - before - 1 <= longest)
    row, column = np.nonzero(gap)
    left, right = before[row, column], after[row, column]
    part = (column - left) / (right - left)
    filled = values.copy()
    filled[row, column] = (1 - part) * values[row, left] + part * values[row, right]
    return filled
