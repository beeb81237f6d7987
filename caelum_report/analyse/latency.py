"""Latency of short requests, and the usual time of each stage: pooled over all timings, never averages of percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from caelum_report.buckets import spread
from caelum_report.document import Latency, Points, StageReport
from caelum_report.history import History
from caelum_report.model import STAGES, Failure, Outcome, Stage

from .times import DAY, Floats, Ints, unix

USUAL_DAYS: Final = 30
USUAL_LEAST: Final = 12  # stage times; fewer are too few to call anything slow
SLOW_FACTOR: Final = 2.0
SLOW_SECONDS: Final = 0.1  # and this much longer: twice of 4 ms is nothing


@dataclass(frozen=True, slots=True)
class Checks:
    """`History.probes` and its timings, ordered by server and time."""

    rows: pd.DataFrame
    time: Floats
    bounds: Ints  # the rows of server i are bounds[i]:bounds[i + 1]
    timings: Floats  # all timings, row after row
    offsets: Ints  # those of row r are offsets[r]:offsets[r + 1]

    def between(self, server: int, start: float, end: float) -> slice:
        """The rows of one server after `start` and up to `end`."""
        low, high = self.bounds[server], self.bounds[server + 1]
        first, last = np.searchsorted(self.time[low:high], [start, end], "right")
        return slice(int(low + first), int(low + last))

    def timings_of(self, rows: slice) -> Floats:
        return self.timings[self.offsets[rows.start] : self.offsets[rows.stop]]

    def last(self, server: int) -> int | None:
        low, high = self.bounds[server], self.bounds[server + 1]
        return int(high) - 1 if high > low else None


def checks(history: History, servers: Sequence[str]) -> Checks:
    """Every check of `servers`, grouped once."""
    probes = history.probes
    name = probes["server"].astype("category")
    code = np.append(pd.Index(servers).get_indexer(pd.Index(name.cat.categories)), -1)[name.cat.codes]
    at = unix(probes["at"])
    order = np.flatnonzero(code >= 0)
    order = order[np.lexsort((at[order], code[order]))]
    lengths = probes["timings"].to_numpy(np.int64)
    first = np.cumsum(lengths) - lengths
    return Checks(
        rows=probes.iloc[order],
        time=at[order],
        bounds=np.searchsorted(code[order], np.arange(len(servers) + 1)),
        timings=history.timings[spread(first[order], lengths[order])],
        offsets=np.append(0, np.cumsum(lengths[order])),
    )


def latency(timings: Floats) -> Latency | None:
    """Nearest-rank percentiles, as the charts and the roll-ups have them; None where nothing was measured."""
    if not len(timings):
        return None
    ordered = np.sort(timings)
    p50, p95 = (ordered[max(1, math.ceil(share * len(ordered))) - 1] for share in (0.5, 0.95))
    return Latency(shortened(p50), shortened(p95), shortened(ordered[-1]), len(ordered))


def shortened(value: float) -> float:
    """Four significant digits: more is noise, and the stored document stays small."""
    return float(f"{value:.4g}")


def usual_stage_seconds(past: Checks, servers: int, now: float) -> tuple[Floats, Ints]:
    """Medians of the stage times of successful checks before now, over at most 30 days, and how many each rests on."""
    before = (past.time < now) & (past.time > now - USUAL_DAYS * DAY)
    good = before & (past.rows["failure"].astype(object) == Failure.OK.value).to_numpy(bool)
    server = np.repeat(np.arange(servers), np.diff(past.bounds))[good]
    groups = past.rows.loc[good, list(STAGES)].astype(np.float64).groupby(server)
    medians = groups.median().reindex(range(servers))
    counts = groups.count().reindex(range(servers), fill_value=0)
    return medians.to_numpy(np.float64), counts.to_numpy(np.int64)


def stages(seen: Sequence[Stage], usual: Floats, counts: Ints) -> tuple[StageReport, ...]:
    """The ladder of one probe: each rung begins where the one before ended."""
    start, rungs = 0.0, []
    for stage in seen:
        column = STAGES.index(stage.name)
        enough = counts[column] >= 3 and not np.isnan(usual[column])
        normal = shortened(float(usual[column])) if enough else None
        slow = (
            normal is not None
            and counts[column] >= USUAL_LEAST
            and stage.outcome is Outcome.OK
            and stage.seconds is not None
            and stage.seconds > SLOW_FACTOR * normal
            and stage.seconds > normal + SLOW_SECONDS
        )
        rungs.append(
            StageReport(
                name=stage.name,
                outcome=stage.outcome,
                start_seconds=round(start, 6) if stage.seconds is not None else None,
                seconds=stage.seconds,
                usual_seconds=normal,
                slow=slow,
                detail=stage.detail,
            )
        )
        start += stage.seconds or 0.0
    return tuple(rungs)


def spark(past: Checks, server: int, now: float, at_most: int = 96) -> Points:
    """The median latency of every check of the last 24 hours, thinned by medians where there are many."""
    rows = past.between(server, now - DAY, now)
    at = past.time[rows]
    mid = past.rows["latency_p50"].to_numpy(np.float64)[rows]
    measured = ~np.isnan(mid)
    at, mid = at[measured], mid[measured]
    if len(at) > at_most:
        cell = np.floor(at / (DAY / at_most)).astype(np.int64)
        _, first = np.unique(cell, return_index=True)
        at = at[np.append(first[1:] - 1, len(at) - 1)]
        mid = np.array([np.median(part) for part in np.split(mid, first[1:])])
    return Points(tuple(int(t) for t in at), tuple(shortened(v) for v in mid.tolist()))
