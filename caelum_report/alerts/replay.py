"""A rule on history: when it would have fired, for how long, about whom, and how many messages that had been."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Final

from caelum_report import words
from caelum_report.alerting import ANALYSED, Alert, Observation, Phase, Rule, Watch
from caelum_report.configured import Config
from caelum_report.model import HostSample, Snapshot
from caelum_report.text import visible

from .engine import advance
from .observe import Past, figures, observe

# Why there is nothing to replay: for a rule that single runs judge, and for one that a report judges.
NOTHING: Final = (
    "no run is on record yet",
    "no report or closed hour of that time is kept, and it is judged with those only",
)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have done. Alerts are those that fired, oldest first; the last may still go on."""

    rule: Rule
    runs: int
    first: datetime | None
    last: datetime | None
    alerts: tuple[Alert, ...]
    messages: int  # runs that had something to tell


def replay(
    rules: tuple[Rule, ...], snapshots: Iterable[Snapshot], config: Config, every_seconds: float
) -> list[Replay]:
    """Each rule on the same history. Those that need the analysis find nothing here: `replay_looks` is for them."""
    watch, fired = Watch(), dict[int, Alert]()
    messages: Counter[str] = Counter()
    servers = {server.id: server for server in config.servers}
    before: tuple[datetime, HostSample] | None = None
    usual = _Usual(rules)
    first = last = None
    runs = 0
    for taken in snapshots:
        past = Past(usual.before(taken.at), before, every_seconds)
        step = advance(watch, rules, servers, observe(rules, taken, config, past), taken.at)
        watch = step.watch
        fired |= {alert.id: alert for alert in step.changed if alert.fired_at is not None}
        messages.update({alert.rule for alert in step.told})
        before = (taken.at, taken.host_sample) if taken.host_sample else before
        usual.add(taken)
        first, last, runs = first or taken.at, taken.at, runs + 1
    return [
        Replay(rule, runs, first, last, tuple(a for a in fired.values() if a.rule == rule.name), messages[rule.name])
        for rule in rules
    ]


def replay_looks(
    rule: Rule, looks: Iterable[tuple[datetime, tuple[Observation, ...]]], config: Config, every_seconds: float
) -> Replay:
    """A rule that needs the analysis, on what each look shows. A subject that is not in a look is well then, as in a run."""
    watch, fired, messages, runs = Watch(), dict[int, Alert](), 0, 0
    servers = {server.id: server for server in config.servers}
    first = last = None
    for at, shown in looks:
        named = {one.subject for one in shown}
        gone = [
            Observation(rule.name, track.subject, None, bad=False)
            for track in watch.tracks
            if track.subject not in named
        ]
        seen = [replace(one, interval_seconds=every_seconds) for one in (*shown, *gone)]
        step = advance(watch, (rule,), servers, seen, at)
        watch = step.watch
        fired |= {alert.id: alert for alert in step.changed if alert.fired_at is not None}
        messages += bool(step.told)
        first, last, runs = first or at, at, runs + 1
    return Replay(rule, runs, first, last, tuple(fired.values()), messages)


class _Usual:
    """The medians that `change` rules compare with, as they would have been."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = tuple(rule for rule in rules if rule.kind == "change")
        self._seen: dict[tuple[str, str], deque[tuple[datetime, float]]] = defaultdict(deque)

    def add(self, taken: Snapshot) -> None:
        for rule in self._rules:
            for probe in taken.probes:
                value = figures(probe).get(rule.metric or "")
                if value is not None:
                    self._seen[rule.name, probe.server].append((taken.at, value))

    def before(self, at: datetime) -> dict[tuple[str, str], float]:
        found = {}
        for rule in self._rules:
            for key, values in self._seen.items():
                while key[0] == rule.name and values and (at - values[0][0]).total_seconds() > rule.over_seconds:
                    values.popleft()
                if key[0] == rule.name and len(values) >= 3:
                    found[key] = median(value for _, value in values)
        return found


def told(one: Replay, zone: str) -> Iterator[str]:
    """The answer of `alerts test`, in lines."""
    if one.first is None or one.last is None:
        yield f"{one.rule.name}: {NOTHING[one.rule.kind in ANALYSED]}"
        return
    looks = words.plural(one.runs, "look" if one.rule.kind in ANALYSED else "run")
    span = f"{words.duration((one.last - one.first).total_seconds())} ({looks})"
    if not one.alerts:
        yield f"{one.rule.name}: would not have fired in {span}"
        return
    lasted = [((alert.resolved_at or one.last) - alert.began_at).total_seconds() for alert in one.alerts]
    explained = sum(alert.cause is not None for alert in one.alerts)
    yield (
        f"{one.rule.name}: would have fired {words.plural(len(one.alerts), 'time')} in {span}, "
        f"{words.duration(sum(lasted))} in all, the longest {words.duration(max(lasted))}; "
        f"{explained} explained by others, {words.plural(one.messages, 'message')}"
    )
    counts = Counter(alert.subject for alert in one.alerts)
    yield f"  {words.listing([f'{visible(name, 60)} {n}×' for name, n in counts.most_common()], 9)}"
    for alert in one.alerts[-5:]:
        end = (
            words.moment(alert.resolved_at, one.last, zone)
            if alert.phase is Phase.RESOLVED and alert.resolved_at
            else "now"
        )
        yield f"  {words.moment(alert.began_at, one.last, zone)} to {end}: {alert.text}"
