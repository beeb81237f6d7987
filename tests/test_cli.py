"""The command line as it is typed, wrong ways included."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

COMMANDS = (
    "build",
    "collect",
    "render",
    "probe",
    "init",
    "approve",
    "servers",
    "doctor",
    "config",
    "schedule",
    "mcp",
    "tap",
    "backup",
    "restore",
    "purge",
    "demo",
    "import",
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


def run(home: Path, *words: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command as cron starts it: a short environment, no terminal."""
    clean = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environ}
    return subprocess.run(
        [sys.executable, "-m", "caelum_report", *words],
        env=clean,
        cwd=cwd or home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def a_server(folder: Path, name: str = "tiny", **more: object) -> Path:
    """An mcp.json that names our own server, which answers everywhere."""
    file = folder / "mcp.json"
    entry = {"command": sys.executable, "args": ["-m", "caelum_report", "mcp"], **more}
    file.write_text(json.dumps({"mcpServers": {name: entry}}))
    file.chmod(0o600)
    return file


def test_the_first_build_needs_nothing_and_says_nothing(home: Path) -> None:
    result = run(home, "build", "--no-pdf")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (home / "reports/index.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    document = json.loads((home / "reports/api/v1/servers.json").read_text("utf-8"))
    assert [(server["id"], server["status"]) for server in document["servers"]] == [("caelum-report", "up")]
    history = home / ".local/state/caelum-report/history.sqlite"
    assert (history.stat().st_mode & 0o777, history.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (home / "reports/index.html").stat().st_mode & 0o777 == 0o644


def test_nobodys_servers_are_started_unasked(home: Path, tmp_path: Path) -> None:
    witness = tmp_path / "started"
    (home / ".cursor").mkdir()
    (home / ".cursor/mcp.json").write_text(
        json.dumps({"mcpServers": {"watched": {"command": "touch", "args": [str(witness)]}}})
    )
    assert run(home, "build", "--no-pdf").returncode == 0
    page = (home / "reports/index.html").read_text("utf-8")
    assert not witness.exists()
    assert "caelum-report init" in page


def test_init_writes_a_configuration_and_starts_nothing_before_it_is_approved(home: Path, tmp_path: Path) -> None:
    witness = tmp_path / "started"
    (home / ".cursor").mkdir()
    (home / ".cursor/mcp.json").write_text(
        json.dumps({"mcpServers": {"watched": {"command": "touch", "args": [str(witness)]}}})
    )
    first = run(home, "init")
    assert first.returncode == 0, first.stderr
    assert "watched" in first.stdout
    assert run(home, "init").returncode == 2, "an existing file is never replaced"
    assert run(home, "build", "--no-pdf").returncode == 0
    assert not witness.exists()
    listed = run(home, "approve")
    assert "watched" in listed.stdout
    assert run(home, "approve", "watchd").returncode == 2
    assert run(home, "approve", "watched").returncode == 0
    assert run(home, "build", "--no-pdf").returncode == 0
    assert witness.exists()
    assert "No server waits" in run(home, "approve").stdout
    other = tmp_path / "other"
    (home / ".cursor/mcp.json").write_text(
        json.dumps({"mcpServers": {"watched": {"command": "touch", "args": [str(other)]}}})
    )
    assert run(home, "approve", "watched").returncode == 0
    assert run(home, "build", "--no-pdf").returncode == 0
    assert other.exists(), "what was agreed to just now waits for no cadence"


def test_init_counts_what_it_watches_and_says_how_to_go_on_where_it_found_nothing(home: Path) -> None:
    nothing = run(home, "init")
    assert nothing.returncode == 0, nothing.stderr
    assert "It watches 0 configurations." in nothing.stdout
    assert "Add one to mcp_configs in that file, or a [[server]]." in nothing.stdout
    written = Path(nothing.stdout.split(". It watches")[0].removeprefix("Wrote "))
    written.unlink()
    (home / ".cursor").mkdir()
    (home / ".cursor/mcp.json").write_text("{")
    broken = run(home, "init")
    assert "It watches 0 configurations." in broken.stdout
    assert "Cursor: " in broken.stdout
    assert "it cannot be read" in broken.stdout
    assert "mcp_configs in that file" not in broken.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bild"], "No such command"),
        (["build", "--outptu", "x"], "No such option"),
        (["build", "--config", "nowhere.toml"], "nowhere.toml"),
        (["build", "--config", "."], "is a folder; name the file in it"),
        (["build", "--mcp-config", "nowhere.json"], "nowhere.json"),
        (["build", "--fail-on", "sometimes"], "needs-action"),
        (["probe", "caelum-reprot"], "did you mean 'caelum-report'"),
        (["render"], "caelum-report build"),
        (["render", "--at", "yesterday"], "is not a time"),
        (["backup", "copy.sqlite"], "there is no history"),
        (["restore", "nowhere.sqlite"], "nowhere.sqlite"),
        (["servers", "retire", "nobody"], "there is no history"),
        (["servers", "pin", "nobody"], "there is no history"),
        (["servers", "forget", "nobody"], "there is no history"),
        (["config", "explain", "evry"], "every"),
        (["schedule", "--install", "--uninstall"], "exclude each other"),
    ],
    ids=" ".join,
)
def test_typed_wrong(home: Path, words: list[str], told: str) -> None:
    result = run(home, *words)
    assert result.returncode == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert not (home / "reports").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_under_standard_output_is_said(home: Path) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "caelum_report", "config", "show"],
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == "caelum-report: no space left to write standard output\n"


