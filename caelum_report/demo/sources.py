"""The demonstration's sources: what its gateway counts and what its Prometheus knows, simulated like everything else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from caelum_report.model import Failure, LoggedError, Reading, Sample, Source

SOURCES: Final = (
    Source("gateway", "http-json", {}, "https://gateway.example.com:443/stats"),
    Source("prometheus", "prometheus", {}, "https://prometheus.example.com:443/"),
    Source("cache", "redis", {}, "redis://cache.example.com:6379"),
    Source("gateway log", "log", {}, "gateway.log*"),
)
_CALLS: Final = {"api-gateway": 2.4, "analytics-metrics": 0.7, "project-intelligence": 0.35}  # a second, at noon
_EPOCH_HOURS: Final = 490_000  # since 1970; the gateway's counters began then


def readings(at: datetime) -> tuple[Reading, ...]:
    """What both would have said then: busy days, quiet nights, a queue that follows them."""
    hours = at.timestamp() / 3600
    calls = tuple(
        Sample(server, "calls", round(_counted(hours - _EPOCH_HOURS, rate)), "count", counter=True)
        for server, rate in _CALLS.items()
    )
    waiting = Sample("gateway", "waiting", round(4 + 6 * _busy(hours) + 2 * math.sin(hours * 1.7)), "count")
    memory = Sample("gateway", "memory_bytes", 410e6 + 30e6 * _busy(hours) + 9e6 * math.sin(hours / 17), "bytes")
    targets = tuple(Sample("prometheus", name, 23, "count") for name in ("targets", "targets_up"))
    return (
        _reading("gateway", 0.084, *calls, waiting, memory),
        _reading("prometheus", 0.031, *targets),
        _reading("cache", 0.006, *_cache(hours)),
        replace(_reading("gateway log", 0.12, *_lines(hours)), errors=tuple(_errors(at))),
    )


def _reading(name: str, seconds: float, *samples: Sample) -> Reading:
    source = next(source for source in SOURCES if source.name == name)
    return Reading(name, source.kind, Failure.OK, "", seconds, samples, endpoint=source.endpoint)


def _cache(hours: float) -> Iterator[Sample]:
    yield Sample("cache", "ping_seconds", 0.00021 + 0.00004 * _busy(hours), "seconds")
    yield Sample("cache", "used_memory_bytes", 96e6 + 22e6 * _busy(hours), "bytes")
    yield Sample("cache", "hit_percent", 96.5 - 3 * _busy(hours), "percent")


def _lines(hours: float) -> Iterator[Sample]:
    yield Sample("gateway log", "log_lines", round(_counted(hours - _EPOCH_HOURS, 5.2)), "count", counter=True)
    yield Sample("gateway log", "log_errors", round(_counted(hours - _EPOCH_HOURS, 0.002)), "count", counter=True)


def _errors(at: datetime) -> Iterator[LoggedError]:
    """What a gateway says when somebody behind it is slow: mostly at noon."""
    busy = _busy(at.timestamp() / 3600)
    if busy > 0.6:
        yield LoggedError("api-gateway", "ERROR upstream PATH took longer than #s", round(9 * busy), at, at)
    if at.hour % 5 == 0:
        yield LoggedError("gateway log", 'ERROR no such tool "…" for client #', 1 + at.day % 3, at, at)
    if at.hour == 3:
        yield LoggedError("gateway log", "WARN certificate of URL: connection reset by peer", 1, at, at)


def _busy(hours: float) -> float:
    """0 at night, 1 in the early afternoon."""
    return 0.5 - 0.5 * math.cos((hours - 1) / 24 * math.tau)


def _counted(hours: float, rate: float) -> float:
    """All calls since the counter began: the integral of a fifth of the rate and of what the day adds."""
    wave = 0.5 * hours - 0.5 * 24 / math.tau * math.sin((hours - 1) / 24 * math.tau)
    return 3600 * rate * (0.2 * hours + 0.8 * wave)
