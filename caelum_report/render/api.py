"""The files for programs: servers, series and the latest report as JSON and CSV. Times are RFC 3339 in UTC, durations seconds.

JSON is ASCII: whatever an identifier holds, it is escaped, and no byte of these files can disorder a terminal.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from caelum_report import metrics
from caelum_report.dashboards import DashboardReport
from caelum_report.document import Chart, Latency, Report, ServerReport, SourceReport, ToolReport, UsageReport
from caelum_report.text import guarded
from caelum_report.words import stamp

from . import alarms_api
from .pages.view import host_slug

if TYPE_CHECKING:
    from .page_one import PageOne


def files(report: Report) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Path and maker of each file; they are made one by one, so that one that fails does not cost the others."""
    head = _head(report)
    yield "latest.json", lambda: to_bytes(latest(report))
    yield "api/v1/servers.json", lambda: to_bytes({**head, "servers": [server(s) for s in report.servers]})
    yield "api/v1/sources.json", lambda: to_bytes({**head, "sources": [source(report, s) for s in report.sources]})
    yield "api/v1/findings.json", lambda: to_bytes({**head, **findings(report)})
    if report.fleet_charts:
        yield "api/v1/fleet.json", partial(_series_file, head, report.fleet_charts)
        yield "api/v1/fleet.csv", partial(table, report.fleet_charts)
    if report.token_charts:
        yield "api/v1/tokens.csv", partial(table, report.token_charts)
    yield "api/v1/readiness.json", lambda: to_bytes({**head, **readiness(report)})
    yield "api/v1/bottlenecks.json", lambda: to_bytes({**head, **bottlenecks(report)})
    yield "api/v1/forecasts.json", lambda: to_bytes({**head, **forecasts(report)})
    yield "api/v1/usage.json", lambda: to_bytes({**head, **usage(report.usage)})
    yield "api/v1/usage.csv", lambda: usage_table(report.usage)
    yield "api/v1/usage/calls.csv", lambda: table(report.usage.charts)
    yield "api/v1/alerts.json", lambda: to_bytes({**head, **alarms_api.alerts(report)})
    yield "api/v1/slo.json", lambda: to_bytes({**head, **alarms_api.slo(report)})
    yield "api/v1/slo.csv", lambda: alarms_api.ledger_csv(report)
    for own in report.dashboards:
        charts = tuple(chart for chart in report.dashboard_charts if chart.id.startswith(f"{own.name}-"))
        yield f"api/v1/dashboards/{own.name}.json", partial(_dashboard_file, head, own, charts)
        yield f"api/v1/dashboards/{own.name}.csv", partial(table, charts)
    for one in report.servers:
        yield f"api/v1/servers/{one.slug}.json", partial(_server_file, head, report, one)
        yield f"api/v1/metrics/{one.slug}.json", partial(_series_file, {**head, "id": one.id}, one.charts)
        yield f"api/v1/metrics/{one.slug}.csv", partial(table, one.charts)
    for host in report.hosts:
        path = f"api/v1/metrics/hosts/{host_slug(host)}"
        yield f"{path}.json", partial(_series_file, {**head, "host": host.name}, host.charts)
        yield f"{path}.csv", partial(table, host.charts)


def _head(report: Report) -> dict[str, Any]:
    return {"report": report.id, "number": report.number, "at": stamp(report.at), "fleet": report.fleet}


def dashboard(report: Report, page: PageOne) -> bytes:
    return to_bytes({**_head(report), **alarms_api.plain(asdict(page))})


def _server_file(head: dict[str, Any], report: Report, one: ServerReport) -> bytes:
    return to_bytes({**head, "server": whole_server(report, one)})


def _dashboard_file(head: dict[str, Any], own: DashboardReport, charts: Iterable[Chart]) -> bytes:
    return to_bytes({**head, "dashboard": asdict(own), "series": _series(charts)})


def _series_file(head: dict[str, Any], charts: Iterable[Chart]) -> bytes:
    return to_bytes({**head, "series": _series(charts)})


def to_bytes(value: Any) -> bytes:
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
        **_fields(one, IDENTITY),
        "latency_seconds": {stage.name: stage.seconds for stage in one.stages},
        "answer_seconds": _latency(one.latency_now),
        "answer_seconds_day": _latency(one.latency_day),
        "tools": len(one.tools),
        "resources": len(one.resources),
        "prompts": len(one.prompts),
        "uptime": {uptime.range: uptime.share for uptime in one.uptime},
        **_fields(one, FIGURES),
    }


