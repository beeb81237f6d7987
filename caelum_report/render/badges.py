"""badges/SLUG.svg and badges/index.svg: a state in one line, for a README or a wiki. State is word and shape, then colour.

A badge stands inside somebody else's page, which gives it no stylesheet: it brings its own colours, dark on its own ground.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from markupsafe import escape

from caelum_report.document import Report
from caelum_report.model import Status

from .marks import TALLY_WORDS, tally_text
from .widths import clip, text_width

_COLOURS: Final = {  # DESIGN's text colours on light paper
    Status.DOWN: "#a8201a",
    Status.DEGRADED: "#855300",
    Status.AUTH_WALLED: "#76397f",
    Status.UNKNOWN: "#5c6067",
    Status.MAINTENANCE: "#1d5a8a",
    Status.UP: "#1c6a55",
}
_SHAPES: Final = {  # in a square of 12
    Status.DOWN: '<path d="M1 1h10v10H1z" fill="{0}"/><path d="M4 4l4 4m0-4l-4 4" stroke="#fff" stroke-width="1.5"/>',
    Status.DEGRADED: '<path d="M6 1l5.5 10H.5z" fill="{0}"/>',
    Status.AUTH_WALLED: '<path d="M6 1l5 5-5 5-5-5z" fill="none" stroke="{0}" stroke-width="1.8"/>',
    Status.UNKNOWN: '<circle cx="6" cy="6" r="4.5" fill="none" stroke="{0}" stroke-width="1.6" stroke-dasharray="3 2"/>',
    Status.MAINTENANCE: '<path d="M2 1h3v10H2zM7 1h3v10H7z" fill="{0}"/>',
    Status.UP: '<circle cx="6" cy="6" r="5" fill="{0}"/>',
}
_WIDEST: Final = 260.0
_SIZE: Final = 11.0


def badges(report: Report) -> Iterator[tuple[str, Callable[[], bytes]]]:
    bad = [entry for entry in report.tally if entry[0] is not Status.UP]
    said = tally_text(bad[:2] or report.tally) or "no servers"
    yield "badges/index.svg", partial(_badge, report.fleet, report.verdict.status, said)
    for server in report.servers:
        yield f"badges/{server.slug}.svg", partial(_badge, server.name, server.status, TALLY_WORDS[server.status])


def _badge(name: str, status: Status, said: str) -> bytes:
    name = clip(name.strip() or "(empty name)", _WIDEST, _SIZE)
    left = round(text_width(name, _SIZE)) + 16
    width = left + round(text_width(said, _SIZE, bold=True)) + 34
    text = f'font-family="Verdana,DejaVu Sans,sans-serif" font-size="{_SIZE:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-labelledby="t">'
        f'<title id="t">{escape(name)}: {escape(said)}</title>'
        f'<rect x=".5" y=".5" width="{width - 1}" height="19" rx="3" fill="#fdfcfa" stroke="#b9b5ac"/>'
        f'<path d="M{left}.5 1v18" stroke="#b9b5ac"/>'
        f'<text x="8" y="14" fill="#1b1d21" {text}>{escape(name)}</text>'
        f'<g transform="translate({left + 8} 4)">{_SHAPES[status].format(_COLOURS[status])}</g>'
        f'<text x="{left + 25}" y="14" fill="{_COLOURS[status]}" font-weight="bold" {text}>{escape(said)}</text>'
        "</svg>\n"
    ).encode()
