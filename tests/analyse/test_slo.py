"""The ledger of objectives: known answers, and an outsider who has only the CSV."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from caelum_report import analyse, store
from caelum_report.analyse.slo import wilson
from caelum_report.configured import Config
from caelum_report.document import Report, SloReport
from caelum_report.model import Failure, Objective, Snapshot, Window
from caelum_report.render.alarms_api import ledger_csv
from tests.alerts.fleet import HOUR, START, Course, config, server, snapshot

# An outsider's script: it reads the ledger's CSV, and nothing else, and works every figure of every objective out anew.
RECOMPUTE = """\
import csv, math, sys, json
from datetime import datetime
from itertools import groupby
def seconds(rows, kind, start, end):
    return sum(max(0.0, min(r["end"], end) - max(r["start"], start)) for r in rows if r["counts_as"] == kind)
table = list(csv.DictReader(open(sys.argv[1], newline="")))
for r in table:
    r.update({k: datetime.fromisoformat(r[k]).timestamp() for k in ("start", "end")}, unseen=float(r["unseen_seconds"]))
found = {}
for (name, target, days), group in groupby(table, key=lambda r: (r["objective"], float(r["target"]), int(r["period_days"]))):
    rows = list(group); now = max(r["end"] for r in rows); start = now - days * 86400; f = found[name] = {}
    up, down = seconds(rows, "up", start, now), seconds(rows, "down", start, now); n = sum(int(r["checks"]) for r in rows if r["counts_as"] in ("up", "down"))
    p = f["achieved"] = up / (up + down) if up + down >= 86400 else None
    f.update(up_seconds=up, down_seconds=down, checks=n, maintenance_seconds=seconds(rows, "maintenance", start, now), unknown_seconds=seconds(rows, "unknown", start, now))
    z = 1.959964; half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n) if p is not None and n else None
    middle = (p + z * z / (2 * n)) / (1 + z * z / n) if half is not None else None
    f["low"], f["high"] = (max(0.0, middle - half), min(1.0, middle + half)) if half is not None else (None, None)
    f["budget_seconds"] = (up + down) * (1 - target) if up + down else None
    left = f["budget_left"] = None if p is None else 1 - (1 - p) / (1 - target) if target < 1 else float(down == 0)
    parts = {h: (seconds(rows, "up", now - h * 3600, now), seconds(rows, "down", now - h * 3600, now)) for h in (1, 6, 24, 72, 168)}
    burn = f["burns"] = {h: d / (u + d) / (1 - target) if u + d and target < 1 else None for h, (u, d) in parts.items()}
    rates = [burn[h] for h in (24, 72, 168) if burn[h]] if left is not None else []; bad = []
    f["spent_earliest_days"], f["spent_latest_days"] = (max(0, left) * days / max(rates), max(0, left) * days / min(rates)) if rates else (None, None)
    for server, mine in groupby(rows, key=lambda r: r["server"]):
        runs = [(k, list(g)) for k, g in groupby(mine, key=lambda r: r["counts_as"])]
        bad += [(g[0]["start"], server, g[-1]["end"] - g[0]["start"], g[0]["unseen"], i < len(runs) - 1) for i, (k, g) in enumerate(runs) if k == "down"]
    over = [s for _, _, s, _, ended in bad if ended]; f["incidents"] = len(bad); f["latest"] = sorted(bad, reverse=True)[:100]
    f["recovery_seconds"], f["detection_seconds"] = sum(over) / len(over) if over else None, sum(b[3] for b in bad) / len(bad) if bad else None
