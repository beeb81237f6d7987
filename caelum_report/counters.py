"""Counters as rates: what a host or a source counts since some start, as it grew between two looks. Pure; NumPy only."""

from __future__ import annotations

import numpy as np

from .buckets import Floats, Ints
from .counts import ANEW, UNKNOWN

_MICROSECONDS = 1_000_000


def rates(
    series: Ints, at: Ints, value: Floats, boot: Ints | None = None, anew: Ints | None = None
) -> tuple[Ints, Floats, Ints]:
    """(at, units a second since the sample before, row) of each sample that has one before it. Times are microseconds.

    A counter that went back began anew, as Prometheus has it: what it shows now is all that it counted since. So did one
    of which `anew` says it, however much it shows by now; where that is `UNKNOWN`, one that did not go back says nothing.
    Where the host's `boot` is known for each sample, only a boot between two samples is a new beginning, and the rate is
    that since the boot; a counter that went back without one (an interface made anew, 32 bits full) says nothing. Neither
    do two samples of one moment.
    """
    order = np.lexsort((at, series))
    earlier, later = order[:-1], order[1:]
    pair = (series[earlier] == series[later]) & (at[later] > at[earlier])
    earlier, later = earlier[pair], later[pair]
    since = at[earlier]
    said = np.zeros(len(later), np.int64) if anew is None else anew[later]
    if boot is None:
        began = (value[later] < value[earlier]) | (said == ANEW)
    else:
        began = boot[later] > since
        since = np.where(began, boot[later], since)
    grown = np.where(began, value[later], value[later] - value[earlier])
    passed = (at[later] - since) / _MICROSECONDS
    good = (grown >= 0) & (passed > 0) & (began | (said != UNKNOWN))
    return at[later][good], grown[good] / passed[good], later[good]
