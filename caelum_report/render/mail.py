"""Messages: alerts and reports as HTML that mail programs show, as plain text, and as JSON. All say the same in the same order.

HTML in tables with inline CSS, no script, no outside address but the site's own; it stays under the 102 kB at which mail
programs cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from caelum_report import words
from caelum_report.alerting import Line, Notice
from caelum_report.document import Report
from caelum_report.mail import Mail
from caelum_report.text import brief
from caelum_report.words import stamp

from .html import environment
from .pages.view import site_address

# --- alerts ---------------------------------------------------------------------------------------------------------


def notice_mail(notice: Notice, key: str) -> Mail:
    when = f"{words.full_date(notice.at, notice.zone)}, {words.clock(notice.at, notice.zone)}"
    title = brief(f"[{notice.fleet}] {notice.title}", 200)

    def address(line: Line) -> str:
        return site_address(notice.site_url, line.page)

    def since(line: Line) -> str:
        return words.moment(line.alert.began_at, notice.at, notice.zone)

    html = environment().get_template("mail/notice.html").render(
        title=title, notice=notice, when=when, address=address, since=since
    )  # fmt: skip
    return Mail(
        id=key,
        title=title,
        text="\n".join(_notice_text(notice, when)),
        html=html,
        json=_json(notice_facts(notice)),
        url=site_address(notice.site_url, "alerts.html"),
    )


def _notice_text(notice: Notice, when: str) -> Iterator[str]:
    yield f"{notice.fleet}, {when}"
    for line in notice.lines:
        since = words.moment(line.alert.began_at, notice.at, notice.zone)
        yield ""
        yield f"{'FIRING' if line.fires else 'RESOLVED'}: {line.title}"
        if line.detail:
            yield line.detail
        yield f"{line.alert.rule}, {line.alert.severity}, since {since}"
        if address := site_address(notice.site_url, line.page):
            yield address


def notice_facts(notice: Notice) -> dict[str, Any]:
    return {
        "fleet": notice.fleet,
        "at": stamp(notice.at),
        "title": notice.title,
        "alerts": [
            {
                "id": line.alert.id,
                "state": "firing" if line.fires else "resolved",
                "rule": line.alert.rule,
                "subject": line.alert.subject,
                "severity": line.alert.severity,
                "title": line.title,
                "detail": line.detail,
                "began_at": stamp(line.alert.began_at),
                "resolved_at": stamp(line.alert.resolved_at) if line.alert.resolved_at else None,
                "owner": line.alert.owner,
                "runbook": line.alert.runbook,
                "explains": line.explains,
                "url": site_address(notice.site_url, line.page) or None,
            }
            for line in notice.lines
        ],
    }


def test_mail(fleet: str, at: datetime, text: str) -> Mail:
    title = f"[{fleet}] test message"
    html = environment().get_template("mail/plain.html")
    facts = {"fleet": fleet, "at": stamp(at), "title": title, "test": True, "alerts": []}
    return Mail(f"test:{stamp(at)}", title, text, html.render(title=title, text=text), _json(facts))


# --- reports --------------------------------------------------------------------------------------------------------


def report_mail(report: Report, pdf: bytes | None) -> Mail:
    """Page 1 as a message."""
    from .mail_charts import mail_charts
    from .mail_report import html, subject, text

    charts = mail_charts(report)
    name = f"report-{report.number}.pdf"
    title = subject(report)
    return Mail(
        id=f"report:{report.id}",
        title=title,
        text=text(report),
        html=html(report, title, [chart[:3] for chart in charts], name if pdf else ""),
        json=_json(_facts(report, title)),
        report=report.id,
        url=site_address(report.site_url, "index.html"),
        images=tuple((cid, png) for cid, _, _, png in charts),
        attachments=((name, "application/pdf", pdf),) if pdf else (),
        diagram=_mermaid(report),
    )


def quiet_mail(report: Report) -> Mail:
    """The word that all is quiet, so that silence means that something is broken."""
    whole = report_mail(report, None)
    return replace(
        whole, id=f"quiet:{report.id}", title=f"[{report.fleet}] all quiet · report #{report.number}", diagram=""
    )


def _facts(report: Report, title: str) -> dict[str, Any]:
    from .api import latest

    actions = [{"id": f.id, "title": f.title, "server": f.server} for f in report.findings if f.needs_action]
    return {**latest(report), "title": title, "lede": report.verdict.lede, "actions": actions[:5]}


def _mermaid(report: Report) -> str:
    from .diagrams import mermaid

    return mermaid(report.architecture)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
