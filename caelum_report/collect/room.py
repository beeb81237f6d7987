"""Who may start, who may measure, and when: starting servers distorts what is measured beside it.

Starts and timings take turns. A start holds one of as many slots as there are processors, for three seconds at most; a
straggler goes on without one. Quick servers are timed one at a time while nobody starts; those that take their time
anyway, many at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from caelum_report.model import Budgets

_TURN_SECONDS: Final = 3.0
_TIMING_SECONDS: Final = 1.0  # a hold on the silence; a slower one goes on without
_ENDING_SECONDS: Final = 0.3
_SLOW_AT_ONCE: Final = 32


class Clock:
    """A server's own time: waiting for a turn does not count."""

    def __init__(self, seconds: float) -> None:
        self.limit = seconds
        self._since = time.perf_counter()
        self._paused = 0.0

    @property
    def spent(self) -> float:
        return time.perf_counter() - self._since - self._paused

    @property
    def left(self) -> float:
        return self.limit - self.spent

    def pause(self, seconds: float) -> None:
        self._paused += seconds


class Hold:
    """A turn; given back once, by its holder or by the time limit."""

    def __init__(self, room: Room, kind: str, seconds: float) -> None:
        self._room, self.kind = room, kind
        self._limit = asyncio.get_running_loop().call_later(seconds, self.release)
        self._held = True
        room.holding[kind] += 1

    def release(self) -> None:
        if self._held:
            self._held = False
            self._limit.cancel()
            self._room.holding[self.kind] -= 1
            # Not at once: whoever was timed first says that its server ends now, and the next one waits for that.
            asyncio.get_running_loop().call_soon(self._room.advance)


class Room:
    """Shared by all probes of one run."""

    def __init__(self, budgets: Budgets, cores: int) -> None:
        self._cores = cores
        self._slot_seconds = budgets.start_slot_seconds
        self.children = asyncio.Semaphore(budgets.children)
        self.remotes = asyncio.Semaphore(budgets.children)
        self.holding = {"start": 0, "end": 0, "quick": 0, "slow": 0}
        self._starters: deque[asyncio.Future[Hold]] = deque()
        self._timers: deque[tuple[asyncio.Future[Hold], str]] = deque()
        self._timing = False
        self._turn_since = time.monotonic()
        self._silence = asyncio.Event()
        self._silence.set()

    @asynccontextmanager
    async def start(self, clock: Clock) -> AsyncIterator[Hold]:
        """A slot to start in; the holder may give it back early."""
        future: asyncio.Future[Hold] = asyncio.get_running_loop().create_future()
        self._starters.append(future)
        async with self._granted(future, clock) as hold:
            yield hold

    @asynccontextmanager
    async def timing(self, clock: Clock, *, slow: bool) -> AsyncIterator[None]:
        """A while in which nobody starts, and for the quick ones nobody else is timed."""
        future: asyncio.Future[Hold] = asyncio.get_running_loop().create_future()
        self._timers.append((future, "slow" if slow else "quick"))
        async with self._granted(future, clock):
            yield

    @asynccontextmanager
    async def ending(self) -> AsyncIterator[None]:
        """A server ends now: nobody waits for that, but the timings do."""
        hold = Hold(self, "end", _ENDING_SECONDS)
        try:
            yield
        finally:
            hold.release()

    async def hush(self, clock: Clock) -> None:
        """Let a quick timing finish before making work for the processors."""
        if not self._silence.is_set():
            since = time.perf_counter()
            await self._silence.wait()
            clock.pause(time.perf_counter() - since)

    @asynccontextmanager
    async def _granted(self, future: asyncio.Future[Hold], clock: Clock) -> AsyncIterator[Hold]:
        since = time.perf_counter()
        try:
            self.advance()
            hold = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.result().release()
            raise
        clock.pause(time.perf_counter() - since)
        try:
            yield hold
        finally:
            hold.release()

    def advance(self) -> None:
        """Give out what can be given out now."""
        self._forget_cancelled()
        self._change_turns()
        if not self._timing:
            while self._starters and self.holding["start"] < self._cores:
                self._starters.popleft().set_result(Hold(self, "start", self._slot_seconds))
        elif not self.holding["start"] and not self.holding["end"] and not self._due_to_start():
            while self._timers and self._may_time(self._timers[0][1]):
                future, kind = self._timers.popleft()
                future.set_result(Hold(self, kind, _TIMING_SECONDS))
        if self.holding["quick"]:
            self._silence.clear()
        else:
            self._silence.set()

    def _may_time(self, kind: str) -> bool:
        if self.holding["quick"]:
            return False
        return self.holding["slow"] < (_SLOW_AT_ONCE if kind == "slow" else 1)

    def _change_turns(self) -> None:
        """Time when enough have gathered or nobody is left to start; start again when they are done, or had their time."""
        if not self._timing:
            enough = len(self._timers) >= 2 * self._cores or not self._starters or self._turn_over()
            change = bool(self._timers) and enough
        else:
            busy = self.holding["quick"] or self.holding["slow"]
            change = bool(self._starters) and not busy and (not self._timers or self._turn_over())
        if change:
            self._timing = not self._timing
            self._turn_since = time.monotonic()

    def _due_to_start(self) -> bool:
        return bool(self._starters) and self._turn_over()

    def _turn_over(self) -> bool:
        return time.monotonic() - self._turn_since > _TURN_SECONDS

    def _forget_cancelled(self) -> None:
        while self._starters and self._starters[0].done():
            self._starters.popleft()
        while self._timers and self._timers[0][0].done():
            self._timers.popleft()
