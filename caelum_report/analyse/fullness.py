"""A disk or the memory of this host that is nearly full."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from caelum_report import text, words
from caelum_report.document import Finding
from caelum_report.model import Disk, HostSample, Status

from .facts import Facts

DISK_PERCENT: Final = 90.0
MEMORY_PERCENT: Final = 95.0


def fullness(facts: Facts) -> Iterator[Finding]:
    sample = facts.snapshot.host_sample
    if sample is None:
        return
    name = text.visible(sample.host, 60)
    for disk in sample.disks:
        used = 100 * disk.used_bytes / disk.total_bytes if disk.total_bytes else 0.0
        if used > DISK_PERCENT:
            yield _disk(name, sample, disk, used)
    used = 100 * (1 - sample.memory_available_bytes / sample.memory_total_bytes) if sample.memory_total_bytes else 0.0
    if used > MEMORY_PERCENT:
        yield _memory(name, sample, used)


def _disk(name: str, sample: HostSample, disk: Disk, used_percent: float) -> Finding:
    mount = text.visible(disk.name, 80)
    left, total = words.size(disk.total_bytes - disk.used_bytes), words.size(disk.total_bytes)
    return Finding(
        id=f"disk:{sample.host}:{disk.name}",
        kind="host",
        word="Host",
        status=Status.DEGRADED,
        title=f"The disk {mount} of {name} is {words.percent(used_percent / 100, 0)} full.",
        server=None,
        page="host.html",
        evidence="one reading",
        chance=0.0,
        impact=f"{left} of {total} are left; what writes there will fail.",
        command=shlex.join(["du", "-xh", "--max-depth=2", disk.name]) if mount == disk.name else None,
    )


def _memory(name: str, sample: HostSample, used_percent: float) -> Finding:
    left, total = words.size(sample.memory_available_bytes), words.size(sample.memory_total_bytes)
    return Finding(
        id=f"memory:{sample.host}",
        kind="host",
        word="Host",
        status=Status.DEGRADED,
        title=f"The memory of {name} is {words.percent(used_percent / 100, 0)} in use.",
        server=None,
        page="host.html",
        evidence="one reading",
        impact=f"{left} of {total} are left; the next start may swap or be killed.",
        command="ps -eo rss,pid,args --sort=-rss | head -15",
    )
