"""What the declarations of tools cost a model that reads them, by server and over time; estimated as bytes / 4.

A surface holds until the next version of it, so the course of a month is a staircase, read off at even steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from caelum_report import words
from caelum_report.document import Chart, Range, TokenCost
from caelum_report.history import SurfaceVersion

from .charts import chart, ranges_of
from .facts import Facts
from .times import DAY, RANGE_SECONDS, Floats
from .tracks import Rollups, single

_STEPS: Final = 120
MOST_CHARTS: Final = 2  # of servers whose cost changed; the table has the others
_LISTED: Final = 20


def token_costs(facts: Facts) -> tuple[tuple[TokenCost, ...], tuple[Chart, ...]]:
    """The dearest servers, and charts: of the fleet, then of those whose cost changed most."""
    current = {s.id: s for s in facts.current if s.surface}
    versions: dict[str, list[SurfaceVersion]] = defaultdict(list)
    for version in facts.history.surfaces:
        if version.server in current:
            versions[version.server].append(version)
    first = facts.history.first_snapshot_at
    name = _range(facts.now - first.timestamp()) if first and versions else None
    if first is None or name is None:
        return tuple(_cost(server, own, None) for server, own in _dearest(versions)), ()
    start = max(facts.now - RANGE_SECONDS[name], first.timestamp())
    at = np.linspace(start, facts.now, _STEPS)
    courses = {server: _course(own, at) for server, own in versions.items()}
    costs = tuple(_cost(server, own, courses[server]) for server, own in _dearest(versions))
    changed = sorted(courses, key=lambda server: (-abs(_difference(courses[server])), server))
    charts = [_chart(facts, name, at, np.nansum(list(courses.values()), axis=0), "The fleet", "fleet")]
    charts += [
        _chart(facts, name, at, courses[server], current[server].name, current[server].slug)
        for server in changed[:MOST_CHARTS]
        if _difference(courses[server])
    ]
    return costs, tuple(charts)


def _range(known_seconds: float) -> Range | None:
    """A month, or as much as there is; nothing before a second day."""
    names: Sequence[Range] = ranges_of(known_seconds)
    if known_seconds < DAY:
        return None
    return "month" if "month" in names else names[-1]


def _course(versions: Sequence[SurfaceVersion], at: Floats) -> Floats:
    """Tokens at each moment; NaN before the first listing."""
    begun = np.array([version.at.timestamp() for version in versions])
    tokens = np.array([np.nan, *(float(_tokens(version)) for version in versions)])
    return tokens[np.searchsorted(begun, at, "right")]


def _tokens(version: SurfaceVersion) -> int:
    return sum(tool.tokens for tool in version.surface.tools)


def _difference(course: Floats) -> float:
    known = course[~np.isnan(course)]
    return float(known[-1] - known[0]) if len(known) else 0.0


def _dearest(versions: dict[str, list[SurfaceVersion]]) -> list[tuple[str, list[SurfaceVersion]]]:
    return sorted(versions.items(), key=lambda pair: (-_tokens(pair[1][-1]), pair[0]))[:_LISTED]


def _cost(server: str, versions: Sequence[SurfaceVersion], course: Floats | None) -> TokenCost:
    now = _tokens(versions[-1])
    before = None if course is None else round(now - _difference(course))
    return TokenCost(server, len(versions[-1].surface.tools), now, before)


def _chart(facts: Facts, name: Range, at: Floats, values: Floats, subject: str, key: str) -> Chart:  # noqa: PLR0917 - one line of a picture
    there = ~np.isnan(values)
    made = chart(
        name,
        "tokens",
        single(at[there], values[there]),
        Rollups({}),
        facts.now,
        subject=subject,
        key_id=key,
        interval=float(at[1] - at[0]),
        ghost=False,
        source="the tools as they were listed",
    )
    known = values[there]
    then = f" At the beginning {words.count(known[0])}." if known[0] != known[-1] else " No change in this time."
    return replace(made, title=subject, caption=f"{words.count(known[-1])} tokens now.{then}")
