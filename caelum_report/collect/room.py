"""Who may start, who may measure, and when: what runs beside a measurement distorts it, our own reading of answers too.

Starts and timings take turns. A start holds one of as many slots as there are processors, for three seconds at most; a
straggler goes on without one.

Timings, and all that is asked of remote servers, share the room's places. The quicker an answer, the more of them it takes,
so that as many are under way as can be read without one waiting for another: never two of a millisecond, sixteen of
those that take twenty. Who is not known yet counts as quick until it has kept us waiting.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from caelum_report.model import Budgets

_TURN_SECONDS: Final = 3.0
_ASIDE_SECONDS: Final = 1.0  # places are held no longer; a slower one goes on without
_ENDING_SECONDS: Final = 0.3
_PLACES: Final = 64
_QUICK: Final = _PLACES // 2 + 1  # never two of them at once
_READING_SECONDS: Final = 0.001  # of the processor, for one answer and what becomes of it
_SLOW_SECONDS: Final = 0.02  # from a server on this machine: what runs beside it does not distort an answer this slow
_SLOW_LOCAL: Final = 2
_FADING_SECONDS: Final = 0.004  # a silence counts as slowness from here on, and more so whenever it has doubled


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


@dataclass(frozen=True, slots=True)
class Pace:
    """How many places an answer takes. A server on this machine works on the processors that we read with."""

    local: bool

    def places(self, seconds: float) -> int:
        """Of an answer that takes so long."""
        if self.local:
            return _QUICK if seconds <= _SLOW_SECONDS else _SLOW_LOCAL
        return max(1, min(_QUICK, math.ceil(_PLACES * _READING_SECONDS / max(seconds, _READING_SECONDS))))


class Hold:
    """A turn; given back once, by its holder or by the time limit. With a pace, its places go as a silence grows."""

    def __init__(self, room: Room, kind: str, seconds: float, places: int = 0, pace: Pace | None = None) -> None:
        self._room, self.kind, self._places, self._pace = room, kind, places, pace
        self._limit = asyncio.get_running_loop().call_later(seconds, self.release)
        self._fading: asyncio.TimerHandle | None = None
        self._held = True
        room.holding[kind] += 1
        room.taken += places
        self.asking()

    def asking(self) -> None:
        """A request goes out now: a silence begins here."""
        if self._fading:
            self._fading.cancel()
        self._fade_after(_FADING_SECONDS, _FADING_SECONDS)

    def release(self) -> None:
        if self._held:
            self._held = False
            self._limit.cancel()
            if self._fading:
                self._fading.cancel()
            self._room.holding[self.kind] -= 1
            self._room.taken -= self._places
            # Not at once: whoever was timed first says that its server ends now, and the next one waits for that.
            asyncio.get_running_loop().call_soon(self._room.advance)

    def _fade_after(self, seconds: float, silent: float) -> None:
        if self._held and self._pace and self._places > self._pace.places(math.inf):
            self._fading = asyncio.get_running_loop().call_later(seconds, self._fade, self._pace, silent)

    def _fade(self, pace: Pace, silent: float) -> None:
        fewer = min(self._places, pace.places(silent))
        self._room.taken -= self._places - fewer
        self._places = fewer
        self._room.advance()
        self._fade_after(silent, 2 * silent)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Somebody who wants places."""

    number: int
    kind: str
    places: int
    pace: Pace | None
    granted: asyncio.Future[Hold]


class Room:
    """Shared by all probes of one run."""

    def __init__(self, budgets: Budgets, cores: int) -> None:
        self._cores = cores
        self._slot_seconds = budgets.start_slot_seconds
        self.children = asyncio.Semaphore(budgets.children)
        self.remotes = asyncio.Semaphore(budgets.children)
        self.holding = {"start": 0, "end": 0, "timing": 0, "asking": 0}
        self.taken = 0  # of the places
        self._starters: deque[asyncio.Future[Hold]] = deque()
        self._timers: deque[_Waiting] = deque()
        self._askers: deque[_Waiting] = deque()
        self._numbers = itertools.count()
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
    async def timing(self, clock: Clock, pace: Pace | None = None, seconds: float = 0.0) -> AsyncIterator[Hold]:
        """A while in which nobody starts, for a server that is known to answer in so many seconds. Without a pace it is
        quick, and stays so however long it is silent.
        """
        async with self._granted(self._wait(self._timers, "timing", pace, seconds), clock) as hold:
            yield hold

    @asynccontextmanager
    async def asking(self, clock: Clock, pace: Pace, seconds: float) -> AsyncIterator[Hold]:
        """A while for one request to a server that is known to answer in so many seconds."""
        async with self._granted(self._wait(self._askers, "asking", pace, seconds), clock) as hold:
            yield hold

    def _wait(self, queue: deque[_Waiting], kind: str, pace: Pace | None, seconds: float) -> asyncio.Future[Hold]:
        granted: asyncio.Future[Hold] = asyncio.get_running_loop().create_future()
        places = pace.places(seconds) if pace else _QUICK
        queue.append(_Waiting(next(self._numbers), kind, places, pace, granted))
        return granted

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
                if not (starter := self._starters.popleft()).done():
                    starter.set_result(Hold(self, "start", self._slot_seconds))
        while (queue := self._next()) and self.taken + queue[0].places <= _PLACES:
            one = queue.popleft()
            one.granted.set_result(Hold(self, one.kind, _ASIDE_SECONDS, one.places, one.pace))
        if self.holding["timing"] and self.taken >= _QUICK:
            self._silence.clear()
        else:
            self._silence.set()

    def _next(self) -> deque[_Waiting] | None:
        """The queue whose first has waited longest, of those who may go now."""
        self._forget_cancelled()
        started = not self.holding["start"] and not self.holding["end"]
        may_time = self._timing and started and not (self._starters and self._turn_over())
        queues = [queue for queue in (self._askers, self._timers if may_time else ()) if queue]
        return min(queues, key=lambda queue: queue[0].number, default=None)

    def _change_turns(self) -> None:
        """Time when enough have gathered or nobody is left to start; start again when they are done, or had their time."""
        if not self._timing:
            enough = len(self._timers) >= 2 * self._cores or not self._starters or self._turn_over()
            change = bool(self._timers) and enough
        else:
            change = bool(self._starters) and not self.holding["timing"] and (not self._timers or self._turn_over())
        if change:
            self._timing = not self._timing
            self._turn_since = time.monotonic()

    def _turn_over(self) -> bool:
        return time.monotonic() - self._turn_since > _TURN_SECONDS

    def _forget_cancelled(self) -> None:
        """Those at the heads of the queues; who gave up behind another comes there in his time."""
        while self._starters and self._starters[0].done():
            self._starters.popleft()
        for queue in (self._timers, self._askers):
            while queue and queue[0].granted.done():
                queue.popleft()
