"""The bounded JSON reader: what json accepts and we don't, and that limits hold before memory is spent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report.model import Budgets, Failure
from caelum_report.wire import Allowance, Fault
from caelum_report.wire.jsontext import canonical, parse

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**29), 10**29)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refused(data: bytes, **budgets: int) -> Fault:
    with pytest.raises(Fault) as caught:
        parse(data, Allowance(Budgets(**budgets)))
    return caught.value


@given(VALUES)
def test_what_json_writes_is_read_back(value):
    assert parse(json.dumps(value).encode(), Allowance(Budgets())) == value
    assert parse(canonical(value).encode("utf-8", "surrogatepass"), Allowance(Budgets())) == value


def test_a_lone_surrogate_survives_to_the_text_boundary():
    assert parse(rb'"\ud800"', Allowance(Budgets())) == "\ud800"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"NaN", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e999", "too large"),
        (b"1" * 31, "30 digits"),
        (b"0." + b"3" * 1_000_000, "30 digits"),
        (b'"\xff"', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"{} {}", "Extra data"),
        (b'{"a": 1', "delimiter"),
        (b"", "Expecting value"),
        (b"[" * 201 + b"]" * 201, "deeper than 200"),
        (b"[]" + b"]" * 1_000_000 + b"[" * 300, "never opened"),
    ],
)
def test_what_is_no_json_for_us(data, words):
    fault = refused(data)
    assert fault.failure is Failure.PROTOCOL_ERROR
    assert words in fault.reason
    assert len(fault.reason) < 400


def test_a_depth_of_two_hundred_is_no_fault():
    assert parse(b"[" * 200 + b"]" * 200, Allowance(Budgets()))


def test_brackets_and_commas_in_texts_do_not_count():
    text = '[{,"\\' * 2000
    allowance = Allowance(Budgets(json_depth=3, json_values=5000))
    assert parse(json.dumps({"a": [text], "b": 1}).encode(), allowance) == {"a": [text], "b": 1}
    assert allowance.values < 10


def test_values_are_counted_over_all_messages_of_a_probe():
    allowance = Allowance(Budgets(json_values=10))
    parse(b"[1,2,3,4]", allowance)
    with pytest.raises(Fault) as caught:
        parse(b"[1,2,3,4,5,6]", allowance)
    assert caught.value.failure is Failure.OVERSIZED


def test_a_million_lists_are_refused_unread():
    assert refused(b"[" + b"[]," * 1_000_000 + b"[]]").failure is Failure.OVERSIZED


@given(VALUES)
def test_the_same_value_is_the_same_text(value):
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(list(value))}
        return [turned(item) for item in value] if isinstance(value, list) else value

    assert canonical(value) == canonical(turned(value))
