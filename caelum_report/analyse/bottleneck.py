"""Who keeps the others waiting: suspects for a slow or failing moment, likeliest cause first, each with its numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from caelum_report import words

from .matrix import finite
from .steps import HOUR
from .times import DAY, Floats

LATENCIES: Final = ("latency", "latency_p95")  # ms; the mean first, since seconds of waiting are its sum
FAILURES: Final = ("error_rate", "availability")  # shares, or percent; both are judged as the share that failed
RESOURCES: Final = ("cpu", "memory", "iowait", "steal", "rss", "swap_in")
SATURATED: Final = {"cpu": 85.0, "iowait": 15.0, "steal": 10.0, "memory": 92.0, "swap_in": 0.0}
MARKED: Final = 3.0  # deviations from the usual that count as a change
SLOWED: Final = 1.25  # a called one that slowed by a quarter takes the blame of its callers
TOOL_FACTOR: Final = 3.0
LEAST_BEFORE: Final = 3
ALIKE: Final = 0.1
OUT_OF_REACH: Final = 0.1  # what one counts whom the symptom's calls do not reach
LEAST_SHARE: Final = 0.003  # of all scores; who has less is no suspect


@dataclass(frozen=True, slots=True)
class Suspect:
    """A possible cause. The scores of one ranking sum to 1; `evidence` says in words and numbers why."""

    entity: str
    score: float
    evidence: str


@dataclass(frozen=True, slots=True)
class _Change:
    """One metric of one entity before and since the first slow moment."""

    before: float
    after: float
    sigmas: float  # against the usual deviation before; negative where it fell

    @property
    def excess(self) -> float:
        return self.after - self.before

    @property
    def times(self) -> float:
        return self.after / self.before if self.before > 0 else float(self.after > 0) + 1


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that changed, and who calls whom."""

    changes: Mapping[tuple[str, str], _Change]
    symptom: Mapping[str, _Change]  # by entity, in the target's metric or one of its kind
    kind: tuple[str, ...]
    calls: Mapping[str, Collection[str]]
    addresses: Mapping[str, Collection[str]] = field(default_factory=dict)  # and the services behind them

    def number_of_calls(self, name: str) -> float | None:
        change = self.changes.get((name, "calls"))
        return max(change.after, 0.0) if change is not None else None


Changes = Mapping[tuple[str, str], _Change]
Marks = NDArray[np.bool_]
Graph = Mapping[str, Collection[str]]


def rank(
    frame: pd.DataFrame,
    start: datetime,
    target: str,
    graph: Mapping[str, str | Iterable[str]] | None = None,
) -> list[Suspect]:
    """Suspects for the symptom `target` ("entity|metric") that shows in all rows from `start` on, likeliest cause first.

    Method: every metric since `start` is compared with its usual value (by hour of day where three days are known) in
    robust deviations, a share of failures never in less than chance gives so many calls. First USE: a saturated host, far
    above its usual, with the median server slower, is the cause. Else waiting is counted: excess per call x calls, of which
    what the called ones added is taken off the caller, so blame moves along the calls to where it begins; failures are not
    multiplied, the greatest share of lost calls is nearest to the cause. An address that suffers as the service beside it
    leads to that service. A tool that slowed three times as much as its siblings stands before its server. Each counts by
    its share in the symptom, by how unusual it is and by how many times it grew (logarithms both); resources that rose at
    the same place add to it; what the symptom cannot reach by calls hardly counts.
    Sources: Gregg 2013 (USE); n-sigma and traversal as baselines in Hardt et al. 2023 (PetShop) and Pham et al. 2024
    (RCAEval), which beat most causal discovery; Li et al. 2022 (CIRCA: compare with what the called ones explain).
    Cost: 20 ms for 300 columns x 300 rows.
    Assumes: rows from `start` on are bad and those before are good; an incident has one cause; callers wait for the
    called. Errors and availabilities are percent where any column of that metric is above 1.
    Weak: a cause that is not measured is seen at its nearest measured caller; without a graph callers and called are
    told apart by relative slowing only; a service without calls and its own address; overload, which slows many; several
    causes at once.
    Empty where fewer than 3 rows come before, none after, or no metric rose by two deviations. ValueError where the target
    is no column, TypeError where the index has no times.
    """
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise TypeError(f"the frame needs a DatetimeIndex, not {type(frame.index).__name__}")
    if target not in frame.columns:
        raise ValueError(f"the target {target!r} is no column of the frame")
    changes = _changes(frame, pd.Timestamp(start))
    if all(change.sigmas < 2 for change in changes.values()):
        return []
    entity, _, metric = target.rpartition("|")
    scene, servers, hosts = _seen(changes, metric, graph)
    blamed = _servers_and_tools(scene, servers, entity)
    top = max((blame.score for blame in blamed), default=0.0)
    blamed += [_host(scene, name, servers, top) for name in sorted(hosts)]
    total = sum(blame.score for blame in blamed)
    blamed.sort(key=lambda blame: (-blame.score, blame.entity))
    return [replace(blame, score=blame.score / total) for blame in blamed if blame.score > LEAST_SHARE * total]


