"""A message about alerts for readers of an edition: made anew of aliases and our own words, nothing is copied.

Only states of servers that have an alias are told. Of a cause without one, those of its dependants that have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from caelum_report import words
from caelum_report.alerting import Alert, Line, Notice, Phase, Rule, Severity
from caelum_report.editions import DISTURBED, TROUBLES, Edition, holds
from caelum_report.text import slug

_PAGE: Final = "index.html"
_STEADY: Final = ("comes and goes", "come and go")
_WELL: Final = ("is well again", "are well again")


def for_edition(message: Notice, edition: Edition, rules: Sequence[Rule]) -> Notice | None:
    """None where it says nothing that these readers may know."""
    known = {rule.name: rule for rule in rules}
    aliases = dict(edition.aliases)
    lines = tuple(
        line for one in message.lines if (line := _line(one, known.get(one.alert.rule), aliases, edition.kind))
    )
    if not lines:
        return None
    return replace(message, fleet=edition.fleet, lines=lines, site_url=edition.site_url, edition=edition.kind)


def _line(line: Line, rule: Rule | None, aliases: Mapping[str, str], kind: str) -> Line | None:
    alert = line.alert
    if alert.server is None or (rule is not None and rule.kind != "state"):
        return None
    own = aliases.get(alert.server)
    others = [aliases[name] for name in line.explains if name in aliases]
    if own is None and not others:
        return None
    shown = [own] if own is not None else others
    said = _WELL if not line.fires else _STEADY if alert.flapping else DISTURBED
    if said is DISTURBED and own is not None and rule is not None and len(rule.states) == 1:
        said = TROUBLES.get(rule.states[0], DISTURBED)
    title = f"{words.listing(shown, 9)} {said[len(shown) > 1]}."
    detail = " ".join(_detail(alert, others if own is not None else [], fires=line.fires))
    page = f"servers/{slug(own)}.html" if own is not None else _PAGE
    page = page if holds(kind, page) else _PAGE
    return Line(_bare(alert, shown[0], title), line.fires, title, detail, page, tuple(others))


def _detail(alert: Alert, others: Sequence[str], *, fires: bool) -> Iterator[str]:
    if not fires and alert.resolved_at is not None:
        yield f"It lasted {words.duration((alert.resolved_at - alert.began_at).total_seconds())}."
    if others:
        yield f"With it: {words.listing(others, 9)}."


def _bare(alert: Alert, alias: str, text: str) -> Alert:
    when = alert.began_at, alert.fired_at, alert.resolved_at
    return Alert(alert.id, "", alias, None, alert.severity, alert.phase, *when, text)


def our_words(edition: Edition, zone: str) -> Notice:
    """Every sentence that such a message can have, about nobody: what in it sounds like something internal is our own."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    said = (*TROUBLES.values(), DISTURBED, _STEADY, _WELL)
    lines = []
    for number, one in enumerate({word for pair in said for word in pair}):
        for fires in (True, False):
            alert = Alert(number, "", "", None, Severity.INFO, Phase.FIRING, at, at, at)
            lines.append(Line(alert, fires, f"{one}.", " ".join(_detail(alert, ["", ""], fires=fires)), _PAGE))
    return Notice(edition.fleet, at, zone, tuple(lines), edition.site_url, edition.kind)
