"""dashboards/NAME.html shows what its block asked for, in its order; with `pdf = true` so does the PDF."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import html5lib
import pytest

from caelum_report.dashboards import DashboardReport, PanelReport
from caelum_report.document import Report
from caelum_report.render import pdf, render

from . import sample_reports

SERVERS = ("api-gateway", "agentic-workflow")


def with_dashboard(report: Report) -> Report:
    charts = tuple(
        dataclasses.replace(chart, id=f"mine-2-{server.slug}", title=server.name)
        for server in report.servers
        for chart in server.charts
        if server.id in SERVERS and (chart.metric, chart.range) == ("latency", "day")
    )
    panels = (
        PanelReport("<States>", "state", "states", SERVERS),
        PanelReport("Speed", "latency", "line", SERVERS, tuple(chart.id for chart in charts), rest=3),
        PanelReport("Days", "state", "heat-map", (*SERVERS, "code-analysis")),
        PanelReport("Numbers", "latency", "numbers", SERVERS, tuple(chart.id for chart in charts)),
        PanelReport("Lost", "rss", "line", empty="No server is called <x>; did you mean y?"),
    )
    own = DashboardReport("mine", "My <own>", "me", "day", panels, pdf=True)
    return dataclasses.replace(report, servers=report.servers[:14], dashboards=(own,), dashboard_charts=charts)


@pytest.fixture(scope="module")
def report() -> Report:
    return sample_reports.with_few_charts(with_dashboard(sample_reports.fleet_report()), 0)


@pytest.fixture(scope="module")
def files(report: Report):
    return render(report, pdf=False).files


def words(element) -> str:
    return " ".join("".join(element.itertext()).split())


def test_the_panels_stand_in_their_order(files) -> None:
    page = html5lib.parse(files["dashboards/mine.html"].decode(), namespaceHTMLElements=False)
    assert words(page.find(".//h1")) == "My <own>"
    assert [words(head) for head in page.iter("h2")] == ["<States>", "Speed", "Days", "Numbers", "Lost"]
    panels = {section.get("id"): section for section in page.iter("section")}
    assert [words(row.find("./th")) for row in panels["panel-1"].iterfind(".//tbody/tr")] == list(SERVERS)
    assert len(list(panels["panel-2"].iter("figure"))) == 2
    assert "3 more" in words(panels["panel-2"])
    assert panels["panel-3"].find(".//{http://www.w3.org/2000/svg}svg") is not None
    assert [words(row.find("./th")) for row in panels["panel-4"].iterfind(".//tbody/tr")] == list(SERVERS)
    assert "No server is called <x>; did you mean y?" in words(panels["panel-5"])


def test_every_page_leads_there_and_its_points_are_files(files) -> None:
    assert b'href="dashboards/mine.html"' in files["index.html"]
    facts = json.loads(files["api/v1/dashboards/mine.json"])
    assert facts["dashboard"]["panels"][1]["charts"] == [f"mine-2-{name}" for name in SERVERS]
    rows = files["api/v1/dashboards/mine.csv"].decode().splitlines()
    assert len(rows) == 1 + sum(len(one["at"]) for one in facts["series"])


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils: apt-get install -y poppler-utils")
def test_it_stands_on_paper_where_asked(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf.document(report))
    text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, encoding="utf-8", check=True).stdout
    places = [text.index(word) for word in ("My <own>", "<States>", "Speed", "Days", "Numbers", "Lost")]
    assert places == sorted(places)


def test_an_empty_fleet_has_a_whole_page() -> None:
    report = sample_reports.first_report()
    panel = PanelReport("States", "state", "states", empty="No server is configured yet.")
    own = DashboardReport("mine", "Mine", "", "day", (panel,))
    files = render(dataclasses.replace(report, servers=(), dashboards=(own,)), pdf=False).files
    assert "The panels begin with the first server." in files["dashboards/mine.html"].decode()
