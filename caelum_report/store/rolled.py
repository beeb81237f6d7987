"""Roll-ups read back as columns: the hours and days that had closed at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .columns import table
from .rollups import SHAPE, Figures, joined, of_days, pairs_of, taken, unpacked
from .times import DAY, HOUR

# Two quarters by the hour and two years by the day, the longest that anything is compared over.
_HOURLY: Final = 2 * 92 * DAY
_DAILY: Final = 2 * 366 * DAY
# Hours in a frame at most. A fleet of a thousand gets fewer by the hour, for the memory of all would be gigabytes.
_HOURS_AT_MOST: Final = 1_500_000


def rolled(
    connection: sqlite3.Connection, at: int, series: Sequence[int], hourly: int = _HOURLY
) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_], npt.NDArray[Any]]:
    """The columns of hours and days of some series that had closed at `at`, by time; which rows are days; and the buckets,
    of which each row has `pairs` from its `first` on.

    Hours at most `hourly` old.
    """
    hours = _hours(connection, at, series, hourly)
    today = at - at % DAY
    number, day, *figures = table(
        _of_series(connection, "n, min, mean, max, p5, p50, p95, buckets", series, (today - _DAILY, today - 1)), 10
    )
    both = joined(hours, of_days(number, day, *figures))
    order = np.argsort(both.at, kind="stable")
    columns = {name: getattr(both, name)[order] for name in ("series", "at", "n", *SHAPE, "pairs")}
    columns["first"] = (np.cumsum(both.pairs) - both.pairs)[order]
    return columns, order >= len(hours.at), pairs_of(both)


def _of_series(
    connection: sqlite3.Connection, columns: str, series: Sequence[int], span: tuple[int, int]
) -> Iterator[Sequence[Any]]:
    """Series, day and some columns of the days within a span, its ends included."""
    for one in series:
        yield from connection.execute(
            f"SELECT series, at, {columns} FROM rollups WHERE series = ? AND at BETWEEN ? AND ?", (one, *span)
        )


def _hours(connection: sqlite3.Connection, at: int, series: Sequence[int], hourly: int) -> Figures:
    """The hours that had closed at `at`, as far back as their number allows."""
    past = min(hourly, _HOURS_AT_MOST // (24 * max(1, len(series))) * DAY)
    number, day, *packed = table(
        (
            row
            for row in _of_series(connection, "hours, hour_buckets, flat_hours", series, (at - at % DAY - past, at))
            if row[2] is not None
        ),
        5,
    )
    figures = unpacked(np.array(number, np.int64), np.array(day, np.int64), *packed)
    return taken(figures, figures.at < at - at % HOUR)
