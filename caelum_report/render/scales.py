"""Where a chart's lines and labels go: y steps that people count in, time ticks at local wall time. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from caelum_report.document import Range

HEADROOM: Final = 1.04
_NOTHING: Final = 1e-15  # smaller than anything that we measure, in any unit
_BOUND: Final = 1e100  # beyond it, products of two values overflow
_SECONDS: Final = (60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0)
_DAY: Final = 86400.0
_SUPERSCRIPT: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True, slots=True)
class Scale:
    """A y axis: `intervals` equal steps from `bottom` to `top`, with the labels of their borders and their unit."""

    bottom: float
    top: float
    intervals: int
    labels: tuple[str, ...]  # from the bottom up
    unit: str
    divisor: float  # a value in the metric's unit / divisor is a value in `unit`
    decimals: int

    def label(self, value: float) -> str:
        """A value between the steps, as precise as it needs to be."""
        shown = value / self.divisor
        decimals = self.decimals
        while decimals < 6 and abs(round(shown, decimals) - shown) > abs(shown) * 5e-3:
            decimals += 1
        return _number(shown, decimals)


def scale(low: float, high: float, unit: str, cap: float | None = None, *, from_zero: bool = True) -> Scale:
    """The axis with the least empty space among 3, 4 and 5 intervals; five are penalised, they crowd a small plot.

    With a cap and without a zero, the cap is the top and the steps go down from it: 99.5 to 100 %.
    """
    low, high = max(low, -_BOUND), min(high, _BOUND)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    if max(abs(low), abs(high)) < _NOTHING:
        low = high = 0.0
    if high - low <= max(abs(high) * 1e-4, _NOTHING):  # constant: nothing to tell apart
        if cap is not None:
            low, high = (low, cap) if high < cap else (cap * 0.99, cap)
        elif high == 0:
            high = 3.0 if unit == "count" else 1.0
        else:
            low, high = low - abs(low) * 0.05, high + abs(high) * 0.05
    candidates = list(_candidates(low, high, unit, cap, hangs=cap is not None and not from_zero))
    _, bottom, step, intervals = min(candidates)
    top = bottom + step * intervals
    divisor, name = _unit(max(abs(top), abs(bottom)), unit)
    decimals = _decimals(step / divisor)
    labels = tuple(_number((bottom + step * index) / divisor, decimals) for index in range(intervals + 1))
    return Scale(bottom, top, intervals, labels, name, divisor, decimals)


def _candidates(
    low: float, high: float, unit: str, cap: float | None, *, hangs: bool
) -> Iterator[tuple[float, float, float, int]]:
    """Share of empty space (and what speaks against it otherwise), bottom, step and number of intervals."""
    span = high - low
    whole = unit == "count" and float(high).is_integer() and float(low).is_integer()
    for intervals in (3, 4, 5):
        for step in _steps(span / intervals, unit):
            if whole and step < 1:
                continue
            from_cap = hangs and cap is not None
            bottom = (cap or 0) - step * intervals if from_cap else math.floor(low / step + 1e-9) * step
            top = bottom + step * intervals
            at_cap = cap is not None and abs(top - cap) <= 1e-9 * abs(cap)
            if bottom > low + 1e-9 * span or top < (high if at_cap else high + span * (HEADROOM - 1)) - 1e-9 * span:
                continue
            beyond = 1.0 if cap is not None and high <= cap and top > cap and not at_cap else 0.0  # no 110 %
            yield (1 - span / (top - bottom)) * (1.12 if intervals == 5 else 1.0) + beyond, bottom, step, intervals
            break


def _steps(least: float, unit: str) -> Iterator[float]:
    """Ascending steps of the unit's own ladder, none smaller than `least`."""
    if unit in {"bytes", "bytes/s"}:
        step = 2.0 ** math.floor(math.log2(least))
        while True:
            if step >= least * (1 - 1e-9):
                yield step
            step *= 2
    if unit == "seconds" and least > 50:
        yield from (step for step in _SECONDS if step >= least * (1 - 1e-9))
        yield from (step * _DAY for step in _decades(least / _DAY) if step >= 1)
    yield from _decades(least)


def _decades(least: float) -> Iterator[float]:
    power = math.floor(math.log10(least)) if least > 0 else 0
    while True:
        for factor in (1, 2, 5):
            step = factor * 10.0**power
            if step >= least * (1 - 1e-9):
                yield step
        power += 1


