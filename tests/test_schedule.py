"""The timer and the crontab line: checked by systemd's own tools and by a real shell."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from caelum_report import schedule
from caelum_report.errors import UsageError

COMMAND = ("/bin/true",)  # exists everywhere, as `systemd-analyze verify` wants
analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="apt-get install systemd")


def written(folder: Path, units: dict[str, str]) -> list[Path]:
    for name, content in units.items():
        (folder / name).write_text(content)
    return [folder / name for name in units]


@analyze
def test_systemd_has_nothing_to_say_about_the_system_units(tmp_path: Path) -> None:
    files = written(tmp_path, schedule.units(COMMAND))
    run = subprocess.run(["systemd-analyze", "verify", *files], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


@analyze
def test_systemd_has_nothing_to_say_about_a_users_units(tmp_path: Path) -> None:
    folder = tmp_path / "50 % of $HOME"
    folder.mkdir()
    files = written(tmp_path, schedule.units(COMMAND, folder))
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    run = subprocess.run(
        ["systemd-analyze", "verify", "--user", *files], check=False, capture_output=True, text=True, env=environ
    )
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


@analyze
def test_the_system_unit_is_exposed_by_less_than_one_and_a_half(tmp_path: Path) -> None:
    service, _ = written(tmp_path, schedule.units(COMMAND))
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", service]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@analyze
def test_the_lines_for_secrets_and_another_folder_are_right_once_they_are_used(tmp_path: Path) -> None:
    service, timer = written(tmp_path, schedule.units(COMMAND))
    folder = tmp_path / "caelum-report.service.d"
    folder.mkdir()
    readme = (schedule.CRON / "README.md").read_text()
    drop_ins = re.findall(r"```ini\n(.*?)```", readme, re.DOTALL)
    assert len(drop_ins) == 2
    for number, text in enumerate(drop_ins):
        (folder / f"{number}.conf").write_text(text)
    run = subprocess.run(["systemd-analyze", "verify", service, timer], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    assert "LoadCredential=SMTP_PASSWORD:" in "".join(drop_ins)


@analyze
def test_the_calendar_of_the_timer_is_hourly() -> None:
    line = next(line for line in schedule.units(COMMAND)[schedule.TIMER].splitlines() if line.startswith("OnCalendar="))
    subprocess.run(["systemd-analyze", "calendar", line.partition("=")[2]], check=True, capture_output=True)
    assert line == "OnCalendar=hourly"


@pytest.mark.parametrize("name", ["caelum report", "100%$X%h", "a;b", "${HOME}"])
def test_any_path_survives_the_unit_and_the_crontab(tmp_path: Path, name: str) -> None:
    program = tmp_path / name / "caelum-report"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$1 in $PWD"\n')
    program.chmod(0o755)
    line = schedule.crontab((str(program),), program.parent).splitlines()[-1]
    command = line.split(None, 5)[5].replace("\\%", "%").replace("test -d /run/systemd/system", "false")
    environ = {"HOME": "/nowhere", "PATH": "/usr/bin:/bin"}
    run = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True, env=environ)
    assert run.stdout == f"build in {program.parent}\n"
    if shutil.which("systemd-analyze"):  # it says so when ExecStart= names nothing that can be run
        files = written(tmp_path, schedule.units((str(program),)))
        verify = subprocess.run(["systemd-analyze", "verify", *files], check=False, capture_output=True, text=True)
        assert (verify.returncode, verify.stdout + verify.stderr) == (0, "")


@pytest.mark.parametrize("state", ["my state", '50 % "of" $HOME', "it's \\\\x"])
def test_the_runs_of_a_timer_find_the_history_that_the_shell_had(tmp_path: Path, state: str) -> None:
    """Under cron a new, empty history was begun in ~/.local/state, and its report #1 put over the good site."""
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    command = f"{sys.executable} -m caelum_report".split()
    cron = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    shell = {
        **cron, "XDG_STATE_HOME": str(tmp_path / state), "XDG_CONFIG_HOME": str(home / ".config"),
        "CAELUM_FLEET": "Home & more", "CAELUM_PING_URL": "http://127.0.0.1:9/secret",
    }  # fmt: skip

    def typed(*words: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, env=environ, cwd=home, check=True, capture_output=True, text=True)

    typed(*command, "collect", environ=shell)
    said = typed(*command, "schedule", "--crontab", environ=shell)
    assert "the timer's runs do not know CAELUM_PING_URL" in said.stderr
    line = said.stdout.splitlines()[-1]
    assert "secret" not in said.stdout + said.stderr
    assert "XDG_CONFIG_HOME" not in line, "what is usual needs no word"
    by_cron = line.split(None, 5)[5].replace("\\%", "%").replace("test -d /run/systemd/system", "false")
    typed("sh", "-c", by_cron.replace(" build;", " collect;"), environ=cron)
    with closing(sqlite3.connect(tmp_path / state / "caelum-report/history.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM snapshots").fetchone() == (2,)
    assert not (home / ".local").exists()


@analyze
def test_systemd_takes_the_variables_of_a_users_unit(tmp_path: Path) -> None:
    carried = {"XDG_STATE_HOME": '/a b/50 % "of" \\x', "CAELUM_FLEET": "Home & more"}
    files = written(tmp_path, schedule.units(COMMAND, tmp_path, carried))
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    run = subprocess.run(
        ["systemd-analyze", "verify", "--user", *files], check=False, capture_output=True, text=True, env=environ
    )
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    unit = files[0].read_text()
    assert (
        'Environment="XDG_STATE_HOME=/a b/50 %% \\"of\\" \\\\x"\nEnvironment="CAELUM_FLEET=Home & more"\nExecStart='
        in unit
    )


def test_the_crontab_line_leaves_a_systemd_machine_alone(tmp_path: Path) -> None:
    *settings, line = schedule.crontab(("/bin/false",), Path("/")).splitlines()
    assert any(setting.startswith("PATH=") and "/usr/local/bin" in setting for setting in settings)
    command = line.split(None, 5)[5].replace("/run/systemd/system", str(tmp_path))
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    assert subprocess.run(["sh", "-c", command.replace(str(tmp_path), "/nowhere")], check=False).returncode == 1


@pytest.mark.parametrize("name", ["a\n[Service]", 'say "x"', "it's", "back\\slash"])
def test_a_path_that_systemd_cannot_take_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"line break|quote"):
        schedule.units((f"/opt/{name}/caelum-report",))


