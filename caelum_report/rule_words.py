"""A rule as a sentence: on the page of alerts, and on the command line."""

from __future__ import annotations

from caelum_report import words
from caelum_report.alerting import Rule, Silence
from caelum_report.metrics import METRICS
from caelum_report.text import visible


def in_words(rule: Rule) -> str:
    """`a server is down, 2 checks in a row; only api-*`."""
    metric = METRICS.get(rule.metric or "")
    title = metric.title if metric and rule.source is None else rule.metric or ""
    unit = metric.unit if metric and rule.source is None else ""
    match rule.kind:
        case "network":
            what = "every remote server fails at its name or its connection"
        case "state":
            what = f"a server is {words.listing([state.value for state in rule.states])}"
        case "threshold" if rule.above is not None:
            clear = f", until {words.quantity(rule.clear, unit)}" if rule.clear is not None else ""
            what = f"{title} above {words.quantity(rule.above, unit)}{clear}"
        case "threshold":
            what = f"{title} below {words.quantity(rule.below, unit)}"
        case "change":
            what = f"{title} {words.percent(rule.change, 0)} off the median of {words.duration(rule.over_seconds)}"
        case "absence":
            what = f"{title} not measured"
        case "anomaly":
            what = f"{title} anomalous in the last 3 hours"
        case "forecast":
            what = f"{title} to reach {words.quantity(rule.above, unit)} within {words.duration(rule.within_seconds)}"
        case _:
            what = "any finding" if rule.finding == "*" else f"a finding called {rule.finding}"
    lasting = f", {words.plural(rule.hold.checks, 'check')} in a row" if rule.hold.checks > 1 else ""
    lasting += f", for {words.duration(rule.hold.seconds)}" if rule.hold.seconds else ""
    scope = f"; only {words.listing((*rule.subjects, *rule.groups))}" if rule.subjects or rule.groups else ""
    return visible(f"{what}{lasting}{scope}", 300)


def silenced(silence: Silence) -> str:
    """`alert 7`; `rule slow*`; `every rule about storage`."""
    if silence.alert is not None:
        return f"alert {silence.alert}"
    what = "every rule" if silence.rule == "*" else f"rule {visible(silence.rule, 80)}"
    return what if silence.subject == "*" else f"{what} about {visible(silence.subject, 80)}"
