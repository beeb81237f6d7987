"""Claude Code's transcripts, where somebody agreed to it: calls of MCP tools, and nothing else that stands there.

Of a transcript's lines only those are decoded that name an MCP tool or answer such a call; of these only the tool's name,
its call's id, the times and whether it failed are looked at. A call's duration lies between its two lines and includes
the time in which the user was asked for permission. A resumed session repeats lines of the one before, so ids are
remembered, as hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from caelum_report.configured import Config
from caelum_report.follow import KEPT_SECONDS, Followed
from caelum_report.model import Bookmark

from .names import Names
from .reading import Read, Tally, told, unix_of

SOURCE: Final = "claude-code"
_BUDGET_BYTES: Final = 1_000_000_000
_ANSWERS: Final = re.compile(rb'"tool_use_id"\s*:\s*"([^"\\]{1,200})"')
_WAITING: Final = 100  # calls of one transcript whose answer may come later
_HASH_DIGITS: Final = 16
_DAY: Final = "calls of "  # the bookmark of a day begins so

Waiting = dict[str, tuple[str, str, float]]  # id -> server, tool, when


def read(config: Config, names: Names, bookmarks: Mapping[tuple[str, str], str], now: float) -> Read:
    files = sorted(path for folder in config.usage.transcripts for path in _transcripts(folder))
    followed = Followed(SOURCE, bookmarks, files, rotates=False, budget_bytes=_BUDGET_BYTES, now=now)
    counted, tally, failures = _Counted(bookmarks, followed), Tally(), []
    for path in files:
        try:
            if not followed.is_unchanged(path):
                _read_one(path, followed, names, counted, tally)
        except OSError as error:
            failures.append(error)
    return Read(tally.rows(SOURCE), (*counted.moved(now), *followed.moved()), told("Claude Code transcripts", failures))


def _transcripts(folder: str) -> Iterator[Path]:
    for parent, _, files in os.walk(folder):
        yield from (Path(parent, file) for file in files if file.endswith(".jsonl"))


def _read_one(path: Path, followed: Followed, names: Names, counted: _Counted, tally: Tally) -> None:
    waiting: Waiting = {number: (server, tool, at) for number, server, tool, at in followed.more(path) or ()}
    for block in followed.new(path):
        for line in block.splitlines():
            if b'"mcp__' in line:
                _calls(line, names, counted, tally, waiting)
            elif b'"tool_use_id"' in line and any(number.decode() in waiting for number in _ANSWERS.findall(line)):
                _answers(line, tally, waiting)
    followed.keep(path, [(number, *call) for number, call in list(waiting.items())[-_WAITING:]] or None)


def _calls(line: bytes, names: Names, counted: _Counted, tally: Tally, waiting: Waiting) -> None:
    at, parts = _parts(line)
    for part in parts:
        number, name = part.get("id"), part.get("name")
        if part.get("type") == "tool_use" and isinstance(number, str) and isinstance(name, str):
            told = names.split(name)
            if told and at is not None and counted.first(number, at):
                tally.call(at, *told)
                waiting[number] = (*told, at)
    _answered(at, parts, tally, waiting)  # an answer may quote a tool's name


def _answers(line: bytes, tally: Tally, waiting: Waiting) -> None:
    _answered(*_parts(line), tally, waiting)


def _answered(at: float | None, parts: list[dict[str, Any]], tally: Tally, waiting: Waiting) -> None:
    for part in parts:
        call = waiting.pop(str(part.get("tool_use_id")), None) if part.get("type") == "tool_result" else None
        if call is not None:
            server, tool, since = call
            seconds = None if at is None else at - since
            tally.answer(since, server, tool, seconds=seconds, failed=part.get("is_error") is True)


def _parts(line: bytes) -> tuple[float | None, list[dict[str, Any]]]:
    """When a line was written, and the parts of its message."""
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(line)
    message = said.get("message") if isinstance(said, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return None, []
    return unix_of(said.get("timestamp")), [part for part in content if isinstance(part, dict)]


class _Counted:
    """Which calls were counted, by the day in which they began: eight bytes each. Days that are long over are closed."""

    def __init__(self, bookmarks: Mapping[tuple[str, str], str], followed: Followed) -> None:
        self._bookmarks = bookmarks
        self._followed = followed
        self._days: dict[str, set[str]] = {}
        self._new: set[str] = set()

    def first(self, number: str, at: float) -> bool:
        if at <= self._followed.closed:
            return False
        day = f"{_DAY}{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
        if day not in self._days:
            known = self._bookmarks.get((SOURCE, day), "")
            self._days[day] = {known[i : i + _HASH_DIGITS] for i in range(0, len(known), _HASH_DIGITS)}
        digest = hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
        if digest in self._days[day]:
            return False
        self._days[day].add(digest)
        self._new.add(day)
        return True

    def moved(self, now: float) -> tuple[Bookmark, ...]:
        marks = {day: "".join(sorted(self._days[day])) for day in self._new}
        if not self._followed.is_behind:
            limit = f"{_DAY}{datetime.fromtimestamp(now - KEPT_SECONDS, UTC):%Y-%m-%d}"
            known = {name for source, name in self._bookmarks if source == SOURCE and name.startswith(_DAY)}
            over = [day for day in sorted(known | marks.keys()) if day < limit]
            marks |= dict.fromkeys(over, "")
            if over:
                last = datetime.fromisoformat(over[-1].removeprefix(_DAY)).replace(tzinfo=UTC)
                self._followed.close(last.timestamp() + 86_400)
        return tuple(Bookmark(SOURCE, day, value) for day, value in sorted(marks.items()))
