"""Child processes: started in a session of their own with a chosen environment, drained, and ended to the last grandchild."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import psutil

from caelum_report.model import Failure, ProcessFigures

from .fault import Fault

MARK: Final = "CAELUM_REPORT_PROBE"  # in the environment of every child: how strays are found
_KEPT: Final = {
    *("HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
}
_KEPT_PREFIXES: Final = ("LC_", "XDG_")
_LINUX: Final = Path("/proc/self/environ").exists()
_PR_SET_CHILD_SUBREAPER: Final = 36
_CHUNK: Final = 65_536
_WRITE_LIMIT: Final = 1_000_000  # unread by the server; more is not kept


def environment(
    ours: Mapping[str, str], path: str, pass_env: Iterable[str], own: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """What a spawned server gets to see: never our environment whole. `path` is the one recorded by `init`, for cron's is short."""
    names = set(pass_env)
    chosen = {
        name: value for name, value in ours.items() if name in _KEPT or name in names or name.startswith(_KEPT_PREFIXES)
    }
    chosen["PATH"] = path or ours.get("PATH", os.defpath)
    return chosen | dict(own)


class Child:
    """One started server. `on_output` gets what stdout says and the time; `on_end` is called once when stdout is closed."""

    def __init__(
        self,
        command: str,
        args: Iterable[str],
        *,
        environment: Mapping[str, str],
        cwd: str | None,
        mark: str,
        tail_bytes: int,
        on_output: Callable[[bytes, float], None],
        on_end: Callable[[], None],
    ) -> None:
        environment = {**environment, MARK: mark}
        self.started_at = time.perf_counter()
        try:
            self._popen = subprocess.Popen(
                [command, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=environment,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            raise _not_started(command, cwd, environment["PATH"], error) from error
        self.started_seconds = time.perf_counter() - self.started_at
        self.pid = self._popen.pid
        self.stderr_lines = 0
        self.stderr_bytes = 0
        self._tail: deque[bytes] = deque()
        self._tail_bytes = tail_bytes
        self._tail_held = 0
        self._descendants: dict[int, psutil.Process] = {}
        self._unwritten = bytearray()
        self._on_output, self._on_end = on_output, on_end
        self._loop = asyncio.get_running_loop()
        self._stdin, self._stdout, self._stderr = (
            pipe.fileno() for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr) if pipe
        )
        self._open = {self._stdin, self._stdout, self._stderr}
        for descriptor in self._open:
            os.set_blocking(descriptor, False)
        self._loop.add_reader(self._stdout, self._read_stdout)
        self._loop.add_reader(self._stderr, self._read_stderr)

    @property
    def stderr_tail(self) -> bytes:
        return b"".join(self._tail)[-self._tail_bytes :]

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs. It stays a zombie until `end`: its number is the
        group's, and must not be given out again before the group is gone.
        """
        if self._popen.returncode is not None or not hasattr(os, "waitid"):
            return self._popen.poll()
        seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return None
        return seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status

    def write(self, data: bytes) -> None:
        """Queue for its stdin. A server that never reads is not written to for ever."""
        if self._stdin not in self._open or len(self._unwritten) > _WRITE_LIMIT:
            return
        self._unwritten += data
        self._write_more()

    def _write_more(self) -> None:
        try:
            written = os.write(self._stdin, self._unwritten)
        except BlockingIOError:
            written = 0
        except OSError:  # it closed its end; that it is gone shows on stdout
            self._close(self._stdin)
            return
        del self._unwritten[:written]
        if self._unwritten:
            self._loop.add_writer(self._stdin, self._write_more)
        else:
            self._loop.remove_writer(self._stdin)

    def stop_reading(self) -> None:
        """A fault is known; what else it has to say is not heard. Its stderr is drained all the same."""
        self._close(self._stdout)

    def _read_stdout(self) -> None:
        data = self._read(self._stdout)
        if data:
            self._on_output(data, time.perf_counter())
        elif data is not None:
            self._close(self._stdout)
            self._on_end()

    def _read_stderr(self) -> None:
        data = self._read(self._stderr)
        if not data:
            if data is not None:
                self._close(self._stderr)
            return
        self.stderr_lines += data.count(b"\n")
        self.stderr_bytes += len(data)
        self._tail.append(data)
        self._tail_held += len(data)
        while self._tail_held - len(self._tail[0]) >= self._tail_bytes:
            self._tail_held -= len(self._tail.popleft())

    def _read(self, descriptor: int) -> bytes | None:
        """What is there; empty at the end, None when nothing is there yet."""
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _close(self, descriptor: int) -> None:
        if descriptor not in self._open:
            return
        self._open.discard(descriptor)
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe and not pipe.closed and pipe.fileno() == descriptor:
                pipe.close()

    def figures(self) -> ProcessFigures | None:
        """The process tree now; None when it is gone or hidden from us."""
        try:
            top = psutil.Process(self.pid)
            tree = [top, *top.children(recursive=True)]
        except psutil.Error:
            return None
        self._descendants |= {process.pid: process for process in tree[1:]}
        rss = threads = files = 0
        cpu = 0.0
        for process in tree:
            with contextlib.suppress(psutil.Error, OSError), process.oneshot():
                rss += process.memory_info().rss
                times = process.cpu_times()
                cpu += times.user + times.system + times.children_user + times.children_system
                threads += process.num_threads()
                files += process.num_fds()
        return ProcessFigures(rss, cpu, threads, files, len(tree)) if rss else None

    async def exited(self, seconds: float) -> bool:
        """Wait until it has exited, at most so long."""
        deadline, pause = time.monotonic() + seconds, 0.002
        while self.status is None:
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.03)
        return True

    async def end(self, seconds: float) -> None:
        """EOF, then TERM, then KILL, to the whole group and to what we saw it start; within `seconds`. May be cancelled once."""
        self._close(self._stdin)
        try:
            if not await self.exited(seconds * 0.4):
                self._signal(signal.SIGTERM)
                await self.exited(seconds * 0.3)
        finally:
            self._signal(signal.SIGKILL)
            try:
                await self.exited(seconds * 0.3)
            finally:
                self._popen.poll()
                self._drain()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # the group outlives its leader: its number is not given out again while it does
            os.killpg(self.pid, number)
        for process in self._descendants.values():
            with contextlib.suppress(psutil.Error):  # psutil compares start times: a number given out again is not hit
                process.send_signal(number)

    def _drain(self) -> None:
        """The last words, then let go of the pipes."""
        for _ in range(64):
            if self._stderr not in self._open or self._read(self._stderr) is None:
                break
        for descriptor in tuple(self._open):
            self._close(descriptor)


def exit_words(status: int) -> str:
    """`exit status 1`, `signal 9 (SIGKILL)`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"


def kill_strays(mark: str) -> int:
    """End what left its group: every process whose environment carries a mark that begins with `mark`, but us. How many."""
    wanted, count = f"{MARK}={mark}".encode(), 0
    for _ in range(3):  # a process may fork while we look
        strays = [process for pid in psutil.pids() if pid != os.getpid() and (process := _marked(pid, wanted))]
        for process in strays:
            with contextlib.suppress(psutil.Error):
                process.kill()
        count += len(strays)
        if not strays:
            break
        psutil.wait_procs(strays, timeout=0.5)
    return count


def adopt_orphans() -> set[int]:
    """From now on a process whose parent ends becomes our child (Linux), even one that cleared its mark. The children so far."""
    _subreaper(on=True)
    return {child.pid for child in psutil.Process().children()}


def kill_orphans(known: set[int]) -> int:
    """End the children that are neither `known` nor of our session, which no process that we start for others shares; adopt
    no more. How many.
    """
    count = 0
    for _ in range(3):  # killing one may orphan others
        orphans = [
            child for child in psutil.Process().children() if child.pid not in known and _left_session(child.pid)
        ]
        for orphan in orphans:
            with contextlib.suppress(psutil.Error):
                count += orphan.status() != psutil.STATUS_ZOMBIE
                orphan.kill()
        if not orphans:
            break
        psutil.wait_procs(orphans, timeout=0.5)
    _subreaper(on=False)
    return count


def _subreaper(*, on: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0)


def _left_session(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return os.getsid(pid) != os.getsid(0)
    return False


def _marked(pid: int, wanted: bytes) -> psutil.Process | None:
    try:
        if _LINUX:
            return psutil.Process(pid) if wanted in Path(f"/proc/{pid}/environ").read_bytes() else None
        name, _, value = wanted.decode().partition("=")
        process = psutil.Process(pid)
        return process if process.environ().get(name, "").startswith(value) else None
    except (OSError, psutil.Error):  # gone, or somebody else's
        return None


def _not_started(command: str, cwd: str | None, path: str, error: OSError | ValueError) -> Fault:
    fault = Fault(Failure.SPAWN_FAILED, _why_not(command, cwd, path, error), "spawn")
    if os.sep not in command and isinstance(error, OSError) and error.filename != cwd:
        fault.detail = f"{fault.reason}; looked in PATH={path}"
    return fault


def _why_not(command: str, cwd: str | None, path: str, error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return f"{command!r} cannot be started: {error}"
    words = error.strerror or str(error)
    if cwd and error.filename == cwd:
        return f"its working folder {cwd} cannot be used: {words}"
    found = _find(command, path)
    if isinstance(error, FileNotFoundError) and found:
        return f"{command} is there, but the interpreter that its first line names is not: {words}{_first_line(found)}"
    if isinstance(error, FileNotFoundError) and os.sep not in command:
        return f"{command} is not on the PATH of this run"
    return f"{command} cannot be started: {words}"


def _find(command: str, path: str) -> Path | None:
    places = [Path(command)] if os.sep in command else [Path(folder, command) for folder in path.split(os.pathsep)]
    return next((place for place in places if place.is_file()), None)


def _first_line(script: Path) -> str:
    try:
        with script.open("rb") as file:
            first = file.read(200).split(b"\n")[0]
    except OSError:
        return ""
    return f" ({first.decode('utf-8', 'replace')})" if first.startswith(b"#!") else ""
