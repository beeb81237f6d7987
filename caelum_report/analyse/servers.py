"""A server's page and its line everywhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import numpy as np

from caelum_report import text, words
from caelum_report.document import (
    Chart,
    ContractChange,
    Day,
    Finding,
    Latency,
    Limit,
    PinReport,
    ServerReport,
    StageReport,
    ToolReport,
    Uptime,
)
from caelum_report.history import SurfaceVersion
from caelum_report.model import Failure, Status, Transport

from . import troubles as told
from .charts import Ahead, chart, ranges_of
from .facts import PROBLEMS, Facts, Standing, asked_again_at, last_met
from .judging import Marks, with_marks
from .latency import latency, shortened, spark, stages, usual_stage_seconds
from .times import DAY, RANGE_SECONDS
from .tracks import LONG_SERVER_METRICS, SERVER_METRICS, ServerRows, server_rows
from .uptime import STATUSES, episodes, incidents, run_before, strips, uptimes

K = TypeVar("K")
V = TypeVar("V")

_CONTRACT_SHOWN: Final = 20
LARGE_FLEET: Final = 200  # beyond it a steady server has fewer ranges: a report of a thousand would be 60 MB
_STEADY_RANGES: Final = {"day", "month", "year"}
_RECOVERED_SECONDS: Final = DAY  # a recovery is worth a word for so long
_WHOLE_MONTH: Final = 0.995  # measured; less than that is said


@dataclass(frozen=True, slots=True)
class _Past:
    """What was worked out for all servers at once, of one of them."""

    stages: tuple[StageReport, ...]
    uptime: tuple[Uptime, ...]
    strip: tuple[Day, ...]
    charts: tuple[Chart, ...]
    tools: tuple[ToolReport, ...]
    contract: tuple[ContractChange, ...]
    findings: tuple[str, ...]
    needed_by: tuple[str, ...]


def servers(
    facts: Facts, marks: Marks, found: Sequence[Finding], ahead: Mapping[tuple[str, str], Ahead]
) -> tuple[ServerReport, ...]:
    """Worst first; within a state the least steady month first; those that are no longer asked last."""
    usual, counts = usual_stage_seconds(facts.checks, len(facts.standings), facts.now)
    rows = server_rows(facts.checks)
    up, bars = uptimes(facts.ledger), strips(facts.ledger, facts.at, facts.zone)
    tools = _tool_history(facts.history.surfaces)
    finding_ids = _grouped((finding.server, finding.id) for finding in found if finding.server is not None)
    contract = _grouped((change.server, change) for change in facts.contract)
    needed_by = _grouped((name, s.id) for s in facts.current if s.server for name in dict.fromkeys(s.server.depends_on))
    reports = [
        _server(
            facts,
            standing,
            _Past(
                stages=stages(
                    standing.probe.stages if standing.probe else (), usual[standing.index], counts[standing.index]
                ),
                uptime=up[standing.index],
                strip=bars[standing.index],
                charts=tuple(_charts(facts, standing, rows, marks, ahead)),
                tools=_tools(standing, tools.get(standing.id, {})),
                contract=tuple(contract.get(standing.id, ())[:_CONTRACT_SHOWN]),
                findings=tuple(finding_ids.get(standing.id, ())),
                needed_by=tuple(needed_by.get(standing.id, ())),
            ),
        )
        for standing in facts.standings
    ]
    down = {report.id: next(u.down_seconds for u in report.uptime if u.range == "month") for report in reports}
    return tuple(sorted(reports, key=lambda r: (r.retired, STATUSES.index(r.status), -down[r.id], r.name, r.id)))


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _server(facts: Facts, standing: Standing, past: _Past) -> ServerReport:
    server, probe, index = standing.server, standing.probe, standing.index
    process = probe.process if probe else None
    instances = probe.instances if probe else None
    met = last_met(facts, standing)
    surface = standing.surface
    day, before = (
        latency(facts.checks.timings_of(facts.checks.between(index, end - DAY, end)))
        for end in (facts.now, facts.now - DAY)
    )
    usual = [stage.usual_seconds for stage in past.stages if stage.usual_seconds is not None]
    taken = [stage.seconds for stage in past.stages if stage.seconds is not None]
    return ServerReport(
        id=standing.id,
        name=standing.name,
        slug=standing.slug,
        host=text.visible((server.host if server else "") or facts.snapshot.host, 80),
        transport=standing.transport,
        endpoint=server.endpoint if server else "",
        era=met.era if met else None,
        protocol_version=met.protocol_version if met else None,
        supported_versions=met.supported_versions if met else (),
        status=standing.status,
        failure=standing.failure,
        stage=standing.stage,
        reason=standing.reason,
        lede=lede(facts, standing, past.uptime, day),
        why=why(facts, standing),
        since=standing.since,
        checked_at=standing.checked_at,
        checked_now=standing.checked_now,
        group=server.group if server else None,
        owner=server.owner if server else None,
        server_name=probe.server_name if probe else "",
        server_version=probe.server_version if probe else "",
        capabilities=probe.capabilities if probe else (),
        stages=past.stages,
        total_seconds=shortened(sum(taken)) if taken else None,
        usual_total_seconds=shortened(sum(usual)) if usual else None,
        latency_now=_now(standing),
        latency_day=day,
        latency_day_before=before,
        timing_method=probe.timing_method if probe else None,
        tools=past.tools,
        tokens=sum(tool.tokens for tool in surface.tools) if surface else 0,
        resources=surface.resources if surface else (),
        prompts=surface.prompts if surface else (),
        surface_sha256=surface.sha256 if surface else None,
        rss_bytes=process.rss_bytes if process else None,
        cpu_seconds=process.cpu_seconds if process else None,
        threads=process.threads if process else None,
        open_files=process.open_files if process else None,
        processes=process.processes if process else None,
        instances=instances.count if instances else None,
        instances_rss_bytes=instances.rss_bytes if instances else None,
        instances_oldest_seconds=instances.oldest_seconds if instances else None,
        certificate_expires_at=probe.certificate_expires_at if probe else None,
        stderr_lines=probe.stderr_lines if probe else 0,
        stderr_tail=probe.stderr_tail if probe else "",
        exit_status=probe.exit_status if probe else None,
        notes=probe.notes if probe else (),
        risks=server.risks if server else (),
        uptime=past.uptime,
        objective=server.objective if server else None,
        latency_objective_seconds=server.latency_objective_seconds if server else None,
        strip=past.strip,
        spark=spark(facts.checks, index, facts.now),
        episodes=episodes(facts.ledger, index),
        charts=past.charts,
        contract=past.contract,
        findings=past.findings,
        depends_on=server.depends_on if server else (),
        needed_by=past.needed_by,
        retired=standing.retired,
        remarks=facts.remarks.get(surface.sha256, ()) if surface else (),
        pin=_pin(facts, standing),
        asked_again_at=asked_again_at(facts, standing),
    )


def _pin(facts: Facts, standing: Standing) -> PinReport | None:
    pin = facts.pins.get(standing.id)
    if pin is None or pin.surface is None:
        return None
    sha256 = pin.surface.sha256
    return PinReport(pin.at, sha256, holds=standing.surface is None or standing.surface.sha256 == sha256)


def _now(standing: Standing) -> Latency | None:
    """Of the timings of this snapshot alone, or of the last look where this one was not due."""
    timings = standing.probe.timings_seconds if standing.probe else ()
    return latency(np.asarray(timings, np.float64))


# --- tools ----------------------------------------------------------------------------------------------------------

_Seen = dict[str, tuple[datetime, datetime | None, str]]  # tool -> first seen, last changed, hash


def _tool_history(versions: Sequence[SurfaceVersion]) -> Mapping[str, _Seen]:
    """When each tool of each server was first seen and last changed."""
    history: dict[str, _Seen] = defaultdict(dict)
    for version in versions:
        seen = history[version.server]
        for tool in version.surface.tools:
            known = seen.get(tool.name)
            if known is None:
                seen[tool.name] = (version.at, None, tool.sha256)
            elif known[2] != tool.sha256:
                seen[tool.name] = (known[0], version.at, tool.sha256)
    return history


def _tools(standing: Standing, seen: _Seen) -> tuple[ToolReport, ...]:
    if standing.surface is None:
        return ()
    nothing = (standing.checked_at, None, "")
    return tuple(ToolReport(tool, *seen.get(tool.name, nothing)[:2]) for tool in standing.surface.tools)


# --- charts ---------------------------------------------------------------------------------------------------------


def _charts(
    facts: Facts,
    standing: Standing,
    rows: ServerRows,
    marks: Marks,
    ahead: Mapping[tuple[str, str], Ahead],
) -> Iterable[Chart]:
    book = facts.ledger.rows(standing.index)
    first = float(facts.ledger.start[book[0]]) if book else facts.now
    ranges = ranges_of(facts.now - first)
    objective = standing.server.latency_objective_seconds if standing.server else None
    large = len(facts.standings) > LARGE_FLEET
    if large and standing.status is Status.UP and not _unsteady(facts, standing):
        ranges = [name for name in ranges if name in _STEADY_RANGES]
    long = {"latency"} if large else LONG_SERVER_METRICS
    for metric in SERVER_METRICS:
        track = rows.of(standing.index, metric)
        latency_chart = metric == "latency"
        if (
            not latency_chart
            and not len(track)
            and not any(len(facts.rolled.of(level, standing.id, metric)) for level in ("hour", "day"))
        ):
            continue
        for name in ranges if metric in long else ranges[:1]:
            span = facts.now - RANGE_SECONDS[name]
            yield chart(
                name,
                metric,
                track,
                facts.rolled,
                facts.now,
                subject=standing.name,
                key=standing.id,
                interval=facts.intervals[standing.id] if facts.run_seconds else 0.0,
                ghost=latency_chart or not large,
                limit=Limit(objective, "objective") if latency_chart and objective else None,
                spans=incidents(facts.ledger, standing.index, span, facts.now) if latency_chart else (),
                marks=with_marks(facts.marks, marks, standing.id, metric),
                ahead=ahead.get((standing.id, metric)),
            )


def _unsteady(facts: Facts, standing: Standing) -> bool:
    """Whether the last day had anything but `up`."""
    rows = facts.ledger.rows(standing.index)
    recent = facts.ledger.held[rows.start : rows.stop] > facts.now - DAY
    return bool((facts.ledger.status[rows.start : rows.stop][recent] != STATUSES.index(Status.UP)).any())


# --- sentences ------------------------------------------------------------------------------------------------------


def lede(facts: Facts, standing: Standing, uptime: Sequence[Uptime], day: Latency | None) -> str:
    """The page's answer: what it does now, and how the month was."""
    if standing.retired:
        last = (
            f" It was last asked on {words.moment(standing.checked_at, facts.at, facts.zone)}."
            if standing.checked_at
            else ""
        )
        retired = standing.id in facts.history.retired
        return (
            f"{'It was retired' if retired else 'The configuration no longer names it'}; its history stays here.{last}"
        )
    if standing.status in PROBLEMS and standing.failure is Failure.OK and standing.id not in facts.roots:
        reason = told.cause(facts, standing)
        return f"It answers, but its {reason[4:]}" if reason.startswith("Its ") else reason
    if standing.status in PROBLEMS:
        sentence = told.title(facts, standing).removeprefix(f"{standing.name} ")
        sentence = f"It {sentence}" if not sentence.startswith("The ") else sentence
        return f"{sentence} {told.cause(facts, standing)}".strip()
    if standing.status is Status.UNKNOWN:
        reason = text.brief(standing.reason, 200).rstrip(".")
        return f"Nothing is known of it now: {reason}." if reason else "Nothing is known of it now."
    if standing.status is Status.MAINTENANCE:
        return "It is in maintenance; this time is left out of its figures."
    answer = "A test start works" if standing.transport is Transport.STDIO else "It answers"
    month = next(u for u in uptime if u.range == "month")
    is_new = month.up_seconds + month.down_seconds < 3600
    if day is not None:
        span = "" if is_new else " in 24 hours"
        answer += f"; half of {words.plural(day.n, 'request')}{span} took {words.seconds(day.p50)} or less"
    if is_new:
        return f"{answer}. Its history has just begun."
    seconds = month.up_seconds + month.down_seconds
    whole = seconds >= _WHOLE_MONTH * 30 * 86_400
    measured = "30 days" if whole else f"{words.duration(seconds)} that were measured in 30 days"
    if month.down_seconds == 0:
        return f"{answer}. It was up for all of the {measured}."
    return f"{answer}. It was up {words.percent(month.share)} of the {measured}."


