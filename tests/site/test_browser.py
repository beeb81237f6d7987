"""The demonstration in a browser: nothing overflows, nothing errs, every link leads somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("browser")  # every page is visited once for them all

KINDS = [  # a page of each kind
    "index.html",
    "host.html",
    "architecture.html",
    "dataflow.html",
    "changes.html",
    "alerts.html",
    "slo.html",
    "usage.html",
    "tools.html",
    "method.html",
    "servers/index.html",
    "api/index.html",
    "dashboards/operations.html",
    "dashboards/management.html",
    "servers/api-gateway.html",
    "servers/project-intelligence/month.html",
]
WIDTHS = (320, 360, 768, 1440)

# Elements that a reader would have to scroll sideways to, tables that scroll on their own aside.
OVERFLOW = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
    ? [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .slice(-3).map(e => e.tagName + '.' + e.getAttribute('class') + ': ' + e.textContent.trim().slice(0, 60))
    : []"""


# What assistive technology needs and a page could lack.
LACKS = """() => [
    ...[...document.querySelectorAll('a, button')]
        .filter(e => !e.textContent.trim() && !e.getAttribute('aria-label')).map(e => 'no name: ' + e.outerHTML),
    ...[...document.querySelectorAll('svg')]
        .filter(e => !e.closest('[aria-hidden]') && !e.matches('.sprite')
            && !e.getAttribute('aria-label') && !e.querySelector('title')).map(e => 'no name: ' + e.outerHTML.slice(0, 99)),
    ...[...document.querySelectorAll('[tabindex]')].filter(e => e.tabIndex > 0).map(e => 'order: ' + e.outerHTML),
    ...[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i).map(id => 'twice: ' + id),
    ...['main#main', 'a.skip[href="#main"]', 'nav[aria-label]', 'h1', 'footer'].filter(e => !document.querySelector(e)),
    ...(document.querySelectorAll('h1').length === 1 ? [] : ['more than one h1']),
]"""


@dataclass(frozen=True)
class Visit:
    """What one page showed, at every width."""

    name: str
    overflows: list[str]
    lacks: list[str]
    anchors: set[str]
    links: list[str]


@pytest.fixture(scope="module")
def visits(browser: Browser, demo_site: Path, site_url: str) -> tuple[list[Visit], list[str]]:
    """Every page of the demonstration, loaded once, and what the console said."""
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
    found = []
    for file in sorted(demo_site.rglob("*.html")):
        name = file.relative_to(demo_site).as_posix()
        page.goto(f"{site_url}/{name}", wait_until="domcontentloaded")
        overflows = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            overflows += [f"{name} at {width} px: {element}" for element in page.evaluate(OVERFLOW)]
        links = page.evaluate(
            "() => [...document.querySelectorAll('a')].map(a => a.getAttribute('href') || a.href.baseVal)"
        )
        anchors = set(page.evaluate("() => [...document.querySelectorAll('[id]')].map(e => e.id)"))
        lacks = [] if name.startswith("archive/20") else page.evaluate(LACKS)
        found.append(Visit(name, overflows, [f"{name}: {lack}" for lack in lacks], anchors, links))
    context.close()
    # going on to the next page ends what the last one was still asking for
    return found, [line for line in said if not line.endswith("net::ERR_ABORTED")]


def test_every_page_fits_every_screen_and_says_nothing_on_the_console(visits: tuple[list[Visit], list[str]]) -> None:
    pages, said = visits
    assert {page.name for page in pages} >= set(KINDS)
    assert [overflow for page in pages for overflow in page.overflows] == []
    assert said == []


def test_every_page_has_names_landmarks_and_one_order(visits: tuple[list[Visit], list[str]]) -> None:
    pages, _ = visits
    assert [lack for page in pages for lack in page.lacks] == []


def test_every_link_and_every_anchor_resolves(visits: tuple[list[Visit], list[str]], demo_site: Path) -> None:
    pages, _ = visits
    base = "http://site/"
    anchors = {page.name: page.anchors for page in pages}
    broken = []
    for page in pages:
        for link in page.links:
            address, fragment = urldefrag(urljoin(base + page.name, link))
            if address.startswith(base):
                path = unquote(address.removeprefix(base))
                there = (demo_site / path).is_file()
                if not there or (fragment and path in anchors and fragment not in anchors[path]):
                    broken.append((page.name, link))
    assert broken == []


