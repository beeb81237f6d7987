"""Alerts as a message: what began and what is over, with what to type, in the words that every way out repeats."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from caelum_report import words
from caelum_report.alerting import Alert, Line, Notice, Phase, Severity
from caelum_report.editions import INTERNAL
from caelum_report.mail import Mail
from caelum_report.text import brief, visible

from .html import environment
from .pages.view import site_address

SHOWN: Final = 20  # lines; at night nobody reads more, and mail programs cut at 102 kB


def notice_mail(notice: Notice, key: str) -> Mail:
    title = brief(f"[{notice.fleet}] {notice.title}", 200)
    told = [line for line in notice.lines if line.fires] or list(notice.lines)
    html = environment().get_template("mail/notice.html").render(
        title=title,
        notice=notice,
        when=_when(notice),
        lines=notice.lines[:SHOWN],
        more=_more(notice),
        address=lambda line: site_address(notice.site_url, line.page),
        about=lambda line: _about(line, notice),
        commands=lambda line: list(_commands(line, notice)),
        name=lambda line: visible(line.alert.subject, 60),
    )  # fmt: skip
    return Mail(
        id=key,
        title=title,
        text="\n".join(_text(notice)),
        html=html,
        json=json.dumps(notice_facts(notice), ensure_ascii=True, allow_nan=False, separators=(",", ":")),
        state="firing" if notice.lines[0].fires else "resolved",
        severity=min((line.alert.severity for line in told), key=list(Severity).index).value,
        url=site_address(notice.site_url, "alerts.html" if notice.edition == INTERNAL else "index.html"),
    )


def test_mail(fleet: str, at: datetime, zone: str, site_url: str | None) -> Mail:
    """An alert about nothing, so that whoever receives it sees how one looks; marked as a test in every form."""
    alert = Alert(0, "test", "test", None, Severity.INFO, Phase.FIRING, at, at, text="This is a test.")
    line = Line(alert, True, "This is a test.", "Somebody asked for this message; nothing happened.", "alerts.html")
    mail = notice_mail(Notice(fleet, at, zone, (line,), site_url), f"test:{words.stamp(at)}")
    title = f"[{fleet}] test message"
    facts = {**json.loads(mail.json), "title": title, "test": True}
    return replace(mail, title=title, state="test", json=json.dumps(facts, separators=(",", ":")))


def _when(notice: Notice) -> str:
    """Monday 30 November 2026, 04:32 (+01:00)"""
    day, clock = words.full_date(notice.at, notice.zone), words.clock(notice.at, notice.zone)
    return f"{day}, {clock} ({words.offset(notice.at, notice.zone)})"


def _more(notice: Notice) -> str:
    left = len(notice.lines) - SHOWN
    if left <= 0:
        return ""
    return f"{words.plural(left, 'more alert')} on the page{' of alerts' if notice.edition == INTERNAL else ''}."


def _about(line: Line, notice: Notice) -> str:
    """down, critical, alert 7, since 04:32; for readers of an edition the times alone"""
    alert = line.alert
    begun = words.moment(alert.began_at, notice.at, notice.zone)
    when = f"since {begun}"
    if not line.fires and alert.resolved_at is not None:
        when = f"{begun} to {words.moment(alert.resolved_at, notice.at, notice.zone)}"
    return f"{alert.rule}, {alert.severity}, alert {alert.id}, {when}" if notice.edition == INTERNAL else when


def _commands(line: Line, notice: Notice) -> Iterator[tuple[str, str]]:
    """What to type now, each with what it is for."""
    alert = line.alert
    if not line.fires or not alert.id or notice.edition != INTERNAL:
        return
    if alert.server is not None and visible(alert.server) == alert.server:  # else nobody can type it
        yield "Ask it now", f"caelum-report probe {shlex.quote(alert.server)}"
    yield "Say that you know", f'caelum-report alerts ack {alert.id} --reason "…"'


def _text(notice: Notice) -> Iterator[str]:
    yield f"{notice.fleet}, {_when(notice)}"
    for line in notice.lines[:SHOWN]:
        yield ""
        yield f"{'FIRING' if line.fires else 'RESOLVED'}: {line.title}"
        if line.detail:
            yield line.detail
        yield _about(line, notice)
        if address := site_address(notice.site_url, line.page):
            yield address
        yield from (f"  {label}: {command}" for label, command in _commands(line, notice))
    if more := _more(notice):
        yield from ("", more)


def notice_facts(notice: Notice) -> dict[str, Any]:
    return {
        "fleet": notice.fleet,
        "at": words.stamp(notice.at),
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
                "began_at": words.stamp(line.alert.began_at),
                "resolved_at": words.stamp(line.alert.resolved_at) if line.alert.resolved_at else None,
                "owner": line.alert.owner,
                "runbook": line.alert.runbook,
                "explains": line.explains,
                "url": site_address(notice.site_url, line.page) or None,
            }
            for line in notice.lines
        ],
    }