def _unit(largest: float, unit: str) -> tuple[float, str]:
    """Divisor and printed unit for an axis that reaches `largest`."""
    if unit == "seconds":
        if largest < 1e-6:
            return _powers(largest / 1e-9, 1e-9, "ns")
        if largest < 1:
            return (1e-6, "µs") if largest < 1e-3 else (1e-3, "ms")
        for divisor, name, end in ((1.0, "s", 120.0), (60.0, "min", 7200.0), (3600.0, "h", 2 * _DAY)):
            if largest < end:
                return divisor, name
        return _powers(largest / _DAY, _DAY, "d")
    if unit in {"bytes", "bytes/s"}:
        names = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
        power = max(0, min(len(names) - 1, int(math.log2(max(largest, 1)) // 10)))
        return _powers(largest / 1024.0**power, 1024.0**power, names[power] + unit.removeprefix("bytes"))
    if unit == "ratio":
        return _powers(largest * 100, 0.01, "%")
    if unit == "percent":
        return _powers(largest, 1.0, "%")
    if unit == "celsius":
        return _powers(largest, 1.0, "°C")
    for divisor, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if largest >= (10_000 if name == "k" else divisor):
            return _powers(largest / divisor, divisor, name)
    return _powers(largest, 1.0, "")


def _powers(largest: float, divisor: float, name: str) -> tuple[float, str]:
    """Beyond prefixes, a power of ten joins the unit."""
    if 1e-4 <= largest < 1e5:
        return divisor, name
    power = math.floor(math.log10(largest) / 3) * 3
    return divisor * 10.0**power, f"×10{str(power).translate(_SUPERSCRIPT)} {name}".rstrip()


def _decimals(step: float) -> int:
    decimals = 0
    while decimals < 9 and abs(round(step, decimals) - step) > step * 1e-6:
        decimals += 1
    return decimals


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


# --- time -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """A border on the time axis, and a label at `centre` (unix seconds), which may lie between two borders."""

    at: float | None  # None: a label without a border
    label: str = ""
    centre: float = 0.0
    strong: bool = False  # a new day or year, in ink
    rank: int = 0  # labels of a higher rank survive thinning together


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A piece of time as a wall clock shows it."""

    start: int
    end: int
    zone: ZoneInfo
    roomy: bool

    def midnights(self) -> Iterator[datetime]:
        day = datetime.fromtimestamp(self.start, self.zone).date()
        last = datetime.fromtimestamp(self.end, self.zone).date()
        while day <= last:
            yield datetime.combine(day, time())
            day += timedelta(days=1)

    def months(self) -> Iterator[datetime]:
        first = next(self.midnights()).replace(day=1)
        while self.instant(first) <= self.end:
            yield first
            first = _next_month(first)

    def instant(self, wall: datetime) -> float:
        """Unix time of a wall time; one that a clock change skips becomes the first that exists."""
        at = wall.replace(tzinfo=self.zone).timestamp()
        if datetime.fromtimestamp(at, self.zone).replace(tzinfo=None) == wall:
            return at
        before, after = math.floor(at - _DAY), math.ceil(at)
        offset = datetime.fromtimestamp(before, self.zone).utcoffset()
        while after - before > 1:
            middle = (before + after) // 2
            if datetime.fromtimestamp(middle, self.zone).utcoffset() == offset:
                before = middle
            else:
                after = middle
        return float(after)

    def shows(self, at: float) -> bool:
        return self.start <= at <= self.end

    def between(self, at: float, following: float, label: str, least: float) -> Tick:
        """A label in the middle of what is seen of its day or month, if enough of it is seen."""
        left, right = max(at, self.start), min(following, self.end)
        shown = right - left >= least * (following - at)
        return Tick(at if self.shows(at) else None, label if shown else "", (left + right) / 2)


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=32)).replace(day=1)


@lru_cache(maxsize=64)
def time_ticks(chart_range: Range, start: int, end: int, zone: str, *, roomy: bool) -> tuple[Tick, ...]:
    """Ticks at local wall times between two unix times. A day of 23 or 25 hours shows a step of two or four hours."""
    return tuple(_TICKS[chart_range](_Stretch(start, end, ZoneInfo(zone), roomy)))


def _hours(seen: _Stretch) -> Iterator[Tick]:
    last = -math.inf
    for midnight in seen.midnights():
        for hour in range(0, 24, 3):
            at = seen.instant(midnight + timedelta(hours=hour))
            if not seen.shows(at) or at <= last:
                continue
            last = at
            if hour == 0:
                yield Tick(at, f"{midnight:%a} {midnight.day}", at, strong=True, rank=2)
            else:
                yield Tick(at, f"{hour:02d}:00" if seen.roomy or hour % 6 == 0 else "", at, rank=hour % 6 == 0)


def _weekdays(seen: _Stretch) -> Iterator[Tick]:
    for midnight in seen.midnights():
        label = f"{midnight:%a} {midnight.day}" if seen.roomy else f"{midnight:%a}"
        following = seen.instant(midnight + timedelta(days=1))
        yield seen.between(seen.instant(midnight), following, label, 0.5)


def _mondays(seen: _Stretch) -> Iterator[Tick]:
    for midnight in seen.midnights():
        at = seen.instant(midnight)
        if midnight.weekday() == 0 and seen.shows(at):
            yield Tick(at, f"{midnight.day} {midnight:%b}", at)


def _months(seen: _Stretch) -> Iterator[Tick]:
    for month in seen.months():
        yield seen.between(seen.instant(month), seen.instant(_next_month(month)), f"{month:%b}", 0.3)


def _quarters(seen: _Stretch) -> Iterator[Tick]:
    for month in seen.months():
        at = seen.instant(month)
        if not seen.shows(at):
            continue
        if month.month == 1:
            yield Tick(at, str(month.year), at, strong=True, rank=2)
        else:
            quarterly = month.month % 3 == 1
            yield Tick(at, f"{month:%b}" if seen.roomy or quarterly else "", at, rank=quarterly)


_TICKS: Final[Mapping[Range, Callable[[_Stretch], Iterator[Tick]]]] = {
    "day": _hours,
    "week": _weekdays,
    "month": _mondays,
    "quarter": _months,
    "year": _quarters,
}


def thin(ticks: Sequence[Tick], lefts: Sequence[float], rights: Sequence[float], width: float) -> list[Tick]:
    """The labelled ticks that fit side by side within `width`: every one, or every second, third … by a regular stride."""
    inside = [index for index, tick in enumerate(ticks) if tick.label and lefts[index] >= 0 and rights[index] <= width]
    for stride in range(1, max(len(inside), 1) + 1):
        phases = range(stride)
        for phase in sorted(phases, key=lambda p: -sum(ticks[i].rank for i in inside[p::stride])):
            kept = inside[phase::stride]
            if all(rights[a] + 8 <= lefts[b] for a, b in pairwise(kept)):
                return [ticks[index] for index in kept]
    return []
