"""Time by state: what each check speaks for, summed over ranges and local days.

The accounting, as `method.html` declares it: the state that a check found holds until the next check, and at most 1.5 times
the expected interval. A longer hole is no data. Degraded counts as up. Maintenance is excluded. Unknown, auth-walled and no
data are neither up nor down and stand outside the share. So the four parts of a range always sum to the range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from caelum_report import words
from caelum_report.document import RANGES, Day, Episode, StateSpan, Uptime
from caelum_report.model import Failure, Status

from .times import DAY, HOLD, RANGE_SECONDS, Floats, Ints, midnights, moment, unix

STATUSES: Final = tuple(Status)
_UP, _DOWN, _EXCLUDED, _UNKNOWN = range(4)
_KIND: Final = {
    Status.UP: _UP,
    Status.DEGRADED: _UP,
    Status.DOWN: _DOWN,
    Status.MAINTENANCE: _EXCLUDED,
    Status.AUTH_WALLED: _UNKNOWN,
    Status.UNKNOWN: _UNKNOWN,
}
_FAILURES: Final = {failure.value: failure for failure in Failure}
UNASKED: Final = {Failure.CONFIG_ERROR, Failure.SKIPPED, Failure.INTERNAL_ERROR}  # nothing was looked at
_KIND_OF_STATUS: Final = np.array([_KIND[status] for status in STATUSES])


@dataclass(frozen=True, slots=True)
class Ledger:
    """Stretches of all servers, parallel arrays ordered by server and time. `held` is where a stretch's last check ends
    to speak for anything.
    """

    servers: tuple[str, ...]
    now: float
    server: Ints  # position in `servers`
    start: Floats
    end: Floats  # the last check
    held: Floats
    status: Ints  # position in STATUSES
    checks: Ints
    failures: NDArray[np.object_]
    stages: NDArray[np.object_]
    reasons: NDArray[np.object_]
    bounds: Ints  # the stretches of server i are bounds[i]:bounds[i + 1]

    def rows(self, server: int) -> range:
        return range(int(self.bounds[server]), int(self.bounds[server + 1]))


def ledger(
    states: pd.DataFrame,
    servers: Sequence[str],
    intervals: Mapping[str, float],
    now: float,
    left: Mapping[str, datetime] = MappingProxyType({}),
) -> Ledger:
    """The ledger of `servers` up to `now`, from the frame `History.states`; others' rows are left out. No state outlasts
    that its server has `left`.
    """
    known = pd.Index(servers)
    code = np.asarray(known.get_indexer(pd.Index(states["server"].astype(object))), np.int64)
    start = unix(states["start"])
    keep = np.flatnonzero((code >= 0) & (start <= now))
    keep = keep[np.lexsort((start[keep], code[keep]))]
    rows = states.iloc[keep]
    code, start = code[keep], start[keep]
    end = np.minimum(np.maximum(unix(rows["end"]), start), now)
    after = np.full(len(keep), now)
    same = code[1:] == code[:-1]
    after[:-1][same] = start[1:][same]
    interval = np.array([intervals[name] for name in servers], np.float64)
    held = np.minimum(after, end + HOLD * interval[code] if len(keep) else end)
    gone = np.array([left[name].timestamp() if name in left else now for name in servers], np.float64)
    held = np.minimum(held, np.maximum(gone[code], end)) if len(keep) else held
    held = np.maximum(held, start)
    position = {status.value: at for at, status in enumerate(STATUSES)}
    return Ledger(
        servers=tuple(servers),
        now=now,
        server=code,
        start=start,
        end=np.minimum(end, held),
        held=held,
        status=np.array([position[str(value)] for value in rows["status"]], np.int64),
        checks=np.asarray(rows["checks"], np.int64),
        failures=np.asarray(rows["failure"].astype(object)),
        stages=np.asarray(rows["stage"].astype(object)),
        reasons=np.asarray(rows["reason"].astype(object)),
        bounds=np.searchsorted(code, np.arange(len(servers) + 1)),
    )


def seconds_by_kind(book: Ledger, start: float, end: float) -> Floats:
    """Seconds up, down, excluded and unknown of every server between two instants: servers x 4, each row sums to the range."""
    overlap = np.clip(np.minimum(book.held, end) - np.maximum(book.start, start), 0.0, None)
    cell = book.server * 4 + _KIND_OF_STATUS[book.status]
    sums = np.bincount(cell, weights=overlap, minlength=len(book.servers) * 4).reshape(-1, 4)
    sums[:, _UNKNOWN] = np.maximum((end - start) - sums[:, :_UNKNOWN].sum(axis=1), 0.0)
    return np.asarray(sums, np.float64)


def spent_shares(book: Ledger, server: int, ends: Floats, period: float, allowed: float) -> Floats:
    """Of one server's error budget over the `period` before each of `ends`, the share that is spent; NaN where less than a
    day of it was measured.
    """
    rows = slice(int(book.bounds[server]), int(book.bounds[server + 1]))
    kind = _KIND_OF_STATUS[book.status[rows]]
    edges = np.column_stack([book.start[rows], book.held[rows]]).ravel()

    def until(which: int, at: Floats) -> Floats:
        """Seconds of one kind from the beginning of the history."""
        lasted = np.where(kind == which, book.held[rows] - book.start[rows], 0.0)
        heaped = np.cumsum(np.column_stack([np.zeros(len(lasted)), lasted]).ravel())
        return np.asarray(np.interp(at, edges, heaped), np.float64)

    if not len(edges):
        return np.full(len(ends), np.nan)
    up, down = (until(which, ends) - until(which, ends - period) for which in (_UP, _DOWN))
    measured = up + down
    share = np.divide(down, allowed * measured, out=np.full(len(ends), np.nan), where=measured >= DAY)
    return np.asarray(share)


def checks_since(book: Ledger, start: float) -> Floats:
    """Checks of every stretch at or after an instant; within a stretch they are taken to be evenly spaced. Where nobody was
    asked nothing was checked.
    """
    spacing = (book.end - book.start) / np.maximum(book.checks - 1, 1)
    late = np.floor((book.end - np.maximum(book.start, start)) / np.maximum(spacing, 1e-9) + 1e-6) + 1
    counted = np.where(spacing > 0, np.minimum(late, book.checks), book.checks)
    asked = ~np.isin(book.failures, [failure.value for failure in UNASKED])
    return np.asarray(np.where((book.end >= start) & asked, counted, 0), np.float64)


def uptimes(book: Ledger) -> list[tuple[Uptime, ...]]:
    """One `Uptime` a range for every server."""
    columns = []
    for name in RANGES:
        start = book.now - RANGE_SECONDS[name]
        parts = seconds_by_kind(book, start, book.now).round(3).tolist()
        checks = np.bincount(book.server, weights=checks_since(book, start), minlength=len(book.servers)).tolist()
        columns.append(
            [
                Uptime(
                    range=name,
                    up_seconds=up,
                    down_seconds=down,
                    excluded_seconds=excluded,
                    unknown_seconds=unknown,
                    share=up / (up + down) if up + down else None,
                    checks=int(n),
                )
                for (up, down, excluded, unknown), n in zip(parts, checks, strict=True)
            ]
        )
    return list(zip(*columns, strict=True))


def strips(book: Ledger, at: datetime, zone: str, days: int = 90) -> list[tuple[Day, ...]]:
    """The worst known state of each of the last local days of every server; a day without a check has none.

    `unknown` is the state of a day only where nothing else was seen on it: not knowing for a while is not worse than up.
    """
    dates, edges = midnights(at, zone, days)
    seen, seconds = _by_day(book, edges)
    unknown = STATUSES.index(Status.UNKNOWN)
    seen[:, :, unknown] &= ~np.delete(seen, unknown, axis=2).any(axis=2)
    empty = [Day(day, None, None, "no data") for day in dates]
    full = [Day(day, Status.UP, 1.0, "up") for day in dates]
    up, degraded, down = (STATUSES.index(s) for s in (Status.UP, Status.DEGRADED, Status.DOWN))
    worst = np.where(seen.any(axis=2), seen.argmax(axis=2), -1)
    good = seconds[:, :, up] + seconds[:, :, degraded]
    measured = good + seconds[:, :, down]
    strips: list[tuple[Day, ...]] = []
    for server in range(len(book.servers)):
        bars = []
        for day, state in enumerate(worst[server].tolist()):
            if state < 0:
                bars.append(empty[day])
            elif state == up:
                bars.append(full[day])
            else:
                total = float(measured[server, day])
                share = round(float(good[server, day]) / total, 5) if total else None
                lasted = float(seconds[server, day, state])
                text = f"{STATUSES[state].value}, {words.duration(lasted)}" if lasted else STATUSES[state].value
                bars.append(Day(dates[day], STATUSES[state], share, text))
        strips.append(tuple(bars))
    return strips


def _by_day(book: Ledger, edges: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Which states each server was seen in on each day, and for how long: servers x days x statuses."""
    days = len(edges) - 1
    first = np.clip(np.searchsorted(edges, book.start, "right") - 1, 0, days - 1)
    last = np.clip(np.searchsorted(edges, book.held, "left") - 1, first, days - 1)
    inside = np.flatnonzero((book.held >= edges[0]) & (book.start < edges[-1]))
    pieces = (last - first + 1)[inside]
    row = np.repeat(inside, pieces)
    day = np.repeat(first[inside], pieces) + np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    lasted = np.clip(np.minimum(book.held[row], edges[day + 1]) - np.maximum(book.start[row], edges[day]), 0.0, None)
    shape = (len(book.servers), days, len(STATUSES))
    cell = (book.server[row] * days + day) * len(STATUSES) + book.status[row]
    size = int(np.prod(shape))
    seen = np.bincount(cell, minlength=size).reshape(shape) > 0
    return seen, np.bincount(cell, weights=lasted, minlength=size).astype(np.float64).reshape(shape)


