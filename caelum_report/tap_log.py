"""What a tap writes down: one JSON line a call, for `collect` to read. Standard library only.

    {"at": "2026-11-22T13:00:00.123Z", "server": "github", "method": "tools/call", "tool": "get_me", "seconds": 0.0123,
     "outcome": "ok", "request_bytes": 88, "answer_bytes": 4312}

`at` is when the whole request had come, `seconds` until its whole answer had. `outcome` is ok, error (JSON-RPC), tool-error
(`isError`), cancelled or unanswered. Arguments and answers are skipped over, never decoded and never kept.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from stat import S_ISREG
from typing import Final

from .text import Redactor

LOG_BYTES: Final = 8_000_000  # then it is renamed to FILE.1; three old ones are kept
OLD_LOGS: Final = 3
UNREAD_BYTES: Final = 32_000_000  # passed on and not yet read; more is not logged

_PENDING: Final = 10_000  # calls that wait for an answer
_TEXT_BYTES: Final = 600  # of an id, a method or a tool's name


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Message:
    """What a call's line in the log needs of a JSON-RPC message."""

    bytes: int = 0
    fields: dict[str, str] = field(default_factory=dict)  # of _WANTED, as text; a number's text is not in quotes
    failed: bool = False  # it has an `error`


_WANTED: Final = {"id", "method", "params.name", "params.requestId", "result.isError"}
_SHALLOW: Final = re.compile(rb'["{}\[\]:,\n]')
_DEEP: Final = re.compile(rb'["{}\[\]\n]')
_STRING: Final = re.compile(rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+')


class Skim:
    """Finds its way through lines of JSON without decoding them: of a message of any size it holds a few hundred bytes.

    What is no JSON gives no message, and is forgotten at the end of its line.
    """

    def __init__(self) -> None:
        self._passed = 0  # bytes before the current chunk
        self._reset()

    def _reset(self) -> None:
        self._depth = 0
        self._base = 0  # 1 within a batch
        self._quoted = self._escaped = self._is_value = False
        self._text = bytearray()
        self._last = ""
        self._keys = ["", "", ""]
        self._message, self._start = Message(), 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that end in this chunk."""
        at, end = 0, len(data)
        while at < end:
            if self._quoted:
                at = self._in_string(data, at)
                continue
            deep = self._depth - self._base > 2
            match = (_DEEP if deep else _SHALLOW).search(data, at)
            stop = match.start() if match else end
            if not deep and stop > at:
                self._keep(data[at:stop])
            if match and self._mark(data[stop : stop + 1], self._passed + stop):
                yield self._message
            at = stop + 1
        self._passed += end

    def skip(self) -> None:
        """A part of the stream was not seen. What follows up to the next line is taken for what it looks like."""
        self._reset()

    def _keep(self, data: bytes) -> None:
        self._text += data[: max(0, _TEXT_BYTES - len(self._text))]

    def _in_string(self, data: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            if data[at] != 0x0A:
                self._keep(data[at : at + 1])
                at += 1
        match = _STRING.match(data, at)
        stop = match.end() if match else at
        if self._depth - self._base <= 2:
            self._keep(data[at:stop])
        if stop >= len(data):
            return stop
        following = data[stop]
        if following == 0x5C:  # a backslash at the end of the chunk, or before a line break
            self._escaped = True
            self._keep(b"\\")
        elif following == 0x22:
            self._quoted = False
            if self._depth - self._base <= 2:
                self._last = _decoded(bytes(self._text))
                if self._is_value:
                    self._found(json.dumps(self._last) if self._path() == "id" else self._last)
        else:
            self._reset()
        return stop + 1

    def _mark(self, mark: bytes, place: int) -> bool:
        """One structural character. Whether it ended a message."""
        level = self._depth - self._base
        if mark == b"\n":
            self._reset()
        elif mark == b'"':
            self._quoted = True
            self._text.clear()
        elif mark == b":":
            if level in (1, 2):
                self._keys[level] = self._last
            self._is_value = True
            self._text.clear()
        elif mark == b",":
            self._end_of_value()
        elif mark in b"{[":
            self._open(mark, level, place)
        else:
            self._end_of_value()
            self._depth -= 1
            if level == 1 and mark == b"}":
                self._message.bytes = place + 1 - self._start
                return True
        return False

    def _open(self, mark: bytes, level: int, place: int) -> None:
        if level == 0 and mark == b"{":
            self._message, self._start = Message(), place
        elif self._depth == 0:
            self._base = 1
        elif level == 1 and mark == b"{" and self._is_value and self._keys[1] == "error":
            self._message.failed = True
        self._depth += 1
        self._is_value = False

    def _end_of_value(self) -> None:
        if self._is_value:
            self._found(self._text.strip().decode("ascii", "replace"))
        self._is_value = False

    def _path(self) -> str:
        level = self._depth - self._base
        return self._keys[1] if level == 1 else f"{self._keys[1]}.{self._keys[2]}" if level == 2 else ""

    def _found(self, text: str) -> None:
        if self._path() in _WANTED:
            self._message.fields.setdefault(self._path(), text)
        self._is_value = False


def _decoded(quoted: bytes) -> str:
    try:
        return str(json.loads(b'"' + quoted + b'"'))
    except ValueError:  # cut, or no JSON
        return quoted.decode("utf-8", "replace")


# --- pairing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    tool: str
    at: float  # seconds since 1970
    since: float  # seconds of the monotonic clock
    bytes: int


class Calls:
    """Requests of the client meet their answers. Each gives the line of one call."""

    def __init__(self, server: str) -> None:
        self._redact = Redactor()
        self._server = self._redact.clean(server, 200)
        self._asked: dict[str, _Asked] = {}

    def request(self, message: Message, at: float, clock: float) -> Iterator[str]:
        said = message.fields
        method = said.get("method")
        if method == "notifications/cancelled":
            wanted = said.get("params.requestId", "")
            yield from self._end(wanted if wanted in self._asked else json.dumps(wanted), "cancelled", 0, clock)
        if method is None or "id" not in said:
            return
        if len(self._asked) >= _PENDING:
            yield from self._end(next(iter(self._asked)), "unanswered", 0, clock)
        tool = said.get("params.name", "") if method == "tools/call" else ""
        self._asked[said["id"]] = _Asked(method, tool, at, clock, message.bytes)

    def answer(self, message: Message, clock: float) -> Iterator[str]:
        said = message.fields
        if "method" in said:  # the server's own request or notification
            return
        failed = "error" if message.failed else "tool-error" if said.get("result.isError") == "true" else "ok"
        yield from self._end(said.get("id", ""), failed, message.bytes, clock)

    def end(self, clock: float) -> Iterator[str]:
        for number in list(self._asked):
            yield from self._end(number, "unanswered", 0, clock)

    def _end(self, number: str, outcome: str, answer_bytes: int, clock: float) -> Iterator[str]:
        asked = self._asked.pop(number, None)
        if asked is None:
            return
        line = {"at": _stamp(asked.at), "server": self._server, "method": self._redact.clean(asked.method, 100)}
        if asked.tool:
            line["tool"] = self._redact.clean(asked.tool, 200)
        figures = {
            "seconds": round(clock - asked.since, 6),
            "outcome": outcome,
            "request_bytes": asked.bytes,
            "answer_bytes": answer_bytes,
        }
        yield json.dumps(line | figures)


def _stamp(at: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at * 1000) % 1000:03d}Z"


# --- writing --------------------------------------------------------------------------------------------------------


class Log:
    """Lines at the end of a file that others write to as well. What cannot be written is lost, and nobody waits for it."""

    def __init__(self, path: str, descriptor: int, open_again: Callable[[str], int]) -> None:
        self._path = path
        self._descriptor = descriptor
        self._open_again = open_again
        self._broken = False  # the last line did not go in whole

    def add(self, line: str) -> None:
        data = f"{line}\n".encode()
        try:
            self._rotate(len(data))
            written = os.write(self._descriptor, b"\n" + data if self._broken else data)
            self._broken = written < len(data)
        except OSError:  # a full disk: the next line tries again
            return

    def _rotate(self, more: int) -> None:
        """Follows the file when another tap has moved it, and moves it when it is full. One write is one line: no lock for those."""
        mine = os.fstat(self._descriptor)
        if not S_ISREG(mine.st_mode):
            return
        full = mine.st_size + more > LOG_BYTES
        if full:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # until it is closed below
        if self._is_there(mine):
            if not full:
                return
            for number in range(OLD_LOGS, 1, -1):
                with suppress(FileNotFoundError):
                    Path(f"{self._path}.{number - 1}").replace(f"{self._path}.{number}")
            Path(self._path).replace(f"{self._path}.1")
        descriptor = self._open_again(self._path)
        os.close(self._descriptor)
        self._descriptor, self._broken = descriptor, False

    def _is_there(self, mine: os.stat_result) -> bool:
        """Whether the path still names the file that we write to."""
        with suppress(FileNotFoundError):
            return os.path.samestat(Path(self._path).stat(), mine)
        return False


class Scribe:
    """The thread that reads what has passed. It may lag behind and it may fail: no byte waits for it."""

    def __init__(self, path: str, descriptor: int, server: str, open_again: Callable[[str], int]) -> None:
        self._queue: SimpleQueue[tuple[bool, bytes | None, float, float] | None] = SimpleQueue()
        self._passed = [0, 0]  # bytes by direction; each is counted by one thread
        self._read = [0, 0]
        self._log = Log(path, descriptor, open_again)
        self._calls = Calls(server)
        self._skims = (Skim(), Skim())

    def requests(self, data: bytes) -> None:
        self._take(data, answers=False)

    def answers(self, data: bytes) -> None:
        self._take(data, answers=True)

    def _take(self, data: bytes, *, answers: bool) -> None:
        self._passed[answers] += len(data)
        late = self._passed[answers] - self._read[answers] > UNREAD_BYTES
        self._queue.put((answers, None if late else data, time.time(), time.perf_counter()))
        if late:
            self._passed[answers] -= len(data)

    def end(self) -> None:
        self._queue.put(None)

    def run(self) -> None:
        while (item := self._queue.get()) is not None:
            answers, data, at, clock = item
            if data is None:
                self._skims[answers].skip()
                continue
            for message in self._skims[answers].feed(data):
                lines = self._calls.answer(message, clock) if answers else self._calls.request(message, at, clock)
                for line in lines:
                    self._log.add(line)
            self._read[answers] += len(data)
        for line in self._calls.end(time.perf_counter()):
            self._log.add(line)
