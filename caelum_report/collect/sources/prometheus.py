"""PromQL against a Prometheus server, or one that answers like it (VictoriaMetrics, Mimir, Thanos)."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from caelum_report.model import Failure, Sample
from caelum_report.wire import Fault, HttpFault

from .asking import Answer, Asking, without_number
from .fetch import fetch_json, refused
from .mapping import number

_MOST_POINTS: Final = 10_000  # of a series in one answer; Prometheus gives 11,000
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_BARE: Final = {"unit": "count", "subject": None, "counter": False, "range": None, "step": 60.0}
_TARGETS: Final = (
    {**_BARE, "name": "targets", "query": "count(up)"},
    {**_BARE, "name": "targets_up", "query": "sum(up)"},
)
_OTEL: Final = '{__name__=~"mcp_server_operation_duration(_seconds)?_%s",mcp_method_name="tools/call"%s}'

# Real calls of MCP tools, as gateways and servers publish them: counters by server and tool. What only probes make
# (initialize, tools/list) is left out.
PRESETS: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "otel": (
        {"name": "mcp_calls", "query": f"sum by (job, gen_ai_tool_name) ({_OTEL % ('count', '')})", "subject": "job"},
        {
            "name": "mcp_errors",
            "query": "sum by (job, gen_ai_tool_name) (%s)" % (_OTEL % ("count", ',error_type!=""')),
            "subject": "job",
        },
    ),
    "toolhive": (
        {"name": "mcp_calls", "query": "sum by (server, tool) (toolhive_mcp_tool_calls_total)", "subject": "server"},
        {
            "name": "mcp_errors",
            "query": 'sum by (server, tool) (toolhive_mcp_tool_calls_total{status!="success"})',
            "subject": "server",
        },
    ),
    "agentgateway": (
        {
            "name": "mcp_calls",
            "query": 'sum by (server, resource) (agentgateway_mcp_requests_total{method="tools/call"})',
            "subject": "server",
        },
    ),
    "litellm": (
        {
            "name": "mcp_calls",
            "query": "sum by (mcp_server_name, mcp_tool_name) (litellm_mcp_tool_calls_total)",
            "subject": "mcp_server_name",
        },
    ),
}


async def ask(asking: Asking) -> Answer:
    samples: list[Sample] = []
    asked = queries(asking.source.options)
    for query in asked:
        if query["range"]:
            start = asking.run.at - timedelta(seconds=query["range"])
            samples += [sample async for sample in _range(asking, query, start, asking.run.at)]
        else:
            found = await _ask(asking, "query", query["name"], query=query["query"], time=asking.run.at.timestamp())
            samples += _samples(asking, query, found)
    given = {sample.metric for sample in samples}
    missing = without_number((q["name"] for q in asked if q["name"] not in given), "It has no number")
    return Answer(
        tuple(samples), missing, calls=() if asking.source.options["presets"] else None
    )  # and those in its figures


async def back_fill(asking: Asking, start: datetime, end: datetime) -> AsyncIterator[Sample]:
    """What its queries would have given in the past, every `step`."""
    for query in queries(asking.source.options):
        async for sample in _range(asking, query, start, end):
            yield sample


def queries(options: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of the block and of its presets; without any, how many of Prometheus' targets are up."""
    presets = [{**_BARE, "counter": True, **query} for name in options["presets"] for query in PRESETS[name]]
    return [*options["query"], *presets] or list(_TARGETS)


async def _range(asking: Asking, query: Mapping[str, Any], start: datetime, end: datetime) -> AsyncIterator[Sample]:
    """Points on multiples of the step, so that the next run meets the same ones; in answers that Prometheus can give."""
    step = query["step"]
    first, last = math.ceil(start.timestamp() / step) * step, end.timestamp()
    while first <= last:
        until = min(last, first + (_MOST_POINTS - 1) * step)
        found = await _ask(
            asking, "query_range", query["name"], query=query["query"], start=first, end=until, step=step
        )
        for sample in _samples(asking, query, found):
            yield sample
        first = first + _MOST_POINTS * step


async def _ask(asking: Asking, path: str, name: str, **form: Any) -> Mapping[str, Any]:
    url = f"{asking.source.options['url'].rstrip('/')}/api/v1/{path}"
    try:
        answer = await fetch_json(asking, url, method="POST", headers=_FORM, body=urlencode(form).encode())
    except HttpFault as fault:
        raise refused(fault, name) from None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("result"), list):
        raise Fault(Failure.PROTOCOL_ERROR, "its answer is not that of Prometheus' query API")
    return data


def _samples(asking: Asking, query: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Sample]:
    """An instant query's value is of the run; a range's are of their own times."""
    kind, result = data.get("resultType"), data["result"]
    series: list[Any] = [{"metric": {}, "value": result}] if kind == "scalar" else result
    for one in series:
        if not isinstance(one, dict) or not isinstance(one.get("metric"), dict):
            raise Fault(
                Failure.PROTOCOL_ERROR, f"{query['name']}: its result is a {str(kind)[:20]}, not numbers over time"
            )
        labels = {str(name): str(value) for name, value in one["metric"].items() if name != "__name__"}
        subject = labels.pop(query["subject"] or "", None) or asking.subject
        points: Any = one.get("values") if kind == "matrix" else [one.get("value")]
        for point in points if isinstance(points, list) else []:
            value = number(point[1]) if isinstance(point, list) and len(point) == 2 else None
            if value is None:
                raise Fault(Failure.PROTOCOL_ERROR, f"{query['name']}: a point of its result is no number")
            at = datetime.fromtimestamp(float(point[0]), UTC) if kind == "matrix" else None
            yield Sample(
                subject, query["name"], value, query["unit"], query["counter"], tuple(sorted(labels.items())), at
            )