def test_a_users_units_are_written_and_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path), "PATH": "/nowhere"}
    folder = tmp_path / ".config/systemd/user"
    said = list(schedule.install(environ, {"CAELUM_FLEET": "F"}, user=True))
    assert 'Environment="CAELUM_FLEET=F"\n' in (folder / "caelum-report.service").read_text()
    assert said[:2] == [f"wrote {folder}/caelum-report.service", f"wrote {folder}/caelum-report.timer"]
    assert said[2].startswith("not run, systemd is not at work here: systemctl --user daemon-reload")
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o644}
    assert f"WorkingDirectory={tmp_path}\n" in (folder / "caelum-report.service").read_text()
    assert schedule.found(environ) == "a systemd timer of this user, not enabled"
    said = list(schedule.uninstall(environ, user=True))
    assert [line for line in said if line.startswith("removed")] == [
        f"removed {folder}/caelum-report.service",
        f"removed {folder}/caelum-report.timer",
    ]
    assert list(folder.iterdir()) == []
    assert list(schedule.uninstall(environ, user=True)) == ["nothing is installed for this user"]


def test_the_system_units_come_with_their_user(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    said = list(schedule.install(environ, user=False, root=tmp_path))
    assert {line for line in said if line.startswith("wrote")} == {
        f"wrote {tmp_path}/etc/systemd/system/caelum-report.service",
        f"wrote {tmp_path}/etc/systemd/system/caelum-report.timer",
        f"wrote {tmp_path}/etc/sysusers.d/caelum-report.conf",
    }
    assert not any(line.startswith("ran") for line in said)
    if shutil.which("systemd-sysusers"):
        subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True)
        assert "caelum-report" in (tmp_path / "etc/passwd").read_text()


def test_the_program_is_named_by_a_path_that_exists() -> None:
    command = schedule.program({"PATH": "/usr/bin:/bin"})
    assert Path(command[0]).is_absolute()
    run = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True)
    assert run.stdout.startswith("caelum-report ")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file")
    with pytest.raises(UsageError, match=r"\.config"):
        list(schedule.install({"HOME": str(tmp_path), "PATH": "/nowhere"}, user=True))


def test_every_file_in_cron_is_told_of_in_its_readme() -> None:
    readme = (schedule.CRON / "README.md").read_text()
    assert all(file.name in readme for file in schedule.CRON.iterdir() if file.suffix != ".md")
