"""Server-sent events, however the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report.model import Budgets, Failure
from caelum_report.wire import Allowance, Fault
from caelum_report.wire.events import EventParser

STREAM = b": hello\r\n\r\nevent: endpoint\ndata: /messages?a=1\n\nid: 7\rdata:one\rdata: two\r\rdata\n\nevent: left over\n\nretry: 1\ndata: x\n\ndata: unfinished"
EVENTS = [("endpoint", b"/messages?a=1"), ("message", b"one\ntwo"), ("message", b""), ("message", b"x")]


def feed(*chunks: bytes, **budgets: int) -> list[tuple[str, bytes]]:
    parser = EventParser(Allowance(Budgets(**budgets)))
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_where_the_network_cuts_makes_no_difference(cuts):
    places = [0, *sorted(cuts), len(STREAM)]
    assert feed(*(STREAM[a:b] for a, b in pairwise(places))) == EVENTS


def test_byte_by_byte():
    assert feed(*(bytes([byte]) for byte in STREAM)) == EVENTS


@pytest.mark.parametrize("endless", [b"data: xxxxxxxxxx\n", b"xxxxxxxxxxxxxxxx", b"data:\n"])
def test_an_event_without_an_end_is_oversized(endless):
    with pytest.raises(Fault) as caught:
        feed(*[endless * 10] * 100, line_bytes=800)
    assert caught.value.failure is Failure.OVERSIZED
    assert "event" in caught.value.reason
