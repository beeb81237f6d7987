"""Labelled series: monitoring data as it is met, with what was planted in it. Seeded; the same seed, the same series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

Kind = Literal["clean", "shift", "drift", "spike", "dip", "burst", "unusual-hour", "stuck", "counts"]
KINDS: tuple[Kind, ...] = ("clean", "shift", "drift", "spike", "dip", "burst", "unusual-hour", "stuck", "counts")
START = pd.Timestamp("2026-09-01T00:00")


@dataclass(frozen=True)
class Planted:
    first: int
    last: int  # inclusive


@dataclass(frozen=True)
class Labelled:
    kind: Kind
    points: np.ndarray
    sd: float  # of the noise
    noise: str
    phi: float
    season: str
    shifts: tuple[int, ...] = ()
    events: tuple[Planted, ...] = ()
    slope_per_day: float = 0.0
    profile: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def series(self) -> pd.Series:
        return pd.Series(self.points, pd.date_range(START, periods=len(self.points), freq="h"))


def ar1(rng: np.random.Generator, n: int, phi: float, shocks: np.ndarray | None = None) -> np.ndarray:
    """Noise of variance 1 whose neighbours correlate by phi."""
    e = rng.normal(size=n + 50) if shocks is None else shocks
    x = np.empty(len(e))
    x[0] = e[0]
    for i in range(1, len(e)):
        x[i] = phi * x[i - 1] + np.sqrt(1 - phi**2) * e[i]
    return x[-n:]


def noise_of(rng: np.random.Generator, n: int, kind: str, phi: float) -> np.ndarray:
    """Variance about 1, mean about 0; lognormal is skewed, t4 has heavy tails."""
    if kind == "normal":
        return ar1(rng, n, phi)
    if kind == "lognormal":
        s = 0.6
        raw = np.exp(s * ar1(rng, n, phi))
        return (raw - np.exp(s**2 / 2)) / (np.exp(s**2 / 2) * np.sqrt(np.exp(s**2) - 1))
    return ar1(rng, n, phi, rng.standard_t(4, n + 50) / np.sqrt(2))


def season_of(rng: np.random.Generator, n: int, kind: str) -> np.ndarray:
    hour, weekday = np.arange(n) % 24, (np.arange(n) // 24 + START.weekday()) % 7
    if kind == "none":
        return np.zeros(n)
    if rng.random() < 0.5:
        wave = np.sin(2 * np.pi * (hour - rng.integers(24)) / 24)
    else:  # a job at some hours
        wave = np.where((hour - rng.integers(24)) % 24 < rng.integers(1, 5), 1.6, -0.3)
    if kind == "week":
        return np.where(weekday >= 5, rng.uniform(0.2, 0.6) * wave - rng.uniform(0.3, 1.0), wave)
    return wave


def labelled(kind: Kind, seed: int, n: int = 720, *, missing: bool = True) -> Labelled:
    rng = np.random.default_rng([seed, KINDS.index(kind), n])
    phi = float(rng.choice([0.0, 0.3, 0.6, 0.8]))
    noise = str(rng.choice(["normal", "lognormal", "t4"], p=[0.5, 0.3, 0.2]))
    season = str(rng.choice(["none", "day", "week"], p=[0.4, 0.35, 0.25]))
    if kind == "unusual-hour":
        season = str(rng.choice(["day", "week"]))
    level, sd = float(np.exp(rng.uniform(2, 7))), 1.0
    sd = level * float(rng.uniform(0.03, 0.15))
    profile = (
        season_of(rng, n, season)
        * sd
        * float(rng.uniform(1.0, 4.0) if kind != "unusual-hour" else rng.uniform(3.0, 5.0))
    )
    if kind == "counts" or (kind == "clean" and rng.random() < 0.15):
        return _counts(rng, kind, n, season)
    x = level + profile + sd * noise_of(rng, n, noise, phi)
    shifts: tuple[int, ...] = ()
    events: list[Planted] = []
    slope = 0.0
    if kind == "shift":
        places = [int(n * rng.uniform(0.15, 0.85))]
        if rng.random() < 0.35:
            places = [int(n * rng.uniform(0.12, 0.4)), int(n * rng.uniform(0.55, 0.88))]
        for place in places:
            x[place:] += rng.choice([-1, 1], p=[0.35, 0.65]) * sd * rng.uniform(1.5, 5)
        shifts = tuple(places)
    elif kind == "drift":
        slope = float(rng.choice([-1, 1], p=[0.3, 0.7]) * level * rng.uniform(0.15, 0.6) / (n / 24))
        x += slope * np.arange(n) / 24
    elif kind in {"spike", "dip", "burst", "unusual-hour", "stuck"}:
        events = [_plant(rng, kind, x, place, sd, profile) for place in _places(rng, n)]
    if missing and rng.random() < 0.5:
        gaps = rng.random(n) < rng.uniform(0, 0.05)
        if rng.random() < 0.5:
            first = int(rng.integers(0, n - 30))
            gaps[first : first + int(rng.integers(5, 30))] = True
        for event in events:
            gaps[event.first : event.last + 1] = False
        x[gaps] = np.nan
    return Labelled(kind, x, sd, noise, phi, season, shifts, tuple(events), slope, profile)


def _places(rng: np.random.Generator, n: int) -> list[int]:
    """One to three moments after the first five days, two days apart."""
    wanted = int(rng.integers(1, 4))
    places: list[int] = []
    while len(places) < wanted:
        place = int(rng.integers(120, n - 30))
        if all(abs(place - other) > 48 for other in places):
            places.append(place)
    return sorted(places)


def _plant(rng: np.random.Generator, kind: str, x: np.ndarray, place: int, sd: float, profile: np.ndarray) -> Planted:
    if kind == "spike":
        length = int(rng.integers(1, 3))
        x[place : place + length] += sd * rng.uniform(6, 15)
    elif kind == "dip":
        length = int(rng.integers(1, 5))
        x[place : place + length] -= sd * rng.uniform(4, 9)
    elif kind == "burst":
        length = int(rng.integers(5, 13))
        ramp = np.minimum(1, np.arange(1, length + 1) / rng.integers(1, 5))
        x[place : place + length] += sd * rng.uniform(2.5, 5) * ramp
    elif kind == "unusual-hour":  # the value of the busiest hour at a quiet one, or the other way round
        length = int(rng.integers(1, 4))
        day = profile[place - place % 24 : place - place % 24 + 24]
        far = int(np.argmax(np.abs(day - profile[place])))
        x[place : place + length] += day[far] - profile[place : place + length]
    else:
        length = int(rng.integers(10, 25))
        x[place : place + length] = x[place]
    return Planted(place, place + length - 1)


def _counts(rng: np.random.Generator, kind: Kind, n: int, season: str) -> Labelled:
    """Errors or calls an hour: Poisson, sometimes overdispersed, from one in ten hours to hundreds an hour."""
    rate = float(np.exp(rng.uniform(np.log(0.1), np.log(200)))) * np.exp(0.25 * season_of(rng, n, season))
    events: list[Planted] = []
    if kind == "counts":
        for place in _places(rng, n):
            length = int(rng.integers(2, 7))
            rate[place : place + length] = rate[place : place + length] * rng.uniform(2.5, 6) + 2
            events.append(Planted(place, place + length - 1))
    if rng.random() < 0.3:
        rate = rate * rng.gamma(5, 1 / 5, n)
    x = rng.poisson(rate).astype(float)
    return Labelled(kind, x, float(np.sqrt(rate.mean())), "counts", 0.0, season, (), tuple(events))


def fleet(kinds: Iterable[Kind], seeds: Iterable[int], n: int = 720) -> list[Labelled]:
    seeds = list(seeds)
    return [labelled(kind, seed, n) for kind in kinds for seed in seeds]


def frame(fleet: list[Labelled]) -> pd.DataFrame:
    index = pd.date_range(START, periods=len(fleet[0].points), freq="h")
    return pd.DataFrame(
        np.column_stack([one.points for one in fleet]), index, columns=[f"s{k}" for k in range(len(fleet))]
    )
