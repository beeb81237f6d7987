"""What differs between two spans of time, as every face shows it. No I/O, no layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .periods import Span


@dataclass(frozen=True, slots=True)
class Contrast:
    """One thing that is otherwise than before, and what stands behind saying so."""

    direction: Literal["worse", "better", "method"]
    servers: tuple[str, ...]  # Server.id; empty: all of them
    what: str  # "State", "Answered", "Tools", "Answer time, p50", "Memory"
    before: str
    after: str
    detail: str  # what follows the arrow: "+26 %"
    evidence: str
    page: str
    n_before: int | None = None  # None: not a matter of samples
    n_after: int | None = None
    p: float | None = None  # two-sided; None: certain


@dataclass(frozen=True, slots=True)
class Difference:
    """Two spans compared, worst first."""

    before: Span
    after: Span
    contrasts: tuple[Contrast, ...]
    tested: int  # figures that chance could have moved
    sentence: str
    how: str  # what was compared with what

    @property
    def regression(self) -> bool:
        return any(one.direction == "worse" for one in self.contrasts)
