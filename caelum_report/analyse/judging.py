"""How the run judged its series, for whoever wants to know what a finding is worth; and where the findings are drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from caelum_report import words
from caelum_report.document import Finding, Judging, Mark

from .facts import Facts
from .patterns import drift_id, moment_id, step_id

FINDINGS_PAGE: Final = "changes.html#findings"
Marks = Mapping[tuple[str, str], tuple[Mark, ...]]  # subject and metric -> what is drawn on their charts


def judging(facts: Facts, found: Iterable[Finding]) -> Judging:
    """The numbers behind the findings about series. A thousand tests at five in a hundred would make fifty of nothing."""
    signals = facts.signals
    if not signals.series and not signals.watched:
        return Judging()
    discovered = len(signals.drifts) + len(signals.steps) + len(signals.rises)
    unusual = sum(finding.kind == "anomaly" for finding in found)
    false = words.significant(signals.expected_false, 2)
    told = (
        f"{words.plural(discovered, 'trend, level shift or rise of errors', 'trends, level shifts and rises of errors')} found, of which {false} "
        f"{'is' if signals.expected_false == 1 else 'are'} expected to be nothing"
        if discovered
        else "no trend, no level shift and no rise of errors found"
    )
    sentence = (
        f"{words.plural(signals.series, 'series', 'series')} judged by {words.plural(signals.tests, 'test')}: {told}. "
        f"Hours of {words.plural(signals.watched, 'series', 'series')} watched: {words.plural(unusual, 'unusual moment')} in "
        f"seven days; a week of nothing would show {words.significant(signals.expected_flags, 2)}."
    )
    if not signals.tests:
        sentence = "There is too little history to test any series for trends and level shifts."
    elif signals.not_assessed:
        sentence += f" {words.plural(signals.not_assessed, 'series', 'series')} not assessed: too short, or too much is missing."
    return Judging(
        signals.series,
        signals.not_assessed,
        signals.tests,
        discovered,
        signals.expected_false,
        signals.watched,
        unusual,
        signals.expected_flags,
        sentence,
    )


def drawn(facts: Facts, found: Iterable[Finding]) -> Marks:
    """Findings where they are: a shift at its hour, unusual hours at their first, a trend at its newest point."""
    told = {finding.id: finding.title for finding in found}
    marks: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for drift in facts.signals.drifts:
        if title := told.get(drift_id(drift)):
            marks[drift.key.subject, drift.key.metric].append(Mark(facts.at, title, FINDINGS_PAGE))
    for step in facts.signals.steps:
        if title := told.get(step_id(step)):
            marks[step.key.subject, step.key.metric].append(Mark(step.at.to_pydatetime(), title, FINDINGS_PAGE))
    for moment in facts.signals.moments:
        if title := told.get(moment_id(moment)):
            for key in {event.key for event in moment.events}:
                marks[key.subject, key.metric].append(Mark(moment.start.to_pydatetime(), title, FINDINGS_PAGE))
    return {key: tuple(sorted(those, key=lambda mark: (mark.at, mark.text))) for key, those in marks.items()}


def with_marks(people: tuple[Mark, ...], found: Marks, subject: str, metric: str) -> tuple[Mark, ...]:
    """People's notes and the findings of one chart, by time."""
    own = found.get((subject, metric), ())
    return tuple(sorted((*people, *own), key=lambda mark: mark.at)) if own else people
