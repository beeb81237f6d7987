"""What the run foretells of every series that has a limit: its course with an interval, and when the limit is reached.

Disks, memory and swap of the host, the latency of servers with a latency objective, the error budgets of those with an
objective. Cells of three hours: thirty days ahead are 240 of them, and a day still has its shape. A forecast reaches half
as far as the history is long, never further than 30 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from caelum_report import document, text, words
from caelum_report.document import Forecast, ForecastRecord, Looming, Passage, Points, Score
from caelum_report.metrics import METRICS

from .charts import Ahead, rounded
from .facts import Facts
from .forecast import LEAST_POINTS, crossings, forecasts
from .matrix import HOUR, mean
from .objectives import PERIOD_DAYS
from .readings import Reading, Readings
from .record import Course, records, scores
from .times import DAY, Floats, moment
from .uptime import spent_shares

STEP: Final = 3 * HOUR
LEVEL: Final = 0.9  # of an interval about a value
DATE_LEVEL: Final = 0.8  # of the range of a date
MOST_DAYS: Final = 30
STORED_DAYS: Final = (1, 7, 30)  # ahead; what is judged later
FULL_PERCENT: Final = 95.0  # of a disk: ext4 keeps the last 5 % for root. Of memory: the kernel begins to kill
_HOST: Final = {"host_memory": "Memory", "host_swap": "Swap"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A series, where it must not go, and the words for it."""

    key: Reading
    server: bool
    value: float
    what: str
    page: str


@dataclass(frozen=True, slots=True)
class Foretold:
    ahead: Mapping[tuple[str, str], Ahead]  # by subject and metric
    looming: tuple[Looming, ...]
    made: tuple[Forecast, ...]
    scores: tuple[Score, ...]
    records: tuple[ForecastRecord, ...]
    series: int  # that have a limit and history enough


def foretell(facts: Facts) -> Foretold:
    """All forecasts of a run. Cost: 20 servers x a year about 0.1 s, 1,000 latencies x 30 days about 3 s."""
    limits = tuple(_limits(facts))
    course = _course(facts, limits)
    judged = tuple(scores(facts.history.forecasts, course, facts.now))
    known = records(facts.history.forecasts, judged)
    values = {record.metric: record for record in known if record.kind == "value"}
    dates = {record.metric: record for record in known if record.kind == "limit"}
    band = bands(course, values)
    found = _crossings(course, limits, dates)
    ahead = {
        (limit.key.subject, limit.key.metric): Ahead(
            points,
            _note(values.get(limit.key.metric)),
            document.Limit(limit.value, "limit") if limit in found and not limit.server else None,
            found.get(limit),
        )
        for limit, points in zip(limits, _points(course, band), strict=True)
        if points.at
    }
    made: tuple[Forecast, ...] = ()
    if _due(facts):
        made = (*_values(course, limits, band, values), *_dates(limits, found))
    return Foretold(
        ahead=ahead,
        looming=tuple(_looming(facts, limit, passage, dates.get(limit.key.metric)) for limit, passage in found.items()),
        made=made,
        scores=judged,
        records=known,
        series=int((np.isfinite(course.points).sum(axis=1) >= LEAST_POINTS).sum()),
    )


# --- what has a limit -----------------------------------------------------------------------------------------------


def _limits(facts: Facts) -> Iterator[Limit]:
    host = text.visible(facts.snapshot.host, 60)
    full = words.percent(FULL_PERCENT / 100, 0)
    for key in facts.readings.keys:
        if key.metric == "disk_used":
            mount = text.visible(key.subject, 60)
            yield Limit(key, False, FULL_PERCENT, f"Disk {mount} of {host} reaches {full}", "host.html")
        elif key.metric in _HOST:
            yield Limit(key, False, FULL_PERCENT, f"{_HOST[key.metric]} of {host} reaches {full}", "host.html")
        elif key.metric == "latency":
            standing = facts.by_id[key.subject]
            objective = standing.server.latency_objective_seconds if standing.server else None
            if objective is not None:
                what = f"{standing.name} answers slower than its objective of {words.seconds(objective)}"
                yield Limit(key, True, objective, what, f"{standing.page}#latency")
    for standing in facts.current:
        if standing.server and standing.server.objective is not None and standing.server.objective < 1:
            key = Reading(standing.id, "budget_spent")
            yield Limit(key, True, 1.0, f"The error budget of {standing.name} is spent", f"{standing.page}#states")


