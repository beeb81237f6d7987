"""Which counters began anew since the run before, where the other side tells when they began.

A counter that was started anew and has passed its old value again does not go back, so its value alone does not show it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from caelum_report.model import Bookmark

from .asking import Asking

_SLACK = 5.0  # s; a start that is worked out anew each time it is shown moves by less, and no two runs are as near
_ASKED = "asked"  # the bookmark of when an uptime was asked for
_FAR = 1e11  # s; nothing that tells such a time tells one


@dataclass(slots=True)
class Beginnings:
    """When things of one kind began, as a source tells: what began later than all that were known before is new.

    Beginnings are compared with each other and never with our clock, so the source's may be wrong. What `is_new` was asked
    about is remembered with the run's figures.
    """

    asking: Asking
    name: str  # of the bookmark within the source
    latest: float | None = field(init=False)
    _before: float | None = field(init=False)

    def __post_init__(self) -> None:
        self._before = None
        with suppress(ValueError):
            known = self.asking.remembered.bookmarks.get((_of(self.asking), self.name))
            self._before = float(known) if known else None
        self.latest = self._before

    def is_new(self, seconds: float) -> bool:
        """Whether what began then, in seconds of any one clock, began since the run before; nothing did in the first."""
        if not 0 < seconds < _FAR:  # neither is NaN
            return False
        self.latest = seconds if self.latest is None else max(self.latest, seconds)
        return self._before is not None and seconds > self._before + _SLACK

    def moved(self) -> tuple[Bookmark, ...]:
        if self.latest == self._before:
            return ()
        return (Bookmark(_of(self.asking), self.name, repr(self.latest)),)


def restarted(asking: Asking, uptime: float | None) -> tuple[bool, tuple[Bookmark, ...]]:
    """Whether who tells this uptime, in seconds, was started since the run before asked; and the bookmark of this asking.

    An uptime is less than the time between the two then. A start worked out from clock and uptime would move whenever a clock
    is set or a machine sleeps.
    """
    if uptime is None:
        return False, ()
    before = None
    with suppress(ValueError):
        known = asking.remembered.bookmarks.get((_of(asking), _ASKED))
        before = float(known) if known else None
    is_new = before is not None and 0 <= uptime < asking.now - before
    return is_new, (Bookmark(_of(asking), _ASKED, repr(asking.now)),)


def _of(asking: Asking) -> str:
    return f"began {asking.source.name}"
