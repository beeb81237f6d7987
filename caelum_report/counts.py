"""The buckets of `buckets` for a few measurements at a time, without NumPy: where things are counted and stored."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

SAME, ANEW, UNKNOWN = 0, 1, 2  # how `samples.anew` says whether a counter began since the sample before

_GAMMA: Final = math.log(1.02 / 0.98)  # of buckets.RELATIVE_ERROR
_ORIGIN: Final = 8192
_PAIR: Final = struct.Struct("<hI")
_MOST: Final = 2**32 - 1


def bucket_of(value: float) -> int:
    """Of a measurement that is not negative."""
    if value <= 0:
        return 0
    return max(1 - _ORIGIN, min(_ORIGIN - 1, math.ceil(math.log(value) / _GAMMA))) + _ORIGIN


def pack(counts: Mapping[int, int] | Iterable[tuple[int, int]]) -> bytes:
    return b"".join(_PAIR.pack(bucket, min(count, _MOST)) for bucket, count in sorted(dict(counts).items()))


def merge(*blobs: bytes) -> bytes:
    """One stored value for several."""
    counts: Counter[int] = Counter()
    for blob in blobs:
        for bucket, count in _PAIR.iter_unpack(blob):
            counts[bucket] += count
    return pack(counts)
