"""Past reports through whole runs: what a build keeps, and that a stored report is rendered to the same bytes."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import html5lib
import pytest

from caelum_report import pipeline, store
from caelum_report.archived import Keeping
from caelum_report.configured import Config
from caelum_report.deliver.ours import MARKER
from tests.collect.fleet import config, program

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
HOURS = 3


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    here = config(program("/nonexistent/server"))
    return replace(
        here, database=str(tmp_path / "state" / "h.sqlite"), output=str(tmp_path / "site"), pdf=False,
        archive=Keeping(hourly_days=1),
    )  # fmt: skip


def shown(output: str) -> dict[str, bytes]:
    folder = Path(output)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def test_a_stored_report_gives_the_same_site_byte_for_byte(settings: Config, tmp_path: Path) -> None:
    sites = []
    for hour in range(HOURS):
        built = pipeline.build(settings, AT + timedelta(hours=hour))
        sites.append((built.report, shown(settings.output)))
    for report, site in sites:
        again = replace(settings, output=str(tmp_path / report.id))
        pipeline.render(again, report.at)
        assert shown(again.output) == site


def test_each_build_links_what_the_archive_keeps_and_writes_none_of_it_again(settings: Config) -> None:
    for hour in range(HOURS):
        pipeline.build(settings, AT + timedelta(hours=hour))
    folder = Path(settings.output, "archive")
    pages = sorted(folder.glob("r-*.html"))
    assert len(pages) == HOURS
    assert all(os.path.samefile(page, Path(f"{settings.database}.archive", page.name)) for page in pages)
    calendar = html5lib.parse((folder / "index.html").read_bytes(), namespaceHTMLElements=False)
    linked = {a.get("href") for a in calendar.iter("a") if a.get("class") == "kept"}
    assert linked == {page.name for page in pages}
    assert all((folder / name).with_suffix(".json").exists() for name in linked)
    method = Path(settings.output, "method.html").read_text("utf-8")
    assert "Before this report the archive held 2 reports" in method


def test_old_reports_are_let_go_and_the_calendar_knows(settings: Config) -> None:
    pipeline.build(settings, AT)
    pipeline.build(settings, AT + timedelta(hours=1))
    built = pipeline.build(settings, AT + timedelta(days=3))
    assert [one.number for one in store.kept(settings.database, built.report.id)] == [2]
    assert len(list(Path(settings.output, "archive").glob("r-*.html"))) == 2


def test_a_report_that_cannot_be_kept_is_published_all_the_same(settings: Config) -> None:
    Path(settings.database).parent.mkdir(mode=0o700)
    Path(f"{settings.database}.archive").write_bytes(b"in the way")
    built = pipeline.build(settings, AT)
    assert [note.code for note in built.site.notes] == ["archive-failed"]
    assert Path(settings.output, "archive", f"{built.report.id}.html").exists()
