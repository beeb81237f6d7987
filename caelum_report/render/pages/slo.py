"""slo.html: every objective, its budget and how it goes, what was left out, and the ledger that it is all made of."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import words
from caelum_report.document import SloReport

from .view import Page, View

_WORST: Final = 40


def _head(view: View) -> dict[str, Any]:
    found = view.report.ledger.objectives
    if not found:
        return {"heading": "No objective is set.", "lede": "Without one, no budget says how much trouble is too much."}
    judged = [one for one in found if one.achieved is not None]
    if not judged:
        heading = "No objective can be judged yet."
        return {"heading": heading, "lede": "Each needs 24 hours of measured time."}
    spent = [one for one in judged if one.budget_left is not None and one.budget_left <= 0]
    met = sum(one.is_met for one in judged)
    heading = f"{met} of {words.plural(len(judged), 'objective')} {'is' if met == 1 else 'are'} met."
    if len(judged) == 1:
        heading = f"The one objective is {'met' if met else 'missed'}."
    lede = f"{judged[0].name} has {_left(judged[0])} of its budget left, the least."
    if spent:
        lede = f"The budget of {words.listing([one.name for one in spent])} is spent."
    if len(judged) < len(found):
        lede += f" {words.count(len(found) - len(judged))} more cannot be judged yet."
    return {"heading": heading, "lede": lede}


def _left(one: SloReport) -> str:
    if one.budget_left is None:
        return words.NOTHING
    return words.percent(max(0.0, one.budget_left), 0) if one.budget_left > 0 else "nothing"


def spent_by(one: SloReport) -> str:
    """When the budget ends, at the fastest and the slowest burn of the last week."""
    if one.budget_left is None:
        return "too little data"
    if one.budget_left <= 0:
        return "spent"
    earliest, latest = one.spent_earliest_days, one.spent_latest_days
    if earliest is None or latest is None or earliest > one.period_days:
        return "not in its period"
    first = words.duration(earliest * 86_400)
    if latest > one.period_days:
        return f"in {first} or never"
    last = words.duration(latest * 86_400)
    return f"in {first}" if first == last else f"in {first} to {last}"


def bounds(one: SloReport) -> str:
    """99.1 % – 99.9 %"""
    return words.NOTHING if one.low is None else f"{words.percent(one.low)} – {words.percent(one.high)}"


def burned(one: SloReport) -> str:
    rates = [burn.rate for burn in one.burns]
    if not any(rates):
        return words.NOTHING if all(rate is None for rate in rates) else "0×"
    return ", ".join(words.NOTHING if rate is None else f"{rate:.1f}×" for rate in rates)


def _objectives(view: View) -> dict[str, Any]:
    found = view.report.ledger.objectives
    return {
        "objectives": found[:_WORST],
        "more": max(0, len(found) - _WORST),
        "left": _left,
        "bounds": bounds,
        "burned": burned,
        "spent_by": spent_by,
    }


def _incidents(view: View) -> dict[str, Any] | None:
    """Those of every objective, each once, newest first."""
    objectives = view.report.ledger.objectives
    if not objectives:
        return None
    known = {(one.server, one.start): one for objective in reversed(objectives) for one in objective.latest}
    found = sorted(known.values(), key=lambda one: (one.start, one.server), reverse=True)
    return {"incidents": found[:_WORST], "more": max(0, len(found) - _WORST)}


def _exclusions(view: View) -> dict[str, Any] | None:
    ledger = view.report.ledger
    return (
        {"exclusions": ledger.exclusions[:_WORST], "more": len(ledger.exclusions) - _WORST}
        if ledger.objectives
        else None
    )


def _ledger(view: View) -> dict[str, Any] | None:
    return {"ledger": view.report.ledger} if view.report.ledger.objectives else None


PAGE: Final = Page(
    "slo.html",
    "Objectives",
    (
        ("page_head.html", _head),
        ("slo/objectives.html", _objectives),
        ("slo/incidents.html", _incidents),
        ("slo/exclusions.html", _exclusions),
        ("slo/method.html", _ledger),
    ),
)
