"""Maintenance windows in time: whether a moment lies in one, and when the next ones come. By the wall clock of their zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from .model import Window

_AT_MOST: Final = 10_000  # occurrences looked at: a daily window of 27 years


def inside(window: Window, at: datetime, zone: str) -> bool:
    """Whether `at` lies in a window. A repeated one keeps its local hours over changes of daylight saving time."""
    if at < window.start:
        return False
    step = _step(window)
    if step is None:
        return at < window.end
    here = ZoneInfo(window.zone or zone)
    start, end, now = (_wall(moment, here) for moment in (window.start, window.end, at))
    since = (now - start) // step * step
    return start + since <= now < end + since and not _ended(window, _instant(start + since, here))


def occurrences(window: Window, start: datetime, end: datetime, zone: str) -> Iterator[tuple[datetime, datetime]]:
    """The times between `start` and `end` at which it is open, in UTC, ascending.

    A local time that the clock skips begins when the clock has gone on; one that comes twice begins at the first.
    """
    step = _step(window)
    if step is None:
        if window.start < end and window.end > start:
            yield window.start.astimezone(UTC), window.end.astimezone(UTC)
        return
    here = ZoneInfo(window.zone or zone)
    first, last = _wall(window.start, here), _wall(window.end, here)
    skipped = max(0, (_wall(start, here) - last) // step)
    for number in range(skipped, skipped + _AT_MOST):
        opens, closes = (_instant(wall + number * step, here) for wall in (first, last))
        if opens >= end or _ended(window, opens):
            return
        if closes > start:
            yield opens, closes


def _step(window: Window) -> timedelta | None:
    return timedelta(days=7) if window.weekly else timedelta(days=1) if window.daily else None


def _ended(window: Window, opens: datetime) -> bool:
    return window.until is not None and opens >= window.until


def _wall(at: datetime, here: ZoneInfo) -> datetime:
    return at.astimezone(here).replace(tzinfo=None)


def _instant(wall: datetime, here: ZoneInfo) -> datetime:
    """The local time as an instant; by way of UTC, so that a skipped hour becomes the one after it."""
    return wall.replace(tzinfo=here).astimezone(UTC)
