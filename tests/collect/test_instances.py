"""Real processes, counted in passing."""

import subprocess
import sys
import time
from datetime import UTC, datetime

import psutil
import pytest

from caelum_report.collect import instances

from .fleet import program

SLEEP = "import time, sys; sys.stdout.write('up\\n'); sys.stdout.flush(); time.sleep(60)"
START = """
import os, subprocess, sys
for _ in range(int(sys.argv[1])):
    print(subprocess.Popen(sys.argv[2:], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)
"""


@pytest.fixture
def start():
    """Starts commands that are nobody's children here, as an MCP host's are."""
    started = []

    def run(count: int, *command: str, **options) -> list[int]:
        out = subprocess.run(
            [sys.executable, "-c", START, str(count), *command], capture_output=True, text=True, check=True, **options
        ).stdout
        pids = [int(line) for line in out.split()]
        started.extend(pids)
        return pids

    yield run
    for pid in started:
        try:
            process = psutil.Process(pid)
            for each in (*process.children(recursive=True), process):
                each.kill()
        except psutil.NoSuchProcess:
            pass


def executed(pids, words):
    """Wait until the processes have become the program that they were forked for."""
    for _ in range(500):
        if all(words in psutil.Process(pid).cmdline() for pid in pids):
            return
        time.sleep(0.01)
    raise AssertionError("not started")


def test_instances_of_others_are_counted_with_their_memory_and_age(start, tmp_path):
    pids = start(3, sys.executable, "-c", SLEEP, str(tmp_path))
    executed(pids, SLEEP)
    server = program(sys.executable, "-c", SLEEP, str(tmp_path))
    other = program(sys.executable, "-c", SLEEP, str(tmp_path / "other"), name="other")
    found = instances.count([server, other], datetime.now(UTC))
    assert found[server.id].count == 3
    assert found[server.id].rss_bytes == pytest.approx(sum(psutil.Process(p).memory_info().rss for p in pids), rel=0.1)
    assert 0 <= found[server.id].oldest_seconds < 600
    assert (found["other"].count, found["other"].rss_bytes, found["other"].oldest_seconds) == (0, 0, 0)


def test_our_own_children_are_test_instances_and_not_counted(tmp_path):
    with subprocess.Popen([sys.executable, "-c", SLEEP, str(tmp_path)], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        server = program(sys.executable, "-c", SLEEP, str(tmp_path))
        assert instances.count([server], datetime.now(UTC))[server.id].count == 0
        child.kill()


def test_a_script_runs_behind_its_interpreter(start, tmp_path):
    script = tmp_path / "my-server"
    script.write_text(f"#!{sys.executable}\n{SLEEP}\n")
    script.chmod(0o755)
    executed(start(1, str(script), "--flag"), "--flag")
    assert instances.count([program("my-server", "--flag")], datetime.now(UTC))["program"].count == 1
    assert instances.count([program("my-server", "--other")], datetime.now(UTC))["program"].count == 0


def test_the_same_command_in_another_folder_is_another_server(start, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        (tmp_path / folder / "server.py").write_text(SLEEP)
        executed(start(1, sys.executable, "server.py", tmp_path.name, cwd=tmp_path / folder), tmp_path.name)
    server = program(sys.executable, "server.py", tmp_path.name, cwd=str(tmp_path / "a"))
    assert instances.count([server], datetime.now(UTC))["program"].count == 1


def test_a_wrapper_and_what_it_starts_are_one_instance(start, tmp_path):
    wrapper = f'{sys.executable} -c "{SLEEP}" {tmp_path}; exit'
    (pid,) = start(1, "/bin/sh", "-c", wrapper, "wrapped", str(tmp_path))
    for _ in range(500):
        if psutil.Process(pid).children():
            break
        time.sleep(0.01)
    found = instances.count([program("sh", "-c", wrapper, "wrapped", str(tmp_path))], datetime.now(UTC))["program"]
    assert found.count == 1
    assert found.rss_bytes > psutil.Process(pid).memory_info().rss


@pytest.mark.parametrize(
    ("command", "args", "words", "same"),
    [
        ("npx", ("-y", "@scope/server", "/tmp"), ["npm exec @scope/server /tmp", "", ""], True),
        ("npx", ("-y", "@scope/server"), ["npm", "exec", "@scope/server", "/tmp"], False),
        ("/usr/bin/node", ("server.js",), ["node", "server.js"], True),
        ("server", (), ["/usr/bin/python3", "-u", "/opt/bin/server"], True),
        ("server", (), ["vim", "server.py"], False),
        ("server", (), [], False),
        ("python", ("-m", "mcp_server"), ["python3", "-m", "mcp_server"], False),
    ],
)
def test_command_lines(command, args, words, same):
    assert instances.runs(program(command, *args), words) is same
