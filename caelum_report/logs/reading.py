"""One pass over what is new in a source's files and journal, bounded in bytes and in time; the rest is the next run's."""

from __future__ import annotations

import glob
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Final

from caelum_report.follow import Followed
from caelum_report.text import Redactor
from caelum_report.words import count, listing, plural, size

from . import figures, journal, lines
from .errors import Errors
from .exchange import Answer, Request
from .figures import Figures
from .lines import Line
from .watch import Watch

_BUDGET_BYTES: Final = 64_000_000
_AT_ONCE: Final = 8_000_000  # between two looks at the clock
_SHARE: Final = 0.7  # of the source's time; the rest is for starting and answering
_MOST_FILES: Final = 200
_CURSOR: Final = "journal's cursor"
_OURS: Final = {figures.BOOKMARK, _CURSOR}  # bookmarks that are of no file


class Reading:
    """What a pass gathers."""

    def __init__(self, request: Request) -> None:
        watch = Watch()
        self.request = request
        self.until = time.monotonic() + _SHARE * request.seconds
        self.watch = watch
        self.figures = Figures(request.metric, request.bookmarks.get(figures.BOOKMARK), watch)
        self.errors = Errors(request.errors, Redactor(request.secrets), watch, request.now)
        self.answer = Answer()
        self.lines = Counter[str]()  # by subject
        self.failed = Counter[str]()
        self.read_before = figures.BOOKMARK in request.bookmarks

    def note(self, code: str, text: str) -> None:
        self.answer.notes.append((code, text))

    def take(self, line: Line, about: str) -> None:
        subject = line.about or about
        self.lines[subject] += 1
        if self.errors.take(line, subject):
            self.failed[subject] += 1
        self.figures.read(line)


def read(request: Request) -> Answer:
    reading = Reading(request)
    if not request.host_log:
        reading.lines[""] = reading.failed[""] = 0  # so that nothing is a zero and not a hole
    try:
        if request.files:
            _read_files(reading)
        if request.journal and reading.answer.failure == "ok":
            _read_journal(reading)
        return _told(reading)
    finally:
        reading.watch.stop()


def _told(reading: Reading) -> Answer:
    answer = reading.answer
    for name, counted in (("log_lines", reading.lines), ("log_errors", reading.failed)):
        for subject, lines_ in counted.items():
            reading.figures.count(subject, name, by=lines_)
    answer.samples = list(reading.figures.samples())
    answer.errors = list(reading.errors.rows())
    answer.bookmarks.append((figures.BOOKMARK, reading.figures.kept()))
    if reading.watch.slow:
        given_up = " It was given up for this run." if reading.watch.given_up else ""
        which = plural(reading.watch.slow, "line")
        reading.note("slow-pattern", f"A pattern needed too long for {which}, which it passed over.{given_up}")
    if reading.errors.ahead:
        text = (
            f"{reading.errors.ahead} lines say that they are of the future; the run's time counts: its clock is ahead."
        )
        reading.note("clock-ahead", text)
    if reading.figures.left_out:
        reading.note("too-many-figures", "Its labels make more than 200 figures; those beyond are left out.")
    if reading.figures.values_left_out:
        many = count(reading.figures.values_left_out)
        reading.note("too-many-values", f"{many} values are more than a run may hold and not in its percentiles.")
    if never := reading.figures.never():
        reading.note("figure-missing", f"No line has ever matched {listing(never, 10)}.")
    return answer


# --- files ----------------------------------------------------------------------------------------------------------


