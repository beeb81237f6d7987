"""The pages of the site: which exist, in which order their blocks stand, and how they become bytes. Layout only; every
sentence and number that can be known without a page comes from the Report.

A page is a tuple of blocks. Each block is a function of the view and fills one template; one that fails says so in its
place, and the page is whole without it. A new page is one module here, a line in `all_pages` and one in `NAVIGATION`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from caelum_report.document import Report
from caelum_report.editions import holds
from caelum_report.errors import as_bug
from caelum_report.model import Note
from caelum_report.render.html import fill

from . import (
    alerts,
    api,
    architecture,
    archive,
    bottlenecks,
    changes,
    dashboards,
    dataflow,
    host,
    index,
    method,
    readiness,
    recommendations,
    server,
    server_list,
    slo,
    sources,
    tools,
    trends,
    usage,
)
from .view import NAVIGATION, STRIP_DAYS, Block, Page, View, next_due, own_pages, uptime_of, view_of

if TYPE_CHECKING:
    from caelum_report.render.diagrams import Drawing

__all__ = ["CSP", "STRIP_DAYS", "Page", "View", "all_pages", "drawings", "uptime_of", "view_of", "write"]

CSP: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'"
)
IN_MASTHEAD: Final = 8
SECTIONS: Final = {"servers": "index.html", "tools": "tools.html", "incidents": "alerts.html"}  # of a folder's pages
ALTERNATES: Final = (  # the same report for other readers, named in every page's head
    ("application/json", "This report as JSON", "report.json"),
    ("text/markdown", "This report as Markdown", "report.md"),
    ("application/atom+xml", "Reports and incidents", "feed.atom"),
    ("application/feed+json", "Reports and incidents", "feed.json"),
)


def drawings(report: Report, notes: list[Note]) -> dict[str, Drawing]:
    """The diagrams of the site, by one call of `dot`; none, and a note, where they cannot be made."""
    try:
        from caelum_report.render.diagrams import draw

        found = [each for each in (report.architecture, report.by_host, report.dataflow) if each]
        falls = [one.dependants for one in report.alarms.incidents if one.dependants]
        return dict(draw([*found, *falls], roots={diagram.name: "../" for diagram in falls}))
    except Exception as error:  # noqa: BLE001  a table says the same
        notes.append(Note("block-failed", f"the diagrams could not be drawn ({as_bug(error)})"[:300]))
        return {}


def all_pages(report: Report) -> Iterator[Page]:
    """The pages of this report's edition."""
    return (page for page in _every_page(report) if holds(report.edition, page.path))


def _every_page(report: Report) -> Iterator[Page]:
    yield index.page(report)
    yield from (
        changes.PAGE,
        trends.PAGE,
        bottlenecks.PAGE,
        usage.PAGE,
        tools.PAGE,
        readiness.PAGE,
        architecture.PAGE,
        dataflow.PAGE,
        host.PAGE,
        method.PAGE,
        recommendations.PAGE,
    )
    if report.sources:
        yield sources.PAGE
    yield from (alerts.PAGE, slo.PAGE, api.PAGE)
    yield from tools.sheet_pages_of(report)
    yield archive.PAGE
    yield server_list.PAGE
    yield from (dashboards.page_of(one) for one in report.dashboards)
    yield from (alerts.incident_page(one) for one in report.alarms.incidents)
    for one in report.servers:
        yield from server.pages_of(one, report.edition)


def write(view: View, page: Page) -> bytes:
    """The page as it lies on disk."""
    shared = {"view": view, "report": view.report, "root": page.root, "next_due": next_due(view.report)}
    body = Markup("").join(_block(view, page, template, build, shared) for template, build in page.blocks)
    return fill(
        "page.html",
        {
            **shared,
            "page": page,
            "crumbs": page.crumbs or _crumbs(page),
            "body": body,
            "csp": CSP,
            "masthead": _framed(view, page, "masthead.html", shared),
            "footer": _framed(view, page, "footer.html", shared),
            "alternates": ALTERNATES,
        },
    ).encode()


def _framed(view: View, page: Page, template: str, shared: dict[str, Any]) -> Markup:
    """What stands around a page's body: filled once for all of a thousand servers."""
    section = SECTIONS.get(page.path.partition("/")[0], page.path)
    current = "page" if section == page.path else "true"
    key = (template, page.root, *((section, current) if template == "masthead.html" else ()))
    found = view.frames.get(key)
    if found is None:
        navigation = [entry for entry in (*NAVIGATION, *own_pages(view.report)) if entry[0] in view.pages]
        values = {"navigation": navigation, "in_masthead": IN_MASTHEAD, "section": section, "current": current}
        found = view.frames[key] = fill(template, {**shared, **values})
    return found


def _crumbs(page: Page) -> tuple[tuple[str, str | None], ...]:
    """A page that names no other above it stands below the fleet."""
    return () if page.path == "index.html" else (("Fleet", "index.html"), (page.title, None))


def _block(view: View, page: Page, template: str, build: Block, shared: dict[str, Any]) -> Markup:
    try:
        values = build(view)
        return Markup("") if values is None else fill(template, {**shared, **values})
    except Exception as error:  # noqa: BLE001  whatever it is, the rest of the page must not be lost with it
        name = template.rpartition("/")[2].removesuffix(".html")
        note = f"{page.path}: the part “{name}” could not be rendered ({as_bug(error)})"
        view.notes.append(Note("block-failed", note[:300]))
        return fill("failed.html", {**shared, "name": name, "error": type(error).__name__})
