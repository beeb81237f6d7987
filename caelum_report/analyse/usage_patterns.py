"""When tools are called, in which mix, and which together. Pure functions of counts; seeded where they permute.

Calls come in bursts, one session at a time, so tests that take each for itself would cry wolf: here days are permuted, and
hours are compared with their like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .tails import normal_tails
from .times import Floats

WEEK_HOURS: Final = 168
DRIFT_DAYS: Final = 7  # the newest, held against four weeks before
DRIFT_EFFECT: Final = 0.1  # share of calls that went to other tools
_PERMUTATIONS: Final = 999
_LEAST_DAYS: Final = 5  # with calls, on either side
_LEAST_CALLS: Final = 30
_TOGETHER_TOOLS: Final = 60
_LEAST_TOGETHER: Final = 5  # hours


def week_profile(counts: Floats, start: float, zone: str) -> Floats:
    """Mean calls an hour by weekday (Monday first) and local hour: 7 x 24, NaN where no such hour was measured yet."""
    at = pd.to_datetime(start + 3600.0 * np.arange(len(counts)), unit="s", utc=True).tz_convert(ZoneInfo(zone))
    place = (at.day_of_week * 24 + at.hour).to_numpy()
    seen = np.bincount(place, minlength=WEEK_HOURS)
    total = np.bincount(place, weights=counts, minlength=WEEK_HOURS)
    return np.where(seen > 0, total / np.maximum(seen, 1), np.nan).reshape(7, 24)


@dataclass(frozen=True, slots=True)
class Drift:
    """The mix of a server's tools is another one. `moved` is the share of calls that went to other tools."""

    moved: float
    p: float
    tool: str  # whose share changed most
    before: float
    after: float
    calls: int  # of the newer days


def mix_drift(days: NDArray[np.float64], tools: Sequence[str], recent: int = DRIFT_DAYS) -> Drift | None:
    """Whether the last `recent` days (rows) call tools (columns) in another mix than those before.

    Total variation distance between the pooled shares, against 999 permutations of the days with calls (Ernst, Permutation
    Methods, Stat. Sci. 2004): bursts within a day stay together. None where there is too little to say, or the distance is
    under a tenth. Weakness: blind to a change in how calls are ordered; needs 5 days with calls on either side.
    Cost: one matrix product of 1,000 x days x tools.
    """
    active = days.sum(axis=1) > 0
    new = np.zeros(len(days), np.bool_)
    new[len(days) - recent :] = True
    new, counts = new[active], days[active]
    if min(new.sum(), (~new).sum()) < _LEAST_DAYS or min(counts[new].sum(), counts[~new].sum()) < _LEAST_CALLS:
        return None
    random = np.random.default_rng(len(counts))
    labels = np.stack([new, *(random.permutation(new) for _ in range(_PERMUTATIONS))]).astype(np.float64)
    after = labels @ counts
    before = counts.sum(axis=0) - after
    shares = [side / np.maximum(side.sum(axis=1, keepdims=True), 1) for side in (before, after)]
    distance = np.abs(shares[1] - shares[0]).sum(axis=1) / 2
    if distance[0] < DRIFT_EFFECT:
        return None
    most = int(np.argmax(np.abs(shares[1][0] - shares[0][0])))
    return Drift(
        moved=float(distance[0]),
        p=float(np.mean(distance >= distance[0] - 1e-12)),
        tool=tools[most],
        before=float(shares[0][0, most]),
        after=float(shares[1][0, most]),
        calls=int(after[0].sum()),
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns used in the same hours more often than chance would have it."""

    first: int
    second: int
    hours: int  # in which both were
    expected: float
    p: float


def together(used: NDArray[np.bool_], strata: Sequence[int]) -> list[Pair]:
    """Pairs of tools (columns) that share hours (rows), likeliest first.

    Mantel and Haenszel's test (J. Natl. Cancer Inst. 1959) within strata of like hours (the hour of the day, say), for in office
    hours everything is used; Bonferroni over the pairs. Only pairs with 5 common hours and 1.5 times what chance gives.
    Weakness: what makes one whole hour busier than others of its stratum counts as co-use.
    Cost: tools² x hours for the 60 tools used in most hours.
    """
    columns = np.argsort(-used.sum(axis=0), kind="stable")[:_TOGETHER_TOOLS]
    table = used[:, columns].astype(np.float64)
    common, expected, variance = (np.zeros((len(columns), len(columns))) for _ in range(3))
    for stratum in np.unique(strata):
        rows = table[np.asarray(strata) == stratum]
        n, own = len(rows), rows.sum(axis=0)
        common += rows.T @ rows
        expected += np.outer(own, own) / n
        variance += np.outer(own * (n - own), own * (n - own)) / (n * n * max(n - 1, 1))
    z = np.divide(common - expected - 0.5, np.sqrt(variance), out=np.zeros_like(common), where=variance > 0)
    above = np.triu((common >= _LEAST_TOGETHER) & (common >= 1.5 * expected) & (z > 0), 1)
    tests = max(1, len(columns) * (len(columns) - 1) // 2)
    found = [
        Pair(int(columns[i]), int(columns[j]), int(common[i, j]), float(expected[i, j]), min(1.0, tests * tail / 2))
        for i, j in np.argwhere(above).tolist()
        if tests * (tail := float(normal_tails(z[i, j]))) / 2 < 0.001
    ]
    return sorted(found, key=lambda pair: (pair.p, -pair.hours, pair.first, pair.second))
