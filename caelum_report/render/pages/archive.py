"""archive/index.html: every past report that is kept, by hour, day and month."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar

from caelum_report import words
from caelum_report.archived import Keeping, Kept
from caelum_report.model import Status

from .view import Page, View

K = TypeVar("K")

_HOURS_OF_DAYS: Final = 5  # days whose single reports are listed
_LEAST_DAYS: Final = 2  # of a month that is worth a calendar


@dataclass(frozen=True, slots=True)
class Entry:
    """A report in the calendar: where it is and what it said."""

    page: str
    text: str  # what stands in the link: 14:00, 22, November
    label: str  # the whole of it, for those who cannot see the rest
    status: Status | None


def _reports(view: View) -> list[Kept]:
    """Oldest first; the last is this one."""
    report = view.report
    own = Kept(report.id, report.number, report.at, report.verdict.status, report.verdict.sentence, (), 0)
    return [*view.kept, own]


def _entry(view: View, one: Kept, text: str) -> Entry:
    zone = view.report.zone
    label = f"#{one.number}, {words.full_date(one.at, zone)}, {words.clock(one.at, zone)}: {one.verdict}"
    return Entry(f"{one.id}.html", text, label, Status(one.status) if one.status in list(Status) else None)


def _head(view: View) -> dict[str, Any]:
    reports = _reports(view)
    keeping = view.report.archive.keeping if view.report.archive else Keeping()
    if len(reports) == 1:
        heading = "This is the first report that is kept."
    else:
        heading = f"{words.count(len(reports))} past reports, since {words.full_date(reports[0].at, view.report.zone)}."
    return {"heading": heading, "lede": f"{kept_for(keeping)} Each is one page that needs no other, beside its JSON."}


def kept_for(keeping: Keeping) -> str:
    """The rule of the archive as a sentence."""
    return (
        f"The last of each hour is kept for {words.plural(keeping.hourly_days, 'day')}, the last of each day for "
        f"{words.plural(keeping.daily_days, 'day')}, the last of each month for ever."
    )


def _by(reports: Iterable[Kept], key: Callable[[Kept], K]) -> dict[K, list[Kept]]:
    found: dict[K, list[Kept]] = {}
    for one in reports:
        found.setdefault(key(one), []).append(one)
    return found


def _hours(view: View) -> dict[str, Any]:
    """Days with their reports, newest day first."""
    zone = view.report.zone
    days = _by(_reports(view), lambda one: words.local(one.at, zone).date())
    shown = sorted(days, reverse=True)[:_HOURS_OF_DAYS]
    return {
        "days": [
            (
                words.full_date(days[day][0].at, zone),
                [_entry(view, one, words.clock(one.at, zone)) for one in days[day]],
            )
            for day in shown
        ]
    }


def _months(view: View) -> dict[str, Any]:
    """Calendars of the months with several days, newest first; the others are in the years."""
    zone = view.report.zone
    months = _by(_reports(view), lambda one: _month(one.at, zone))
    return {
        "months": [
            (f"{_first(month):%B %Y}", _weeks(view, month, months[month]))
            for month in sorted(months, reverse=True)
            if len({words.local(one.at, zone).date() for one in months[month]}) >= _LEAST_DAYS
        ],
        "weekdays": [calendar.day_abbr[day] for day in range(7)],
    }


def _month(at: datetime, zone: str) -> tuple[int, int]:
    here = words.local(at, zone)
    return here.year, here.month


def _first(month: tuple[int, int]) -> date:
    return date(*month, day=1)


def _weeks(view: View, month: tuple[int, int], reports: Sequence[Kept]) -> list[list[tuple[int, Entry | None]]]:
    """Monday to Sunday: the day's number, 0 beside the month, and its last report."""
    last = {words.local(one.at, view.report.zone).day: one for one in reports}
    return [
        [(day, _entry(view, last[day], str(day)) if day in last else None) for day in week]
        for week in calendar.Calendar().monthdayscalendar(*month)
    ]


def _years(view: View) -> dict[str, Any]:
    """The last report of each month."""
    zone = view.report.zone
    last = {_month(one.at, zone): one for one in _reports(view)}
    years = sorted({year for year, _ in last}, reverse=True)
    return {
        "years": [
            (year, [_entry(view, last[month], f"{_first(month):%B}") for month in sorted(last) if month[0] == year])
            for year in years
        ]
    }


PAGE: Final = Page(
    "archive/index.html",
    "Archive",
    (
        ("page_head.html", _head),
        ("archive/hours.html", _hours),
        ("archive/months.html", _months),
        ("archive/years.html", _years),
    ),
)
