"""Entries of an mcp.json that run their server through `caelum-report tap`: seen through, and shown to whoever wants one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Final

from caelum_report.errors import UsageError
from caelum_report.model import FoundConfiguration, Tap
from caelum_report.tap import parse
from caelum_report.text import Redactor, visible

from .dialects import Entry, read_entries
from .files import read_text
from .secrets import secret_arguments

_PROGRAM: Final = {"caelum-report", "caelum_report"}


def untapped(entry: Entry) -> tuple[Entry, Tap | None]:
    """The entry as if there were no tap, and where that logs.

    What is asked, approved and judged is the server itself: our probes are no usage, and a tap changes nothing of it.
    """
    words = [entry.command or "", *entry.args]
    place = next((i for i, word in enumerate(words[:4]) if PurePath(word).name in _PROGRAM), None)
    if place is None or words[place + 1 : place + 2] != ["tap"]:
        return entry, None
    parsed = parse(words[place + 2 :])
    if isinstance(parsed, str):
        return replace(entry, problem=entry.problem or f"caelum-report tap: {visible(parsed, 200)}"), None
    log, name, (command, *args) = parsed
    return replace(entry, command=command, args=tuple(args)), Tap(log, name)


def tapped_entries(found: Sequence[FoundConfiguration]) -> Iterator[str]:
    """Lines that show each stdio server's `command` and `args` with the tap in front; nothing is written."""
    shown = False
    for each in found:
        try:
            entries = read_entries(Path(each.path), read_text(Path(each.path)))
        except UsageError:
            continue
        entries = tuple(
            entry for entry in entries if entry.command and not entry.problem and untapped(entry)[1] is None
        )
        if entries:
            yield f"{each.host}: {visible(each.path)}"
        for entry in entries:
            shown = True
            yield from _tapped(entry, "=" if each.path.endswith(".toml") else ":")
    if shown:
        yield "Put these lines in the place of the ones they have; every other key stays. The report finds the log by itself."
    else:
        yield "No configuration here has a stdio server that is not tapped already."


def _tapped(entry: Entry, sign: str) -> Iterator[str]:
    """Secrets among the arguments are not shown: they stay as the file has them."""
    args = list(entry.args)
    for index, secret in secret_arguments(entry.args):
        args[index] = args[index].replace(secret, "[redacted]")
    program = shutil.which("caelum-report")
    ours = [program] if program else [sys.executable, "-m", "caelum_report"]
    words = [*ours[1:], "tap", "--server", entry.name, "--", entry.command or "", *args]
    clean = Redactor().clean
    quote = '"' if sign == ":" else ""
    yield f"  {clean(entry.name, 80)}"
    yield f"    {quote}command{quote}{sign} {clean(json.dumps(ours[0]), 500)}{',' if quote else ''}"
    yield f"    {quote}args{quote}{sign} {clean(json.dumps(words, ensure_ascii=False), 2000)}"
