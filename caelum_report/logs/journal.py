"""systemd's journal, by `journalctl -o json`: what came since the cursor of the run before; the first time, of a day."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

LINE_BYTES: Final = 1_000_000


class JournalError(Exception):
    """journalctl refused; the text is its own."""


def entries(units: Sequence[str], cursor: str | None, *, budget_bytes: int, until: float) -> Iterator[dict[str, Any]]:
    """Entries up to the budget, or to `until` on the monotonic clock. FileNotFoundError where there is no journalctl.

    A cursor that the journal has let go of is no reason to be silent: what the last day has is read, as if for the first
    time.
    """
    since = [f"--after-cursor={cursor}"] if cursor else ["--since=-24h"]
    command = ["journalctl", "--output=json", "--no-pager", "--quiet", "--all", *since]
    command += [f"--unit={unit}" for unit in units if unit != "*"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None  # noqa: PT018
        some = whole = False
        try:
            while not whole and budget_bytes > 0 and time.monotonic() < until:
                raw = child.stdout.readline(LINE_BYTES)
                budget_bytes -= len(raw)
                whole = not raw
                if entry := _entry(raw):
                    some = True
                    yield entry
        finally:
            if not whole:
                child.kill()
        said = child.stderr.read(2_000).decode("utf-8", "replace").strip()
        failed = whole and not some and child.wait() != 0
    if failed and cursor:
        yield from entries(units, None, budget_bytes=budget_bytes, until=until)
    elif failed:
        raise JournalError(said.partition("\n")[0] or "without a word why")


def _entry(raw: bytes) -> dict[str, Any] | None:
    """None of a part of a line that is too long."""
    with suppress(ValueError, RecursionError):
        said = json.loads(raw)
        return said if isinstance(said, dict) else None
    return None