# --- one server -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """The latest stretches of one status, holes between them included."""

    status: Status
    start: float
    checks: int
    unmeasured_seconds: float  # holes within


def latest_run(book: Ledger, server: int) -> Run | None:
    """How long a server has been in its last known state. Holes between two stretches of the same state are crossed, and
    counted: the state was the same on both sides.
    """
    rows = book.rows(server)
    if not rows:
        return None
    status, first, hole = book.status[rows[-1]], rows[-1], 0.0
    while first - 1 in rows and book.status[first - 1] == status:
        first -= 1
        hole += float(book.start[first + 1] - book.held[first])
    checks = int(book.checks[first : rows[-1] + 1].sum())
    return Run(STATUSES[status], float(book.start[first]), checks, hole)


def run_before(book: Ledger, server: int) -> tuple[Status, float, float] | None:
    """State, start and end of the stretches before the latest state."""
    rows = book.rows(server)
    last = len(rows) - 1
    while last >= 0 and book.status[rows[last]] == book.status[rows[-1]]:
        last -= 1
    if last < 0:
        return None
    first = last
    while first - 1 >= 0 and book.status[rows[first - 1]] == book.status[rows[last]]:
        first -= 1
    return STATUSES[book.status[rows[last]]], float(book.start[rows[first]]), float(book.held[rows[last]])


