"""Reports as messages: HTML that mail programs show, plain text, and JSON. All say the same in the same order.

HTML in tables with inline CSS, no script, no outside address but the site's own; it stays under the 102 kB at which mail
programs cut.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from caelum_report.document import Report
from caelum_report.mail import Mail
from caelum_report.model import Status

from .pages.view import site_address

_SEVERITY: Final = {Status.DOWN: "critical", Status.DEGRADED: "warning", Status.AUTH_WALLED: "warning"}


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
        severity=_SEVERITY.get(report.verdict.status, "info"),
        report=report.id,
        url=site_address(report.site_url, "index.html"),
        images=tuple((cid, png) for cid, _, _, png in charts),
        attachments=((name, "application/pdf", pdf),) if pdf else (),
        diagram=_mermaid(report),
    )


def quiet_mail(report: Report) -> Mail:
    """The word that all is quiet, so that silence means that something is broken."""
    whole = report_mail(report, None)
    title = f"[{report.fleet}] all quiet · report #{report.number}"
    return replace(whole, id=f"quiet:{report.id}", title=title, state="quiet", diagram="")


def _facts(report: Report, title: str) -> dict[str, Any]:
    from .api import latest

    actions = [{"id": f.id, "title": f.title, "server": f.server} for f in report.findings if f.needs_action]
    return {**latest(report), "title": title, "lede": report.verdict.lede, "actions": actions[:5]}


def _mermaid(report: Report) -> str:
    from .diagrams import mermaid

    return mermaid(report.architecture)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