def why(facts: Facts, standing: Standing) -> str:
    """A few words beside the state; nothing where all is usual."""
    when = f" since {words.moment(standing.since, facts.at, facts.zone)}" if standing.since else ""
    if standing.retired:
        return "retired" if standing.id in facts.history.retired else "no longer configured"
    if standing.id in facts.roots:
        return f"needs {facts.by_id[facts.roots[standing.id]].name}"
    if standing.status in PROBLEMS:
        older = "" if standing.checked_now else f"; {_last_checked(facts, standing)}"
        return f"{told.short(standing)}{when}{older}"
    if standing.status is Status.UNKNOWN:
        if facts.snapshot.network_down and standing.server and standing.server.remote:
            return "our own network is down"
        return told.short(standing)
    if standing.status is Status.MAINTENANCE:
        return f"planned{when}"
    before = run_before(facts.ledger, standing.index)
    if before and before[0] in PROBLEMS and standing.run and facts.now - standing.run.start < _RECOVERED_SECONDS:
        return f"recovered {words.moment(standing.since or facts.at, facts.at, facts.zone)} after {words.duration(before[2] - before[1])}"
    fresh = next((c for c in facts.contract if c.server == standing.id), None)
    if fresh and facts.now - fresh.at.timestamp() < DAY and fresh.severity != "cosmetic":
        return f"tools changed at {words.moment(fresh.at, facts.at, facts.zone)}"
    return "" if standing.checked_now else _last_checked(facts, standing)


def _last_checked(facts: Facts, standing: Standing) -> str:
    return f"last checked {words.moment(standing.checked_at, facts.at, facts.zone)}" if standing.checked_at else ""
