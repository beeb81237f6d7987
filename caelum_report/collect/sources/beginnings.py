"""Which counters began anew since the run before, where the other side tells when they began.

A counter that was started anew and has passed its old value again does not go back, so its value alone does not show it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from caelum_report.model import Bookmark

from .asking import Asking

_SLACK = 5.0  # s; a start that is worked out from a clock and an uptime moves by less, and no two runs are as near
_FAR = 1e11  # s; nothing that tells such a time tells one


@dataclass(slots=True)
class Beginnings:
    """When things of one kind began, as a source tells: what began later than all that were known before is new.

    Beginnings are compared with each other only, so the clock that they are told by may be wrong; it may not change. What
    `is_new` was asked about is remembered with the run's figures.
    """

    asking: Asking
    name: str  # of the bookmark within the source
    latest: float | None = field(init=False)
    _before: float | None = field(init=False)

    def __post_init__(self) -> None:
        self._before = None
        with suppress(ValueError):
            known = self.asking.remembered.bookmarks.get((self._source, self.name))
            self._before = float(known) if known else None
        self.latest = self._before

    @property
    def _source(self) -> str:
        return f"began {self.asking.source.name}"

    def is_new(self, seconds: float) -> bool:
        """Whether what began then, in seconds of any one clock, began since the run before; nothing did in the first."""
        if not 0 < seconds < _FAR:  # neither is NaN
            return False
        self.latest = seconds if self.latest is None else max(self.latest, seconds)
        return self._before is not None and seconds > self._before + _SLACK

    def moved(self) -> tuple[Bookmark, ...]:
        if self.latest == self._before:
            return ()
        return (Bookmark(self._source, self.name, repr(self.latest)),)
