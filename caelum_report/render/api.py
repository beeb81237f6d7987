"""The files for programs: servers, series and the latest report as JSON and CSV. Times are RFC 3339 in UTC, durations seconds.

JSON is ASCII: whatever an identifier holds, it is escaped, and no byte of these files can disorder a terminal.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache, partial
from typing import Any

from caelum_report import metrics
from caelum_report.document import Chart, Latency, Report, ServerReport
from caelum_report.words import stamp

from .pages.view import host_slug


def files(report: Report) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Path and maker of each file; they are made one by one, so that one that fails does not cost the others."""
    head = {"report": report.id, "number": report.number, "at": stamp(report.at), "fleet": report.fleet}
    yield "latest.json", lambda: _json(latest(report))
    yield "api/v1/servers.json", lambda: _json({**head, "servers": [server(s) for s in report.servers]})
    for one in report.servers:
        yield f"api/v1/servers/{one.slug}.json", partial(_server_file, head, report, one)
        yield f"api/v1/metrics/{one.slug}.json", partial(_series_file, {**head, "id": one.id}, one.charts)
        yield f"api/v1/metrics/{one.slug}.csv", partial(table, one.charts)
    for host in report.hosts:
        path = f"api/v1/metrics/hosts/{host_slug(host)}"
        yield f"{path}.json", partial(_series_file, {**head, "host": host.name}, host.charts)
        yield f"{path}.csv", partial(table, host.charts)


def _server_file(head: dict[str, Any], report: Report, one: ServerReport) -> bytes:
    return _json({**head, "server": whole_server(report, one)})


def _series_file(head: dict[str, Any], charts: Iterable[Chart]) -> bytes:
    return _json({**head, "series": _series(charts)})


def _json(value: Any) -> bytes:
    return (
        json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("\x7f", "\\u007f").encode()
    )


def _at(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def latest(report: Report) -> dict[str, Any]:
    """Small enough to be asked for every minute."""
    return {
        "id": report.id,
        "number": report.number,
        "at": stamp(report.at),
        "next_due": _at(report.next_due),
        "old_after": _at(report.old_after),
        "demo": report.demo,
        "fleet": report.fleet,
        "verdict": report.verdict.sentence,
        "status": report.verdict.status,
        "tally": {str(status): number for status, number in report.tally},
        "needs_action": sum(finding.needs_action for finding in report.findings),
        "previous": report.previous.id if report.previous else None,
    }


def server(one: ServerReport) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "slug": one.slug,
        "host": one.host,
        "transport": one.transport,
        "endpoint": one.endpoint,
        "era": one.era,
        "protocol_version": one.protocol_version,
        "supported_versions": one.supported_versions,
        "status": one.status,
        "failure": one.failure,
        "stage": one.stage,
        "reason": one.reason,
        "since": _at(one.since),
        "checked_at": _at(one.checked_at),
        "checked_now": one.checked_now,
        "group": one.group,
        "owner": one.owner,
        "latency_seconds": {stage.name: stage.seconds for stage in one.stages},
        "answer_seconds": _latency(one.latency_now),
        "answer_seconds_day": _latency(one.latency_day),
        "total_seconds": one.total_seconds,
        "tools": len(one.tools),
        "resources": len(one.resources),
        "prompts": len(one.prompts),
        "tokens": one.tokens,
        "rss_bytes": one.rss_bytes,
        "uptime": {uptime.range: uptime.share for uptime in one.uptime},
        "objective": one.objective,
        "certificate_expires_at": _at(one.certificate_expires_at),
        "retired": one.retired,
    }


def _latency(latency: Latency | None) -> dict[str, Any] | None:
    if latency is None:
        return None
    return {"p50": latency.p50, "p95": latency.p95, "max": latency.max, "n": latency.n}


