"""Logs of `caelum-report tap`: every call of a tapped entry, whichever client made it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from caelum_report.configured import Config
from caelum_report.follow import Followed

from .names import Names
from .reading import Read, Tally, told, unix_of

SOURCE: Final = "tap"
_BUDGET_BYTES: Final = 200_000_000


def read(config: Config, names: Names, bookmarks: Mapping[tuple[str, str], str], now: float) -> Read:
    logs = dict.fromkeys((*names.logs, *(os.path.realpath(log) for log in config.usage.tap_logs)))
    files = [(log, path) for log in logs for path in _parts(Path(log)) if path.exists()]
    paths = [path for _, path in files]
    followed = Followed(SOURCE, bookmarks, paths, rotates=True, budget_bytes=_BUDGET_BYTES, now=now)
    tally, failures = Tally(), []
    for log, path in files:
        try:
            if not followed.is_unchanged(path):
                for block in followed.new(path):
                    for line in block.splitlines():
                        _count(line, log, names, tally, followed.closed)
        except OSError as error:
            failures.append(error)
    return Read(tally.rows(SOURCE), tuple(followed.moved()), told("tap logs", failures))


def _parts(log: Path) -> list[Path]:
    """A log and what it was renamed to, oldest first."""
    older = [path for path in log.parent.glob(f"{log.name}.*") if path.suffix[1:].isdigit()]
    return [*sorted(older, key=lambda path: -int(path.suffix[1:])), log]


def _count(line: bytes, log: str, names: Names, tally: Tally, closed: float) -> None:
    """A line that a full disk has cut is no line."""
    try:
        said: Any = json.loads(line)
    except ValueError:
        return
    if not isinstance(said, dict) or said.get("method") != "tools/call":
        return
    at, seconds, outcome = unix_of(said.get("at")), said.get("seconds"), said.get("outcome")
    if at is None or at <= closed or not isinstance(seconds, int | float) or not isinstance(said.get("tool"), str):
        return
    server, tool = names.of_tap(log, str(said.get("server", ""))), names.tool(said["tool"])
    tally.call(at, server, tool)
    ended = outcome in {"ok", "error", "tool-error"}
    tally.answer(at, server, tool, seconds=seconds if ended else None, failed=outcome not in {"ok", "cancelled"})
