"""Real calls of MCP tools as servers and gateways publish them: OpenTelemetry, ToolHive, agentgateway, LiteLLM, ContextForge.

Each counts since some start; usage is what was added between two runs (`collect.usage.counters`). What only probes make,
`initialize` and `tools/list`, is left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caelum_report.model import CallCount, Failure, Note
from caelum_report.wire import Fault
from caelum_report.words import listing, plural

from .asking import Asking
from .call_figures import ALL_TOOLS, MOST_CALLS, MOST_TOOLS
from .mapping import dig, number


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample, of a page or of an answer to PromQL."""

    name: str
    labels: Mapping[str, str]
    value: float
    anew: bool | None = False  # as of a `Sample`


@dataclass(frozen=True, slots=True)
class Published:
    """Names and labels of one who publishes calls."""

    names: str  # a pattern of the samples' names; a histogram's without _count, _sum and _bucket
    server: str | None
    tool: str
    histogram: bool = False
    only: tuple[str, str] | None = None  # a label, and the value that it has to have
    outcome: str = ""  # the label that tells how a call ended
    good: tuple[str, ...] = ()  # its values that are no errors
    timed_by: Timed | None = None  # where a counter's durations are

    @property
    def pattern(self) -> str:
        return self.names + ("_(?:count|sum|bucket)" if self.histogram else "")


@dataclass(frozen=True, slots=True)
class Timed:
    """A histogram that says in one label which server's tool was called."""

    names: str
    label: str
    value: str  # the label's value, of {server} and {tool}
    any: str  # a pattern of such values

    @property
    def pattern(self) -> str:
        return f"{self.names}_(?:sum|bucket)"


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
    # It counts calls that succeeded, and times those.
    "litellm": (
        Published(
            "litellm_mcp_tool_calls_total",
            "mcp_server_name",
            "mcp_tool_name",
            timed_by=Timed("litellm_request_total_latency_metric", "model", "MCP: {server}-{tool}", "MCP: .+"),
        ),
    ),
}


@dataclass(slots=True)
class _Sum:
    calls: float = 0.0
    errors: float = 0.0
    anew: bool = True  # so are all that it is the sum of: one that is there for the first time is no new beginning
    seconds: float = 0.0
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    timed: bool = False


_Sums = dict[tuple[str, str, str], _Sum]  # by server, tool and part


def counted(
    samples: Iterable[Shown],
    presets: Sequence[str],
    asking: Asking,
    server_label: str | None = None,
    part_label: str | None = None,
) -> tuple[CallCount, ...]:
    """What publishers have counted. A server is the one of `server_label`, of the publisher's own label, or the source's;
    several who count the same tool are told apart by `part_label`, for each begins anew by itself.
    """
    samples = list(samples)
    found: list[CallCount] = []
    for preset in presets:
        sums = (_summed(samples, published, server_label, part_label) for published in PUBLISHED[preset])
        found += _counts(next((those for those in sums if those), {}), asking)
    return tuple(found[:MOST_TOOLS])


def in_words(calls: Sequence[CallCount] | None, presets: Sequence[str]) -> tuple[Note, ...]:
    """What was counted. That nobody called may be true, and may be that somebody else publishes there."""
    if not presets:
        return ()
    if not calls:
        return (Note("no-calls", f"It has counted no call of a tool, as {listing(presets)} would publish it."),)
    tools = len({(count.server, count.tool) for count in calls})
    made = plural(round(sum(count.calls for count in calls)), "call")
    text = f"It has counted {made} of {plural(tools, 'tool')} since it began; what is added between two runs is usage."
    return (Note("calls", text),)


def _summed(samples: Iterable[Shown], published: Published, server_label: str | None, part_label: str | None) -> _Sums:
    pattern, sums = re.compile(published.pattern), _Sums()
    for sample in samples:
        labels = sample.labels
        if (
            not pattern.fullmatch(sample.name)
            or not 0 <= sample.value < MOST_CALLS
            or (published.only and labels.get(published.only[0]) != published.only[1])
        ):
            continue
        server = labels.get(server_label or "") or labels.get(published.server or "") or ""
        key = server, labels.get(published.tool) or ALL_TOOLS, labels.get(part_label or "", "")
        _add(sums.setdefault(key, _Sum()), sample, published)
    if published.timed_by is not None:
        _time(sums, samples, published.timed_by, part_label)
    return sums


def _add(total: _Sum, sample: Shown, published: Published) -> None:
    if published.histogram and not sample.name.endswith("_count"):
        _add_time(total, sample)
        return
    total.calls += sample.value
    total.anew &= sample.anew is not False  # publishers count in their own process, so they began with it
    if published.outcome and sample.labels.get(published.outcome, "") not in published.good:
        total.errors += sample.value


def _add_time(total: _Sum, sample: Shown) -> None:
    if sample.name.endswith("_bucket"):
        total.timed = True
        total.buckets[float(sample.labels.get("le", "inf"))] += sample.value
    else:
        total.seconds += sample.value


def _time(sums: _Sums, samples: Iterable[Shown], timed: Timed, part_label: str | None) -> None:
    pattern = re.compile(timed.pattern)
    by_value = {
        (timed.value.format(server=server, tool=tool), part): sums[server, tool, part] for server, tool, part in sums
    }
    for sample in samples:
        if pattern.fullmatch(sample.name) and 0 <= sample.value < MOST_CALLS:
            key = sample.labels.get(timed.label, ""), sample.labels.get(part_label or "", "")
            if key in by_value:
                _add_time(by_value[key], sample)


def _counts(sums: _Sums, asking: Asking) -> Iterator[CallCount]:
    for (server, tool, part), total in sums.items():
        seconds = total.seconds if total.timed else None
        buckets = tuple(sorted(total.buckets.items()))
        yield CallCount(server or asking.subject, tool, total.calls, total.errors, seconds, buckets, part, total.anew)


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
