"""Real calls as whoever analyses them may count them: of each server one source, never a sum.

`calls_by_hour` is what others build on: server, tool and hour with calls, errors and how long they took.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from caelum_report import buckets

from .times import Floats, Ints, unix

WINDOW: Final = pd.Timedelta(days=30)  # in which a source must have seen something to count now


def calls_by_hour(usage: pd.DataFrame, precedence: Sequence[str], at: pd.Timestamp) -> pd.DataFrame:
    """Rows of `History.usage` that count, with `timed` (calls whose duration is known) and `latency`, their mean in seconds.

    A server's source is the first of `precedence` that has seen a call of it in the last 30 days; for the hours before that
    one began, the next. Where none has in 30 days, the first that ever has. Cost: linear in the rows.
    """
    frame = usage.loc[usage["source"].isin(list(precedence))]
    keep = np.zeros(len(frame), np.bool_)
    for rows in frame.groupby("server", sort=False).indices.values():
        hours, sources = frame["hour"].iloc[rows], frame["source"].iloc[rows]
        recent = set(sources[hours > at - WINDOW]) or set(sources)
        until = at + pd.Timedelta(hours=1)
        for source in (each for each in precedence if each in recent):
            chosen = ((sources == source) & (hours < until)).to_numpy()
            keep[rows[chosen]] = True
            until = min(until, hours[sources == source].min())
    found = frame.loc[keep].reset_index(drop=True)
    found["timed"] = _timed(found["buckets"])
    found["latency"] = found["seconds"].astype(float) / found["timed"].where(found["timed"] > 0)
    return found


def _timed(blobs: pd.Series) -> Ints:
    """How many durations each row knows; all rows at once."""
    pairs = np.frombuffer(b"".join(blobs), buckets.PAIR)["count"].astype(np.int64)
    ends = np.cumsum([len(blob) // buckets.PAIR.itemsize for blob in blobs], dtype=np.int64)
    sums = np.concatenate([[0], np.cumsum(pairs)])
    return np.asarray(np.diff(sums[np.concatenate([[0], ends])]), np.int64)


def quantile(blobs: Sequence[bytes], share: float) -> float | None:
    """Of all durations in some rows, in seconds; None where none is known."""
    value = buckets.quantile(buckets.merge(blobs), share)
    return None if np.isnan(value) else value


def counts_of(rows: pd.DataFrame, start: float, hours: int) -> Floats:
    """Calls in each hour from `start` (unix seconds) on; an hour without a row had none."""
    index = ((unix(rows["hour"]) - start) // 3600).astype(np.int64)
    there = (index >= 0) & (index < hours)
    weights = rows["calls"].to_numpy(np.float64)[there]
    return np.asarray(np.bincount(index[there], weights=weights, minlength=hours), np.float64)