def _read_files(reading: Reading) -> None:
    request = reading.request
    paths = _paths(request.files)
    if not paths:
        if reading.read_before:
            reading.note("no-file", "None of its files is there.")
        else:
            place = "the MCP host of its `preset` writes its logs" if request.host_log else "`files` says"
            reading.answer.failure, reading.answer.reason = "config-error", f"no file is where {place}"
        return
    if len(paths) > _MOST_FILES:
        reading.note("too-many-files", f"It has {len(paths)} files; the {_MOST_FILES} that changed last are read.")
        paths = paths[-_MOST_FILES:]
    bookmarks = {(request.source, name): value for name, value in request.bookmarks.items() if name not in _OURS}
    followed = Followed(request.source, bookmarks, paths, rotates=True, budget_bytes=_BUDGET_BYTES, now=request.now)
    failures, left = [], _BUDGET_BYTES
    for path in paths:
        try:
            left = _read_one(reading, followed, path, left)
        except OSError as error:
            failures.append(error.strerror or type(error).__name__)
    if failures and len(failures) == len(paths):
        reading.answer.failure = "config-error"
        reading.answer.reason = f"none of its files can be read: {failures[0]}"
    elif failures:
        reading.note("unreadable", f"{len(failures)} of its {len(paths)} files cannot be read: {failures[0]}.")
    if left <= 0 or time.monotonic() >= reading.until:
        behind = sum(followed.behind(path) for path in paths)
        if behind:
            text = f"{size(behind)} of its files are not read yet; the next runs go on from there."
            reading.note("more-to-read", text)
    reading.answer.bookmarks += [(mark.name, mark.value) for mark in followed.moved()]


def _paths(patterns: list[str]) -> list[Path]:
    """Ordinary files, those that changed last at the end: what was rotated comes before what is written now."""
    found: dict[Path, tuple[int, str]] = {}
    for pattern in patterns:
        for name in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - Path.glob takes no absolute pattern
            try:
                stat = Path(name).stat()
            except OSError:
                continue
            if S_ISREG(stat.st_mode):
                found[Path(name)] = (stat.st_mtime_ns, name)
    return sorted(found, key=found.__getitem__)


def _read_one(reading: Reading, followed: Followed, path: Path, left: int) -> int:
    """The bytes that may still be read after it."""
    about = _server_in(path) if reading.request.host_log else ""
    closed = followed.closed if followed.is_new(path) else 0.0
    while left > 0 and time.monotonic() < reading.until and not followed.is_unchanged(path):
        followed.left = allowed = min(left, _AT_ONCE)
        for block in followed.new(path):
            for raw in block.splitlines():
                line = lines.of_file(raw, host_log=reading.request.host_log)
                if not closed or (line.at or math.inf) > closed:  # without a time it counts as of now
                    reading.take(line, about)
        left -= allowed - followed.left
    return left


def _server_in(path: Path) -> str:
    """`mcp-server-NAME.log`, `mcpServer.….NAME.log`; a rotated one has more behind it. "" of a log of all servers."""
    name = re.sub(r"\.log.*", "", path.name)
    if name.startswith("mcp-server-"):
        return name.removeprefix("mcp-server-")
    return name.rpartition(".")[2] if name.startswith("mcpServer.") else ""


# --- the journal ----------------------------------------------------------------------------------------------------


def _read_journal(reading: Reading) -> None:
    answer, request = reading.answer, reading.request
    cursor = request.bookmarks.get(_CURSOR)
    try:
        for entry in _entries(reading, cursor):
            reading.take(lines.of_journal(entry), "")
            cursor = str(entry.get("__CURSOR") or cursor or "")[:1000]
    except FileNotFoundError:
        _without_journal(reading, "skipped", "this machine has no journalctl, so there is no journal to read")
    except journal.JournalError as error:
        _without_journal(reading, "config-error", f"journalctl refuses: {error}")
    if cursor:
        answer.bookmarks.append((_CURSOR, cursor))


def _without_journal(reading: Reading, failure: str, reason: str) -> None:
    """What its files gave is kept."""
    if reading.request.files:
        reading.note("no-journal", f"Its journal is missing: {reason}.")
    else:
        reading.answer.failure, reading.answer.reason = failure, reason


def _entries(reading: Reading, cursor: str | None) -> Iterator[dict[str, object]]:
    return journal.entries(reading.request.journal, cursor, budget_bytes=_BUDGET_BYTES, until=reading.until)
