"""Redis as a service: its figures are those of `redis-cli info`, and what is no well Redis has its class."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from caelum_report.model import Failure, Reading

from .conftest import asked, source
from .services import PASSWORD, needs_redis, redis_server, speaking


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis"), "--maxmemory", "50mb", "--maxclients", "40") as port:
        yield port


def ask(url: str, timeout: float = 5.0) -> Reading:
    (reading,) = asked(source("redis", url=url, timeout=timeout))
    assert PASSWORD not in reading.reason
    return reading


def figures(reading: Reading) -> dict[str, float]:
    assert reading.failure is Failure.OK, reading.reason
    return {sample.metric: sample.value for sample in reading.samples}


def cli(port: int, *words: str) -> str:
    command = ["redis-cli", "-p", str(port), "--no-auth-warning", "-a", PASSWORD, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@needs_redis
def test_the_figures_are_those_of_redis_cli_info(port: int) -> None:
    for key in ("a", "b", "c"):
        cli(port, "set", key, "1")
        cli(port, "get", key)
    cli(port, "get", "nobody")
    found = figures(ask(f"redis://:{PASSWORD}@127.0.0.1:{port}"))
    info = dict(line.split(":", 1) for line in cli(port, "info").splitlines() if ":" in line)
    assert (found["keys"], found["keyspace_hits"], found["keyspace_misses"]) == (3, 3, 1)
    assert found["hit_percent"] == 75
    for metric, name in (
        ("maxmemory_bytes", "maxmemory"),
        ("maxclients", "maxclients"),
        ("evicted_keys", "evicted_keys"),
        ("keyspace_hits", "keyspace_hits"),
        ("replicas", "connected_slaves"),
    ):
        assert found[metric] == float(info[name]), metric
    assert found["used_memory_bytes"] == pytest.approx(float(info["used_memory"]), rel=0.2)
    assert found["memory_percent"] == pytest.approx(100 * found["used_memory_bytes"] / found["maxmemory_bytes"])
    assert found["clients_percent"] == 100 * found["connected_clients"] / 40
    assert 0 < found["ping_seconds"] < 5
    assert (found["save_failed"], found["log_write_failed"]) == (0, 0)


@needs_redis
def test_counters_are_counters_with_their_units(port: int) -> None:
    told = {sample.metric: sample for sample in ask(f"redis://:{PASSWORD}@127.0.0.1:{port}").samples}
    assert told["evicted_keys"].counter
    assert not told["used_memory_bytes"].counter
    assert told["used_memory_bytes"].unit == "bytes"
    assert told["ping_seconds"].unit == "seconds"
    assert {sample.subject for sample in told.values()} == {"it"}


@needs_redis
@pytest.mark.parametrize("user", ["", ":wrong-password-77@", "nobody:wrong-password-77@"])
def test_wrong_or_missing_credentials(port: int, user: str) -> None:
    reading = ask(f"redis://{user}127.0.0.1:{port}")
    assert (reading.failure, reading.samples) == (Failure.AUTH_REQUIRED, ())
    assert "wrong-password-77" not in reading.reason


@needs_redis
def test_a_plain_redis_where_tls_was_meant(port: int) -> None:
    assert ask(f"rediss://127.0.0.1:{port}", timeout=1.5).failure in {Failure.TLS_ERROR, Failure.TIMEOUT}


def test_nobody_there(tmp_path: Path) -> None:
    assert ask("redis://127.0.0.1:1").failure is Failure.CONNECT_ERROR
    assert ask("redis://nowhere.invalid").failure is Failure.DNS_ERROR
    assert ask(f"unix://{tmp_path}/none.sock").failure is Failure.CONNECT_ERROR


@pytest.mark.parametrize(
    ("says", "times", "failure"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, Failure.PROTOCOL_ERROR),
        (b"+PONG\r\n", 1, Failure.TIMEOUT),  # and nothing more
        (b"+PONG\r\n" * 2 + b"$5\r\nabc", 1, Failure.TIMEOUT),  # half an answer
        (b"+PONG\r\n" * 2 + b"$9\r\nnonsense!\r\n", 1, Failure.OK),  # INFO without a figure
        (b"*99999999\r\n", 1, Failure.TIMEOUT),
        (b"$99999999\r\n" + b"x" * 100_000, 30, Failure.OVERSIZED),
        (b"-LOADING Redis is loading the dataset in memory\r\n", 2, Failure.CONNECT_ERROR),
        (b"-ERR max number of clients reached\r\n", 1, Failure.CONNECT_ERROR),
        (b"", 1, Failure.TIMEOUT),
    ],
)
def test_what_is_no_well_redis(says: bytes, times: int, failure: Failure) -> None:
    with speaking(says, times=times) as port:
        reading = ask(f"redis://127.0.0.1:{port}", timeout=0.7)
    assert reading.failure is failure, reading.reason


def test_figures_of_a_liar_are_left_out() -> None:
    info = "used_memory:1e999\r\nmaxmemory:-7\r\nconnected_clients:many\r\nevicted_keys:nan\r\ndb0:keys=x\r\n\x00\x1b[31m:3\r\n"
    says = b"+PONG\r\n" * 2 + f"${len(info)}\r\n{info}\r\n".encode()
    with speaking(says) as port:
        reading = ask(f"redis://127.0.0.1:{port}", timeout=10.0)
    assert {s.metric: s.value for s in reading.samples if not s.metric.endswith("_seconds")} == {
        "keys": 0,
        "maxmemory_bytes": -7,
    }


def test_without_the_library_the_line_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "redis", None)
    with speaking(b"") as port:
        reading = ask(f"redis://127.0.0.1:{port}")
    assert reading.failure is Failure.CONFIG_ERROR
    assert "pip install 'caelum-report[sources]'" in reading.reason
