"""Two spans compared: what is planted is told, with its evidence, and chance is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from caelum_report import analyse, store
from caelum_report.analyse.difference import windows
from caelum_report.configured import Config
from caelum_report.difference import Difference
from caelum_report.model import Failure, Snapshot, Surface, Tool
from caelum_report.periods import Span
from tests.alerts.fleet import HOUR, START, config, server, snapshot

DAYS = 4


def lived(path: Path, settings: Config, look: Callable[[int], Snapshot]) -> int:
    """A history of hourly runs; the last snapshot's id."""
    number = 0
    with store.open_store(str(path)) as database:
        with store.batch(database):
            for hour in range(24 * DAYS):
                number = store.add_snapshot(database, look(hour), settings)
        store.maintain(database, START + 24 * DAYS * HOUR, settings)
    return number


def compared(path: Path, settings: Config, number: int, before: Span, after: Span, *only: str) -> Difference:
    with store.open_store(str(path)) as database:
        history = store.history(database, number, analyse.DIFFERENCE_METRICS)
    return analyse.difference(analyse.past_of(history, settings, after.end.timestamp()), before, after, only)


def day(number: int) -> Span:
    return Span(f"day {number}", START + number * timedelta(days=1), START + (number + 1) * timedelta(days=1))


def moment(hour: float) -> Span:
    at = START + hour * HOUR
    return Span(str(hour), at, at, moment=True)


def noisy(settings: Config, factor: Callable[[str, int], float], seed: int = 1) -> Callable[[int], Snapshot]:
    chance = random.Random(seed)

    def look(hour: int) -> Snapshot:
        latency = {one.id: 0.05 * chance.lognormvariate(0, 0.1) * factor(one.id, hour) for one in settings.servers}
        return snapshot(settings, START + hour * HOUR, latency=latency)

    return look


