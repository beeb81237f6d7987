"""report.pdf: the index's own values, placed for paper. As a program: a Report's JSON on stdin, the PDF on stdout."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup, escape

from caelum_report import codec, words
from caelum_report.document import Chart, Report, ServerReport
from caelum_report.model import Status

from . import charts, marks, pages
from .html import environment, fill
from .pages import index
from .paper_dashboards import paper_dashboards
from .pdf_parts import parts
from .placed import about
from .press import Press, written
from .skins import TOKENS

FITS: Final = (  # class and size in points: the first with which page 1 holds its five parts
    *(("", 8.25), ("close", 8.25), ("close", 7.9), ("close", 7.6), ("close", 7.3), ("close", 7.0), ("close", 6.7)),
    *(("close", 6.4), ("close", 6.1)),
)
_WIDEST, _HIGHEST = 516.0, 560.0  # points that a drawing may take
_READABLE: Final = 0.36  # points for a pixel: words of 12 pixels are then as small as print gets
_FULL_WIDTH: Final = 3  # charts; more of them stand in pairs


def document(report: Report) -> bytes:
    """The finished file; its dates are the report's."""
    press = Press(report.paper, report.at, _glyphs())
    values = _values(report)

    def laid_out(number: int, *, whole: bool) -> Any:
        fit, size = FITS[number]
        return press.lay_out(fill("pdf/report.html", {**values, "fit": fit, "size": size, "whole": whole}))

    # what holds the parts holds them, too, when it is smaller
    fit = bisect_left(range(len(FITS) - 1), True, key=lambda number: len(laid_out(number, whole=False).pages) == 1)
    return written(laid_out(fit, whole=True), report.id)


# --- what is placed -------------------------------------------------------------------------------------------------


def _values(report: Report) -> dict[str, Any]:
    view = pages.view_of(report, sha256="", pdf=True, static_version="", drawings={}, notes=[])
    placed = index.placed(view)
    names = {server.id: server.name for server in report.servers}
    fleet = placed.get("fleet", {})
    shown = [row.server for row in fleet["rows"]] if fleet else [s for s in report.servers if not s.retired]
    following = parts(report, placed, paper_dashboards(report, _drawn, literal), _diagram(report))
    at = f"{words.day(report.at, report.zone)} {words.local(report.at, report.zone).year} {words.clock(report.at, report.zone)}"
    return {
        "report": report,
        "view": view,
        "root": "",
        "foot": f"{report.fleet} · report #{report.number} · data to {at} {words.offset(report.at, report.zone)}",
        "cadence": _cadence(report.interval_seconds),
        "verdict": placed["verdict"],
        "tally": [(status, f"{words.count(number)} {marks.TALLY_WORDS[status]}") for status, number in report.tally],
        "needs": placed["needs_action"],
        "changed": placed["changed"],
        "objectives": placed["objectives"],
        "looming": placed["looming"],
        "servers": sum(not server.retired for server in report.servers),
        "rows": [_row(report, server) for server in shown],
        "groups": fleet.get("groups", ()),
        "key": _key(),
        "about": lambda finding: about(finding, report),
        "parts": following,
        "contents": [(part.title, part.anchor) for part in following],
        "drawn": lambda shown: _drawn(report, shown),
        "name": lambda server: names.get(server, server),
        "literal": literal,
        "paper_glyph": glyph,
        "paper_state": state,
    }


def _cadence(seconds: float | None) -> str:
    if seconds is None:
        return "report"
    return {3600.0: "hourly report", 86_400.0: "daily report"}.get(seconds, f"report every {words.duration(seconds)}")


def _row(report: Report, server: ServerReport) -> dict[str, Any]:
    days = server.strip[-pages.STRIP_DAYS :]
    end = report.at.timestamp()
    spark = charts.spark(server.spark, end - 86_400, end, 90, 20, "light")
    return {
        "server": server,
        "strip": literal(marks.strip(days, marks.strip_label(days))) if days else "",
        "spark": literal(Markup(spark), "answer time of 24 hours"),  # noqa: S704 - our own SVG
        "month": pages.uptime_of(server, "month"),
    }


def _key() -> list[tuple[str, Markup]]:
    """A bar of each state, as in the strips."""
    shown = (Status.UP, Status.DEGRADED, Status.DOWN, Status.AUTH_WALLED, Status.MAINTENANCE, Status.UNKNOWN)
    bars = []
    for status in shown:
        height = marks.STRIP_HEIGHTS[status]
        word = "no data" if status is Status.UNKNOWN else str(status)
        fill_colour = TOKENS[f"{status}-f"][0]
        look = (
            f'fill="none" stroke="{fill_colour}" stroke-width="1.5"'
            if status in marks.HOLLOW
            else f'fill="{fill_colour}"'
        )
        box = f'<rect x="1" y="{21 - height}" width="6" height="{height - 1}" {look}/>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 21" width="8" height="21"><title>{word}</title>{box}</svg>'
        bars.append((word, Markup(svg)))  # noqa: S704 - our own SVG
    return bars


