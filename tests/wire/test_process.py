"""Children: what they see of us, and that nothing of them is left."""

import asyncio
import os
import secrets
import sys
import time

import psutil
import pytest

from caelum_report.wire.process import Child, environment, exit_words, kill_strays


def test_the_environment_of_a_child_is_chosen():
    ours = {
        "HOME": "/home/me",
        "PATH": "/bin",
        "LC_TIME": "C",
        "XDG_CONFIG_HOME": "/x",
        "HTTPS_PROXY": "p",
        "AWS_SECRET_ACCESS_KEY": "never",
        "WANTED": "1",
    }
    assert environment(ours, "", ["WANTED", "ABSENT"], [("OWN", "2"), ("HOME", "/elsewhere")]) == {
        "HOME": "/elsewhere",
        "PATH": "/bin",
        "LC_TIME": "C",
        "XDG_CONFIG_HOME": "/x",
        "HTTPS_PROXY": "p",
        "WANTED": "1",
        "OWN": "2",
    }


def test_the_path_that_init_recorded_wins_and_an_entry_s_own_wins_over_it():
    assert environment({"PATH": "/bin"}, "/home/me/bin:/bin", [], [])["PATH"] == "/home/me/bin:/bin"
    assert environment({"PATH": "/bin"}, "/home/me/bin", [], [("PATH", "/own")])["PATH"] == "/own"


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (3, "exit status 3"), (-9, "signal 9 (SIGKILL)"), (-99, "signal 99")]
)
def test_an_exit_in_words(status, words):
    assert exit_words(status) == words


def start(code: str, heard: list[bytes], mark: str = "test") -> Child:
    return Child(
        sys.executable,
        ["-IS", "-c", code],
        environment={"PATH": os.environ["PATH"]},
        cwd=None,
        mark=mark,
        tail_bytes=100,
        on_output=lambda data, at: heard.append(data),
        on_end=lambda: heard.append(b"<end>"),
    )


def ended(code: str, *, seconds: float = 2.0, wait_for: bytes = b"") -> tuple[Child, list[bytes]]:
    heard: list[bytes] = []

    async def work() -> Child:
        child = start(code, heard)
        deadline = time.monotonic() + 20
        while wait_for not in b"".join(heard) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await child.end(seconds)
        return child

    child = asyncio.run(work())
    assert not psutil.pid_exists(child.pid)
    return child, heard


def test_a_server_that_ends_with_its_input_is_not_shot():
    child, heard = ended("import sys; print('on', flush=True); sys.stdin.read(); sys.exit(5)", wait_for=b"on")
    assert child.status == 5
    assert heard[0] == b"on\n"


def test_one_that_ignores_everything_is():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    child, _ = ended(code, seconds=0.5, wait_for=b"on")
    assert child.status == -9


def test_the_tail_of_stderr_is_kept_and_all_of_it_counted():
    code = "import sys; [print('line', n, file=sys.stderr) for n in range(50_000)]; print('on', flush=True); sys.stdin.read()"
    child, _ = ended(code, wait_for=b"on")
    assert child.stderr_lines == 50_000
    assert child.stderr_tail.endswith(b"line 49999\n")
    assert len(child.stderr_tail) == 100


def test_who_never_reads_is_not_written_to_for_ever():
    async def work() -> None:
        child = start("import time; time.sleep(60)", [])
        for _ in range(100):
            child.write(b"x" * 100_000)
        assert len(child._unwritten) < 2_000_000
        await child.end(0.3)

    asyncio.run(work())


def test_a_daemon_is_found_by_its_mark():
    mark = secrets.token_hex(8)
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        print(os.getpid(), flush=True)\n"
        "        time.sleep(60)\n"
        "    os._exit(0)\n"
    )
    heard: list[bytes] = []

    async def work() -> int:
        child = start(code, heard, f"{mark}-server")
        while not heard:
            await asyncio.sleep(0.01)
        await child.end(1)
        return int(heard[0])

    pid = asyncio.run(work())
    assert psutil.pid_exists(pid)
    assert kill_strays(mark) == 1
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert kill_strays(mark) == 0
