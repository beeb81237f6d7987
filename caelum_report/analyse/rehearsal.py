"""Rules about anomalies and forecasts on the history: what each look would have shown, from what was known then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import pandas as pd

from caelum_report.alerting import Observation, Rule
from caelum_report.configured import Config
from caelum_report.history import History

from .alarming import RECENT, Watched, anomalous, looming, observed, watched
from .anomaly import anomalies

_HOUR = pd.Timedelta(hours=1)


def rehearse(
    rule: Rule, history: History, config: Config, looks: Sequence[datetime]
) -> Iterator[tuple[datetime, tuple[Observation, ...]]]:
    """For each look in turn the observations of one `anomaly` or `forecast` rule.

    An anomaly is scored from earlier values only, so one pass over the whole series says what every look would have seen.
    A forecast is made anew for each look: about 10 ms a subject where the limit is near.
    """
    subjects = list(watched(rule, history, config))
    flags = [anomalies(one.series)["flag"] for one in subjects] if rule.kind == "anomaly" else []
    for at in looks:
        closed = pd.Timestamp(at) - _HOUR
        if rule.kind == "anomaly":
            found = [
                observed(rule, one, config, anomalous(flag.loc[:closed].iloc[-RECENT:], one))
                for one, flag in zip(subjects, flags, strict=True)
            ]
        else:
            found = [observed(rule, one, config, looming(rule, _until(one, closed))) for one in subjects]
        yield at, tuple(found)


def _until(one: Watched, closed: pd.Timestamp) -> Watched:
    return Watched(one.subject, one.server, one.said, one.unit, one.series.loc[:closed])
