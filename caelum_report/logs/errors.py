"""Which lines are errors, and how often each kind of them came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from caelum_report.text import Redactor

from .lines import Line, calls_itself_error
from .signatures import OTHERS, signature
from .watch import Watch

_MOST: Final = 200  # kinds in one run
_AHEAD: Final = 300.0  # s; clocks differ by less


class Errors:
    """Counted by subject and signature, first and last seen by the lines' own times where they have any."""

    def __init__(self, pattern: str | None, redactor: Redactor, watch: Watch, now: float) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._redactor = redactor
        self._watch = watch
        self._now = now
        self._seen: dict[tuple[str, str], tuple[int, float, float]] = {}
        self.ahead = 0  # lines whose clock is before ours

    def take(self, line: Line, subject: str) -> bool:
        """Whether it is one."""
        if not self._is_error(line):
            return False
        key = (subject, signature(line.text, self._redactor))
        if key not in self._seen and len(self._seen) >= _MOST:
            key = (subject, OTHERS)
        said = line.at
        at = self._now if said is None else said
        if at > self._now + _AHEAD:
            self.ahead += 1
        at = min(at, self._now)
        count, first, last = self._seen.get(key, (0, at, at))
        self._seen[key] = (count + 1, min(first, at), max(last, at))
        return True

    def _is_error(self, line: Line) -> bool:
        if self._pattern is not None:
            pattern, text = self._pattern, line.text
            return not self._watch.given_up and self._watch.bounded(pattern.search, text) is not None
        if line.is_error is not None:
            return line.is_error
        return calls_itself_error(line.text)

    def rows(self) -> Iterator[tuple[str, str, int, float, float]]:
        yield from ((*key, *seen) for key, seen in self._seen.items())
