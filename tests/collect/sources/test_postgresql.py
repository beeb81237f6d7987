"""PostgreSQL as a service: its figures are those of `psql`, and what is no well PostgreSQL has its class."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from caelum_report.model import Failure, Reading

from .conftest import asked, source
from .services import PASSWORD, POSTGRES, needs_postgres, postgres, speaking

pytestmark = pytest.mark.xdist_group("postgresql")  # one server for them all


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with postgres(tmp_path_factory.mktemp("postgres"), "max_connections=10") as port:
        psql(port, "CREATE ROLE visitor LOGIN PASSWORD 'visitors-password'")
        yield port


def ask(port: int, who: str = f"caelum:{PASSWORD}", database: str = "postgres", timeout: float = 10.0) -> Reading:
    (reading,) = asked(source("postgresql", url=f"postgresql://{who}@127.0.0.1:{port}/{database}", timeout=timeout))
    assert PASSWORD not in reading.reason
    return reading


def psql(port: int, statement: str) -> str:
    command = [
        POSTGRES / "psql",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-U",
        "caelum",
        "-d",
        "postgres",
        "-AtXc",
        statement,
    ]
    environ = {**os.environ, "PGPASSWORD": PASSWORD}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout.strip()


@needs_postgres
def test_the_figures_are_those_of_psql(port: int) -> None:
    reading = ask(port)
    assert (reading.failure, reading.notes) == (Failure.OK, ()), reading.reason
    found = {sample.metric: sample.value for sample in reading.samples}
    assert found["max_connections"] == float(psql(port, "SHOW max_connections")) == 10
    assert found["connections"] == float(
        psql(port, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    )
    assert found["connections_percent"] == 10
    assert found["database_bytes"] == float(psql(port, "SELECT pg_database_size('postgres')"))
    assert found["transaction_age"] == float(psql(port, "SELECT max(age(datfrozenxid)) FROM pg_database"))
    hits, reads = psql(port, "SELECT sum(blks_hit), sum(blks_read) FROM pg_stat_database").split("|")
    assert found["cache_hit_percent"] == pytest.approx(100 * int(hits) / (int(hits) + int(reads)), abs=3)
    assert found["standbys"] == 0
    assert found["oldest_transaction_seconds"] == 0
    assert 0 < found["query_seconds"] < found["connect_seconds"] + 5
    counters = {sample.metric for sample in reading.samples if sample.counter}
    assert counters == {"block_hits", "block_reads", "commits", "rollbacks", "deadlocks", "temporary_bytes"}


@needs_postgres
def test_a_transaction_that_somebody_forgot(port: int) -> None:
    command = [POSTGRES / "psql", "-h", "127.0.0.1", "-p", str(port), "-U", "caelum", "-d", "postgres", "-AtXq"]
    environ = {**os.environ, "PGPASSWORD": PASSWORD}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environ
    ) as session:
        print("BEGIN; SELECT 'begun', pg_sleep(0.05);", file=session.stdin, flush=True)
        assert session.stdout.readline().startswith("begun")
        found = {sample.metric: sample.value for sample in ask(port).samples}
        session.stdin.close()
    assert found["idle_in_transaction"] == 1
    assert found["oldest_transaction_seconds"] > 0.05


@needs_postgres
def test_a_role_that_may_not_see_all_says_so(port: int) -> None:
    reading = ask(port, "visitor:visitors-password")
    assert reading.failure is Failure.OK, reading.reason
    assert [note.code for note in reading.notes] == ["pg-monitor"]


@needs_postgres
@pytest.mark.parametrize(
    ("who", "database", "failure"),
    [
        ("caelum:wrong-password-77", "postgres", Failure.AUTH_REQUIRED),
        ("nobody:wrong-password-77", "postgres", Failure.AUTH_REQUIRED),
        ("caelum", "postgres", Failure.AUTH_REQUIRED),
        (f"caelum:{PASSWORD}", "nowhere", Failure.CONFIG_ERROR),
        (f"caelum:{PASSWORD}", "postgres?sslmode=require", Failure.TLS_ERROR),
    ],
)
def test_credentials_database_and_encryption(port: int, who: str, database: str, failure: Failure) -> None:
    reading = ask(port, who, database)
    assert (reading.failure, reading.samples) == (failure, ()), reading.reason
    assert "wrong-password-77" not in reading.reason


@needs_postgres
def test_a_server_that_is_full_lets_nobody_in(port: int) -> None:
    psql(port, "ALTER ROLE visitor CONNECTION LIMIT 0")
    try:
        reading = ask(port, "visitor:visitors-password")
    finally:
        psql(port, "ALTER ROLE visitor CONNECTION LIMIT -1")
    assert reading.failure is Failure.CONNECT_ERROR
    assert "too many connections" in reading.reason


def test_nobody_there(tmp_path: Path) -> None:
    assert ask(1).failure is Failure.CONNECT_ERROR
    (reading,) = asked(source("postgresql", url=f"postgresql:///x?host={tmp_path}"))
    assert reading.failure is Failure.CONNECT_ERROR
    (reading,) = asked(source("postgresql", url="postgresql://a,b/x"))
    assert (reading.failure, "one host" in reading.reason) == (Failure.CONFIG_ERROR, True)


@pytest.mark.parametrize(
    ("says", "times", "failure"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, Failure.PROTOCOL_ERROR),
        (b"R\x00", 1, Failure.TIMEOUT),
        (b"R\x00\x00\x00\x08\x00\x00\x00\x03", 1, Failure.AUTH_REQUIRED),  # asks for the password in plain
        (b"R\x00\x00\x00\x08\x00\x00\x00\x00N\x02\x00\x00\x00" + b"x" * 100_000, 30, Failure.OVERSIZED),
        (b"E\x00\x00\x00\x20SFATAL\x00C57P03\x00Mstarting up\x00\x00", 1, Failure.CONNECT_ERROR),
        (b"", 1, Failure.TIMEOUT),
    ],
)
def test_what_is_no_well_postgresql(says: bytes, times: int, failure: Failure) -> None:
    with speaking(says, times=times) as port:
        reading = ask(port, database="x?sslmode=disable", timeout=0.7)
    assert reading.failure is failure, reading.reason
