"""Numbers and times as the report says them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report import console, words
from caelum_report.model import Status

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0409, "41 ms"),
        (0.00035, "0.35 ms"),
        (2e-9, "< 0.001 ms"),
        (0.0048, "4.8 ms"),
        (0.9996, "1 s"),
        (4.8, "4.8 s"),
        (15.5, "16 s"),
        (130, "2 min"),
    ],
)
def test_seconds(value: float | None, text: str) -> None:
    assert words.seconds(value).replace(words.NBSP, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (38 * 60, "38 min"),
        (3900, "1 h 5 min"),
        (3600, "1 h"),
        (59.6, "1 min"),
        (76 * 3600, "3 d 4 h"),
        (40 * 86400, "40 d"),
    ],
)
def test_duration(value: float, text: str) -> None:
    assert words.duration(value).replace(words.NBSP, " ") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"),
        (0.999999, "99.99 %"),
        (0.99995, "99.99 %"),
        (0.9941, "99.41 %"),
        (0.0, "0 %"),
        (None, "–"),
        (-0.5, "−50.00 %"),
    ],
)
def test_only_what_was_perfect_reads_100_percent(share: float | None, text: str) -> None:
    assert words.percent(share).replace(words.NBSP, " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(512, "512 B"), (7.6 * 2**30, "7.6 GiB"), (1023.9, "1 KiB"), (300 * 2**20, "300 MiB")]
)
def test_size(value: float, text: str) -> None:
    assert words.size(value).replace(words.NBSP, " ") == text


def test_count_and_listing() -> None:
    assert words.count(18402) == f"18{words.THIN}402"
    assert words.listing(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert words.listing(["a", "b", "c", "d"]) == "a, b, c and d"
    assert words.listing(["a"]) == "a"


def test_times_are_said_in_the_zone() -> None:
    assert words.clock(AT, "Europe/Berlin") == "14:00"
    assert words.offset(AT, "America/St_Johns") == "−03:30"
    assert (
        words.moment(datetime(2026, 11, 15, 8, 10, tzinfo=UTC), AT, "Europe/Berlin").replace(words.NBSP, " ")
        == "15 Nov 09:10"
    )
    assert (
        words.since(datetime(2026, 11, 22, 12, 22, tzinfo=UTC), AT, "Europe/Berlin").replace(words.NBSP, " ")
        == "since 13:22 (38 min)"
    )
    assert words.stamp(AT) == "2026-11-22T13:00:00Z"


@given(st.floats(-1e15, 1e15), st.sampled_from(["seconds", "bytes", "percent", "count", "bytes/s", "celsius", "ratio"]))
def test_every_quantity_has_short_text_without_an_exponent(value: float, unit: str) -> None:
    text = words.quantity(value, unit)
    assert "e+" not in text
    assert "e-" not in text
    assert "-" not in text
    assert len(text) <= 32


def test_numbers_of_one_sentence_are_all_words_or_all_digits() -> None:
    assert (words.spelled(3), words.spelled(11, 3)) == ("three", "eleven")
    assert (words.spelled(11, 18), words.spelled(18, 11)) == ("11", "18")


def test_a_change_that_is_neither_worse_nor_better_is_of_the_method_only_where_it_is() -> None:
    assert [words.direction(*said) for said in (("worse", ("a",)), ("method", ("a",)), ("method", ()))] == [
        "Worse",
        "Other",
        "Method",
    ]


def test_no_time_is_none_and_not_0_s() -> None:
    assert (words.amount(0), words.amount(7200).replace(words.NBSP, " ")) == ("none", "2 h")


def test_the_end_of_asking_says_what_was_found_and_not_that_all_have_answered() -> None:
    assert console.tally([Status.UP, Status.DOWN, Status.UP]) == "1 down, 2 up"
    assert console.tally([Status.UNKNOWN] * 4) == "4 unknown"
