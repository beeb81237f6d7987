"""What comes next, with a range that holds as often as it says: forecasts, and the time at which a limit is reached."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .limit import Crossing, crossings, time_to_limit
from .matrix import finite, median, quantile
from .steps import LONGEST_FILL, fill, regular
from .tails import t_quantile
from .times import DAY, Floats, Ints

__all__ = ["Crossing", "crossings", "forecast", "forecasts", "time_to_limit"]

LEAST_POINTS: Final = 12
MOST_MISSING: Final = 0.3
# Of history used, unless six weeks or five horizons are more: older data tells little of next week.
MOST_STEPS: Final = 1500
CHUNK: Final = 64  # series at a time: the back-tests of so many stay in the processor's cache

HALF_LIVES: Final = (1.0, 4.0, 24.0, 96.0, 400.0)  # steps, of the exponential weights by which a level is taken
CYCLE_DECAY: Final = {"day": 0.9, "week": 0.8}  # weight of a cycle against the next younger one
COURSES: Final = len(HALF_LIVES) + 5  # of `_levels`
MOST_CYCLES: Final = 7  # of which a place in the cycle has its median
SHARPNESS: Final = 8.0  # a candidate's weight is its back-test error to the power of minus this
SHARED: Final = 0.5  # of what a distance of one band more or less teaches
# Back-tests flatter whoever forecasts days of the week that it has hardly seen, so ranges grow over the weeks seen, by the
# share of a week that lies ahead.
WIDER_BY_WEEKS: Final = 0.1
ROUNDING: Final = 1e-5  # of the usual deviation: candidates are computed in single precision
BROKEN: Final = 6.0  # usual changes of level, from which on a change is a new level
LEAST_BLOCKS: Final = 8  # of a history whose usual changes are known


def forecast(series: pd.Series, horizon: int, level: float = 0.9) -> pd.DataFrame:
    """`lower`, `mean`, `upper` for the next `horizon` steps of one series; `forecasts` says how, and where it stays silent."""
    if not series.index.notna().any():
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
    as in Theta); yesterday's and last week's values, and the medians of up to seven cycles, compete as they are. Where the
    level broke half a day ago or more, by six times its usual changes, all before is moved to the new level first. Each
    candidate is tried at 8 to 24 cut-offs of the past and weighted by its mean error to the power of -8, at each distance,
    where distances of which there are few windows learn from shorter ones. The range is made of the signed errors that the
    mixture made at those cut-offs, with weights that only cut-offs elsewhere gave, scaled by distance; the middle is moved
    by their median where they are skewed. As far as errors last over a window the range is symmetric and wider by Student's
    t with as many degrees of freedom as there are windows. Ranges of a higher level hold those of a lower one.
    Sources: Bates & Granger 1969 and Makridakis et al. 2020 (M4) for mixtures of simple forecasts; Assimakopoulos &
    Nikolopoulos 2000 (Theta); Pesaran & Timmermann 2007 (after a break); Hyndman & Athanasopoulos, Forecasting, 5.10
    (rolling origins); Stone 1974 (weights cross-validated); Vovk et al. 2005 and Stankeviciute et al. 2021 (conformal ranges).
    Cost: 600 series x 720 points, 168 steps ahead: about 0.8 s of one core.
    Assumes: the coming weeks behave like the past ones; errors at cut-offs stand for the error now.
    Weak: a level change, holiday or growth that the history has not shown yet; growth that gathers pace (the range holds
    three quarters of the points instead of nine tenths); a weekend that was never seen; ranges rest on few independent
    windows when the horizon is more than a fifth of the history; the past outside the last 1,500 steps (six weeks, five
    horizons) is not seen, so no yearly season.
    Silent (NaN): fewer than 12 points, more than 30 % missing (hours at which it is never measured do not count), and
    beyond as many steps as there is history. Gaps are bridged up to 6 h, in here only. What was never negative stays so. What
    `matrix.finite` says is no measurement is missing; the newest row is believed, so a stamp of the far future leaves nothing.
    """
    rows, size = values.shape
    result = np.full((3, rows, horizon), np.nan)
    day = _steps(DAY, step_seconds)
    week = _steps(7 * DAY, step_seconds)
    keep = max(MOST_STEPS, 6 * week, 5 * horizon)
    values = finite(values[:, -keep:])
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
    weights, honest = _weights(np.stack(misses), cuts, bands, (size, horizon))
    hats = _hats(bands, horizon)

    middle = _mixture(past.candidates(size, horizon), weights, hats)
    errors = np.full((len(cuts), rows, horizon), np.nan)
    for k, (cut, course) in enumerate(zip(cuts, tried, strict=True)):
        ahead = course.shape[2]
        errors[k, :, :ahead] = actual[:, cut : cut + ahead] - _mixture(course, honest[k], hats[:, :ahead])
    stubborn = _stubbornness(errors)
    unseen = min(horizon / cycles[1], 1.0) / max(size / cycles[1], 1.0) if cycles[1] else 0.0
    wider = 1 + stubborn * (_few_windows(level, size / horizon) - 1) + WIDER_BY_WEEKS * unseen
    low, usual, high = _range(errors, bands, hats, level, stubborn)
    # of skewed errors the median; of lasting ones none is known
    typical = middle + (1 - stubborn[:, None]) ** 2 * usual
    lower = np.minimum(middle + low * wider[:, None], typical) - ROUNDING
    upper = np.maximum(middle + high * wider[:, None], typical) + ROUNDING
    return np.asarray(np.stack([lower, typical, upper]) * spread + centre, np.float64)