# --- what changed ---------------------------------------------------------------------------------------------------


def _changes(frame: pd.DataFrame, start: pd.Timestamp) -> dict[tuple[str, str], _Change]:
    frame = frame[frame.index.notna()].sort_index()
    index = pd.DatetimeIndex(frame.index)
    if index.tz is not None and start.tz is None:
        start = start.tz_localize(index.tz)
    elif index.tz is None and start.tz is not None:
        start = start.tz_convert("UTC").tz_localize(None)
    since = np.asarray(index >= start)
    if since.sum() < 1 or (~since).sum() < LEAST_BEFORE:
        return {}
    values = finite(frame.to_numpy(np.float64, na_value=np.nan))
    wall = index.tz_localize(None) if index.tz is not None else index
    seconds = wall.as_unit("us").asi8 / 1e6
    found = {}
    split = [str(name).rpartition("|") for name in frame.columns]
    places = {(entity, metric): column for column, (entity, _, metric) in enumerate(split) if entity}
    percent = {metric for (_, metric), column in places.items() if np.nanmax(values[:, column], initial=0.0) > 1 + 1e-9}
    for (entity, metric), column in places.items():
        course, noise = values[:, column], 0.0
        if metric in FAILURES:
            course = _as_failed(course, metric, percent=metric in percent)
            calls = places.get((entity, "calls"))
            noise = _chance(course, since, None if calls is None else values[:, calls])
        change = _change(course, since, seconds, noise)
        if change is not None:
            found[entity, metric] = change
    return found


def _as_failed(values: Floats, metric: str, *, percent: bool) -> Floats:
    """Error rates and availabilities as the share that failed."""
    share = values / 100 if percent else values
    return 1 - share if metric == "availability" else share


def _chance(failed: Floats, since: Marks, calls: Floats | None) -> float:
    """The deviation that the share of failures of so many calls has by chance, were all rows alike; a hundred where not counted."""
    number = 100.0
    if calls is not None and np.isfinite(calls).any():
        number = max(float(np.nanmedian(calls)), 1.0)
    old = failed[~since & np.isfinite(failed)]
    usual = float(np.clip(old.mean(), 1 / number, 0.5)) if len(old) else 0.5
    return float(np.sqrt(usual * (1 - usual) / number))


