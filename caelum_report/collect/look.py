"""What one probe knows so far, and what it shares with the others of its run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from caelum_report.configured import Config
from caelum_report.model import Note, ProcessFigures, Server, Surface
from caelum_report.text import Redactor
from caelum_report.wire import Allowance, Channel, Inbox, Pool
from caelum_report.wire.http import HttpClient
from caelum_report.wire.process import Child

from .boundary import Boundary
from .eras import Greeting
from .ladder import Ladder
from .room import Clock, Room
from .surface import Listing
from .talk import Talk


@dataclass(frozen=True, slots=True)
class Run:
    """What all probes of a run share."""

    config: Config
    at: datetime
    room: Room
    pool: Pool
    redactor: Redactor
    mark: str  # of our children's environment, without the server's own part
    elapsed: Callable[[], float]  # seconds since the run began


def begun(config: Config, at: datetime, mark: str) -> Run:
    """A run that begins now."""
    since = time.perf_counter()
    return Run(
        config=config,
        at=at,
        room=Room(config.budgets, os.cpu_count() or 1),
        pool=Pool(config.budgets),
        redactor=Redactor(config.secrets),
        mark=mark,
        elapsed=lambda: time.perf_counter() - since,
    )


@dataclass(slots=True)
class Look:
    """What is known so far; filled while the probe goes on, so that a failure keeps what came before it."""

    server: Server
    run: Run
    clock: Clock
    ladder: Ladder
    allowance: Allowance
    boundary: Boundary
    channel: Channel | None = None
    inboxes: list[Inbox] = field(default_factory=list)
    child: Child | None = None
    client: HttpClient | None = None
    greeting: Greeting | None = None
    era_certain: bool = True
    listing: Listing | None = None
    surface: Surface | None = None
    figures: ProcessFigures | None = None
    timings: list[float] = field(default_factory=list)
    timing_method: str | None = None
    erring: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def inbox(self) -> Inbox:
        """A fresh one, for a fresh conversation."""
        self.inboxes.append(Inbox(self.allowance))
        return self.inboxes[-1]

    def talk(self, channel: Channel) -> Talk:
        """A conversation over what is from now on our channel; our requests to remote servers spare a quick timing elsewhere."""
        self.channel = channel
        seconds = self.server.request_seconds or self.run.config.budgets.request_seconds

        async def hush() -> None:
            if self.server.remote and self.ladder.current != "ping":
                await self.run.room.hush(self.clock)

        return Talk(channel, self.clock, seconds, hush)

    async def hang_up(self) -> None:
        """Let go of the server: its processes, its session, its connections."""
        channel, self.channel = self.channel, None
        if channel is None:
            if self.client:
                self.client.close()
            return
        self.measure()
        async with self.run.room.ending():
            await channel.close()

    def measure(self) -> None:
        """Keep the process tree's figures when it is larger than it was."""
        figures = self.child.figures() if self.child else None
        if figures and (self.figures is None or figures.rss_bytes > self.figures.rss_bytes):
            self.figures = figures