print(json.dumps(found))
"""
DAYS = 12


def fleet() -> Config:
    window = Window(START + 50 * HOUR, START + 54 * HOUR, "storage")
    return config(
        server("steady", objective=0.995),
        server("outages", objective=0.99, group="Core", maintenance=(window,)),
        server("new", objective=0.999, group="Core"),
        server("perfect", objective=1.0),
        server("walled", objective=0.9),
        server("without", group="Core"),
        objectives=(
            Objective("core services", 0.98, groups=("Core",), period_days=7),
            Objective("two days", 0.99, servers=("steady", "outages"), period_days=2),
            Objective("never", 1.0, servers=("outages",), period_days=5),
        ),
    )


def failing(hour: int) -> dict[str, Failure]:
    found = {}
    if hour in {20, 21, 22, 51, 100, 101, 285, 286, 287}:
        found["outages"] = Failure.CONNECT_ERROR if hour != 21 else Failure.TIMEOUT
    if hour % 50 == 7:
        found["without"] = Failure.HTTP_5XX
    if 30 <= hour < 60:
        found["walled"] = Failure.AUTH_REQUIRED
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    settings = fleet()
    course = Course(settings, tmp_path_factory.mktemp("slo") / "history.sqlite")
    taken = snapshot(settings, START)
    with store.open_store(str(course.path)) as database, store.batch(database):
        for hour in range(DAYS * 24):
            if 150 <= hour < 156:
                continue  # the host slept
            taken = snapshot(settings, START + hour * HOUR + (HOUR / 2 if hour == 30 else 0 * HOUR), failing(hour))
            kept = [p for p in taken.probes if p.server != "new" or hour >= 280]
            number = store.add_snapshot(database, replace(taken, probes=tuple(kept)), settings)
    return reported(course, settings, taken, number)


def reported(course: Course, settings: Config, taken: Snapshot, number: int) -> Report:
    with store.open_store(str(course.path)) as database:
        history = store.history(database, number, analyse.ROLLED_UP)
    return analyse.report(taken, number, history, settings, ())


def of(report: Report, name: str) -> SloReport:
    return next(one for one in report.ledger.objectives if one.name == name)


def test_the_rows_of_a_server_leave_no_hole_and_no_overlap(report: Report) -> None:
    for name in {row.server for row in report.ledger.rows}:
        rows = [row for row in report.ledger.rows if row.server == name]
        assert all(before.end == after.start for before, after in pairwise(rows))
        assert rows[-1].end == report.at


def test_an_outage_counts_by_time_and_the_maintenance_and_the_sleep_do_not(report: Report) -> None:
    one = of(report, "outages")
    assert one.down_seconds == (3 + 2 + 2) * 3600  # the last outage is two hours old, and goes on
    assert one.maintenance_seconds == 4 * 3600
    assert one.up_seconds + one.down_seconds + one.maintenance_seconds + one.unknown_seconds == 30 * 86_400
    assert one.incidents == 3
    assert one.recovery_seconds == 2.5 * 3600
    assert one.detection_seconds == 3600
    assert one.spent_earliest_days is not None
    assert one.spent_latest_days is not None
    assert one.spent_earliest_days <= one.spent_latest_days
    assert [(w.reason, w.servers) for w in report.ledger.exclusions] == [("storage", ("outages",))]


def test_each_incident_says_when_it_was_seen_and_how_long_it_took(report: Report) -> None:
    newest, *others = of(report, "outages").latest
    assert (newest.over, newest.seconds, newest.unseen_seconds) == (False, 2 * 3600, 3600)
    assert [(one.start, one.seconds, one.unseen_seconds, one.over) for one in others] == [
        (START + 100 * HOUR, 2 * 3600, 3600, True),
        (START + 20 * HOUR, 3 * 3600, 3600, True),
    ]


def test_who_answers_at_the_newest_check_has_recovered(tmp_path: Path) -> None:
    settings = config(server("a", objective=0.9))
    course = Course(settings, tmp_path / "history.sqlite")
    with store.open_store(str(course.path)) as database:
        for hour in range(30):
            taken = snapshot(settings, START + hour * HOUR, {"a": Failure.TIMEOUT} if hour in {27, 28} else {})
            number = store.add_snapshot(database, taken, settings)
    made = reported(course, settings, taken, number)
    (incident,) = of(made, "a").latest
    assert (incident.over, incident.seconds) == (True, 2 * 3600)
    assert of(made, "a").checks == 30


def test_a_shorter_period_counts_its_own_checks_only(report: Report) -> None:
    """`steady` is up for twelve days in one stretch; of the last two days' 48 hours each server has 48 or 49 checks."""
    short = of(report, "two days")
    assert 2 * 48 <= short.checks <= 2 * 49
    assert short.up_seconds + short.down_seconds == 2 * 2 * 86_400
    assert [one.seconds for one in short.latest] == [2 * 3600]
    whole, wide = of(report, "steady"), of(report, "two days")
    assert whole.low is not None
    assert wide.low is not None
    assert wide.low < whole.low


def test_a_target_of_everything_has_no_burn_and_one_outage_spends_it(report: Report) -> None:
    perfect, never = of(report, "perfect"), of(report, "never")
    assert (perfect.budget_left, perfect.budget_seconds) == (1.0, 0.0)
    assert (never.budget_left, {burn.rate for burn in never.burns}) == (0.0, {None})


def test_who_refused_our_key_is_neither_up_nor_down(report: Report) -> None:
    one = of(report, "walled")
    assert (one.achieved, one.down_seconds, one.incidents) == (1.0, 0, 0)
    steady = of(report, "steady")
    assert steady.unknown_seconds < one.unknown_seconds


def test_few_checks_give_wide_bounds_and_less_than_a_day_no_share(report: Report) -> None:
    assert of(report, "new").achieved is None
    steady = of(report, "steady")
    assert steady.low is not None
    assert 0.97 < steady.low < 1 == steady.high
    few, many = wilson(1.0, 10), wilson(1.0, 1000)
    assert few[0] is not None
    assert many[0] is not None
    assert few[0] < 0.73 < 0.996 < many[0]


def test_an_outsider_recomputes_every_figure_from_the_csv_alone(report: Report, tmp_path: Path) -> None:
    assert len(RECOMPUTE.splitlines()) <= 30
    file = tmp_path / "slo.csv"
    file.write_bytes(ledger_csv(report))
    said = subprocess.run(
        [sys.executable, "-c", RECOMPUTE, file], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(said.stdout)
    assert set(found) == {one.name for one in report.ledger.objectives}
    for one in report.ledger.objectives:
        figures = asdict(one)
        figures["burns"] = {str(burn.hours): burn.rate for burn in one.burns}
        figures["latest"] = [[i.start.timestamp(), i.server, i.seconds, i.unseen_seconds, i.over] for i in one.latest]
        given = {"name", "servers", "target", "period_days", "start", "end", "page"}
        assert set(found[one.name]) == set(figures) - given, "every figure is recomputed"
        for key, value in found[one.name].items():
            if key == "latest":
                assert [row[1::3] for row in value] == [row[1::3] for row in figures[key]]  # server, over
                assert [[row[0], *row[2:4]] for row in value] == [
                    pytest.approx([row[0], *row[2:4]], abs=0.002) for row in figures[key]
                ]
                continue
            assert value == pytest.approx(figures[key], abs=0.002), f"{one.name}: {key}"


def test_no_objective_is_an_empty_ledger(tmp_path: Path) -> None:
    settings = config(server("a"))
    course = Course(settings, tmp_path / "history.sqlite")
    taken = snapshot(settings, START + timedelta(0))
    with store.open_store(str(course.path)) as database:
        number = store.add_snapshot(database, taken, settings)
    empty = reported(course, settings, taken, number)
    assert (empty.ledger.objectives, empty.ledger.rows) == ((), ())
    assert ledger_csv(empty).decode().count("\n") == 1