def _course(facts: Facts, limits: tuple[Limit, ...]) -> Course:
    """The readings of the limits on cells of `STEP`, and the spent budgets beside them."""
    readings = facts.readings
    keys = tuple(limit.key for limit in limits)
    if not limits or not len(readings.frame):
        return Course(keys, np.full((len(keys), 0), np.nan), facts.now, STEP)
    measured, start, step = _cells(readings)
    place = {key: column for column, key in enumerate(readings.keys)}
    rows = [measured[:, place[key]] if key in place else np.full(len(measured), np.nan) for key in keys]
    points = np.array(rows, np.float64)
    ends = np.minimum(start + step * np.arange(1, len(measured) + 1), facts.now)
    for row, limit in enumerate(limits):
        if limit.key.metric == "budget_spent":
            standing = facts.by_id[limit.key.subject]
            objective = standing.server.objective if standing.server else None
            points[row] = spent_shares(facts.ledger, standing.index, ends, PERIOD_DAYS * DAY, 1 - (objective or 0))
    return Course(keys, points, start, step)


def _cells(readings: Readings) -> tuple[Floats, float, float]:
    """The grid of the readings in cells of `STEP` that begin at whole steps of UTC: values, first beginning, step."""
    values = readings.frame.to_numpy(np.float64)
    start = float(readings.frame.index[0].timestamp())
    if readings.step_seconds >= STEP:
        return values, start, readings.step_seconds
    width = round(STEP / readings.step_seconds)
    begin = np.floor(start / STEP) * STEP
    front = round((start - begin) / readings.step_seconds)
    back = -(front + len(values)) % width
    padded = np.pad(values, ((front, back), (0, 0)), constant_values=np.nan)
    return mean(padded.reshape(-1, width, values.shape[1]), axis=1), float(begin), STEP


# --- values ---------------------------------------------------------------------------------------------------------


