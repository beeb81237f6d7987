"""Real calls that servers and gateways count themselves become usage: what was added between two runs, and never more.

OpenTelemetry's page is the one that a real server gives (recorded); ToolHive's and agentgateway's are as documented, for
they do not run here. LiteLLM and ContextForge are asked in `tests/fleet/test_gateways.py`; here stand their answers' shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caelum_report import buckets
from caelum_report.collect import collect
from caelum_report.collect.usage.counters import durations
from caelum_report.counts import pack
from caelum_report.model import Failure, Remembered, Server, Snapshot, Source, Transport, Usage, UsageSettings
from tests.collect.fleet import AT, BUDGETS, config

from .conftest import Service, source

LABELS = 'mcp_protocol_version="2026-07-28",network_transport="tcp"'
PAGE = """\
# TYPE mcp_server_operation_duration histogram
mcp_server_operation_duration_count{{mcp_method_name="tools/list",{labels}}} 14
mcp_server_operation_duration_sum{{mcp_method_name="tools/list",{labels}}} 0.03
mcp_server_operation_duration_bucket{{mcp_method_name="tools/list",{labels},le="+Inf"}} 14
mcp_server_operation_duration_count{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",{labels}}} {good}
mcp_server_operation_duration_sum{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",{labels}}} {seconds}
mcp_server_operation_duration_bucket{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",{labels},le="0.1"}} {fast}
mcp_server_operation_duration_bucket{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",{labels},le="1"}} {good}
mcp_server_operation_duration_bucket{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",{labels},le="+Inf"}} {good}
mcp_server_operation_duration_count{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",error_type="tool_error",{labels}}} {bad}
mcp_server_operation_duration_sum{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",error_type="tool_error",{labels}}} 0
mcp_server_operation_duration_bucket{{mcp_method_name="tools/call",gen_ai_tool_name="query-docs",error_type="tool_error",{labels},le="+Inf"}} {bad}
"""


def page(good: int, bad: int = 0, fast: int = 0, seconds: float = 0.0) -> str:
    return PAGE.format(labels=LABELS, good=good, bad=bad, fast=fast, seconds=seconds)


class Runs:
    """Runs that keep their bookmarks, as the store does."""

    def __init__(self, *sources: Source, **usage: Any) -> None:
        servers = tuple(
            Server(name, name, Transport.STDIO, command="x", skip="it is not asked here")
            for name in ("context7", "git hub")
        )
        settings = UsageSettings(**usage)
        self.config = replace(config(*servers), sources=sources, budgets=BUDGETS, usage=settings)
        self.remembered = Remembered()

    def next(self, hours: float) -> tuple[Usage, ...]:
        self.seen: Snapshot = collect(self.config, self.remembered, AT + timedelta(hours=hours))
        marks = {(mark.source, mark.name): mark.value for mark in self.seen.bookmarks}
        kept = {key: value for key, value in (self.remembered.bookmarks | marks).items() if value}
        self.remembered = Remembered(bookmarks=kept)
        return self.seen.usage


def told(rows: tuple[Usage, ...]) -> list[tuple[str, str, int, int]]:
    assert {row.source for row in rows} <= {"metrics"}
    return [(row.server, row.tool, row.calls, row.errors) for row in rows]


def scraped(url: str, *presets: str, **more: Any) -> Source:
    return source("prometheus-scrape", url=url, presets=list(presets), **more)


def test_what_was_added_between_two_runs_is_usage_with_its_times(service: Service) -> None:
    runs = Runs(scraped(service.says("/metrics", page(10, 2, 4, 3.0)), "otel", server="context7"))
    assert told(runs.next(0)) == [], "nobody knows when those were"
    assert runs.seen.readings[0].failure is Failure.OK
    service.says("/metrics", page(18, 3, 8, 5.0))
    (row,) = runs.next(1)
    assert told((row,)) == [("context7", "query-docs", 9, 1)]
    assert row.seconds == 2.0
    assert row.hour == (AT + timedelta(hours=0.5)).replace(minute=0)
    stored = pack(row.buckets)
    assert buckets.quantile(buckets.merge([stored]), 0.25) < 0.1 < buckets.quantile(buckets.merge([stored]), 0.75)
    assert told(runs.next(2)) == []


def test_a_counter_that_went_back_has_begun_anew(service: Service) -> None:
    runs = Runs(scraped(service.says("/metrics", page(100)), "otel", server="context7"))
    runs.next(0)
    service.says("/metrics", page(3))
    assert told(runs.next(1)) == [("context7", "query-docs", 3, 0)]


def test_a_tool_named_for_the_first_time_by_a_known_source_was_called_since(service: Service) -> None:
    runs = Runs(scraped(service.says("/metrics", "# TYPE a counter\na_total 1\n"), "otel", server="context7"))
    runs.next(0)
    service.says("/metrics", page(2))
    assert told(runs.next(1)) == [("context7", "query-docs", 2, 0)]


def test_a_source_that_was_down_for_a_run_loses_nothing_and_repeats_nothing(service: Service) -> None:
    runs = Runs(scraped(service.says("/metrics", page(10)), "otel", server="context7"))
    runs.next(0)
    service.says("/metrics", "oops", 503)
    assert told(runs.next(1)) == []
    service.says("/metrics", page(14))
    assert told(runs.next(2)) == [("context7", "query-docs", 4, 0)]
    assert told(runs.next(3)) == []


def test_who_publishes_both_sides_counts_once(service: Service) -> None:
    both = page(5) + page(5).replace("mcp_server_", "mcp_client_")
    runs = Runs(scraped(service.says("/metrics", both), "otel", server="context7"))
    runs.next(0)
    service.says("/metrics", page(8) + page(8).replace("mcp_server_", "mcp_client_"))
    assert told(runs.next(1)) == [("context7", "query-docs", 3, 0)]


GATEWAYS = {
    "toolhive": (
        (
            'toolhive_mcp_tool_calls_total{{server="git_hub",status="success",tool="get_file_contents"}} {0}\n'
            'toolhive_mcp_tool_calls_total{{server="git_hub",status="error",tool="get_file_contents"}} {1}\n'
            'toolhive_mcp_requests_total{{mcp_method="tools/list",server="git_hub",status="success"}} 900\n'
        ),
        ("git hub", "get_file_contents", 9, 2),
    ),
    "agentgateway": (
        (
            'agentgateway_mcp_requests_total{{method="tools/call",resource_type="tool",server="git_hub",resource="search"}} {0}\n'
            'agentgateway_mcp_requests_total{{method="tools/list",resource_type="tool",server="git_hub",resource=""}} 99\n'
        ),
        ("git hub", "search", 7, 0),
    ),
    "litellm": (
        (
            'litellm_mcp_tool_calls_total{{mcp_tool_name="search",mcp_server_name="git_hub",team="a"}} {0}\n'
            'litellm_mcp_tool_calls_total{{mcp_tool_name="search",mcp_server_name="git_hub",team="b"}} {1}\n'
        ),
        ("git hub", "search", 9, 0),
    ),
}


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_gateways_as_they_document_their_metrics(service: Service, gateway: str) -> None:
    lines, expected = GATEWAYS[gateway]
    name = lines.partition("{")[0].removesuffix("_total")
    head = f"# TYPE {name}_total counter\n"
    runs = Runs(scraped(service.says("/metrics", head + lines.format(10, 1)), gateway))
    runs.next(0)
    service.says("/metrics", head + lines.format(17, 3))
    assert told(runs.next(1)) == [expected]


def contextforge(calls: int, failed: int, mean: float, *, camel: bool) -> str:
    said = {"total_executions": calls, "failed_executions": failed, "avg_response_time": mean}
    names = {
        "total_executions": "totalExecutions",
        "failed_executions": "failedExecutions",
        "avg_response_time": "avgResponseTime",
    }
    return json.dumps({"tools": {names[key] if camel else key: value for key, value in said.items()}, "resources": {}})


@pytest.mark.parametrize("camel", [False, True])
def test_contextforge_as_it_documents_its_metrics(service: Service, camel: bool) -> None:
    runs = Runs(
        source("http-json", url=service.says("/m", contextforge(10, 1, 0.5, camel=camel)), preset="contextforge")
    )
    runs.next(0)
    service.says("/m", contextforge(20, 4, 0.75, camel=camel))
    (row,) = runs.next(1)
    assert told((row,)) == [("it", "(all tools)", 10, 3)]
    assert (row.seconds, row.buckets) == (10.0, ())


def test_contextforge_with_its_tools_by_name_and_something_else_altogether(service: Service) -> None:
    def tools(calls: int) -> str:
        return json.dumps({"tools": [{"name": "search", "metrics": {"totalExecutions": calls}}, {"name": 7}, 3]})

    runs = Runs(source("http-json", url=service.says("/m", tools(1)), preset="contextforge", server="context7"))
    runs.next(0)
    service.says("/m", tools(4))
    assert told(runs.next(1)) == [("context7", "search", 3, 0)]
    service.says("/m", '{"tools": "none"}')
    assert told(runs.next(2)) == []
    assert runs.seen.readings[0].failure is Failure.PROTOCOL_ERROR


def test_counters_of_these_names_count_whoever_gives_them(service: Service) -> None:
    metrics = [
        {
            "name": name,
            "each": "tools",
            "value": value,
            "subject": "server",
            "labels": {"tool": "name"},
            "counter": counter,
        }
        for name, value, counter in (
            ("mcp_calls", "calls", True),
            ("mcp_errors", "errors", True),
            ("mcp_tools", "calls", True),
        )
    ]

    def say(calls: int, errors: int) -> str:
        tools = {"tools": [{"server": "git hub", "name": "get", "calls": calls, "errors": errors}]}
        return service.says("/stats", json.dumps(tools))

    runs = Runs(source("http-json", url=say(100, 5), metric=metrics))
    runs.next(0)
    say(110, 6)
    assert told(runs.next(1)) == [("git hub", "get", 10, 1)]


def test_hostile_names_and_absurd_numbers_do_no_harm(service: Service) -> None:
    def say(count: str) -> str:
        lines = [
            f'litellm_mcp_tool_calls_total{{mcp_tool_name="t\u202e{n}",mcp_server_name="<b>"}} {count}'
            for n in range(3)
        ]
        return service.says("/metrics", "# TYPE litellm_mcp_tool_calls_total counter\n" + "\n".join(lines) + "\n")

    runs = Runs(scraped(say("1"), "litellm"))
    runs.next(0)
    for hours, count in enumerate(("NaN", "-5", "+Inf", "7"), 1):
        say(count)
        rows = runs.next(hours)
        assert all("\u202e" not in row.tool and row.calls < 1e9 for row in rows)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), {}),
        (((0.1, 4), (1.0, 4), (float("inf"), 4)), {"low": 4, "high": 0}),
        (((0.1, 1), (1.0, 3), (float("inf"), 5)), {"low": 1, "high": 4}),
        (((float("inf"), 3),), {"low": 3, "high": 0}),
    ],
)
def test_calls_of_a_bucket_lie_within_it(given: Any, expected: dict[str, int]) -> None:
    found = list(durations(given))
    if expected:
        assert sum(many for one, many in found if one <= 0.1) == expected["low"]
        assert sum(many for one, many in found if 0.1 < one <= 1.0) == expected["high"]
    else:
        assert found == []


def test_ten_thousand_calls_of_a_bucket_are_all_there() -> None:
    found = list(durations([(1.0, 12_345), (float("inf"), 12_345)]))
    assert (sum(many for _, many in found), len(found)) == (12_345, 1_000)


# --- files of an OpenTelemetry collector ----------------------------------------------------------------------------


def nanoseconds(hours: float) -> str:
    return str(int((AT + timedelta(hours=hours)).timestamp()) * 10**9)


Point = Callable[..., dict[str, Any]]


def point(calls: int, at: float, start: float = 0, tool: str = "query-docs", **more: str) -> dict[str, Any]:
    attributes = {"mcp.method.name": "tools/call", "gen_ai.tool.name": tool} | more
    return {
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        "startTimeUnixNano": nanoseconds(start),
        "timeUnixNano": nanoseconds(at),
        "count": str(calls),
        "sum": calls / 10,
        "bucketCounts": ["0", str(calls), "0"],
        "explicitBounds": [0.01, 0.2],
    }


def exported(*points: dict[str, Any], cumulative: bool = True) -> str:
    histogram = {"aggregationTemporality": 2 if cumulative else 1, "dataPoints": points}
    metric = {"name": "mcp.server.operation.duration", "unit": "s", "histogram": histogram}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "context7"}}]}
    return json.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}) + "\n"


def test_files_of_a_collector_tell_each_call_at_its_time(tmp_path: Path) -> None:
    file = tmp_path / "otlp-1.json"
    probes = {"mcp.method.name": "tools/list"}
    file.write_text(
        exported(point(2, 0.1), point(99, 0.1, **probes))
        + exported(point(5, 1.1), point(1, 1.1, **{"error.type": "tool_error"}))
        + exported(point(4, 3.1, start=2.9))  # the server began anew
        + "{half a li"
    )
    runs = Runs(otlp_files=(f"{tmp_path}/otlp-*.json",))
    rows = runs.next(4)
    hour = AT.replace(minute=0)
    by_hour = {(row.hour - hour).total_seconds() / 3600: (row.calls, row.errors, round(row.seconds, 3)) for row in rows}
    offset = AT.minute / 60
    first, second, third = (int(offset + middle) for middle in (0.05, 0.6, 3.0))
    wanted: dict[float, tuple[int, int, float]] = {}
    for place, (calls, errors) in ((first, (2, 0)), (second, (3, 0)), (int(offset + 0.55), (1, 1)), (third, (4, 0))):
        before = wanted.get(place, (0, 0, 0.0))
        wanted[place] = (before[0] + calls, before[1] + errors, round(before[2] + calls / 10, 3))
    assert by_hour == wanted
    with file.open("a") as more:
        more.write("ne\n" + exported(point(6, 4.0, start=2.9)))
    assert [(row.server, row.tool, row.calls) for row in runs.next(5)] == [("context7", "query-docs", 2)]
    assert runs.next(6) == ()


def test_differences_are_added_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "otlp.json"
    file.write_text("".join(exported(point(2, 0.2, 0.1), cumulative=False) for _ in range(3)))
    (row,) = Runs(otlp_files=(str(file),)).next(1)
    assert (row.calls, round(row.seconds, 3), sum(count for _, count in row.buckets)) == (6, 0.6, 6)


@pytest.mark.parametrize(
    "text",
    [
        "mcp.server.operation.duration\n",
        '["mcp.server.operation.duration"]\n',
        exported({"attributes": 7}),
        exported({**point(1, 0), "timeUnixNano": "1e400"}),
        exported({**point(1, 0), "count": "many"}),
        exported({**point(1, 0), "bucketCounts": [None]}),
        "[" * 100_000 + "mcp.server.operation.duration\n",
    ],
)
def test_what_is_not_as_documented_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "otlp.json").write_text(text + exported(point(3, 0.5)))
    (row,) = Runs(otlp_files=(f"{tmp_path}/otlp.json",)).next(1)
    assert row.calls == 3


def test_an_instance_that_is_gone_is_let_go_of_and_its_old_calls_are_none_when_it_comes_back(service: Service) -> None:
    def tools(**calls: int) -> None:
        lines = [
            f'toolhive_mcp_tool_calls_total{{server="context7",status="success",tool="{n}"}} {c}\n'
            for n, c in calls.items()
        ]
        service.says("/metrics", "# TYPE toolhive_mcp_tool_calls_total counter\n" + "".join(lines))

    runs = Runs(scraped(f"{service.url}/metrics", "toolhive"))
    tools(a=10, b=10)
    runs.next(0)
    tools(b=11)
    assert told(runs.next(1)) == [("context7", "b", 1, 0)]
    names = {name for source, name in runs.remembered.bookmarks if source == "metrics"}
    runs.next(24 * 92)
    left = {name for source, name in runs.remembered.bookmarks if source == "metrics"}
    assert len(names - left) == 1
    assert left - names == {"gone"}
    tools(a=12, b=11, c=2)
    assert told(runs.next(24 * 93)) == [("context7", "c", 2, 0)], "of a nobody knows what it did since"
    tools(a=15, b=11, c=2)
    assert told(runs.next(24 * 94)) == [("context7", "a", 3, 0)]
    assert ("metrics", "gone") not in runs.remembered.bookmarks


def test_figures_that_an_older_program_kept_are_counted_on_and_let_go_of_in_time(service: Service) -> None:
    runs = Runs(scraped(service.says("/metrics", page(10)), "otel", server="context7"))
    runs.next(0)
    old = {k: v.rpartition(",")[0] + "]" if v.startswith("[") else v for k, v in runs.remembered.bookmarks.items()}
    runs.remembered = Remembered(bookmarks=old)
    service.says("/metrics", page(12))
    assert told(runs.next(1)) == [("context7", "query-docs", 2, 0)]
    runs.remembered = Remembered(bookmarks=old)
    service.says("/metrics", "# TYPE a counter\na_total 1\n")
    runs.next(2)
    many = len(runs.remembered.bookmarks)
    runs.next(24 * 95)
    assert len(runs.remembered.bookmarks) == many, "one is gone, and that it was is known"
    assert ("metrics", "gone") in runs.remembered.bookmarks
