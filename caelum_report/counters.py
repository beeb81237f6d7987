"""Counters as rates: what a source counts since some start, as it grew between two looks. Pure; NumPy only."""

from __future__ import annotations

import numpy as np

from .buckets import Floats, Ints

_MICROSECONDS = 1_000_000


def rates(series: Ints, at: Ints, value: Floats) -> tuple[Ints, Floats, Ints]:
    """(at, units a second since the sample before, row) of each sample that has one before it. Times are microseconds.

    A counter that went back began anew, as Prometheus has it: what it shows now is all that it counted since.
    """
    order = np.lexsort((at, series))
    earlier, later = order[:-1], order[1:]
    pair = (series[earlier] == series[later]) & (at[later] > at[earlier])
    earlier, later = earlier[pair], later[pair]
    grown = np.where(value[later] < value[earlier], value[later], value[later] - value[earlier])
    good = grown >= 0
    passed = (at[later] - at[earlier]) / _MICROSECONDS
    return at[later][good], grown[good] / passed[good], later[good]
