"""How many of many tests may be called findings, and how many of these are expected to be nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from .times import Floats

FALSE_SHARE: Final = 0.05  # of what is called a finding, on average


def adjusted(p: Sequence[float] | Floats, tests: int | None = None) -> Floats:
    """Benjamini-Hochberg: the least share of false findings at which each p would still be one.

    Y. Benjamini, Y. Hochberg 1995; valid for tests that are independent or positively dependent, as series of one host are.
    `tests` counts those whose p is not listed and is 1. Cost: one sort.
    """
    values = np.asarray(p, np.float64)
    total = max(tests or 0, len(values))
    order = np.argsort(values, kind="stable")
    shares = values[order] * total / np.arange(1, len(values) + 1)
    result = np.empty(len(values))
    result[order] = np.minimum(1.0, np.minimum.accumulate(shares[::-1])[::-1])
    return result
