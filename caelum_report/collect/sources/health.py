"""InfluxDB, Prometheus and Grafana as services: do they answer, how fast, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from caelum_report.model import Failure, Sample
from caelum_report.wire import Fault, HttpFault
from caelum_report.wire.fault import excerpt
from caelum_report.wire.jsontext import parse

from .asking import Answer, Asking
from .beginnings import restarted
from .fetch import fetch, fetch_timed
from .mapping import dig, number

_TIMES: Final = 3  # requests that are timed


def _at(asking: Asking, path: str, query: str = "") -> str:
    """The address of a path below the source's own."""
    parts = urlsplit(asking.source.options["url"])
    return str(urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, query, "")))


async def _timed(asking: Asking, path: str, service: str, query: str = "") -> tuple[bytes, Sample]:
    """What stands at a path, and how long it took, connecting included: the median of a few, each on a connection of its own."""
    try:
        found = [await fetch_timed(asking, _at(asking, path, query)) for _ in range(_TIMES)]
    except HttpFault as fault:
        if fault.failure is Failure.HTTP_4XX:
            raise Fault(Failure.PROTOCOL_ERROR, f"it is no {service}: of {path} it says {fault.reason}") from None
        raise
    return found[-1].body, Sample(asking.subject, "answer_seconds", median(each.seconds for each in found), "seconds")


async def ask_prometheus(asking: Asking) -> Answer:
    """Ready, its targets, its head block, its alerts; what answers like a Prometheus, VictoriaMetrics say, may lack some."""
    ready, answered = await _timed(asking, "/-/ready", "Prometheus")
    if b"Ready" not in ready:
        raise Fault(Failure.PROTOCOL_ERROR, f"it does not answer as Prometheus: {excerpt(ready)}")
    told = {name: await _where_there(asking, path, query) for name, path, query in _PROMETHEUS}
    figures = [Sample(asking.subject, metric, value, "count") for metric, value in _prometheus(**told)]
    if not figures:
        raise Fault(Failure.PROTOCOL_ERROR, "it is ready, but tells neither of targets nor of series: no Prometheus")
    return Answer((answered, *figures))


_PROMETHEUS: Final = (
    ("targets", "/api/v1/targets", "state=active"),
    ("head", "/api/v1/status/tsdb", "limit=1"),
    ("runtime", "/api/v1/status/runtimeinfo", ""),
    ("alerts", "/api/v1/alerts", ""),
)


def _prometheus(*, targets: Any, head: Any, runtime: Any, alerts: Any) -> Iterator[tuple[str, float]]:
    active, listed = dig(targets, "data", "activeTargets"), dig(alerts, "data", "alerts")
    if isinstance(active, list):
        healths = [dig(target, "health") for target in active]
        yield "targets", float(len(healths))
        yield "targets_down", float(healths.count("down"))
    if (series := number(dig(head, "data", "headStats", "numSeries"))) is not None:
        yield "head_series", series
    if (corruptions := number(dig(runtime, "data", "corruptionCount"))) is not None:
        yield "corruptions", corruptions
    if isinstance(reloaded := dig(runtime, "data", "reloadConfigSuccess"), bool):
        yield "reload_failed", float(not reloaded)
    if isinstance(listed, list):
        yield "alerts_firing", float(sum(1 for alert in listed if dig(alert, "state") == "firing"))


async def ask_influxdb(asking: Asking) -> Answer:
    """/ping is timed; what it is, tell /health (1.8 and 2), /ping itself (3) or the figures that 1.x publishes."""
    pong, answered = await _timed(asking, "/ping", "InfluxDB", "verbose=true")
    health = await _where_there(asking, "/health")
    if dig(health, "status") == "fail":
        raise Fault(Failure.HTTP_5XX, f"it says that it is not well: {dig(health, 'message')}")
    variables = await _where_there(asking, "/debug/vars")
    anew, asked = restarted(asking, number(dig(variables, "system", "uptime")))
    figures = tuple(_influxdb(asking.subject, variables, anew=anew))
    version = dig(parse(pong, asking.allowance), "version") if pong.startswith(b"{") else None
    if not figures and not isinstance(version, str) and dig(health, "name") != "influxdb":
        raise Fault(
            Failure.PROTOCOL_ERROR, "it answers, but not as InfluxDB: neither /health, /ping nor /debug/vars tell"
        )
    return Answer((answered, *figures), bookmarks=asked)


async def _where_there(asking: Asking, path: str, query: str = "") -> Any:
    """JSON that not every version has, and that may be closed to us: that says nothing about its health."""
    try:
        body = await fetch(asking, _at(asking, path, query))
    except HttpFault as fault:
        if fault.failure is Failure.HTTP_5XX:
            raise
        return None
    return parse(body, asking.allowance) if body.startswith(b"{") else None


# In /debug/vars of 1.x: the group, its figure, our metric, its unit, and whether it counts since the start.
_INFLUXDB: Final = (
    ("runtime", "Sys", "memory_bytes", "bytes", False),
    ("database", "numSeries", "series", "count", False),
    ("shard", "diskBytes", "disk_bytes", "bytes", False),
    ("httpd", "pointsWrittenOK", "points_written", "count", True),
    ("httpd", "pointsWrittenFail", "points_failed", "count", True),
    ("httpd", "queryReq", "queries", "count", True),
    ("httpd", "clientError", "client_errors", "count", True),
    ("httpd", "serverError", "server_errors", "count", True),
)


def _influxdb(name: str, variables: Any, *, anew: bool) -> Iterator[Sample]:
    groups = list(variables.values()) if isinstance(variables, dict) else []
    for group, figure, metric, unit, counter in _INFLUXDB:
        values = [number(dig(each, "values", figure)) for each in groups if dig(each, "name") == group]
        found = [value for value in values if value is not None]
        if found:
            yield Sample(name, metric, sum(found), unit, counter, anew=anew and counter)
    if (uptime := number(dig(variables, "system", "uptime"))) is not None:
        yield Sample(name, "uptime_seconds", uptime, "seconds")


async def ask_grafana(asking: Asking) -> Answer:
    """/api/health, which needs no login."""
    body, answered = await _timed(asking, "/api/health", "Grafana")
    database = dig(parse(body, asking.allowance), "database")
    if not isinstance(database, str):
        raise Fault(Failure.PROTOCOL_ERROR, f"it does not answer as Grafana: {excerpt(body)}")
    if database != "ok":
        raise Fault(Failure.HTTP_5XX, f"it says of its database: {database}")
    return Answer((answered,))
