"""Turns: who may start, who may measure. Virtual servers; order is asserted, never time."""

import asyncio
from dataclasses import dataclass

import pytest

from caelum_report.collect.room import Clock, Pace, Room
from caelum_report.model import Budgets

HERE, AFAR = Pace(local=True), Pace(local=False)


@dataclass(frozen=True)
class Steady:
    """A pace that no silence changes."""

    count: int

    def places(self, seconds: float) -> int:
        return self.count


ALONE = Steady(33)


def observed(work) -> list[str]:
    log: list[str] = []
    asyncio.run(asyncio.wait_for(work(log), 20))
    return log


async def server(room: Room, log: list[str], name: str, *, pace: Pace | Steady = ALONE, starts: float = 0.02) -> None:
    clock = Clock(10)
    async with room.start(clock):
        log.append(f"start {name}")
        await asyncio.sleep(starts)
        log.append(f"started {name}")
    async with room.timing(clock, pace):
        log.append(f"time {name}")
        await asyncio.sleep(0.01)
        log.append(f"timed {name}")


def during(log: list[str], begin: str, end: str) -> int:
    """How many were at it at once, at most."""
    now = most = 0
    for line in log:
        now += line.startswith(begin) - line.startswith(end)
        most = max(most, now)
    return most


def test_no_more_start_at_once_than_there_are_processors_and_nobody_is_timed_meanwhile():
    async def work(log):
        room = Room(Budgets(), 2)
        await asyncio.gather(*(server(room, log, str(n)) for n in range(9)))

    log = observed(work)
    assert len(log) == 36
    assert during(log, "start ", "started ") == 2
    assert during(log, "time ", "timed ") == 1
    starting = 0
    for line in log:
        starting += line.startswith("start ") - line.startswith("started ")
        assert not (line.startswith("time ") and starting)


def test_slow_ones_are_timed_together():
    async def work(log):
        room = Room(Budgets(), 2)
        await asyncio.gather(*(server(room, log, str(n), pace=Steady(2)) for n in range(6)))

    assert during(observed(work), "time ", "timed ") >= 2


async def asked(
    room: Room, log: list[str], name: str, pace: Pace | Steady, *, known: float = 0.0, takes: float = 0.0
) -> None:
    async with room.asking(Clock(10), pace, known):
        log.append(f"ask {name}")
        await asyncio.sleep(takes)
        log.append(f"asked {name}")


@pytest.mark.parametrize(("places", "together"), [(33, 1), (32, 2), (16, 4), (2, 32), (1, 40)])
def test_as_many_are_asked_at_once_as_there_are_places(places, together):
    async def work(log):
        room = Room(Budgets(), 2)
        await asyncio.gather(*(asked(room, log, str(n), Steady(places), takes=0.001) for n in range(40)))
        assert room.taken == 0

    assert during(observed(work), "ask ", "asked ") == together


@pytest.mark.parametrize(
    ("seconds", "elsewhere", "here"),
    [(0.0, 33, 33), (0.0002, 33, 33), (0.002, 32, 33), (0.02, 4, 33), (0.021, 4, 2), (0.06, 2, 2), (10, 1, 2)],
)
def test_the_slower_an_answer_the_fewer_places_it_takes(seconds, elsewhere, here):
    assert (AFAR.places(seconds), HERE.places(seconds)) == (elsewhere, here)


def test_an_unknown_server_that_keeps_us_waiting_holds_up_nobody():
    async def work(log):
        room = Room(Budgets(), 2)
        silent = asyncio.create_task(asked(room, log, "silent", AFAR, takes=10))
        await asyncio.gather(*(asked(room, log, str(n), AFAR, known=0.001) for n in range(5)))
        await server(room, log, "local")
        silent.cancel()
        await asyncio.gather(silent, return_exceptions=True)
        assert room.taken == 0

    log = observed(work)
    assert {"asked 4", "timed local"} <= set(log)
    assert "asked silent" not in log


def test_a_quick_timing_is_no_longer_alone_once_its_server_falls_silent():
    async def work(log):
        room = Room(Budgets(), 2)
        async with room.timing(Clock(10), AFAR, 0.001) as hold:
            waiting = asyncio.create_task(asked(room, log, "other", AFAR, known=0.001))
            await asyncio.sleep(0)
            assert log == []
            hold.asking()
            await waiting
            log.append("still silent")

    assert observed(work) == ["ask other", "asked other", "still silent"]


def test_a_timing_without_a_pace_stays_alone_however_long_it_is_silent():
    async def work(log):
        room = Room(Budgets(), 2)
        async with room.timing(Clock(10)):
            waiting = asyncio.create_task(asked(room, log, "other", AFAR, known=0.001))
            await asyncio.sleep(0.1)
            log.append("timed")
        await waiting

    assert observed(work) == ["timed", "ask other", "asked other"]


async def started(room: Room) -> None:
    async with room.start(Clock(10)):
        await asyncio.sleep(0)


async def timed(room: Room) -> None:
    async with room.timing(Clock(10), Steady(16)):
        await asyncio.sleep(0)


@pytest.mark.parametrize("once", [started, timed, lambda room: asked(room, [], "", Steady(16))])
def test_one_who_gave_up_behind_another_disturbs_nobody(once):
    async def work(_):
        room, troubles = Room(Budgets(), 4), []
        asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
        tasks = [asyncio.create_task(once(room)) for _ in range(16)]
        await asyncio.sleep(0)
        for gone in (5, 6, 9):
            tasks[gone].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in found if one is not None] == [asyncio.CancelledError] * 3
        await asyncio.sleep(0)
        assert (troubles, room.taken, set(room.holding.values())) == ([], 0, {0})

    observed(work)


def test_who_asks_does_not_overtake_who_waits_to_be_timed():
    async def work(log):
        room = Room(Budgets(), 2)
        asking = [asyncio.create_task(asked(room, log, f"early {n}", Steady(1), takes=0.01)) for n in range(40)]
        await asyncio.sleep(0)
        timing = asyncio.create_task(server(room, log, "quick", starts=0))
        await asyncio.sleep(0)
        late = [asyncio.create_task(asked(room, log, f"late {n}", ALONE)) for n in range(3)]
        await asyncio.gather(*asking, timing, *late)

    log = observed(work)
    assert log.index("timed quick") < log.index("ask late 0")


def test_a_straggler_gives_its_slot_back_and_delays_nobody():
    async def work(log):
        room = Room(Budgets(start_slot_seconds=0.05), 1)
        late = asyncio.create_task(server(room, log, "late", starts=1.5))
        await asyncio.gather(*(server(room, log, str(n)) for n in range(3)))
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)

    log = observed(work)
    assert "timed 2" in log
    assert "started late" not in log


def test_waiting_for_a_turn_is_not_on_the_clock():
    async def work(log):
        room, clock = Room(Budgets(), 1), Clock(10)
        async with room.start(Clock(10)):
            waiting = asyncio.create_task(wait(room, clock))
            await asyncio.sleep(0.3)
        await waiting
        log.append("short" if clock.spent < 0.2 else "long")

    async def wait(room, clock):
        async with room.start(clock):
            pass

    assert observed(work) == ["short"]


def test_who_is_cancelled_while_waiting_leaves_no_hole():
    async def work(log):
        room = Room(Budgets(), 1)
        waiting = [asyncio.create_task(server(room, log, str(n))) for n in range(5)]
        await asyncio.sleep(0.01)
        for task in waiting[:4]:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert set(room.holding.values()) == {0}

    assert observed(work)[-1] == "timed 4"
