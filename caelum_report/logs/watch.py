"""A bound in time for what the configuration's patterns do with other people's lines."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

_TICK_SECONDS: Final = 0.2
_MOST_SLOW: Final = 3  # lines; then the pattern is given up for this run

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


class _SlowError(Exception):
    """A tick came twice within one line."""


class Watch:
    """Passes over a line that needs longer than two ticks of a timer. Only in a main thread, where a signal can end a match."""

    def __init__(self) -> None:
        self.slow = 0  # lines that were passed over
        self._calls = self._seen = 0
        self._within = False
        signal.signal(signal.SIGALRM, self._tick)
        signal.setitimer(signal.ITIMER_REAL, _TICK_SECONDS, _TICK_SECONDS)

    def _tick(self, _: int, __: FrameType | None) -> None:
        if self._within and self._seen == self._calls:
            raise _SlowError
        self._seen = self._calls

    @property
    def given_up(self) -> bool:
        return self.slow >= _MOST_SLOW

    def stop(self) -> None:
        """Before the program ends: a tick that finds no Python any more would end it as if it had failed."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def bounded(self, work: Callable[[_Given], _Result], given: _Given) -> _Result | None:
        """None where it took too long."""
        self._calls += 1
        self._within = True
        try:
            return work(given)
        except _SlowError:
            self.slow += 1
            return None
        finally:
            self._within = False
