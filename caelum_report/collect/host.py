"""The host under the servers, read with psutil. Counters are raw; what a platform or a container hides is None or 0."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import psutil

from caelum_report.model import Disk, HostSample, Network
from caelum_report.text import visible

_DISKS: Final = 32
_NETWORKS: Final = 16
_ALWAYS_FULL: Final = {"squashfs", "iso9660", "udf", "cramfs", "erofs"}  # images: 100 % by nature
_LOOPBACK: Final = re.compile(r"lo\d*")
_VIRTUAL: Final = re.compile(
    r"(veth|docker|br-|bridge|virbr|vnet|cni|flannel|cali|dummy|ifb|gre|gretap|erspan|sit|tunl|ip6|ip_vti|utun|awdl|llw|gif|stf|anpi)"
)

_T = TypeVar("_T")
_U = TypeVar("_U")


@dataclass(frozen=True, slots=True)
class Reading:
    """Processor seconds by kind, over all processors, since boot."""

    seconds: dict[str, float]


def begin() -> Reading:
    """The first of the two readings between which the processors' load is measured."""
    times = _read(psutil.cpu_times, None)
    return Reading(dict(times._asdict()) if times else {})


def finish(reading: Reading, host: str) -> HostSample:
    """The host now, its processors since `reading`. Never raises; 1970 is a boot time that nobody would tell us."""
    shares = _shares(reading.seconds, begin().seconds)
    load = _read(os.getloadavg, None)
    memory = _read(psutil.virtual_memory, None)
    swap = _read(psutil.swap_memory, None)
    temperature, label = _read(_hottest, (None, ""))
    return HostSample(
        host=host,
        boot_at=datetime.fromtimestamp(int(_read(psutil.boot_time, 0.0)), UTC),
        cpus=_read(psutil.cpu_count, None) or 1,
        cpu_percent=shares.get("busy"),
        iowait_percent=shares.get("iowait"),
        steal_percent=shares.get("steal"),
        load_1=load[0] if load else None,
        load_5=load[1] if load else None,
        load_15=load[2] if load else None,
        memory_total_bytes=memory.total if memory else 0,
        memory_available_bytes=memory.available if memory else 0,
        swap_total_bytes=swap.total if swap else 0,
        swap_used_bytes=swap.used if swap else 0,
        swap_in_bytes=swap.sin if swap else 0,
        swap_out_bytes=swap.sout if swap else 0,
        temperature_celsius=temperature,
        temperature_label=label,
        disks=_read(_disks, ()),
        networks=_read(_networks, ()),
    )


def _read(source: Callable[[], _T], otherwise: _U) -> _T | _U:
    """A reading, or `otherwise`. Containers, sandboxes and other systems hide any part of /proc and /sys, and psutil tells
    it by every one of these, or by a warning.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return source()
        except (OSError, ValueError, LookupError, AttributeError, RuntimeError, psutil.Error):
            return otherwise


def _shares(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Percent of the time between two readings; empty when no time passed."""
    # guest time is in user and nice already
    kinds = [kind for kind in after if kind in before and not kind.startswith("guest")]
    spent = {kind: max(0.0, after[kind] - before[kind]) for kind in kinds}
    total = sum(spent.values())
    if not total:
        return {}
    shares = {kind: 100 * seconds / total for kind, seconds in spent.items()}
    shares["busy"] = 100 - shares.get("idle", 0.0) - shares.get("iowait", 0.0)
    return {kind: round(min(100.0, max(0.0, share)), 2) for kind, share in shares.items()}


def _disks() -> tuple[Disk, ...]:
    counters = _read(lambda: psutil.disk_io_counters(perdisk=True, nowrap=False), None) or {}
    disks = []
    for mount, device in _mounts():
        usage = _read(lambda mount=mount: psutil.disk_usage(mount), None)  # type: ignore[misc]
        if not usage or not usage.total:
            continue
        counter = counters.get(os.path.basename(os.path.realpath(device)))  # noqa: PTH119 - not a file to open
        disks.append(
            Disk(
                name=visible(mount, 200),
                device=visible(device, 100),
                total_bytes=usage.used
                + usage.free,  # as df counts: without what is reserved for root, so that 100 % is full
                used_bytes=usage.used,
                read_bytes=counter.read_bytes if counter else None,
                write_bytes=counter.write_bytes if counter else None,
            )
        )
    return tuple(disks[:_DISKS])


def _mounts() -> Iterator[tuple[str, str]]:
    """Mount point and device of each real file system, once a device. A container's root is none, and is named all the same."""
    found: dict[str, str] = {}
    for part in sorted(_read(psutil.disk_partitions, ()), key=lambda part: (len(part.mountpoint), part.mountpoint)):
        # bind mounts of single files are how containers get their /etc/hosts
        if part.fstype not in _ALWAYS_FULL and os.path.isdir(part.mountpoint):  # noqa: PTH112
            found.setdefault(part.device, part.mountpoint)
    if "/" not in found.values():
        found["root"] = "/"
    yield from sorted((mount, device) for device, mount in found.items())


def _networks() -> tuple[Network, ...]:
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    physical = {name for name in counters if Path("/sys/class/net", name, "device").exists()}
    # Bridges, tunnels and bonds carry what a physical interface carries again. A container has none of its own.
    names = physical or {name for name in counters if not _LOOPBACK.fullmatch(name) and not _VIRTUAL.match(name)}
    return tuple(
        Network(
            name=visible(name, 64),
            sent_bytes=counters[name].bytes_sent,
            received_bytes=counters[name].bytes_recv,
            errors=counters[name].errin + counters[name].errout,
        )
        for name in sorted(names)[:_NETWORKS]
    )


def _hottest() -> tuple[float | None, str]:
    readings = [
        (sensor.current, visible(f"{chip} {sensor.label}".strip(), 64))
        for chip, sensors in psutil.sensors_temperatures().items()
        for sensor in sensors
        if sensor.current is not None and 0 < sensor.current < 150  # a sensor that is not connected says 0 or 255
    ]
    return max(readings, default=(None, ""), key=lambda reading: reading[0] or 0.0)