def test_a_slower_server_is_worse_with_its_n_and_p(tmp_path: Path) -> None:
    settings = config(server("a"), server("b"), server("c"))
    factor = {("a", 3): 1.5, ("b", 3): 0.6}
    number = lived(tmp_path / "h", settings, noisy(settings, lambda name, hour: factor.get((name, hour // 24), 1.0)))
    found = compared(tmp_path / "h", settings, number, day(2), day(3))
    assert [(one.direction, one.servers, one.what) for one in found.contrasts] == [
        ("worse", ("a",), "Answer time, p50"),
        ("better", ("b",), "Answer time, p50"),
    ]
    worse = found.contrasts[0]
    assert (worse.n_before, worse.n_after) == (24, 23)  # a check at midnight belongs to the day that ends
    assert worse.p is not None
    assert worse.p < 0.001
    assert worse.evidence == "n = 24 and 23, p\u00a0<\u00a00.001"
    assert 1.3 < float(worse.detail.strip("+\u00a0%")) / 100 + 1 < 1.7
    assert (found.regression, found.tested) == (True, 6)
    only = compared(tmp_path / "h", settings, number, day(2), day(3), "b")
    assert (only.regression, only.tested) == (False, 2)


def test_chance_is_not_told(tmp_path: Path) -> None:
    settings = config(*(server(f"s{n}") for n in range(30)))
    number = lived(tmp_path / "h", settings, noisy(settings, lambda *_: 1.0, seed=5))
    found = compared(tmp_path / "h", settings, number, day(2), day(3))
    assert found.contrasts == ()
    assert found.sentence == "Nothing stands out from chance: 60 figures tested."


def test_a_share_of_answers_that_fell_is_worse(tmp_path: Path) -> None:
    settings = config(server("a"), server("b"))

    def look(hour: int) -> Snapshot:
        failing = {"a": Failure.CONNECT_ERROR} if hour >= 72 and hour % 2 else {}
        return snapshot(settings, START + hour * HOUR, failing)

    number = lived(tmp_path / "h", settings, look)
    (one,) = compared(tmp_path / "h", settings, number, day(2), day(3)).contrasts
    assert (one.direction, one.servers, one.what, one.before, one.after) == (
        "worse",
        ("a",),
        "Answered",
        "100\u00a0%",
        "50.00\u00a0%",
    )


def test_between_two_moments_states_are_told_and_tools(tmp_path: Path) -> None:
    settings = config(server("a"), server("b"), server("late"))
    old, new = (Surface(tuple(Tool(name) for name in names), (), (), names) for names in ("xy", "x"))

    def look(hour: int) -> Snapshot:
        failing = {"b": Failure.CONNECT_ERROR} if hour >= 90 else {}
        taken = snapshot(settings, START + hour * HOUR, failing)
        probes = (replace(taken.probes[0], surface=old if hour < 92 else new), taken.probes[1])
        return replace(taken, probes=(*probes, *taken.probes[2:]) if hour >= 80 else probes)

    number = lived(tmp_path / "h", settings, look)
    found = compared(tmp_path / "h", settings, number, moment(70), moment(95))
    assert [(one.what, one.servers, one.before, one.after) for one in found.contrasts] == [
        ("State", ("b",), "up", "down"),
        ("Tools", ("a",), "2", "1"),
        ("State", ("late",), "new", "up"),
    ]
    assert found.contrasts[0].evidence == "6 of 6 probes"
    assert "tool removed: y" in found.contrasts[1].detail
    assert compared(tmp_path / "h", settings, number, moment(84), moment(88)).contrasts == ()


def test_a_new_server_that_is_down_is_worse_and_one_that_left_is_told_in_one_line(tmp_path: Path) -> None:
    settings = config(server("a"), server("gone"), server("well"), server("wx"))
    began, ended = {"well": 50, "wx": 50}, {"gone": 50}

    def look(hour: int) -> Snapshot:
        here = [name for name in ("a", "gone", "well", "wx") if began.get(name, 0) <= hour < ended.get(name, 99)]
        taken = snapshot(settings, START + hour * HOUR, {"gone": Failure.CONNECT_ERROR, "wx": Failure.SPAWN_FAILED})
        return replace(taken, probes=tuple(probe for probe in taken.probes if probe.server in here))

    number = lived(tmp_path / "h", settings, look)

    def told(first: int, second: int) -> tuple[bool, list[tuple[str, ...]]]:
        before, after = moment(first), moment(second)
        with store.open_store(str(tmp_path / "h")) as database:
            history = store.history(database, number, analyse.DIFFERENCE_METRICS)
            fleets = store.fleet_at(database, before.end), store.fleet_at(database, after.end)
        past = analyse.past_of(history, settings, after.end.timestamp())
        found = analyse.difference(past, before, after, (), fleets)
        lines = [(one.direction, *one.servers, one.what, one.before, one.after) for one in found.contrasts]
        return found.regression, lines

    assert told(49, 51) == (
        True,
        [
            ("worse", "wx", "State", "new", "down"),
            ("method", "well", "State", "new", "up"),
            ("method", "gone", "Fleet", "configured", "not configured"),
        ],
    )
    assert told(60, 62) == (False, []), "what is in neither run is not told"


def test_no_test_is_named_where_no_figure_was_tested(tmp_path: Path) -> None:
    settings = config(server("a"))
    number = lived(tmp_path / "h", settings, noisy(settings, lambda *_: 1.0))
    assert compared(tmp_path / "h", settings, number, moment(4), moment(5)).how == ""
    assert "Mann-Whitney" in compared(tmp_path / "h", settings, number, day(2), day(3)).how


def test_where_the_checks_are_gone_hours_are_compared(tmp_path: Path) -> None:
    settings = replace(config(server("a")), raw_days=1)
    number = lived(tmp_path / "h", settings, noisy(settings, lambda _, hour: 2.0 if hour >= 48 else 1.0))
    with store.open_store(str(tmp_path / "h")) as database:
        store.maintain(database, START + 96 * HOUR, settings)
        assert database.execute("SELECT count(*) FROM probes").fetchone()[0] < 30
    (one,) = compared(tmp_path / "h", settings, number, day(1), day(2)).contrasts
    assert (one.what, one.direction, one.n_before) == ("Answer time, p50", "worse", 24)


@pytest.mark.parametrize(
    ("before", "after", "spans"),
    [
        (moment(10), moment(60), ((-14, 10), (36, 60))),
        (moment(50), moment(53), ((26, 29), (50, 53))),  # hours differ: the same ones of the day before
        (day(1), moment(60), ((24, 48), (36, 60))),
        (moment(24), day(2), ((0, 24), (48, 72))),
        (day(1), day(2), ((24, 48), (48, 72))),
    ],
)
def test_of_which_times_figures_are_compared(before: Span, after: Span, spans: tuple[tuple[int, int], ...]) -> None:
    def hours(at: datetime) -> float:
        return (at - START) / HOUR

    assert tuple((hours(span.start), hours(span.end)) for span in windows(before, after)) == spans