def status_at(book: Ledger, server: int, when: float) -> Status | None:
    """What the checks up to an instant said of it; None before the first, or in a hole."""
    for row in reversed(book.rows(server)):
        if book.start[row] <= when:
            return STATUSES[book.status[row]] if when <= book.held[row] else None
    return None


def episodes(book: Ledger, server: int, at_most: int = 20) -> tuple[Episode, ...]:
    """The latest stretches that were not `up`, newest first."""
    up = STATUSES.index(Status.UP)
    found: list[Episode] = []
    rows = book.rows(server)
    for row in reversed(rows):
        if book.status[row] == up:
            continue
        open_ended = row == rows[-1] and book.held[row] >= book.now
        found.append(
            Episode(
                status=STATUSES[book.status[row]],
                failure=_FAILURES[book.failures[row]],
                start=moment(float(book.start[row])),
                end=None if open_ended else moment(float(book.held[row])),
                seconds=round(float(book.held[row] - book.start[row]), 3),
                reason=text_or_empty(book.reasons[row]),
            )
        )
        if len(found) == at_most:
            break
    return tuple(found)


def incidents(book: Ledger, server: int, start: float, end: float, at_most: int = 30) -> tuple[StateSpan, ...]:
    """Stretches of trouble that touch a range, the longest ones, in order of time."""
    quiet = {STATUSES.index(Status.UP), STATUSES.index(Status.UNKNOWN)}
    rows = [
        row
        for row in book.rows(server)
        if book.held[row] > start and book.start[row] < end and book.status[row] not in quiet
    ]
    rows = sorted(sorted(rows, key=lambda row: float(book.start[row] - book.held[row]))[:at_most])
    return tuple(
        StateSpan(
            moment(max(start, float(book.start[row]))),
            moment(min(end, float(book.held[row]))),
            STATUSES[book.status[row]],
        )
        for row in rows
    )


def text_or_empty(value: object) -> str:
    """A cell of a frame as text; None and NaN are nothing."""
    return value if isinstance(value, str) else ""
