"""Preliminary findings of the report before that did not last: each is taken back in one line, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from caelum_report import words
from caelum_report.document import Change, Finding

from .facts import Facts
from .signals import EVENT_DAYS

_BESIDE: Final = timedelta(hours=12)  # a judgement may move the beginning of what it judges so far


def withdrawals(facts: Facts) -> Iterator[Change]:
    """What was unusual for the first look and is not for the second. What grew into a shift, a trend, or into something
    larger is told as that.
    """
    told = facts.history.previous_report
    if told is None:
        return
    for finding in told.findings:
        if finding.preliminary and finding.since is not None and _is_gone(facts, finding, finding.since):
            yield Change(
                direction="method",
                servers=(finding.server,) if finding.server is not None else (),
                what="Unusual",
                before="preliminary",
                after="withdrawn",
                detail=f": {finding.title.rstrip('.')}",
                evidence=f"judged again after {words.duration((facts.at - told.at).total_seconds())}",
                page=finding.page,
            )


def _is_gone(facts: Facts, finding: Finding, since: datetime) -> bool:
    """Whether it would still be told if it stood out, and nothing of that time and that server stands out."""
    known = finding.server is None or (finding.server in facts.by_id and not facts.by_id[finding.server].retired)
    if not known or since <= facts.at - timedelta(days=EVENT_DAYS):
        return False
    stands_out: list[tuple[datetime, datetime, set[str]]] = [
        *((m.start.to_pydatetime(), m.end.to_pydatetime(), set(m.servers)) for m in facts.signals.moments),
        *((s.at.to_pydatetime(), facts.at, {s.key.subject}) for s in facts.signals.steps),
        *((since, facts.at, {d.key.subject}) for d in facts.signals.drifts),
    ]
    return not any(
        (finding.server is None or finding.server in whose) and start - _BESIDE <= since <= end + _BESIDE
        for start, end, whose in stands_out
    )