def _diagram(report: Report) -> Markup | None:
    """The architecture where servers need each other and its words can be read; None also where Graphviz is missing."""
    if not any(edge.kind == "depends-on" for edge in report.architecture.edges):
        return None
    drawing = pages.drawings(report, []).get("architecture")
    size = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', drawing.file) if drawing and drawing.file else None
    if drawing is None or drawing.file is None or size is None:
        return None
    scale = min(_WIDEST / float(size[1]), _HIGHEST / float(size[2]), 0.75)
    if scale < _READABLE:
        return None
    svg = drawing.file[drawing.file.index("<svg") :]
    wide, high = float(size[1]) * scale, float(size[2]) * scale
    return _told(re.sub(r"^<svg", f'<svg style="width: {wide:.0f}pt; height: {high:.0f}pt"', svg))


def _drawn(report: Report, shown: Sequence[Chart]) -> tuple[list[tuple[Chart, Markup]], bool]:
    paired = len(shown) > _FULL_WIDTH
    size: charts.Size = "M" if paired else "P"
    own = [replace(chart, id=f"{chart.id}-{chart.subject}") for chart in shown]  # ids are unique on their pages only
    return [(chart, _told(charts.svg(chart, report.zone, size, "light"))) for chart in own], paired


def _told(svg: str) -> Markup:
    """A drawing whose title is its description: a PDF has but one text in place of a picture."""
    described = re.search(r"<desc[^>]*>(.*?)</desc>", svg, re.DOTALL)
    if described is not None:
        svg = re.sub(
            r"(<title[^>]*>).*?(</title>)", lambda m: m[1] + described[1] + m[2], svg, count=1, flags=re.DOTALL
        )
    return Markup(svg)  # noqa: S704 - our own SVG


# --- small drawings -------------------------------------------------------------------------------------------------


@cache
def _looks() -> dict[str, str]:
    """The classes of the page's small drawings as attributes: WeasyPrint applies no style sheet inside SVG."""
    rule, hair, wash = "#8c8d90", "#dcd9d2", "#f3f1ec"
    looks = {f"f-{status}": f'fill="{TOKENS[f"{status}-f"][0]}"' for status in Status}
    looks |= {f"o-{status}": f'fill="none" stroke="{TOKENS[f"{status}-f"][0]}" stroke-width="1.5"' for status in Status}
    return looks | {
        "f-ink": f'fill="{TOKENS["data"][0]}"',
        "base": f'fill="none" stroke="{rule}"',
        "track": f'fill="{wash}" stroke="{hair}"',
    }


def literal(svg: Markup, label: str = "") -> Markup:
    """A small drawing of the pages with its colours written out and its label as a title, which is what a PDF reads."""
    text = re.sub(r' class="([a-z-]+)"', lambda m: f" {_looks()[m[1]]}" if m[1] in _looks() else "", str(svg))
    text = re.sub(r'^(<svg[^>]*?) aria-label="([^"]*)"([^>]*>)', r"\1\3<title>\2</title>", text)
    text = re.sub(r'^(<svg[^>]*?) aria-hidden="true"([^>]*>)', rf"\1\2<title>{escape(label)}</title>", text)
    return Markup(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S704 - our own SVG


@cache
def _glyphs() -> str:
    """The sprite's symbols as backgrounds: ornaments to a reader of the tags, for the word stands beside them."""
    sheet = str(environment().get_template("sprite.html").module.sprite())  # type: ignore[attr-defined]
    rules = []
    for name, inner in re.findall(r'<symbol id="g-([a-z-]+)"[^>]*>(.*?)</symbol>', sheet, re.DOTALL):
        token = {"worse": "down", "better": "up", "method": "unknown"}.get(name, name)
        coloured = inner.replace("currentColor", TOKENS[token][0])
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 12">{coloured}</svg>'
        rules.append(f'.g-{name} {{ background-image: url("data:image/svg+xml,{quote(svg)}"); }}\n')
    return "".join(rules)


def glyph(name: str) -> Markup:
    """A symbol in its colour; never without its word."""
    return Markup('<i class="g g-{}"></i>').format(name)


def state(status: Status | None, word: str = "") -> Markup:
    """Glyph and word in the state's colour."""
    if status is None:
        return Markup('<span class="state">{}</span>').format(word)
    return Markup('<span class="state is-{}">{}{}</span>').format(status, glyph(status), word or status.word)


if __name__ == "__main__":
    sys.stdout.buffer.write(document(codec.from_json(sys.stdin.buffer.read())))
