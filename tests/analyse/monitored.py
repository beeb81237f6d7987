"""Monitored series of many kinds, in their own units, with what was planted in them: nothing that a method is tuned on looks alike.

Beside `series`, whose noise is added to a level, these are what dashboards show: latencies whose noise grows with their level,
calls, error rates, availability, memory that is freed at restarts, temperatures that wander. Seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from .series import ar1

Floats = np.ndarray
Plant = Literal["clean", "spike", "dip", "slow", "burst", "hour", "stuck", "shift", "ramp", "variance"]
PLANTS: Final[tuple[Plant, ...]] = (
    "clean",
    "spike",
    "dip",
    "slow",
    "burst",
    "hour",
    "stuck",
    "shift",
    "ramp",
    "variance",
)
_START: Final = pd.Timestamp("2026-06-01")


@dataclass(frozen=True)
class Course:
    """What is expected, and how values are drawn about it: `draw(expected, volatility)`."""

    expected: Floats
    draw: Callable[[Floats, Floats], Floats]
    steps: tuple[int, ...] = ()  # levels that change by themselves


@dataclass(frozen=True)
class Monitored:
    kind: str
    plant: Plant
    series: pd.Series
    events: tuple[tuple[int, int], ...]  # first and last row
    steps: tuple[int, ...]  # rows in which a clean series changes its level: neither right nor wrong
    per_day: int


def activity(rng: np.random.Generator, n: int, per_day: int, weekday: int) -> Floats:
    """0 to 1 by the hour of the day, lower at weekends in some."""
    hour, weekend = np.arange(n) % per_day * 24 / per_day, (np.arange(n) // per_day + weekday) % 7 >= 5
    form = rng.choice(["none", "sine", "office", "job", "evening"], p=[0.2, 0.25, 0.25, 0.15, 0.15])
    if form == "none":
        return np.zeros(n)
    if form == "sine":
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * (hour - rng.uniform(0, 24)) / 24)
    elif form == "office":
        wave = 1 / (1 + np.exp(-2 * (hour - rng.uniform(7, 9)))) - 1 / (1 + np.exp(-2 * (hour - rng.uniform(16, 19))))
    elif form == "job":
        wave = ((hour - rng.integers(24)) % 24 < rng.integers(1, 4)).astype(float)
    else:
        wave = np.exp(-0.5 * (((hour - rng.uniform(18, 21) + 12) % 24 - 12) / 3) ** 2)
    return np.where(weekend, wave * rng.uniform(0.1, 0.5), wave) if rng.random() < 0.45 else wave


def _logs(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _phi(rng: np.random.Generator) -> float:
    return float(rng.choice([0.0, 0.3, 0.6, 0.8]))


def _latency(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    noise, spread = ar1(rng, len(wave), _phi(rng)), rng.uniform(0.05, 0.25)
    return Course(
        _logs(rng, 5, 2000) * (1 + rng.uniform(0.2, 1.5) * wave), lambda mu, v: mu * np.exp(spread * v * noise)
    )


def _p95(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    noise, spread = ar1(rng, len(wave), _phi(rng)), rng.uniform(0.15, 0.5)
    outliers = np.exp((rng.random(len(wave)) < 0.004) * rng.exponential(0.5, len(wave)))
    return Course(
        _logs(rng, 5, 2000) * (1 + rng.uniform(0.2, 1.5) * wave),
        lambda mu, v: mu * np.exp(spread * v * noise) * outliers,
    )


def _counts(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    shape = float(rng.choice([np.inf, 20, 8]))
    more = np.ones(len(wave)) if np.isinf(shape) else rng.gamma(shape, 1 / shape, len(wave))
    return Course(
        _logs(rng, 1, 40) * (1 + rng.uniform(0.5, 4) * wave), lambda mu, v: rng.poisson(mu * more).astype(float)
    )


def _busy(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    noise, spread = ar1(rng, len(wave), _phi(rng)), rng.uniform(0.03, 0.12)
    return Course(
        _logs(rng, 200, 20_000) * (1 + rng.uniform(1, 10) * wave),
        lambda mu, v: np.round(mu * np.exp(spread * v * noise)),
    )


def _error_rate(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    calls = (_logs(rng, 50, 2000) * (1 + 2 * wave)).astype(int) + 1
    return Course(
        np.full(len(wave), _logs(rng, 0.001, 0.03)), lambda mu, v: rng.binomial(calls, np.clip(mu, 0, 1)) / calls
    )


def _availability(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    checks = int(rng.choice([12, 60, 360]))
    share = 1.0 if rng.random() < 0.3 else rng.uniform(0.97, 1)
    return Course(np.full(len(wave), share), lambda mu, v: rng.binomial(checks, np.clip(mu, 0, 1)) / checks)


def _memory(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    period = int(per_day * rng.uniform(1.5, 9))
    tooth = (np.arange(len(wave)) + rng.integers(period)) % period / period if rng.random() < 0.6 else 0 * wave
    walk, noise, spread = ar1(rng, len(wave), 0.98), rng.normal(size=len(wave)), rng.uniform(0.002, 0.01)
    return Course(
        rng.uniform(50, 4000) * (1 + rng.uniform(0.05, 0.5) * tooth + 0.03 * walk),
        lambda mu, v: mu * (1 + spread * v * noise),
    )


def _cpu(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    noise, spread = ar1(rng, len(wave), _phi(rng)), rng.uniform(0.05, 0.3)
    return Course(
        rng.uniform(2, 40) * (1 + rng.uniform(0, 2) * wave),
        lambda mu, v: np.round(np.clip(mu * (1 + spread * v * noise), 0, 100), 2),
    )


def _temperature(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    walk = ar1(rng, len(wave), 0.97 if per_day == 24 else 0.997)
    noise = rng.normal(size=len(wave)) * rng.uniform(0.1, 0.6)
    return Course(rng.uniform(30, 70) + rng.uniform(0, 6) * wave + 2 * walk, lambda mu, v: mu + v * noise)


def _deployments(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    level, steps, at = np.full(len(wave), rng.uniform(50, 500)), [], int(per_day * rng.uniform(4, 15))
    while at < len(wave):
        level[at:] *= rng.choice([0.6, 0.75, 1.35, 1.7])
        steps.append(at)
        at += int(per_day * rng.uniform(4, 15))
    noise, spread = ar1(rng, len(wave), _phi(rng)), rng.uniform(0.03, 0.12)
    return Course(level, lambda mu, v: mu * (1 + spread * v * noise), tuple(steps))


def _rare_errors(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    return Course(np.full(len(wave), _logs(rng, 0.02, 0.6) * 24 / per_day), lambda mu, v: rng.poisson(mu).astype(float))


def _gauge(rng: np.random.Generator, wave: Floats, per_day: int) -> Course:
    heavy = rng.standard_t(5, len(wave) + 50) / np.sqrt(5 / 3) if rng.random() < 0.5 else None
    noise = ar1(rng, len(wave), _phi(rng), heavy)
    spread = rng.uniform(1, 6) * (1 + rng.choice([0, 1.5]) * wave)  # in some the busy hours stray more
    return Course(rng.uniform(-20, 200) + rng.uniform(5, 40) * wave, lambda mu, v: mu + spread * v * noise)


KINDS: Final[dict[str, Callable[[np.random.Generator, Floats, int], Course]]] = {
    "latency": _latency,
    "p95": _p95,
    "counts": _counts,
    "busy": _busy,
    "error rate": _error_rate,
    "availability": _availability,
    "memory": _memory,
    "cpu": _cpu,
    "temperature": _temperature,
    "deployments": _deployments,
    "rare errors": _rare_errors,
    "gauge": _gauge,
}
_WITHOUT: Final[dict[str, set[Plant]]] = {  # what cannot be told from its noise, or is none there
    "counts": {"stuck", "variance"},
    "error rate": {"dip", "hour", "stuck", "variance"},
    "availability": {"dip", "slow", "burst", "hour", "stuck", "ramp", "variance"},
    "memory": {"slow", "burst", "hour"},
    "temperature": {"hour"},
    "deployments": {"hour", "shift"},
    "rare errors": {"dip", "hour", "stuck", "variance"},
}


def up(kind: str, expected: Floats, factor: float, sd: float) -> Floats:
    """By a factor, or by what is as bad where a factor of the value says nothing."""
    if kind == "error rate":
        return np.clip(2 * factor * expected + 0.02 * factor, 0, 1)
    if kind == "rare errors":
        return expected * 3 * factor + 1.5 * factor
    if kind == "availability":
        return np.clip(expected - 0.12 * factor, 0, 1)
    if kind in {"temperature", "gauge"}:
        return expected + (2.5 + 2.5 * factor) * sd
    return expected * (1 + (factor - 1) * (0.35 if kind == "memory" else 1))


def down(kind: str, expected: Floats, factor: float, sd: float) -> Floats:
    if kind in {"error rate", "rare errors"}:
        return 0 * expected
    if kind in {"temperature", "gauge"}:
        return expected - (4 + 8 * (1 - factor)) * sd
    return expected * (0.5 + 0.5 * factor if kind == "memory" else factor)


def monitored(kind: str, plant: Plant, seed: int, *, per_day: int = 24, days: int = 30) -> Monitored:
    rng = np.random.default_rng([seed, list(KINDS).index(kind), PLANTS.index(plant), per_day, days])
    n = per_day * days
    start = _START + pd.Timedelta(days=int(rng.integers(7)))
    course = KINDS[kind](rng, activity(rng, n, per_day, start.weekday()), per_day)
    expected, volatility, hour = course.expected.copy(), np.ones(n), per_day // 24
    rest = course.draw(course.expected, volatility) - course.expected
    sd = max(float(1.4826 * np.median(np.abs(rest - np.median(rest)))), float(np.abs(np.diff(rest)).mean()), 1e-9)
    events = []
    for place in sorted(_places(rng, plant, n, per_day)):
        length = _planted(rng, plant, kind, place, course.expected, expected, volatility, sd, hour)
        if length:
            events.append((place, min(place + length, n) - 1))
    values = course.draw(expected, volatility)
    if plant == "stuck":
        for first, last in events:
            values[first : last + 1] = values[first]
    if rng.random() < 0.4:
        gaps = rng.random(n) < rng.uniform(0, 0.04)
        for first, last in events:
            gaps[first : last + 1] = False
        values[gaps] = np.nan
    index = pd.date_range(start, periods=n, freq=pd.Timedelta(days=1) / per_day)
    return Monitored(kind, plant, pd.Series(values, index), tuple(events), course.steps, per_day)


def _places(rng: np.random.Generator, plant: Plant, n: int, per_day: int) -> list[int]:
    wanted = 0 if plant == "clean" else 1 if plant == "shift" else int(rng.integers(1, 4))
    places: list[int] = []
    for _ in range(100):
        place = int(rng.integers(8 * per_day, n - 2 * per_day))
        if len(places) < wanted and all(abs(place - other) > 3 * per_day for other in places):
            places.append(place)
    return places


def _planted(
    rng: np.random.Generator,
    plant: Plant,
    kind: str,
    at: int,
    usual: Floats,
    expected: Floats,
    volatility: Floats,
    sd: float,
    hour: int,
) -> int:
    """Changes what is expected from a row on; how many rows."""
    spans: dict[Plant, tuple[float, float]] = {
        "spike": (1 / hour, 3),
        "dip": (1, 4),
        "slow": (3, 3),
        "burst": (5, 12),
        "hour": (1, 3),
        "stuck": (10, 24),
        "shift": (1e9, 1e9),
        "ramp": (6, 24),
        "variance": (6, 12),
    }
    low, high = spans[plant]
    length = min(max(1, round(hour * rng.uniform(low, high))), len(expected) - at)
    here = slice(at, at + length)
    gradual = np.arange(1, length + 1) / length
    if plant == "variance":
        volatility[here] = rng.uniform(3, 5)
    elif plant == "hour":
        day = usual[at - at % (24 * hour) :][: 24 * hour]
        other = day[int(np.argmax(np.abs(day - usual[at])))]
        if abs(other - usual[at]) < 3 * sd:
            return 0
        expected[here] = other
    elif plant == "dip" or (plant == "shift" and rng.random() < 0.35):
        expected[here] = down(kind, usual[here], rng.uniform(0.05, 0.6), sd)
    elif plant != "stuck":
        factors: dict[Plant, tuple[float, float]] = {
            "spike": (1.8, 5),
            "slow": (1.5, 1.5),
            "burst": (1.2, 1.6),
            "shift": (1.4, 2.5),
            "ramp": (1.8, 4),
        }
        risen = up(kind, usual[here], rng.uniform(*factors[plant]), sd)
        share = gradual if plant == "ramp" else np.minimum(1, gradual * 3) if plant == "burst" else 1.0
        expected[here] = usual[here] + (risen - usual[here]) * share
    return length


def every(plants: tuple[Plant, ...], seeds: range, *, per_day: int = 24, days: int = 30) -> Iterator[Monitored]:
    """Every kind with every plant that means something there."""
    for kind in KINDS:
        for plant in plants:
            if plant not in _WITHOUT.get(kind, set()):
                for seed in seeds:
                    yield monitored(kind, plant, seed, per_day=per_day, days=days)
