"""A Redis (Valkey, KeyDB, …) as its own INFO tells it: answer time, memory, clients, hits, evictions, persistence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import isfinite
from statistics import median
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from caelum_report.model import Failure, Sample
from caelum_report.wire import Fault
from caelum_report.wire.fault import excerpt
from caelum_report.wire.net import Opened, Origin, open_connection, open_unix
from caelum_report.wire.relay import Relay, relayed

from .asking import Answer, Asking
from .beginnings import restarted

# The name in INFO, our metric, its unit, and whether it counts since the start.
_FIGURES: Final = (
    ("used_memory", "used_memory_bytes", "bytes", False),
    ("used_memory_rss", "rss_bytes", "bytes", False),
    ("maxmemory", "maxmemory_bytes", "bytes", False),  # 0: no limit
    ("mem_fragmentation_ratio", "fragmentation_ratio", "", False),
    ("connected_clients", "connected_clients", "count", False),
    ("maxclients", "maxclients", "count", False),
    ("blocked_clients", "blocked_clients", "count", False),
    ("connected_slaves", "replicas", "count", False),
    ("master_last_io_seconds_ago", "replication_silence_seconds", "seconds", False),
    ("uptime_in_seconds", "uptime_seconds", "seconds", False),
    ("rdb_changes_since_last_save", "unsaved_changes", "count", False),
    ("keyspace_hits", "keyspace_hits", "count", True),
    ("keyspace_misses", "keyspace_misses", "count", True),
    ("evicted_keys", "evicted_keys", "count", True),
    ("expired_keys", "expired_keys", "count", True),
    ("rejected_connections", "rejected_connections", "count", True),
    ("total_commands_processed", "commands", "count", True),
    ("total_net_input_bytes", "received_bytes", "bytes", True),
    ("total_net_output_bytes", "sent_bytes", "bytes", True),
)


async def ask(asking: Asking) -> Answer:
    """PING a few times and INFO once. Raises `Fault`."""
    source, budgets = asking.source, asking.run.config.budgets
    url = urlsplit(source.options["url"])
    opened = await _open(url, min(budgets.connect_seconds, source.timeout_seconds / 2))
    connected = sum(opened.seconds.values())
    again = partial(_open, url)
    async with relayed(opened, asking.allowance, source.timeout_seconds - connected, "Redis", again) as relay:
        pings, info = await _ask(url, relay, budgets.timings)
    times = {"connect_seconds": connected, "ping_seconds": median(pings)}
    gauges = [Sample(asking.subject, metric, seconds, "seconds") for metric, seconds in times.items()]
    uptime = info.get("uptime_in_seconds")
    anew, asked = restarted(asking, uptime if isinstance(uptime, int) else None)
    return Answer((*gauges, *_samples(asking.subject, info, anew=anew)), bookmarks=asked)


async def _open(url: SplitResult, seconds: float) -> Opened:
    if url.scheme == "unix":
        return await open_unix(unquote(url.path), seconds)
    scheme = "https" if url.scheme == "rediss" else "http"  # how the wire says TLS
    return await open_connection(Origin(scheme, url.hostname or "localhost", url.port or 6379), seconds)


async def _ask(url: SplitResult, relay: Relay, pings: int) -> tuple[list[float], Mapping[str, Any]]:
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    client = Redis(
        host=relay.host,
        port=relay.port,
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        protocol=2,  # every version speaks it
        driver_info=None,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=None,  # the relay keeps time
        socket_connect_timeout=None,
        single_connection_client=True,
    )
    try:
        async with client:
            return [await _ping(client, relay) for _ in range(pings)], await client.info()
    except (RedisError, OSError, ValueError, TypeError) as error:
        raise _fault(error, relay) from None


async def _ping(client: Any, relay: Relay) -> float:
    if await client.ping() is not True or not relay.answers:
        raise ValueError("PING was not answered with PONG")
    return relay.answers[-1]


def _fault(error: Exception, relay: Relay) -> Fault:
    from redis import exceptions

    said = str(error).strip()
    if isinstance(error, (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError)):
        return Fault(Failure.AUTH_REQUIRED, f"it refuses us: {said}", "auth")
    if isinstance(error, exceptions.BusyLoadingError):
        return Fault(Failure.CONNECT_ERROR, f"it is still starting: {said}", "handshake")
    if not relay.first:
        return Fault(Failure.PROTOCOL_ERROR, "it closed the connection without an answer", "handshake")
    if relay.first[:1] not in b"+-$:*":
        return Fault(Failure.PROTOCOL_ERROR, f"the port answers, but not as Redis: {excerpt(relay.first)}", "handshake")
    if said.startswith("max number of clients reached"):
        return Fault(Failure.CONNECT_ERROR, f"it lets nobody in: {said}", "handshake")
    return Fault(Failure.PROTOCOL_ERROR, f"it broke off or answered with an error: {said}", "handshake")


def _samples(name: str, info: Mapping[str, Any], *, anew: bool) -> Iterator[Sample]:
    figures = {key: float(value) for key, value in info.items() if isinstance(value, int | float) and isfinite(value)}
    for key, metric, unit, counter in _FIGURES:
        if key in figures:
            yield Sample(name, metric, figures[key], unit, counter, anew=anew and counter)
    for metric, part, whole in (
        ("memory_percent", figures.get("used_memory"), figures.get("maxmemory")),
        ("clients_percent", figures.get("connected_clients"), figures.get("maxclients")),
        ("hit_percent", *_hits(figures)),
    ):
        if part is not None and whole:
            yield Sample(name, metric, 100 * part / whole, "percent")
    spaces = [value for key, value in info.items() if key.startswith("db") and isinstance(value, dict)]
    counts = [count for space in spaces if isinstance(count := space.get("keys"), int)]
    yield Sample(name, "keys", float(sum(counts)), "count")
    for metric, key, good in (
        ("save_failed", "rdb_last_bgsave_status", "ok"),
        ("log_write_failed", "aof_last_write_status", "ok"),
        ("primary_unreachable", "master_link_status", "up"),
    ):
        if key in info:
            yield Sample(name, metric, float(info[key] != good), "count")


def _hits(figures: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Since the server's start."""
    hits, misses = figures.get("keyspace_hits"), figures.get("keyspace_misses")
    return (hits, hits + misses) if hits is not None and misses is not None else (None, None)
