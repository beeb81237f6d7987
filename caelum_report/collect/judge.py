"""From what a probe saw to what the report says of a server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Final

from caelum_report import words
from caelum_report.model import Failure, Memory, Probe, Server, Status, status_of
from caelum_report.windows import inside
from caelum_report.wire import Fault
from caelum_report.wire.net import is_loopback, split_url

_CHECKS: Final = 24
_FLAPPING_BEGINS, _FLAPPING_ENDS = 4, 1  # changes within the last checks


def judged(probe: Probe, server: Server, memory: Memory, erring: Sequence[str], *, at: datetime, zone: str) -> Probe:
    """The probe with its status: what the failure implies, degraded or maintenance where more is known."""
    status, reason = status_of(probe.failure), probe.reason
    if status is Status.UP and (worse := "; ".join(_degradations(probe, server, memory, erring))):
        status, reason = Status.DEGRADED, worse
    if any(inside(window, at, zone) for window in server.maintenance):
        status = Status.MAINTENANCE
    return replace(probe, status=status, reason=reason)


def _degradations(probe: Probe, server: Server, memory: Memory, erring: Sequence[str]) -> Iterable[str]:
    yield from erring
    objective = server.latency_objective_seconds
    if objective is not None and probe.timings_seconds and (usual := median(probe.timings_seconds)) > objective:
        yield f"it answers in {words.seconds(usual)}, its objective is {words.seconds(objective)}"
    changes = changes_of((*memory.checks, True))
    if changes >= _FLAPPING_BEGINS or (memory.flapping and changes > _FLAPPING_ENDS):
        yield f"it changed between answering and failing {changes} times in the last {_CHECKS} checks"


def changes_of(checks: Sequence[bool]) -> int:
    """How often the last checks went from answered to failed or back."""
    last = checks[-_CHECKS:]
    return sum(before != after for before, after in pairwise(last))


def network_is_down(probes: Sequence[Probe], servers: Iterable[Server]) -> bool:
    """Whether every server beyond this machine failed at dns or connect, and there are two at least."""
    by_id = {probe.server: probe for probe in probes}
    asked = [
        probe
        for server in servers
        if server.remote and (probe := by_id.get(server.id)) and probe.failure not in _NOT_ASKED and not _local(server)
    ]
    failed = [probe for probe in asked if probe.failure is not Failure.OK and probe.stage in ("dns", "connect")]
    return len(asked) >= 2 and len(failed) == len(asked)


_NOT_ASKED: Final = {Failure.SKIPPED, Failure.CONFIG_ERROR, Failure.INTERNAL_ERROR}


def without_network(probes: Sequence[Probe], servers: Iterable[Server]) -> tuple[Probe, ...]:
    """The remote ones are unknown: it is our network that is down."""
    remote = {server.id for server in servers if server.remote and not _local(server)}
    return tuple(
        replace(probe, status=Status.UNKNOWN)
        if probe.server in remote and probe.stage in ("dns", "connect") and probe.status is Status.DOWN
        else probe
        for probe in probes
    )


def _local(server: Server) -> bool:
    try:
        return is_loopback(split_url(server.url or "").origin.host)
    except Fault:  # no URL: a config-error already
        return True