def _change(values: Floats, since: Marks, seconds: Floats, noise: float) -> _Change | None:
    good = np.isfinite(values)
    old, new = good & ~since, good & since
    if old.sum() < LEAST_BEFORE or not new.any():
        return None
    usual = np.full(len(values), np.median(values[old]))
    if seconds[old][-1] - seconds[old][0] >= 3 * DAY:
        hours = (seconds % DAY // HOUR).astype(np.int64)
        for hour in np.unique(hours[new]):
            same = old & (hours == hour)
            if same.sum() >= 3:
                usual[hours == hour] = np.median(values[same])
    rest = values[old] - usual[old]
    spread = max(1.4826 * float(np.median(np.abs(rest))), 0.5 * float(np.std(rest)))
    before = float(np.mean(usual[new]))
    floor = max(0.02 * abs(before), 1e-9 if before else 1e-3, noise)
    excess = values[new] - usual[new]
    middle = float(np.median(excess)) if new.sum() >= 3 else float(np.mean(excess))
    return _Change(before, before + middle, middle / max(spread, floor))


def _worst(changes: Changes, name: str, metrics: Iterable[str]) -> _Change | None:
    """The symptom as it shows at an entity: by the target's own metric, else by one of its kind."""
    return next((changes[name, metric] for metric in metrics if (name, metric) in changes), None)


def _seen(
    changes: Changes, metric: str, graph: Mapping[str, str | Iterable[str]] | None
) -> tuple[_Scene, list[str], set[str]]:
    """The scene of a symptom in this metric, its servers and its hosts."""
    kind = FAILURES if metric in FAILURES else LATENCIES if metric in LATENCIES else (metric,)
    names = {name for name, _ in changes}
    symptom = {name: found for name in names if (found := _worst(changes, name, (metric, *kind))) is not None}
    scene = _Scene(changes, symptom, kind, _graph(graph))
    nodes = _nodes(changes, graph)
    hosts = _hosts(nodes, changes, scene.calls)
    return replace(scene, addresses=_addresses(scene)), sorted(nodes - hosts - {"fleet"}), hosts


# --- who is who -----------------------------------------------------------------------------------------------------


def _nodes(changes: Changes, graph: Mapping[str, str | Iterable[str]] | None) -> set[str]:
    """Servers, hosts, the fleet: every entity that is not a tool. "a/b" is a tool of "a" where "a" is an entity too, or
    has several of them, and the graph does not know "a/b" itself.
    """
    known = {name for name, _ in changes}
    drawn = _graph(graph)
    in_graph = _drawn(drawn)
    prefixes = [name.split("/", 1)[0] for name in known if "/" in name]
    nodes = set()
    for name in known:
        prefix = name.split("/", 1)[0]
        is_tool = "/" in name and "://" not in name and name not in in_graph
        if not (is_tool and (prefix in known or prefixes.count(prefix) > 1)):
            nodes.add(name)
        elif prefix not in known:
            nodes.add(prefix)
    return nodes


def _graph(graph: Mapping[str, str | Iterable[str]] | None) -> dict[str, set[str]]:
    """Caller to called, without calls to oneself."""
    drawn = {caller: {called} if isinstance(called, str) else set(called) for caller, called in (graph or {}).items()}
    return {caller: called - {caller} for caller, called in drawn.items()}


def _addresses(scene: _Scene) -> dict[str, set[str]]:
    """Addresses under which callers know a service, and the services that answer there.

    Traces show such an address beside the service, called by the same one and with no calls of its own: it suffers what the
    service suffers, by as much and as often.
    """
    found: dict[str, set[str]] = {}
    for called in scene.calls.values():
        services = [name for name in called if scene.calls.get(name)]
        for address in called:
            behind = {
                name for name in services if not scene.calls.get(address) and _suffers_alike(scene, address, name)
            }
            if behind and not any(address in _reachable(scene.calls, name) for name in behind):
                found.setdefault(address, set()).update(behind)
    return found


def _suffers_alike(scene: _Scene, one: str, other: str) -> bool:
    a, b = scene.symptom.get(one), scene.symptom.get(other)
    if a is None or b is None or min(a.sigmas, b.sigmas) < MARKED:
        return False
    pairs = [(a.excess, b.excess), (scene.number_of_calls(one), scene.number_of_calls(other))]
    return all(x is None or y is None or abs(x - y) <= ALIKE * max(abs(x), abs(y)) for x, y in pairs)


def _reachable(calls: Graph, entity: str) -> set[str]:
    seen, ahead = {entity}, [entity]
    while ahead:
        for called in calls.get(ahead.pop(), ()):
            if called not in seen:
                seen.add(called)
                ahead.append(called)
    return seen


def _drawn(calls: Graph) -> set[str]:
    return set(calls).union(*calls.values())


def _hosts(names: Iterable[str], changes: Changes, calls: Graph) -> set[str]:
    """Those that are called nothing but "host…", and what has resources alone where nobody who serves has some of its own."""
    serving = {name for name, metric in changes if metric in (*LATENCIES, *FAILURES, "calls")}
    shared = not any(name in serving and metric in SATURATED for name, metric in changes)
    resources = {name for name, metric in changes if metric in SATURATED}
    alone = {name for name in names if name in resources and name not in serving and name not in _drawn(calls)}
    return {name for name in alone if shared or name.startswith("host")}


# --- blame ----------------------------------------------------------------------------------------------------------


def _servers_and_tools(scene: _Scene, servers: list[str], target: str) -> list[Suspect]:
    """What speaks against each server, and against a tool that slowed much more than its siblings; scores are not yet shares."""
    own = _own(scene, servers)
    share = _shares(scene, target, own)
    within = _reachable(scene.calls, target) if target in _drawn(scene.calls) else set(servers)
    found = []
    for name in servers:
        reached = 1.0 if name in within else OUT_OF_REACH
        score, evidence = _score(scene, name, own.get(name), share.get(name, 0.0))
        # of two equal ones, the one that is more than an address in others' records
        score *= reached * (1.1 if scene.calls.get(name) else 1.0)
        tools = sorted(tool for tool in {entity for entity, _ in scene.changes} if tool.startswith(f"{name}/"))
        slow = _slow_tool(scene, [tool for tool in tools if tool not in servers])
        if slow is not None:
            tool, reason = slow
            part = _shares(scene, target, [*own, tool]).get(tool, 0.0)
            of_tool = max(1.25 * score, reached * _strength(scene.symptom[tool], 1.0, part, scene.kind))
            found.append(Suspect(tool, of_tool, reason))
            score = min(0.75 * score, 0.6 * of_tool)
        found.append(Suspect(name, score, evidence))
    return found


def _own(scene: _Scene, names: Iterable[str]) -> dict[str, float]:
    """The part of each entity's excess that what it calls does not explain, 0 to 1."""
    asked: dict[str, float] = {}  # calls of all that call it
    for caller, others in scene.calls.items():
        for called in others:
            asked[called] = asked.get(called, 0.0) + (scene.number_of_calls(caller) or 0.0)
    own = {}
    for name in names:
        change = scene.symptom.get(name)
        if change is None:
            continue
        explained = 0.0
        for called in (*scene.calls.get(name, ()), *scene.addresses.get(name, ())):
            other = scene.symptom.get(called)
            if other is None or other.excess <= 0 or other.sigmas < MARKED:
                continue
            if other.times < SLOWED and other.excess < 0.5 * change.excess:
                continue
            theirs = scene.number_of_calls(called)
            often = theirs / asked[called] if theirs and asked[called] and name not in scene.addresses else 1.0
            explained += other.excess * float(np.clip(often, 0.3, 1.0))
        own[name] = float(np.clip(1 - explained / change.excess, 0.0, 1.0)) if change.excess > 0 else 0.0
    return own


def _shares(scene: _Scene, target: str, names: Iterable[str]) -> dict[str, float]:
    """How much of the symptom each could account for, 0 to 1: seconds of waiting, against the target's own where it is
    one of them, else against the greatest.
    """
    names = list(names)
    if set(scene.kind) == set(FAILURES):  # a failure counts once, however many it passes through
        most = max((scene.symptom[name].excess for name in names), default=0.0)
        return {name: max(scene.symptom[name].excess, 0.0) / most if most > 0 else 0.0 for name in names}
    numbers = {name: scene.number_of_calls(name) for name in names}
    known = [number for number in numbers.values() if number]
    usual = float(np.median(known)) if known else 1.0
    excess = {name: max(scene.symptom[name].excess, 0.0) for name in names}
    waited = {name: excess[name] * (usual if (n := numbers[name]) is None else n) for name in names}
    if target not in waited:
        most = max(waited.values(), default=0.0)
        return {name: waited[name] / most if most else 0.0 for name in names}
    whole, each = max(waited[target], 1e-12), max(excess[target], 1e-12)
    return {name: min(max(waited[name] / whole, 0.5 * excess[name] / each), 1.0) for name in names}


def _score(scene: _Scene, name: str, own: float | None, share: float) -> tuple[float, str]:
    change = scene.symptom.get(name)
    score, reasons = 0.0, []
    if change is not None and own is not None and change.sigmas > 1 and change.excess > 0:
        score = _strength(change, own, share, scene.kind)
        reasons.append(_said(scene.kind[0], change))
        if scene.calls.get(name):
            reasons.append(f"{words.percent(own, 0)} of that is not from what it calls")
    other = 0.0
    for metric in (*RESOURCES, *FAILURES, *LATENCIES):
        found = scene.changes.get((name, metric))
        if metric in scene.kind or found is None or found.sigmas < MARKED or found.times < 1.1:
            continue
        other = max(other, (0.5 if metric in RESOURCES else 0.3) * float(np.log1p(min(found.sigmas, 100.0))))
        reasons.append(_said(metric, found))
    there = 1.0 if change is not None and change.sigmas > 2 else 0.4
    return score + other * there * (0.3 + 0.7 * (0.5 if own is None else own)), "; ".join(reasons)


def _strength(change: _Change, own: float, share: float, kind: tuple[str, ...]) -> float:
    """How strongly a change speaks: by how unusual it is, how much of it arises there, its share in the symptom, its growth."""
    # no share of failures is usual: they are compared by what is lost, which the share in the symptom tells
    grown = 1.0 if set(kind) == set(FAILURES) else float(np.log(np.clip(change.times, 1.0, 200.0)))
    return float(np.log1p(np.clip(change.sigmas, 0.0, 200.0))) * (0.08 + own) * (0.05 + share) * (0.25 + grown)


def _slow_tool(scene: _Scene, tools: list[str]) -> tuple[str, str] | None:
    """The tool that slowed much more than its siblings, and why."""
    slowed = {tool: scene.symptom[tool].times - 1 for tool in tools if tool in scene.symptom}
    if len(slowed) < 2:
        return None
    slowest = max(slowed, key=lambda tool: slowed[tool] * min(max(scene.symptom[tool].sigmas, 0.0), 10.0))
    change = scene.symptom[slowest]
    usual = max(float(np.median([more for tool, more in slowed.items() if tool != slowest])), 0.0)
    if change.sigmas < MARKED or change.times < SLOWED or slowed[slowest] <= TOOL_FACTOR * usual:
        return None
    return slowest, f"{_said(scene.kind[0], change)}, its siblings × {words.significant(1 + usual, 2)}"


def _host(scene: _Scene, name: str, servers: list[str], top: float) -> Suspect:
    """A host is the cause where something is saturated, far above its usual, and the median server suffers."""
    full = [
        (metric, change)
        for metric, limit in SATURATED.items()
        if (change := scene.changes.get((name, metric))) is not None
        and change.after > limit
        and change.sigmas > MARKED
        and change.after > 1.15 * change.before
    ]
    suffering = [scene.symptom[server] for server in servers if server in scene.symptom]
    slow = [change for change in suffering if change.sigmas > 2 and change.times > 1.1]
    reasons = [_said(metric, change) for metric, change in full]
    if not full:
        raised = [c for m in SATURATED if (c := scene.changes.get((name, m))) is not None and c.sigmas > MARKED]
        return Suspect(name, 0.15 * top if raised else 0.0, "busier than usual, not saturated")
    if (
        suffering
        and np.median([change.times for change in suffering]) > 1.1
        and np.median([change.sigmas for change in suffering]) > 1
    ):
        reasons.append(f"{len(slow)} of {words.plural(len(suffering), 'server')} slower")
        return Suspect(name, 1.5 * top + 1.0, "; ".join(reasons))
    return Suspect(name, 0.4 * top, "; ".join(reasons))


def _said(metric: str, change: _Change) -> str:
    """latency 41 → 190 ms (× 4.6, 23 sigma)"""
    if metric in LATENCIES:
        values = f"{words.seconds(change.before / 1000)} → {words.seconds(change.after / 1000)}"
    elif metric in FAILURES:
        values = f"{words.percent(change.before)} → {words.percent(change.after)}"
        metric = "failures"
    elif metric == "swap_in":
        values = f"{words.size(change.before)}/s → {words.size(change.after)}/s"
    else:
        unit = f"{words.NBSP}%" if metric in SATURATED else ""
        values = f"{words.significant(change.before)}{unit} → {words.significant(change.after)}{unit}"
    times = f"× {words.significant(change.times, 2)}, " if change.before > 0 else ""
    return f"{metric.replace('_', ' ')} {values} ({times}{_sigmas(change.sigmas)} sigma)"


def _sigmas(number: float) -> str:
    return f"{number:.0f}" if number < 100 else "over 100"
