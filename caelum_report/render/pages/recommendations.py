"""recommendations.html: what would be worth doing, what it would save, and by which weights that is ranked."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import words

from .view import Page, View, current


def _head(view: View) -> dict[str, Any]:
    found = view.report.recommendations
    servers = len(current(view.report))
    if not found:
        return {
            "heading": "Nothing to recommend.",
            "lede": f"No rule fits any of {words.plural(servers, 'server')}."
            if servers
            else "Recommendations begin with the first server.",
        }
    first = f"{found[0].title.rstrip('.')}: that {found[0].gain}."
    urgent = sum(finding.needs_action for finding in view.report.findings)
    beside = f"beside {words.spelled(urgent)} that {'needs' if urgent == 1 else 'need'} action, " if urgent else ""
    worth = f"{words.spelled(len(found))} {'thing is' if len(found) == 1 else 'things are'} worth doing"
    return {
        "heading": f"{words.opened(beside + worth)}.",
        "lede": first if len(found) == 1 else f"First of all, {first[0].lower()}{first[1:]}",
    }


def _list(view: View) -> dict[str, Any] | None:
    return {"recommendations": view.report.recommendations} if view.report.recommendations else None


def _rules(view: View) -> dict[str, Any] | None:
    return {} if view.report.ranking else None


PAGE: Final = Page(
    "recommendations.html",
    "Recommendations",
    (
        ("page_head.html", _head),
        ("recommendations/list.html", _list),
        ("recommendations/rules.html", _rules),
    ),
)