def test_every_command_has_help(home: Path) -> None:
    top = run(home, "--help")
    assert top.returncode == 0
    for name in COMMANDS:
        assert f"  {name} " in top.stdout
        assert run(home, name, "--help").returncode == 0


def test_help_imports_nothing_heavy(home: Path) -> None:
    result = run(home, "--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert (
        not {
            "pandas",
            "numpy",
            "matplotlib",
            "seaborn",
            "pydantic",
            "sqlite_utils",
            "weasyprint",
            "httpx",
            "jinja2",
            "psutil",
        }
        & loaded
    )


def test_collect_imports_no_analysis(home: Path) -> None:
    result = run(home, "collect", PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0
    loaded = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert not {"pandas", "matplotlib", "seaborn", "sqlite_utils", "weasyprint", "jinja2"} & loaded


def test_fail_on_down_publishes_first(home: Path) -> None:
    broken = home / "mcp.json"
    broken.write_text(json.dumps({"mcpServers": {"broken": {"command": "false"}}}))
    result = run(home, "build", "--no-pdf", "--mcp-config", str(broken), "--fail-on", "down", "--json")
    assert result.returncode == 6
    summary = json.loads(result.stdout)
    assert summary["tally"] == {"down": 1}
    assert (home / "reports/index.html").exists()


def test_the_columns_of_servers_list_stand_below_each_other_with_a_long_name_too(home: Path) -> None:
    long = "a name that is longer than what most people call theirs"
    file = home / "two.json"
    file.write_text(json.dumps({"mcpServers": {"short": {"command": "one"}, long: {"command": "two"}}}))
    lines = run(home, "servers", "list", "--mcp-config", str(file)).stdout.splitlines()
    assert len({line.index("not asked yet") for line in lines if "not asked yet" in line}) == 1
    assert sum("not asked yet" in line for line in lines) >= 2


def test_a_server_behind_a_changed_entry_is_found_by_name_and_history(home: Path) -> None:
    file = a_server(home)
    assert run(home, "build", "--no-pdf", "--mcp-config", str(file)).returncode == 0
    pinned = run(home, "servers", "pin", "tiny").stdout
    assert pinned.startswith("tiny is pinned: 4 tools, about ")
    surface = pinned.partition("surface ")[2][:12]
    assert "pinned to this already" in run(home, "servers", "pin", "tiny", "--surface", surface).stdout
    assert (
        f"now offers the surface {surface}, not 0000" in run(home, "servers", "pin", "tiny", "--surface", "0000").stderr
    )
    (row,) = (row for row in json.loads(run(home, "servers", "list", "--json").stdout) if row["name"] == "tiny")
    assert (row["pinned"][:12], row["offers_pinned"]) == (surface, True)
    assert " pinned " in run(home, "servers", "list").stdout
    assert run(home, "servers", "unpin", "tiny").stdout == "tiny is no longer pinned.\n"
    assert run(home, "servers", "rename", "tiny", "small").returncode == 0
    listed = json.loads(run(home, "servers", "list", "--json", "--mcp-config", str(a_server(home, "small"))).stdout)
    assert [(row["name"], row["status"]) for row in listed] == [("small", "up")]
    assert run(home, "servers", "retire", "small").returncode == 0
    assert "retired" in run(home, "servers", "list").stdout
    assert "no server 'smal'; did you mean 'small'" in run(home, "servers", "forget", "smal").stderr
    assert "--yes" in run(home, "servers", "forget", "small").stderr
    assert run(home, "servers", "forget", "small", "--yes").returncode == 0


def test_a_server_that_is_still_configured_keeps_its_history(home: Path) -> None:
    assert run(home, "collect").returncode == 0
    result = run(home, "servers", "rename", "caelum-report", "another")
    assert result.returncode == 2
    assert "still in the configuration" in result.stderr


@pytest.mark.slow
def test_backup_restore_and_the_same_bytes_again(home: Path) -> None:
    assert run(home, "build").returncode == 0
    site = home / "reports"
    before = {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert run(home, "backup", "copy.sqlite").returncode == 0
    assert run(home, "restore", "copy.sqlite").returncode == 2, "a history that is there is not replaced unasked"
    (home / ".local/state/caelum-report/history.sqlite").unlink()
    assert run(home, "restore", "copy.sqlite").returncode == 0
    assert run(home, "render", "--output", "again").returncode == 0
    after = {
        path.relative_to(home / "again"): path.read_bytes() for path in (home / "again").rglob("*") if path.is_file()
    }
    assert [str(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)] == []
    with closing(sqlite3.connect(home / "copy.sqlite")) as copy:
        assert copy.execute("select count(*) from snapshots").fetchone() == (1,)


def test_somebody_elses_folder_is_refused_before_anything_is_asked(home: Path) -> None:
    (home / "photos").mkdir()
    (home / "photos/holiday.jpg").write_bytes(b"not ours")
    result = run(home, "build", "--no-pdf", "--output", "photos")
    assert result.returncode == 2
    assert "photos" in result.stderr
    assert [path.name for path in (home / "photos").iterdir()] == ["holiday.jpg"]
    assert not (home / ".local").exists(), "nothing was asked, nothing stored"


def test_a_damaged_history_is_left_alone_and_can_be_put_aside(home: Path) -> None:
    assert run(home, "build", "--no-pdf").returncode == 0
    history = home / ".local/state/caelum-report/history.sqlite"
    history.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    damaged = history.read_bytes()
    index = (home / "reports/index.html").read_bytes()
    result = run(home, "build", "--no-pdf")
    assert result.returncode == 3
    assert "--rescue" in result.stderr
    assert history.read_bytes() == damaged
    assert (home / "reports/index.html").read_bytes() == index
    assert run(home, "build", "--no-pdf", "--rescue").returncode == 0
    assert any(path.read_bytes() == damaged for path in history.parent.iterdir() if path.is_file())


def test_a_secret_reaches_nothing_that_is_written(home: Path) -> None:
    secret = "zq9f8b7c6d5e4a3b2c1d"
    echo = "import os, sys; sys.stderr.write('cannot log in with ' + os.environ['API_TOKEN']); sys.exit(3)"
    file = home / "mcp.json"
    file.write_text(
        json.dumps(
            {"mcpServers": {"leaky": {"command": sys.executable, "args": ["-c", echo], "env": {"API_TOKEN": secret}}}}
        )
    )
    file.chmod(0o600)
    result = run(home, "build", "--mcp-config", str(file), "--verbose")
    assert result.returncode == 0
    written = [path for path in home.rglob("*") if path.is_file() and path != file]
    assert [str(path) for path in written if secret.encode() in path.read_bytes()] == []
    assert secret not in result.stdout + result.stderr
    assert "[redacted]" in (home / "reports/servers/leaky.html").read_text("utf-8")


@pytest.mark.slow
def test_two_builds_at_once_end_well(home: Path) -> None:
    command = [sys.executable, "-m", "caelum_report", "build", "--no-pdf"]
    environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
    started = [
        subprocess.Popen(command, env=environ, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert {code for _, code in ended} <= {0, 75}
    assert 0 in {code for _, code in ended}
    assert all(said == ("", "") for said, _ in ended)


def test_a_switch_that_cannot_be_told_ends_with_5_after_the_site_is_published(home: Path) -> None:
    result = run(home, "build", "--no-pdf", CAELUM_PING_URL="http://127.0.0.1:9/secret-uuid")
    assert result.returncode == 5
    assert "CAELUM_PING_URL" in result.stderr
    assert "secret-uuid" not in result.stderr
    assert (home / "reports/index.html").exists()
    assert run(home, "build", "--no-pdf", CAELUM_PING_URL="not an address").returncode == 2


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("caelum_report.cli", ("caelum_report.model", "caelum_report.config", "pydantic", "numpy", "hashlib", "rich")),
        ("caelum_report.pipeline", ("caelum_report.document", "caelum_report.codec", "pydantic", "numpy", "jinja2")),
    ],
)
def test_a_start_imports_nothing_that_is_needed_later(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_config_check_names_every_entry_that_cannot_be_used_and_what_to_do(home: Path) -> None:
    entries = {"well": {"command": "npx"}, "unset": {"command": "npx", "env": {"T": "${NOPE}"}}, "empty": {}}
    file = home / "mcp.json"
    file.write_text(json.dumps({"mcpServers": entries}))
    (home / "caelum.toml").write_text('mcp_configs = ["mcp.json"]\n[[source]]\nname = "cache"\nkind = "redis"\n')
    result = run(home, "config", "check", "--config", "caelum.toml")
    assert (result.returncode, result.stderr) == (2, ""), result.stderr
    head, *lines = result.stdout.splitlines()
    assert head.endswith("caelum.toml: 3 entries cannot be used")
    said = "\n".join(lines)
    assert f"  empty: it has neither `command` nor `url`\n      mend its entry in {file}\n" in said
    assert "  unset: env T: the variable NOPE is not set\n      set NOPE in the environment of the runs" in said
    assert "  source cache: it has no `url`, and the variable REDIS_URL is not set\n      set REDIS_URL" in said
    assert "  well: " not in said
    well = run(home, "config", "check", "--config", "caelum.toml", REDIS_URL="redis://cache", NOPE="1")
    assert (well.returncode, "1 entry cannot be used" in well.stdout) == (2, True)
    file.write_text(json.dumps({"mcpServers": {"well": entries["well"]}}))
    well = run(home, "config", "check", "--config", "caelum.toml", REDIS_URL="redis://cache")
    assert (well.returncode, well.stdout.splitlines()[0].endswith(": good")) == (0, True)


@pytest.fixture
def watched(home: Path) -> Path:
    """A fleet of two in a watched file, agreed to by nobody yet."""
    file = a_server(home, "one")
    entries = json.loads(file.read_text())["mcpServers"]
    file.write_text(
        json.dumps({"mcpServers": entries | {"two": entries["one"] | {"args": ["-m", "caelum_report", "mcp", "-h"]}}})
    )
    (home / "caelum.toml").write_text('mcp_configs = ["mcp.json"]\nevery = "1h"\nfind_configurations = false\n')
    return file


def named(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(home, *words, CAELUM_CONFIG=str(home / "caelum.toml"))


def rewritten(file: Path, **change: object) -> None:
    entries = json.loads(file.read_text())["mcpServers"]
    for name, entry in change.items():
        entries.pop(name)
        entries |= {} if entry is None else {name: entry}
    file.write_text(json.dumps({"mcpServers": entries}))


def test_a_fleets_first_day_on_the_command_line(home: Path, watched: Path) -> None:
    first = named(home, "build", "--no-pdf", "--verbose")
    assert "Not approved: Two servers wait for your approval: one and two" in first.stdout
    assert "caelum-report approve --all" in first.stdout
    assert named(home, "approve", "--all").stdout.endswith("Approved 2 servers.\n")
    named(home, "build", "--no-pdf")
    again = json.loads((home / "reports" / "report.json").read_text())
    named(home, "build", "--no-pdf")
    idle = json.loads((home / "reports" / "report.json").read_text())
    assert again["coverage"]["sentence"].startswith("2 of 2 servers asked;")
    assert idle["coverage"]["sentence"].startswith("2 of 2 servers asked, none of them in this run;")
    assert {span["checks"] for server in idle["servers"] for span in server["uptime"]} == {1}, (
        "what was not approved was not checked"
    )

    rewritten(watched, two=None, one=json.loads(watched.read_text())["mcpServers"]["two"])
    lines = named(home, "servers", "list").stdout.splitlines()
    assert lines[0].split()[:3] == ["one", "not", "approved"]
    last = named(home, "build", "--no-pdf", "--verbose")
    assert "Fleet: two asked before, now not configured; history and page stay" in last.stdout
    diff = named(home, "diff", "previous", "latest")
    assert "other   one: State up → unknown  (not asked: not approved: changed since it was approved" in diff.stdout
    assert "other   two: Fleet configured → not configured" in diff.stdout
    assert (diff.returncode, "probe" in diff.stdout) == (0, False)


def test_approve_says_what_is_another_than_what_was_approved(home: Path, watched: Path) -> None:
    secret = "sk-live-0123456789abcdef"
    rewritten(watched, one={"command": "sh", "args": ["a.sh", "--token", secret]}, two=None)
    named(home, "approve", "one")
    rewritten(watched, one={"command": "sh", "args": ["b.sh", "--token", secret], "env": {"EXTRA_KEY": secret}})
    said = named(home, "approve").stdout
    assert re.search(
        r"^  changed since it was approved, [\d:]+:\n"
        r"    runs \S*sh a\.sh --token '\[redacted\]'  ->  runs \S*sh b\.sh --token '\[redacted\]'\n"
        r"    nothing  ->  with the variables EXTRA_KEY$",
        said,
        re.MULTILINE,
    ), said
    named(home, "approve", "one")
    rewritten(watched, one={"command": "sh", "args": ["b.sh", "--token", secret[::-1]], "env": {"EXTRA_KEY": secret}})
    said = named(home, "approve").stdout
    assert "    a value that is not shown: a secret in it, or of a variable that decides what is run\n" in said
    rewritten(watched, one={"url": "http://127.0.0.1:9/mcp"})
    said = named(home, "approve").stdout
    assert "  ->  nothing\n" in said
    assert "    nothing  ->  asks http://127.0.0.1:9/mcp over http\n" in said
    database = home / ".local/state/caelum-report/history.sqlite"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        assert secret not in str(connection.execute("SELECT * FROM approvals").fetchall())
        connection.execute("UPDATE approvals SET shown = '[]'")
    assert "    what was shown then is not stored\n" in named(home, "approve").stdout
    named(home, "approve", "one")
    assert named(home, "approve").stdout == "No server waits for consent.\n"


def test_a_trusted_entry_that_changed_is_asked_by_the_next_run(home: Path, watched: Path) -> None:
    settings = home / "caelum.toml"
    settings.write_text('trust = "file"\nstdio_every = "15m"\n' + settings.read_text())
    named(home, "collect")
    assert json.loads(named(home, "collect", "--json").stdout)["not_due"] == 2
    rewritten(watched, one={"command": "no-such-program-anywhere"})
    told = json.loads(named(home, "collect", "--json").stdout)
    assert (told["tally"], told["not_due"]) == ({"down": 1}, 1)
    assert json.loads(named(home, "collect", "--json").stdout)["not_due"] == 2


def test_a_server_that_was_mended_stays_down_until_it_is_asked_and_the_summary_says_how(
    home: Path, tmp_path: Path
) -> None:
    program = tmp_path / "mended.sh"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    entry = {"command": str(program), "args": []}
    file = home / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"wx": entry}}))
    assert "Down: wx" in run(home, "build", "--no-pdf", "-v", "--mcp-config", str(file)).stdout
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -m caelum_report mcp\n")
    idle = run(home, "build", "--no-pdf", "-v", "--mcp-config", str(file)).stdout
    assert "Down: wx" in idle
    assert re.search(r"Not asked by this run: wx: last checked [\d:]+, asked again from [\d:]+\n", idle), idle
    assert "caelum-report build --now asks every server at once" in idle
    findings = json.loads((home / "reports/api/v1/findings.json").read_text())["findings"]
    advice = next(one["advice"] for one in findings if one["id"] == "state:wx")
    assert re.fullmatch(
        r"Last checked [\d:]+, asked again from [\d:]+; caelum-report build --now asks at once\.", advice
    )
    page = re.sub(r"<[^>]+>", "", (home / "reports/servers/wx.html").read_text("utf-8"))
    assert re.search(r"Last checked [\d:]+, asked again from [\d:]+", page)
    only = run(home, "collect", "-v", "--mcp-config", str(file)).stdout
    assert only.splitlines()[1] == "Not due yet: 1 server  ->  caelum-report collect --now"
    asked = run(home, "collect", "--json", "--now", "--mcp-config", str(file)).stdout
    assert json.loads(asked)["tally"] in ({"up": 1}, {"degraded": 1})
    now = run(home, "build", "--no-pdf", "-v", "--now", "--mcp-config", str(file)).stdout
    assert "Not asked by this run" not in now
    assert "Down: wx" not in now


