"""What [[rule]], [[window]], [[objective]] and [[deliver]] mean for a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from caelum_report.alerting import Channel, Hold, Kind, Rule, Severity
from caelum_report.metrics import METRICS
from caelum_report.model import Objective, Server, Status, Window
from caelum_report.patterns import selects
from caelum_report.text import visible

from .endpoint import url_problem
from .secrets import in_url, in_value
from .variables import UnsetError, Variables, expand

if TYPE_CHECKING:
    from .alarm_tables import ChannelTable, ObjectiveTable, RuleTable, WindowTable


def rules(blocks: Iterable[RuleTable], defaults: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The built-in rules and those of the file; one of the same name takes the place of a built-in one."""
    said = {block.name: block for block in blocks}
    kept = [_rule(said.pop(rule.name), rule) if rule.name in said else rule for rule in defaults]
    kept += [_rule(block, None) for block in said.values()]
    return tuple(rule for rule in kept if rule is not None)


def _rule(block: RuleTable, instead_of: Rule | None) -> Rule | None:
    """None for one that is switched off."""
    from .alarm_tables import amount

    if block.disabled:
        return None
    unit = METRICS[block.metric].unit if block.metric in METRICS and block.source is None else "ratio"

    def value(given: float | str | None) -> float | None:
        return None if given is None else amount(given, unit)

    return Rule(
        name=visible(block.name, 80),
        kind=_kind(block),
        states=tuple(Status(word) for word in block.state or ()),
        metric=block.metric,
        source=block.source,
        above=value(block.above if block.reaches is None else block.reaches),
        below=value(block.below),
        clear=value(block.clear),
        change=block.change,
        over_seconds=block.over,
        within_seconds=block.within,
        finding=block.finding or "*",
        subjects=tuple(block.subjects),
        groups=tuple(block.groups),
        hold=Hold(*block.for_),
        recover=Hold(*block.recover_for),
        flapping=block.flapping,
        severity=Severity(block.severity),
        owner=block.owner and visible(block.owner, 80),
        runbook=block.runbook and visible(block.runbook, 300),
        built_in=False if instead_of is None else instead_of.built_in,
    )


def _kind(block: RuleTable) -> Kind:
    if block.state is not None:
        return "state"
    if block.finding is not None:
        return "finding"
    if block.reaches is not None:
        return "forecast"
    if block.change is not None:
        return "change"
    return "absence" if block.absent else "anomaly" if block.anomaly else "threshold"


def with_windows(servers: Iterable[Server], blocks: Iterable[WindowTable], zone: str) -> tuple[Server, ...]:
    """Servers with the windows that name them or their group."""
    windows = [(block, _window(block, zone)) for block in blocks]
    return tuple(
        replace(server, maintenance=(*server.maintenance, *(w for block, w in windows if _named(server, block))))
        for server in servers
    )


def _named(server: Server, block: WindowTable | ObjectiveTable) -> bool:
    return (not block.servers and not block.groups) or selects(block, server.id, server.group)


def _window(block: WindowTable, zone: str) -> Window:
    here = block.zone or zone

    def aware(at: datetime) -> datetime:
        return at.replace(tzinfo=ZoneInfo(here)) if at.tzinfo is None else at.astimezone(ZoneInfo(here))

    return Window(
        aware(block.start), aware(block.end), visible(block.name), weekly=block.repeat == "weekly",
        daily=block.repeat == "daily", zone=here, until=aware(block.until) if block.until else None,
    )  # fmt: skip


def objectives(blocks: Iterable[ObjectiveTable]) -> tuple[Objective, ...]:
    return tuple(Objective(visible(b.name, 80), b.target, tuple(b.servers), tuple(b.groups), b.period) for b in blocks)


def channels(blocks: Iterable[ChannelTable], variables: Variables) -> tuple[Channel, ...]:
    return tuple(_channel(block, variables) for block in blocks)


def _channel(block: ChannelTable, variables: Variables) -> Channel:
    """One with a variable that is not set cannot be used, and says so; the others go on."""
    from .alarm_tables import OPTIONS

    options: dict[str, Any] = {key: getattr(block, key) for key in OPTIONS[block.kind]}
    problem = None
    try:
        options = {key: _expanded(value, variables) for key, value in options.items()}
    except UnsetError as error:
        problem = str(error)
    if problem is None and options.get("url") and (wrong := url_problem(options["url"])):
        problem = wrong
    return Channel(
        name=visible(block.name, 80),
        kind=block.kind,
        alerts=block.alerts,
        reports=block.reports,
        quiet_seconds=block.quiet,
        digests=tuple(dict.fromkeys(block.digest)),
        severity=Severity(block.severity),
        owners=tuple(block.owners),
        timeout_seconds=block.timeout,
        options=options,
        problem=problem,
        edition=block.edition,
    )


def _expanded(value: Any, variables: Variables) -> Any:
    if isinstance(value, str):
        return expand(value, variables)[0]
    if isinstance(value, list):
        return [_expanded(one, variables) for one in value]
    if isinstance(value, dict):
        return {key: _expanded(one, variables) for key, one in value.items()}
    return value


def secrets(ways: Iterable[Channel]) -> Iterator[str]:
    """What a way out must not give away: passwords, keys, and all of the addresses that carry them."""
    for way in ways:
        options = way.options
        for key in ("password", "secret"):
            if options.get(key):
                yield str(options[key])
        for name, value in (options.get("headers") or {}).items():
            yield from in_value(name, value)
        if options.get("url"):
            yield from in_url(options["url"])
        for url in options.get("urls") or ():
            yield url
            yield from in_url(url)
