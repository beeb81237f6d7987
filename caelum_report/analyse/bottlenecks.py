"""Bottlenecks in the words of a reader: who kept whom waiting, since when, how that is known, and what would make it wrong."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from caelum_report import text, words
from caelum_report.document import (
    BottleneckReport,
    Bottlenecks,
    Chart,
    Finding,
    HostReport,
    Points,
    ServerReport,
    StateSpan,
    SuspectReport,
    WaitShare,
)
from caelum_report.metrics import METRICS
from caelum_report.model import Status

from .bottleneck import SATURATED
from .commands import command
from .facts import PROBLEMS, Facts
from .latency import shortened
from .slowness import HOST_METRICS, PERIOD_DAYS, Cells, Slow, Slowness, Wait
from .times import moment

SHOWN_WAITS: Final = 5
SHOWN_SUSPECTS: Final = 4
_SHORT_OF: Final = {
    "host_cpu": "processor time",
    "host_iowait": "disk time",
    "host_steal": "processor time, which other machines took",
    "host_memory": "memory",
    "host_swap_in": "memory, and read it back from swap",
}


def bottlenecks(facts: Facts, slow: Slowness) -> Bottlenecks:
    episodes = tuple(sorted((_episode(facts, slow, one) for one in slow.slow), key=lambda one: one.end is not None))
    lasting = [one for one in episodes if one.end is None]
    quiet = "" if episodes else _quiet(facts, slow)
    often = "once" if len(episodes) == 1 else f"{words.spelled(len(episodes))} times"
    if lasting:
        heading = lasting[0].title
    elif episodes:
        heading = f"No bottleneck now; the fleet was slow {often} in {PERIOD_DAYS} days."
    elif slow.cells:
        heading = "No bottleneck in this period."
    else:
        heading = "Too little history to call anything slow."
    return Bottlenecks(
        heading=heading,
        lede=_lede(facts, slow),
        quiet=quiet,
        counted="Of real calls, counted by tool."
        if slow.real
        else "Real calls are not measured: every hour of every server counts as one call, timed by the probe.",
        waits=tuple(_share(facts, slow, wait) for wait in slow.waits[:SHOWN_WAITS]),
        episodes=episodes,
    )


def findings(facts: Facts, found: Bottlenecks) -> Iterator[Finding]:
    """Those that last, unless the state of the one to blame tells it already. What has ended is told by its unusual hours."""
    for episode in found.episodes:
        standing = facts.by_id.get(episode.server) if episode.server is not None else None
        if episode.end is not None or (standing is not None and standing.status in PROBLEMS):
            continue
        others = [facts.by_id[name].name for name in episode.servers if name != episode.server]
        yield Finding(
            id=f"bottleneck:{episode.server or ''}",
            kind="latency",
            word="Slow",
            status=Status.DEGRADED,
            title=episode.title,
            server=episode.server,
            page=f"bottlenecks.html#{episode.id}",
            since=episode.start,
            owner=standing.server.owner if standing and standing.server else None,
            evidence=episode.n,
            impact=f"{words.listing(others)} {'is' if len(others) == 1 else 'are'} slower with it." if others else "",
            cause=episode.evidence[0] if episode.evidence else "",
            wrong_if=episode.doubt,
            metric=episode.metric,
            command=command(facts, standing.id, "probe") if standing else shlex.join(["top", "-b", "-n", "1"]),
        )


def pictured(
    found: Bottlenecks, hosts: Sequence[HostReport], servers: Sequence[ServerReport], at: datetime
) -> Bottlenecks:
    """Each episode with the chart of its cause, from the day or the week in which it lies."""
    by_id = {server.id: server for server in servers}
    host = hosts[0].charts if hosts else ()

    def chart(episode: BottleneckReport) -> Chart | None:
        charts = host if episode.server is None else by_id[episode.server].charts
        recent = at - episode.start < timedelta(days=1)
        wanted = ("day", "week", "month") if recent else ("week", "month", "day")
        mine = {one.range: one for one in charts if one.metric == episode.metric and one.points.at}
        one = next((mine[name] for name in wanted if name in mine), None)
        if one is None:
            return None
        span = StateSpan(episode.start, episode.end or at, Status.DEGRADED)
        return replace(one, id=f"{episode.id}-{one.id}", spans=(span,), ghost=Points(), forecast=Points())

    return replace(found, episodes=tuple(replace(one, chart=chart(one)) for one in found.episodes))


_DOUBT: Final = {
    True: "the host was busy at the moment of the run only, or the servers slowed for another reason at the same time.",
    False: "what it calls is missing in the list of dependencies, or the way between us and it was slow: probes time short "
    "requests, not real calls.",
}


def _metric(facts: Facts, slow: Slowness, one: Slow) -> str:
    """The figure of the host that stands farthest above its limit, as a share of what is left to it."""
    over = {
        metric: (now - SATURATED[name]) / max(100 - SATURATED[name], 1)
        for metric, name in HOST_METRICS.items()
        if (found := _of_host(facts, slow, one, metric)) is not None and (now := found[1]) > SATURATED[name]
    }
    return max(over, key=lambda metric: (min(over[metric], 1.0), metric), default="host_cpu")


# --- one episode ----------------------------------------------------------------------------------------------------


def _episode(facts: Facts, slow: Slowness, one: Slow) -> BottleneckReport:
    cells = _cells(slow)
    start, end = moment(float(cells.begins[one.begin])), moment(float(cells.begins[one.end]) + cells.step)
    server, tool = _blamed(facts, cells, one)
    standing = None if server is None else facts.by_id[server]
    when = _when(facts, start, None if one.lasts else end)
    metric = "latency" if standing else _metric(facts, slow, one)
    if standing is None:
        name = text.visible(facts.snapshot.host, 60)
        number = f"{len(one.stretches)} of {words.plural(len(cells.servers), 'server')}"
        title = f"{name} {'is' if one.lasts else 'was'} short of {_SHORT_OF[metric]} {when}; {number} {'are' if one.lasts else 'were'} slower."
    else:
        name = standing.name
        subject = f"{text.visible(tool, 60)} of {name}" if tool else name
        title = f"{subject} {'takes' if one.lasts else 'took'} {_longer(cells, one, standing.id)} to answer {when}."
    total = float(np.nansum(np.maximum(cells.excess, 0)))
    return BottleneckReport(
        id=f"slow-{start:%Y%m%dT%H%MZ}-{one.stretches[0].server}",
        title=title,
        start=start,
        end=None if one.lasts else end,
        cause=name,
        server=server,
        metric=metric,
        page="host.html" if standing is None else f"{standing.page}#latency",
        servers=tuple(cells.servers[stretch.server] for stretch in one.stretches),
        extra_share=min(one.excess / total, 1.0) if total else 0.0,
        evidence=tuple(_evidence(facts, slow, one, server)),
        suspects=tuple(_suspects(facts, one)),
        n=f"{words.plural(one.end - one.begin + 1, 'hour' if cells.step == 3600 else 'cell')}, "
        f"{words.plural(_requests(facts, one, cells), 'request')}",
        doubt=_DOUBT[standing is None],
    )


def _blamed(facts: Facts, cells: Cells, one: Slow) -> tuple[str | None, str]:
    """The first suspect: a server and perhaps its tool, or the host (None)."""
    if one.suspects:
        first = one.suspects[0].entity
        if not first:
            return None, ""
        if first in facts.by_id:
            return first, ""
        server, _, tool = first.rpartition("/")
        if server in facts.by_id:
            return server, tool
    return cells.servers[one.stretches[0].server], ""


def _when(facts: Facts, start: datetime, end: datetime | None) -> str:
    since = words.moment(start, facts.at, facts.zone)
    if end is None:
        return f"since {since}"
    same = words.local(start, facts.zone).date() == words.local(end, facts.zone).date()
    until = words.clock(end, facts.zone) if same else words.moment(end, facts.at, facts.zone)
    return f"from {since} to {until}"


def _before_and_now(cells: Cells, one: Slow, server: str) -> tuple[float, float]:
    """Usual and real seconds of one request of a server over the episode."""
    place = cells.servers.index(server)
    rows = slice(one.begin, one.end + 1)
    return float(np.nanmean(cells.usual[rows, place])), float(np.nanmean(cells.latency[rows, place]))


def _longer(cells: Cells, one: Slow, server: str) -> str:
    before, now = _before_and_now(cells, one, server)
    return f"{words.seconds(now)} instead of {words.seconds(before)}"


def _evidence(facts: Facts, slow: Slowness, one: Slow, server: str | None) -> Iterator[str]:
    cells = _cells(slow)
    if server is None:
        metric = _metric(facts, slow, one)
        found = _of_host(facts, slow, one, metric)
        if found is not None:
            usual, high = (words.quantity(value, METRICS[metric].unit) for value in found)
            yield f"{METRICS[metric].title} stood at {high}; usual is {usual}."
        times = [now / before for name in _names(cells, one) for before, now in [_before_and_now(cells, one, name)]]
        slower = words.significant(float(np.median(times)), 2)
        yield f"{words.plural(len(times), 'server')} took longer, the middle one {slower} times its usual."
        return
    before, now = _before_and_now(cells, one, server)
    name = facts.by_id[server].name
    yield f"{name} took {words.significant(now / before, 2)} times its usual: {words.seconds(before)} → {words.seconds(now)}."
    above = [
        facts.by_id[caller].name
        for caller in _names(cells, one)
        if (standing := facts.by_id[caller]).server and server in standing.server.depends_on
    ]
    if above:
        yield f"{words.listing(above)}, which {'calls' if len(above) == 1 else 'call'} it, took longer too."
    others = [facts.by_id[other].name for other in _names(cells, one) if other != server]
    if others and not above:
        yield f"{words.listing(others)} took longer at the same time."
    metric = _metric(facts, slow, one)
    found = _of_host(facts, slow, one, metric)
    if found is not None and found[1] > SATURATED[HOST_METRICS[metric]] and found[1] > 1.15 * found[0]:
        usual, high = (words.quantity(value, METRICS[metric].unit) for value in found)
        yield f"{METRICS[metric].title} of the host stood at {high}; usual is {usual}."


def _names(cells: Cells, one: Slow) -> list[str]:
    return [cells.servers[stretch.server] for stretch in one.stretches]


def _of_host(facts: Facts, slow: Slowness, one: Slow, metric: str) -> tuple[float, float] | None:
    """Median of a figure of the host over the past three weeks, and its mean over the episode."""
    column = facts.readings.column("", metric)
    if column is None:
        return None
    values = column.to_numpy(np.float64)[-len(_cells(slow).begins) :]
    now = values[one.begin : one.end + 1]
    if not np.isfinite(now).any():
        return None
    return float(np.nanmedian(values)), float(np.nanmean(now))


def _suspects(facts: Facts, one: Slow) -> Iterator[SuspectReport]:
    for suspect in one.suspects[:SHOWN_SUSPECTS]:
        server = suspect.entity if suspect.entity in facts.by_id else suspect.entity.rpartition("/")[0]
        standing = facts.by_id.get(server)
        name = text.visible(suspect.entity or facts.snapshot.host, 80)
        page = "host.html" if not suspect.entity else standing.page if standing else None
        yield SuspectReport(name, page, shortened(suspect.score), text.brief(suspect.evidence, 300))


def _requests(facts: Facts, one: Slow, cells: Cells) -> int:
    """Timed requests to the slow servers within the episode."""
    start, end = float(cells.begins[one.begin]), float(cells.begins[one.end]) + cells.step
    count = 0
    for name in _names(cells, one):
        rows = facts.checks.between(facts.by_id[name].index, start - 1e-3, end - 1e-3)
        count += int(facts.checks.offsets[rows.stop] - facts.checks.offsets[rows.start])
    return count


# --- all of them ----------------------------------------------------------------------------------------------------


def _share(facts: Facts, slow: Slowness, wait: Wait) -> WaitShare:
    standing = facts.by_id[wait.server]
    whole = sum(other.seconds for other in slow.waits)
    extra = sum(other.extra for other in slow.waits)
    each = wait.seconds / wait.calls if wait.calls else wait.seconds
    return WaitShare(
        name=f"{text.visible(wait.tool, 60)} of {standing.name}" if wait.tool else standing.name,
        server=wait.server,
        page=f"{standing.page}#latency",
        calls=wait.calls,
        usual_seconds=shortened(wait.usual),
        seconds=shortened(each),
        share=shortened(wait.seconds / whole) if whole else 0.0,
        extra_share=shortened(wait.extra / extra) if extra and slow.cells else None,
        n=wait.n,
    )


def _lede(facts: Facts, slow: Slowness) -> str:
    if not slow.waits:
        return "Nothing was timed yet."
    top = slow.waits[: min(SHOWN_WAITS, len(slow.waits))]
    whole = sum(wait.seconds for wait in slow.waits)
    share = words.percent(sum(wait.seconds for wait in top) / whole, 0) if whole else ""
    if len(slow.waits) <= SHOWN_WAITS:
        return f"{words.plural(len(slow.waits), 'server')} timed; {facts.by_id[top[0].server].name} takes longest."
    what = "tools" if slow.real else "servers"
    return f"Five of {words.count(len(slow.waits))} {what} account for {share} of all waiting; {facts.by_id[top[0].server].name} leads."


def _quiet(facts: Facts, slow: Slowness) -> str:
    """No bottleneck in this period, with the numbers that say so."""
    if slow.cells is None:
        return "Bottlenecks can be told after a day of history: what is usual is not known yet."
    cells = slow.cells
    late = slice(cells.first, None)
    times = cells.latency[late] / cells.usual[late]
    number = int(np.isfinite(times).sum())
    said = f"No bottleneck in this period: none of {words.count(number)} hours of {words.plural(len(cells.servers), 'server')} stands out."
    if not number:
        return said
    place = int(np.nanargmax(np.where(np.isfinite(cells.sigmas[late]), times, -np.inf)))
    row, column = np.unravel_index(place, times.shape)
    when = words.moment(moment(float(cells.begins[cells.first + row])), facts.at, facts.zone)
    who = facts.by_id[cells.servers[int(column)]].name
    said += f" The slowest was {who} at {when}, {words.significant(float(times[row, column]), 2)} times its usual."
    busiest = facts.readings.column("", "host_cpu")
    if busiest is not None and np.isfinite(busiest.to_numpy(np.float64)).any():
        most = float(np.nanmax(busiest.to_numpy(np.float64)[-len(times) :]))
        said += f" The busiest hour of the host had {words.percent(most / 100, 0)} of its CPU in use."
    return said


def _cells(slow: Slowness) -> Cells:
    assert slow.cells is not None
    return slow.cells
