"""The pages as a reader's browser and a checker see them."""

from __future__ import annotations

import dataclasses
import functools
import re
import subprocess
import sys
from pathlib import Path

import html5lib
import pytest

from caelum_report import document as d
from caelum_report.archived import LARGEST_PAGE
from caelum_report.difference import Contrast, Difference
from caelum_report.model import Status
from caelum_report.periods import Span
from caelum_report.render import marks, pages, render
from caelum_report.render.whole import whole
from caelum_report.site import Site

from . import sample_reports

REPORTS = {
    "fleet": sample_reports.fleet_report,
    "well": sample_reports.well_report,
    "first": sample_reports.first_report,
    "hostile": sample_reports.hostile_report,
    "large": lambda: sample_reports.large_report(70),
}
CHECKER = Path(__file__).parent.parent / "check_site.py"


@pytest.fixture(scope="module")
def sites() -> dict[str, Site]:
    return {name: render(make(), pdf=False) for name, make in REPORTS.items()}


@functools.cache
def tree(page: bytes):
    return html5lib.parse(page.decode(), namespaceHTMLElements=False)


def text(element) -> str:
    return " ".join("".join(element.itertext()).split())


def by_id(page: bytes, name: str):
    return next((e for e in tree(page).iter() if e.get("id") == name), None)