def test_from_the_fleet_to_a_probe_and_back_by_links_alone(browser: Browser, site_url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site_url}/index.html")
    page.click(".fleet a:text-is('api-gateway')")
    page.click("#states a:has-text('api-gateway is down')")
    assert page.locator("#probe .ladder").is_visible()
    page.click("#probe a:text-is('The latest one')")
    assert page.url.endswith("/servers/api-gateway.html#stages")
    page.click("#tools a >> nth=0")
    assert "/tools.html#t-api-gateway-" in page.url
    page.go_back()
    page.click(".crumbs a:text-is('Platform')")
    assert "/servers/index.html#group-platform" in page.url
    page.click(".letters a:text-is('W')")
    assert page.url.endswith("#letter-w")
    assert page.locator("#letter-w").is_visible()
    page.click(".crumbs a:text-is('Fleet')")
    assert page.url.endswith("/index.html")
    context.close()


@pytest.mark.parametrize("name", ["index.html", "dataflow.html", "servers/api-gateway.html"])
def test_the_keyboard_follows_the_page(browser: Browser, site_url: str, name: str) -> None:
    """Forty tabs: each further down the document than the one before, seen, and with a visible outline."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{site_url}/{name}")
    page.evaluate("() => { window.before = document.body; }")
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate("""() => {
            const now = document.activeElement, box = now.getBoundingClientRect(), last = window.before;
            window.before = now;
            return [!!(last.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING), box.width > 0,
                    getComputedStyle(now).outlineStyle !== 'none', now.outerHTML.slice(0, 99)];
        }""")
        assert focused[:3] == [True, True, True], focused
    page.close()


def test_after_the_skip_link_the_keyboard_is_in_the_report(browser: Browser, site_url: str) -> None:
    page = browser.new_page()
    page.goto(f"{site_url}/servers/api-gateway.html")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')")
    page.close()


def test_colours_forced_or_dark_cost_no_state(browser: Browser, site_url: str) -> None:
    """Where a system takes the colours away, borders and words still tell the states of a drawing apart."""
    page = browser.new_page()
    page.goto(f"{site_url}/architecture.html")
    style = "e => { const s = getComputedStyle(e); return [s.stroke, s.strokeWidth, s.strokeDasharray] }"
    page.emulate_media(color_scheme="dark")
    dark = {
        status: page.locator(f".cx-node-{status}").first.evaluate(style) for status in ("down", "up", "auth-walled")
    }
    assert len({colour for colour, *_ in dark.values()}) == 3
    page.emulate_media(forced_colors="active")
    forced = [page.locator(f".cx-node-{status}").first.evaluate(style) for status in ("down", "up", "auth-walled")]
    assert len({(width, dashes) for _, width, dashes in forced}) == 3
    assert page.locator(".cx-word-down").first.is_visible()
    page.close()


def test_printed_pages_fit_the_paper_without_navigation(browser: Browser, site_url: str) -> None:
    page = browser.new_page(viewport={"width": 718, "height": 1000})
    page.emulate_media(media="print")
    for name in KINDS:
        page.goto(f"{site_url}/{name}", wait_until="domcontentloaded")
        assert page.evaluate(OVERFLOW) == [], name
        assert not page.locator(".masthead nav").is_visible(), name
        assert page.locator("h1").is_visible(), name
    page.close()


def test_the_verdict_and_the_tally_are_on_the_first_phone_screen(browser: Browser, site_url: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(f"{site_url}/index.html")
    heading = page.locator("h1").bounding_box()
    assert heading is not None
    assert heading["y"] + heading["height"] < 400
    page.close()


@pytest.mark.parametrize("name", KINDS)
def test_without_scripts_every_page_reads_the_same(browser: Browser, site_url: str, name: str) -> None:
    """The same words; only the labels of filters are added by the script."""
    said = []
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(f"{site_url}/{name}", wait_until="domcontentloaded")
        assert page.locator("h1").is_visible()
        said.append("".join((page.locator("main").text_content() or "").replace("Filter", "").split()))
        context.close()
    assert said[0] == said[1]


def test_dark_and_light_differ_and_print_is_light(browser: Browser, site_url: str) -> None:
    def background(**how: str) -> str:
        context = browser.new_context(color_scheme=how.get("scheme", "light"))  # type: ignore[arg-type]
        page = context.new_page()
        if "media" in how:
            page.emulate_media(media=how["media"], color_scheme="dark")  # type: ignore[arg-type]
        page.goto(f"{site_url}/index.html")
        colour = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        context.close()
        return str(colour)

    assert background(scheme="light") != background(scheme="dark")
    assert background(media="print") in {"rgb(255, 255, 255)", background(scheme="light"), "rgba(0, 0, 0, 0)"}


@pytest.mark.parametrize("width", [390, 1280])
def test_a_reason_of_one_endless_word_keeps_the_history_of_states_within_the_page(
    browser: Browser, site_url: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{site_url}/servers/api-gateway.html")
    cell = page.locator(".episodes td[data-label=Because]").first
    cell.evaluate("cell => { cell.textContent = 'x'.repeat(500); }")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()
