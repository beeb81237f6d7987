"""Logs that MCP hosts write of their servers: Claude Desktop's, in two shapes, and VS Code's, in two.

    2025-03-28T21:46:09.014Z [playwright] [info] Message from client: {"method":"tools/call",…}
    2025-09-04T10:08:38.663Z [info] [playwright] Message from client: {…}
    2025-06-01 12:00:00.000 [trace] [editor -> server] {…}
    2025-04-01 12:00:00.000 [trace] [Client Says] {…}

Lines without the message itself name no tool (Claude Desktop wrote them for a while): nothing is measured there. VS Code's
times are local and its server is in the file's name. Contents are skipped over, as a tap does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from caelum_report.configured import Config
from caelum_report.follow import Followed
from caelum_report.tap_log import Message, Skim

from .names import Names
from .reading import Read, Tally, told

SOURCE: Final = "host-log"
_BUDGET_BYTES: Final = 200_000_000
_WAITING: Final = 100
_LINE: Final = re.compile(
    rb"(?m)^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?) (?:\[([^\]\n]*)\] )??(?:\[(?:trace|debug|info|warn|warning|error)\] )?"
    rb"(?:\[([^\]\n]*)\] )??(?:Message from (client|server): |\[(Client|Server) Says\] |\[(editor|server) -> (?:server|editor)\] )"
    rb"(\{.*)"
)

Waiting = dict[str, tuple[str, str, float]]  # server and id -> server, tool, when


def read(config: Config, names: Names, bookmarks: Mapping[tuple[str, str], str], now: float) -> Read:
    files = sorted(path for folder in config.usage.host_logs for path in _logs(Path(folder)))
    followed = Followed(SOURCE, bookmarks, files, rotates=True, budget_bytes=_BUDGET_BYTES, now=now)
    tally, failures = Tally(), []
    for path in files:
        try:
            if not followed.is_unchanged(path):
                _read_one(path, followed, names, tally)
        except OSError as error:
            failures.append(error)
    return Read(tally.rows(SOURCE), tuple(followed.moved()), told("logs of MCP hosts", failures))


def _logs(folder: Path) -> Iterator[Path]:
    """Claude Desktop repeats all servers' messages in mcp.log: it is read where no server has a log of its own."""
    own = [path for path in folder.rglob("*.log*") if path.name.startswith(("mcp-server-", "mcpServer."))]
    yield from own or folder.glob("mcp*.log*")


def _read_one(path: Path, followed: Followed, names: Names, tally: Tally) -> None:
    of_file = _server_in(path)
    talk = _Talk(names, tally, {key: (server, tool, at) for key, server, tool, at in followed.more(path) or ()})
    for block in followed.new(path):
        for match in _LINE.finditer(block):
            stamp, first, second, *sides, text = match.groups()
            try:
                at = datetime.fromisoformat(stamp.decode()).timestamp()
            except ValueError:  # the 99th of a month
                continue
            if at <= followed.closed:
                continue
            server = names.server((second or first or of_file).decode("utf-8", "replace"))
            from_client = next(side for side in sides if side) in {b"client", b"Client", b"editor"}
            for message in Skim().feed(text):
                talk.hear(message, at, server, from_client=from_client)
    followed.keep(path, [(key, *call) for key, call in list(talk.waiting.items())[-_WAITING:]] or None)


def _server_in(path: Path) -> bytes:
    """`mcp-server-NAME.log`, `mcpServer.….NAME.log`; a rotated one has more behind it."""
    name = re.sub(r"\.log.*", "", path.name)
    return (name.removeprefix("mcp-server-") if name.startswith("mcp-server-") else name.rpartition(".")[2]).encode()


class _Talk:
    """Requests of one log's clients meet their answers."""

    def __init__(self, names: Names, tally: Tally, waiting: Waiting) -> None:
        self._names = names
        self._tally = tally
        self.waiting = waiting

    def hear(self, message: Message, at: float, server: str, *, from_client: bool) -> None:
        said = message.fields
        key = f"{server} {said.get('id')}"
        if from_client and said.get("method") == "initialize":  # ids begin anew
            for old in [old for old, call in self.waiting.items() if call[0] == server]:
                del self.waiting[old]
        if from_client and said.get("method") == "tools/call" and "params.name" in said:
            tool = self._names.tool(said["params.name"])
            self._tally.call(at, server, tool)
            self.waiting[key] = (server, tool, at)
        elif not from_client and "method" not in said and (call := self.waiting.pop(key, None)) is not None:
            failed = message.failed or said.get("result.isError") == "true"
            self._tally.answer(call[2], call[0], call[1], seconds=at - call[2], failed=failed)
