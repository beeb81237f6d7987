"""InfluxQL against a real influxd, with the figures of its own `influx`; Flux and SQL on the exchanges that InfluxDB's
documentation shows, for no server of 2.x or 3.x can be installed here.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caelum_report import imports
from caelum_report.errors import UsageError
from caelum_report.model import Failure, Reading, Sample
from tests.collect.fleet import AT, SECRET, config
from tests.ports import free_port

from .conftest import Service, asked, source
from .daemons import need, running

CONFIGURATION = """\
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "{address}"
  auth-enabled = true
"""
ADA = {"user": "ada", "password": "lovelace"}


@pytest.fixture(scope="module")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An influxd 1.x with an hour of points by the minute."""
    program = need("influxd", "influxdb")
    folder, address = tmp_path_factory.mktemp("influxdb"), f"127.0.0.1:{free_port()}"
    (folder / "i.conf").write_text(CONFIGURATION.format(folder=folder, address=address))
    with running([program, "-config", str(folder / "i.conf")], f"http://{address}/ping", folder):
        url = f"http://{address}"
        _post(
            f"{url}/query",
            urllib.parse.urlencode({"q": "CREATE USER ada WITH PASSWORD 'lovelace' WITH ALL PRIVILEGES"}),
        )
        _post(f"{url}/query?u=ada&p=lovelace", urllib.parse.urlencode({"q": "CREATE DATABASE shop"}))
        points = [
            f'orders,server={server},region=eu n={minute * factor}i,note="x" {int((AT - timedelta(minutes=minute)).timestamp())}000000000'
            for minute in range(60)
            for server, factor in (("github", 1), ("files", 2))
        ]
        _write(f"{url}/write?db=shop&u=ada&p=lovelace", "\n".join(points))
        yield url


def _write(url: str, points: str) -> None:
    """As soon as it takes any: it is up a little before, and says 404 until then."""
    until = time.monotonic() + 30
    while True:
        try:
            return _post(url, points)
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _post(url: str, body: str) -> None:
    with urllib.request.urlopen(url, body.encode()):
        pass


def ask(url: str, *queries: dict[str, Any], **more: Any) -> Reading:
    (reading,) = asked(source("influxdb", url=url, query=list(queries), timeout=20, **more))
    return reading


def test_an_aggregate_agrees_with_influx(influxdb: str) -> None:
    query = f"SELECT mean(n) FROM orders WHERE time > '{AT - timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}' GROUP BY server"
    reading = ask(influxdb, {"name": "orders", "query": query, "subject": "server"}, database="shop", **ADA)
    assert reading.failure is Failure.OK, reading.reason
    port = influxdb.rpartition(":")[2]
    who = ["-port", port, "-username", "ada", "-password", "lovelace", "-database", "shop"]
    said = subprocess.run(
        ["influx", *who, "-format", "json", "-execute", query], capture_output=True, text=True, check=True
    )
    results = json.loads(said.stdout)["results"]
    theirs = {one["tags"]["server"]: one["values"][0][1] for result in results for one in result["series"]}
    assert {sample.subject: sample.value for sample in reading.samples} == theirs == {"github": 14.5, "files": 29.0}
    assert all(sample.at is None for sample in reading.samples)


def test_points_of_the_window_have_their_own_times(influxdb: str) -> None:
    query = "SELECT max(n) FROM orders WHERE time > $start AND time <= $end GROUP BY time(10m), server, region"
    reading = ask(
        influxdb, {"name": "orders", "query": query, "subject": "server", "range": "30m"}, database="shop", **ADA
    )
    github = [sample for sample in reading.samples if sample.subject == "github"]
    assert [(sample.at, sample.value) for sample in github] == [
        (AT - timedelta(minutes=30), 29),
        (AT - timedelta(minutes=20), 20),
        (AT - timedelta(minutes=10), 10),
        (AT, 0),
    ]
    assert github[0].labels == (("region", "eu"),)


def test_its_past_is_brought_in_once(influxdb: str, tmp_path: Path) -> None:
    text = "SELECT max(n) FROM orders WHERE time >= $start AND time < $end GROUP BY time(10m), server"
    query = {"name": "orders", "query": text, "subject": "server"}
    asked_for = source("influxdb", url=influxdb, database="shop", query=[query], timeout=20, **ADA)
    settings = replace(config(), database=str(tmp_path / "history.sqlite"))
    start = AT - timedelta(hours=1)
    said = [imports.import_source(settings, asked_for, start, AT) for _ in range(2)]
    assert said == ["12 figures", "12 figures, 12 of them known already"]
    fixed = source("influxdb", url=influxdb, database="shop", query=[{**query, "query": "SELECT n FROM orders"}], **ADA)
    with pytest.raises(UsageError, match=r"only a query with \$start and \$end"):
        imports.import_source(settings, fixed, start, AT)


