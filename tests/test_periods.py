"""Calendar periods in a zone, over changes of the clock, and the words for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report import periods

BERLIN = "Europe/Berlin"
AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), BERLIN, 23),
        (date(2026, 10, 25), BERLIN, 25),
        (date(2026, 10, 25), "UTC", 24),
        (date(2026, 4, 24), "Africa/Cairo", 23),  # the clock goes forward at midnight itself
        (date(2026, 10, 4), "Australia/Lord_Howe", 23.5),
        (date(2011, 12, 29), "Pacific/Apia", 24),  # the next date never was
    ],
)
def test_a_day_has_as_many_hours_as_its_zone_gives_it(day: date, zone: str, hours: float) -> None:
    span = periods.period("day", day, zone)
    assert (span.end - span.start) / timedelta(hours=1) == hours


@pytest.mark.parametrize(
    ("kind", "key", "label", "start"),
    [
        ("day", "2026-11-21", "21 November 2026", datetime(2026, 11, 20, 23, 0, tzinfo=UTC)),
        ("week", "2026-W46", "week 46 of 2026", datetime(2026, 11, 8, 23, 0, tzinfo=UTC)),
        ("month", "2026-10", "October 2026", datetime(2026, 9, 30, 22, 0, tzinfo=UTC)),
    ],
)
def test_the_last_period_that_is_over(kind: periods.PeriodName, key: str, label: str, start: datetime) -> None:
    span = periods.last(kind, AT, BERLIN)
    assert (periods.key(kind, span, BERLIN), span.label, span.start) == (key, label, start)
    assert periods.named(key, AT, BERLIN) == span


def test_a_week_belongs_to_the_year_of_its_thursday() -> None:
    span = periods.period("week", date(2027, 1, 2), BERLIN)
    assert (periods.key("week", span, BERLIN), span.label) == ("2026-W53", "week 53 of 2026")


def test_what_is_not_over_ends_now() -> None:
    today = periods.named("today", AT, BERLIN)
    assert today is not None
    assert (today.end, today.label) == (AT, "22 November 2026 so far")
    assert periods.named("last-month", AT, BERLIN) == periods.period("month", date(2026, 10, 3), BERLIN)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13", "2026-W60", "2026-02-30", "next-week", "last-year", "٢٠٢٦-١١-٢١x"]
)
def test_other_words_are_no_period(text: str) -> None:
    assert periods.named(text, AT, BERLIN) is None


@settings(deadline=None)
@given(
    st.dates(date(1990, 1, 1), date(2060, 1, 1)),
    st.sampled_from(periods.PERIODS),
    st.sampled_from([BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "UTC"]),
)
def test_periods_follow_each_other_without_a_hole(day: date, kind: periods.PeriodName, zone: str) -> None:
    span = periods.period(kind, day, zone)
    assert periods.before(kind, span, zone).end == span.start
    assert periods.last(kind, span.end, zone) == span
