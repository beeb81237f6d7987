"""How earlier forecasts came out: each is judged once, when its time has come, and all are counted where anybody can read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from caelum_report import words
from caelum_report.document import ForecastRecord, Score

from .readings import Reading
from .times import DAY, Floats, unix

LATE: Final = DAY  # so long a missing measurement may still come in
ENOUGH: Final = 100  # judged values, before the intervals of a metric learn from them
ENOUGH_DAYS: Final = 14  # and over so many days: what one day did to all of them is one observation
WIDENED: Final = (0.5, 4.0)  # at least and at most
LEAST_SKILL: Final = -0.05
UNSKILLED_AFTER: Final = 50
FEW_DATES: Final = 10
LEAST_DATES: Final = 0.4  # of the dates; an 80 % range that holds less often is no range


@dataclass(frozen=True, slots=True)
class Course:
    """Series that are foretold, on the grid of the forecasts: row i of `points` is `keys[i]`."""

    keys: tuple[Reading, ...]
    points: Floats  # series x cells
    start: float  # of the first cell, unix seconds
    step: float

    @property
    def end(self) -> float:
        return self.start + len(self.points.T) * self.step


def scores(known: pd.DataFrame, course: Course, now: float) -> Iterator[Score]:
    """The verdict on every stored forecast whose time has come.

    A value is compared with the mean of the cell that ended when it fell due. A date is judged when its limit is reached,
    be it too early, or when its range has passed.
    """
    place = {key: row for row, key in enumerate(course.keys)}
    waiting = known[~known["judged"].to_numpy(bool)]
    columns = (waiting[name].tolist() for name in ("id", "subject", "metric", "lower", "upper", "limit"))
    times = (unix(waiting["made_at"]).tolist(), unix(waiting["due_at"]).tolist())
    for number, subject, metric, lower, upper, limit, made, due in zip(*columns, *times, strict=True):
        line = place.get(Reading(subject, metric))
        values = np.full(1, np.nan) if line is None else course.points[line]
        asked = _Asked(lower, upper, limit, made, due)
        verdict = _value(asked, values, course, now) if np.isnan(limit) else _date(asked, values, course, now)
        if verdict is not None:
            yield Score(int(number), *verdict)


class _Asked(NamedTuple):
    """What a stored forecast said; times in unix seconds."""

    lower: float
    upper: float
    limit: float
    made: float
    due: float


_Verdict = tuple[bool | None, float | None]


def _value(asked: _Asked, values: Floats, course: Course, now: float) -> _Verdict | None:
    if asked.due > now:
        return None
    cell = round((asked.due - course.start) / course.step) - 1
    if 0 <= cell < len(values) and np.isfinite(values[cell]):
        actual = float(values[cell])
        slack = 1e-9 * abs(actual)
        return asked.lower - slack <= actual <= asked.upper + slack, actual
    return (None, None) if now > asked.due + LATE else None


def _date(asked: _Asked, values: Floats, course: Course, now: float) -> _Verdict | None:
    first = max(int((asked.made - course.start) // course.step), 0)
    since = values[first:]
    reached = np.flatnonzero(since >= asked.limit)
    if len(reached):
        at = course.start + (first + int(reached[0]) + 0.5) * course.step
        return asked.lower - course.step <= at <= asked.upper + course.step, at
    if now <= asked.due:
        return None
    followed = len(since) > 0 and bool(np.isfinite(since).mean() > 0.5)
    return False if followed else None, None


def records(known: pd.DataFrame, fresh: Sequence[Score]) -> tuple[ForecastRecord, ...]:
    """The record of each metric, those just judged included: values and dates apart."""
    known = _with(known, fresh)
    dates = known["limit"].notna()
    found = []
    for (metric, of_limit), rows in known.groupby([known["metric"].astype(str), dates], sort=True):
        found.append(_record(str(metric), rows, of_limit=bool(of_limit)))
    return tuple(found)


def _with(known: pd.DataFrame, fresh: Iterable[Score]) -> pd.DataFrame:
    by_number = {score.forecast: score for score in fresh}
    new = known["id"].isin(list(by_number)).to_numpy(bool)
    held, actual = known["held"].to_numpy(np.float64, copy=True), known["actual"].to_numpy(np.float64, copy=True)
    for row in np.flatnonzero(new).tolist():
        score = by_number[int(known["id"].iloc[row])]
        held[row] = np.nan if score.held is None else float(score.held)
        actual[row] = np.nan if score.actual is None else score.actual
    return known.assign(held=held, actual=actual, judged=known["judged"].to_numpy(bool) | new)


def _record(metric: str, rows: pd.DataFrame, *, of_limit: bool) -> ForecastRecord:
    counted = rows[rows["held"].notna().to_numpy(bool)]
    n, held = len(counted), int(counted["held"].sum())
    pending = int((~rows["judged"].to_numpy(bool)).sum())
    level = float(rows["level"].iloc[-1])
    skill = None if of_limit else _skill(counted)
    if of_limit:
        silent = n >= FEW_DATES and held < LEAST_DATES * n
    else:
        silent = n >= UNSKILLED_AFTER and skill is not None and skill < LEAST_SKILL
    return ForecastRecord(
        metric=metric,
        kind="limit" if of_limit else "value",
        level=level,
        n=n,
        held=held,
        pending=pending,
        skill=None if skill is None else round(skill, 3),
        widened=1.0 if of_limit else _widened(counted, level),
        silent=silent,
        sentence=_sentence(level, n, held, of_limit=of_limit),
    )


def _skill(rows: pd.DataFrame) -> float | None:
    """1 - mean error / mean error of "as now"; None where "as now" was always right."""
    actual = rows["actual"].to_numpy(np.float64)
    naive = np.abs(actual - rows["naive"].to_numpy(np.float64))
    there = np.isfinite(naive)
    whole = float(naive[there].sum())
    if not whole:
        return None
    return 1 - float(np.abs(actual - rows["mean"].to_numpy(np.float64))[there].sum()) / whole


def _widened(rows: pd.DataFrame, level: float) -> float:
    """By how much the intervals, as the method gave them, would have had to be wider to hold as often as they say.

    The conformal quantile of |actual - mean| / half width (Vovk et al. 2005; Lei et al. 2018 for the scaled errors). What
    the record had widened already is taken out first, so that the factor does not feed on itself.
    """
    if len(rows) < ENOUGH or np.ptp(unix(rows["due_at"])) < ENOUGH_DAYS * DAY:
        return 1.0
    actual, mean, lower, upper, before = (
        rows[name].to_numpy(np.float64) for name in ("actual", "mean", "lower", "upper", "widened")
    )
    missed = np.abs(actual - mean)
    half = np.where(actual >= mean, upper - mean, mean - lower) / before
    ratio = np.divide(missed, half, out=np.where(missed > 0, np.inf, 0.0), where=half > 0)
    place = min(int(np.ceil((len(ratio) + 1) * level)), len(ratio)) - 1
    return round(float(np.clip(np.sort(ratio)[place], *WIDENED)), 3)


def _sentence(level: float, n: int, held: int, *, of_limit: bool) -> str:
    if not n:
        return "no forecast of this kind has come due yet"
    if of_limit:
        return f"{held} of {words.plural(n, 'date')} held"
    interval = f"the {words.percent(level, 0)} interval held"
    if n < 20:
        return f"{interval} {held} of {words.plural(n, 'point')}"
    return f"{interval} {words.percent(held / n, 0)} of {words.count(n)} points"
