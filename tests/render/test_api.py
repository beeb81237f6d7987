"""The files for programs keep their public keys, exactly and without danger."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest

from caelum_report import codec
from caelum_report.render import api, render
from caelum_report.render.markdown import markdown, text

from . import sample_reports

KEYS = [
    "id",
    "name",
    "slug",
    "transport",
    "era",
    "protocol_version",
    "supported_versions",
    "status",
    "failure",
    "stage",
    "reason",
    "latency_seconds",
    "tools",
    "resources",
    "prompts",
    "rss_bytes",
    "uptime",
]


@pytest.fixture(scope="module")
def files():
    return dict(render(sample_reports.hostile_report(), pdf=False).files)


def test_servers_json_has_its_public_keys(files):
    document = json.loads(files["api/v1/servers.json"])
    assert len(document["servers"]) == len(sample_reports.HOSTILE_NAMES)
    for server in document["servers"]:
        assert set(KEYS) <= set(server)
        assert server["failure"] is not None
        assert isinstance(server["tools"], int)
        assert "handshake" in server["latency_seconds"]
        assert set(server["uptime"]) == {"day", "week", "month", "quarter", "year"}


def test_an_identifier_is_exact_and_a_name_is_visible(files):
    servers = json.loads(files["api/v1/servers.json"])["servers"]
    assert [server["id"] for server in servers] == list(sample_reports.HOSTILE_NAMES)
    assert "<U+202E>gnp.exe" in [server["name"] for server in servers]


def test_json_is_ascii(files):
    for path, content in files.items():
        if path.endswith(".json"):
            assert content.isascii(), path
            assert b"\x7f" not in content, path


def test_each_server_has_its_record_and_its_series(files):
    for server in json.loads(files["api/v1/servers.json"])["servers"]:
        record = json.loads(files[f"api/v1/servers/{server['slug']}.json"])["server"]
        assert record["id"] == server["id"]
        assert record["tool_list"][0]["schema"] == '{"</script>":1}'
        series = json.loads(files[f"api/v1/metrics/{server['slug']}.json"])["series"]
        rows = list(csv.DictReader(io.StringIO(files[f"api/v1/metrics/{server['slug']}.csv"].decode())))
        assert len(rows) == sum(len(one["at"]) for one in series)
        assert rows[0]["at"].endswith("Z")
        assert float(rows[0]["value"]) == series[0]["value"][0]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell):
    assert api.guarded(cell) == f"'{cell}"


def test_latest_says_what_a_page_compares_with():
    report = sample_reports.fleet_report()
    latest = api.latest(report)
    assert latest["id"] == report.id
    assert latest["number"] == 4217
    assert latest["next_due"] == "2026-11-22T14:00:00Z"
    assert latest["tally"] == {"down": 1, "degraded": 3, "auth-walled": 1, "unknown": 1, "maintenance": 1, "up": 17}


def test_report_json_is_the_whole_document():
    report = sample_reports.first_report()
    assert codec.from_json(render(report, pdf=False).files["report.json"]) == report


def test_a_figure_that_json_cannot_hold_is_no_figure_in_any_file():
    report = sample_reports.fleet_report()
    odd = dataclasses.replace(report.servers[0], total_seconds=float("nan"))
    site = render(dataclasses.replace(report, servers=(odd, report.servers[1])), pdf=False)
    assert [note.code for note in site.notes] == []
    assert "api/v1/servers/api-gateway.json" in site.files

    def refused(constant: str) -> None:
        raise AssertionError(constant)

    for path, body in site.files.items():
        if path.endswith(".json"):
            json.loads(body, parse_constant=refused)


def test_markdown_tells_page_one():
    lines = markdown(sample_reports.fleet_report()).decode().splitlines()
    assert lines[0] == "# One server is down and three are degraded. One cause explains three of the four."
    heads = [line for line in lines if line.startswith("## ")]
    assert heads == [
        "## Needs action",
        "## Changed since #4216",
        "## SLO and budget",
        "## Looming",
        "## Worth doing",
        "## Fleet, worst first",
        "## Read on",
    ]
    assert any(line.startswith("| api-gateway | Down | connect refused since 13:22 |") for line in lines)


def test_markdown_of_strangers_is_only_text():
    assert text("<script>*a*|[x](javascript:1)`") == "\\<script\\>\\*a\\*\\|\\[x\\](javascript:1)\\`"
    assert text("# not a title\n- nor a list") == "\\# not a title - nor a list"
    assert text("1. one & two") == "1\\. one &amp; two"
    assert [text(figure) for figure in ("99.5 %", "0.0×", "0.1.0")] == ["99.5 %", "0.0×", "0.1.0"]


def test_bottlenecks_and_forecasts_are_files_too() -> None:
    report = sample_reports.fleet_report()
    report = dataclasses.replace(
        report, bottlenecks=sample_reports.slow_times(report.servers), records=sample_reports.RECORDS
    )
    made = {
        path: json.loads(make())
        for path, make in api.files(report)
        if path.endswith(("bottlenecks.json", "forecasts.json"))
    }
    slow = made["api/v1/bottlenecks.json"]
    assert [episode["id"] for episode in slow["episodes"]] == ["slow-1", "slow-2"]
    assert slow["waits"][0]["share"] == 0.4
    record = made["api/v1/forecasts.json"]["record"][0]
    assert (record["held"], record["n"]) == (1091, 1240)
