"""alerts.html and incidents/ID.html: what is open, what was, what the rules are, who knows, what was sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from caelum_report import words
from caelum_report.document import AlertReport, IncidentReport

from .view import Page, View

_LATEST: Final = 30


def _head(view: View) -> dict[str, Any]:
    alarms = view.report.alarms
    firing = [alert for alert in alarms.alerts if alert.phase == "firing" and alert.cause is None]
    explained = sum(alert.phase == "firing" and alert.cause is not None for alert in alarms.alerts)
    if firing:
        n = words.spelled(len(firing)).capitalize()
        heading = f"{n} {'alert fires' if len(firing) == 1 else 'alerts fire'}."
    else:
        heading = "Nothing fires."
    recent = [one for one in alarms.incidents if (view.report.at - one.began_at).days < 30]
    lede = f"{words.plural(len(recent), 'incident')} in 30 days, by {words.plural(len(alarms.rules), 'rule')}."
    if explained:
        lede = f"{words.plural(explained, 'more alert')} {'is' if explained == 1 else 'are'} explained by these. {lede}"
    if not alarms.rules:
        lede = "No rule is in use."
    return {"heading": heading, "lede": lede}


def _open(view: View) -> dict[str, Any]:
    alarms = view.report.alarms
    current = [alert for alert in alarms.alerts if alert.phase != "resolved"]
    return {
        "alerts": sorted((alert for alert in current if alert.cause is None), key=_worst_first),
        "explained": _explained(view),
    }


def _worst_first(alert: AlertReport) -> tuple[bool, int, datetime]:
    return alert.phase != "firing", ("critical", "warning", "info").index(alert.severity), alert.began_at


def _explained(view: View) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for alert in view.report.alarms.alerts:
        if alert.cause is not None and alert.phase != "resolved":
            found.setdefault(alert.cause, []).append(alert.subject)
    return found


def _incidents(view: View) -> dict[str, Any]:
    incidents = view.report.alarms.incidents
    return {"incidents": incidents[:_LATEST], "more": max(0, len(incidents) - _LATEST)}


def _alarms(view: View) -> dict[str, Any]:
    return {"alarms": view.report.alarms, "latest": view.report.alarms.deliveries[:_LATEST]}


PAGE: Final = Page(
    "alerts.html",
    "Alerts",
    (
        ("page_head.html", _head),
        ("alerts/open.html", _open),
        ("alerts/incidents.html", _incidents),
        ("alerts/ahead.html", _alarms),
        ("alerts/rules.html", _alarms),
        ("alerts/messages.html", _alarms),
    ),
)


def incident_page(one: IncidentReport) -> Page:
    def head(_view: View) -> dict[str, Any]:
        end = (
            f"It lasted {words.duration(one.seconds)}." if one.ended_at else f"It lasts: {words.duration(one.seconds)}."
        )
        return {"heading": one.title, "lede": " ".join(filter(None, (end, one.impact)))}

    def course(_view: View) -> dict[str, Any]:
        return {"incident": one}

    return Page(
        f"incidents/{one.id}.html",
        one.title.rstrip("."),
        (("page_head.html", head), ("incident/course.html", course)),
        (("Alerts", "alerts.html"), (one.title.rstrip("."), None)),
    )
