"""Calls that servers and gateways count themselves: what was added since the run before.

A counter's first value says nothing of when its calls were, so a source counts from its second run on; a tool that it
names for the first time then has been called since. One that went back has begun anew at zero, and so has one whose
publisher tells that it began since. What was added between two runs is put into the hour in the middle of them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from caelum_report.follow import KEPT_SECONDS
from caelum_report.model import Bookmark, CallCount

from .names import Names
from .reading import Read, Tally

SOURCE: Final = "metrics"
_RUN: Final = "run "  # the bookmark of a source's last answer begins so
_GONE: Final = "gone"
_DIGITS: Final = 16
_MOST_GONE: Final = 4_000  # names that are remembered, the latest
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
    tally, moved, gone = Tally(), list[Bookmark](), _Gone(bookmarks, now)
    for source, counts in counted.items():
        run = f"{_RUN}{_digest(source)}"
        last = bookmarks.get((SOURCE, run))
        middle = (now + min(float(last), now)) / 2 if last else now
        for count in counts:
            name = _digest(source, count.server, count.tool, *([count.part] if count.part else []))
            shown = Shown(count.calls, count.errors, count.seconds or 0.0, count.buckets)
            known = bookmarks.get((SOURCE, name))
            before = _shown(known) if known and not count.anew else Shown() if last else None
            if before is not None and (known or count.anew or not gone.was(name)):
                add(tally, middle, names.server(count.server), names.tool(count.tool), shown.since(before))
            if known != (said := _said(shown, gone.today)):
                moved.append(Bookmark(SOURCE, name, said))
            gone.met.add(name)
        moved.append(Bookmark(SOURCE, run, repr(now)))
        gone.met.add(run)
    return Read(tally.rows(SOURCE), (*moved, *gone.moved()))


class _Gone:
    """Counters that nobody has shown for long, an instance's that was taken away say: their figures are let go of.

    That they were there is remembered, so that one which comes back is no counter of calls made since.
    """

    def __init__(self, bookmarks: Mapping[tuple[str, str], str], now: float) -> None:
        self._said = {name: value for (source, name), value in bookmarks.items() if source == SOURCE}
        known = self._said.pop(_GONE, "")
        self._names = dict.fromkeys(known[i : i + _DIGITS] for i in range(0, len(known), _DIGITS))  # the latest last
        self._first = list(self._names)
        self.met: set[str] = set()
        self._now = now
        self.today = int(now // 86_400)

    def was(self, name: str) -> bool:
        return name in self._names

    def moved(self) -> Iterator[Bookmark]:
        """Of what is let go of, and of what no program before said when it was last shown."""
        limit = self.today - KEPT_SECONDS / 86_400
        for name, value in self._said.items():
            if name in self.met:
                continue
            if name.startswith(_RUN):
                day: float | None = float(value) / 86_400
            elif (day := _day(value)) is None and (shown := _shown(value)):
                yield Bookmark(SOURCE, name, _said(shown, self.today))
            if day is not None and day < limit:
                self._names |= {} if name.startswith(_RUN) else {name: None}
                yield Bookmark(SOURCE, name, "")
        kept = [name for name in self._names if name not in self.met][-_MOST_GONE:]
        if kept != self._first:
            yield Bookmark(SOURCE, _GONE, "".join(kept))


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
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _said(shown: Shown, day: int) -> str:
    return json.dumps([shown.calls, shown.errors, shown.seconds, shown.buckets, day])


def _shown(value: str) -> Shown | None:
    with suppress(ValueError, TypeError):
        calls, errors, seconds, buckets, *_ = json.loads(value)
        return Shown(calls, errors, seconds, tuple((bound, count) for bound, count in buckets))
    return None


def _day(value: str) -> int | None:
    """On which it was last shown, in days since 1970."""
    with suppress(ValueError, TypeError):
        *_, last = json.loads(value)
        return last if isinstance(last, int) else None
    return None
