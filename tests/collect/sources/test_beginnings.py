"""A counter that was started anew and has passed its old value again: seen where the other side tells when it began.

The pages are those of prometheus_client's own registries, in both formats; Redis is a real one, started twice.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as text
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

from caelum_report import store
from caelum_report.collect import collect
from caelum_report.collect.look import begun
from caelum_report.collect.sources.asking import Asking
from caelum_report.collect.sources.health import ask_influxdb
from caelum_report.model import Failure, Reading, Remembered, Snapshot, Source
from caelum_report.wire import Allowance
from tests.collect.fleet import AT, BUDGETS, config

from .conftest import Service, source
from .services import PASSWORD, needs_redis, redis_server

HOUR = timedelta(hours=1)


def process(orders: int, began: float, *, created: bool = True, starts: bool = True) -> CollectorRegistry:
    """What a process shows that began then and has counted that many orders."""
    registry = CollectorRegistry()
    if starts:
        Gauge("process_start_time_seconds", "", registry=registry).set(began)
    counter, seconds = (
        Counter("orders", "", ["shop"], registry=registry),
        Histogram("pay_seconds", "", registry=registry),
    )
    counter.labels("a").inc(orders)
    counter.labels("a")._created = began if created else 0.0
    seconds._created = began
    for _ in range(orders):
        seconds.observe(0.1)
    return registry


def page(registry: CollectorRegistry, form: str) -> bytes:
    written = openmetrics(registry) if form == "openmetrics" else text(registry)
    return b"".join(line for line in written.splitlines(keepends=True) if not line.endswith(b"_created 0.0\n"))


class Runs:
    """Runs that keep what they found, as a build does."""

    def __init__(self, path: Path, asked: Source) -> None:
        self.path, self.config = path, replace(config(), sources=(asked,), budgets=BUDGETS)

    def next(self, at: datetime) -> Snapshot:
        with store.open_store(str(self.path)) as database:
            remembered = store.remember(database, at)
            snapshot = collect(self.config, Remembered(bookmarks=remembered.bookmarks), at)
            self.last = store.add_snapshot(database, snapshot, self.config)
        return snapshot

    def rates(self, metric: str) -> list[float]:
        """What it grew by in each hour; of the first run nothing is known."""
        with store.open_store(str(self.path)) as database:
            found = store.history(database, self.last).sources
        assert found is not None
        series = found.series.index[found.series["metric"] == metric]
        rates = found.samples[found.samples["series"].isin(series)]["value"]
        return [round(rate * 3600, 3) for rate in rates]


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_a_counter_that_has_passed_its_old_value_since_its_restart_is_seen(
    service: Service, tmp_path: Path, form: str
) -> None:
    runs = Runs(tmp_path / "h.db", source("prometheus-scrape", url=f"{service.url}/metrics", metrics=["*"]))
    for hour, (orders, began) in enumerate([(100, 1e9), (110, 1e9), (130, 1e9 + 7000), (135, 1e9 + 7000)]):
        service.says("/metrics", page(process(orders, began), form), Content_Type="text/plain")
        runs.next(AT + hour * HOUR)
    assert runs.rates("orders_total")[1:] == [10, 130, 5], "130, not the 20 that the value alone shows"
    assert runs.rates("pay_seconds_count")[1:] == [10, 130, 5]


def test_where_only_the_process_tells_its_start_growth_over_it_is_not_known(service: Service, tmp_path: Path) -> None:
    """An exporter's restart leaves what it shows as it was: 130 orders at once would be as wrong as 20."""
    runs = Runs(tmp_path / "h.db", source("prometheus-scrape", url=f"{service.url}/metrics", metrics=["orders*"]))
    for hour, (orders, began) in enumerate([(100, 1e9), (130, 1e9 + 7000), (135, 1e9 + 7001), (7, 1e9 + 11000)]):
        body = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n# TYPE orders_total counter\norders_total {}\n"
        service.says("/metrics", body.format(began, orders))
        runs.next(AT + hour * HOUR)
    _, over, after, back = runs.rates("orders_total")
    assert over != over, "no figure"
    assert (after, back) == (5, 7), "a start that moved by a second is none; what went back has begun anew"


def test_each_process_of_a_page_is_known_by_its_labels_however_many_there_are(service: Service, tmp_path: Path) -> None:
    """Thousands of processes beside thousands of counters: comparing each with each would take minutes."""
    runs = Runs(tmp_path / "h.db", source("prometheus-scrape", url=f"{service.url}/metrics", metrics=["*"]))
    for hour, (orders, began) in enumerate([(100, 1e9), (130, 1e9 + 7000)]):
        pods = {"same": 1e9, **{str(number): began for number in range(8_000)}}
        lines = ["# TYPE orders_total counter", *(f'orders_total{{pod="{pod}",shop="a"}} {orders}' for pod in pods)]
        lines += ["# TYPE process_start_time_seconds gauge"]
        lines += [f'process_start_time_seconds{{pod="{pod}"}} {start}' for pod, start in pods.items()]
        service.says("/metrics", "\n".join(lines) + "\n")
        (reading,) = runs.next(AT + hour * HOUR).readings
        assert reading.failure is Failure.OK, reading.reason
    anew = {dict(sample.labels)["pod"]: sample.anew for sample in reading.samples}
    assert len(anew) == 1_000, "as many as are kept"
    assert anew.pop("same") is False
    assert set(anew.values()) == {None}


