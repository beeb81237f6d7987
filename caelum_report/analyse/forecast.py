"""What comes next, with a range that holds as often as it says: forecasts, and the time at which a limit is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .limit import Crossing, crossings, time_to_limit
from .steps import LONGEST_FILL, fill, regular
from .times import DAY, Floats, Ints

__all__ = ["Crossing", "crossings", "forecast", "forecasts", "time_to_limit"]

LEAST_POINTS: Final = 12
MOST_MISSING: Final = 0.3
MOST_STEPS: Final = (
    1500  # of history used, unless six weeks or five horizons are more: older data tells little of next week
)
CHUNK: Final = 128  # series at a time: the back-tests of so many stay in the processor's cache

HALF_LIVES: Final = (1.0, 4.0, 24.0, 96.0, 400.0)  # steps, of the exponential weights by which a level is taken
CYCLE_DECAY: Final = {"day": 0.9, "week": 0.8}  # weight of a cycle against the next younger one
COURSES: Final = len(HALF_LIVES) + 5  # of `_levels`
SHARPNESS: Final = 5.0  # a candidate's weight is its back-test error to the power of minus this
# Back-tests flatter: whoever was weighted by them, whoever forecasts days of the week that it has hardly seen, and a handful
# of windows in which errors last. So ranges grow by these over the weeks seen, by the share of a week that lies ahead, and over
# the number of independent windows.
WIDER_BY_WEEKS: Final = 0.25
WIDER_BY_WINDOWS: Final = 2.0


def forecast(series: pd.Series, horizon: int, level: float = 0.9) -> pd.DataFrame:
    """`lower`, `mean`, `upper` for the next `horizon` steps of one series; `forecasts` says how, and where it stays silent."""
    if not len(series):
        empty = pd.DatetimeIndex(series.index)[:0]
        return pd.DataFrame({"lower": [], "mean": [], "upper": []}, index=empty, dtype=np.float64)
    grid = regular(series)
    lower, mean, upper = forecasts(grid.points[None, :], grid.step_seconds, horizon, level)
    return pd.DataFrame({"lower": lower[0], "mean": mean[0], "upper": upper[0]}, index=grid.after(horizon))


def forecasts(values: Floats, step_seconds: float, horizon: int, level: float = 0.9) -> tuple[Floats, Floats, Floats]:
    """Lower end, middle and upper end for the next `horizon` steps of every row of `values` (series x grid).

    Method: simple forecasts compete. A season (none, the day's profile, the week's; cycles weighted by age, level changes
    taken out by a centred mean over one cycle) is joined with a course of the level (exponential means with half-lives of
    1 to 400 steps; return to the mean by the first autocorrelation and by that of a cycle; straight lines, damped by half
    as in Theta); yesterday's and last week's values compete as they are. Each is tried at 8 to 24 cut-offs of the past
    and weighted by its mean error to the power of -5, for short and long distances apart. The range is made of the signed
    errors that this mixture would have made at those cut-offs, scaled by distance.
    Sources: Bates & Granger 1969 and Makridakis et al. 2020 (M4) for mixtures of simple forecasts; Assimakopoulos &
    Nikolopoulos 2000 (Theta); Hyndman & Athanasopoulos, Forecasting, 5.10 (rolling origins); Vovk et al. 2005 and
    Stankeviciute et al. 2021 (conformal ranges).
    Cost: 600 series x 720 points, 168 steps ahead: about 0.8 s of one core.
    Assumes: the coming weeks behave like the past ones; errors at cut-offs stand for the error now.
    Weak: a level change, holiday or growth that the history has not shown yet; ranges rest on few independent windows
    when the horizon is more than a fifth of the history; the past outside the last 1,500 steps (six weeks, five horizons)
    is not seen, so no yearly season.
    Silent (NaN): fewer than 12 points, more than 30 % missing (hours at which it is never measured do not count), and
    beyond as many steps as there is history. Gaps are bridged up to 6 h, in here only. What was never negative stays so.
    """
    rows, size = values.shape
    result = np.full((3, rows, horizon), np.nan)
    day = _steps(DAY, step_seconds)
    week = _steps(7 * DAY, step_seconds)
    keep = max(MOST_STEPS, 6 * week, 5 * horizon)
    values = values[:, -keep:]
    size = values.shape[1]
    measured = np.isfinite(values)
    first = np.where(measured.any(axis=1), measured.argmax(axis=1), size)
    enough = (measured.sum(axis=1) >= LEAST_POINTS) & (_missing(measured, first, day) <= MOST_MISSING)
    constant = enough & (
        np.nanmax(np.where(measured, values, -np.inf), axis=1) == np.nanmin(np.where(measured, values, np.inf), axis=1)
    )
    for begin, some in _alike(first, np.flatnonzero(enough & ~constant), size):
        steps = min(horizon, size - begin)
        result[:, some, :steps] = _forecasts(values[some, begin:], step_seconds, (day, week), steps, level)
    result[:, constant] = np.nanmax(np.where(measured, values, -np.inf), axis=1)[constant, None]
    beyond = np.arange(horizon)[None, :] >= (size - first)[:, None]
    result[:, beyond] = np.nan
    floor = np.where(np.where(measured, values, np.inf).min(axis=1, initial=np.inf) >= 0, 0.0, -np.inf)
    result = np.maximum(result, floor[None, :, None])
    return result[0], result[1], result[2]


def _steps(seconds: float, step_seconds: float) -> int:
    """How many steps a cycle has; 0 where it is no whole number of them, or fewer than 4."""
    steps = round(seconds / step_seconds)
    return steps if steps >= 4 and abs(steps * step_seconds - seconds) < 0.01 * seconds else 0


def _missing(measured: NDArray[np.bool_], first: Ints, day: int) -> Floats:
    """The missing share of each row since its first point, where steps of the day that are as good as never measured do
    not count: a machine that sleeps at night is not missing.
    """
    size = measured.shape[1]
    known = np.arange(size)[None, :] >= first[:, None]
    expected = known
    if day and size >= 3 * day:
        phase = np.arange(size) % day
        of_phase = np.eye(day)[phase]
        share = (measured @ of_phase) / np.maximum(known @ of_phase, 1)
        expected = known & (share > 0.1)[:, phase]
    missing = (expected & ~measured).sum(axis=1) / np.maximum(expected.sum(axis=1), 1)
    return np.asarray(missing, np.float64)


def _alike(first: Ints, rows: Ints, size: int) -> Iterator[tuple[int, Ints]]:
    """Rows in chunks that are cut to the same length, and where they begin. Up to 3 % of the oldest points are left out,
    so that a thousand servers that came one by one are not a thousand chunks. No row depends on its neighbours.
    """
    length = (size - first[rows]).astype(np.float64)
    length = np.where(length < 100, length, np.floor(1.03 ** np.floor(np.log(length) / np.log(1.03) + 1e-9)))
    length[first[rows] == 0] = size
    for same in np.unique(length):
        alike = rows[length == same]
        for at in range(0, len(alike), CHUNK):
            yield size - int(same), alike[at : at + CHUNK]


def _forecasts(values: Floats, step_seconds: float, cycles: tuple[int, int], horizon: int, level: float) -> Floats:
    """`forecasts` of rows that are long and full enough: 3 x rows x horizon."""
    rows, size = values.shape
    centre = np.nanmedian(values, axis=1, keepdims=True)
    spread = np.nanmean(np.abs(values - centre), axis=1, keepdims=True)
    actual = (values - centre) / spread
    known = fill(actual, int(LONGEST_FILL // step_seconds))
    past = _Past(known, *cycles)

    cuts = _cut_offs(size, horizon)
    bands = _bands(horizon)
    tried: list[NDArray[np.float32]] = []
    misses: list[NDArray[np.float32]] = []
    for cut in cuts:
        ahead = min(horizon, size - cut)
        course = past.candidates(cut, ahead)
        truth = actual[None, :, cut : cut + ahead].astype(np.float32)
        tried.append(course)
        misses.append(_by_band(np.abs(truth - course), bands))
    weights = _weights(np.stack(misses))  # candidates x rows x bands
    hats = _hats(bands, horizon)

    now = past.candidates(size, horizon)
    middle = _mixture(now, weights, hats)
    errors = np.full((len(cuts), rows, horizon), np.nan)
    for k, (cut, course) in enumerate(zip(cuts, tried, strict=True)):
        ahead = course.shape[2]
        errors[k, :, :ahead] = actual[:, cut : cut + ahead] - _mixture(course, weights, hats[:, :ahead])
    windows = max((size - cuts[0]) / horizon, 1.0)
    unseen = min(horizon / cycles[1], 1.0) / max(size / cycles[1], 1.0) if cycles[1] else 0.0
    wider = 1 + WIDER_BY_WINDOWS * _stubbornness(errors) / windows + WIDER_BY_WEEKS * unseen
    low, high = _range(errors, bands, hats, level) * wider[:, None]
    lower, upper = middle + np.minimum(low, 0), middle + np.maximum(high, 0)
    return np.asarray(np.stack([lower, middle, upper]) * spread + centre, np.float64)


def _cut_offs(size: int, horizon: int) -> list[int]:
    """Where the past is cut to be forecast again: 8 to 24 places, not before a third of the history."""
    first = max(6, size // 3)
    last = max(size - horizon, round(size * 0.75))
    number = min(int(np.clip(8 * size / (4.3 * horizon), 8, 24)), last - first + 1)
    return sorted({round(float(place)) for place in np.linspace(first, last, number)})


def _bands(horizon: int) -> Ints:
    """First steps of the distances that are judged apart: 1, 2, 3-4, 5-8, 9-16, ... A short last one joins its neighbour."""
    edges = [0]
    while (following := max(edges[-1] * 2, 1)) < horizon * 0.75:
        edges.append(following)
    return np.array(edges, np.int64)


def _by_band(values: NDArray[np.float32], bands: Ints) -> NDArray[np.float32]:
    """Means over the last axis by band; NaN where nothing was measured."""
    inside = bands[bands < values.shape[-1]]
    finite = np.isfinite(values)
    sums = np.add.reduceat(np.where(finite, values, np.float32(0)), inside, axis=-1)
    counts = np.add.reduceat(finite, inside, axis=-1, dtype=np.float32)
    result = np.full((*values.shape[:-1], len(bands)), np.nan, np.float32)
    with np.errstate(invalid="ignore"):
        result[..., : len(inside)] = sums / counts
    return result


def _hats(bands: Ints, horizon: int) -> Floats:
    """How much of each band's verdict counts at each distance: bands x horizon, linear in the logarithm."""
    ends = np.append(bands[1:], horizon)
    centres = np.log((bands + 1 + ends) / 2)
    places = np.log(np.arange(1, horizon + 1))
    return np.stack([np.interp(places, centres, unit) for unit in np.eye(len(bands))])