def test_without_queries_it_is_asked_whether_it_answers(influxdb: str) -> None:
    assert ask(influxdb).failure is Failure.OK


@pytest.mark.parametrize(
    ("query", "options", "failure", "words"),
    [
        ("SELECT n FROM orders", {"user": "ada", "password": "wrong"}, Failure.AUTH_REQUIRED, "HTTP 401"),
        ("SELEKT n FROM orders", ADA, Failure.CONFIG_ERROR, "error parsing query"),
        ("SELECT n FROM orders", {**ADA, "database": "nowhere"}, Failure.CONFIG_ERROR, "database not found"),
    ],
)
def test_what_it_refuses_is_told_in_its_words(
    influxdb: str, query: str, options: dict[str, Any], failure: Failure, words: str
) -> None:
    reading = ask(influxdb, {"name": "orders", "query": query}, **{"database": "shop", **options})
    assert reading.failure is failure
    assert words in reading.reason


# --- 2.x and 3.x, as documented -------------------------------------------------------------------------------------

FLUX = """\
#group,false,false,true,true,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,host
,,0,2026-11-22T12:00:00Z,2026-11-22T13:00:00Z,2026-11-22T12:10:00Z,0.5,usage,cpu,web
,,0,2026-11-22T12:00:00Z,2026-11-22T13:00:00Z,2026-11-22T12:20:00Z,0.7,usage,cpu,web

#group,false,false,true,true,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,host
,,1,2026-11-22T12:00:00Z,2026-11-22T13:00:00Z,2026-11-22T12:10:00Z,0.1,usage,cpu,db
"""


def test_flux_as_documented(service: Service) -> None:
    service.says("/api/v2/query", FLUX.replace("\n", "\r\n"), Content_Type="text/csv; charset=utf-8")
    query = {"name": "cpu", "query": 'from(bucket:"b") |> range(start: $start, stop: $end)', "subject": "host"}
    reading = ask(service.url, query, language="flux", org="acme", token=SECRET)
    labels = (("_field", "usage"),)
    assert reading.samples == (
        Sample("web", "cpu", 0.5, labels=labels, at=AT - timedelta(minutes=50)),
        Sample("web", "cpu", 0.7, labels=labels, at=AT - timedelta(minutes=40)),
        Sample("db", "cpu", 0.1, labels=labels),
    )
    assert service.headers[0]["authorization"] == f"Token {SECRET}"
    assert service.headers[0]["content-type"] == "application/vnd.flux"
    assert b"range(start: 2026-11-22T12:00:00.000000Z, stop: 2026-11-22T13:00:00.000000Z)" in service.bodies[0]


def test_sql_as_documented(service: Service) -> None:
    rows = [
        {"time": "2026-11-22T12:10:00", "room": "kitchen", "temp": 21.5},
        {"time": "2026-11-22T12:20:00", "room": "kitchen", "temp": 22.0},
    ]
    service.says("/api/v3/query_sql", json.dumps(rows))
    query = {"name": "temp", "query": "SELECT * FROM home WHERE time > $start", "unit": "celsius"}
    reading = ask(service.url, query, language="sql", bucket="home", token=SECRET)
    assert [(sample.value, sample.labels) for sample in reading.samples] == [
        (21.5, (("room", "kitchen"),)),
        (22.0, (("room", "kitchen"),)),
    ]
    asked_for = json.loads(service.bodies[0])
    assert asked_for["db"] == "home"
    assert asked_for["q"] == "SELECT * FROM home WHERE time > '2026-11-22T12:00:00.000000Z'"


@pytest.mark.parametrize("answer", ["[]", '{"results": []}', '{"results": [{"series": [{"columns": ["time"]}]}]}', "{"])
def test_an_answer_of_another_shape(service: Service, answer: str) -> None:
    service.says("/query", answer)
    assert ask(service.url, {"name": "x", "query": "x"}, database="d").failure is Failure.PROTOCOL_ERROR
