"""A person's note: said once, seen below every chart."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from caelum_report import store
from caelum_report.cli import app
from caelum_report.errors import UsageError
from caelum_report.render import render
from tests.alerts.fleet import HOUR, START, Course, config, server
from tests.alerts.test_reported import reported, words_of


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("CAELUM", "XDG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "history.sqlite"
    with store.open_store(str(path)):
        return path


def mark(history: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["mark", *words, "--db", str(history)])
    if result.exception is not None:
        raise result.exception
    return result.output


def noted(history: Path) -> list[tuple[int, str]]:
    with store.open_store(str(history)) as database:
        return database.execute("SELECT at / 1000000, text FROM marks ORDER BY id").fetchall()


def test_a_note_is_of_now_or_of_a_time_that_was(history: Path) -> None:
    before = datetime.now(UTC).timestamp()
    assert mark(history, "Deployed  2.3\n").startswith("Marked ")
    mark(history, "Key ghp_0123456789abcdefghijABCDEFGHIJ0123 rotated", "--at", "2026-01-02T03:04+01:00")
    (now, first), (then, second) = noted(history)
    assert first == "Deployed 2.3"
    assert now >= int(before)
    assert (then, second) == (int(datetime(2026, 1, 2, 2, 4, tzinfo=UTC).timestamp()), "Key [redacted] rotated")


@pytest.mark.parametrize("words", [("",), ("x" * 201,), ("later", "--at", "2999-01-01"), ("when", "--at", "noon")])
def test_what_is_no_note_is_refused(history: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        mark(history, *words)
    assert noted(history) == []


def test_without_a_history_there_is_nothing_to_mark(tmp_path: Path, history: Path) -> None:
    with pytest.raises(UsageError, match="no history"):
        mark(tmp_path / "nothing.sqlite", "Deployed 2.3")


def test_a_note_stands_on_every_chart_and_among_the_changes(tmp_path: Path) -> None:
    evil = "<b>2.3</b> & more"
    course = Course(config(server("a"), server("b")), tmp_path / "history.sqlite")
    with store.open_store(str(course.path)) as database:
        store.add_mark(database, START + 2.5 * HOUR, evil)
        store.add_mark(database, START + timedelta(days=9), "still to come")
    report = reported(course, {}, {}, {}, {}, {}, {})
    assert [mark.text for mark in report.marks] == [evil]
    charts = [chart for one in report.servers for chart in one.charts] + list(report.fleet_charts)
    assert charts
    assert {tuple(mark.text for mark in chart.marks) for chart in charts} == {(evil,)}
    site = render(report, pdf=False)
    for page in ("changes.html", "servers/a.html"):
        assert evil in words_of(site, page)
    assert b"<b>2.3" not in site.files["changes.html"] + site.files["servers/a.html"]


def test_without_notes_the_page_says_how_one_is_made(tmp_path: Path) -> None:
    course = Course(config(server("a")), tmp_path / "history.sqlite")
    assert "caelum-report mark" in words_of(render(reported(course, {}), pdf=False), "changes.html")


def test_a_note_can_be_made_while_a_site_is_built(history: Path) -> None:
    with store.publish_lock(str(history)):
        mark(history, "Deployed 2.3")
    assert len(noted(history)) == 1
