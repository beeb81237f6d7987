"""The mail about a report, as a mail server hands it out, in a browser: it fits, and every word can be read, also in the dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from caelum_report import codec
from caelum_report.render import report_mail
from caelum_report.render.mail_report import LARGEST_HTML
from tests.deliver.receivers import smtp
from tests.deliver.test_ways import email, send
from tests.render import sample_reports

from .test_browser import OVERFLOW

# Words whose contrast with what lies behind them is below 4.5, and what it is.
FAINT = """() => {
    const rgb = colour => colour.match(/[\\d.]+/g).map(Number)
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
    const ground = e => { const c = rgb(getComputedStyle(e).backgroundColor); return c[3] === 0 ? ground(e.parentElement) : c }
    const said = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    return [...document.querySelectorAll('body *')].filter(e => said(e) && e.checkVisibility())
        .map(e => { const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x)
                    return [(a + 0.05) / (b + 0.05), e.textContent.trim().slice(0, 40)] })
        .filter(([contrast]) => contrast < 4.5)
}"""


@pytest.fixture(scope="module")
def letters(demo_site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each mail's HTML with its pictures beside it, taken out of the message that arrived."""
    made = {
        "demo": codec.from_json((demo_site / "report.json").read_bytes()),
        "first": sample_reports.first_report(),
        "well": sample_reports.well_report(),
        "hostile": sample_reports.hostile_report(),
        "large": sample_reports.large_report(),
    }
    with smtp() as box:
        for report in made.values():
            send(email(box.port), report_mail(report, b"%PDF-1.7 sample"))
    found = {}
    for name, (_, _, message) in zip(made, box.got, strict=True):
        folder = tmp_path_factory.mktemp(name)
        body = message.get_body(("html",))
        assert body is not None
        html = body.get_content()
        assert len(html.encode()) < LARGEST_HTML
        for part in message.walk():
            if cid := (part["Content-ID"] or "").strip("<>"):
                (folder / f"{cid}.png").write_bytes(part.get_content())
                html = html.replace(f"cid:{cid}", f"{cid}.png")
        found[name] = folder / "mail.html"
        found[name].write_text(html, "utf-8")
    return found


@pytest.mark.parametrize("width", [360, 640])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mail_fits_and_can_be_read(browser: Browser, letters: dict[str, Path], width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    for name, path in letters.items():
        page.goto(path.as_uri())
        assert page.evaluate(OVERFLOW) == [], name
        assert page.evaluate(FAINT) == [], name
        assert page.evaluate("[...document.images].every(i => i.naturalWidth > 0 && i.alt.length > 20)"), name
    context.close()


def test_when_all_is_well_the_five_parts_stand_on_one_screen(browser: Browser, letters: dict[str, Path]) -> None:
    page = browser.new_page(viewport={"width": 640, "height": 800})
    page.goto(letters["well"].as_uri())
    looming = page.get_by_role("heading", name="Looming").bounding_box()
    assert looming is not None
    assert looming["y"] + looming["height"] < 800
    page.close()
