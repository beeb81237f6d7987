"""What comes next, with a range that holds as often as it says: forecasts, and the time at which a limit is reached."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import pandas as pd

from .times import DAY, Floats

HOUR: Final = 3600.0
LEAST_POINTS: Final = 12
MOST_MISSING: Final = 0.3
LONGEST_FILL: Final = 6 * HOUR
MOST_STEPS: Final = 1500  # of history used, unless six weeks or five horizons are more: older data tells little of next week
CHUNK: Final = 128  # series at a time: the back-tests of so many stay in the processor's cache

HALF_LIVES: Final = (1.0, 4.0, 24.0, 96.0, 400.0)  # steps, of the exponential weights by which a level is taken
CYCLE_DECAY: Final = {"day": 0.9, "week": 0.8}  # weight of a cycle against the next younger one
SHARPNESS: Final = 4.0  # a candidate's weight is its back-test error to the power of minus this
RAISED: Final = 0.03  # the nominal level is raised by so much, since back-tests flatter whoever was weighted by them


@dataclass(frozen=True, slots=True)
class Grid:
    """One series on a regular grid; NaN where nothing was measured."""

    values: Floats
    last: pd.Timestamp
    step_seconds: float

    def after(self, steps: int) -> pd.DatetimeIndex:
        """The next points of the grid."""
        whole_days, rest = divmod(self.step_seconds, DAY)
        if not rest:
            return pd.date_range(self.last, periods=steps + 1, freq=pd.offsets.Day(int(whole_days)))[1:]
        return pd.date_range(self.last, periods=steps + 1, freq=pd.Timedelta(seconds=self.step_seconds))[1:]


def regular(series: pd.Series) -> Grid:
    """The series by its usual step. Points off the grid go to the nearest place, several at one place become their mean."""
    index = pd.DatetimeIndex(series.index)
    wall = index.tz_localize(None) if index.tz is not None else index
    at = index.as_unit("us").asi8 / 1e6
    gaps = np.diff(np.unique(at))
    step = float(np.median(gaps)) if len(gaps) else HOUR
    if step >= DAY:  # days are counted by the calendar: one with 23 hours is one all the same
        at = wall.as_unit("us").asi8 / 1e6
        step = round(step / DAY) * DAY
    values = series.to_numpy(np.float64, na_value=np.nan)
    newest = int(np.argmax(at))
    place = np.rint((at - at[newest]) / step).astype(np.int64)
    place = place - max(int(place.min()), -200_000)
    inside = (place >= 0) & np.isfinite(values)
    size = int(place.max()) + 1
    sums = np.bincount(place[inside], weights=values[inside], minlength=size)
    counts = np.bincount(place[inside], minlength=size)
    with np.errstate(invalid="ignore"):
        return Grid(np.where(counts > 0, sums / counts, np.nan), index[newest], step)
