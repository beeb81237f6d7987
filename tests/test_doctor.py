"""The doctor on real folders and real programs: what it says, and the command it gives."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caelum_report import demo, doctor
from caelum_report.configured import Config
from caelum_report.doctor import Check, checks, line
from caelum_report.model import FoundConfiguration, Server, Transport


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """One stdio server that exists everywhere; nothing is written yet."""
    server = Server("a", "a", Transport.STDIO, command="sh")
    base = demo.config(datetime(2026, 11, 22, tzinfo=UTC))
    return replace(
        base, servers=(server,), database=str(tmp_path / "state/history.sqlite"), output=str(tmp_path / "reports")
    )


def said(config: Config | None, name: str, environ: dict[str, str] | None = None) -> list[Check]:
    """What the looks say under this name; making a PDF takes a second and is left to the test of all of them."""
    quick = [look for look in doctor.LOOKS if look.__name__ != "_pdf"]
    return [check for check in checks(config, environ or dict(os.environ), quick) if check.name == name]


def one(config: Config | None, name: str, environ: dict[str, str] | None = None) -> Check:
    (check,) = said(config, name, environ)
    return check


def history(config: Config, table: str = "snapshots") -> Path:
    path = Path(config.database)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(f"create table {table} (id integer primary key)")
    connection.close()
    path.chmod(0o600)
    return path


def test_a_machine_that_is_well_gives_no_failure_and_no_traces(config: Config, tmp_path: Path) -> None:
    found = checks(config, dict(os.environ))
    assert [check for check in found if check.state == "fail" and check.name != "disk"] == []
    assert list(tmp_path.iterdir()) == []
    names = {check.name for check in found}
    assert names >= {
        "Python",
        "SQLite",
        "configuration",
        "history",
        "site",
        "disk",
        "zone",
        "dot",
        "PDF",
        "fonts",
        "schedule",
    }


def test_a_configuration_that_does_not_load_leaves_the_rest_to_be_seen() -> None:
    assert one(None, "configuration").state == "fail"
    assert one(None, "Python").state == "ok"
    assert said(None, "history") == []


def test_a_line_has_the_state_the_fact_and_the_command() -> None:
    assert (
        line(Check("dot", "warn", "not found", "apt-get install graphviz"))
        == "warn  dot: not found\n      → apt-get install graphviz"
    )
    assert line(Check("Python", "ok", "3.13.1")) == "ok    Python: 3.13.1"


def test_a_history_that_others_can_read(config: Config) -> None:
    path = history(config)
    assert one(config, "history").state == "ok"
    path.chmod(0o644)
    check = one(config, "history")
    assert (check.state, check.mend) == ("warn", f"chmod 600 {path}")
    path.chmod(0o600)
    path.parent.chmod(0o755)
    assert one(config, "history").mend == f"chmod 700 {path.parent}"


@pytest.mark.parametrize(("content", "why"), [(b"x" * 5000, "file is not a database"), (b"", "not a history")])
def test_a_history_that_is_damaged(config: Config, content: bytes, why: str) -> None:
    path = Path(config.database)
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)
    check = one(config, "history")
    assert check.state == "fail"
    assert why in check.text
    assert path.read_bytes() == content


def test_a_database_of_another_program(config: Config) -> None:
    history(config, table="bookmarks_of_a_browser")
    assert "not a history of caelum-report" in one(config, "history").text


def test_an_output_with_somebody_elses_files(config: Config) -> None:
    output = Path(config.output)
    output.mkdir()
    (output / "thesis.txt").write_text("seven years")
    check = one(config, "site")
    assert check.state == "fail"
    assert "thesis.txt" in check.text


@pytest.mark.parametrize(
    ("mode", "words"), [("exchange", "at once"), ("symlink", "swung"), ("in-place", "file by file")]
)
def test_how_the_site_will_be_published(config: Config, mode: str, words: str) -> None:
    Path(config.output).mkdir()
    assert words in one(replace(config, publish=mode), "site").text


def test_a_launcher_that_a_scheduled_run_does_not_find(config: Config, tmp_path: Path) -> None:
    tool = tmp_path / "bin/caelum-test-launcher"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    mine = replace(config, servers=(replace(config.servers[0], command=tool.name),))
    environ = {**os.environ, "PATH": f"{tool.parent}:{os.environ['PATH']}"}
    check = one(mine, "launcher", environ)
    assert (check.state, check.mend) == ("warn", "caelum-report init")
    assert "found here, not with cron's PATH" in check.text
    assert one(replace(mine, path=str(tool.parent)), "launcher", environ).state == "ok"
    gone = one(replace(mine, path="/nowhere"), "launcher", {**environ, "PATH": "/nowhere"})
    assert "spawn-failed" in gone.text


def test_a_server_that_cannot_be_used_and_a_configuration_that_was_found(config: Config) -> None:
    broken = replace(config.servers[0], id="b\u202e", slug="b", problem="the variable TOKEN is not set")
    found = FoundConfiguration("Cursor", "/home/me/.cursor/mcp.json", ("x", "y"))
    mine = replace(config, servers=(*config.servers, broken), found=(found,))
    assert one(mine, "server b<U+202E>").text == "the variable TOKEN is not set"
    cursor = one(mine, "Cursor")
    assert (cursor.text, cursor.mend) == ("/home/me/.cursor/mcp.json: 2 servers, not asked", "caelum-report init")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Europe", ""])
def test_a_zone_that_nobody_knows(config: Config, zone: str) -> None:
    assert one(replace(config, zone=zone), "zone").state == "fail"


@pytest.mark.skipif(not shutil.which("dot"), reason="apt-get install graphviz")
def test_dot_is_named_with_its_version(config: Config) -> None:
    assert "graphviz version" in one(config, "dot").text


def test_what_is_missing_comes_with_a_command(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    check = one(config, "dot", {"PATH": "/nowhere"})
    assert check.state == "warn"
    assert check.mend
    assert "graphviz" in check.mend


def test_a_timer_that_is_not_enabled(config: Config, tmp_path: Path) -> None:
    folder = tmp_path / ".config/systemd/user"
    folder.mkdir(parents=True)
    (folder / "caelum-report.timer").touch()
    check = one(config, "schedule", {"HOME": str(tmp_path), "PATH": "/nowhere"})
    assert check.mend == "systemctl --user enable --now caelum-report.timer"
    assert doctor.schedule.TIMER in check.mend
