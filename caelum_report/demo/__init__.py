"""A month of a fleet that does not exist: hourly snapshots for the real store, analysis and pages. Seeded; no clock.

`fleet` says who is in it, `incidents` what happens to them, `course` draws the numbers, `probing` what a check sees of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from caelum_report import __version__
from caelum_report.configured import Config
from caelum_report.default_rules import DEFAULT_RULES
from caelum_report.model import METHOD_VERSION, Canary, Server, Snapshot, Transport
from caelum_report.text import slug

from .course import SEED, course, host_sample
from .dashboards import DASHBOARDS
from .editions import editions
from .fleet import FLEET, HTTPS, Member
from .incidents import HOST, NOTED, PINNED, PLANTED, UNSET, ZONE, Planted, during, maintenance, planted_for
from .probing import probes
from .sources import SOURCES, readings
from .usage import usage

__all__ = ["FLEET", "HOST", "NOTED", "PINNED", "PLANTED", "Planted", "config", "editions", "snapshots"]


def config(at: datetime) -> Config:
    """The fleet's configuration as of `at`; the caller sets where database and site go."""
    return Config(
        fleet="Caelum fleet",
        host=HOST,
        zone=ZONE,
        every_seconds=3600.0,
        stdio_every_seconds=900.0,
        database="",
        output="",
        publish="auto",
        site_url=None,
        servers=tuple(_server(member, at) for member in FLEET),
        sources=SOURCES,
        demo=True,
        scheduled=True,
        rules=DEFAULT_RULES,
        dashboards=DASHBOARDS,
    )


def snapshots(at: datetime, days: int = 30) -> Iterator[Snapshot]:
    """One snapshot an hour, the last one at `at`. The same arguments give the same values."""
    month = course(at, days)
    rows = zip(*(probes(member, which, month) for which, member in enumerate(FLEET)), strict=True)
    calls = usage(at, days, ZONE, SEED)
    for (hour, age), row in zip(month.checks, rows, strict=True):
        yield Snapshot(
            at=at - timedelta(hours=age),
            host=HOST,
            program_version=__version__,
            method_version=METHOD_VERSION,
            probes=row,
            host_sample=host_sample(month, hour),
            readings=readings(at - timedelta(hours=age)),
            usage=calls.get(round(age), ()),
            seconds=round(max(probe.seconds for probe in row) + 0.4, 3),
        )


def _server(member: Member, at: datetime) -> Server:
    scheme = "https" if member.id in HTTPS else "http"
    remote = member.transport is not Transport.STDIO
    path = "/sse" if member.transport is Transport.SSE else "/mcp"
    url = f"{scheme}://caelum-01:{member.port}{path}" if remote else None
    args = (f"caelum-{member.id}=={member.version}", "--stdio")
    return Server(
        id=member.id,
        slug=slug(member.id),
        transport=member.transport,
        command=None if remote else "uvx",
        args=() if remote else args,
        url=url,
        endpoint=url or f"uvx + {len(args)} arguments",
        sources=("demonstration",),
        fingerprint=hashlib.sha256(member.id.encode()).hexdigest(),
        problem=UNSET if during("config-error", member.id, 0) else None,
        group=member.group,
        owner=member.owner,
        depends_on=member.depends_on,
        objective=member.objective,
        latency_objective_seconds=member.latency_objective,
        canary=Canary(member.canary) if member.canary else None,
        maintenance=(maintenance(at),) if planted_for("maintenance", member.id) else (),
    )
