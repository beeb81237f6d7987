"""Messages: alerts and reports as HTML that mail programs show, as plain text, and as JSON. All say the same in the same order.

HTML in tables with inline CSS, no script, no outside address but the site's own; it stays under the 102 kB at which mail
programs cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from caelum_report import words
from caelum_report.alerting import Line, Notice
from caelum_report.document import Change, Report
from caelum_report.mail import Mail
from caelum_report.model import Status
from caelum_report.text import brief
from caelum_report.words import stamp

from .html import environment
from .pages.view import changed_heading

LARGEST_HTML: Final = 102_000
_ACTIONS: Final = 5
_SKYLINE: Final = 60  # servers
_COLOURS: Final = {
    Status.DOWN: "#a8201a",
    Status.DEGRADED: "#855300",
    Status.AUTH_WALLED: "#76397f",
    Status.UNKNOWN: "#5c6067",
    Status.MAINTENANCE: "#1d5a8a",
    Status.UP: "#1c6a55",
}
_MARKS: Final = {
    Status.DOWN: "■",
    Status.DEGRADED: "▲",
    Status.AUTH_WALLED: "◆",
    Status.UNKNOWN: "○",
    Status.MAINTENANCE: "❚❚",
    Status.UP: "●",
}
_HEIGHTS: Final = {
    Status.DOWN: 38,
    Status.DEGRADED: 26,
    Status.AUTH_WALLED: 26,
    Status.MAINTENANCE: 18,
    Status.UP: 8,
    Status.UNKNOWN: 3,
}


def _site(url: str | None, page: str | None) -> str:
    return f"{url.rstrip('/')}/{page}" if url and page else ""


# --- alerts ---------------------------------------------------------------------------------------------------------


def notice_mail(notice: Notice, key: str) -> Mail:
    when = f"{words.full_date(notice.at, notice.zone)}, {words.clock(notice.at, notice.zone)}"
    title = brief(f"[{notice.fleet}] {notice.title}", 200)

    def address(line: Line) -> str:
        return _site(notice.site_url, line.page)

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
        url=_site(notice.site_url, "alerts.html"),
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
        if address := _site(notice.site_url, line.page):
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
                "url": _site(notice.site_url, line.page) or None,
            }
            for line in notice.lines
        ],
    }


def test_mail(fleet: str, at: datetime, text: str) -> Mail:
    title = f"[{fleet}] test message"
    html = environment().from_string(
        '{% extends "mail/frame.html" %}{% block rows %}<tr><td>{{ text }}</td></tr>{% endblock %}'
    )
    facts = {"fleet": fleet, "at": stamp(at), "title": title, "test": True, "alerts": []}
    return Mail(f"test:{stamp(at)}", title, text, html.render(title=title, text=text), _json(facts))


# --- reports --------------------------------------------------------------------------------------------------------


def report_mail(report: Report, pdf: bytes | None) -> Mail:
    """Page 1 as a message."""
    from .mail_charts import mail_charts

    charts = mail_charts(report)
    text = "\n".join(_report_text(report))
    html = _report_html(report, charts)
    if len(html.encode()) > LARGEST_HTML:
        html = _plain_html(report, text)
    return Mail(
        id=f"report:{report.id}",
        title=subject(report),
        text=text,
        html=html,
        json=_json(_facts(report)),
        report=report.id,
        url=_site(report.site_url, "index.html"),
        images=tuple((cid, png) for cid, _, png in charts),
        attachments=(("report.pdf", "application/pdf", pdf),) if pdf else (),
        diagram=_mermaid(report),
    )


def quiet_mail(report: Report) -> Mail:
    """The word that all is quiet, so that silence means that something is broken."""
    whole = report_mail(report, None)
    title = f"[{report.fleet}] all quiet · report #{report.number}"
    return Mail(f"quiet:{report.id}", title, whole.text, whole.html, whole.json, report.id, whole.url)


def subject(report: Report) -> str:
    """`[caelum] 1 down, 3 degraded: api-gateway · report #4217`."""
    tally = ", ".join(
        f"{number} {status}" for status, number in report.tally if status not in {Status.UP, Status.MAINTENANCE}
    )
    first = next((f.server for f in report.findings if f.needs_action and f.server), None)
    name = next((server.name for server in report.servers if server.id == first), "")
    said = f"{tally}: {name}" if tally and name else tally or report.verdict.kicker
    return brief(f"[{report.fleet}] {said} · report #{report.number}", 200)


def _report_html(report: Report, charts: tuple[tuple[str, str, bytes], ...]) -> str:
    actions = [finding for finding in report.findings if finding.needs_action]
    current = [server for server in report.servers if not server.retired]
    few = 3 <= len(current) <= _SKYLINE
    return environment().get_template("mail/report.html").render(
        report=report,
        title=subject(report),
        url=_site(report.site_url, "index.html"),
        actions=actions[:_ACTIONS],
        more_actions=max(0, len(actions) - _ACTIONS),
        changed=changed_heading(report),
        names=lambda change: _names(change, report),
        skyline=[(server.status, _HEIGHTS[server.status]) for server in current] if few else [],
        bar=max(3, min(50, 560 // max(len(current), 1) - 1)),
        tally=", ".join(f"{number} {status}" for status, number in report.tally),
        charts=[(cid, title) for cid, title, _ in charts],
        colour=lambda status: _COLOURS.get(status, "#565a61"),
        mark=lambda status: _MARKS.get(status, "·"),
    )  # fmt: skip


def _plain_html(report: Report, text: str) -> str:
    """Where page 1 with all its words would be cut."""
    page = environment().from_string(
        '{% extends "mail/frame.html" %}{% block rows %}<tr><td style="white-space:pre-wrap">{{ text }}</td></tr>{% endblock %}'
    )
    return page.render(title=subject(report), text=text[: LARGEST_HTML // 4])


def _names(change: Change, report: Report) -> str:
    names = {server.id: server.name for server in report.servers}
    return ", ".join(names.get(server, server) for server in change.servers) or "this report"


def _report_text(report: Report) -> Iterator[str]:
    zone = report.zone
    yield f"{report.fleet}, report #{report.number}, {words.full_date(report.at, zone)}, {words.clock(report.at, zone)}"
    if report.demo:
        yield "Demonstration: these servers and their history are simulated."
    yield ""
    yield report.verdict.sentence
    yield report.verdict.lede
    due = f" Next due {words.moment(report.next_due, report.at, zone)}." if report.next_due else ""
    yield f"Data to {words.clock(report.at, zone)} ({words.offset(report.at, zone)}).{due} {report.coverage.sentence}."
    yield ""
    yield "NEEDS ACTION"
    actions = [finding for finding in report.findings if finding.needs_action]
    for finding in actions[:_ACTIONS]:
        since = words.since(finding.since, report.at, zone) if finding.since else ""
        chance = words.chance(finding.chance) if finding.chance is not None else ""
        yield f"- {finding.title}"
        yield f"  {', '.join(filter(None, (finding.word, since, finding.owner, finding.evidence, chance)))}"
        yield from (f"  {part}" for part in (finding.impact, finding.cause, finding.advice, finding.command) if part)
    if not actions:
        yield report.empty.needs_action or "Nothing."
    elif len(actions) > _ACTIONS:
        yield f"and {len(actions) - _ACTIONS} more in the report"
    yield ""
    yield changed_heading(report).upper()
    for change in report.changes[:7]:
        said = f"{change.what} {change.before} → {change.after} {change.detail}".strip()
        yield f"- {change.direction.capitalize()} {_names(change, report)}: {said} ({change.evidence})"
    if not report.changes:
        yield report.empty.changes or "Nothing that stands out from chance."
    yield ""
    yield "SLO AND BUDGET"
    for one in report.objectives[:3]:
        left = words.percent(one.budget_left, 0)
        yield f"- {one.name}: {words.percent(one.achieved)} of {words.percent(one.target, 1)}, budget left {left}, spent {one.spent_by}"
    yield report.objectives_note if report.objectives else report.empty.objectives or "No objective is set."
    yield ""
    yield "LOOMING"
    for looming in report.looming[:3]:
        yield f"- {looming.what} {looming.when} ({looming.record})"
    if not report.looming:
        yield report.empty.looming
    if address := _site(report.site_url, "index.html"):
        yield ""
        yield address


def _facts(report: Report) -> dict[str, Any]:
    from .api import latest

    actions = [{"id": f.id, "title": f.title, "server": f.server} for f in report.findings if f.needs_action]
    return {**latest(report), "title": subject(report), "lede": report.verdict.lede, "actions": actions[:_ACTIONS]}


def _mermaid(report: Report) -> str:
    from .diagrams import mermaid

    return mermaid(report.architecture)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