@pytest.mark.parametrize(("typed", "status"), [(b"n\n", 2), (b"\n", 2), (b"\x04", 2), (b"\x03", 130)], ids=repr)
def test_who_does_not_say_yes_to_forget_erases_nothing_and_has_found_no_bug(
    home: Path, typed: bytes, status: int
) -> None:
    assert run(home, "collect", "--mcp-config", str(a_server(home))).returncode == 0
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "caelum_report", "servers", "forget", "tiny"]
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with subprocess.Popen(
        command, env=environ, cwd=home, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    ) as asked:
        assert asked.stdout is not None
        said = b""
        while b"[y/N]" not in said:
            said += os.read(asked.stdout.fileno(), 1000)
        if typed == b"\x03":  # a terminal of its own makes this signal of it
            asked.send_signal(signal.SIGINT)
        else:
            os.write(ours, typed)
        _, told = asked.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert asked.returncode == status
    assert (b"nothing was erased" in told) == (status == 2)
    assert "tiny" in run(home, "servers", "list").stdout


def test_a_run_that_could_not_tell_somebody_says_what_it_did(home: Path) -> None:
    (home / "caelum.toml").write_text(
        'find_configurations = false\n[[deliver]]\nname = "hook"\nkind = "webhook"\nurl = "http://127.0.0.1:9/"\nreports = "always"\n'
    )
    result = named(home, "build", "--no-pdf", "--verbose")
    assert result.returncode == 5
    assert "Report #1: " in result.stdout
    assert "hook" in result.stderr
    told = named(home, "build", "--no-pdf", "--json")
    assert (told.returncode, json.loads(told.stdout)["number"]) == (5, 2)


def test_export_gives_what_was_probed_and_probe_names_the_stages_as_the_site_does(home: Path) -> None:
    file = a_server(home)
    assert run(home, "build", "--no-pdf", "--mcp-config", str(file)).returncode == 0
    exported = run(home, "export", "csv").stdout.splitlines()
    assert exported[0].startswith("at,host,server,status,")
    assert len(exported) == 2
    assert "discover again" in run(home, "probe", "tiny", "--mcp-config", str(file)).stdout
    unnamed = run(home, "probe", "tiny")
    assert (unnamed.returncode, "give it here too" in unnamed.stderr) == (2, True), unnamed.stderr
