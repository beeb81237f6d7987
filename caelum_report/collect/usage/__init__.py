"""Real calls of tools, from whatever saw them. `READERS` is the seam: one file and one line for another source.

Only names, times and outcomes are taken; arguments, answers, users and folders are skipped over and never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from caelum_report.model import Bookmark, Config, Note, Remembered, Usage
from caelum_report.text import Redactor

from . import claude_code, host_logs, tap_logs
from .names import Names
from .reading import Read

Reader = Callable[[Config, Names, Mapping[tuple[str, str], str]], Read]

READERS: Final[tuple[Reader, ...]] = (tap_logs.read, host_logs.read, claude_code.read)


def read(config: Config, remembered: Remembered) -> tuple[tuple[Usage, ...], tuple[Bookmark, ...], tuple[Note, ...]]:
    """What came since the bookmarks: rows, the bookmarks that belong to them, and what could not be read."""
    names, redact = Names(config.servers), Redactor(config.secrets)
    found = [_guarded(reader, config, names, remembered.bookmarks) for reader in READERS]
    return (
        tuple(row for each in found for row in each.rows),
        tuple(mark for each in found for mark in each.bookmarks),
        tuple(Note("usage", redact.clean(problem)) for each in found for problem in each.problems),
    )


def _guarded(reader: Reader, config: Config, names: Names, bookmarks: Mapping[tuple[str, str], str]) -> Read:
    """A bug of ours in one reader costs its figures of this run; its bookmarks stay where they were."""
    try:
        return reader(config, names, bookmarks)
    except Exception as error:  # noqa: BLE001
        name = reader.__module__.rpartition(".")[2]
        return Read(
            problems=(f"usage from {name}: a bug of caelum-report, please report it: {type(error).__name__}: {error}",)
        )
