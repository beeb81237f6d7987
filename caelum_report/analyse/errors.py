"""Errors as counts: failed checks and failed calls of each server, tested against its own four weeks before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from caelum_report.model import Status

from .tails import binomial_tails
from .times import DAY, Floats, unix
from .uptime import STATUSES, Ledger

WINDOWS: Final = (1, 7)  # days that are asked about
BEFORE_DAYS: Final = 28
LEAST_DAYS: Final = 7  # of these that were measured
LEAST_ERRORS: Final = 4  # new ones: three are told by their states
LEAST_RISE: Final = 1.5
LEAST_POINTS: Final = 0.01  # of calls: one more of a hundred


@dataclass(frozen=True, slots=True)
class Rise:
    """One server, the last days against the four weeks before; a rise where `matters` and `p` is small."""

    server: str
    of: Literal["checks", "calls"]
    days: int
    errors: int  # separate failures of checks, or failed calls
    n: float  # days that were measured, or calls
    errors_before: int
    n_before: float
    p: float  # that chance alone makes as many or more
    tool: str = ""  # that failed most beyond its usual
    tool_errors: int = 0
    tool_calls: int = 0

    @property
    def matters(self) -> bool:
        now, before = self.errors / self.n, self.errors_before / self.n_before
        least = LEAST_POINTS if self.of == "calls" else 0.0
        return self.errors >= LEAST_ERRORS and now >= LEAST_RISE * before and now - before >= least


def rises(book: Ledger, calls: pd.DataFrame, servers: Sequence[str], now: float) -> list[Rise]:
    """Every server that can be tested, its failed checks and its failed calls apart.

    Method: the conditional test of two Poisson rates (Przyborowski and Wilenski 1940): of all errors so many fall into the
    last days as a binomial of their share of what was measured. Calls are counted by tool, so that calling an error-prone
    tool more often is no rise; the sum over tools is tested as one binomial, which errs on the careful side (Hoeffding 1956).
    Failures come in bursts: a failure that lasts is one, and counts of calls are divided by the Pearson dispersion of their
    days. The likelier of two windows counts, so p is doubled. Cost: 10 ms for 20 servers and a month of calls.
    Weak: a history of one bad day hides a rise until the day is out of the four weeks.
    """
    found = [*_of_checks(book, servers, now), *_of_calls(calls, servers, now)]
    best: dict[tuple[str, str], Rise] = {}
    for one in found:
        key = (one.server, one.of)
        if key not in best or one.p < best[key].p:
            best[key] = one
    return list(best.values())


def _windows(p: Floats) -> Floats:
    return np.minimum(len(WINDOWS) * p, 1.0)


def _of_checks(book: Ledger, servers: Sequence[str], now: float) -> Iterator[Rise]:
    """Failures that began, by the days in which the server was asked."""
    down = book.status == STATUSES.index(Status.DOWN)
    first = np.zeros(len(down), np.bool_)
    first[book.bounds[:-1][np.diff(book.bounds) > 0]] = True
    began = down & (first | ~np.concatenate([[False], down[:-1]]))
    told = np.isin(book.status, [STATUSES.index(s) for s in (Status.UP, Status.DEGRADED, Status.DOWN)])
    place = {name: at for at, name in enumerate(book.servers)}
    asked = np.array([place[name] for name in servers], np.int64)
    size = len(book.servers)

    def between(start: float, end: float) -> tuple[Floats, Floats]:
        lasted = np.clip(np.minimum(book.held, end) - np.maximum(book.start, start), 0.0, None) / DAY
        inside = began & (book.start > start) & (book.start <= end)
        counts = np.bincount(book.server[inside], minlength=size)[asked].astype(np.float64)
        return counts, np.bincount(book.server, lasted * told, size)[asked].astype(np.float64)

    for days in WINDOWS:
        start = now - days * DAY
        (errors, measured), (earlier, known) = between(start, now), between(start - BEFORE_DAYS * DAY, start)
        share = np.divide(measured, measured + known, out=np.zeros_like(known), where=known > 0)
        p = _windows(binomial_tails(errors, errors + earlier, share))
        for at in np.flatnonzero((known >= LEAST_DAYS) & (measured > 0)).tolist():
            yield Rise(
                servers[at], "checks", days, int(errors[at]), float(measured[at]),
                int(earlier[at]), float(known[at]), float(p[at]),
            )  # fmt: skip


def _of_calls(calls: pd.DataFrame, servers: Sequence[str], now: float) -> Iterator[Rise]:
    """Failed calls by tool, day after day back from now."""
    length = max(WINDOWS) + BEFORE_DAYS
    ago = np.floor((now - unix(calls["hour"])) / DAY)
    recent = calls.loc[(ago >= 0) & (ago < length)]
    if not len(recent) or not recent["errors"].to_numpy().any():
        return
    day = ago[(ago >= 0) & (ago < length)].astype(np.int64)
    for name, rows in recent.groupby("server", sort=True).indices.items():
        if str(name) not in servers:
            continue
        code, tools = pd.factorize(recent["tool"].iloc[rows])
        cell = day[rows] * len(tools) + code
        table = np.stack(
            [
                np.bincount(cell, recent[what].to_numpy(np.float64)[rows], length * len(tools)).astype(np.float64)
                for what in ("calls", "errors")
            ]
        ).reshape(2, length, len(tools))
        yield from _of_server(str(name), table, [str(tool) for tool in tools])


def _of_server(name: str, table: Floats, tools: Sequence[str]) -> Iterator[Rise]:
    """`table` is (calls, errors) x days ago x tools."""
    for days in WINDOWS:
        new, old = table[:, :days], table[:, days : days + BEFORE_DAYS]
        n, errors = new.sum(axis=1)
        n_before, earlier = old.sum(axis=1)
        known = np.count_nonzero(old[0].sum(axis=1))
        common = n_before > 0  # a new tool has no usual
        if known < LEAST_DAYS or not n[common].any():
            continue
        whole = (errors + earlier)[common]
        expected = whole * n[common] / (n + n_before)[common]
        usual = np.divide(earlier, n_before, out=np.zeros_like(earlier), where=common)
        over = _dispersion(old, usual)
        count, total = float(errors[common].sum()), float(whole.sum())
        share = np.array([expected.sum() / total if total else 0.0])
        p = _windows(binomial_tails(np.array([count / over]), np.array([total / over]), share))
        worst = int(np.argmax(np.where(common, errors - n * usual, -np.inf)))
        yield Rise(
            name, "calls", days, int(count), float(n[common].sum()), int(earlier[common].sum()),
            float(n_before[common].sum()), float(p[0]), tools[worst], int(errors[worst]), int(n[worst]),
        )  # fmt: skip


def _dispersion(old: Floats, usual: Floats) -> float:
    """By how much the errors of days stray more than those of a Poisson law: Pearson's statistic by its degrees of freedom."""
    expected = old[0] @ usual
    there = expected > 0
    if np.count_nonzero(there) < 2:
        return 1.0
    strays = (old[1].sum(axis=1)[there] - expected[there]) ** 2 / expected[there]
    return max(float(strays.sum()) / (np.count_nonzero(there) - 1), 1.0)