def whole_server(report: Report, one: ServerReport) -> dict[str, Any]:
    """All that its page shows, and the schemas of its tools."""
    mine = set(one.findings)
    return {
        **server(one),
        "server_name": one.server_name,
        "server_version": one.server_version,
        "capabilities": one.capabilities,
        "stages": [
            {
                "name": stage.name,
                "outcome": stage.outcome,
                "start_seconds": stage.start_seconds,
                "seconds": stage.seconds,
                "usual_seconds": stage.usual_seconds,
                "slow": stage.slow,
                "detail": stage.detail,
            }
            for stage in one.stages
        ],
        "tool_list": [
            {
                "name": item.tool.name,
                "title": item.tool.title,
                "description": item.tool.description,
                "schema": item.tool.schema,
                "output_schema": item.tool.output_schema,
                "annotations": dict(item.tool.annotations),
                "bytes": item.tool.bytes,
                "tokens": item.tool.tokens,
                "sha256": item.tool.sha256,
                "first_seen": _at(item.first_seen),
                "changed_at": _at(item.changed_at),
            }
            for item in one.tools
        ],
        "resource_list": one.resources,
        "prompt_list": one.prompts,
        "surface_sha256": one.surface_sha256,
        "process": {
            "rss_bytes": one.rss_bytes,
            "cpu_seconds": one.cpu_seconds,
            "threads": one.threads,
            "open_files": one.open_files,
            "processes": one.processes,
        },
        "instances": {
            "count": one.instances,
            "rss_bytes": one.instances_rss_bytes,
            "oldest_seconds": one.instances_oldest_seconds,
        },
        "uptime_accounting": [
            {
                "range": uptime.range,
                "up_seconds": uptime.up_seconds,
                "down_seconds": uptime.down_seconds,
                "excluded_seconds": uptime.excluded_seconds,
                "unknown_seconds": uptime.unknown_seconds,
                "share": uptime.share,
                "checks": uptime.checks,
            }
            for uptime in one.uptime
        ],
        "days": [{"date": day.date.isoformat(), "status": day.status, "up_share": day.up_share} for day in one.strip],
        "episodes": [
            {
                "status": episode.status,
                "failure": episode.failure,
                "start": stamp(episode.start),
                "end": _at(episode.end),
                "seconds": episode.seconds,
                "reason": episode.reason,
            }
            for episode in one.episodes
        ],
        "contract": [
            {
                "at": stamp(change.at),
                "report": change.report,
                "severity": change.severity,
                "title": change.title,
                "removed": change.removed,
                "added": change.added,
                "tokens": change.tokens,
            }
            for change in one.contract
        ],
        "findings": [
            {
                "id": finding.id,
                "kind": finding.kind,
                "status": finding.status,
                "title": finding.title,
                "since": _at(finding.since),
                "owner": finding.owner,
                "evidence": finding.evidence,
                "chance": finding.chance,
                "impact": finding.impact,
                "cause": finding.cause,
                "advice": finding.advice,
                "command": finding.command,
                "needs_action": finding.needs_action,
            }
            for finding in report.findings
            if finding.id in mine
        ],
        "notes": [{"code": note.code, "text": note.text} for note in (*one.notes, *one.risks)],
        "depends_on": one.depends_on,
        "needed_by": one.needed_by,
        "stderr_lines": one.stderr_lines,
        "stderr_tail": one.stderr_tail,
        "exit_status": one.exit_status,
    }


def _series(charts: Iterable[Chart]) -> list[dict[str, Any]]:
    """Each series as columns of equal length; `low` and `high` may be empty."""
    return [
        {
            "metric": chart.metric,
            "title": chart.title,
            "unit": metrics.METRICS[chart.metric].unit,
            "subject": chart.subject,
            "range": chart.range,
            "start": stamp(chart.start),
            "end": stamp(chart.end),
            "interval_seconds": chart.interval_seconds,
            "n": chart.n,
            "source": chart.source,
            "band": chart.band,
            "at": [_unix(at) for at in chart.points.at],
            "value": chart.points.mid,
            "low": chart.points.low,
            "high": chart.points.high,
        }
        for chart in charts
    ]


@cache  # the charts of all servers share their times
def _unix(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def table(charts: Iterable[Chart]) -> bytes:
    """Every point of every chart, one a line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("metric", "unit", "subject", "range", "at", "value", "low", "high"))
    for chart in charts:
        points = chart.points
        low = points.low or ("",) * len(points.at)
        high = points.high or ("",) * len(points.at)
        subject = guarded(chart.subject)
        unit = metrics.METRICS[chart.metric].unit
        writer.writerows(
            (chart.metric, unit, subject, chart.range, _unix(at), value, least, most)
            for at, value, least, most in zip(points.at, points.mid, low, high, strict=True)
        )
    return text.getvalue().encode()


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20") else cell