def source(report: Report, one: SourceReport) -> dict[str, Any]:
    """How it answered, and every figure that it gives, with the values of 24 hours."""
    return {
        "name": one.name,
        "kind": one.kind,
        "endpoint": one.endpoint,
        "failure": one.failure,
        "reason": one.reason,
        "seconds": one.seconds,
        "figures": one.figures,
        "succeeded_at": _at(one.succeeded_at),
        "failing_since": _at(one.failing_since),
        "notes": [{"code": note.code, "text": note.text} for note in one.notes],
        "errors": [
            {
                "subject": error.subject,
                "server": error.server,
                "text": error.text,
                "count": error.count,
                "day": error.day,
                "first_at": stamp(error.first_at),
                "last_at": stamp(error.last_at),
                "new": error.is_new,
            }
            for error in report.errors
            if error.source == one.name
        ],
        "series": [
            {
                "metric": figure.metric,
                "subject": figure.subject,
                "server": figure.server,
                "labels": figure.labels,
                "unit": figure.unit,
                "counter": figure.counter,
                "value": figure.value,
                "raw": figure.raw,
                "at": stamp(figure.at),
                "n": figure.n,
                "min": figure.lowest,
                "mean": figure.mean,
                "max": figure.highest,
                "points": {"at": [_unix(at) for at in figure.spark.at], "value": figure.spark.mid},
            }
            for figure in report.series
            if figure.source == one.name
        ],
    }


def readiness(report: Report) -> dict[str, Any]:
    """Who speaks which revision, and what each has to change for the newest."""
    ready = report.readiness
    return {
        "sentence": ready.sentence,
        "revisions": ready.revisions,
        "servers": [
            {
                "id": server.server,
                "era": server.era,
                "protocol_version": server.protocol_version,
                "speaks": dict(zip(ready.revisions, server.revisions, strict=True)),
                "rules": server.rules,
            }
            for server in ready.servers
        ],
        "rules": [_fields(rule, ("code", "title", "change", "source", "must", "servers")) for rule in ready.rules],
    }


def bottlenecks(report: Report) -> dict[str, Any]:
    found = report.bottlenecks
    return {
        "heading": found.heading,
        "counted": found.counted,
        "waits": [_fields(wait, WAIT) for wait in found.waits],
        "episodes": [
            {
                **_fields(episode, SLOW),
                "suspects": [_fields(suspect, ("name", "score", "evidence")) for suspect in episode.suspects],
            }
            for episode in found.episodes
        ],
    }


def forecasts(report: Report) -> dict[str, Any]:
    """What looms, what this report foretold (once a day), and how earlier forecasts came out."""
    return {
        "looming": [_fields(item, ("what", "earliest", "latest", "when", "record")) for item in report.looming],
        "made": [_fields(forecast, FORECAST) for forecast in report.forecasts],
        "record": [_fields(record, RECORD) for record in report.records],
    }


def usage(found: UsageReport) -> dict[str, Any]:
    """Real calls of 30 days, by server and tool; the week has Monday first and local hours."""
    return {
        "start": _at(found.start),
        "calls": found.calls,
        "errors": found.errors,
        "servers": [_fields(each, USAGE_OF_SERVER) for each in found.servers],
        "tools": [_fields(each, USAGE_OF_TOOL) for each in found.tools],
        "week": found.week,
        "together": [_fields(each, TOGETHER) for each in found.together],
        "series": _series(found.charts),
    }


def usage_table(found: UsageReport) -> bytes:
    """One line a tool that was called."""
    sources = {server.server: server.source for server in found.servers}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("server", "tool", "source", "calls", "errors", "seconds", "p50", "p95", "max_seconds", "last"))
    for tool in found.tools:
        figures = (tool.seconds, tool.p50, tool.p95, tool.max_seconds)
        source = sources.get(tool.server, "")
        writer.writerow(
            (guarded(tool.server), guarded(tool.tool), source, tool.calls, tool.errors, *figures, stamp(tool.last))
        )
    return text.getvalue().encode()