def html_pages(site: Site):
    """Every page that is one of a kind, and some of those that are many."""
    found = {path: page for path, page in site.files.items() if path.endswith(".html") and "/r-" not in path}
    servers = sorted(path for path in found if path.startswith("servers/"))
    return {
        path: page for path, page in found.items() if path not in servers or path in servers[:: len(servers) // 7 + 1]
    }


def shortened(report: d.Report, count: int = 5) -> d.Report:
    """With fewer servers, and nothing that names the others."""
    kept = report.servers[:count]
    return dataclasses.replace(
        report, servers=kept, architecture=sample_reports.diagram(kept), changes=report.changes[:1]
    )


@pytest.mark.parametrize("name", REPORTS)
def test_the_checker_finds_nothing(sites, name, tmp_path):
    site = render(shortened(REPORTS[name]()), pdf=False) if name in ("fleet", "hostile", "well") else sites[name]
    for path, content in site.files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o644)
    done = subprocess.run([sys.executable, CHECKER, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", REPORTS)
def test_every_page_is_strictly_valid_and_says_which_report_it_is(sites, name):
    site = sites[name]
    assert site.notes == ()
    for path, page in html_pages(site).items():
        html5lib.HTMLParser(strict=True).parse(page.decode())
        metas = [dict(element.attrib) for element in tree(page).iter("meta")]
        assert {"name": "caelum-report", "content": site.report} in metas, path
        assert {"http-equiv": "Content-Security-Policy", "content": pages.CSP} in metas, path


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_on_a_page_needs_what_the_policy_forbids(sites, name):
    for path, page in html_pages(sites[name]).items():
        for element in tree(page).iter():
            assert "style" not in element.attrib, path
            assert element.tag != "style", path
            if element.tag == "script":
                assert element.get("src"), path
                assert not text(element), path


@pytest.mark.parametrize("name", REPORTS)
def test_every_drawing_has_words_and_every_head_its_scope(sites, name):
    for path, page in html_pages(sites[name]).items():
        root = tree(page)
        for drawing in root.iter("svg"):
            named = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.get("aria-hidden") == "true"
            assert named or drawing.find("title") is not None, path
        for table in root.iter("table"):
            assert all(head.get("scope") in {"col", "row"} for head in table.iter("th")), path
        main = root.find("body/main")
        assert main is not None, path
        assert len(list(root.iter("h1"))) == 1, path
        assert root.find("body/a").get("href") == "#main", path


def test_the_same_report_gives_the_same_bytes(sites):
    assert render(REPORTS["first"](), pdf=False).files == sites["first"].files
    assert render(REPORTS["hostile"](), pdf=False).files == sites["hostile"].files


def test_page_one_has_its_parts_in_order(sites):
    index = sites["fleet"].files["index.html"].decode()
    parts = re.findall(r'<section class="part[^"]*" id="([a-z-]+)"', index)
    assert parts == ["needs-action", "changed", "objectives", "looming", "fleet", "read-on"]
    assert index.index("skyline") < index.index('id="needs-action"')
    assert index.index("Coverage") < index.index("skyline")


def test_page_one_keeps_to_its_limits_and_says_what_is_left_out(sites):
    index = sites["fleet"].files["index.html"]
    assert len(list(by_id(index, "changed").iter("tr"))) == 1 + 7
    assert "1 smaller change" in text(by_id(index, "changed"))
    assert len(list(by_id(index, "objectives").iter("tr"))) == 1 + 3
    assert "2 more objectives, at least 92\u00a0% of the budget left." in "".join(by_id(index, "objectives").itertext())
    assert len(list(by_id(index, "needs-action").iter("article"))) == 4
    assert "1 more finding" in text(by_id(index, "needs-action"))


def test_what_page_one_leaves_out_adds_up_to_what_it_says_needs_action():
    report = sample_reports.fleet_report()
    quiet = [finding for finding in report.findings if not finding.needs_action]
    urgent = next(finding for finding in report.findings if finding.needs_action)
    six = tuple(dataclasses.replace(urgent, id=f"f{n}") for n in range(6))
    one = d.Recommendation("dead", "Mend it.", "Down.", "saves 1 h", (), "index.html", "", None, 1.0)
    report = dataclasses.replace(report, findings=(*six, *quiet), recommendations=(one,))
    site = render(shortened(report), pdf=False)
    part = by_id(site.files["index.html"], "needs-action")
    shown = len(list(part.iter("article")))
    assert "6 need action, worst first" in text(part)
    left = 6 - shown
    assert f"{left} more that need{'s' if left == 1 else ''} action and {len(quiet)} more finding" in text(part)
    heading = text(next(tree(site.files["recommendations.html"]).iter("h1")))
    assert heading == "Beside six that need action, one thing is worth doing."


def test_a_server_whose_tools_were_never_seen_is_not_said_to_have_none():
    report = shortened(sample_reports.fleet_report())
    never = dataclasses.replace(report.servers[0], tools=(), tokens=0, surface_sha256=None)
    site = render(dataclasses.replace(report, servers=(never, *report.servers[1:])), pdf=False)
    assert "Tools–never seen" in text(tree(site.files[f"servers/{never.slug}.html"]))
    row = next(row for row in by_id(site.files["index.html"], "fleet").iter("tr") if never.name in text(row))
    assert [text(cell) for cell in row.iter("td") if "tools" in cell.get("class", "")] == ["–"]


def test_a_finding_carries_state_time_owner_sample_size_and_chance(sites):
    first = next(by_id(sites["fleet"].files["index.html"], "needs-action").iter("article"))
    for fact in ("Down", "since 13:22 (38 min)", "Platform team", "8 of 8 probes", "chance it is nothing below 0.1 %"):
        assert fact in text(first)
    assert "systemctl status caelum-api-gateway" in text(first)


def test_links_lead_only_to_pages_that_exist(sites):
    index = by_id(sites["fleet"].files["index.html"], "read-on")
    titles = [text(link) for link in index.iter("a")]
    assert "Trends" in titles
    assert "Moods" not in titles


def test_a_well_fleet_is_quiet(sites):
    index = sites["well"].files["index.html"]
    for part in ("needs-action", "changed", "objectives", "looming"):
        assert "quiet" in by_id(index, part).get("class")
    assert "5 of 5 met. Least left: Platform answers, 41 % of its budget." in text(by_id(index, "objectives"))
    assert len(list(by_id(index, "fleet").iter("li"))) == 24
    assert not list(by_id(index, "fleet").iter("table"))


def test_a_first_report_shows_the_ladder_of_its_one_server_and_no_skyline(sites):
    index = sites["first"].files["index.html"]
    assert b"skyline" not in index
    assert "2 steps to a full report" in text(by_id(index, "needs-action"))
    assert text(by_id(index, "changed")).endswith("Begins with report #2.")
    stages = [text(row.find("th")) for row in by_id(index, "fleet").iter("tr")][1:]
    assert stages == ["spawn", "handshake", "list", "discover again"]
    assert "Not configured: canary." in text(by_id(index, "fleet"))


def test_a_large_fleet_shows_trouble_and_then_a_line_a_group(sites):
    index = sites["large"].files["index.html"]
    fleet = by_id(index, "fleet")
    assert len(list(fleet.iter("tr"))) == 1 + 11
    assert len(list(fleet.iter("details"))) == 9
    assert len(list(fleet.iter("summary"))) == 9
    names = {text(link) for link in fleet.iter("a")}
    assert {f"server-{number:04d}" for number in range(70)} <= names


def test_a_server_page_has_all_its_parts_and_a_page_for_each_longer_range(sites):
    files = sites["fleet"].files
    page = files["servers/ollama-pool-integration.html"]
    for part in ("findings", "stages", "latency", "states", "tools", "contract", "about", "neighbours", "notes"):
        assert by_id(page, part) is not None, part
    for name in d.RANGES[1:]:
        assert f"servers/ollama-pool-integration/{name}.html" in files
    assert [e.get("id") for e in by_id(page, "latency").iter("div") if e.get("class") == "range"] == [
        f"range-{name}" for name in d.RANGES
    ]


def test_after_a_failure_the_ladder_says_not_reached(sites):
    stages = by_id(sites["fleet"].files["servers/api-gateway.html"], "stages")
    results = [text(list(row)[-1]) for row in stages.iter("tr")][1:]
    assert results == ["connect-error errno 111, connection refused", *["not reached"] * 4]


def test_one_block_that_fails_says_so_and_the_rest_stands():
    report = sample_reports.fleet_report()
    broken = dataclasses.replace(report.servers[0].charts[0], metric="no-such-metric")
    servers = (dataclasses.replace(report.servers[0], charts=(broken,)), *report.servers[1:3])
    site = render(dataclasses.replace(report, servers=servers), pdf=False)
    page = site.files["servers/api-gateway.html"]
    assert "“latency” could not be drawn (KeyError)" in text(tree(page))
    assert by_id(page, "stages") is not None
    assert any("servers/api-gateway.html: the part “latency”" in note.text for note in site.notes)
    assert any(note.text.startswith("api/v1/servers") or "api/v1/metrics" in note.text for note in site.notes)
    assert "index.html" in site.files


def test_the_stylesheet_knows_how_long_a_report_lasts(sites):
    assert b"--interval: 3600s" in sites["fleet"].files["static/site.css"].splitlines()[-1]
    report = dataclasses.replace(sample_reports.first_report(), interval_seconds=900.0)
    assert render(report, pdf=False).files["static/site.css"].splitlines()[-1] == b":root { --interval: 900s }"


def test_severity_is_height_first():
    assert (
        marks.SKYLINE_HEIGHTS[Status.DOWN] > marks.SKYLINE_HEIGHTS[Status.DEGRADED] > marks.SKYLINE_HEIGHTS[Status.UP]
    )
    drawn = str(marks.skyline(((Status.DOWN, 1), (Status.UP, 2))))
    assert 'aria-label="3 servers, worst first: 1 down, 2 up"' in drawn
    assert "v-38" in drawn
    assert 'width="150"' in drawn  # 50 px a bar at most


def test_a_strip_says_what_it_shows():
    days = sample_reports.strip({18: Status.DEGRADED, 0: Status.DOWN, 3: None}, 30)
    assert (
        marks.strip_label(days)
        == "30 days: 27 up, 1 degraded (4\u00a0Nov), 1 down (today), 1 without data (19\u00a0Nov)"
    )
    assert str(marks.strip(days, "")).count("<path") == 4


def test_an_empty_report_is_still_a_page():
    report = dataclasses.replace(
        sample_reports.first_report(), servers=(), tally=(), hosts=(), findings=(), read_on=(), found=()
    )
    site = render(report, pdf=False)
    assert site.notes == ()
    assert "No server is configured." in text(tree(site.files["index.html"]))


def test_a_share_of_seconds_is_not_told() -> None:
    report = shortened(sample_reports.fleet_report())
    brief = tuple(d.Uptime(one.range, 13.0, 0.0, 0.0, 3600.0, 1.0, 2) for one in report.servers[0].uptime)
    first = dataclasses.replace(report.servers[0], uptime=brief)
    files = render(dataclasses.replace(report, servers=(first, *report.servers[1:])), pdf=False).files
    row = next(by_id(files["index.html"], "fleet").iter("tbody"))[0]
    assert "too little data" in text(row)
    assert "100 %" not in text(row)
    assert "too little data, 2 checks" in text(tree(files[f"servers/{first.slug}.html"]))
    assert "too little data" in files["report.md"].decode()


class TestBottlenecks:
    def site(self) -> Site:
        report = shortened(sample_reports.fleet_report())
        slow = sample_reports.slow_times(report.servers)
        return render(dataclasses.replace(report, bottlenecks=slow, records=sample_reports.RECORDS), pdf=False)

    def test_each_stands_at_its_anchor_with_its_chart_and_its_doubt(self):
        page = self.site().files["bottlenecks.html"]
        part = by_id(page, "slow-1")
        assert part is not None
        assert "Wrong ifIt took longer." in text(part)
        assert any(str(element.tag).endswith("svg") for element in part.iter())
        assert by_id(page, "waits") is not None

    def test_its_server_and_the_host_lead_there(self):
        site = self.site()
        slug = sample_reports.fleet_report().servers[0].slug
        for path, anchor in (
            (f"servers/{slug}.html", "../bottlenecks.html#slow-1"),
            ("host.html", "bottlenecks.html#slow-2"),
        ):
            assert any(e.get("href") == anchor for e in tree(site.files[path]).iter())
        assert any(e.get("href") == "bottlenecks.html" for e in tree(site.files["index.html"]).iter())

    def test_the_record_of_forecasts_is_on_the_method_page(self):
        record = by_id(self.site().files["method.html"], "record")
        assert record is not None
        assert "1.2 times as wide since" in text(record)
        assert "Not shown any more: too few of its dates held." in text(record)

    def test_without_history_every_part_is_one_sentence(self, sites):
        page = sites["first"].files["bottlenecks.html"]
        assert "Nothing measured yet." in text(by_id(page, "episodes"))
        assert by_id(page, "waits") is not None


@pytest.mark.parametrize("name", REPORTS)
def test_a_past_report_needs_nothing_but_itself(sites, name):
    site = sites[name]
    page = site.files[f"archive/{site.report}.html"]
    assert len(page) <= LARGEST_PAGE * 1.01
    html5lib.HTMLParser(strict=True).parse(page.decode())
    ids = [element.get("id") for element in tree(page).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    beside = {"index.html", f"{site.report}.json"}
    for element in tree(page).iter():
        assert "style" not in element.attrib
        assert element.tag not in {"script", "img", "link"}
        for key in ("href", "src", "{http://www.w3.org/1999/xlink}href"):
            to = element.get(key, "")
            assert not to or (to.startswith("#") and to[1:] in ids) or to in beside, to
        for key in ("aria-labelledby", "aria-describedby"):
            assert set(element.get(key, "").split()) <= set(ids)
    assert len(list(tree(page).iter("h1"))) == 1
    assert len(list(tree(page).iter("style"))) == 1


def test_servers_beyond_the_room_of_a_past_report_are_left_to_its_json(sites, monkeypatch):
    monkeypatch.setattr("caelum_report.render.whole.LARGEST_PAGE", 300_000)
    report = sample_reports.fleet_report()
    page = whole(report, sites["fleet"].files, pdf=False).decode()
    inside = page.count('<article class="one-whole"')
    assert 0 < inside < len(report.servers)
    assert f"{len(report.servers) - inside} more servers stand in" in page
    assert f'id="s--{report.servers[0].slug}"' in page


def test_whole_periods_stand_beside_each_other(sites):
    assert "Begins with the second whole day." in text(by_id(sites["first"].files["changes.html"], "compared"))
    report = sample_reports.first_report()
    spans = [Span(label, report.at, report.at) for label in ("20 November 2026", "21 November 2026")]
    name = report.servers[0].id
    worse = Contrast(
        "worse", (name,), "Answer time, p50", "48 ms", "96 ms", "+100 %", "n = 24 and 24", "changes.html", 24, 24, 0.0
    )
    found = Difference(*spans, (worse,), 3, "One worse, none better; 3 figures tested.", "How.")
    page = render(dataclasses.replace(report, compared=(found,)), pdf=False).files["changes.html"]
    said = text(by_id(page, "compared"))
    assert "21 November 2026 against 20 November 2026" in said
    assert "48 ms → 96 ms, +100 %" in said
