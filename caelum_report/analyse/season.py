"""Season: what an hour of the day, or of the week, usually adds to a series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from .matrix import HOUR, Grid, assessable, for_levels, mean, median, on_grid, rolling_median
from .times import DAY, Floats

Period = Literal["day", "week"]
LEAST_GAIN: Final = 0.05
LEAST_CYCLES: Final = 3
WEEK: Final = 7 * DAY
MONDAY: Final = 4 * DAY  # 1970 began on a Thursday
_WORKDAYS: Final = 5
_MOST_WEEKS: Final = 18  # that a profile is learned from, spread over the history


@dataclass(frozen=True, slots=True)
class Profile:
    """What each part of a period adds to the series' level. `values[0]` is midnight; that of Monday where it is a week."""

    period: Period
    step_seconds: float
    values: tuple[float, ...]
    gain: float  # the share of the error that knowing the profile saves, on cycles it was not learned from

    def at(self, index: pd.DatetimeIndex) -> pd.Series:
        """The profile at each of these times, to be subtracted from a series."""
        seconds = index.tz_localize(None).as_unit("us").asi8 / 1e6
        since = (seconds - (MONDAY if self.period == "week" else 0.0)) % (len(self.values) * self.step_seconds)
        cell = np.floor(since / self.step_seconds + 1e-6).astype(np.int64) % len(self.values)
        return pd.Series(np.asarray(self.values)[cell], index)


def profile(series: pd.Series) -> Profile | None:
    """The accepted period of a series and its profile, or None.

    Method: the level is a centred rolling median of a day (of a week for a weekly profile); what remains is summarised by
    medians per hour of the day, by workdays and weekends apart, and per hour of the week. A profile is accepted when the one
    learned from even cycles predicts odd cycles, and the other way round, with an error at least 5 % smaller than without
    (two-fold cross-validation; the medians are the robust form of classical decomposition, Cleveland et al. 1990). A day needs
    three days, a week three weeks.

    Cost: 0.4 µs a value. Assumes that the profile is added to the level and does not change within the history; weekends
    that are not Saturday and Sunday are found only by the hour of the week. Weak: yearly cycles are not looked for; the
    clock of the index is used, so that in UTC an hour of local habit moves when the clocks change.
    """
    return profiles(series.to_frame())[0]


def profiles(frame: pd.DataFrame) -> list[Profile | None]:
    """One answer a column."""
    return seasons(frame).profiles()


@dataclass(frozen=True, slots=True)
class Seasons:
    """The seasonal part of every series of a grid, 0 where no period was accepted."""

    grid: Grid
    daily: Floats  # cells of a day × series
    weekly: Floats  # cells of a week × series
    accepted: tuple[Period | None, ...]
    gains: Floats

    def values(self) -> Floats:
        """What the seasons add in every cell."""
        n = len(self.grid.points)
        total = np.zeros(self.grid.points.shape)
        for period, table in (("day", self.daily), ("week", self.weekly)):
            chosen = np.array([a == period for a in self.accepted], bool)
            if chosen.any():
                cells = (_offset(self.grid, len(table), period) + np.arange(n)) % len(table)
                total[:, chosen] = table[:, chosen][cells]
        return total

    def without(self) -> Floats:
        """The grid's values less their seasons."""
        return self.grid.points - self.values()

    def profiles(self) -> list[Profile | None]:
        tables = {"day": self.daily, "week": self.weekly}
        return [
            None if a is None else Profile(a, self.grid.step, tuple(tables[a][:, k].tolist()), float(self.gains[k]))
            for k, a in enumerate(self.accepted)
        ]


def seasons(frame: pd.DataFrame) -> Seasons:
    """The seasons of every column, on the grid on which levels and trends are judged.

    Looks for a day where cells are at most six hours, then for a week where they are at most a day.
    """
    grid = for_levels(on_grid(frame)[0])
    series = grid.points.shape[1]
    good = assessable(grid)
    none = np.zeros((1, series))
    daily, day_gain = (none, np.zeros(series))
    weekly, week_gain = (none, np.zeros(series))
    if grid.step <= 6 * HOUR and grid.days >= LEAST_CYCLES:
        daily, day_gain = _by_day(grid)
    if grid.step <= 1.01 * DAY and grid.days >= LEAST_CYCLES * 7:
        weekly, week_gain = _by_week(grid)
    accepted: list[Period | None] = [
        None if not fine else "week" if week >= LEAST_GAIN else "day" if day >= LEAST_GAIN else None
        for fine, day, week in zip(good, day_gain, week_gain, strict=True)
    ]
    return Seasons(grid, daily, weekly, tuple(accepted), np.where(week_gain >= LEAST_GAIN, week_gain, day_gain))


