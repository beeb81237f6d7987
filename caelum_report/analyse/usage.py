"""Real calls of tools: who is called, how long it takes, what fails, what nobody calls; and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from caelum_report import text, words
from caelum_report.document import Chart, Finding, Range, ServerUsage, ToolUsage, UsageReport, UsedTogether
from caelum_report.model import USAGE_WORDS, Tool

from .calls import counts_of, quantile
from .charts import chart
from .discoveries import FALSE_SHARE, adjusted
from .facts import Facts, Standing
from .times import DAY, Floats, moment, unix
from .tracks import Rollups, single
from .usage_patterns import DRIFT_DAYS, Drift, mix_drift, together, week_profile

PERIOD: Final = 30 * DAY
_LEAST_DAYS: Final = 7.0  # of measuring, before a tool is called unused
_UNUSED_TOOLS: Final = 5
_UNUSED_TOKENS: Final = 2000
_DRIFTS: Final = 3
_PROFILE_DAYS: Final = 14.0
_PAIRS: Final = 10
_QUIET_HOURS: Final = 4
_WEEKDAYS: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def usage(facts: Facts) -> UsageReport:
    start = facts.now - PERIOD
    rows = _since(facts.calls, start)
    servers = tuple(_servers(facts, rows, start))
    if not len(facts.calls):
        return UsageReport(servers=servers)
    begun = _begun(facts)
    first = max(begun, start - start % 3600)
    hours = int((facts.now - first) // 3600)  # those that are over
    counts = counts_of(facts.calls, first, hours)
    profile = week_profile(counts, first, facts.zone)
    measured = [server.source for server in servers if server.source]
    return UsageReport(
        start=moment(first),
        calls=int(rows["calls"].sum()),
        errors=int(rows["errors"].sum()),
        servers=servers,
        tools=tuple(_tools(rows)),
        week=tuple(tuple(None if np.isnan(v) else round(float(v), 2) for v in day) for day in profile),
        weeks=round(hours / 168, 1),
        **_busiest(profile, hours),
        together=tuple(_together(rows, first, hours, facts.zone)),
        charts=tuple(_charts(facts, begun)),
        sources=tuple(
            f"{words.count(number)} by {USAGE_WORDS[source]}"
            for source, number in sorted(Counter(measured).items(), key=lambda pair: (-pair[1], pair[0]))
        ),
    )


def _since(rows: pd.DataFrame, start: float) -> pd.DataFrame:
    return rows.loc[rows["hour"] >= pd.Timestamp(start - start % 3600, unit="s", tz="UTC")]


def _begun(facts: Facts) -> float:
    return float(facts.calls["hour"].min().timestamp())


# --- servers and tools ----------------------------------------------------------------------------------------------


def _servers(facts: Facts, rows: pd.DataFrame, start: float) -> Iterator[ServerUsage]:
    """Every server that is in service, and whoever else was called; most calls first."""
    recent = {str(name): part for name, part in rows.groupby("server", sort=False)}
    ever = {str(name): part for name, part in facts.calls.groupby("server", sort=False)}
    drifting = _drifting(facts)
    names = [standing.id for standing in facts.current]
    names += sorted(name for name in recent if name not in set(names))
    found = [_server(facts, name, recent.get(name), ever.get(name), start, drifting.get(name)) for name in names]
    return iter(sorted(found, key=lambda server: -server.calls))


def _server(  # noqa: PLR0917 - the two frames are one server's
    facts: Facts,
    name: str,
    rows: pd.DataFrame | None,
    ever: pd.DataFrame | None,
    start: float,
    drift: tuple[Drift, float] | None,
) -> ServerUsage:
    if ever is None:
        return ServerUsage(name, None, None, 0, None, 0, 0.0, None, None, None, 0, (), 0, "")
    rows = ever.iloc[:0] if rows is None else rows
    since = moment(float(ever["hour"].min().timestamp()))
    before = _since(ever, start - PERIOD)
    unused = _unused(facts.by_id.get(name), rows["tool"], since.timestamp(), facts)
    p50, p95, longest = _durations(rows)
    return ServerUsage(
        server=name,
        source=str(ever["source"].iloc[-1]),
        since=since,
        calls=int(rows["calls"].sum()),
        calls_before=int(before["calls"].sum() - rows["calls"].sum()) if since.timestamp() < start else None,
        errors=int(rows["errors"].sum()),
        seconds=float(rows["seconds"].sum()),
        p50=p50,
        p95=p95,
        max_seconds=longest,
        used=rows["tool"].nunique(),
        unused=tuple(tool.name for tool in unused),
        unused_tokens=sum(tool.tokens for tool in unused),
        drift=_drift_sentence(drift[0]) if drift else "",
        drift_chance=drift[1] if drift else None,
    )


def _durations(rows: pd.DataFrame) -> tuple[float | None, float | None, float | None]:
    """p50, p95 and the longest. Buckets are 2 % wide, and no quantile is longer than the longest call."""
    if not rows["timed"].sum():
        return None, None, None
    blobs, longest = list(rows["buckets"]), float(rows["max"].max())
    p50, p95 = (quantile(blobs, share) for share in (0.5, 0.95))
    return None if p50 is None else min(p50, longest), None if p95 is None else min(p95, longest), longest


def _unused(standing: Standing | None, called: Iterable[object], since: float, facts: Facts) -> list[Tool]:
    """Declared and not called, where that was measured for a week or more."""
    measured = facts.now - max(since, facts.now - PERIOD)
    if standing is None or standing.surface is None or measured < _LEAST_DAYS * DAY:
        return []
    names = set(called)
    return [tool for tool in standing.surface.tools if text.visible(tool.name, 200) not in names]


def _tools(rows: pd.DataFrame) -> Iterator[ToolUsage]:
    found = []
    for (server, tool), part in rows.groupby(["server", "tool"], sort=True):
        p50, p95, longest = _durations(part)
        found.append(
            ToolUsage(
                server=str(server),
                tool=str(tool),
                calls=int(part["calls"].sum()),
                errors=int(part["errors"].sum()),
                seconds=round(float(part["seconds"].sum()), 3),
                p50=p50,
                p95=p95,
                max_seconds=longest,
                last=moment(float(part["hour"].max().timestamp())),
            )
        )
    return iter(sorted(found, key=lambda each: -each.calls))


# --- when -----------------------------------------------------------------------------------------------------------


def _busiest(profile: Floats, hours: int) -> dict[str, str]:
    """Sentences; empty where two weeks have not passed yet, for then an hour of the week was met once."""
    if hours < _PROFILE_DAYS * 24 or np.isnan(profile).any() or not profile.any():
        return {"busiest": "", "quietest": ""}
    flat = profile.ravel()
    top = int(np.argmax(flat))
    blocks = np.convolve(np.concatenate([flat, flat[: _QUIET_HOURS - 1]]), np.ones(_QUIET_HOURS), "valid")
    low = int(np.argmin(blocks))
    mean = words.significant(float(flat[top]), 2)
    few = words.significant(float(blocks[low]), 2)
    return {
        "busiest": f"{_WEEKDAYS[top // 24]} from {_clock(top)} to {_clock(top + 1)}, {mean} calls on average.",
        "quietest": f"{_WEEKDAYS[low // 24]} from {_clock(low)} to {_clock(low + _QUIET_HOURS)}, {few} calls on average: "
        "a time for maintenance.",
    }


def _clock(hour: int) -> str:
    return f"{hour % 24:02}:00"


def _charts(facts: Facts, begun: float) -> Iterator[Chart]:
    """Calls an hour, all servers together. Hours in which nobody called are zero, not holes: the sources were there."""
    first = max(begun, facts.now - 2 * PERIOD)
    first -= first % 3600
    counts = counts_of(facts.calls, first, int((facts.now - first) // 3600))
    at = first + 3600.0 * (np.arange(len(counts)) + 1)
    track = single(np.asarray(at, np.float64), counts)
    ranges: list[Range] = ["week", "month"] if facts.now - begun > 7 * DAY else ["week"]
    for name in ranges:
        made = chart(
            name,
            "tool_calls",
            track,
            Rollups({}),
            facts.now,
            subject="all servers",
            interval=3600.0,
            marks=facts.marks,
            source="usage sources, one a server",
        )
        yield made if len(counts) else replace(made, empty="The first hour of calls is not over yet.")


# --- patterns -------------------------------------------------------------------------------------------------------


@cache
def _drift_of(counts: bytes, days: int, tools: tuple[str, ...]) -> Drift | None:
    return mix_drift(np.frombuffer(counts).reshape(days, len(tools)), tools)


def _drifting(facts: Facts) -> dict[str, tuple[Drift, float]]:
    """Servers whose mix of tools changed, with the chance that it did not; Benjamini-Hochberg over all that were tested."""
    start = facts.now - 5 * DRIFT_DAYS * DAY
    rows = _since(facts.calls, start)
    found: dict[str, Drift] = {}
    tested = 0
    for name, part in rows.groupby("server", sort=True):
        tools = tuple(sorted(set(part["tool"])))
        if len(tools) < 2:
            continue
        tested += 1
        days = ((unix(part["hour"]) - start) // DAY).clip(0, 5 * DRIFT_DAYS - 1).astype(int)
        table = np.zeros((5 * DRIFT_DAYS, len(tools)))
        np.add.at(table, (days, np.searchsorted(tools, part["tool"].to_numpy(str))), part["calls"].to_numpy(float))
        drift = _drift_of(table.tobytes(), len(table), tools)
        if drift is not None:
            found[str(name)] = drift
    chances = adjusted([drift.p for drift in found.values()], tested)
    return {
        name: (drift, float(chance))
        for (name, drift), chance in zip(found.items(), chances, strict=True)
        if chance <= FALSE_SHARE
    }


def _drift_sentence(drift: Drift) -> str:
    direction = "rose" if drift.after > drift.before else "fell"
    return (
        f"{text.brief(drift.tool, 60)} {direction} from {drift.before:.0%} to {drift.after:.0%} of its calls in the last "
        f"{DRIFT_DAYS} days."
    ).replace("%", f"{words.NBSP}%")


def _together(rows: pd.DataFrame, first: float, hours: int, zone: str) -> Iterator[UsedTogether]:
    tools = sorted(set(zip(rows["server"], rows["tool"], strict=True)))
    if len(tools) < 2 or hours < 1:
        return
    index = {pair: column for column, pair in enumerate(tools)}
    used = np.zeros((hours + 1, len(tools)), np.bool_)
    hour = ((unix(rows["hour"]) - first) // 3600).clip(0, hours).astype(int)
    used[hour, [index[pair] for pair in zip(rows["server"], rows["tool"], strict=True)]] = True
    at = pd.to_datetime(first + 3600.0 * np.arange(hours + 1), unit="s", utc=True).tz_convert(ZoneInfo(zone))
    strata = (at.hour + 24 * (at.day_of_week >= 5)).to_numpy()  # working days and weekends, by the hour of the day
    for pair in together(used, strata.tolist())[:_PAIRS]:
        yield UsedTogether(*tools[pair.first], *tools[pair.second], pair.hours, round(pair.expected, 1))


# --- findings -------------------------------------------------------------------------------------------------------


def unused(facts: Facts) -> Iterable[Finding]:
    """One finding for the fleet: tools that nobody calls, and what their declarations cost."""
    since = facts.calls.groupby("server", sort=True)["hour"].min()
    tokens: dict[str, int] = {}
    tools = calls = 0
    for name, rows in _since(facts.calls, facts.now - PERIOD).groupby("server", sort=True):
        standing = facts.by_id.get(str(name))
        if standing and (idle := _unused(standing, rows["tool"], since[name].timestamp(), facts)):
            tokens[standing.name] = sum(tool.tokens for tool in idle)
            tools += len(idle)
            calls += int(rows["calls"].sum())
    total = sum(tokens.values())
    if tools < _UNUSED_TOOLS or total < _UNUSED_TOKENS:
        return
    most = max(tokens, key=lambda name: (tokens[name], name))
    yield Finding(
        id="usage:unused",
        kind="usage",
        word="Usage",
        status=None,
        title=f"Nobody called {words.count(tools)} tools of {words.plural(len(tokens), 'server')} in 30 days.",
        server=None,
        page="tools.html#unused",
        evidence=f"n = {words.count(calls)} calls of their other tools",
        chance=None,
        impact=f"They cost a model that loads them all about {words.count(total)} tokens a session, "
        f"{words.count(tokens[most])} of them at {most}.",
        advice="Leave them out where the host lets you choose, or the server where nothing of it is used.",
        needs_action=False,
    )


def drifts(facts: Facts) -> Iterable[Finding]:
    """At most three: servers whose tools are called in another mix than in the four weeks before."""
    changed = [(name, *found) for name, found in _drifting(facts).items() if name in facts.by_id]
    for name, drift, chance in sorted(changed, key=lambda each: (-each[1].moved, each[0]))[:_DRIFTS]:
        standing = facts.by_id[name]
        yield Finding(
            id=f"usage:{name}",
            kind="usage",
            word="Usage",
            status=None,
            title=f"{standing.name} is used in another way: {_drift_sentence(drift)}",
            server=name,
            page=f"{standing.page}#usage",
            evidence=f"{words.count(drift.calls)} calls in {DRIFT_DAYS} days against the 28 before, days permuted",
            chance=chance,
            owner=standing.server.owner if standing.server else None,
            needs_action=False,
        )