def _weights(misses: NDArray[np.float32]) -> Floats:
    """Weights of the candidates from their mean errors, cut-offs x candidates x rows x bands, compared in pairs with the
    candidate that could always be tried, so that one which could only be tried late is not judged by easier windows.
    """
    misses = np.array(misses, np.float64)
    # neighbouring distances share what they learned
    padded = np.concatenate([misses[..., :1], misses, misses[..., -1:]], axis=-1)
    with np.errstate(invalid="ignore"):
        misses = np.where(
            np.isfinite(misses), np.nansum([padded[..., :-2] / 4, misses / 2, padded[..., 2:] / 4], axis=0), np.nan
        )
    reference = np.where(np.isfinite(misses[:, :1]), misses[:, :1], 0.0)
    tried = np.isfinite(misses)
    total = np.where(tried, misses, 0.0).sum(axis=0)
    against = np.where(tried, reference, 0.0).sum(axis=0)
    times = tried.sum(axis=0)
    enough = times >= np.minimum(3, times.max(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(enough & (times > 0), (total + 1e-6) / (against + 1e-6), np.inf)
        weights = (ratio / ratio.min(axis=0)) ** -SHARPNESS
    return np.asarray(np.nan_to_num(weights, nan=0.0), np.float64)


def _mixture(course: NDArray[np.float32], weights: Floats, hats: Floats) -> Floats:
    """The weighted mean of the candidates at each distance; who has nothing to say there has no weight."""
    share = np.einsum("crb,bh->crh", weights.astype(np.float32), hats.astype(np.float32))
    finite = np.isfinite(course)
    share = np.where(finite, share, np.float32(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        mixed = (share * np.where(finite, course, np.float32(0))).sum(axis=0) / share.sum(axis=0)
    return np.asarray(mixed, np.float64)


def _range(errors: Floats, bands: Ints, hats: Floats, level: float) -> Floats:
    """How far below and above the middle the truth lies: 2 x rows x horizon. `errors` is cut-offs x rows x horizon."""
    size = _by_band(np.abs(errors).astype(np.float32), bands).astype(np.float64)
    tried = np.isfinite(size)
    with np.errstate(invalid="ignore"):
        size = np.where(tried, size, 0.0).sum(axis=0) / tried.sum(axis=0)  # rows x bands
    size = np.fmax.accumulate(size, axis=1)  # what is farther is no surer
    scale = np.maximum(np.nan_to_num(size) @ hats, 1e-9)
    ratio = np.moveaxis(errors / scale, 1, 0).reshape(len(scale), -1)
    low, high = np.nanquantile(ratio, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return np.stack([low[:, None] * scale, high[:, None] * scale])


def _stubbornness(errors: Floats) -> Floats:
    """The share of the squared error that a whole window has in common: near 0 for noise, near 1 where a forecast once
    wrong stays wrong, so that each cut-off is one single observation of how wrong.
    """
    measured = np.isfinite(errors)
    zeroed = np.where(measured, errors, 0.0)
    counts = np.maximum(measured.sum(axis=2), 1)
    common = ((zeroed.sum(axis=2) / counts) ** 2 * counts).sum(axis=0)
    return np.asarray(common / np.maximum((zeroed**2).sum(axis=(0, 2)), 1e-12), np.float64)


class _Past:
    """A history, and what the simple forecasts would have said at any point of it."""

    def __init__(self, values: Floats, day: int, week: int) -> None:
        self.values = values
        self.periods = [(name, cycle) for name, cycle in (("day", day), ("week", week)) if cycle]
        self.detrended = {cycle: values - _centred_mean(values, cycle) for _, cycle in self.periods}

    def candidates(self, cut: int, ahead: int) -> NDArray[np.float32]:
        """What each simple forecast, knowing `cut` points, says of the next `ahead`: candidates x rows x ahead, NaN
        where it cannot say anything.
        """
        known = self.values[:, :cut]
        courses = list(_levels(known, ahead, self.periods[0][1] if self.periods else 0))
        silent = np.full_like(courses[0], np.nan)
        for name, cycle in self.periods:
            repeated = cut - cycle + np.arange(ahead) % cycle
            courses.append(known[:, repeated].astype(np.float32) if cut >= cycle else silent)
            profile = _profile(self.detrended[cycle][:, : max(cut - cycle // 2, 0)], cycle, CYCLE_DECAY[name])
            if profile is None:
                courses += [silent] * COURSES
                continue
            tiled = profile[:, np.arange(cut + ahead) % cycle]
            for course in _levels(known - tiled[:, :cut], ahead, cycle):
                courses.append(course + tiled[:, cut:].astype(np.float32))
        return np.stack(courses)


def _centred_mean(values: Floats, cycle: int) -> Floats:
    """The mean over one cycle around each point; NaN where the cycle is not complete or half of it is missing."""
    rows, size = values.shape
    result = np.full((rows, size), np.nan)
    if size <= cycle:
        return result
    measured = np.isfinite(values)
    sums = np.cumsum(np.pad(np.where(measured, values, 0.0), ((0, 0), (1, 0))), axis=1)
    counts = np.cumsum(np.pad(measured, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    width = size - cycle  # windows of cycle + 1 points, of which the outer two count half
    inner = sums[:, cycle + 1 :] - sums[:, :width], counts[:, cycle + 1 :] - counts[:, :width]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(inner[1] > cycle / 2, inner[0] / inner[1], np.nan)
    result[:, cycle // 2 : cycle // 2 + width] = mean
    return result


def _profile(detrended: Floats, cycle: int, decay: float) -> Floats | None:
    """The usual course over one cycle by place in it (position modulo `cycle`), younger cycles counting more; None for
    less than one cycle besides the half at the beginning, which has no centred mean.
    """
    rows, size = detrended.shape
    if size - cycle // 2 < cycle:
        return None
    cycles = -(-size // cycle)
    first = size - cycles * cycle  # not above 0: the oldest cycle is not complete
    blocks = np.pad(detrended, ((0, 0), (-first, 0)), constant_values=np.nan).reshape(rows, cycles, cycle)
    ages = decay ** np.arange(cycles)[::-1]
    measured = np.isfinite(blocks)
    with np.errstate(invalid="ignore", divide="ignore"):
        profile = np.einsum("k,rkp->rp", ages, np.where(measured, blocks, 0.0)) / np.einsum("k,rkp->rp", ages, measured)
    profile -= np.nanmean(profile, axis=1, keepdims=True)
    return np.asarray(np.roll(profile, first % cycle, axis=1), np.float64)


def _levels(values: Floats, ahead: int, cycle: int) -> Iterator[NDArray[np.float32]]:
    """Courses of a series without season: levels, returns to the mean, straight lines. Each is rows x ahead."""
    rows, size = values.shape
    measured = np.isfinite(values)
    zeroed = np.where(measured, values, 0.0)
    age = np.arange(size)[::-1].astype(np.float64)
    decays = 0.5 ** (age[:, None] / np.array(HALF_LIVES))
    known = measured.astype(np.float64)
    weight = np.maximum(known @ decays, 1e-12)
    level = (zeroed @ decays) / weight  # rows x half-lives
    flat = np.ones(ahead)
    for place in range(len(HALF_LIVES)):
        yield (level[:, place, None] * flat).astype(np.float32)

    distance = np.arange(1, ahead + 1)
    mean, recent = level[:, -1], level[:, 1]
    off = np.where(measured, values - mean[:, None], 0.0)
    power = np.maximum((off**2).sum(axis=1), 1e-12)
    for lag in (1, max(cycle // 2, 4)):
        if size <= lag + 4:
            yield np.full((rows, ahead), np.nan, np.float32)
            continue
        alike = np.clip((off[:, lag:] * off[:, :-lag]).sum(axis=1) / power * size / (size - lag), 0, 0.999)
        per_step = np.clip(alike ** (1 / lag), 0, 0.9995)
        start = level[:, 0] if lag == 1 else recent
        yield (mean[:, None] + per_step[:, None] ** distance * (start - mean)[:, None]).astype(np.float32)

    for place, damping in ((-1, 1.0), (-1, 0.5), (-2, 1.0)):
        shares = decays[:, place]
        mean_age = (known @ (shares * age)) / weight[:, place]
        square = (known @ (shares * age**2)) / weight[:, place] - mean_age**2
        product = (zeroed @ (shares * age)) / weight[:, place] - mean_age * level[:, place]
        slope = -product / np.maximum(square, 1e-9)
        begin = level[:, place] + slope * mean_age if damping == 1.0 else recent
        yield (begin[:, None] + damping * slope[:, None] * distance).astype(np.float32)
