"""What one probe knows so far, and what it shares with the others of its run."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from caelum_report.configured import Config
from caelum_report.model import Note, ProcessFigures, Server, Surface
from caelum_report.text import Redactor
from caelum_report.wire import Allowance, Channel, Inbox, Pool
from caelum_report.wire.http import HttpClient
from caelum_report.wire.net import is_loopback
from caelum_report.wire.process import Child

from .boundary import Boundary
from .eras import Greeting
from .ladder import Ladder
from .room import Clock, Hold, Pace, Room
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


def look_at(server: Server, run: Run, seconds: float, allowance: Allowance | None = None) -> Look:
    """A look that begins now; an allowance that is given is its giver's to release."""
    clock = Clock(seconds)
    return Look(
        server=server,
        run=run,
        clock=clock,
        ladder=Ladder(server, clock),
        allowance=allowance or Allowance(run.config.budgets, run.pool),
        boundary=Boundary(run.redactor),
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
    timing: Hold | None = None  # while its answers are timed
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
        """A conversation over what is from now on our channel."""
        self.channel = channel
        seconds = self.server.request_seconds or self.run.config.budgets.request_seconds
        return Talk(channel, self.clock, seconds, self.turn)

    @property
    def pace(self) -> Pace:
        return Pace(local=self.client is None or is_loopback(self.client.origin.host))

    @asynccontextmanager
    async def timed(self, seconds: float) -> AsyncIterator[None]:
        """A while in which our requests are timed, of a server that is known to answer in so many seconds."""
        async with self.run.room.timing(self.clock, self.pace, seconds) as hold:
            self.timing = hold
            try:
                yield
            finally:
                self.timing = None

    @asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[None]:
        """What a request waits for: a process of ours that starts has its slot, whoever is timed its while, and every other
        request to a remote server shares the room with what is measured there.
        """
        if self.timing:
            self.timing.asking()
            yield
        elif self.server.remote:
            async with self.run.room.asking(self.clock, self.pace, seconds):
                yield
        else:
            yield

    async def hang_up(self) -> None:
        """Let go of the server: its processes, its session, its connections."""
        channel, self.channel = self.channel, None
        if channel is None:
            if self.client:
                self.client.close()
            return
        self.measure()
        async with nullcontext() if self.server.remote else self.run.room.ending():
            await channel.close()

    def measure(self) -> None:
        """Keep the process tree's figures when it is larger than it was."""
        figures = self.child.figures() if self.child else None
        if figures and (self.figures is None or figures.rss_bytes > self.figures.rss_bytes):
            self.figures = figures
