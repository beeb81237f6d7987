"""A real Prometheus with known samples in it: our figures are those of its own query API and of promtool."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caelum_report import buckets, imports, store
from caelum_report.counts import pack
from caelum_report.errors import UsageError
from caelum_report.model import Failure, Note, Reading, Sample
from tests.collect.fleet import AT, BUDGETS, SECRET, config
from tests.ports import free_port

from .conftest import Service, asked, source
from .daemons import need, running
from .test_calls import Runs

OTEL = "mcp_server_operation_duration_seconds"
START = AT - timedelta(hours=1)
HOSTILE = 'a"b\\\\c<script>'


def _lines() -> Iterator[str]:
    """An hour by the minute: a gauge, a counter that goes back at half past, calls of tools with their buckets."""
    at = [int((START + timedelta(minutes=minute)).timestamp()) for minute in range(61)]
    yield "# TYPE queue gauge"
    yield from (f'queue{{server="github"}} {minute} {t}' for minute, t in enumerate(at))
    yield from (f'queue{{server="{HOSTILE.replace(chr(34), chr(92) + chr(34))}"}} 7 {t}' for t in at)
    yield "# TYPE orders counter"
    yield from (f"orders_total {(minute if minute < 30 else minute - 30) * 10} {t}" for minute, t in enumerate(at))
    yield "# TYPE toolhive_mcp_tool_calls counter"
    for status, n in (("success", 15), ("error", 2)):
        labels = f'server="github",status="{status}",tool="get_file"'
        yield from (f"toolhive_mcp_tool_calls_total{{{labels}}} {n} {t}" for t in at)
    yield from _durations(at)
    yield "# EOF"


def _durations(at: list[int]) -> Iterator[str]:
    """OpenTelemetry's histogram of two instances: ten calls a minute each; the second begins anew at half past."""
    yield f"# TYPE {OTEL} histogram"
    for instance in ("a:1", "b:1"):
        for method, tool in (("tools/call", "query"), ("tools/list", "")):
            labels = f'job="context7",instance="{instance}",mcp_method_name="{method}",gen_ai_tool_name="{tool}"'
            for bound, share in (("0.1", 0.4), ("1", 0.9), ("+Inf", 1)):
                yield from (f'{OTEL}_bucket{{{labels},le="{bound}"}} {_made(instance, t) * share:g} {t}' for t in at)
            yield from (f"{OTEL}_count{{{labels}}} {_made(instance, t)} {t}" for t in at)
            yield from (f"{OTEL}_sum{{{labels}}} {_made(instance, t) * 0.4:g} {t}" for t in at)


