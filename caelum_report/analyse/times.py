"""Times as numbers, the cadence of checks, and local days. Every array of times here is unix seconds as float64."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from caelum_report import words
from caelum_report.configured import Config
from caelum_report.document import RANGE_DAYS, RANGE_SPANS, Range
from caelum_report.history import History
from caelum_report.model import Server

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY: Final = 86_400.0
RANGE_SECONDS: Final = {name: days * DAY for name, days in RANGE_DAYS.items()}
_WHOLE: Final = 0.75  # of a range; what covers less is told by its own length
HOLD: Final = 1.5  # a check speaks for this many intervals; what lies beyond is no data
_LEAST_CADENCE: Final = 30.0  # no timer is denser than a minute; shorter distances are somebody at a terminal
USUAL_INTERVAL: Final = 3600.0  # judged by where nothing is declared and nothing learned


def told_range(name: Range, times: Floats, now: float) -> str:
    """The range in words, or how much of it there is to see: nobody has 24 hours of what began a minute ago."""
    length = now - float(times[0]) if len(times) else RANGE_SECONDS[name]
    return RANGE_SPANS[name] if length >= _WHOLE * RANGE_SECONDS[name] else f"the last {words.duration(length)}"


def unix(times: pd.Series) -> Floats:
    """Unix seconds; NaN where there is no time."""
    index = pd.DatetimeIndex(pd.to_datetime(times, utc=True)).as_unit("us")
    seconds = index.asi8 / 1e6
    seconds[index.isna()] = np.nan
    return np.asarray(seconds, np.float64)


def unix_of(index: pd.DatetimeIndex) -> Floats:
    """The same of an index that has a zone."""
    return np.asarray(index.as_unit("us").asi8 / 1e6, np.float64)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def learned_interval(at: Floats) -> float | None:
    """The usual distance of the last 25 checks, to the minute; None where fewer than four or no regularity shows.

    The median ignores nights in which a machine sleeps. Regular means: half of the distances are within a quarter of it.
    """
    gaps = np.diff(at[-25:])
    gaps = gaps[gaps > 0]
    if len(gaps) < 3:
        return None
    usual = float(np.median(gaps))
    if usual < _LEAST_CADENCE:
        return None
    if np.mean(np.abs(gaps - usual) <= usual / 4) < 0.5:
        return None
    return max(60.0, round(usual / 60) * 60.0) if usual >= 90 else usual


def run_interval(config: Config, history: History) -> float | None:
    """The cadence of runs: declared, else learned."""
    return config.every_seconds or learned_interval(unix(history.snapshots["at"]))


def server_interval(server: Server, config: Config, run: float | None, checked_at: Floats) -> float:
    """How often this server is expected to be checked, in seconds.

    A server whose own cadence is longer than the run's is checked by the first run that finds it due, so its own is
    rounded up to whole runs. Nobody knows the runs of another host but by their traces.
    """
    own = config.own_cadence(server)
    if run is None or server.host:
        return learned_interval(checked_at) or max(own, USUAL_INTERVAL)
    return max(1, math.ceil(own / run - 0.01)) * run


def midnights(at: datetime, zone: str, days: int) -> tuple[list[date], Floats]:
    """The last `days` local dates up to today, and the `days + 1` instants between which they lie."""
    here = ZoneInfo(zone)
    today = at.astimezone(here).date()
    dates = [today + timedelta(days=n) for n in range(1 - days, 2)]
    edges = [datetime(d.year, d.month, d.day, tzinfo=here).timestamp() for d in dates]
    return dates[:-1], np.asarray(edges, np.float64)
