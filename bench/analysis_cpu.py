"""What the whole analysis of series costs, and how often it is wrong where nothing is to be found.

    python bench/analysis_cpu.py [--clean]

Prints CPU seconds of seasons, trends, level shifts and unusual hours for 1,000 series of a month and 600 of a year (budgets: 5 s
and 10 s), and of one run's `signals`; of the year, unusual hours are judged with the ten weeks that a run compares them with. Exits
with 1 beyond a budget. `--clean` also judges 1,000 clean series of the tests' generator (seeds that nothing was
tuned on) and prints false level shifts (budget 0.05) and false flags (0.3) a series-month.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from caelum_report.analyse.anomaly import anomalies_of
from caelum_report.analyse.readings import Reading, Readings
from caelum_report.analyse.season import seasons
from caelum_report.analyse.shift import level_shifts_of
from caelum_report.analyse.signals import CONTEXT_DAYS, signals
from caelum_report.analyse.trend import trends
from tests.analyse.series import labelled

UNTUNED: int = 900_000  # the first seed


def frame(series: int, points: int) -> pd.DataFrame:
    """Clean and shifted series in equal parts, forty of them varied by a hundredth."""
    drawn = [labelled("clean" if k % 2 else "shift", UNTUNED + k, points).series for k in range(40)]
    noise = np.random.default_rng(1)
    return pd.DataFrame(
        {k: drawn[k % 40].to_numpy() * (1 + 0.01 * noise.normal(size=points)) for k in range(series)}, drawn[0].index
    )


def timed(what: str, work: Callable[[], object]) -> object:
    begun = time.process_time()
    result = work()
    print(f"  {what:16} {time.process_time() - begun:6.2f} s")
    return result


def whole(series: int, points: int, budget_seconds: float) -> bool:
    """Whether it stays within its budget."""
    data = frame(series, points)
    print(f"{series} series x {points} points")
    begun = time.process_time()
    known = seasons(data)
    print(f"  {'seasons':16} {time.process_time() - begun:6.2f} s")
    timed("trends", lambda: trends(data, known=known))
    timed("level shifts", lambda: level_shifts_of(data, known))
    timed("unusual hours", lambda: anomalies_of(data.iloc[-CONTEXT_DAYS * 24 :]))
    spent = time.process_time() - begun
    print(f"  {'in all':16} {spent:6.2f} s of {budget_seconds:.0f} s")
    keys = tuple(Reading(f"server-{k}", "latency") for k in range(series))
    timed("signals of a run", lambda: signals(Readings(data.set_axis(range(series), axis=1), keys, 3600.0), 0))
    return spent <= budget_seconds


def clean(series: int = 1000, points: int = 720) -> bool:
    """Whether nothing is found oftener than promised where there is nothing."""
    drawn = [labelled("clean", UNTUNED + k, points) for k in range(series)]
    data = pd.DataFrame({k: one.series for k, one in enumerate(drawn)})
    months = series * points / 720
    shifts = sum(map(len, level_shifts_of(data)))
    flags = anomalies_of(data).flag.to_numpy()
    normal = np.array([one.noise == "normal" for one in drawn])
    began = flags & ~np.vstack([np.zeros((1, series), bool), flags[:-1]])
    print(f"{series} clean series of a month")
    print(f"  false level shifts {shifts / months:.3f} a series-month")
    print(
        f"  false flags {began.sum() / months:.3f} a series-month; {began[:, normal].sum() / normal.sum():.3f} where noise is normal"
    )
    keys = tuple(Reading(f"server-{k}", "latency") for k in range(series))
    found = signals(Readings(data, keys, 3600.0), 0)
    print(
        f"  one run over all: {len(found.drifts)} trends, {len(found.steps)} level shifts, {len(found.moments)} unusual moments "
        f"in a week ({found.expected_flags:.1f} expected)"
    )
    return shifts / months <= 0.05 and began.sum() / months <= 0.3


if __name__ == "__main__":
    kept = [whole(1000, 720, 5.0), whole(600, 8760, 10.0)]
    if "--clean" in sys.argv:
        kept.append(clean())
    sys.exit(not all(kept))
