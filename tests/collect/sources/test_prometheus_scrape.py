"""/metrics pages: of a real node_exporter, and of hands that write them wrong."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.collect.sources.prometheus_scrape import quantile
from caelum_report.model import Failure, Reading, Sample
from tests.collect.fleet import AT, SECRET
from tests.ports import free_port

from .conftest import Service, asked, source
from .daemons import need, running

PAGE = """\
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{server="github",code="200"} 1027
http_requests_total{server="github",code="400"} 3
# TYPE queue_length gauge
queue_length 17
queue_length_bad NaN
# TYPE answer_seconds histogram
answer_seconds_bucket{le="0.1"} 50
answer_seconds_bucket{le="0.5"} 90
answer_seconds_bucket{le="1"} 100
answer_seconds_bucket{le="+Inf"} 100
answer_seconds_sum 25.5
answer_seconds_count 100
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5"} 0.2
rpc_seconds_sum 10
rpc_seconds_count 40
"""


def ask(url: str, *metrics: str, **more: Any) -> Reading:
    (reading,) = asked(source("prometheus-scrape", url=url, metrics=list(metrics or ("*",)), **more))
    return reading


def test_a_page_gives_its_gauges_counters_and_quantiles(service: Service) -> None:
    reading = ask(service.says("/metrics", PAGE), subject="server")
    found = {(sample.metric, sample.labels): sample for sample in reading.samples}
    assert reading.failure is Failure.OK, reading.reason
    assert found["http_requests_total", (("code", "200"),)] == Sample(
        "github", "http_requests_total", 1027, counter=True, labels=(("code", "200"),)
    )
    assert found["queue_length", ()] == Sample("it", "queue_length", 17)
    assert found["answer_seconds_p50", ()] == Sample("it", "answer_seconds_p50", 0.1, "seconds")
    assert found["answer_seconds_p95", ()].value == pytest.approx(0.75)
    assert found["answer_seconds_p99", ()].value == pytest.approx(0.95)
    assert found["answer_seconds_count", ()].counter
    assert found["rpc_seconds", (("quantile", "0.5"),)].counter is False
    assert ("answer_seconds_bucket", (("le", "0.1"),)) not in found
    assert [note.code for note in reading.notes] == ["not-finite"]


def test_open_metrics_and_gzip(service: Service) -> None:
    page = '# TYPE jobs counter\n# UNIT jobs jobs\njobs_total{kind="a"} 5 # {trace="x"} 1\njobs_created{kind="a"} 1\n# EOF\n'
    page = page.replace("# UNIT jobs jobs\n", "")
    reading = ask(service.says("/metrics", gzip.compress(page.encode()), Content_Encoding="gzip"))
    assert reading.samples == (Sample("it", "jobs_total", 5, counter=True, labels=(("kind", "a"),)),)


def test_only_what_is_wanted_is_kept(service: Service) -> None:
    url = service.says("/metrics", PAGE)
    assert {sample.metric for sample in ask(url, "queue_len*h", "http_*").samples} == {
        "queue_length",
        "http_requests_total",
    }
    nothing = ask(url, "quue_length")
    assert nothing.samples == ()
    assert [note.code for note in nothing.notes] == ["figure-missing"]


@pytest.mark.parametrize(
    "page",
    [
        "<html>hello</html>",
        'a{b="c} 1',
        "a{",
        "a",
        "a b",
        "\xff\xfe",
        PAGE + 'http_requests_total{code="2',
    ],
)
def test_half_a_page_is_no_page(service: Service, page: str) -> None:
    reading = ask(service.says("/metrics", page.encode("latin-1")))
    assert (reading.failure, reading.samples) == (Failure.PROTOCOL_ERROR, ())


def test_hostile_labels_and_a_clock_in_the_future(service: Service) -> None:
    ahead = int((AT.timestamp() + 86_400) * 1000)
    page = f'a{{x="\u202e<script>",y="{SECRET}"}} 1\nb 2 {ahead}\nc 3 {int(AT.timestamp() - 60) * 1000}\n'
    reading = ask(service.says("/metrics", page))
    first, third = reading.samples
    assert first.labels == (("x", "<U+202E><script>"), ("y", "[redacted]"))
    assert third.at is not None
    assert third.metric == "c"
    assert [note.code for note in reading.notes] == ["clock-ahead"]


@pytest.fixture(scope="module")
def node_exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = need("prometheus-node-exporter", "prometheus-node-exporter")
    address = f"127.0.0.1:{free_port()}"
    with running(
        [program, f"--web.listen-address={address}"],
        f"http://{address}/metrics",
        tmp_path_factory.mktemp("node-exporter"),
    ):
        yield f"http://{address}/metrics"


def test_a_real_node_exporter(node_exporter: str) -> None:
    reading = ask(node_exporter, "node_memory_MemTotal_bytes", "node_cpu_seconds_total", timeout=20)
    by_name = {sample.metric: sample for sample in reading.samples}
    with open("/proc/meminfo") as meminfo:
        kilobytes = int(meminfo.readline().split()[1])
    assert by_name["node_memory_MemTotal_bytes"].value == kilobytes * 1024
    assert by_name["node_memory_MemTotal_bytes"].unit == "bytes"
    assert by_name["node_cpu_seconds_total"].counter


def test_quantiles_at_the_ends() -> None:
    assert quantile(0.5, [(math.inf, 0)]) is None
    assert quantile(0.5, [(1, 0), (math.inf, 0)]) is None
    assert quantile(0.99, [(1, 5), (math.inf, 10)]) == 1
    assert quantile(0.5, [(-1, 10), (math.inf, 10)]) == -1


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 50), min_size=2, max_size=8))
def test_quantiles_lie_within_the_bounds_and_rise(counts: list[int]) -> None:
    bounds = [float(i + 1) for i in range(len(counts) - 1)] + [math.inf]
    cumulative = [sum(counts[: i + 1]) for i in range(len(counts))]
    buckets = list(zip(bounds, map(float, cumulative), strict=True))
    found = [quantile(share, buckets) for share in (0.1, 0.5, 0.95)]
    if cumulative[-1] == 0:
        assert found == [None] * 3
    else:
        values = [value for value in found if value is not None]
        assert values == sorted(values)
        assert all(0 <= value <= bounds[-2] for value in values)
