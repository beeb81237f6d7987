"""Whoever is asked beside the MCP servers: `[[source]]` blocks, and addresses that the environment gives.

`SOURCES` is the seam. A new kind is

* a table in `config/source_tables.py`, and its name in `AnySource` (and in `ENVIRONMENT`, where variables give its keys);
* a module here with `async def ask(asking: Asking) -> Answer`, and one line below.

What an `ask` may rely on: `asking.source.options` are its table's, checked, with every variable replaced; it may hold
secrets, so never put a value of it into a reason. What it promises: what goes wrong with the other side is raised as
`Fault` with a class and a sentence, in which that side's own words may stand raw, for the runner cleans them; everything
that is read is booked with `asking.allowance`; heavy or optional libraries are imported inside. The runner holds the
time: cancelled at `source.timeout_seconds`, it must let go of its connections; a thread of its own must be bounded by
itself. Whatever else it raises is our bug, and costs this source its figures of one run and nobody anything else.

A `Sample` says whom it is about: `asking.subject` unless the figure names a server itself. Counters are given raw, with
`counter=True`, and named for what they count; the rate is worked out where it is read. `Sample.at` is only for figures of
another time than the run's: they are stored once, however often they are given.

Counters called `mcp_calls` and `mcp_errors` are real calls of tools and count as usage (`call_figures`; `mcp_calls` has who publishes them).
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
from .asking import Answer, Ask, Asked, Asking, ask_all

__all__ = ["SOURCES", "Answer", "Ask", "Asked", "Asking", "ask_all"]

SOURCES: Final[Mapping[str, Ask]] = {
    "http-json": http_json.ask,
    "mcp-tool": mcp_tool.ask,
    "prometheus": prometheus.ask,
    "prometheus-scrape": prometheus_scrape.ask,
    "influxdb": influxdb.ask,
    "websocket": websocket.ask,
    "redis": redis.ask,
    "postgresql": postgresql.ask,
    "influxdb-health": health.ask_influxdb,
    "prometheus-health": health.ask_prometheus,
    "grafana": health.ask_grafana,
    "docker": docker.ask,
    "log": log.ask,
}
