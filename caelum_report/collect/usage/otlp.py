"""Files of the OpenTelemetry collector (its file exporter's JSON lines): MCP's duration histograms, from which calls follow.

    {"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name", …}]}, "scopeMetrics": [{"metrics": [
      {"name": "mcp.server.operation.duration", "histogram": {"aggregationTemporality": 2, "dataPoints": [{…}]}}]}]}]}

The server is the resource's `service.name`. A cumulative series counts from its own start; each point tells its time.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from caelum_report.configured import Config
from caelum_report.follow import Followed

from .counters import SOURCE, Shown, add
from .names import Names
from .reading import Read, Tally, told

_BOOKMARKS: Final = "otlp"
_BUDGET_BYTES: Final = 200_000_000
_METRIC: Final = "mcp.server.operation.duration"
_CUMULATIVE: Final = {2, "AGGREGATION_TEMPORALITY_CUMULATIVE"}
_SERIES: Final = 500  # of a file whose last point is remembered

_Last = dict[str, tuple[str, float, Shown]]  # a series -> its start, the time of its last point, what that showed


@dataclass(frozen=True, slots=True)
class _Point:
    series: str
    server: str
    tool: str
    start: str
    at: float
    shown: Shown
    cumulative: bool


def read(config: Config, names: Names, bookmarks: Mapping[tuple[str, str], str], now: float) -> Read:
    files = sorted({Path(name) for said in config.usage.otlp_files for name in glob.glob(said)})  # noqa: PTH207 - absolute
    followed = Followed(_BOOKMARKS, bookmarks, files, rotates=True, budget_bytes=_BUDGET_BYTES, now=now)
    tally, failures = Tally(), []
    for path in files:
        try:
            if path.is_file() and not followed.is_unchanged(path):
                _read_one(path, followed, names, tally)
        except OSError as error:
            failures.append(error)
    return Read(tally.rows(SOURCE), tuple(followed.moved()), told("OpenTelemetry files", failures))


def _read_one(path: Path, followed: Followed, names: Names, tally: Tally) -> None:
    last: _Last = {
        series: (start, at, _remembered(figures, buckets))
        for series, start, at, figures, buckets in followed.more(path) or ()
    }
    for block in followed.new(path):
        for line in block.splitlines():
            for point in _points(line):
                _count(point, last, names, tally, followed.closed)
    kept = list(last.items())[-_SERIES:]
    followed.keep(
        path,
        [[series, start, at, [s.calls, s.errors, s.seconds], s.buckets] for series, (start, at, s) in kept] or None,
    )


def _remembered(figures: list[float], buckets: list[tuple[float, float]]) -> Shown:
    calls, errors, seconds = figures
    return Shown(calls, errors, seconds, tuple((bound, count) for bound, count in buckets))


def _count(point: _Point, last: _Last, names: Names, tally: Tally, closed: float) -> None:
    start, since, before = last.get(point.series, ("", 0.0, Shown()))
    if not point.cumulative or start != point.start:
        since, before = _seconds(point.start) or point.at, Shown()
    if point.cumulative:
        last.pop(point.series, None)  # the latest stand at the end
        last[point.series] = (point.start, point.at, point.shown)
    if point.at > closed:
        add(
            tally, (since + point.at) / 2, names.server(point.server), names.tool(point.tool), point.shown.since(before)
        )


def _points(line: bytes) -> Iterator[_Point]:
    if _METRIC.encode() not in line:
        return
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(line)
    with suppress(TypeError, ValueError, KeyError, AttributeError):  # what is not as documented ends its line
        for resource in said.get("resourceMetrics", ()):
            server = _attributes(resource.get("resource", {})).get("service.name", "")
            for scope in resource.get("scopeMetrics", ()):
                for metric in scope.get("metrics", ()):
                    if metric.get("name") == _METRIC:
                        yield from _of_metric(metric["histogram"], server)


def _of_metric(histogram: Mapping[str, Any], server: str) -> Iterator[_Point]:
    cumulative = histogram.get("aggregationTemporality") in _CUMULATIVE
    for point in histogram.get("dataPoints", ()):
        attributes = _attributes(point)
        at = _seconds(point["timeUnixNano"])
        if attributes.get("mcp.method.name") != "tools/call" or at is None:
            continue
        calls = min(float(point["count"]), 1e15)
        failed = calls if attributes.get("error.type") else 0.0
        yield _Point(
            series=json.dumps([server, sorted(attributes.items())])[:1_000],
            server=server or "(no name)",
            tool=attributes.get("gen_ai.tool.name") or "(all tools)",
            start=str(point.get("startTimeUnixNano", ""))[:30],
            at=at,
            shown=Shown(calls, failed, float(point.get("sum") or 0.0), _cumulated(point)),
            cumulative=cumulative,
        )


def _cumulated(point: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    """OTLP counts each bucket for itself; the last one is open."""
    bounds = [*map(float, point.get("explicitBounds", ())), float("inf")]
    counts = [float(count) for count in point.get("bucketCounts", ())]
    below, found = 0.0, []
    for bound, count in zip(bounds, counts, strict=False):
        below += count
        found.append((bound, below))
    return tuple(found)


def _attributes(holder: Mapping[str, Any]) -> dict[str, str]:
    pairs = ((each["key"], each.get("value", {})) for each in holder.get("attributes", ()))
    return {str(key): str(value.get("stringValue", next(iter(value.values()), ""))) for key, value in pairs}


def _seconds(nanoseconds: object) -> float | None:
    """Of this century; None for anything else."""
    with suppress(ValueError, TypeError):
        seconds = int(str(nanoseconds)) / 1e9
        return seconds if 9e8 < seconds < 4e9 else None
    return None