def _offset(grid: Grid, cells: int, period: str) -> int:
    """How many cells after the period's beginning the grid begins."""
    since = (grid.start - (MONDAY if period == "week" else 0.0)) % (cells * grid.step)
    return int(since / grid.step + 1e-6)


def _cycles(values: Floats, offset: int, cells: int) -> Floats:
    """Cycles × cells × series, the first and the last cycle filled up with NaN."""
    back = -(offset + len(values)) % cells
    return np.pad(values, ((offset, back), (0, 0)), constant_values=np.nan).reshape(-1, cells, values.shape[1])


def _some(cycles: Floats, at_most: int) -> Floats:
    """Every second, third … cycle of a long history: enough for medians, a fraction of the sorting."""
    stride = -(-len(cycles) // at_most)
    return cycles[:: stride + (stride % 7 == 0)]


def _by_day(grid: Grid) -> tuple[Floats, Floats]:
    cells = grid.cells(DAY)
    offset, stride = _offset(grid, cells, "day"), max(1, cells // 4)
    rough = np.zeros_like(grid.points)
    for _ in range(2):  # a level that still holds half of the profile is found again without it
        level = rolling_median(grid.points - rough, cells + 1, stride)
        rest = _some(_cycles(grid.points - level, offset, cells), 7 * _MOST_WEEKS)
        rough = _centred(median(rest, axis=0))[(offset + np.arange(len(rough))) % cells]
    if len(rest) < LEAST_CYCLES:
        return np.zeros((cells, rest.shape[2])), np.zeros(rest.shape[2])
    table = _centred(median(rest, axis=0))
    plain = mean(np.abs(rest).reshape(-1, rest.shape[2]), axis=0)
    crossed = _crossed(rest, lambda part: _centred(median(part, axis=0)))
    return table, _gain(plain, crossed, cells)


def _by_week(grid: Grid) -> tuple[Floats, Floats]:
    cells = grid.cells(WEEK)
    level = rolling_median(grid.points, cells + 1, max(1, cells // 7))
    rest = _some(_cycles(grid.points - level, _offset(grid, cells, "week"), cells), _MOST_WEEKS)
    series = rest.shape[2]
    if len(rest) < LEAST_CYCLES:
        return np.zeros((cells, series)), np.zeros(series)
    plain = mean(np.abs(rest).reshape(-1, series), axis=0)
    if cells >= 14:  # a day by itself explains the day; the week has to explain more
        plain = np.fmin(plain, _crossed(rest, _same_every_day))
    errors = [_crossed(rest, form) for form in _FORMS]
    best = np.argmin([np.where(np.isnan(e), np.inf, e) for e in errors], axis=0)
    tables = [form(rest) for form in _FORMS]
    table = np.where(best == 0, tables[0], tables[1])
    return table, _gain(plain, np.where(best == 0, errors[0], errors[1]), cells)


def _same_every_day(weeks: Floats) -> Floats:
    days = weeks.reshape(-1, weeks.shape[1] // 7, weeks.shape[2])
    return np.tile(_centred(median(days, axis=0)), (7, 1))


def _workdays_and_weekends(weeks: Floats) -> Floats:
    days = weeks.reshape(len(weeks), 7, weeks.shape[1] // 7, weeks.shape[2])
    work = median(days[:, :_WORKDAYS].reshape(-1, *days.shape[2:]), axis=0)
    free = median(days[:, _WORKDAYS:].reshape(-1, *days.shape[2:]), axis=0)
    return _centred(np.concatenate([work] * _WORKDAYS + [free] * (7 - _WORKDAYS)))


def _every_hour(weeks: Floats) -> Floats:
    return _centred(median(weeks, axis=0))


_FORMS: Final = (_workdays_and_weekends, _every_hour)


def _centred(table: Floats) -> Floats:
    """About its own median; a cell that was never measured adds nothing."""
    return np.nan_to_num(table - median(table, axis=0))


def _crossed(cycles: Floats, form: Callable[[Floats], Floats]) -> Floats:
    """The mean absolute error of each half of the cycles about the form of the other half."""
    even, odd = cycles[::2], cycles[1::2]
    parts = [np.abs(a - form(b)) for a, b in ((even, odd), (odd, even))]
    return mean(np.concatenate(parts).reshape(-1, cycles.shape[2]), axis=0)


def _gain(plain: Floats, crossed: Floats, cells: int) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = 1 - crossed / plain
    return np.where(np.isfinite(gain) & (cells > 1), gain, 0.0)
