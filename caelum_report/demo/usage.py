"""Calls that people and agents would make of the simulated fleet: office hours, favourites, and one change of habit."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from caelum_report.counts import bucket_of
from caelum_report.model import Transport, Usage

from .fleet import FLEET, Member, surface

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNMEASURED: Final = {"voice-interface", "integration-testing", "security-management", "caelum-report", "user-profile"}
HABIT_CHANGED: Final = "knowledge-management"  # a week before the end
_HABIT_DAYS: Final = 7
TOGETHER: Final = ("agentic-workflow", "ollama-pool-integration")  # workflows that generate


def usage(at: datetime, days: int, zone: str, seed: int) -> dict[int, tuple[Usage, ...]]:
    """By the age of the snapshot that reads it, in hours: the calls of the hour before."""
    import numpy as np

    rows: dict[int, list[Usage]] = {}
    ages = np.arange(days * 24 - 1, -1, -1)
    starts = [(at - timedelta(hours=int(age) + 1)).replace(minute=0, second=0) for age in ages]
    busy = np.array([_busy(start.astimezone(ZoneInfo(zone))) for start in starts])
    for which, member in enumerate(FLEET):
        if member.id not in UNMEASURED:
            random = np.random.default_rng([seed, 7, which])
            for index, row in _of_member(member, starts, busy, ages, random):
                rows.setdefault(int(ages[index]), []).append(row)
    return {age: tuple(found) for age, found in rows.items()}


def _busy(here: datetime) -> float:
    """How much of a Tuesday afternoon there is in an hour."""
    if here.weekday() >= 5:
        return 0.06 if 9 <= here.hour < 20 else 0.01
    shape = {8: 0.35, 9: 0.8, 10: 1.0, 11: 0.95, 12: 0.45, 13: 0.8, 14: 1.0, 15: 0.95, 16: 0.75, 17: 0.4, 18: 0.15}
    return shape.get(here.hour, 0.02) * (1.15 if here.weekday() == 1 else 0.7 if here.weekday() == 4 else 1.0)


def _of_member(
    member: Member,
    starts: list[datetime],
    busy: NDArray[np.float64],
    ages: NDArray[np.int64],
    random: np.random.Generator,
) -> list[tuple[int, Usage]]:
    import numpy as np

    names = [tool.name for tool in surface(member).tools]
    names = names[: max(3, int(len(names) * random.uniform(0.3, 0.9)))]
    shares = 1.0 / np.arange(1, len(names) + 1) ** 1.2
    rate = float(random.lognormal(1.3, 0.7))
    mix = np.tile(shares / shares.sum(), (len(starts), 1))
    if member.id == HABIT_CHANGED:
        mix[ages < _HABIT_DAYS * 24] = mix[0][::-1]
    sessions = random if member.id not in TOGETHER else np.random.default_rng(len(starts))
    bursts = sessions.gamma(0.3, 3.3, len(starts)) if member.id in TOGETHER else sessions.gamma(2.0, 0.5, len(starts))
    calls: NDArray[np.int64] = random.poisson((busy * bursts * rate)[:, None] * mix)
    failing = random.uniform(0, 0.03, len(names)) + (np.arange(len(names)) == 2) * random.choice([0.0, 0.12])
    source = "tap" if member.transport is Transport.STDIO else "metrics"
    found = []
    for index, tool in zip(*np.nonzero(calls), strict=True):
        seconds = (member.seconds * 4 * (1 + tool) * random.lognormal(0, 0.6, calls[index, tool])).tolist()
        found.append(
            (
                int(index),
                Usage(
                    starts[index],
                    member.id,
                    names[tool],
                    source,
                    len(seconds),
                    int(random.binomial(len(seconds), failing[tool])),
                    sum(seconds),
                    max(seconds),
                    tuple(sorted(Counter(map(bucket_of, seconds)).items())),
                ),
            )
        )
    return found
