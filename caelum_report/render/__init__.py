"""render: a Report into a Site, the faces that people and programs read. The same report gives the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from caelum_report import codec
from caelum_report.archived import FOLDER, Kept
from caelum_report.document import Report
from caelum_report.editions import Edition, holds
from caelum_report.errors import as_bug
from caelum_report.model import Note
from caelum_report.site import Site

from .compared import difference_page
from .digest import digest_mail
from .editions import edition_of, has_changed, is_troubled
from .mail import quiet_mail, report_mail
from .mail_notice import notice_mail, test_mail
from .printing import digest_paper, paper, report_paper
from .reader_mail import Readers, reader_digest_mail, reader_notice_mail, reader_report_mail

if TYPE_CHECKING:
    from . import pages

__all__ = [
    "Readers",
    "difference_page",
    "digest_mail",
    "digest_paper",
    "edition_of",
    "has_changed",
    "is_troubled",
    "notice_mail",
    "paper",
    "quiet_mail",
    "reader_digest_mail",
    "reader_notice_mail",
    "reader_report_mail",
    "render",
    "render_edition",
    "report_mail",
    "test_mail",
]


def render(report: Report, kept: tuple[Kept, ...] = (), *, pdf: bool = True, pdf_seconds: float = 120) -> Site:
    """The whole site, its own files for the archive among its files; `kept` are the past reports that the archive shows.

    A part that cannot be rendered says so in its place and in `Site.notes`; index.html always exists.
    """
    document = codec.to_json(report)
    # what a later run reads: an int where a float is declared would be printed otherwise
    report = codec.from_json(document)
    with ThreadPoolExecutor(1) as beside:
        printed = beside.submit(report_paper, document, pdf_seconds) if pdf else None
        files, notes = _site(report, document, kept, pdf=pdf)
        if printed is not None:
            made = printed.result()
            if isinstance(made, Note):
                files, notes = _site(report, document, kept, pdf=False)  # without links to what is not there
                notes = (*notes, made)
            else:
                files["report.pdf"] = made
                if holds(report.edition, FOLDER):
                    files[f"{FOLDER}{report.id}.pdf"] = made
    return Site(report.id, files, notes)


def render_edition(report: Report, edition: Edition, secrets: Iterable[str], *, pdf_seconds: float = 120) -> Site:
    """The edition's site. Raises `PublishError` where it holds anything of `report` that has no place in it."""
    from .leaks import refuse_leaks
    from .specimen import edition_of_specimen, specimen

    def ours() -> Site:
        own = edition_of(specimen(report), edition_of_specimen(edition))
        return render(own, pdf=edition.pdf, pdf_seconds=pdf_seconds)

    site = render(edition_of(report, edition), pdf=edition.pdf, pdf_seconds=pdf_seconds)
    refuse_leaks(edition, site, report, secrets, ours)
    return site


def _site(
    report: Report, document: bytes, kept: tuple[Kept, ...], *, pdf: bool
) -> tuple[dict[str, bytes], tuple[Note, ...]]:
    from . import pages

    files: dict[str, bytes] = {"report.json": document}
    notes: list[Note] = []
    files |= _static(report)
    drawings = pages.drawings(report, notes) if holds(report.edition, "diagrams/") else {}
    files |= {
        f"diagrams/{name}.{kind}": text.encode()
        for name, drawing in drawings.items()
        for kind, text in (
            ("svg", drawing.file),
            ("dot", drawing.dot),
            ("mmd", drawing.mermaid),
            ("json", drawing.json),
        )
        if text is not None
    }
    version = hashlib.sha256(files["static/site.css"] + files["static/site.js"]).hexdigest()[:8]
    sha256 = hashlib.sha256(document).hexdigest()
    view = pages.view_of(
        report, sha256=sha256, pdf=pdf, static_version=version, drawings=drawings, notes=notes, kept=kept
    )
    for page in pages.all_pages(report):
        files[page.path] = pages.write(view, page)
    if holds(report.edition, FOLDER):
        files |= _for_the_archive(report, files, pdf=pdf)
    for path, make in _machine_files(view):
        if not holds(report.edition, path):
            continue
        try:
            files[path] = make()
        except Exception as error:  # noqa: BLE001  one server's odd figures must not cost the site
            notes.append(Note("file-failed", f"{path} could not be written ({as_bug(error)})"[:300]))
    return files, tuple(notes)


def _for_the_archive(report: Report, files: dict[str, bytes], *, pdf: bool) -> dict[str, bytes]:
    from .whole import whole

    own = f"{FOLDER}{report.id}"
    return {f"{own}.html": whole(report, files, pdf=pdf), f"{own}.json": files["report.json"]}


def _machine_files(view: pages.View) -> Iterator[tuple[str, Callable[[], bytes]]]:
    from . import api, feeds, openapi
    from .badges import badges
    from .markdown import markdown
    from .page_one import page_one
    from .prom import prom

    report = view.report
    yield "report.md", lambda: markdown(report)
    yield "metrics.prom", lambda: prom(report)
    yield "feed.atom", lambda: feeds.atom(report, view.kept)
    yield "feed.json", lambda: feeds.json_feed(report, view.kept)
    yield "api/v1/analytics/dashboard.json", lambda: api.dashboard(report, page_one(view))
    yield from api.files(report)
    yield from openapi.files(report)
    yield from badges(report)


def _static(report: Report) -> dict[str, bytes]:
    """The stylesheet knows this report's interval, after which a page in an open tab says that it is old."""
    from . import charts, skins
    from .html import TEMPLATES

    folder = TEMPLATES / "static"
    interval = f":root {{ --interval: {report.interval_seconds or 3600:.0f}s }}\n"
    stylesheet = skins.compact((folder / "site.css").read_text("utf-8") + charts.stylesheet()) + interval
    return {
        "static/site.css": stylesheet.encode(),
        "static/site.js": (folder / "site.js").read_bytes(),
        "static/favicon.svg": (folder / "favicon.svg").read_bytes(),
    }
