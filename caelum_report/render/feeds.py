"""feed.atom (RFC 4287) and feed.json (JSON Feed 1.1): the reports that the archive keeps and incidents, newest first. For feed readers.

Identifiers are tag: URIs (RFC 4151), so that an entry stays itself when the site moves to another path. Without `site_url`
Atom's links are relative, as RFC 4287 allows, and JSON Feed's, which must be absolute, are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from markupsafe import escape

from caelum_report import words
from caelum_report.archived import FOLDER, Kept
from caelum_report.document import IncidentReport, Report
from caelum_report.editions import INTERNAL, holds
from caelum_report.text import slug
from caelum_report.words import stamp

SHOWN_INCIDENTS: Final = 50
SHOWN_REPORTS: Final = 24
_SCHEME: Final = "2026:caelum-report"  # RFC 4151: the year in which these identifiers began


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    title: str
    page: str
    published: datetime
    updated: datetime
    text: str
    kind: str  # report, incident


def atom(report: Report, kept: Sequence[Kept] = ()) -> bytes:
    entries = "".join(_atom_entry(entry, report.site_url) for entry in _entries(report, kept))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">\n'
        f"<id>{escape(_identifier(report, 'feed'))}</id>\n"
        f"<title>{escape(_title(report))}</title>\n"
        f"<updated>{stamp(report.at)}</updated>\n"
        f"<author><name>{escape(report.fleet)}</name></author>\n"
        f'<generator version="{escape(report.program_version)}">caelum-report</generator>\n'
        f'<link rel="self" type="application/atom+xml" href="{escape(address(report.site_url, "feed.atom"))}"/>\n'
        f'<link rel="alternate" type="text/html" href="{escape(address(report.site_url, "index.html"))}"/>\n'
        f"{entries}</feed>\n"
    ).encode()


def _atom_entry(entry: Entry, site_url: str | None) -> str:
    return (
        "<entry>\n"
        f"<id>{escape(entry.id)}</id>\n"
        f"<title>{escape(entry.title)}</title>\n"
        f"<published>{stamp(entry.published)}</published>\n"
        f"<updated>{stamp(entry.updated)}</updated>\n"
        f'<category term="{escape(entry.kind)}"/>\n'
        f'<link rel="alternate" type="text/html" href="{escape(address(site_url, entry.page))}"/>\n'
        f'<content type="text">{escape(entry.text)}</content>\n'
        "</entry>\n"
    )


def json_feed(report: Report, kept: Sequence[Kept] = ()) -> bytes:
    feed: dict[str, Any] = {"version": "https://jsonfeed.org/version/1.1", "title": _title(report)}
    if report.site_url:
        feed["home_page_url"] = address(report.site_url, "index.html")
        feed["feed_url"] = address(report.site_url, "feed.json")
    feed |= {
        "language": "en",
        "authors": [{"name": report.fleet}],
        "items": [_item(entry, report.site_url) for entry in _entries(report, kept)],
    }
    return json.dumps(feed, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f").encode()


def _item(entry: Entry, site_url: str | None) -> dict[str, Any]:
    return {
        "id": entry.id,
        **({"url": address(site_url, entry.page)} if site_url else {}),
        "title": entry.title,
        "content_text": entry.text,
        "date_published": stamp(entry.published),
        "date_modified": stamp(entry.updated),
        "tags": [entry.kind],
    }


def address(site_url: str | None, page: str) -> str:
    """Where a page of the site is; relative to the site's root where nobody said where that is."""
    return urljoin(f"{site_url.rstrip('/')}/", page) if site_url else page


def _title(report: Report) -> str:
    return f"{report.fleet}: reports and incidents" + (" (demonstration)" if report.demo else "")


def _identifier(report: Report, what: str) -> str:
    """Unique to this site: by its declared host and path, else by the machine that reports, or an edition's own name."""
    site = urlsplit(report.site_url or "")
    authority = site.hostname or slug(report.host or report.fleet)
    path = "/".join(filter(None, (site.path.strip("/"), "" if report.edition == INTERNAL else report.edition)))
    return f"tag:{authority},{_SCHEME}/{f'{path}/' if path else ''}{what}"


def _entries(report: Report, kept: Sequence[Kept]) -> list[Entry]:
    past = sorted((one for one in kept if one.id != report.id), key=lambda one: one.at, reverse=True)[:SHOWN_REPORTS]
    entries = [
        _own(report),
        *(_past(report, one) for one in past),
        *(_incident(report, one) for one in report.alarms.incidents[:SHOWN_INCIDENTS]),
    ]
    return sorted(entries, key=lambda entry: entry.updated, reverse=True)


def _page(report: Report, identifier: str) -> str:
    """Where a report stays; of an edition, which keeps none, where it is now."""
    path = f"{FOLDER}{identifier}.html"
    return path if holds(report.edition, path) else "index.html"


def _past(report: Report, one: Kept) -> Entry:
    said = f"Report #{one.number}: {one.verdict}"
    page = _page(report, one.id)
    return Entry(_identifier(report, f"report/{one.id}"), said, page, one.at, one.at, one.verdict, "report")


def _own(report: Report) -> Entry:
    actions = [finding.title for finding in report.findings if finding.needs_action]
    return Entry(
        _identifier(report, f"report/{report.id}"),
        f"Report #{report.number}: {report.verdict.sentence}",
        _page(report, report.id),
        report.at,
        report.at,
        "\n".join([report.verdict.lede, *(["Needs action:"] if actions else []), *(f"- {title}" for title in actions)]),
        "report",
    )


def _incident(report: Report, one: IncidentReport) -> Entry:
    changed = max((event.at for event in one.events), default=one.began_at)
    lasting = f"Since {words.moment(one.began_at, report.at, report.zone)}"
    if one.ended_at is not None:
        lasting = f"Over after {words.duration(one.seconds)}"
    facts = [f"{lasting}; {one.severity}.", one.cause, one.impact]
    course = [f"{words.moment(event.at, report.at, report.zone)} {event.text}" for event in one.events]
    return Entry(
        _identifier(report, f"incident/{one.id}"),
        one.title,
        f"incidents/{one.id}.html",
        one.began_at,
        max(changed, one.ended_at or one.began_at),
        "\n".join(filter(None, (*facts, *course))),
        "incident",
    )
