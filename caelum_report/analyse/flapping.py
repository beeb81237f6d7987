"""Flapping: a server that keeps changing between good and bad is one finding, not one alert a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .times import Floats

CHECKS: Final = 24
STARTS: Final = 4  # changes
ENDS: Final = 1


def is_flapping(states: Sequence[float] | Floats | pd.Series, *, before: bool = False) -> bool:
    """Whether the last 24 checks changed state four times or more; `before` says whether it was flapping already.

    `states` are 1, 0 and NaN, oldest first. Not checked is not a state: it is left out, so 1, NaN, 1 is no change. What flaps
    goes on flapping until one change or none is left in the window (hysteresis after Nagios, which weighs 21 checks by age;
    counting explains itself). Assumes checks at about one cadence. Weak where outages shorter than the cadence hide changes,
    and two real outages within 24 checks look the same. Cost: nothing.
    """
    checked = np.asarray(states, np.float64)
    checked = checked[~np.isnan(checked)][-CHECKS:]
    changes = int(np.count_nonzero(np.diff(checked)))
    return changes >= STARTS or (before and changes > ENDS)


def flapping_of_checks(states: Floats) -> NDArray[np.bool_]:
    """At every check of one server whether it was flapping then, with hysteresis: what `is_flapping` says check by check, and the
    way in which a run asks. Causal; O(checks).
    """
    rows = np.flatnonzero(~np.isnan(states))
    changed = np.concatenate([[False], np.diff(states[rows]) != 0]) if len(rows) else np.empty(0, bool)
    total = np.concatenate([[0], np.cumsum(changed)])
    here = np.arange(len(rows))
    changes = total[here + 1] - total[np.minimum(np.maximum(here + 2 - CHECKS, 1), here + 1)]
    verdicts = np.where(changes >= STARTS, 1, np.where(changes <= ENDS, 0, -1))
    verdicts[:1] = np.maximum(verdicts[:1], 0)
    decided = np.maximum.accumulate(np.where(verdicts >= 0, here, 0))
    result = np.zeros(len(states), bool)
    result[rows] = verdicts[decided] == 1
    last = np.maximum.accumulate(np.where(~np.isnan(states), np.arange(len(states)), -1))
    return np.asarray((last >= 0) & result[np.maximum(last, 0)])
