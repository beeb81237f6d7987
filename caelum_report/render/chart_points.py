"""A chart's points made ready to be drawn: as many as there is room for, and what the y axis has to hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from caelum_report.document import Points

_CLAMP_FACTOR: Final = 4.0  # a maximum beyond so many 98th percentiles would flatten everything else


def reduced(points: Points, start: int, end: int, buckets: int) -> Points:
    """At most one point a bucket of equal width; the last point stays itself, so that the dot is the last measurement.

    A bucket's middle is the mean of its middles, its band reaches from the lowest low to the highest high.
    """
    banded = len(points.low) == len(points.mid) == len(points.high) > 0
    rows = [
        index
        for index, (at, mid) in enumerate(zip(points.at, points.mid, strict=False))
        if start <= at <= end and math.isfinite(mid)
    ]
    if banded:
        rows = [index for index in rows if math.isfinite(points.low[index]) and math.isfinite(points.high[index])]
    if len(rows) <= buckets:
        if len(rows) == len(points.at) and banded == bool(points.low or points.high):
            return points
        pick = [[index] for index in rows]
    else:
        width = (end - start) / buckets
        pick = []
        current = -1
        for index in rows[:-1]:
            bucket = int((points.at[index] - start) / width)
            if bucket != current:
                pick.append([])
                current = bucket
            pick[-1].append(index)
        pick.append([rows[-1]])
    return Points(
        tuple(sum(points.at[i] for i in group) // len(group) for group in pick),
        tuple(math.fsum(points.mid[i] for i in group) / len(group) for group in pick),
        tuple(min(points.low[i] for i in group) for group in pick) if banded else (),
        tuple(max(points.high[i] for i in group) for group in pick) if banded else (),
    )


def usual_step(at: Sequence[int]) -> float:
    """The median distance of the points as drawn: rolled-up history is no chain of gaps."""
    steps = sorted(b - a for a, b in pairwise(at))
    return float(steps[len(steps) // 2]) if len(steps) > 2 else 0.0


def ceiling_of(points: Points) -> float | None:
    """Where the plot ends when a few values would flatten the rest: 1.6 times the 98th percentile."""
    values = sorted(points.high or points.mid)
    usual = values[min(len(values) - 1, int(len(values) * 0.98))]
    if len(values) >= 50 and usual > 0 and values[-1] > _CLAMP_FACTOR * usual:
        return 1.6 * usual
    return None


def extent_of(points: Points, ghost: Points, ceiling: float | None) -> tuple[float, float]:
    low, high = min((*points.low, *points.mid)), max((*points.high, *points.mid))
    if ceiling is not None:
        return low, ceiling
    if ghost.at:  # the past may widen the scale, but never by much
        past_high, past_low = min(max(ghost.mid), 1.5 * high), max(min(ghost.mid), 1.5 * low)
        return min(low, past_low), max(high, past_high)
    return low, high


def with_future(extent: tuple[float, float], ahead: Points) -> tuple[float, float]:
    """An interval that widens without end must not flatten what was measured."""
    low, high = extent
    if not ahead.at:
        return extent
    lowest = max(min(low, *ahead.low), low - (high - low)) if low > 0 else low
    return lowest, max(high, *ahead.mid, min(max(ahead.high), 2 * high))
