"""Real calls of tools, from whatever saw them. `READERS` is the seam: one file and one line for another source.

Only names, times and outcomes are taken; arguments, answers, users and folders are skipped over and never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from caelum_report.configured import Config
from caelum_report.model import Bookmark, CallCount, Note, Remembered, Usage
from caelum_report.text import Redactor

from . import claude_code, counters, host_logs, otlp, tap_logs
from .names import Names
from .reading import Read

Reader = Callable[[Config, Names, Mapping[tuple[str, str], str], float], Read]

READERS: Final[tuple[Reader, ...]] = (otlp.read, tap_logs.read, host_logs.read, claude_code.read)


def read(
    config: Config, remembered: Remembered, counted: Mapping[str, Iterable[CallCount]], at: datetime
) -> tuple[tuple[Usage, ...], tuple[Bookmark, ...], tuple[Note, ...]]:
    """What came since the bookmarks: rows, the bookmarks that belong to them, and what could not be read.

    `counted` is what sources of this run showed of calls that they count themselves.
    """
    names, redact = Names(config.servers), Redactor(config.secrets)
    known = remembered.bookmarks
    now = at.timestamp()
    found = [_guarded(_name(reader), partial(reader, config, names, known, now)) for reader in READERS]
    found.append(_guarded("metrics", partial(counters.read, counted, names, known, now)))
    return (
        tuple(row for each in found for row in each.rows),
        tuple(mark for each in found for mark in each.bookmarks),
        tuple(Note("usage", redact.clean(problem)) for each in found for problem in each.problems),
    )


def _name(reader: Reader) -> str:
    return reader.__module__.rpartition(".")[2]


def _guarded(name: str, read_all: Callable[[], Read]) -> Read:
    """A bug of ours in one reader costs its figures of this run; its bookmarks stay where they were."""
    try:
        return read_all()
    except Exception as error:  # noqa: BLE001
        return Read(
            problems=(f"usage from {name}: a bug of caelum-report, please report it: {type(error).__name__}: {error}",)
        )
