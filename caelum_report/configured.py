"""What a run is told to do: file, environment and options, resolved into one value. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .archived import Keeping
from .model import Budgets, FoundConfiguration, Note, Objective, Paper, Server, Source, UsageSettings

if TYPE_CHECKING:
    from .alerting import Channel, Rule
    from .dashboards import Dashboard
    from .editions import Edition


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a run needs to know, resolved: file, environment and options have met."""

    fleet: str
    host: str
    zone: str  # IANA name
    every_seconds: float | None  # None: learned from history
    stdio_every_seconds: float
    database: str
    output: str
    publish: str  # auto | exchange | symlink | in-place
    site_url: str | None
    servers: tuple[Server, ...]
    sources: tuple[Source, ...] = ()
    usage: UsageSettings = field(default_factory=UsageSettings)
    budgets: Budgets = field(default_factory=Budgets)
    pass_env: tuple[str, ...] = ()
    path: str = ""  # the PATH recorded by `init`, for cron's is short; "" takes the process's own
    raw_days: int = 14
    hourly_days: int = 365
    archive: Keeping = field(default_factory=Keeping)
    pdf: bool = True
    paper: Paper = "a4"  # of every PDF
    fail_on: str = "never"  # never | down | needs-action
    demo: bool = False
    scheduled: bool = False  # a schedule is known, so "next due" can be said
    found: tuple[FoundConfiguration, ...] = ()
    notes: tuple[Note, ...] = ()  # findings about the configuration: run as root, ignored variables, …
    ping_url: str | None = field(default=None, repr=False)  # a dead man's switch, told of every published report
    secrets: tuple[str, ...] = field(default=(), repr=False)  # searched for in everything that comes in
    file: str | None = None  # the caelum.toml in use
    debug: bool = False  # DEBUG is set: as --verbose
    rules: tuple[Rule, ...] = ()  # when somebody is told; the defaults are among them
    channels: tuple[Channel, ...] = ()  # the ways out
    objectives: tuple[Objective, ...] = ()  # of groups; a server's own is its `objective`
    dashboards: tuple[Dashboard, ...] = ()  # pages of one's own
    editions: tuple[Edition, ...] = ()  # the report for other readers

    def own_cadence(self, server: Server | None) -> float:
        """Seconds between two checks that a server has for itself; 0 where every run asks it, or where it is not known here."""
        if server is None:
            return 0.0
        return server.every_seconds or (0.0 if server.remote else self.stdio_every_seconds)
