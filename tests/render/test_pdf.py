"""report.pdf: five parts on page 1, tagged, the same bytes again, nothing fetched."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from caelum_report import codec
from caelum_report.render import pdf, press

from . import sample_reports

poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")


def text_of(path: Path, page: int) -> str:
    asked = ["pdftotext", "-f", str(page), "-l", str(page), "-layout", str(path), "-"]
    return subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout


@pytest.fixture(scope="module")
def fleet() -> bytes:
    """As the site makes it: a child process that reads JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "caelum_report.render.pdf"],
        input=codec.to_json(sample_reports.fleet_report()),
        capture_output=True,
        check=True,
        cwd=Path(pdf.__file__).parents[2],
    )
    assert done.stderr == b""
    return done.stdout


@poppler
def test_page_1_holds_the_five_parts_and_the_fleet_opens_page_2(fleet: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(fleet)
    report = sample_reports.fleet_report()
    first, second = text_of(path, 1), text_of(path, 2)
    places = [first.index(part) for part in ("Needs action", "Changed since #4216", "SLO and budget", "Looming")]
    assert places == sorted(places)
    assert " ".join(report.verdict.sentence.split()[:5]) in first
    for finding in [finding for finding in report.findings if finding.needs_action][:5]:
        assert finding.title[:40] in first
    assert second.lstrip().startswith("Fleet, worst first")
    assert "report #4217 · data to 22 Nov 2026 14:00 +01:00" in first.replace("\u00a0", " ")
    assert "1 of " in first


def test_same_report_same_bytes(fleet: bytes) -> None:
    assert pdf.document(sample_reports.fleet_report()) == fleet
    assert len(fleet) < 2_000_000


@poppler
def test_tagged_with_bookmarks_and_the_date_of_the_report(fleet: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(fleet)

    def said(*command: str) -> str:
        return subprocess.run([*command, path], capture_output=True, encoding="utf-8", check=True).stdout

    facts = " ".join(said("pdfinfo", "-isodates").split())
    assert "Tagged: yes" in facts
    assert "CreationDate: 2026-11-22T13:00:00" in facts
    assert "Page size: 595.276 x 841.89 pts (A4)" in facts
    structure = said("pdfinfo", "-struct")
    assert {"H1", "H2", "Table", "TH", "Figure:"} <= set(structure.split())
    outline = said("pdftohtml", "-xml", "-i", "-stdout").partition("<outline>")[2]
    for name in ("Needs action", "Fleet, worst first", "Read on", "Host caelum-01"):  # without the notes beside them
        assert f">{name}</item>" in outline


@poppler
@pytest.mark.parametrize("make", [sample_reports.first_report, sample_reports.hostile_report])
def test_page_1_holds_with_any_report(make, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf.document(make()))
    assert "Looming" in text_of(path, 1)
    assert "Looming" not in text_of(path, 2)


@poppler
@pytest.mark.parametrize(
    "make", [sample_reports.fleet_report, sample_reports.hostile_report, sample_reports.large_report]
)
def test_page_1_holds_on_letter_paper(make, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf.document(dataclasses.replace(make(), paper="letter")))
    facts = subprocess.run(["pdfinfo", path], capture_output=True, encoding="utf-8", check=True).stdout
    assert "612 x 792 pts (letter)" in facts
    assert "In this report" in text_of(path, 1)
    assert "In this report" not in text_of(path, 2)


@poppler
def test_forty_findings_with_long_words_leave_page_1_whole(tmp_path: Path) -> None:
    report = sample_reports.fleet_report()
    told = "It waits for a lock that another process holds, and has done so in each of the last nine checks. " * 3
    long = dataclasses.replace(
        report.findings[0], title="a-name-without-end-" * 5, impact=told, cause=told, command="x" * 200
    )
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf.document(dataclasses.replace(report, findings=(long,) * 40)))
    first = text_of(path, 1)
    assert "35 more that need action on the site" in first
    assert "In this report" in first


@poppler
def test_a_dashboard_that_is_on_paper_has_its_page_in_both_lists(demo_site: Path) -> None:
    asked = ["pdftotext", "-layout", str(demo_site / "report.pdf"), "-"]
    pages = subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout.split("\f")
    found = re.search(r"Service in a month\s+(\d+)", pages[0].partition("In this report")[2])
    assert found is not None
    assert re.search(r"(?m)^ *Service in a month", pages[int(found[1]) - 1])
    assert re.search(rf"Service in a month .* {found[1]}\n", pages[1] + pages[2])
    assert re.search(r"Operations .* on the site\n", pages[1] + pages[2])
    assert "Method and this run" in pages[-2]  # the last one before the end of the text


@poppler
def test_the_contents_on_page_1_name_the_page_of_every_part(fleet: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(fleet)
    asked = ["pdftotext", "-layout", str(path), "-"]
    pages = subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout.split("\f")
    contents = " ".join(pages[0].partition("In this report")[2].split())
    for title in ("Fleet", "Read on", "Servers in trouble", "Architecture", "Host caelum-01", "Method and this run"):
        found = re.search(rf"{title} (\d+)", contents)
        assert found is not None, title
        assert re.search(rf"(?m)^ *{title}", pages[int(found[1]) - 1]), title


@poppler
def test_a_thousand_servers_are_a_few_pages_and_the_last_is_never_charts_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf.document(sample_reports.large_report()))
    facts = subprocess.run(["pdfinfo", path], capture_output=True, encoding="utf-8", check=True).stdout
    found = re.search(r"Pages: +(\d+)", facts)
    assert found is not None
    assert int(found[1]) <= 8
    assert "Method and this run" in text_of(path, int(found[1]))
    assert path.stat().st_size < 2_000_000


def test_a_chart_is_described_by_its_figures_and_its_marks_by_a_list() -> None:
    report = sample_reports.fleet_report()
    charts = [chart for chart in report.hosts[0].charts if chart.range == "day"]
    ((_, drawing), *_), _ = pdf._drawn(report, charts)
    title = re.search(r"<title[^>]*>(.*?)</title>", drawing)
    assert title is not None
    assert "the last 24 hours" in title[1]


def test_addresses_are_refused() -> None:
    fetcher = press.inline_only()
    for url in ("file:///etc/hostname", "http://127.0.0.1:1/", "https://example.org/x.png"):
        with pytest.raises(ValueError, match="disallowed"):
            fetcher.fetch(url)
