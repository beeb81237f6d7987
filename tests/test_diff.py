"""`caelum-report diff`: the words on the command line, what it prints, and its exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
from typer.testing import CliRunner, Result

from caelum_report import pipeline, store
from caelum_report.cli import app
from caelum_report.errors import CaelumError, UsageError
from caelum_report.model import Failure
from tests.alerts.fleet import HOUR, START, config, server, snapshot

HOURS = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of hourly runs, two reports; at the end api is down."""
    folder = tmp_path_factory.mktemp("diff")
    settings = config(server("api"), server("<b>"), zone="UTC")
    settings = replace(settings, database=str(folder / "h.sqlite"))
    for hour in range(HOURS):
        taken = snapshot(settings, START + hour * HOUR, {"api": Failure.CONNECT_ERROR} if hour >= HOURS - 2 else {})
        with store.open_store(settings.database) as database:
            number = store.add_snapshot(database, taken, settings)
        if hour in {HOURS - 10, HOURS - 1}:
            pipeline.analyse(settings, number, taken, pipeline.Stopwatch())
    (folder / "caelum.toml").write_text(
        'database = "h.sqlite"\nfleet = "F"\nzone = "UTC"\nfind_configurations = false\n'
        '[[server]]\nname = "api"\nurl = "http://127.0.0.1:9/"\n[[server]]\nname = "<b>"\nurl = "http://127.0.0.1:9/b"\n'
    )
    (folder / "caelum.toml").chmod(0o600)
    return folder


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["diff", *words, "--config", str(folder / "caelum.toml")])


def test_a_regression_exits_with_6(folder: Path) -> None:
    done = run(folder, "1", "#2")
    assert done.exit_code == 6
    assert "#1 → #2: One worse, none better;" in done.output
    assert "worse   api: State up → down  (2 of 2 probes)" in done.output


def test_nothing_worse_exits_with_0(folder: Path) -> None:
    day = START + 24 * HOUR
    assert run(folder, f"{START:%Y-%m-%d}", f"{day:%Y-%m-%d}").exit_code == 0
    assert run(folder, "1", "2", "--server", "<b>").exit_code == 0


def test_as_json_and_as_a_page(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "1", "2", "--json", "--output", str(tmp_path / "diff.html"))
    said = json.loads(done.output)
    assert (said["regression"], said["before"]["label"], said["contrasts"][0]["servers"]) == (True, "#1", ["api"])
    page = (tmp_path / "diff.html").read_text("utf-8")
    html5lib.HTMLParser(strict=True).parse(page)
    assert "One worse, none better" in page
    assert "http" not in page.partition("<body")[2].replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("1", "9"), "there is no report 9"),
        (("yesterdya", "2"), "is no report and no time; did you mean yesterday?"),
        (("1", "latset"), "is no report and no time; did you mean latest?"),
        (("1", "§§"), "is no report and no time; write a report's number"),
        (("2", "1"), "#2 is later than #1"),
        (("1", "1"), "nothing to compare"),
        (("1", "2", "--server", "apj"), "did you mean 'api'?"),
        (("1999-01-01", "1"), "nothing is stored of 1 January 1999"),
        (("2999-01-01", "1"), "still to come"),
        (("2026-W01", "2026-01"), "overlap"),
    ],
)
def test_what_cannot_be_compared_is_said(folder: Path, words: tuple[str, ...], why: str) -> None:
    error = run(folder, *words).exception
    assert isinstance(error, CaelumError)
    assert error.exit_status == UsageError.exit_status
    assert why in str(error)


def test_the_latest_report_is_named_and_a_page_that_cannot_be_written_is_told(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "previous", "latest").output.startswith("#1 → #2: ")
    assert run(folder, "1", "latest").output == run(folder, "1", "2").output
    blocked = tmp_path / "away" / "page.html"
    done = run(folder, "1", "2", "--output", str(blocked))
    assert isinstance(done.exception, UsageError)
    assert "page.html: cannot be written" in str(done.exception)
