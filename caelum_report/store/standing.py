"""What one more check means for a server: does its state last, is it flapping, how often is it looked at?

Pure: values in, values out. `rows` keeps the result in the table `servers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Final

from caelum_report.configured import Config
from caelum_report.model import Failure, Probe, Server, Status

from .times import HOUR, SECOND

VERDICTS: Final = 24  # remembered for flapping
_GAPS: Final = 12  # remembered for the expected interval
_HOLE: Final = 2.5  # expected intervals without a check: after that nobody knows what was between
_STARTS_FLAPPING: Final = 4  # changes in the remembered verdicts
_ENDS_FLAPPING: Final = 1

_UNASKED: Final = {Failure.SKIPPED, Failure.CONFIG_ERROR}
_VERDICT: Final = {Status.UP, Status.DEGRADED, Status.DOWN}


@dataclass(frozen=True, slots=True)
class Stretch:
    """One status and failure without a hole; times in microseconds."""

    id: int
    start: int
    end: int
    status: str
    failure: str


def lasts(stretch: Stretch, probe: Probe, at: int, expected: float) -> bool:
    """Whether `probe` confirms the stretch."""
    same = (stretch.status, stretch.failure) == (probe.status.value, probe.failure.value)
    return same and not hole(stretch, at, expected)


def hole(stretch: Stretch, at: int, expected: float) -> bool:
    """Whether too long a time lies between the last check and `at`; also when the clock went back by an hour."""
    return not -HOUR <= at - stretch.end <= _HOLE * expected


def expected_interval(gaps: Sequence[int], server: Server | None, config: Config) -> float:
    """Microseconds between two checks: as configured or as learned, whichever is longer; an hour where nothing says.

    Longer, because a server that is asked more often than planned for an afternoon has no hole in the night after it.
    """
    own = config.own_cadence(server)
    if not gaps:
        return max(own, config.every_seconds or 3600) * SECOND
    return max(own, config.every_seconds or 0, median_low(gaps)) * SECOND


def add_gap(gaps: Sequence[int], gap: int) -> list[int]:
    """The last intervals with one more; a clock that stood still or went back teaches nothing."""
    return [*gaps, gap][-_GAPS:] if gap > 0 else list(gaps)


def asked(probe: Probe) -> bool:
    return probe.failure not in _UNASKED


def add_verdict(verdicts: str, probe: Probe) -> str:
    """`verdicts` with one more 1 or 0, where the probe says up or down; maintenance and sign-in walls say neither."""
    if probe.status not in _VERDICT:
        return verdicts
    return (verdicts + ("1" if probe.failure is Failure.OK else "0"))[-VERDICTS:]


def flaps(verdicts: str, *, before: bool) -> bool:
    """With hysteresis: four changes in 24 verdicts start it, only one or none ends it."""
    changes = verdicts.count("01") + verdicts.count("10")
    return changes > _ENDS_FLAPPING if before else changes >= _STARTS_FLAPPING