def test_a_label_that_is_there_for_the_first_time_and_a_clock_that_is_wrong_are_no_restart(
    service: Service, tmp_path: Path
) -> None:
    runs = Runs(tmp_path / "h.db", source("prometheus-scrape", url=f"{service.url}/metrics", metrics=["orders*"]))
    ahead = AT.timestamp() + 86_400
    first = process(100, ahead)
    service.says("/metrics", page(first, "openmetrics"))
    runs.next(AT)
    second = process(104, ahead)
    second._names_to_collectors["orders"].labels("b").inc(3)  # type: ignore[attr-defined]
    service.says("/metrics", page(second, "openmetrics"))
    runs.next(AT + HOUR)
    assert 4 in runs.rates("orders_total")


def test_a_times_nonsense_is_no_start(service: Service, tmp_path: Path) -> None:
    runs = Runs(tmp_path / "h.db", source("prometheus-scrape", url=f"{service.url}/metrics", metrics=["orders*"]))
    for hour, start in enumerate(["NaN", "+Inf", "1e300", "1000", "2000"]):
        service.says(
            "/metrics", f"process_start_time_seconds {start}\n# TYPE orders_total counter\norders_total {10 + hour}\n"
        )
        runs.next(AT + hour * HOUR)
    rates = runs.rates("orders_total")
    assert rates[1:4] == [1, 1, 1]
    assert rates[4] != rates[4], "the first start that can be believed is the one that later ones are compared with"


OTEL = (
    "process_start_time_seconds {start}\n# TYPE mcp_server_operation_duration histogram\n"
    'mcp_server_operation_duration_count{{mcp_method_name="tools/call",gen_ai_tool_name="ask"}} {calls}\n'
    'mcp_server_operation_duration_sum{{mcp_method_name="tools/call",gen_ai_tool_name="ask"}} 1\n'
    'mcp_server_operation_duration_bucket{{mcp_method_name="tools/call",gen_ai_tool_name="ask",le="+Inf"}} {calls}\n'
)


def test_real_calls_since_a_restart_are_all_counted(service: Service, tmp_path: Path) -> None:
    runs = Runs(tmp_path / "h.db", source("prometheus-scrape", url=f"{service.url}/metrics", presets=["otel"]))
    used = []
    for hour, (calls, start) in enumerate([(100, 1e9), (104, 1e9), (109, 2e9), (109, 2e9)]):
        service.says("/metrics", OTEL.format(calls=calls, start=start))
        used.append([(row.tool, row.calls) for row in runs.next(AT + hour * HOUR).usage])
    assert used == [[], [("ask", 4)], [("ask", 109)], []]


def test_neither_a_run_that_took_long_nor_a_machine_that_slept_is_a_restart_of_what_tells_its_uptime(
    service: Service,
) -> None:
    marks: dict[tuple[str, str], str] = {}
    said: list[tuple[float, bool | None]] = []
    runs = [  # what the servers before it took, and the uptime, which stands still while a machine sleeps
        (60.0, 9_060),
        (0.5, 12_600),
        (60.0, 16_260),
        (0.5, 16_300),
        (0.5, 3_000),
    ]
    for hour, (waited, up) in enumerate(runs):
        variables = {"system": {"uptime": up}, "httpd": {"name": "httpd", "values": {"queryReq": 10_000 + hour}}}
        service.says("/ping", "")
        service.says("/health", "{}")
        service.says("/debug/vars", json.dumps(variables))
        run = replace(begun(config(), AT + hour * HOUR, "mark"), elapsed=lambda waited=waited: waited)
        asked = source("influxdb-health", url=service.url)
        asking = Asking(asked, run, Remembered(bookmarks=marks), Allowance(BUDGETS, run.pool))
        answer = asyncio.run(ask_influxdb(asking))
        marks |= {(mark.source, mark.name): mark.value for mark in answer.bookmarks}
        said += [(sample.value, sample.anew) for sample in answer.samples if sample.metric == "queries"]
    assert said == [(10_000, False), (10_001, False), (10_002, False), (10_003, False), (10_004, True)]


def grown(port: int, commands: int) -> None:
    words = "".join("set a 1\n" for _ in range(commands))
    command = ["redis-cli", "-p", str(port), "--no-auth-warning", "-a", PASSWORD]
    subprocess.run(command, input=words, check=True, capture_output=True, text=True)


def counted(reading: Reading) -> Mapping[str, tuple[float, bool | None]]:
    return {sample.metric: (sample.value, sample.anew) for sample in reading.samples if sample.counter}


@needs_redis
def test_a_redis_that_was_started_anew_and_is_busier_than_before(tmp_path: Path) -> None:
    runs: Runs
    for hour, commands in enumerate([1, 200]):
        folder = tmp_path / str(hour)
        folder.mkdir()
        with redis_server(folder) as port:
            asked = source("redis", url=f"redis://:{PASSWORD}@127.0.0.1:{port}", timeout=5)
            runs = Runs(tmp_path / "h.db", asked)
            grown(port, commands)
            (reading,) = runs.next(AT + hour * HOUR).readings
            value, anew = counted(reading)["commands"]
            assert anew is (hour == 1), reading
    assert runs.rates("commands")[1:] == [value], "all that it has done since, not what it has done more"
