"""Turns: who may start, who may measure. Virtual servers; order is asserted, never time."""

import asyncio

from caelum_report.collect.room import Clock, Room
from caelum_report.model import Budgets


def observed(work) -> list[str]:
    log: list[str] = []
    asyncio.run(asyncio.wait_for(work(log), 20))
    return log


async def server(room: Room, log: list[str], name: str, *, slow: bool = False, starts: float = 0.02) -> None:
    clock = Clock(10)
    async with room.start(clock):
        log.append(f"start {name}")
        await asyncio.sleep(starts)
        log.append(f"started {name}")
    async with room.timing(clock, slow=slow):
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
        await asyncio.gather(*(server(room, log, str(n), slow=True) for n in range(6)))

    assert during(observed(work), "time ", "timed ") >= 2


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