@cache
def _few_windows(level: float, windows: float) -> float:
    """How much wider a range is that rests on so few windows: Student's t against the normal law's."""
    few, many = t_quantile(1 - level, [windows, 1e6])
    return float(few / many)


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
    step = np.arange(values.shape[-1])
    inside = (np.searchsorted(bands, step, "right")[:, None] - 1 == np.arange(len(bands))).astype(np.float32)
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        if finite.all():
            return np.asarray(values @ (inside / inside.sum(axis=0)), np.float32)
        sums, counts = np.where(finite, values, np.float32(0)) @ inside, finite.astype(np.float32) @ inside
        return np.asarray(sums / counts, np.float32)


def _hats(bands: Ints, horizon: int) -> Floats:
    """How much of each band's verdict counts at each distance: bands x horizon, linear in the logarithm."""
    ends = np.append(bands[1:], horizon)
    centres = np.log((bands + 1 + ends) / 2)
    places = np.log(np.arange(1, horizon + 1))
    return np.stack([np.interp(places, centres, unit) for unit in np.eye(len(bands))])


def _weights(
    misses: NDArray[np.float32], cuts: list[int], bands: Ints, reach: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Weights of the candidates (candidates x rows x bands) from their mean errors, cut-offs x candidates x rows x bands; and
    for each cut-off those that the others alone give, its neighbours left out, by which its own errors are honest.

    Candidates are compared in pairs with the one that could always be tried, so that one which could only be tried late is
    not judged by easier windows. A distance of which there are few windows learns from the distances beside it.
    """
    size, horizon = reach
    place = np.array(cuts)
    near = min(horizon, (cuts[-1] - cuts[0]) / 3)
    apart = np.abs(place[:, None] - place[None, :]) >= max(near, 1)
    counted = np.concatenate([np.ones((1, len(cuts))), apart])
    tried = np.isfinite(misses)
    reference = np.where(tried[:, :1], misses[:, :1], 0.0)
    total, against, times = (
        np.tensordot(counted, some, 1)
        for some in (np.where(tried, misses, 0.0), np.where(tried, reference, 0.0), tried.astype(np.float64))
    )
    known = (times >= np.minimum(3, times.max(axis=1, keepdims=True))) & (times > 0)
    number = np.arange(len(bands))
    windows = np.minimum((size - cuts[0]) / np.append(bands[1:], horizon), len(cuts))
    shared = SHARED ** np.abs(number[:, None] - number) * windows[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        worse = np.where(known, np.log((total + 1e-6) / (against + 1e-6)), 0.0)
        learned = known @ shared
        worse = np.where(learned > 0, (worse @ shared) / learned, np.inf)
        weights = np.exp(-SHARPNESS * (worse - worse.min(axis=1, keepdims=True)))
    weights = np.nan_to_num(weights, nan=0.0)
    return weights[0], weights[1:]


def _mixture(course: NDArray[np.float32], weights: Floats, hats: Floats) -> Floats:
    """The weighted mean of the candidates at each distance; who has nothing to say there has no weight."""
    share = weights.astype(np.float32) @ hats.astype(np.float32)
    finite = np.isfinite(course)
    if not finite.all():
        share, course = np.where(finite, share, np.float32(0)), np.where(finite, course, np.float32(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        mixed = np.einsum("crh,crh->rh", share, course) / share.sum(axis=0)
    return np.asarray(mixed, np.float64)


def _range(errors: Floats, bands: Ints, hats: Floats, level: float, stubborn: Floats) -> Floats:
    """How far from the mixture the truth lies, at the lower end, usually, and at the upper end: 3 x rows x horizon. `errors` is
    cut-offs x rows x horizon.

    Errors that last over a window are few observations, so their sign says nothing: the more stubborn, the more symmetric.
    """
    size = _by_band(np.abs(errors).astype(np.float32), bands).astype(np.float64)
    tried = np.isfinite(size)
    with np.errstate(invalid="ignore"):
        size = np.where(tried, size, 0.0).sum(axis=0) / tried.sum(axis=0)  # rows x bands
    size = np.fmax.accumulate(size, axis=1)  # what is farther is no surer
    scale = np.maximum(np.nan_to_num(size) @ hats, 1e-9)
    ratio = np.moveaxis(errors / scale, 1, 0).reshape(len(scale), -1)
    low, usual, high = (quantile(ratio, share) for share in ((1 - level) / 2, 0.5, (1 + level) / 2))
    either = quantile(np.abs(ratio), level)
    low, high = low * (1 - stubborn) - either * stubborn, high * (1 - stubborn) + either * stubborn
    return np.stack([some[:, None] * scale for some in (low, usual, high)])


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
        seasons = [(cycle, self._season(name, cycle, cut, ahead)) for name, cycle in self.periods]
        shortest = self.periods[0][1] if self.periods else 0
        known = _levelled(self.values[:, :cut], next((season for _, season in seasons), None), max(shortest // 2, 6))
        courses = np.full((1 + COURSES + len(seasons) * (2 + COURSES), len(known), ahead), np.nan, np.float32)
        _levels(known, shortest, courses[:COURSES])
        courses[COURSES] = median(known[:, -MOST_STEPS // 8 :])[:, None]
        place = 1 + COURSES
        for cycle, season in seasons:
            if cut >= cycle:
                repeated = np.arange(ahead) % cycle
                courses[place] = known[:, cut - cycle + repeated]
                cycles = min(cut // cycle, MOST_CYCLES)
                courses[place + 1] = median(_last_whole(known[:, -cycles * cycle :], cycle), axis=1)[:, repeated]
            if season is not None:
                seasonal = courses[place + 2 : place + 2 + COURSES]
                _levels(known - season[:, :cut], cycle, seasonal)
                seasonal += season[:, cut:].astype(np.float32)
            place += 2 + COURSES
        return courses

    def _season(self, name: str, cycle: int, cut: int, ahead: int) -> Floats | None:
        """The profile as `cut` points tell it, laid along those points and the next `ahead`."""
        profile = _profile(self.detrended[cycle][:, : max(cut - cycle // 2, 0)], cycle, CYCLE_DECAY[name])
        return None if profile is None else profile[:, np.arange(cut + ahead) % cycle]


def _levelled(known: Floats, season: Floats | None, shortest: int) -> Floats:
    """What is known, where the level broke lately and for good: all before moved to the level since, so that no forecast has to
    learn it anew. What came back within `shortest` points is no new level.
    """
    plain = known if season is None else known - season[:, : known.shape[1]]
    moved = known
    for row, length in _broken(plain, shortest):
        place, by = _break(plain[row], length)
        moved = known.copy() if moved is known else moved
        moved[row, :place] += by
    return moved


def _broken(values: Floats, shortest: int) -> Iterator[tuple[int, int]]:
    """Rows whose level changed lately by `BROKEN` times what is usual in them, and the length of the blocks that show it.

    Means of blocks are compared with those two blocks before, which a break within the block between leaves as they are.
    The usual is the root mean square of all older such changes: a series that wanders or jumps anyway has no new level.
    """
    rows, size = values.shape
    best, lengths = np.ones(rows), np.zeros(rows, np.int64)
    measured = np.isfinite(values)
    sums, counts, length = np.where(measured, values, 0.0), measured.astype(np.float64), 1
    while size // max(shortest, 2 * length) >= LEAST_BLOCKS:
        width = shortest if length == 1 else 2
        sums, counts = (_last_whole(some, width).sum(axis=2) for some in (sums, counts))
        length *= width
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.where(counts >= length / 2, sums / counts, np.nan)
            change = means[:, 2:] - means[:, :-2]
            number = np.maximum(np.isfinite(change[:, :-2]).sum(axis=1), 1)
            usual = np.sqrt(np.nansum(change[:, :-2] ** 2, axis=1) / number)
            much = BROKEN * (1 + BROKEN / number)  # few changes say little of the usual
            times = np.abs(change[:, -1]) / usual / much
        above = (times > best) & (number >= LEAST_BLOCKS // 2)
        best, lengths = np.where(above, times, best), np.where(above, length, lengths)
    for row in np.flatnonzero(lengths).tolist():
        yield row, int(lengths[row])


def _last_whole(values: Floats, width: int) -> Floats:
    """Rows x blocks x width, counted from the end."""
    number = values.shape[1] // width
    return values[:, values.shape[1] - number * width :].reshape(len(values), number, width)


def _break(values: Floats, length: int) -> tuple[int, float]:
    """Where the level changed within the last four blocks, and by how much: the cut that explains most of the variance."""
    begin = max(len(values) - 4 * length, 0)
    there = begin + np.flatnonzero(np.isfinite(values[begin:]))
    near = values[there] - values[there].mean()
    before = np.arange(1, len(near))
    explained = np.cumsum(near)[:-1] ** 2 * (1 / before + 1 / (len(near) - before))
    edge = max(length // 2, 2)
    place = edge + int(np.argmax(explained[edge : len(explained) - edge])) + 1
    return int(there[place]), float(np.median(near[place:]) - np.median(near[:place]))


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


def _levels(values: Floats, cycle: int, courses: NDArray[np.float32]) -> None:
    """Courses of a series without season: levels, returns to the mean, straight lines. `courses` (x rows x ahead) takes them."""
    size = values.shape[1]
    measured = np.isfinite(values)
    zeroed = values if measured.all() else np.where(measured, values, 0.0)
    known = np.ones((1, size)) if zeroed is values else measured.astype(np.float64)
    age = np.arange(size)[::-1].astype(np.float64)
    decays = 0.5 ** (age[:, None] / np.array(HALF_LIVES))
    aged = decays[:, -2:] * age[:, None]
    sums = zeroed @ np.concatenate([decays, aged], axis=1)  # rows x half-lives, and the two longest times age
    counts = known @ np.concatenate([decays, aged, aged * age[:, None]], axis=1)
    number = len(HALF_LIVES)
    weight = np.maximum(counts[:, :number], 1e-12)
    level = sums[:, :number] / weight
    courses[:number] = level.T[:, :, None]

    distance = np.arange(1, courses.shape[2] + 1)
    mean, recent = level[:, -1], level[:, 1]
    off = values - mean[:, None] if zeroed is values else np.where(measured, values - mean[:, None], 0.0)
    power = np.maximum(np.einsum("rt,rt->r", off, off), 1e-12)
    for place, (lag, start) in enumerate(((1, level[:, 0]), (max(cycle // 2, 4), recent)), number):
        if size > lag + 4:
            alike = np.einsum("rt,rt->r", off[:, lag:], off[:, :-lag]) / power * size / (size - lag)
            per_step = np.clip(np.clip(alike, 0, 0.999) ** (1 / lag), 0, 0.9995)
            courses[place] = mean[:, None] + per_step[:, None] ** distance * (start - mean)[:, None]

    for place, (which, damping) in enumerate(((-1, 1.0), (-1, 0.5), (-2, 1.0)), number + 2):
        mean_age = counts[:, which - 2] / weight[:, which]
        square = counts[:, which] / weight[:, which] - mean_age**2
        product = sums[:, which] / weight[:, which] - mean_age * level[:, which]
        slope = -product / np.maximum(square, 1e-9)
        begin = level[:, which] + slope * mean_age if damping == 1.0 else recent
        courses[place] = begin[:, None] + damping * slope[:, None] * distance
