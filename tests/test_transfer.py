"""Figures in, history out: CSV, JSON, Parquet and Prometheus text, through the command line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from caelum_report import store
from caelum_report.cli import app
from caelum_report.errors import UsageError
from caelum_report.model import Failure, Reading, Sample
from caelum_report.render.prom import prom
from caelum_report.text import guarded, unguarded
from tests.collect.sources.daemons import need
from tests.render import sample_reports
from tests.store.given import config, fleet

NOW = datetime.now(UTC).replace(microsecond=0, minute=0, second=0) - timedelta(hours=1)
Run = Callable[..., str]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite"


@pytest.fixture
def run(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command on this history; gives what it printed, raises what it raised."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    def command(*words: str | Path) -> str:
        result = CliRunner().invoke(app, [*map(str, words), "--db", str(database)])
        if isinstance(result.exception, UsageError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return command


def written(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "figures.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def rows(database: Path) -> list[tuple[object, ...]]:
    with store.open_store(str(database)) as connection:
        columns, found = store.exported(connection, "samples", None)
        assert columns[:3] == ("at", "host", "source")
        return [tuple(row) for row in found]


def test_a_table_of_ones_own_is_brought_in_once(run: Run, database: Path, tmp_path: Path) -> None:
    stamp = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    file = written(tmp_path, "at,value,room,subject", f"{stamp},21.5,kitchen,", f"{NOW.timestamp() - 60:.0f},3,,github")
    assert run("import", "csv", file, "--metric", "temperature") == "2 figures\n"
    assert run("import", "csv", file, "--metric", "temperature") == "2 figures, 2 of them known already\n"
    (first, second) = rows(database)
    assert first[2:] == ("csv", "github", "temperature", "", 3.0, "", 0)
    assert second[0] == NOW
    assert second[2:] == ("csv", "csv", "temperature", '{"room":"kitchen"}', 21.5, "", 0)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["time,value"], ":1: the first line has no column at"),
        (["at,metric,value,value"], ":1: a column is named twice"),
        (["at,metric,value", "{now},a,1", "{now},a"], ":3: it has more or fewer cells"),
        (["at,metric,value", "{now},a,many"], ":2: `value` is no number"),
        (["at,metric,value", "{now},a,nan"], ":2: `value` is no number"),
        (["at,metric,value", "yesterday,a,1"], ":2: `at` is no time"),
        (["at,metric,value", "{now},,1"], ":2: `metric` is empty"),
        (["at,metric,value,labels", "{now},a,1,[]"], ":2: `labels` is no JSON object"),
        (["at,metric,value", '{now},"a'], "not CSV"),
        (["at,metric,value", "{now}," + "a" * 20_000 + ",1"], "not CSV"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_kept(
    run: Run, database: Path, tmp_path: Path, lines: list[str], words: str
) -> None:
    file = written(tmp_path, *(line.replace("{now}", f"{NOW:%Y-%m-%dT%H:%M:%SZ}") for line in lines))
    with pytest.raises(UsageError) as refused:
        run("import", "csv", file)
    assert words in str(refused.value)
    assert rows(database) == []


def test_figures_of_the_future_are_left_out(run: Run, tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    assert run("import", "csv", written(tmp_path, "at,metric,value", f"{later.isoformat()},a,1")) == "0 figures\n"


def test_an_export_goes_into_a_pipe_and_through_a_link(run: Run, tmp_path: Path) -> None:
    """`--output /dev/stdout` must write there, not put a file in its place."""
    run("import", "csv", written(tmp_path, "at,value", f"{NOW:%Y-%m-%dT%H:%M:%SZ},21.5"), "--metric", "temperature")
    expected = run("export", "csv")
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        run("export", "csv", "--output", pipe)
        assert reader.communicate()[0] == expected
    assert pipe.is_fifo()
    link.symlink_to(file)
    run("export", "csv", "--output", link)
    assert link.is_symlink()
    assert file.read_text() == expected
    with pytest.raises(UsageError, match="cannot be written"):
        run("export", "csv", "--output", tmp_path)


def test_what_is_exported_comes_back_the_same(run: Run, database: Path, tmp_path: Path) -> None:
    samples = (
        Sample("server-0", "calls", 7.25, "count", counter=True, labels=(("tool", '=cmd("x")'), ("z", "ü,;"))),
        Sample("-shop", "length", 3, at=NOW - timedelta(days=3, microseconds=7)),
    )
    with store.open_store(str(database)) as connection:
        reading = Reading("shop", "http-json", Failure.OK, samples=samples)
        store.add_snapshot(connection, replace(fleet(NOW), readings=(reading,)), config())
    before = rows(database)
    file = tmp_path / "out.csv"
    run("export", "csv", "--output", file)
    database.unlink()
    assert run("import", "csv", file) == "2 figures\n"
    assert rows(database) == before


def test_every_table_in_every_form(run: Run, database: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    with store.open_store(str(database)) as connection:
        for number in range(3):
            at = NOW - timedelta(days=3 - number)
            reading = Reading("shop", "http-json", Failure.OK, samples=(Sample("shop", "length", number),))
            store.add_snapshot(connection, replace(fleet(at), readings=(reading,)), config())
            store.maintain(connection, at, config())
    counts = {}
    for table in store.EXPORTS:
        comma = list(csv.DictReader(run("export", "csv", "--table", table).splitlines()))
        objects = json.loads(run("export", "json", "--table", table))
        file = tmp_path / f"{table}.parquet"
        run("export", "parquet", "--table", table, "--output", file)
        read = parquet.read_table(file).to_pylist()
        assert len(comma) == len(objects) == len(read)
        assert list(comma[0]) == list(objects[0]) == list(read[0])
        counts[table] = len(comma)
    assert (counts["samples"], counts["probes"]) == (3, 9)
    assert json.loads(run("export", "json", "--since", f"{NOW - timedelta(days=1):%Y-%m-%d}"))
    assert json.loads(run("export", "json", "--since", "1h")) == []
    with pytest.raises(UsageError, match="did you mean 'samples'"):
        run("export", "csv", "--table", "sample")


def test_without_a_history_nothing_is_exported(run: Run) -> None:
    for form in (("csv",), ("prometheus",)):
        with pytest.raises(UsageError, match="there is no history"):
            run("export", *form)


@pytest.mark.parametrize("name", ["fleet_report", "hostile_report", "first_report"])
def test_metrics_prom_is_what_promtool_and_the_parser_read(name: str) -> None:
    report = getattr(sample_reports, name)()
    page = prom(report).decode()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    up = {sample.labels["server"]: sample.value for sample in families["caelum_server_up"].samples}
    names = {server.name for server in report.servers if not server.retired}
    assert set(up) == names
    series = [line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")]
    assert len(set(series)) == len(series)
    checked = subprocess.run(
        [need("promtool", "prometheus"), "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@settings(deadline=None)
@given(st.text())
def test_a_guarded_cell_comes_back(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@"))
    if not cell.startswith("'"):
        assert unguarded(guarded(cell)) == cell
