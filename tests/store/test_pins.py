"""Pins: what people agreed to of a server's offer."""

from __future__ import annotations

import sqlite3

import pytest

from caelum_report import store
from caelum_report.errors import UsageError

from .given import NOON, config, hours, probe, snapshot, surface


@pytest.fixture
def seen(database: sqlite3.Connection) -> sqlite3.Connection:
    """A server that changed its tools after an hour."""
    for hour, tools in enumerate((("a",), ("a", "b"))):
        at = NOON + hours(hour)
        store.add_snapshot(database, snapshot(at, probe("one", at=at, surface=surface(*tools))), config("one"))
    return database


def test_a_pin_is_to_what_was_listed_last(seen: sqlite3.Connection) -> None:
    offer = store.pin_surface(seen, "one", NOON + hours(2))
    assert (offer.sha256, offer.tools, offer.tokens, offer.pinned_before) == ("a-b", 2, 20, None)
    assert offer.seen_at == NOON + hours(1)


def test_history_knows_the_pins_up_to_its_snapshot(seen: sqlite3.Connection) -> None:
    store.pin_surface(seen, "one", NOON + hours(0.5))
    assert store.history(seen, 1).pins == ()
    (pin,) = store.history(seen, 2).pins
    assert (pin.server, pin.at, pin.surface) == ("one", NOON + hours(0.5), surface("a", "b"))
    assert store.unpin_surface(seen, "one", NOON + hours(0.6))
    assert [pin.surface for pin in store.history(seen, 2).pins] == [surface("a", "b"), None]


def test_who_is_held_and_whether_it_offers_that(database: sqlite3.Connection) -> None:
    for hour, tools in enumerate((("a",), ("a", "b"))):
        at = NOON + hours(hour)
        probes = (probe(name, at=at, surface=surface(*tools)) for name in ("one", "two", "three"))
        store.add_snapshot(database, snapshot(at, *probes), config("one", "two", "three"))
        if not hour:
            store.pin_surface(database, "one", NOON)
            store.pin_surface(database, "three", NOON)
    store.pin_surface(database, "two", NOON + hours(2))
    store.unpin_surface(database, "three", NOON + hours(2))
    held = [(one.name, one.at, one.sha256, one.offered) for one in store.held_servers(database)]
    assert held == [("one", NOON, "a", "a-b"), ("two", NOON + hours(2), "a-b", "a-b")]


def test_pinning_the_same_again_is_said_and_stored_once(seen: sqlite3.Connection) -> None:
    store.pin_surface(seen, "one", NOON)
    assert store.pin_surface(seen, "one", NOON).pinned_before == "a-b"
    assert seen.execute("SELECT count(*) FROM pins").fetchone() == (1,)


def test_only_what_was_read_is_pinned(seen: sqlite3.Connection) -> None:
    with pytest.raises(UsageError, match="now offers the surface a-b, not ffff"):
        store.pin_surface(seen, "one", NOON, "ffff")
    assert store.pin_surface(seen, "one", NOON, "A-B").tools == 2


@pytest.mark.parametrize(("name", "told"), [("on", "did you mean 'one'"), ("silent", "has not listed its tools yet")])
def test_what_cannot_be_pinned_is_said(name: str, told: str, seen: sqlite3.Connection) -> None:
    at = NOON + hours(2)
    store.add_snapshot(seen, snapshot(at, probe("silent", at=at, surface=None)), config("silent"))
    with pytest.raises(UsageError, match=told):
        store.pin_surface(seen, name, NOON)


def test_a_server_without_a_pin_has_none_to_take_away(seen: sqlite3.Connection) -> None:
    assert not store.unpin_surface(seen, "one", NOON)


def test_a_pin_follows_a_new_name_and_goes_with_a_forgotten_server(seen: sqlite3.Connection) -> None:
    store.pin_surface(seen, "one", NOON)
    store.rename_server(seen, "one", "two")
    assert [pin.server for pin in store.history(seen, 2).pins] == ["two"]
    store.forget_server(seen, "two")
    assert seen.execute("SELECT count(*) FROM pins").fetchone() == (0,)
    assert seen.execute("SELECT count(*) FROM surfaces").fetchone() == (0,)
