"""Rules on history, each on what it is judged by: single runs, stored reports, or the hours that have closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from caelum_report.alerting import ANALYSED, Observation, Rule
from caelum_report.configured import Config

if TYPE_CHECKING:
    from caelum_report.alerts import Replay

MOST_LOOKS: Final = 240  # forecasts cost 10 ms each; of a month every third hour is looked at


def replays(
    database: sqlite3.Connection, settings: Config, rule: str | None, since: datetime, at: datetime
) -> Iterator[Replay]:
    """The rule of that name, or each; in the order of the configuration. Rules that explain each other are played together."""
    from caelum_report import alerts, store

    every = settings.every_seconds or store.cadence(database)
    wanted = [one for one in settings.rules if rule in {None, one.name}]
    found: dict[str, Replay] = {}
    if any(one.kind not in ANALYSED for one in wanted):
        runs = store.runs_since(database, since, every)
        found = {one.rule.name: one for one in alerts.replay(settings.rules, runs, settings, every)}
    for one in wanted:
        if one.kind == "finding":
            yield alerts.replay_looks(one, _reports(database, one, since), settings, every)
        elif one.kind in ANALYSED:
            step = max(every, 3600.0, (at - since).total_seconds() / MOST_LOOKS)
            yield alerts.replay_looks(one, _hours(database, settings, one, (since, at, step)), settings, step)
        else:
            yield found[one.name]


def _reports(
    database: sqlite3.Connection, rule: Rule, since: datetime
) -> Iterator[tuple[datetime, tuple[Observation, ...]]]:
    from caelum_report import analyse, codec, store

    for document in store.reports_since(database, since):
        report = codec.from_json(document)
        yield report.at, tuple(analyse.finding_observations(rule, report))


def _hours(
    database: sqlite3.Connection, settings: Config, rule: Rule, when: tuple[datetime, datetime, float]
) -> Iterator[tuple[datetime, tuple[Observation, ...]]]:
    from caelum_report import analyse, store

    since, at, step = when
    newest = store.latest_snapshot(database)
    if newest is None:
        return
    history = store.history(database, newest, (rule.metric or "",))
    if history.rollups.empty:
        return
    known = history.rollups["at"].min().to_pydatetime() + timedelta(hours=1)
    first = max(since, known)
    looks = [at - timedelta(seconds=step * n) for n in range(int((at - first).total_seconds() // step), -1, -1)]
    yield from analyse.rehearse(rule, history, settings, looks)
