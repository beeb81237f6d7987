"""Whoever is asked beside the MCP servers: `[[source]]` blocks, and addresses that the environment gives.

`SOURCES` is the seam. A new kind is

* a table in `config/source_tables.py`, and its name in `AnySource` (and in `ENVIRONMENT`, where variables give its keys);
* a module here with `async def ask(asking: Asking) -> Answer`, and one line below: what it imports that is not ours, and
  whether it tells how fast the other side is.

What an `ask` may rely on: `asking.source.options` are its table's, checked, with every variable replaced; it may hold
secrets, so never put a value of it into a reason. What it promises: what goes wrong with the other side is raised as
`Fault` with a class and a sentence, in which that side's own words may stand raw, for the runner cleans them; everything
that is read is booked with `asking.allowance`; heavy or optional libraries are imported inside. The runner holds the
time: cancelled at `source.timeout_seconds`, it must let go of its connections; a thread of its own must be bounded by
itself. Whatever else it raises is our bug, and costs this source its figures of one run and nobody anything else.

A `Sample` says whom it is about: `asking.subject` unless the figure names a server itself. Counters are given raw, with
`counter=True`, and named for what they count; the rate is worked out where it is read. `Sample.at` is only for figures of
another time than the run's: they are stored once, however often they are given.

Counters called `mcp_calls` and `mcp_errors` are real calls of tools and count as usage (`call_figures`; `mcp_calls` has who
publishes them).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import (
    docker,
    health,
    http_json,
    influxdb,
    log,
    mcp_tool,
    postgresql,
    prometheus,
    prometheus_scrape,
    redis,
    websocket,
)
from .asking import Answer, Ask, Asked, Asking, Kind, ask_all

__all__ = ["SOURCES", "Answer", "Ask", "Asked", "Asking", "Kind", "ask_all"]

_HTTP: Final = ("httpx", "anyio._backends._asyncio")  # the second it would import within the first request

SOURCES: Final[Mapping[str, Kind]] = {
    "http-json": Kind(http_json.ask, (*_HTTP, "jmespath")),
    "mcp-tool": Kind(mcp_tool.ask, ("jmespath",)),
    "prometheus": Kind(prometheus.ask, _HTTP),
    "prometheus-scrape": Kind(prometheus_scrape.ask, _HTTP),
    "influxdb": Kind(influxdb.ask, _HTTP),
    "websocket": Kind(websocket.ask, ("jmespath",)),
    "redis": Kind(redis.ask, ("redis.asyncio",), timed=True),
    "postgresql": Kind(postgresql.ask, ("psycopg",), timed=True),
    "influxdb-health": Kind(health.ask_influxdb, _HTTP, timed=True),
    "prometheus-health": Kind(health.ask_prometheus, _HTTP, timed=True),
    "grafana": Kind(health.ask_grafana, _HTTP, timed=True),
    "docker": Kind(docker.ask, _HTTP, timed=True),
    "log": Kind(log.ask),
}
