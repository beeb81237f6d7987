"""Errors that logs had: which kinds, how often, and which of them nobody has met before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from caelum_report import text, words
from caelum_report.document import ErrorReport, Finding

from .facts import Facts
from .sources import elsewhere, known_hosts
from .times import DAY, unix

_MOST: Final = 100  # kinds of a source in the report; its others are in the history


def errors(facts: Facts) -> tuple[ErrorReport, ...]:
    """By source, the latest first."""
    past = facts.history.sources
    if past is None or not len(past.errors):
        return ()
    asked = [reading.source for reading in facts.snapshot.readings] + [one.name for one in elsewhere(facts)]
    known = past.sources
    old = set(known["source"][unix(known["first_seen_at"]) < facts.now - DAY])
    rows = past.errors
    here = rows[rows["host"].isin(known_hosts(facts)) & rows["source"].isin(asked)]
    ordered = here.assign(rank=here["source"].map(asked.index)).sort_values(
        ["rank", "last_at", "text"], ascending=[True, False, True]
    )
    shown = ordered[ordered.groupby("rank").cumcount() < _MOST]
    return tuple(_error(row, facts.now, is_old=row.source in old) for row in shown.itertuples())


def _error(row: Any, now: float, *, is_old: bool) -> ErrorReport:
    return ErrorReport(
        source=row.source,
        subject=text.visible(row.subject, 120),
        server=row.server,
        text=row.text,
        count=int(row.count),
        day=int(row.day),
        first_at=row.first_at.to_pydatetime(),
        last_at=row.last_at.to_pydatetime(),
        is_new=is_old and row.met_at.timestamp() > now - DAY,
    )


def new_errors(facts: Facts) -> Iterator[Finding]:
    """What a log has never said before: one finding a source, for a broken day says many new things at once."""
    found: dict[str, list[ErrorReport]] = {}
    for error in errors(facts):
        if error.is_new:
            found.setdefault(error.source, []).append(error)
    for source, new in found.items():
        most = max(new, key=lambda error: (error.day, error.text))
        others = f"; {words.plural(len(new) - 1, 'other kind')} too" if len(new) > 1 else ""
        servers = {error.server for error in new}
        yield Finding(
            id=f"log:{source}",
            kind="log",
            word="Log",
            status=None,
            title=f"The log {source} has an error that it never had before: {text.brief(most.text, 120)}",
            server=next(iter(servers)) if len(servers) == 1 else None,
            page="sources.html",
            since=min(error.first_at for error in new),
            evidence=f"{words.plural(most.day, 'line')} in 24 hours{others}",
            chance=0.0,
            needs_action=False,
        )
