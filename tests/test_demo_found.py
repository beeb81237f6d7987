"""What the demonstration plants is found: each incident once, in words that are right, and nothing else is shouted about."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caelum_report import demonstration
from caelum_report.demo import HOST, PINNED, PLANTED, Planted
from caelum_report.words import stamp

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
SERIES = {"trend", "shift", "anomaly", "flapping"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    demonstration.demo(AT, folder / "h.sqlite", folder / "site", pdf=False)
    loaded: dict[str, Any] = json.loads((folder / "site" / "report.json").read_text())
    return loaded


def planted(kind: str, subject: str = "") -> list[Planted]:
    return [one for one in PLANTED if one.kind == kind and (not subject or subject in one.subjects)]


def findings(report: dict[str, Any], kind: str, server: str | None = None) -> list[dict[str, Any]]:
    return [f for f in report["findings"] if f["kind"] == kind and (server is None or f["server"] == server)]


def percent(title: str) -> float:
    number = re.search(r"(\d+)\u00a0%", title)
    assert number
    return float(number[1])


def near(moment: str, expected: datetime, hours: float) -> bool:
    return abs(datetime.fromisoformat(moment) - expected) <= timedelta(hours=hours)


def test_the_drift_is_a_trend_of_its_size(report: dict[str, Any]) -> None:
    (drift,) = planted("drift")
    (found,) = findings(report, "trend", drift.subjects[0])
    assert found["metric"] == "latency"
    assert "longer to answer than 30 days ago" in found["title"]
    assert percent(found["title"]) == pytest.approx(100 * drift.size, abs=10)


def test_the_leak_is_a_growth_of_memory_and_told_once(report: dict[str, Any]) -> None:
    (leak,) = planted("leak")
    (found,) = findings(report, "trend", leak.subjects[0])
    assert found["metric"] == "rss"
    size = re.search(r"grows by (\d+)\u00a0MiB a day", found["title"])
    assert size
    assert float(size[1]) / 1024 == pytest.approx(leak.size, rel=0.1)
    assert not [f for f in report["findings"] if f["metric"] == "host_memory"], "the host's memory is the leak's"


def test_the_level_shifts_have_their_size_and_their_hour(report: dict[str, Any]) -> None:
    assert len(findings(report, "shift")) == len(planted("shift"))
    for shift in planted("shift"):
        (found,) = findings(report, "shift", shift.subjects[0])
        words = "longer to answer" if shift.size > 1 else "less time to answer"
        assert words in found["title"]
        assert percent(found["title"]) == pytest.approx(100 * abs(shift.size - 1), abs=5)
        assert near(found["since"], shift.begins_at(AT), 2)


def test_the_noisy_neighbour_is_one_item(report: dict[str, Any]) -> None:
    (noise,) = planted("noisy-neighbour")
    (found,) = findings(report, "anomaly")
    assert re.fullmatch(rf"\d+ servers slowed with the CPU of {HOST} on 17\u00a0Nov 12:00\.", found["title"])
    assert near(found["since"], noise.begins_at(AT), 1)
    assert "CPU 9" in found["cause"]


def test_the_flapping_of_the_past_is_one_item(report: dict[str, Any]) -> None:
    (flaps,) = planted("flapping")
    (found,) = findings(report, "flapping")
    assert found["server"] == flaps.subjects[0]
    assert near(found["since"], flaps.begins_at(AT), 2)


def test_outages_are_states_now_and_episodes_then(report: dict[str, Any]) -> None:
    servers = {server["id"]: server for server in report["servers"]}
    for outage in planted("outage"):
        name = outage.subjects[0]
        starts = Counter(
            e["start"]
            for e in servers[name]["episodes"]
            if e["status"] == "down" and near(e["start"], outage.begins_at(AT), 0)
        )
        assert starts == {stamp(outage.begins_at(AT)): 1}
        assert len(findings(report, "state", name)) == (1 if outage.ends_at(AT) is None else 0)


def test_every_tool_change_is_in_the_ledger_once(report: dict[str, Any]) -> None:
    changed = {(one.subjects[0], stamp(one.begins_at(AT))) for one in planted("contract")}
    assert {(change["server"], change["at"]) for change in report["contract"]} == changed
    assert len({(change["server"], change["title"]) for change in report["contract"]}) == len(report["contract"])
    for one in planted("contract"):
        severities = [c["severity"] for c in report["contract"] if c["server"] == one.subjects[0]]
        assert one.text.partition(":")[0].lower() in severities


def test_an_agreed_offer_is_said_where_its_tools_are(report: dict[str, Any]) -> None:
    ((name, hours),) = PINNED
    (server,) = (server for server in report["servers"] if server["id"] == name)
    assert (server["pin"]["at"], server["pin"]["holds"]) == (stamp(AT - timedelta(hours=hours)), True)
    assert not findings(report, "contract", name)


def test_nothing_else_is_shouted_about(report: dict[str, Any]) -> None:
    told = {f["server"] for f in report["findings"] if f["needs_action"]}
    lasting = {"outage", "auth-wall", "slow", "config-error", "contract", "certificate"}
    meant = {one.subjects[0] for one in PLANTED if one.kind in lasting and one.ends_hours <= 0}
    assert told <= meant
    assert meant - told <= {one.subjects[0] for one in planted("contract")}, "older changes of tools need nobody now"
    series = [f for f in report["findings"] if f["kind"] in SERIES]
    wanted = sum(len(planted(kind)) for kind in ("drift", "leak", "shift", "noisy-neighbour", "flapping"))
    assert len(series) == wanted
    assert not any(f["needs_action"] for f in series)


def test_changes_are_those_since_the_report_before(report: dict[str, Any]) -> None:
    assert (report["number"], report["previous"]["number"]) == (2, 1)
    assert report["previous"]["at"] == stamp(AT - timedelta(days=1))
    worse = {name for change in report["changes"] if change["direction"] == "worse" for name in change["servers"]}
    fresh = {
        name
        for one in PLANTED
        if one.kind in {"outage", "dependants", "auth-wall", "slow", "contract"}
        and one.begins_hours < 24
        and one.ends_hours <= 0
        for name in one.subjects
    }
    assert worse == fresh