def whole_server(report: Report, one: ServerReport) -> dict[str, Any]:
    """All that its page shows, and the schemas of its tools."""
    mine = set(one.findings)
    return {
        **server(one),
        **_fields(one, DETAILS),
        "resource_list": one.resources,
        "prompt_list": one.prompts,
        "tool_list": [_tool(item) for item in one.tools],
        "process": _fields(one, PROCESS),
        "instances": {
            "count": one.instances,
            "rss_bytes": one.instances_rss_bytes,
            "oldest_seconds": one.instances_oldest_seconds,
        },
        "stages": [_fields(stage, STAGE) for stage in one.stages],
        "uptime_accounting": [_fields(uptime, UPTIME) for uptime in one.uptime],
        "days": [_fields(day, ("date", "status", "up_share")) for day in one.strip],
        "episodes": [_fields(episode, EPISODE) for episode in one.episodes],
        "contract": [_fields(change, CONTRACT) for change in one.contract],
        "pin": _fields(one.pin, ("at", "sha256", "holds")) if one.pin else None,
        "remarks": [_fields(remark, ("tool", "what", "where", "excerpt")) for remark in one.remarks],
        "findings": [_fields(finding, FINDING) for finding in report.findings if finding.id in mine],
        "notes": [_fields(note, ("code", "text")) for note in (*one.notes, *one.risks)],
    }


def findings(report: Report) -> dict[str, Any]:
    """Every finding, and how many of those about series are expected to be nothing."""
    return {
        "findings": [{**_fields(finding, FINDING), "server": finding.server} for finding in report.findings],
        "judging": _fields(report.judging, JUDGING),
    }


def _tool(item: ToolReport) -> dict[str, Any]:
    return {
        **_fields(item.tool, TOOL),
        "annotations": dict(item.tool.annotations),
        **_fields(item, ("first_seen", "changed_at")),
    }


def _latency(latency: Latency | None) -> dict[str, Any] | None:
    return None if latency is None else _fields(latency, ("p50", "p95", "max", "n"))


# The keys are public contract, in this order; each is an attribute of the part of the Report that it comes from.
IDENTITY: Final = (
    *("id", "name", "slug", "host", "transport", "endpoint", "era", "protocol_version", "supported_versions"),
    *("status", "failure", "stage", "reason", "since", "checked_at", "checked_now", "group", "owner"),
)
FIGURES: Final = ("total_seconds", "tokens", "rss_bytes", "objective", "certificate_expires_at", "retired")
DETAILS: Final = (
    *("server_name", "server_version", "capabilities", "surface_sha256", "depends_on", "needed_by"),
    *("stderr_lines", "stderr_tail", "exit_status"),
)
PROCESS: Final = ("rss_bytes", "cpu_seconds", "threads", "open_files", "processes")
STAGE: Final = ("name", "outcome", "start_seconds", "seconds", "usual_seconds", "slow", "detail")
TOOL: Final = ("name", "title", "description", "schema", "output_schema", "bytes", "tokens", "sha256")
UPTIME: Final = (
    *("range", "up_seconds", "down_seconds", "excluded_seconds", "unknown_seconds"),
    *("share", "checks"),
)
EPISODE: Final = ("status", "failure", "start", "end", "seconds", "reason")
CONTRACT: Final = ("at", "report", "severity", "title", "removed", "added", "tokens", "pinned", "approved_at")
USAGE_OF_SERVER: Final = (
    *("server", "source", "since", "calls", "calls_before", "errors", "seconds", "p50", "p95", "max_seconds", "used"),
    *("unused", "unused_tokens", "drift", "drift_chance"),
)
USAGE_OF_TOOL: Final = ("server", "tool", "calls", "errors", "seconds", "p50", "p95", "max_seconds", "last")
TOGETHER: Final = ("first_server", "first_tool", "second_server", "second_tool", "hours", "expected")
FINDING: Final = (
    *("id", "kind", "status", "title", "since", "owner", "evidence", "chance"),
    *("impact", "cause", "wrong_if", "advice", "command", "needs_action", "metric", "preliminary", "page"),
)
JUDGING: Final = (
    *("series", "not_assessed", "tests", "found", "expected_false", "watched", "unusual", "expected_unusual"),
    "sentence",
)

WAIT: Final = ("name", "server", "calls", "usual_seconds", "seconds", "share", "extra_share", "n")
SLOW: Final = (
    *("id", "title", "start", "end", "cause", "server", "metric", "servers", "extra_share", "evidence", "n", "doubt"),
)
FORECAST: Final = (*("subject", "metric", "due_at", "level", "lower", "mean", "upper", "limit", "naive", "widened"),)
RECORD: Final = ("metric", "kind", "level", "n", "held", "pending", "skill", "widened", "silent")


def _fields(part: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(getattr(part, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    return value.isoformat() if isinstance(value, date) else value


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
