"""Logs: files and systemd's journal, read by a program of its own that can be ended; see `caelum_report.logs`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import caelum_report
from caelum_report.collect.usage.names import Names
from caelum_report.logs.exchange import Answer as Said
from caelum_report.logs.exchange import Request
from caelum_report.model import Bookmark, Failure, LoggedError, Note, Sample
from caelum_report.wire import Fault

from .asking import Answer, Asking

_HOME: Final = Path(caelum_report.__file__).parent.parent


async def ask(asking: Asking) -> Answer:
    """What is new since the run before. Nothing of it is kept, and nothing passed over, where the program fails."""
    options, config = asking.source.options, asking.run.config
    bookmarks = f"log {asking.source.name}"
    request = Request(
        source=bookmarks,
        files=options["files"],
        journal=options["journal"],
        host_log=options["preset"] is not None,
        errors=options["errors"],
        metric=options["metric"],
        bookmarks={name: value for (of, name), value in asking.remembered.bookmarks.items() if of == bookmarks},
        secrets=list(config.secrets),
        now=asking.run.at.timestamp(),
        seconds=asking.source.timeout_seconds,
    )
    said = Said(**json.loads(await _program(json.dumps(asdict(request)).encode(), asking)))
    if said.failure != Failure.OK:
        raise Fault(Failure(said.failure), said.reason)
    return _answer(asking, said, bookmarks)


async def _program(request: bytes, asking: Asking) -> bytes:
    """In a session of its own, so that a journalctl of its ends with it."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "caelum_report.logs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=_HOME,
        start_new_session=True,
    )
    try:
        answer, complaint = await child.communicate(request)
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    if child.returncode != 0:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"the log's reader ended with {child.returncode}")
    asking.allowance.take_bytes(len(answer))
    return answer


def _answer(asking: Asking, said: Said, bookmarks: str) -> Answer:
    names = Names(asking.run.config.servers)

    def subject(about: str) -> str:
        return names.server(about) if about else asking.subject

    return Answer(
        samples=tuple(
            Sample(subject(about), metric, value, unit, counter, tuple(sorted(labels.items())))
            for about, metric, value, unit, counter, labels in said.samples
        ),
        notes=tuple(Note(*note) for note in said.notes),
        errors=tuple(
            LoggedError(subject(about), text, count, _moment(first), _moment(last))
            for about, text, count, first, last in said.errors
        ),
        bookmarks=tuple(Bookmark(bookmarks, *mark) for mark in said.bookmarks),
    )


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
