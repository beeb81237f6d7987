"""Findings about series, in the words of a reader: what drifts, what stands on another level, which hours were unusual.

None of them needs action by itself: a server that suffers is told by its state, a limit that nears by its forecast.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np

from caelum_report import text, words
from caelum_report.document import Finding
from caelum_report.metrics import METRICS
from caelum_report.model import Status

from .facts import PROBLEMS, Facts, Standing
from .flapping import CHECKS, flapping_of_checks
from .readings import Reading
from .signals import FRESH, Drift, Event, Moment, Step
from .times import DAY, moment
from .uptime import STATUSES, status_at

LOW_CONFIDENCE_DAYS: Final = 3.0
_HOST_FIGURES: Final = {  # causes before their consequences
    "host_cpu": "the CPU",
    "host_swap_in": "swapping in",
    "host_swap": "the swap",
    "host_memory": "the memory",
    "host_iowait": "the I/O wait",
    "host_load": "the load",
    "host_temperature": "the temperature",
}


def _who(facts: Facts, key: Reading) -> tuple[str, str | None, str, str | None]:
    """Whose series it is: name, Server.id, the page that shows it, owner."""
    standing = facts.by_id.get(key.subject) if not key.metric.startswith("host_") else None
    if standing is None:
        return text.visible(facts.snapshot.host, 60), None, "host.html", None
    owner = standing.server.owner if standing.server else None
    return standing.name, standing.id, f"{standing.page}#latency", owner


def _quantity(key: Reading, value: float) -> str:
    return words.quantity(value, METRICS[key.metric].unit)


def _share(before: float, after: float) -> str:
    return f"{abs(after / before - 1) * 100:.0f}{words.NBSP}%"


def _moved(key: Reading, before: float, after: float) -> str:
    """What a server or the host does now, compared with before."""
    more = after > before
    metric = METRICS[key.metric]
    if key.metric == "latency" and before > 0:
        return f"takes {_share(before, after)} {'longer' if more else 'less time'} to answer"
    if key.metric == "rss" and before > 0:
        return f"takes {_share(before, after)} {'more' if more else 'less'} memory"
    if metric.unit == "celsius":
        return f"is {_quantity(key, abs(after - before))} {'hotter' if more else 'cooler'}"
    if metric.unit == "percent":
        return f"uses {abs(after - before):.0f} points {'more' if more else 'less'} of {_HOST_FIGURES[key.metric]}"
    return f"has {_share(before, after)} {'more' if more else 'less'} {metric.title.lower()}"


# --- trends ---------------------------------------------------------------------------------------------------------


def trends(facts: Facts) -> Iterator[Finding]:
    for drift in facts.signals.drifts:
        name, server, page, owner = _who(facts, drift.key)
        key, trend = drift.key, drift.trend
        days = words.plural(round(drift.days), "day")
        low, high = sorted((abs(trend.low), abs(trend.high)))
        rises = trend.slope_per_day > 0
        confidence = ", low confidence" if drift.days < LOW_CONFIDENCE_DAYS else ""
        yield Finding(
            id=drift_id(drift),
            kind="trend",
            word="Trend",
            status=None,
            title=_drift_title(name, drift, days),
            server=server,
            page=page,
            since=moment(facts.now - drift.days * DAY),
            owner=owner,
            evidence=f"n = {words.count(drift.n)} hours over {days}{confidence}",
            chance=drift.chance,
            impact=f"At this pace it is {_quantity(key, max(drift.after + 7 * trend.slope_per_day, 0.0))} in a week."
            if drift.days >= 7
            else "",
            cause=f"The {METRICS[key.metric].title.lower()} {'rose' if rises else 'fell'} from {_quantity(key, drift.before)} "
            f"to {_quantity(key, drift.after)}, by {_quantity(key, abs(trend.slope_per_day))} a day "
            f"({_quantity(key, low)} to {_quantity(key, high)} with 95{words.NBSP}% confidence). What makes it is not known.",
            needs_action=False,
            metric=key.metric,
            wrong_if="the series wanders for weeks by itself, or a step too small to be seen made it.",
        )


def _drift_title(name: str, drift: Drift, days: str) -> str:
    if drift.key.metric == "rss":
        verb = "grows" if drift.trend.slope_per_day > 0 else "shrinks"
        return f"The memory of {name} {verb} by {_quantity(drift.key, abs(drift.trend.slope_per_day))} a day."
    return f"{name} {_moved(drift.key, drift.before, drift.after)} than {days} ago."


# --- level shifts ---------------------------------------------------------------------------------------------------


def shifts(facts: Facts) -> Iterator[Finding]:
    for step in facts.signals.steps:
        name, server, page, owner = _who(facts, step.key)
        at = step.at.to_pydatetime().astimezone(UTC)
        when = _when(facts, at)
        lasting = (
            f"since {when}" if step.until is None else f"from {when} to {_when(facts, step.until.to_pydatetime())}"
        )
        yield Finding(
            id=step_id(step),
            kind="shift",
            word="Shift",
            status=None,
            title=f"{name} {_moved(step.key, step.before, step.after)} {lasting}.",
            server=server,
            page=page,
            since=at,
            owner=owner,
            evidence=f"n = {words.count(step.n_after)} and {words.count(step.n_before)} hours, judged in hindsight",
            chance=step.chance,
            cause=f"Its {METRICS[step.key.metric].title.lower()} went from {_quantity(step.key, step.before)} to "
            f"{_quantity(step.key, step.after)} within hours.{_beside(facts, step)}",
            needs_action=False,
            metric=step.key.metric,
            wrong_if="something else changed at that hour for all who ask, such as the host of this report or its network.",
        )


def drift_id(drift: Drift) -> str:
    return f"trend:{drift.key.metric}:{drift.key.subject}"


def step_id(step: Step) -> str:
    return f"shift:{step.key.metric}:{step.key.subject}:{_stamp(step.at.to_pydatetime())}"


def moment_id(each: Moment) -> str:
    return f"anomaly:{'' if _several(each) else each.servers[0]}:{_stamp(each.start.to_pydatetime())}"


def _several(each: Moment) -> bool:
    return len(each.servers) != 1 or bool(each.of_host)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%MZ}"


def _when(facts: Facts, at: datetime) -> str:
    return words.moment(at, facts.at, facts.zone)


def _beside(facts: Facts, step: Step) -> str:
    """What else is known of that hour: a change of tools, a person's mark."""
    at, near = step.at.timestamp(), 6 * 3600.0
    parts = [
        f"Its tools changed at {_when(facts, change.at)}: {text.visible(change.title, 120)}."
        for change in facts.contract
        if change.server == step.key.subject and abs(change.at.timestamp() - at) <= near
    ]
    parts += [
        f"Marked at {_when(facts, mark.at)}: “{text.visible(mark.text, 120)}”."
        for mark in facts.marks
        if abs(mark.at.timestamp() - at) <= near
    ]
    return "".join(f" {part}" for part in parts[:2])


