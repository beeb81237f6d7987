"""Calls that servers and gateways count themselves: what was added since the run before.

A counter's first value says nothing of when its calls were, so a source counts from its second run on; a tool that it
names for the first time then has been called since. One that went back has begun anew at zero, and so has one whose
publisher tells that it began since. What was added between
two runs is put into the hour in the middle of them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from caelum_report.model import Bookmark, CallCount

from .names import Names
from .reading import Read, Tally

SOURCE: Final = "metrics"
_AT_ONCE: Final = 1_000  # places that the calls of one bucket are spread over


@dataclass(frozen=True, slots=True)
class Shown:
    """What a counter showed."""

    calls: float = 0.0
    errors: float = 0.0
    seconds: float = 0.0
    buckets: tuple[tuple[float, float], ...] = ()

    def since(self, before: Shown) -> Shown:
        """What was added; all of it where the counter began anew."""
        if self.calls < before.calls:
            return self
        known = dict(before.buckets)
        return Shown(
            self.calls - before.calls,
            max(0.0, self.errors - before.errors),
            max(0.0, self.seconds - before.seconds),
            tuple((bound, max(0.0, count - known.get(bound, 0.0))) for bound, count in self.buckets),
        )


def read(
    counted: Mapping[str, Iterable[CallCount]], names: Names, bookmarks: Mapping[tuple[str, str], str], now: float
) -> Read:
    """`counted` has every source that counts calls and answered in this run, with what it showed."""
    tally, moved = Tally(), list[Bookmark]()
    for source, counts in counted.items():
        run = f"run {_digest(source)}"
        last = bookmarks.get((SOURCE, run))
        middle = (now + min(float(last), now)) / 2 if last else now
        for count in counts:
            name = _digest(source, count.server, count.tool, *([count.part] if count.part else []))
            shown = Shown(count.calls, count.errors, count.seconds or 0.0, count.buckets)
            known = bookmarks.get((SOURCE, name))
            before = _shown(known) if known and not count.anew else Shown() if last else None
            if before is not None:
                add(tally, middle, names.server(count.server), names.tool(count.tool), shown.since(before))
            if known != (said := _said(shown)):
                moved.append(Bookmark(SOURCE, name, said))
        moved.append(Bookmark(SOURCE, run, repr(now)))
    return Read(tally.rows(SOURCE), tuple(moved))


def add(tally: Tally, at: float, server: str, tool: str, added: Shown) -> None:
    if added.calls >= 1:
        tally.add(at, server, tool, round(added.calls), round(added.errors), added.seconds, durations(added.buckets))


def durations(buckets: Iterable[tuple[float, float]]) -> Iterator[tuple[float, int]]:
    """How long the calls of cumulative buckets took, spread evenly within each, as PromQL's `histogram_quantile` takes it;
    those of the open bucket at the last bound.
    """
    start = below = 0.0
    for bound, count in sorted(buckets):
        inside = round(count - below)
        if inside > 0 and math.isinf(bound):
            yield start, inside
        elif inside > 0:
            places = min(inside, _AT_ONCE)
            for place in range(places):
                many = inside * (place + 1) // places - inside * place // places
                yield start + (bound - start) * (place + 0.5) / places, many
        start, below = (start if math.isinf(bound) else bound), max(below, count)


def _digest(*said: str) -> str:
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _said(shown: Shown) -> str:
    return json.dumps([shown.calls, shown.errors, shown.seconds, shown.buckets])


def _shown(value: str) -> Shown | None:
    with suppress(ValueError, TypeError):
        calls, errors, seconds, buckets = json.loads(value)
        return Shown(calls, errors, seconds, tuple((bound, count) for bound, count in buckets))
    return None
