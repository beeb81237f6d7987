"""`caelum-report tap`: runs a stdio MCP server unchanged and writes down its calls. Standard library only.

The server takes this process's place: its pid, its signals and its exit status are the client's own business, and nothing
of ours stands between. A process beside it, in the same group and nobody's child, passes the bytes on in both directions
and ends when both are closed; it reads what it passed afterwards, in a thread that no byte waits for. Where it cannot be
had, or nothing can be logged, the server runs without it.

Nothing is imported here that the server would have to wait for; `typing` alone costs 15 ms.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = """\
Usage: caelum-report tap [--log FILE] [--server NAME] -- COMMAND [ARGUMENT]...

Runs a stdio MCP server unchanged and logs its calls, so that real tool usage can be counted: time, method, tool, duration,
sizes and whether it failed; never arguments or answers.

  --log FILE     the log, one JSON line a call; without it tap.jsonl in ~/.local/state/caelum-report
  --server NAME  the server's name in the report; without it the name of COMMAND
"""
CHUNK = 1 << 16  # what a pipe holds
PROBE = "CAELUM_REPORT_PROBE"  # our own probes are no usage

_OPTIONS = ("--log", "--server")


def main(arguments: list[str]) -> int:
    """The exit status where the server could not be started; otherwise this process is the server from here on."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(USAGE)
        return 0
    parsed = parse(arguments)
    if isinstance(parsed, str):
        sys.stderr.write(f"caelum-report tap: {parsed}\n{USAGE}")
        return 2
    log, server, command = parsed
    _restore_environment()
    if PROBE not in os.environ:
        try:
            _listen(os.path.abspath(log), server)
        except OSError as error:
            sys.stderr.write(f"caelum-report tap: the calls are not logged: {error}\n")
    return _become(command)


def parse(arguments: list[str]) -> tuple[str, str, tuple[str, ...]] | str:
    """Log, server's name and command from the words behind `tap`; or what is wrong with them."""
    said: dict[str, str] = {}
    words = list(arguments)
    while words and words[0] != "--":
        option, equals, value = words.pop(0).partition("=")
        if option not in _OPTIONS:
            return f"{option} is no option here; the server's own command follows after `--`"
        if not equals:
            if not words or words[0] == "--":
                return f"{option} takes a value"
            value = words.pop(0)
        said[option] = value
    command = tuple(words[1:])
    if not command:
        return "a command is missing, after `--`"
    return said.get("--log") or default_log(), said.get("--server") or os.path.basename(command[0]), command


def default_log() -> str:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state, "caelum-report", "tap.jsonl")


def open_log(path: str) -> int:
    """A file that every tap of this user may append to. OSError where there is none to be had."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)


def _restore_environment() -> None:
    """Python in the C locale sets LC_CTYPE for itself (PEP 538); the server is to see what the client gave."""
    if os.environ.get("LC_CTYPE") != "C.UTF-8":
        return
    try:
        with open("/proc/self/environ", "rb") as given:
            if b"\0LC_CTYPE=" not in b"\0" + given.read():
                del os.environ["LC_CTYPE"]
    except OSError:
        return


def _become(command: tuple[str, ...]) -> int:
    import _signal as signal  # type: ignore[import-not-found]  # `signal` itself brings `enum`: 10 ms

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and that would outlive exec
    try:
        os.execvp(command[0], command)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.stderr.write(f"caelum-report tap: {command[0]}: {reason}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126


# --- beside the server ----------------------------------------------------------------------------------------------


def _listen(path: str, server: str) -> None:
    """From now on our standard input and output go through a process of their own. OSError: nothing has changed."""
    log = open_log(path)
    ends: list[int] = []
    try:
        ends += os.pipe()
        ends += os.pipe()
        below, to_server, from_server, above = ends
        child = os.fork()
    except OSError:
        for end in (log, *ends):
            os.close(end)
        raise
    if child == 0:
        _fork_off(lambda: _pass_bytes(to_server, from_server, path, log, server))
    os.waitpid(child, 0)
    os.dup2(below, 0)
    os.dup2(above, 1)
    for end in (log, *ends):
        os.close(end)


def _fork_off(work: Callable[[], None]) -> None:
    """Does `work` in a grandchild: the server must not find a child that it did not start."""
    status = 1
    try:
        if os.fork() == 0:
            work()
        status = 0
    finally:
        os._exit(status)


def _pass_bytes(to_server: int, from_server: int, path: str, log: int, server: str) -> None:
    """Both directions until both are closed, deaf to the signals that are meant for the server."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    _close_all_but(0, 1, to_server, from_server, log)
    from threading import Thread

    from .tap_log import Scribe

    sys.setswitchinterval(0.0002)  # s: how long the scribe may keep a message waiting
    scribe = Scribe(path, log, server, open_log)
    reading = Thread(target=scribe.run)
    reading.start()
    up = Thread(target=pass_on, args=(0, to_server, scribe.requests))
    up.start()
    pass_on(from_server, 1, scribe.answers)
    up.join()
    scribe.end()
    reading.join()


def _close_all_but(*kept: int) -> None:
    """What else the client left open is the server's: we would keep it from ever closing. Standard error included."""
    first = 0
    for number in sorted(kept):
        if first < number:  # Python takes an empty range for all there are
            os.closerange(first, number)
        first = number + 1
    os.closerange(first, 1 << 16)


def pass_on(source: int, sink: int, note: Callable[[bytes], None]) -> None:
    """Every byte as soon as it is there, until one end closes; then the other is closed too."""
    import select

    poll = select.poll()
    poll.register(source, select.POLLIN)
    poll.register(sink, 0)  # only whether somebody still reads
    try:
        while not dict(poll.poll()).get(sink):
            data = os.read(source, CHUNK)
            if not data:
                break
            note(data)  # first, or an answer might be read before its request
            _write(sink, data)
    except OSError:
        pass  # the reader left in mid-message; the writer learns it the same way as without us
    finally:
        os.close(source)
        os.close(sink)


def _write(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(sink, view) :]
        except BlockingIOError:  # the client made its pipe so
            import select

            select.select((), (sink,), ())