# --- unusual moments ------------------------------------------------------------------------------------------------


def anomalies(facts: Facts) -> Iterator[Finding]:
    """One item for what happened at once; nothing for what the present state of a server already tells."""
    for each in facts.signals.moments:
        if not _told_by_state(facts, each) and not _in_maintenance(facts, each):
            yield _unusual(facts, each)


def _told_by_state(facts: Facts, each: Moment) -> bool:
    """Whether a server in trouble now, and since about then, is among it."""
    start, step = each.start.timestamp(), facts.readings.step_seconds
    return any(
        standing.status in PROBLEMS
        and standing.since is not None
        and start - 2 * step <= standing.since.timestamp() <= each.end.timestamp() + step
        for standing in (facts.by_id[server] for server in each.servers)
    )


def _in_maintenance(facts: Facts, each: Moment) -> bool:
    at = each.start.timestamp()
    states = [status_at(facts.ledger, facts.by_id[server].index, at) for server in each.servers]
    return bool(states) and not each.of_host and all(state is Status.MAINTENANCE for state in states)


def _unusual(facts: Facts, each: Moment) -> Finding:
    first = next((e for e in each.events if e.key.metric == "latency"), each.events[0])
    name, server, page, owner = _who(facts, first.key)
    start, end = each.start.to_pydatetime().astimezone(UTC), min(each.end.timestamp(), facts.now)
    fresh = facts.now - end < FRESH
    several = _several(each)
    series = words.plural(len({event.key for event in each.events}), "series", "series")
    hours = words.plural(max(1, round((each.end - each.start).total_seconds() / 3600)), "hour")
    return Finding(
        id=moment_id(each),
        kind="anomaly",
        word="Unusual",
        status=None,
        title=_unusual_title(facts, each),
        server=None if several else server,
        page="host.html" if each.of_host else page,
        since=start,
        owner=None if several else owner,
        evidence=f"{series} over {hours}" + (", preliminary" if fresh else ""),
        chance=each.chance,
        impact=_slowed(facts, each) if several else "",
        cause=_why(facts, each, name),
        needs_action=False,
        metric=first.key.metric,
        preliminary=fresh,
        wrong_if="the hours were planned to be unlike others, such as a backup or a test."
        + (" It is judged again until a day has passed." if fresh else ""),
    )


