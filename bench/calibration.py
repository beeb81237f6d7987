"""How often forecasts hold what they say, on seeds that nothing was tuned on.

    python bench/calibration.py

Prints the share of points inside the 90 % interval by kind of series, history and horizon (wanted: 87 to 93 % over all kinds), and how
many series without a trend get a date at which they would reach a limit that stands a little above all they ever showed.
Exits with 1 where one of them is outside.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from caelum_report.analyse.forecast import crossings, forecasts
from tests.analyse.series import KINDS, labelled
from tests.analyse.test_forecast import of_every_kind, wandering

UNTUNED = 4_700_000  # the first seed
HOUR = 3600.0
EACH = 40  # series of each kind
CASES = ((720, 24), (720, 168), (336, 24), (336, 168), (2160, 168))
HELD = (0.87, 0.93)
FALSE_DATES = 0.02  # of trendless series
MONTH = 720


def courses(size: int) -> dict[str, np.ndarray]:
    """Series by kind: those of the forecasts' tests, and those of the detectors', incidents and all."""
    rng = np.random.default_rng(UNTUNED + size)
    every = np.stack([of_every_kind(rng, size) for _ in range(EACH)])
    made = {f"course {k}": every[:, k] for k in range(every.shape[1])}
    for kind in KINDS:
        made[kind] = np.stack([labelled(kind, UNTUNED + k, size, missing=False).points for k in range(EACH)])
    return made


def coverage() -> bool:
    print(f"points inside the 90 % interval, {EACH} series of each kind")
    well = True
    for size, horizon in CASES:
        held = {}
        for kind, values in courses(size + horizon).items():
            lower, _, upper = forecasts(values[:, :size], HOUR, horizon)
            truth = values[:, size:]
            held[kind] = float(((lower <= truth) & (truth <= upper)).mean())
        over_all = float(np.mean(list(held.values())))
        well &= HELD[0] <= over_all <= HELD[1]
        parts = ", ".join(f"{kind} {share:.1%}" for kind, share in held.items())
        print(f"  {size:5} h, {horizon:3} h ahead: {over_all:.1%}  ({parts})")
    return well


def false_dates(number: int = 1000) -> bool:
    """Flat courses of every memory, with and without a rhythm; the limit is a spread above the greatest value seen."""
    rng = np.random.default_rng(UNTUNED)
    t = np.arange(MONTH)
    flat = np.array(
        [
            200
            + wandering(rng, MONTH, float(rng.choice([0.0, 0.5, 0.8, 0.9])), 1.0)
            + rng.choice([0.0, 3.0]) * np.sin(2 * np.pi * (t / 24 + rng.random()))
            for _ in range(number)
        ]
    )
    found = crossings(flat, flat.max(axis=1) + 1, HOUR)
    share = float(np.isfinite(found[:, 0]).mean())
    print(f"series without a trend that get a date: {share:.2%} of {number}")
    return share <= FALSE_DATES


if __name__ == "__main__":
    results = [coverage(), false_dates()]
    sys.exit(not all(results))
