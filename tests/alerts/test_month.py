"""A month of a fleet of thirty, and the messages that an operator would have sent. Written down first, then compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from caelum_report import codec, pipeline, store, telling
from caelum_report.alerting import Channel
from caelum_report.model import Failure, Server
from tests.deliver.receivers import receiver

from .fleet import HOUR, START, Course, config, host, server, snapshot, weekend

DAY = timedelta(days=1)
OUTAGE = (START + 3 * DAY + 9 * HOUR, START + 3 * DAY + 13 * HOUR)
FLAPPING = (START + 7 * DAY, START + 8 * DAY)
MAINTENANCE = START + 9 * DAY + 16 * HOUR  # a Saturday's work begins on Friday evening
NIGHT = (START + 15 * DAY + 22 * HOUR, START + 16 * DAY + 6 * HOUR)
ASLEEP = (START + 20 * DAY + 1 * HOUR, START + 20 * DAY + 7 * HOUR)
LEAK = START + 14 * DAY
RESTARTED = START + 28 * DAY + 6 * HOUR

# When, how many lines, and what the first one says.
EXPECTED = [
    (OUTAGE[0], 1, "api-gateway is down → 9 dependants."),
    (OUTAGE[1] + HOUR, 1, "api-gateway: down is over, 9 dependants with it."),
    (FLAPPING[0], 1, "device-orchestration is down."),
    (FLAPPING[1] + 21 * HOUR, 1, "device-orchestration: down is over."),
    (NIGHT[0], 1, "The network of here reaches none of 30 remote servers."),
    (NIGHT[1] + HOUR, 1, "here: network is over."),
    (LEAK + timedelta(hours=268), 1, "Memory of here is 92.2\u00a0%, above 92.0\u00a0%."),
    (RESTARTED + HOUR, 1, "here: host-memory is over."),
]


def fleet() -> tuple[Server, ...]:
    behind = [server(f"dependant-{n}", "api-gateway") for n in range(9)]
    others = [server(f"alone-{n:02d}") for n in range(17)]
    resting = [server(f"resting-{n}", maintenance=(weekend(MAINTENANCE, "storage"),)) for n in range(2)]
    return (server("api-gateway"), server("device-orchestration"), *behind, *others, *resting)


def failing(at: datetime) -> dict[str, Failure]:
    found = {}
    if OUTAGE[0] <= at < OUTAGE[1]:
        found |= dict.fromkeys(["api-gateway", *(f"dependant-{n}" for n in range(9))], Failure.CONNECT_ERROR)
    if FLAPPING[0] <= at < FLAPPING[1] and (at - FLAPPING[0]) // HOUR % 2 == 0:
        found["device-orchestration"] = Failure.TIMEOUT
    if MAINTENANCE <= at < MAINTENANCE + timedelta(days=2):
        found |= {"resting-0": Failure.CONNECT_ERROR, "resting-1": Failure.CONNECT_ERROR}
    return found


@pytest.mark.parametrize("reports", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_month_gives_the_messages_of_a_good_operator_and_no_other(tmp_path: Path, *, reports: bool) -> None:
    """With reports the rules about forecasts and findings are judged too, every six hours."""
    path = tmp_path / "history.sqlite"
    with receiver() as operator:
        options = {"url": operator.url, "secret": None, "headers": {}, "template": "{title}"}
        way = Channel("operator", "webhook", timeout_seconds=10, options=options)
        course = Course(config(*fleet(), database=str(path), channels=(way,)), path)
        live(course, reports=reports)
    assert [(n.at, len(n.lines), n.lines[0].title) for n in course.said] == EXPECTED
    assert [body.decode().partition(": ")[2] for _, _, body in operator.got] == [
        line.rstrip(".") for _, _, line in EXPECTED
    ]
    assert len(EXPECTED) <= 10


def live(course: Course, *, reports: bool) -> None:
    """The month, hour by hour; what a run has to tell is sent before the next one."""
    settings = course.settings
    with store.open_store(str(course.path)) as database:
        database.execute("PRAGMA synchronous = OFF")
        for hour in range(30 * 24):
            at = START + hour * HOUR
            if ASLEEP[0] <= at < ASLEEP[1]:
                continue
            leaked = max(0.0, (at - LEAK) / DAY) * 2 if at < RESTARTED else 0.0
            taken = snapshot(settings, at, failing(at), network_down=NIGHT[0] <= at < NIGHT[1])
            taken = replace(taken, host_sample=host(min(99, 69.9 + leaked)))
            told = course.lived(database, taken)
            if reports and hour >= 48 and hour % 6 == 0:
                (before,) = database.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()
                store.maintain(database, at, settings)
                (number,) = database.execute("SELECT max(id) FROM snapshots").fetchone()
                pipeline.analyse(settings, number, taken, pipeline.Stopwatch())
                rows = database.execute("SELECT payload FROM outbox WHERE id > ?", (before,))
                told += (late := [codec.notice_from_json(payload) for (payload,) in rows])
                course.said += late
            if told:
                telling.send_out(settings, at)
