"""The demonstration in a browser: nothing overflows, nothing errs, every link leads somewhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
from playwright.sync_api import Browser

PAGES = [
    "index.html",
    "host.html",
    "architecture.html",
    "changes.html",
    "method.html",
    "servers/api-gateway.html",
    "servers/project-intelligence.html",
]

# Elements that a reader would have to scroll sideways to, tables that scroll on their own aside.
OVERFLOW = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
    ? [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .slice(-3).map(e => e.tagName + '.' + e.getAttribute('class') + ': ' + e.textContent.trim().slice(0, 60))
    : []"""


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_say_nothing_on_the_console(browser: Browser, site_url: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
    for name in PAGES:
        page.goto(f"{site_url}/{name}")
        assert page.evaluate(OVERFLOW) == [], name
    context.close()
    # going on to the next page ends what the last one was still asking for
    assert [line for line in said if not line.endswith("net::ERR_ABORTED")] == []


def test_the_verdict_and_the_tally_are_on_the_first_phone_screen(browser: Browser, site_url: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(f"{site_url}/index.html")
    heading = page.locator("h1").bounding_box()
    assert heading is not None
    assert heading["y"] + heading["height"] < 400
    page.close()


def test_without_scripts_every_page_reads_the_same(browser: Browser, site_url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site_url}/index.html")
    assert page.locator("h1").is_visible()
    assert page.locator("main a[href^='servers/']").count() >= 20
    context.close()


def test_every_link_and_every_anchor_resolves(browser: Browser, demo_site: Path, site_url: str) -> None:
    page = browser.new_page()
    anchors: dict[str, set[str]] = {}
    links: list[tuple[str, str]] = []
    for file in sorted(demo_site.rglob("*.html")):
        url = f"{site_url}/{file.relative_to(demo_site).as_posix()}"
        page.goto(url, wait_until="domcontentloaded")
        anchors[url] = set(page.evaluate("() => [...document.querySelectorAll('[id]')].map(e => e.id)"))
        links += [
            (url, urljoin(url, href))
            for href in page.evaluate(
                "() => [...document.querySelectorAll('a')].map(a => a.getAttribute('href') || a.href.baseVal)"
            )
        ]
    page.close()
    broken = []
    for source, target in links:
        address, fragment = urldefrag(target)
        if not address.startswith(site_url):
            continue
        file = demo_site / address.removeprefix(site_url).lstrip("/")
        if not file.is_file() or (fragment and file.suffix == ".html" and fragment not in anchors[address]):
            broken.append((source, target))
    assert broken == []


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
