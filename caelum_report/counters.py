"""Counters as rates: what a host or a source counts since some start, as it grew between two looks. Pure; NumPy only."""

from __future__ import annotations

import numpy as np

from .buckets import Floats, Ints

_MICROSECONDS = 1_000_000


def rates(series: Ints, at: Ints, value: Floats, boot: Ints | None = None) -> tuple[Ints, Floats, Ints]:
    """(at, units a second since the sample before, row) of each sample that has one before it. Times are microseconds.

    A counter that went back began anew, as Prometheus has it: what it shows now is all that it counted since. Where the
    host's `boot` is known for each sample, only a boot between two samples is a new beginning, and the rate is that since
    the boot; a counter that went back without one (an interface made anew, 32 bits full) says nothing. Neither do two
    samples of one moment.
    """
    order = np.lexsort((at, series))
    earlier, later = order[:-1], order[1:]
    pair = (series[earlier] == series[later]) & (at[later] > at[earlier])
    earlier, later = earlier[pair], later[pair]
    since = at[earlier]
    if boot is None:
        anew = value[later] < value[earlier]
    else:
        anew = boot[later] > since
        since = np.where(anew, boot[later], since)
    grown = np.where(anew, value[later], value[later] - value[earlier])
    passed = (at[later] - since) / _MICROSECONDS
    good = (grown >= 0) & (passed > 0)
    return at[later][good], grown[good] / passed[good], later[good]