def _unusual_title(facts: Facts, each: Moment) -> str:
    when = _when(facts, each.start.to_pydatetime())
    on = f"on {when}" if " " in when else f"at {when}"
    host = text.visible(facts.snapshot.host, 60)
    servers = each.servers
    if each.of_host and servers:
        slowed = words.plural(len(servers), "server") if len(servers) > 1 else facts.by_id[servers[0]].name
        return f"{slowed} slowed with {_figure(each)} of {host} {on}."
    if each.of_host:
        return f"{_capital(_figure(each))} of {host} stood out {on}."
    if len(servers) > 1:
        return f"{words.plural(len(servers), 'server')} were unlike themselves {on}."
    event = each.events[0]
    name = facts.by_id[servers[0]].name
    if event.stuck:
        return f"A figure of {name} did not change for hours from {when}."
    if event.key.metric == "rss":
        return f"{name} took {_quantity(event.key, event.value)} of memory {on}, usually {_quantity(event.key, event.usual)}."
    return (
        f"{name} took {_quantity(event.key, event.value)} to answer {on}, usually {_quantity(event.key, event.usual)}."
    )


def _figure(each: Moment) -> str:
    """That of the host which explains most: causes stand before their consequences."""
    seen = {event.key.metric for event in each.of_host}
    return next(name for metric, name in _HOST_FIGURES.items() if metric in seen)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _slowed(facts: Facts, each: Moment) -> str:
    """14 servers: a 0.63 s (usually 0.28 s), …"""
    by_server = {event.key.subject: event for event in reversed(each.events) if event.key.metric == "latency"}
    told = [
        f"{facts.by_id[event.key.subject].name} {_quantity(event.key, event.value)} (usually {_quantity(event.key, event.usual)})"
        for event in sorted(by_server.values(), key=lambda e: -e.value / max(e.usual, 1e-9))
    ]
    return f"Answer times: {words.listing(told)}." if told else ""


def _why(facts: Facts, each: Moment, name: str) -> str:
    if each.of_host:
        order = list(_HOST_FIGURES)
        told = [_compared(event) for event in sorted(each.of_host, key=lambda e: order.index(e.key.metric))]
        return f"{text.visible(facts.snapshot.host, 60)}: {words.listing(told)}."
    if len(each.servers) > 1:
        return "They share a moment, not a figure of the host; look for what they have in common."
    return f"{name}: {words.listing([_compared(event) for event in each.events])}. What made it is not known."


def _compared(event: Event) -> str:
    title = METRICS[event.key.metric].title
    title = title if title.isupper() else title.lower()
    return f"{title} {_quantity(event.key, event.value)} (usually {_quantity(event.key, event.usual)})"


# --- flapping -------------------------------------------------------------------------------------------------------


def flapping(facts: Facts) -> Iterator[Finding]:
    """Servers that kept changing between good and bad in the last weeks and are calm again; who flaps now is told by its state."""
    for standing in facts.current:
        found = spell(facts, standing)
        if found is None:
            continue
        start, end, changes = found
        yield Finding(
            id=f"flapping:{standing.id}:{_stamp(moment(start))}",
            kind="flapping",
            word="Flapping",
            status=None,
            title=f"{standing.name} came and went from {_when(facts, moment(start))} to {_when(facts, moment(end))}.",
            server=standing.id,
            page=f"{standing.page}#states",
            since=moment(start),
            owner=standing.server.owner if standing.server else None,
            evidence=f"{changes} changes of state in {words.duration(end - start)}",
            chance=0.0,
            impact="Whoever called it then was served in part.",
            cause="It answered and failed by turns; each failure is in the history of its states.",
            needs_action=False,
            wrong_if="two outages of their own happened to lie within a day.",
        )


_GOOD: Final = np.array([status in {Status.UP, Status.DEGRADED} for status in STATUSES])
_BAD: Final = np.array([status is Status.DOWN for status in STATUSES])
FLAPPING_DAYS: Final = 14


def spell(facts: Facts, standing: Standing) -> tuple[float, float, int] | None:
    """First change, last change and number of changes of the latest spell that is over; from the stretches of states."""
    rows = facts.ledger.rows(standing.index)
    part = slice(rows.start, rows.stop)
    status, counts = facts.ledger.status[part], np.maximum(facts.ledger.checks[part], 1)
    told = _GOOD[status] | _BAD[status]
    recent = facts.ledger.end[part] > facts.now - FLAPPING_DAYS * DAY
    if np.count_nonzero(_BAD[status] & recent) < 2:
        return None
    keep = np.flatnonzero(told & recent)
    good = np.repeat(_GOOD[status[keep]], np.minimum(counts[keep], CHECKS + 1))  # a long stretch is calm, however long
    begins = np.repeat(keep, np.minimum(counts[keep], CHECKS + 1))
    flaps = flapping_of_checks(good.astype(np.float64))
    if not flaps.any() or flaps[-1]:
        return None
    last = int(np.flatnonzero(flaps)[-1])
    first = last - int(np.argmin(flaps[: last + 1][::-1])) + 1 if not flaps[: last + 1].all() else 0
    changed = np.flatnonzero(np.diff(good)) + 1
    inside = changed[(changed >= max(0, first - CHECKS)) & (changed <= last)]
    at = facts.ledger.start[part][begins[inside]]
    return float(at[0]), float(at[-1]), len(inside)
