"""Counts in logarithmic buckets: a percentile of many measurements that can be added up. No I/O.

DDSketch's layout (Masson, Rim, Lee, VLDB 2019) with a relative error of 2 %: bucket i holds values between
gamma^(i-1) and gamma^i and answers with the value whose relative distance to both ends is equal. Zero has its own bucket,
negative values mirror positive ones, so that the order of buckets is the order of values. Merging adds counts, so the p95
of a month is the p95 of its measurements and not a mean of p95s. Cost: one logarithm a value, six bytes a used bucket.

Stored as pairs (int16 bucket, uint32 count), little-endian, ascending by bucket.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

RELATIVE_ERROR: Final = 0.02
PAIR: Final = np.dtype([("bucket", "<i2"), ("count", "<u4")])

_GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_ORIGIN: Final = 8192  # bucket of gamma^0; from 1e-142 to 1e142 on either side of zero
_MIDDLE: Final = 2 / (1 + _GAMMA)  # of gamma^i: where both ends are equally far

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def bucket_of(values: Floats) -> Ints:
    """The bucket of each value; ascending with the value, 0 for zero."""
    size = np.abs(values)
    positive = size > 0
    power = np.ceil(np.log(size, out=np.zeros_like(size), where=positive) / np.log(_GAMMA))
    power = np.clip(power, 1 - _ORIGIN, _ORIGIN - 1)
    buckets: Ints = (np.sign(values) * (power + _ORIGIN) * positive).astype(np.int64)
    return buckets


def value_of(bucket: Ints) -> Floats:
    """The value that stands for everything in a bucket, within `RELATIVE_ERROR`."""
    sizes: Floats = np.power(_GAMMA, np.abs(bucket) - float(_ORIGIN)) * _MIDDLE
    return np.sign(bucket) * sizes


def spread(first: Ints, count: Ints) -> Ints:
    """The places of rows that lie in one array, each `count` long from its `first` on, row after row."""
    ends = np.cumsum(count)
    return np.repeat(first - ends + count, count) + np.arange(int(ends[-1]) if len(ends) else 0)


def merge(blobs: Iterable[bytes]) -> bytes:
    """One stored value for several."""
    pairs = np.frombuffer(b"".join(blobs), PAIR)
    buckets, group = np.unique(pairs["bucket"], return_inverse=True)
    merged = np.empty(len(buckets), PAIR)
    merged["bucket"] = buckets
    merged["count"] = np.bincount(group, weights=pairs["count"], minlength=len(buckets))
    return merged.tobytes()


def quantile(blob: bytes, share: float) -> float:
    """The nearest-rank quantile of what was counted, within 2 % of the true one; NaN where nothing was."""
    pairs = np.frombuffer(blob, PAIR)
    counts = np.cumsum(pairs["count"], dtype=np.int64)
    if not len(counts):
        return float("nan")
    rank = max(1, int(np.ceil(share * counts[-1])))
    return float(value_of(pairs["bucket"][np.searchsorted(counts, rank)].astype(np.int64)))


def total(blob: bytes) -> int:
    """How many measurements were counted."""
    return int(np.frombuffer(blob, PAIR)["count"].sum(dtype=np.int64))
