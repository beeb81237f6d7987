"""What pages do beyond being read: ranges, sorting, filtering, and saying that they are old."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from caelum_report.render import html, skins


@pytest.fixture
def page(browser: Browser):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def test_a_range_is_chosen_by_its_anchor_without_scripts(browser: Browser, site_url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site_url}/servers/agentic-workflow.html")
    assert page.locator("#range-day").is_visible()
    assert not page.locator("#range-week").is_visible()
    page.click("a[href='#range-week']")
    assert page.locator("#range-week").is_visible()
    assert not page.locator("#range-day").is_visible()
    page.click("text=Every figure of the week")
    assert page.url.endswith("/servers/agentic-workflow/week.html")
    assert page.locator(".tabs a[aria-current=page]").inner_text() == "Week"
    context.close()


def names(page: Page) -> list[str]:
    return page.locator(".fleet tbody tr:visible th").all_inner_texts()


def test_the_fleet_is_sorted_and_filtered_where_scripts_run(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/index.html")
    worst_first = names(page)
    page.click(".fleet thead button:text('Server')")
    assert names(page) == sorted(worst_first)
    assert page.locator(".fleet th[aria-sort=ascending]").count() == 1
    page.click(".fleet thead button:text('p95, 24 h')")
    cells = page.locator(".fleet td.p95").evaluate_all("cells => cells.map(cell => cell.dataset.sort)")
    measured = [float(cell) for cell in cells if cell]
    assert measured == sorted(measured)
    assert all(cells[: len(measured)])  # what was not measured comes last
    page.click(".fleet thead button:text('p95, 24 h')")
    page.click(".fleet thead button:text('p95, 24 h')")
    assert names(page) == worst_first
    page.fill(".filter input", "security")
    assert {name.split("-")[0] for name in names(page)} == {"security"}


def test_a_newer_report_is_announced(page: Page, site_url: str) -> None:
    def newer(route: Route) -> None:
        route.fulfill(json={"id": "r-20990101T0000Z-77", "number": 77})

    page.route("**/latest.json", newer)
    page.goto(f"{site_url}/servers/agentic-workflow.html")
    page.wait_for_selector(".newer:has-text('There is a newer report. Read report #77')")


def test_the_report_of_now_is_not_announced(page: Page, site_url: str, demo_site: Path) -> None:
    with page.expect_response("**/latest.json") as answer:
        page.goto(f"{site_url}/index.html")
    assert answer.value.json() == json.loads((demo_site / "latest.json").read_text())
    assert not page.locator(".aged").is_visible()


def test_a_page_open_for_longer_than_its_interval_says_so(browser: Browser, site_url: str, demo_site: Path) -> None:
    """By the stylesheet alone. Nobody waits an hour here: the interval is shortened, as a denser timer would."""
    context = browser.new_context()
    page = context.new_page()
    page.route("**/site.js*", lambda route: route.abort())
    sheet = (demo_site / "static/site.css").read_text().replace("--interval: 3600s", "--interval: 1s")
    page.route("**/site.css*", lambda route: route.fulfill(body=sheet, content_type="text/css"))
    page.goto(f"{site_url}/index.html")
    assert not page.locator(".aged").is_visible()
    page.locator(".aged").wait_for(state="visible")
    assert "open for longer" in page.locator(".aged").inner_text()
    context.close()


RULES = """sheets => sheets.map(text => { const sheet = new CSSStyleSheet(); sheet.replaceSync(text)
    return [...sheet.cssRules].map(rule => rule.cssText.replaceAll(': ', ':')) })"""


def test_the_stylesheet_that_is_sent_says_what_was_written(page: Page) -> None:
    written = (html.TEMPLATES / "static/site.css").read_text() + skins.stylesheet()
    sent = skins.compact(written)
    assert len(sent) < 0.9 * len(written)
    before, after = page.evaluate(RULES, [written, sent])
    assert len(before) > 300
    assert after == before


def test_one_click_selects_a_whole_command(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/index.html")
    command = page.locator(".command").first
    command.click()
    assert page.evaluate("getSelection().toString()") == command.inner_text()


def test_the_keyboard_meets_the_skip_link_first(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


@pytest.mark.parametrize("name", ["index.html", "servers/api-gateway.html", "method.html"])
def test_every_target_is_large_enough(page: Page, site_url: str, name: str) -> None:
    """24 pixels, or a line of running text, which WCAG 2.2 exempts."""
    page.goto(f"{site_url}/{name}")
    small = page.evaluate("""() => [...document.querySelectorAll("nav a, .tally a, summary, button, input")]
        .filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.textContent)""")
    assert small == []
