"""alerts.html and incidents/ID.html: what is open, what was, what the rules are, who knows, what was sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.document import AlertReport, IncidentReport
from caelum_report.model import Status
from caelum_report.render import marks
from caelum_report.render.ladder import ladder

from .view import Page, View, diagram_block

_LATEST: Final = 30


def _head(view: View) -> dict[str, Any]:
    alarms = view.report.alarms
    causes = [alert for alert in alarms.alerts if alert.phase == "firing" and alert.cause is None]
    firing = [alert for alert in causes if alert.recovering_since is None]
    recovering = len(causes) - len(firing)
    explained = sum(alert.phase == "firing" and alert.cause is not None for alert in alarms.alerts)
    if firing:
        n = words.spelled(len(firing)).capitalize()
        heading = f"{n} {'alert fires' if len(firing) == 1 else 'alerts fire'}."
    else:
        heading = "Nothing fires."
    recent = [one for one in alarms.incidents if (view.report.at - one.began_at).days < 30]
    span = words.in_a_month(view.report.run.first_snapshot_at, view.report.at, view.report.zone)
    lede = f"{words.plural(len(recent), 'incident')} {span}. {words.plural(len(alarms.rules), 'rule')} {'watches' if len(alarms.rules) == 1 else 'watch'}."
    if explained:
        lede = (
            f"{words.plural(explained, 'more alert')} {'is' if explained == 1 else 'are'} explained by others. {lede}"
        )
    if recovering:
        lede = f"{words.plural(recovering, 'alert')} {'recovers' if recovering == 1 else 'recover'}. {lede}"
    if not alarms.rules:
        lede = "No rule is in use."
    return {"heading": heading, "lede": lede}


def _open(view: View) -> dict[str, Any]:
    alarms = view.report.alarms
    current = [alert for alert in alarms.alerts if alert.phase != "resolved"]
    causes = sorted((alert for alert in current if alert.cause is None), key=_worst_first)
    return {
        "alerts": causes[:_LATEST],
        "all": len(causes),
        "explained": _explained(view),
        "told": bool(alarms.ways),
        "title": _title,
        "phase": _state,
        "ending": lambda alert: _ending(alert, view),
    }


def _worst_first(alert: AlertReport) -> tuple[bool, bool, int, datetime]:
    return (
        alert.phase != "firing",
        alert.recovering_since is not None,
        ("critical", "warning", "info").index(alert.severity),
        alert.began_at,
    )


def _title(alert: AlertReport) -> str:
    if alert.recovering_since is None:
        return alert.text
    return f"{alert.subject} recovers" if alert.subject == alert.server else f"{alert.subject}: {alert.rule} recovers"


def _state(alert: AlertReport) -> Markup:
    if alert.recovering_since is not None:
        return marks.state(None, "Recovering")
    if alert.phase == "pending":
        return marks.state(None, "Pending")
    return marks.state({"critical": Status.DOWN, "warning": Status.DEGRADED}.get(alert.severity), "Fires")


def _ending(alert: AlertReport | IncidentReport, view: View) -> str:
    """When what recovers counts as over."""
    if alert.resolved_from is None:
        return "when it is steady"
    return f"{words.moment(alert.resolved_from, view.report.at, view.report.zone)} at the earliest"


def _explained(view: View) -> dict[int, str]:
    found: dict[int, list[str]] = {}
    for alert in view.report.alarms.alerts:
        if alert.cause is not None and alert.phase != "resolved":
            found.setdefault(alert.cause, []).append(alert.subject)
    return {cause: words.listing(sorted(subjects), 9) for cause, subjects in found.items()}


def _incidents(view: View) -> dict[str, Any]:
    incidents = view.report.alarms.incidents
    return {"incidents": incidents[:_LATEST], "more": max(0, len(incidents) - _LATEST)}


def _alarms(view: View) -> dict[str, Any]:
    messages: dict[tuple[Any, ...], list[str]] = {}
    for one in view.report.alarms.deliveries:
        key = (one.subject, one.at, one.sent_at, one.tries, one.error)
        messages.setdefault(key, []).append(one.way)
    rows = [(*key, words.listing(sorted(ways), 9)) for key, ways in messages.items()]
    return {"alarms": view.report.alarms, "latest": rows[:_LATEST]}


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


def _length(one: IncidentReport, view: View) -> str:
    if one.ended_at is not None:
        return f"It lasted {words.duration(one.seconds)}."
    if one.recovering_since is not None:
        since = words.moment(one.recovering_since, view.report.at, view.report.zone)
        return f"It recovers since {since}; over {_ending(one, view)}."
    return f"It lasts {words.duration(one.seconds)} so far." if one.seconds >= 1 else "It has just begun."


def incident_page(one: IncidentReport) -> Page:
    def head(view: View) -> dict[str, Any]:
        return {"heading": one.title, "lede": " ".join(filter(None, (_length(one, view), one.impact)))}

    def course(_view: View) -> dict[str, Any]:
        return {"incident": one}

    def probe(view: View) -> dict[str, Any] | None:
        server = view.servers.get(one.root or "")
        if one.probe is None or server is None:
            return None
        seen = one.probe
        then = replace(
            server,
            status=seen.status,
            failure=seen.failure,
            stage=seen.stage,
            stages=seen.stages,
            timing_method=seen.timing_method,
        )
        usual = any(stage.usual_seconds is not None for stage in seen.stages)
        return {"server": server, "probe": seen, "ladder": ladder(then), "usual": usual}

    def dependants(view: View) -> dict[str, Any] | None:
        if one.dependants is None:
            return None
        names = {node.id: node.label for node in one.dependants.nodes}
        needs = {
            node.id: words.listing([names[edge.source] for edge in one.dependants.edges if edge.target == node.id], 6)
            for node in one.dependants.nodes
        }
        rows = [(node, needs[node.id]) for node in one.dependants.nodes]
        return {"diagram": one.dependants, "nodes": rows, **diagram_block(view, one.dependants)}

    return Page(
        f"incidents/{one.id}.html",
        one.title.rstrip("."),
        (
            ("page_head.html", head),
            ("incident/course.html", course),
            ("incident/probe.html", probe),
            ("incident/dependants.html", dependants),
        ),
        (("Fleet", "index.html"), ("Alerts", "alerts.html"), (one.title.rstrip("."), None)),
    )