def bands(course: Course, known: Mapping[str, ForecastRecord]) -> Floats:
    """3 x series x cells ahead: lower, middle, upper; NaN where nothing is said."""
    rows, cells = course.points.shape
    horizon = min(round(MOST_DAYS * DAY / course.step), cells // 2)
    if not rows or horizon < 1:
        return np.full((3, rows, 0), np.nan)
    lower, middle, upper = forecasts(course.points, course.step, horizon, LEVEL)
    seen = np.isfinite(course.points)
    lived = cells - np.where(seen.any(axis=1), seen.argmax(axis=1), cells)
    record = [known.get(key.metric) for key in course.keys]
    wider = np.array([one.widened if one else 1.0 for one in record])[:, None]
    silent = np.array([one is not None and one.silent for one in record])
    silent |= np.array([key.metric == "budget_spent" for key in course.keys])  # a sum of outages has dates, no course
    unsaid = silent[:, None] | (np.arange(horizon) >= (lived // 2)[:, None])
    caps = np.array([_cap(key.metric) for key in course.keys])[:, None]
    floor = np.where(np.nanmin(course.points, axis=1, initial=np.inf) >= 0, 0.0, -np.inf)[:, None]
    wide = (middle - (middle - lower) * wider, middle, middle + (upper - middle) * wider)
    return np.stack([np.where(unsaid, np.nan, np.clip(part, floor, caps)) for part in wide])


def _cap(metric: str) -> float:
    cap = METRICS[metric].cap
    return np.inf if cap is None else cap


def _points(course: Course, band: Floats) -> Iterator[Points]:
    """As drawn: each value in the middle of its cell."""
    for lower, middle, upper in zip(*band, strict=True):
        there = np.flatnonzero(np.isfinite(middle))
        at = (course.end + (there + 0.5) * course.step).astype(np.int64)
        yield Points(tuple(at.tolist()), *(rounded(part[there]) for part in (middle, lower, upper)))


def _note(record: ForecastRecord | None) -> str:
    """Forecast with a 90 % interval; the 90 % interval held 88 % of 1,240 points."""
    said = record.sentence if record else "no forecast of this kind has come due yet"
    return f"Forecast with a {words.percent(LEVEL, 0)} interval: {said}."


def _values(
    course: Course, limits: tuple[Limit, ...], band: Floats, known: Mapping[str, ForecastRecord]
) -> Iterator[Forecast]:
    """What is stored of the bands: the cells that end so many days ahead."""
    for row, limit in enumerate(limits):
        seen = np.flatnonzero(np.isfinite(course.points[row]))
        record = known.get(limit.key.metric)
        for days in STORED_DAYS:
            cell = round(days * DAY / course.step) - 1
            if not 0 <= cell < band.shape[2] or not np.isfinite(band[:, row, cell]).all():
                continue
            lower, middle, upper = (float(part) for part in band[:, row, cell])
            yield Forecast(
                server=limit.server,
                subject=limit.key.subject,
                metric=limit.key.metric,
                due_at=moment(course.end + (cell + 1) * course.step),
                level=LEVEL,
                lower=lower,
                mean=middle,
                upper=upper,
                naive=float(course.points[row, seen[-1]]),
                widened=record.widened if record else 1.0,
            )


# --- dates ----------------------------------------------------------------------------------------------------------


def _crossings(course: Course, limits: tuple[Limit, ...], known: Mapping[str, ForecastRecord]) -> dict[Limit, Passage]:
    """The limits that are not reached yet and will be, within 30 days."""
    asked = [
        row for row, limit in enumerate(limits) if (record := known.get(limit.key.metric)) is None or not record.silent
    ]
    if not asked or not course.points.shape[1]:
        return {}
    steps = crossings(
        course.points[asked],
        np.array([limits[row].value for row in asked]),
        course.step,
        horizon_days=MOST_DAYS,
        level=DATE_LEVEL,
    )
    last = course.end - course.step / 2
    found = {}
    for row, (eta, early, late) in zip(asked, steps.tolist(), strict=True):
        if np.isfinite(eta) and eta > 0:
            times = (moment(max(last + step * course.step, course.end)) for step in (eta, early, late))
            found[limits[row]] = Passage(*times)
    return found


def _dates(limits: tuple[Limit, ...], found: Mapping[Limit, Passage]) -> Iterator[Forecast]:
    for limit in limits:
        if limit in found:
            passage = found[limit]
            yield Forecast(
                server=limit.server,
                subject=limit.key.subject,
                metric=limit.key.metric,
                due_at=passage.latest,
                level=DATE_LEVEL,
                lower=passage.earliest.timestamp(),
                mean=passage.eta.timestamp(),
                upper=passage.latest.timestamp(),
                limit=limit.value,
            )


def _looming(facts: Facts, limit: Limit, passage: Passage, record: ForecastRecord | None) -> Looming:
    said = record.sentence if record else "none of this kind has come due yet"
    return Looming(
        what=limit.what,
        earliest=passage.earliest,
        latest=passage.latest,
        when=in_words(facts.at, passage),
        record=f"{words.percent(DATE_LEVEL, 0)} range; {said}",
        page=limit.page,
    )


def in_words(now: datetime, passage: Passage) -> str:
    """in 9 days (6–15)"""
    hours = [(at - now).total_seconds() / 3600 for at in (passage.eta, passage.earliest, passage.latest)]
    unit = "day" if hours[0] >= 48 else "hour"
    middle, first, last = (max(round(value / (24 if unit == "day" else 1)), 0) for value in hours)
    if unit == "hour" and middle < 1:
        return "within the hour"
    span = f" ({first}–{last})" if first != last else ""
    return f"in {words.plural(middle, unit)}{span}".replace(" ", words.NBSP)


def _due(facts: Facts) -> bool:
    """Whether this is the first report of its UTC day: more often would fill the record with the same forecast."""
    made = facts.history.forecasts["made_at"]
    today = facts.at - timedelta(hours=facts.at.hour, minutes=facts.at.minute, seconds=facts.at.second)
    return not len(made) or bool(made.max() < today.replace(microsecond=0))
