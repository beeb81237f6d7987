"""usage.html, tools.html and a server's usage: with nothing measured, a little, and a fleet of 20,000 tools."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from caelum_report.document import Report, ServerUsage, ToolReport, ToolUsage, UsageReport, UsedTogether
from caelum_report.model import Tool
from caelum_report.render import render, week

from . import sample_reports
from .test_pages import by_id, text

NASTY = "<script>alert('x')</script>\u202e\x1b[31m=1+1"


def with_usage(report: Report, **said: Any) -> Report:
    servers = [server for server in report.servers if not server.retired]
    since = report.at - timedelta(days=30)
    usage = UsageReport(
        start=since,
        calls=4000,
        errors=40,
        servers=tuple(
            ServerUsage(s.id, "tap", since, 1000, 900, 10, 500.0, 0.2, 2.5, 9.0, 3, ("idle",), 60, "")
            if number % 2 == 0
            else ServerUsage(s.id, None, None, 0, None, 0, 0.0, None, None, None, 0, (), 0, "")
            for number, s in enumerate(servers)
        ),
        tools=tuple(
            ToolUsage(s.id, f"tool-{n}", 100 - n, n, 50.0 + n, 0.2, 1.0 + n, 9.0, report.at)
            for s in servers[::2]
            for n in range(3)
        ),
        week=tuple(tuple(float(day * hour) for hour in range(24)) for day in range(7)),
        weeks=4.3,
        busiest="Tuesdays from 15:00 to 16:00, 120 calls on average.",
        quietest="Sundays from 02:00 to 06:00, 0 calls on average: a time for maintenance.",
        sources=("12 by tap logs",),
    )
    return replace(report, usage=replace(usage, **said))


def pages(report: Report) -> dict[str, bytes]:
    site = render(report, pdf=False)
    assert site.notes == ()
    return site.files


@pytest.mark.parametrize("report", [sample_reports.first_report, sample_reports.fleet_report])
def test_nothing_measured_says_how_to_begin(report) -> None:
    files = pages(report())
    page = files["usage.html"]
    assert b"Real usage is not measured yet." in page
    assert "caelum-report init --tap" in text(by_id(page, "how"))
    assert "Not measured" in text(by_id(page, "servers"))
    assert "Not measured yet" in text(by_id(files["tools.html"], "most-called"))
    assert b'<svg class="cx' not in page
    assert json.loads(files["api/v1/usage.json"])["calls"] == 0


def test_a_measured_fleet_in_words_tables_and_files() -> None:
    report = with_usage(sample_reports.fleet_report())
    files = pages(report)
    first, second = report.usage.servers[:2]
    assert "4\u202f000 calls of" in files["usage.html"].decode()
    rows = list(by_id(files["usage.html"], "servers").iter("tr"))
    assert len(rows) == 1 + sum(server.source is not None for server in report.usage.servers)
    assert "not measured" in text(by_id(files["usage.html"], "servers"))
    slugs = {server.id: server.slug for server in report.servers}
    assert "1 000 calls" in text(by_id(files[f"servers/{slugs[first.server]}.html"], "usage"))
    assert "Not measured" in text(by_id(files[f"servers/{slugs[second.server]}.html"], "usage"))
    for part in ("most-called", "slowest", "most-waited", "failing", "unused", "all"):
        assert by_id(files["tools.html"], part) is not None
    table = list(csv.DictReader(io.StringIO(files["api/v1/usage.csv"].decode())))
    assert (table[0]["server"], table[0]["calls"], table[0]["source"]) == (first.server, "100", "tap")
    told = json.loads(files["api/v1/usage.json"])
    assert [server["calls"] for server in told["servers"]] == [server.calls for server in report.usage.servers]


def test_every_tool_is_an_anchor_that_leads_to_its_server() -> None:
    report = sample_reports.fleet_report()
    links = [text(link) for link in by_id(pages(report)["tools.html"], "all").iter("a")]
    assert sorted(links) == sorted(t.tool.name for s in report.servers if not s.retired for t in s.tools)


def test_names_from_elsewhere_are_text_in_every_face() -> None:
    report = sample_reports.first_report()
    seen = ServerUsage(NASTY, "claude-code", report.at, 9, None, 1, 9.0, 1.0, 2.0, 3.0, 1, (), 0, NASTY, 0.01)
    files = pages(
        with_usage(
            report,
            servers=(seen,),
            tools=(ToolUsage(NASTY, NASTY, 9, 1, 9.0, 1.0, 2.0, 3.0, report.at),),
            together=(UsedTogether(NASTY, NASTY, "b", NASTY, 7, 1.5),),
        )
    )
    for name in ("usage.html", "tools.html"):
        assert b"<script>alert" not in files[name]
    assert next(csv.DictReader(io.StringIO(files["api/v1/usage.csv"].decode())))["tool"] == NASTY
    assert files["api/v1/usage.json"].isascii()


def test_a_thousand_servers_with_twenty_thousand_tools() -> None:
    report = sample_reports.large_report(1000)
    tools = tuple(ToolReport(Tool(f"tool-{n}", tokens=50), None, None) for n in range(20))
    report = replace(report, servers=tuple(replace(s, tools=tools, charts=()) for s in report.servers))
    from caelum_report.render import pages as laid_out
    from caelum_report.render.pages import tools as tools_page
    from caelum_report.render.pages import usage as usage_page

    report = with_usage(report)
    view = laid_out.view_of(report, sha256="0" * 64, pdf=False, static_version="0", drawings={}, notes=[])
    page = laid_out.write(view, tools_page.PAGE)
    sheets = {sheet.path: laid_out.write(view, sheet) for sheet in tools_page.sheet_pages_of(report)}
    assert view.notes == []
    assert len(page) < 100_000
    assert max(map(len, sheets.values())) < 300_000
    assert all(f'href="{path}"'.encode() in page for path in sheets)
    listed = [server for server in report.servers if not server.retired]
    assert sum(sheet.count(b"<details") for sheet in sheets.values()) == len(listed)
    assert b'<details class="tool-list" open' not in sheets["tools/1.html"]
    for server in (listed[0], listed[-1]):
        its_own = next(one for one in laid_out.all_pages(report) if one.path == f"servers/{server.slug}.html")
        leads_to = f"{view.tool_pages[server.id]}#{tools_page.anchor(server, 20)}"
        assert f'href="../{leads_to}"'.encode() in laid_out.write(view, its_own)
        path, _, fragment = leads_to.partition("#")
        assert f'id="{fragment}"'.encode() in sheets[path]
    assert "with fewer calls are in the JSON" in text(by_id(laid_out.write(view, usage_page.PAGE), "servers"))


# --- the week -------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("skin", ["css", "light"])
def test_the_week_is_clean_and_its_highest_bar_is_its_busiest_hour(skin) -> None:
    usage = with_usage(sample_reports.fleet_report()).usage
    drawn = week.week_heat_map(usage, skin)
    assert drawn == week.week_heat_map(usage, skin)
    assert "Mon" in {element.text for element in ET.fromstring(drawn.narrow).iter(f"{SVG}text")}
    svg = ET.fromstring(drawn.wide)
    for element in svg.iter():
        assert "style" not in element.attrib
        assert element.tag.removeprefix(SVG) in {"svg", "title", "desc", "path", "text"}
    words = [element.text for element in svg.iter(f"{SVG}text")]
    assert {"Mon", "Sun", "00:00", "21:00"} <= set(words)
    if skin == "css":
        count = dict.fromkeys(range(1, 6), 0)
        for path in svg.iter(f"{SVG}path"):
            count[int(path.get("class", "").removeprefix("cx-heat-"))] += path.get("d", "").count("M")
        flat = [value for day in usage.week for value in day if value is not None]
        assert sum(count.values()) == sum(value >= 0.1 * max(flat) for value in flat)
        assert count[5] == sum(value >= 0.9 * max(flat) for value in flat)


def test_of_a_week_that_is_not_over_there_is_no_picture() -> None:
    usage = with_usage(sample_reports.fleet_report()).usage
    assert week.week_heat_map(replace(usage, week=((None, *usage.week[0][1:]), *usage.week[1:]))) is None
    assert week.week_heat_map(replace(usage, week=((0.0,) * 24,) * 7)) is None
    assert week.week_heat_map(UsageReport()) is None
