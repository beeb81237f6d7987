"""Real calls of MCP tools as servers and gateways publish them: OpenTelemetry, ToolHive, agentgateway, LiteLLM, ContextForge.

Each counts since some start; usage is what was added between two runs (`collect.usage.counters`). What only probes make,
`initialize` and `tools/list`, is left out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caelum_report.model import CallCount, Failure
from caelum_report.wire import Fault

from .asking import Asking
from .call_figures import ALL_TOOLS, MOST_CALLS, MOST_TOOLS
from .mapping import dig, number


@dataclass(frozen=True, slots=True)
class Published:
    """Names and labels of one who publishes calls on a /metrics page."""

    names: str  # a pattern of the samples' names; a histogram's without _count, _sum and _bucket
    server: str | None
    tool: str
    histogram: bool = False
    only: tuple[str, str] | None = None  # a label that has to have this value
    outcome: str = ""  # the label that tells how a call ended
    good: tuple[str, ...] = ()  # its values that are no errors


_OTEL: Final = {
    "server": None,
    "tool": "gen_ai_tool_name",
    "histogram": True,
    "only": ("mcp_method_name", "tools/call"),
}
PUBLISHED: Final[Mapping[str, tuple[Published, ...]]] = {
    # Whoever publishes both sides counts each call twice, so the first that is there counts.
    "otel": (
        Published("mcp_server_operation_duration(?:_seconds)?", outcome="error_type", good=("",), **_OTEL),  # type: ignore[arg-type]
        Published("mcp_client_operation_duration(?:_seconds)?", outcome="error_type", good=("",), **_OTEL),  # type: ignore[arg-type]
    ),
    "toolhive": (Published("toolhive_mcp_tool_calls_total", "server", "tool", outcome="status", good=("success",)),),
    "agentgateway": (
        Published("agentgateway_mcp_requests_total", "server", "resource", only=("method", "tools/call")),
    ),
    "litellm": (Published("litellm_mcp_tool_calls_total", "mcp_server_name", "mcp_tool_name"),),
}


@dataclass(slots=True)
class _Sum:
    calls: float = 0.0
    errors: float = 0.0
    seconds: float = 0.0
    buckets: Counter[float] = field(default_factory=Counter)
    timed: bool = False


_Sums = dict[tuple[str, str], _Sum]


def on_page(families: Iterable[Any], presets: Sequence[str], asking: Asking) -> tuple[CallCount, ...]:
    """Of a parsed /metrics page. A server is the one of `subject`, of the publisher's own label, or the source's."""
    samples = [sample for family in families for sample in family.samples]
    found: list[CallCount] = []
    for preset in presets:
        sums = (_summed(samples, published, asking) for published in PUBLISHED[preset])
        found += _counts(next((those for those in sums if those), {}))
    return tuple(found[:MOST_TOOLS])


def _summed(samples: Iterable[Any], published: Published, asking: Asking) -> _Sums:
    pattern = re.compile(published.names + ("_(count|sum|bucket)" if published.histogram else "()"))
    subject = asking.source.options["subject"]
    sums: _Sums = defaultdict(_Sum)
    for sample in samples:
        match = pattern.fullmatch(sample.name)
        labels = sample.labels
        if (
            match is None
            or not 0 <= sample.value < MOST_CALLS
            or (published.only and labels.get(published.only[0]) != published.only[1])
        ):
            continue
        server = labels.get(subject or "") or labels.get(published.server or "") or asking.subject
        _add(sums[server, labels.get(published.tool) or ALL_TOOLS], match[1], sample, published)
    return sums


def _add(total: _Sum, part: str, sample: Any, published: Published) -> None:
    if part == "sum":
        total.seconds += sample.value
    elif part == "bucket":
        total.timed = True
        total.buckets[float(sample.labels.get("le", "inf"))] += sample.value
    else:
        total.calls += sample.value
        if published.outcome and sample.labels.get(published.outcome, "") not in published.good:
            total.errors += sample.value


def _counts(sums: _Sums) -> Iterator[CallCount]:
    for (server, tool), total in sums.items():
        seconds = total.seconds if total.timed else None
        yield CallCount(server, tool, total.calls, total.errors, seconds, tuple(sorted(total.buckets.items())))


def of_contextforge(document: Any, asking: Asking) -> tuple[CallCount, ...]:
    """ContextForge's `GET /metrics`: one total of all tools, or a list of tools with their metrics. It tells means only."""
    tools = dig(document, "tools")
    named = [(ALL_TOOLS, tools)] if isinstance(tools, dict) else _named(tools)
    found = [_of_contextforge(asking.subject, name, said) for name, said in named]
    if not any(found):
        raise Fault(Failure.PROTOCOL_ERROR, "it has no total_executions of tools, so it is not ContextForge's /metrics")
    return tuple(count for count in found if count is not None)[:MOST_TOOLS]


def _named(tools: Any) -> Iterator[tuple[str, Any]]:
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            yield tool["name"], tool["metrics"] if isinstance(tool.get("metrics"), dict) else tool


def _of_contextforge(server: str, tool: str, said: Any) -> CallCount | None:
    calls, failed = _figure(said, "total_executions"), _figure(said, "failed_executions")
    if calls is None:
        return None
    mean = _figure(said, "avg_response_time")
    return CallCount(server, tool, calls, failed or 0.0, None if mean is None else mean * calls)


def _figure(said: Any, name: str) -> float | None:
    """In snake_case or in camelCase: both have been published."""
    first, *rest = name.split("_")
    value = number(dig(said, name))
    if value is None:
        value = number(dig(said, first + "".join(part.title() for part in rest)))
    return value if value is not None and 0 <= value < MOST_CALLS else None