def _made(instance: str, at: int) -> int:
    minute = (at - int(START.timestamp())) // 60
    return 10 * (minute if instance == "a:1" or minute < 30 else minute - 30)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program, tool = need("prometheus", "prometheus"), need("promtool", "prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "data.om").write_text("\n".join(_lines()) + "\n")
    (folder / "p.yml").write_text("scrape_configs: []\n")
    made = subprocess.run(
        [tool, "tsdb", "create-blocks-from", "openmetrics", str(folder / "data.om"), str(folder / "data")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    address = f"127.0.0.1:{free_port()}"
    arguments = [program, "--config.file=p.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    with running([*arguments, "--storage.tsdb.retention.time=100y"], f"http://{address}/-/ready", folder):
        yield f"http://{address}"


def ask(url: str, *queries: dict[str, Any], **more: Any) -> Reading:
    (reading,) = asked(source("prometheus", url=url, query=list(queries), timeout=20, **more))
    return reading


def promtool(url: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus' own tool says at the run's time."""
    said = subprocess.run(
        ["promtool", "query", "instant", "--format", "json", "--time", AT.isoformat(), url, query],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: list[dict[str, Any]] = json.loads(said.stdout)
    return answer


def test_an_instant_query_agrees_with_promtool(prometheus: str) -> None:
    query = "queue - 10 + rate(orders_total[30m])"
    reading = ask(prometheus, {"name": "queue", "query": "queue", "unit": "count", "subject": "server"})
    assert reading.failure is Failure.OK, reading.reason
    assert {sample.subject: sample.value for sample in reading.samples} == {"github": 60, 'a"b\\c<script>': 7}
    rate = "sum(rate(orders_total[1h]))"
    (sample,) = ask(prometheus, {"name": "rate", "query": rate}).samples
    assert sample == Sample("it", "rate", float(promtool(prometheus, rate)[0]["value"][1]))
    nothing = ask(prometheus, {"name": "nothing", "query": query})
    assert (nothing.samples, nothing.notes) == ((), (Note("figure-missing", "It has no number for nothing."),))


def test_a_range_gives_points_of_their_own_times_on_the_grid(prometheus: str) -> None:
    query = {"name": "orders", "query": "orders_total", "counter": True, "range": "1h", "step": "10m"}
    reading = ask(prometheus, query)
    assert [(sample.at, sample.value) for sample in reading.samples] == [
        (START + timedelta(minutes=minute), (minute if minute < 30 else minute - 30) * 10)
        for minute in range(0, 61, 10)
    ]
    assert all(sample.counter for sample in reading.samples)


def test_the_preset_of_toolhive_counts_real_calls(prometheus: str) -> None:
    runs = Runs(source("prometheus", url=prometheus, presets=["toolhive"], timeout=20))
    assert runs.next(-1.5) == ()
    (reading,) = runs.seen.readings
    assert reading.notes == (Note("no-calls", "It has counted no call of a tool, as toolhive would publish it."),)
    assert [(row.server, row.tool, row.calls, row.errors) for row in runs.next(-0.5)] == [("github", "get_file", 17, 2)]
    assert runs.next(0) == ()


def test_opentelemetrys_histograms_give_durations_and_each_instance_begins_anew_by_itself(prometheus: str) -> None:
    runs = Runs(source("prometheus", url=prometheus, presets=["otel"], timeout=20))
    assert runs.next(-35 / 60) == ()
    (row,) = runs.next(-10 / 60)
    assert (row.server, row.tool, row.calls, row.errors) == ("context7", "query", 250 + 200, 0)
    assert row.seconds == pytest.approx(450 * 0.4)
    here = buckets.merge([pack(row.buckets)])
    for share in (0.25, 0.5, 0.75):
        selected = f'{OTEL}_bucket{{mcp_method_name="tools/call",instance="a:1"}}[40m]'
        (said,) = promtool(prometheus, f"histogram_quantile({share}, sum by (le) (increase({selected})))")
        assert buckets.quantile(here, share) == pytest.approx(float(said["value"][1]), rel=0.03)


@pytest.mark.parametrize(
    ("more", "server"), [({"server": "git hub"}, "git hub"), ({"subject": "instance"}, "a:1"), ({}, "context7")]
)
def test_whose_calls_they_are(prometheus: str, more: dict[str, str], server: str) -> None:
    runs = Runs(source("prometheus", url=prometheus, presets=["otel"], timeout=20, **more))
    runs.next(-0.5)
    assert server in {row.server for row in runs.next(0)}


def test_without_queries_its_targets_are_counted(prometheus: str) -> None:
    reading = ask(prometheus)
    assert (reading.failure, reading.samples) == (Failure.OK, ())  # this one scrapes nobody


def test_a_query_that_it_refuses_is_told_in_its_words(prometheus: str) -> None:
    reading = ask(prometheus, {"name": "bad", "query": "sum("})
    assert reading.failure is Failure.CONFIG_ERROR
    assert reading.reason.startswith("bad: HTTP 400 Bad Request: “invalid parameter")
    assert "parse error" in reading.reason


def test_its_past_is_brought_in_once(prometheus: str, tmp_path: Path) -> None:
    query = {"name": "orders", "query": "orders_total", "counter": True, "step": "1m"}
    settings = config(budgets=BUDGETS)
    settings = replace(settings, database=str(tmp_path / "history.sqlite"))
    asked_for = source("prometheus", url=prometheus, query=[query], timeout=20)
    said = [imports.import_source(settings, asked_for, START, AT) for _ in range(2)]
    assert said == ["61 figures", "61 figures, 61 of them known already"]
    with store.open_store(settings.database) as database:
        hours = database.execute("SELECT sum(n), max(max), min(min) FROM rollups").fetchone()
    assert hours == (59, pytest.approx(10 / 60), 0.0)  # ten a minute, and at half past it began anew


def test_calls_of_a_preset_have_no_past_to_be_brought_in(prometheus: str, tmp_path: Path) -> None:
    settings = replace(config(budgets=BUDGETS), database=str(tmp_path / "history.sqlite"))
    with pytest.raises(UsageError, match="its presets count from the first run on"):
        imports.import_source(settings, source("prometheus", url=prometheus, presets=["otel"]), START, AT)


BAD = {
    "matrix-of-words": (
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "many"]}]}},
        Failure.PROTOCOL_ERROR,
    ),
    "no-data": ({"status": "success"}, Failure.PROTOCOL_ERROR),
    "list": ([], Failure.PROTOCOL_ERROR),
    "strings": ({"status": "success", "data": {"resultType": "string", "result": [1, "x"]}}, Failure.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_of_another_shape(service: Service, name: str) -> None:
    document, failure = BAD[name]
    service.says("/api/v1/query", json.dumps(document))
    assert ask(service.url, {"name": "x", "query": "x"}).failure is failure


def test_points_of_the_future_are_not_kept(service: Service) -> None:
    later = (AT + timedelta(hours=2)).timestamp()
    values = [[AT.timestamp() - 60, "1"], [later, "2"], [AT.timestamp(), "NaN"]]
    result = {"resultType": "matrix", "result": [{"metric": {"key": SECRET}, "values": values}]}
    service.says("/api/v1/query_range", json.dumps({"status": "success", "data": result}))
    reading = ask(service.url, {"name": "x", "query": "x", "range": "1h"})
    assert [sample.value for sample in reading.samples] == [1]
    assert reading.samples[0].labels == (("key", "[redacted]"),)
    assert [note.code for note in reading.notes] == ["clock-ahead", "not-finite"]
