"""config -> collect -> store: ask every server at once, each on its own clock, and hand back one Snapshot.

`COLLECTORS` is the seam: functions that see the snapshot so far and return it with more in it. Others are loaded from the
entry-point group `caelum_report.collectors`.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from importlib.metadata import entry_points
from itertools import compress
from typing import Final

from caelum_report import __version__
from caelum_report.configured import Config
from caelum_report.errors import as_bug
from caelum_report.model import METHOD_VERSION, Failure, Memory, Note, Probe, Remembered, Server, Snapshot, Status
from caelum_report.wire.process import adopt_orphans, kill_orphans, kill_strays

from . import host, instances, usage
from .call import call_tool
from .judge import network_is_down, without_network
from .look import Run, begun
from .probe import probe_server, unasked
from .sources import SOURCES, Asked, ask_all

__all__ = ["COLLECTORS", "Collector", "call_tool", "collect", "is_due"]

Progress = Callable[[str, Status | None], None]
Collector = Callable[[Snapshot, Config], Snapshot]


def collect(
    config: Config, remembered: Remembered, at: datetime, progress: Progress | None = None, *, everyone: bool = False
) -> Snapshot:
    """All that can be seen now, of `everyone` or of those that are due. No server's misbehaviour raises; interrupted or
    terminated, no process of ours is left.
    """
    since, reading = time.perf_counter(), host.begin()
    is_now = [everyone or is_due(server, remembered.of(server.id), config, at) for server in config.servers]
    due = tuple(compress(config.servers, is_now))
    mark = secrets.token_hex(8)
    tools = {source.options.get("server") for source in config.sources if source.kind == "mcp-tool"}
    stdio = any(not server.remote for server in (*due, *(s for s in config.servers if s.id in tools)))
    known = adopt_orphans() if stdio else set()
    try:
        probes, asked = asyncio.run(_ask_all(config, due, remembered, mark=mark, at=at, progress=progress or _silent))
    finally:
        strays = kill_strays(mark) + kill_orphans(known) if stdio else 0
    network_down = network_is_down(probes, due)
    rows, bookmarks, unread = usage.read(config, remembered, asked.calls, at)
    snapshot = Snapshot(
        at=at,
        host=config.host,
        program_version=__version__,
        method_version=METHOD_VERSION,
        probes=without_network(probes, due) if network_down else probes,
        host_sample=host.finish(reading, config.host),
        readings=asked.readings,
        not_due=tuple(server.id for server, now in zip(config.servers, is_now, strict=True) if not now),
        network_down=network_down,
        notes=(*_notes(strays), *unread),
        usage=rows,
        bookmarks=(*bookmarks, *asked.bookmarks),
    )
    for collector in (*COLLECTORS, *_installed()):
        snapshot = collector(snapshot, config)
    return replace(snapshot, seconds=time.perf_counter() - since)


def is_due(server: Server, memory: Memory, config: Config, at: datetime) -> bool:
    """Whether its own cadence lets it be asked again: at once after consent, and where its entry is another than the one
    that was asked. A timer may also fire a little early.
    """
    every = config.own_cadence(server)
    last = memory.last_checked_at
    another = memory.fingerprint not in {"", server.fingerprint}
    if not every or last is None or memory.untried or another or server.skip or server.problem:
        return True
    return not 0 <= (at - last).total_seconds() < 0.95 * every


def with_instances(snapshot: Snapshot, config: Config) -> Snapshot:
    """Count the instances that people run of each configured stdio server."""
    counted = instances.count(config.servers, snapshot.at)
    return replace(
        snapshot,
        probes=tuple(replace(probe, instances=counted.get(probe.server)) for probe in snapshot.probes),
    )


COLLECTORS: Final[tuple[Collector, ...]] = (with_instances,)


def _installed() -> Iterator[Collector]:
    for entry in sorted(entry_points(group="caelum_report.collectors"), key=lambda entry: entry.name):
        yield entry.load()


async def _ask_all(
    config: Config, servers: tuple[Server, ...], remembered: Remembered, *, at: datetime, mark: str, progress: Progress
) -> tuple[tuple[Probe, ...], Asked]:
    """The servers, and after them the sources: what they answer must not disturb what is being timed."""
    run = begun(config, at, mark)
    with _ended_by_signals():
        probes = await _probe_all(run, servers, remembered, progress)
        return probes, await ask_all(config.sources, run, remembered, SOURCES)


async def _probe_all(
    run: Run, servers: tuple[Server, ...], remembered: Remembered, progress: Progress
) -> tuple[Probe, ...]:
    """In the order of the configuration. What is not done when the run's budget is spent is skipped."""
    seconds = run.config.budgets.run_seconds

    async def one(server: Server) -> Probe:
        async with run.room.remotes if server.remote else run.room.children:
            progress(server.id, None)
            probe = await _guarded(server, remembered.of(server.id), run)
        progress(server.id, probe.status)
        return probe

    tasks = [asyncio.create_task(one(server)) for server in servers]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    reason = f"the run's {seconds:g} s were spent"
    return tuple(
        unasked(server, run.at, Failure.SKIPPED, reason) if task.cancelled() else task.result()
        for server, task in zip(servers, tasks, strict=True)
    )


async def _guarded(server: Server, memory: Memory, run: Run) -> Probe:
    """The border that promises it: a bug of ours in one probe is that server's internal-error, and the run goes on."""
    try:
        return await probe_server(server, memory, run)
    except Exception as error:  # noqa: BLE001
        reason = run.redactor.clean(f"a bug of caelum-report, please report it: {as_bug(error)}")
        return unasked(server, run.at, Failure.INTERNAL_ERROR, reason)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """TERM and HUP end the run as an interrupt does: the servers first, then us, by that signal."""
    task, received = asyncio.current_task(), []
    loop = asyncio.get_running_loop()

    def end(number: signal.Signals) -> None:
        received.append(number)
        if task:
            task.cancel()

    numbers = (signal.SIGTERM, signal.SIGHUP) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}
    handled = [number for number in numbers if before[number] is not signal.SIG_IGN]  # nohup means it
    for number in handled:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
        if received:
            raise Terminated(received[0])


class Terminated(SystemExit):
    """A signal ended the run; the exit status is the shell's word for it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


def _notes(strays: int) -> tuple[Note, ...]:
    if not strays:
        return ()
    return (Note("strays", f"{strays} processes had left their server's group and were ended."),)


def _silent(server: str, status: Status | None) -> None:
    """Nobody watches."""
