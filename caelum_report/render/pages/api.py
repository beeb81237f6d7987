"""api/index.html: the files for programs, each with what it holds, an example of this report and its schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from caelum_report import words
from caelum_report.render.catalogue import DOCUMENTS, Document

from .view import Page, View, host_slug

_OF_CHARTS: Final = {  # files that are there with these charts
    "api/v1/fleet.json": "fleet_charts",
    "api/v1/fleet.csv": "fleet_charts",
    "api/v1/tokens.csv": "token_charts",
}


@dataclass(frozen=True, slots=True)
class Row:
    document: Document
    example: str | None  # a file of this site


def _head(_: View) -> dict[str, Any]:
    return {
        "heading": "Every figure is a file.",
        "lede": f"{words.plural(len(DOCUMENTS), 'kind')} of files for programs, written anew with every report: GET them from any web server.",
    }


def _files(view: View) -> dict[str, Any]:
    return {"rows": [Row(document, _example(view, document)) for document in DOCUMENTS]}


def _example(view: View, document: Document) -> str | None:
    report = view.report
    known = {
        "report": report.id,
        "slug": report.servers[0].slug if report.servers else None,
        "host": host_slug(report.hosts[0]) if report.hosts else None,
        "dashboard": report.dashboards[0].name if report.dashboards else None,
        "name": next(iter(view.drawings), None),
    }
    missing = {name for name, charts in _OF_CHARTS.items() if not getattr(report, charts)}
    if not view.pdf:
        missing |= {"report.pdf", "archive/{report}.pdf"}
    if document.path in missing or any(known[name] is None for name in re.findall(r"\{(\w+)\}", document.path)):
        return None
    return document.path.format(**known)


def _promises(view: View) -> dict[str, Any]:
    return {"site_url": (view.report.site_url or "").rstrip("/"), "server": next(iter(view.report.servers), None)}


PAGE: Final = Page(
    "api/index.html",
    "Files for programs",
    (("page_head.html", _head), ("api/files.html", _files), ("api/promises.html", _promises)),
)
