"""trends.html: states and answer times of the whole fleet on one picture each, and up time by range."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from caelum_report import document, words
from caelum_report.document import ServerReport
from caelum_report.model import Status

from .view import RANGE_WORDS, STRIP_DAYS, Page, View, current, drawing_of, uptime_of


def _head(view: View) -> dict[str, Any]:
    servers = current(view.report)
    steady = sum(not any(d.status is Status.DOWN for d in s.strip[-STRIP_DAYS:]) for s in servers)
    measured = [s for s in servers if s.latency_day]
    slowest = max(measured, key=lambda s: s.latency_day.p95 if s.latency_day else 0.0, default=None)
    lede = "No answer has been timed yet."
    if slowest is not None and slowest.latency_day is not None:
        lede = (
            f"{len(measured)} of {len(servers)} answered in the last 24 hours; {slowest.name} took longest, "
            f"p95 {words.seconds(slowest.latency_day.p95)}."
        )
    days = max((sum(d.status is not None for d in s.strip[-STRIP_DAYS:]) for s in servers), default=0)
    title = f"{steady} of {words.plural(len(servers), 'server')} had no outage in {words.plural(days, 'day')}."
    if days < 2:
        title = "Trends begin with a second day of history."
    return {"heading": title, "lede": lede}


def _states(view: View) -> dict[str, Any]:
    from caelum_report.render import figures

    return {"drawing": drawing_of(figures.state_heat_map(view.report))}


def _latency(view: View) -> dict[str, Any]:
    from caelum_report.render import figures

    return {"drawing": drawing_of(figures.latency_distribution(view.report))}


def _uptime(view: View) -> dict[str, Any]:
    servers = current(view.report)
    return {"servers": servers, "ranges": _ranges(servers), "range_words": RANGE_WORDS, "up": _share}


def _ranges(servers: Sequence[ServerReport]) -> list[str]:
    """Those that say more than the shorter one: a year of which a month is known is no year."""
    checks = {name: [u.checks for s in servers for u in s.uptime if u.range == name] for name in document.RANGES}
    shorter = pairwise(document.RANGES)
    return [document.RANGES[0], *(longer for short, longer in shorter if checks[longer] != checks[short])]


def _share(server: ServerReport, name: str) -> float | None:
    uptime = uptime_of(server, name)
    return uptime.told_share if uptime else None


PAGE: Final = Page(
    "trends.html",
    "Trends",
    (
        ("page_head.html", _head),
        ("trends/states.html", _states),
        ("trends/latency.html", _latency),
        ("trends/uptime.html", _uptime),
    ),
)
