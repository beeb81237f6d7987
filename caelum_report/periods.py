"""Spans of time as people name them: calendar periods of a zone, moments, and the words for both. No clock, no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from . import words

PeriodName = Literal["day", "week", "month"]
PERIODS: Final[tuple[PeriodName, ...]] = get_args(PeriodName)

WORDS: Final = ("now", "today", "yesterday", "this-week", "last-week", "this-month", "last-month")  # that `named` reads
_RELATIVE: Final = re.compile(r"(this|last)-(week|month)|today|yesterday")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_WEEK: Final = re.compile(r"(\d{4})-W(\d{2})")


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to `end`. A moment is what stood at `end`; its start is the same."""

    label: str  # "21 Nov 2026", "week 47 of 2026", "#4217"
    start: datetime
    end: datetime
    moment: bool = False


def period(kind: PeriodName, day: date, zone: str) -> Span:
    """The calendar period that holds a local date: midnight to midnight by the zone's clock, so 23 to 25 hours a day."""
    if kind == "day":
        first, after, label = day, day + timedelta(days=1), f"{day.day} {day:%B %Y}"
    elif kind == "week":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
        year, week, _ = first.isocalendar()
        label = f"week {week} of {year}"
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        label = f"{day:%B %Y}"
    return Span(label, _midnight(first, zone), _midnight(after, zone))


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def before(kind: PeriodName, span: Span, zone: str) -> Span:
    """The calendar period that ends where this one begins."""
    return period(kind, words.local(span.start, zone).date() - timedelta(days=1), zone)


def last(kind: PeriodName, at: datetime, zone: str) -> Span:
    """The last period that was over at a time."""
    return before(kind, period(kind, words.local(at, zone).date(), zone), zone)


def key(kind: PeriodName, span: Span, zone: str) -> str:
    """2026-11-21, 2026-W47, 2026-11: what `named` reads."""
    first = words.local(span.start, zone).date()
    if kind == "week":
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{first:%Y-%m-%d}" if kind == "day" else f"{first:%Y-%m}"


def named(text: str, at: datetime, zone: str) -> Span | None:
    """What a word says, seen from `at`: `yesterday`, `last-week`, `2026-11-21`, `2026-W47`, `2026-11`, a time, `now`.

    None where it is no such word. A period that is not over ends at `at`.
    """
    today = words.local(at, zone).date()
    if text == "now":
        return Span("now", at, at, moment=True)
    found = _period_of(text, today, zone)
    if found is not None:
        return replace(found, end=at, label=f"{found.label} so far") if found.start < at < found.end else found
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    when = (when if when.tzinfo else when.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    return Span(words.moment(when, at, zone), when, when, moment=True)


def _period_of(text: str, today: date, zone: str) -> Span | None:
    try:
        if _DAY.fullmatch(text):
            return period("day", date.fromisoformat(text), zone)
        if match := _WEEK.fullmatch(text):
            return period("week", date.fromisocalendar(int(match[1]), int(match[2]), 1), zone)
        if match := _MONTH.fullmatch(text):
            return period("month", date(int(match[1]), int(match[2]), 1), zone)
    except ValueError:
        return None
    if not _RELATIVE.fullmatch(text):
        return None
    if text in {"today", "yesterday"}:
        return period("day", today - timedelta(days=text == "yesterday"), zone)
    which, _, name = text.partition("-")
    kind: PeriodName = "week" if name == "week" else "month"
    current = period(kind, today, zone)
    return current if which == "this" else before(kind, current, zone)
