"""Every page says how old it is: in words without scripts, and with them once the run that was due has not come."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import html5lib
import pytest
from playwright.sync_api import Browser, Page, Route

from caelum_report.render import render
from tests.render import sample_reports

ADDRESS = "http://fleet.example"
BEFORE, AFTER = "2026-11-22T14:09:00Z", "2026-11-22T14:11:00Z"  # it is old ten minutes after it was due


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dict(render(sample_reports.fleet_report(), pdf=False).files)


def opened(browser: Browser, files: dict[str, bytes], at: str, **changed: bytes) -> Page:
    """A page as a reader sees it at that time; the network is these files."""
    there = files | {name.replace("_", "."): content for name, content in changed.items()}

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path.lstrip("/")
        kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}
        if path in there:
            route.fulfill(body=there[path], content_type=kinds.get(Path(path).suffix, "image/svg+xml"))
        else:
            route.fulfill(status=404)

    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.route("**/*", answer)
    page.clock.set_fixed_time(at)
    page.goto(f"{ADDRESS}/servers/api-gateway.html")
    return page


def test_every_page_of_the_demonstration_says_data_to_and_next_due(demo_site: Path) -> None:
    for file in sorted(demo_site.rglob("*.html")):
        page = html5lib.parse(file.read_bytes(), namespaceHTMLElements=False)
        words = " ".join("".join(page.find(".//main").itertext()).split())
        said = re.search(r"(Data to|Last checked) ?[^;]*?\d\d:\d\d", words)
        assert said, file.name
        assert re.search(r"[Nn]ext due ?\d\d:\d\d. Old after \d\d:\d\d|no next run is scheduled", words), file.name


def test_a_report_whose_successor_is_not_due_yet_is_quiet(browser: Browser, files: dict[str, bytes]) -> None:
    page = opened(browser, files, BEFORE)
    assert not page.locator(".aged").is_visible()
    page.context.close()


def test_a_report_whose_successor_did_not_come_says_so(browser: Browser, files: dict[str, bytes]) -> None:
    page = opened(browser, files, AFTER)
    page.locator(".stale").wait_for(state="visible")
    words = page.locator(".aged").inner_text()
    assert words.startswith("This is the state of 14:00. The run due at 15:00 has not come; run caelum-report doctor")
    assert not page.locator(".opened").is_visible()
    page.context.close()


def test_a_newer_report_is_the_better_news(browser: Browser, files: dict[str, bytes]) -> None:
    newer = json.dumps({"id": "r-20261122T1400Z-4218", "number": 4218}).encode()
    page = opened(browser, files, AFTER, latest_json=newer)
    page.wait_for_selector(".newer:has-text('There is a newer report. Read report #4218')")
    assert not page.locator(".stale").is_visible()
    page.context.close()


def test_a_demonstration_is_never_due(demo_site: Path) -> None:
    assert "data-old-after" not in (demo_site / "index.html").read_text()
