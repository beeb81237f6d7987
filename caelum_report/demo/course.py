"""Every number of the demonstration's month, drawn at once: answer times, stages, memory, the host. Seeded; no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from caelum_report.model import Disk, HostSample, Network, Transport

from .fleet import FLEET, surface
from .incidents import HOST, PLANTED, ZONE, during, planted_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED: Final = 20261122
_GIB: Final = 1 << 30
_MIB: Final = 1 << 20
_CPUS: Final = 8
_MEMORY: Final = 32 * _GIB
_TIMINGS: Final = 5
_LOCAL: Final = [which for which, member in enumerate(FLEET) if member.transport is Transport.STDIO]


@dataclass(frozen=True, slots=True)
class Course:
    """Every number of the month, drawn at once. Lists by hour, then by server."""

    at: datetime
    checks: tuple[tuple[int, int], ...]  # hour from the beginning, hours to the end; where the host was awake
    timings: list[list[list[float]]]
    ladder: list[list[list[float]]]  # dns, connect, tls, http, auth, spawn, handshake, list, ping, canary
    rss: list[list[int]]
    cpu_seconds: list[list[float]]
    fault: list[list[float]]  # uniform draws: rare failures of no particular cause
    instances_rss: list[list[int]]
    host: dict[str, list[float]]


def course(at: datetime, days: int) -> Course:
    import numpy as np

    random = np.random.default_rng(SEED)
    hours, servers = days * 24, len(FLEET)
    ages = np.arange(hours - 1, -1, -1)
    load = _load(at, ages)
    factor = 1 + 0.3 * load[:, None] * random.uniform(0.4, 1.0, servers)
    factor *= np.exp(0.05 * _wander(random, hours, servers))
    slower, busy = _planted(ages)
    seconds = np.array([member.seconds for member in FLEET])
    latency = seconds * factor * slower
    timings = latency[:, :, None] * random.lognormal(0.0, 0.13, (hours, servers, _TIMINGS))
    # a few requests meet a pause of a garbage collector or a cold cache
    timings *= np.where(random.random(timings.shape) < 0.012, random.uniform(1.8, 3.5, timings.shape), 1.0)
    ladder = _ladder(random, latency, timings, (0.31 + 2.2 * seconds) * (1 + 0.5 * busy[:, None]))
    leak = _leaked(ages)
    rss = np.array([member.rss_mib for member in FLEET]) * _MIB * random.normal(1, 0.012, (hours, servers)) + leak
    return Course(
        at=at,
        checks=tuple((hour, age) for hour, age in enumerate(ages.tolist()) if not during("asleep", HOST, age)),
        timings=np.round(timings, 6).tolist(),
        ladder=np.round(ladder, 6).tolist(),
        rss=(rss.astype(np.int64) // 4096 * 4096).tolist(),
        cpu_seconds=np.round((0.35 + 1.6 * seconds) * random.lognormal(0, 0.08, (hours, servers)), 3).tolist(),
        fault=random.random((hours, servers)).tolist(),
        instances_rss=(1.05 * rss).astype(np.int64).tolist(),
        host=_host_course(random, ages, load, busy, leak.sum(axis=1)),
    )


def _planted(ages: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By how many times what was planted slows each server, by hour; and 1 where the host is busy with something else."""
    import numpy as np

    slower, busy = np.ones((len(ages), len(FLEET))), np.zeros(len(ages))
    for planted in PLANTED:
        within = (ages <= planted.begins_hours) & ((planted.ends_hours <= 0) | (ages > planted.ends_hours))
        times = np.where(within, planted.size, 1.0)[:, None]
        if planted.kind == "drift":
            grown = (1 - ages / planted.begins_hours).clip(0)[:, None]
            slower[:, _columns(planted.subjects)] *= 1 + planted.size * grown
        elif planted.kind in {"shift", "slow"}:
            slower[:, _columns(planted.subjects)] *= times
        elif planted.kind == "noisy-neighbour":
            busy[within] = 1
            slower[:, _LOCAL] *= times
    return slower, busy


def _ladder(
    random: np.random.Generator,
    latency: NDArray[np.float64],
    timings: NDArray[np.float64],
    starting: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Seconds of every stage, in the order of `Course.ladder`; `starting` is what a process takes to begin."""
    import numpy as np

    tools = np.array([len(surface(member).tools) for member in FLEET])
    noise = random.lognormal(0.0, 0.1, (*latency.shape, 10))
    ladder = np.empty(noise.shape)
    ladder[..., 0], ladder[..., 1], ladder[..., 2] = 0.0021, 0.0009, 0.0142
    ladder[..., 3], ladder[..., 4] = 0.45 * latency, 0.0007
    ladder[..., 5] = starting
    ladder[..., 6], ladder[..., 7] = 1.3 * latency, latency * (1 + 0.03 * tools)
    ladder[:, _LOCAL, 5] += ladder[:, _LOCAL, 6]  # a process is starting until its first answer, as in the real probe
    ladder[:, _LOCAL, 6] = 0.0002
    ladder[..., 8], ladder[..., 9] = np.median(timings, axis=2), 2.4 * latency
    ladder[..., :8] *= noise[..., :8]
    ladder[..., 9] *= noise[..., 9]
    return ladder


def _columns(names: Iterable[str]) -> list[int]:
    return [which for which, member in enumerate(FLEET) if member.id in names]


def _load(at: datetime, ages: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much the fleet is used, 0 to 1: people work by day, less at the weekend. By the wall clock of the zone."""
    import numpy as np

    here = [(at - timedelta(hours=int(age))).astimezone(ZoneInfo(ZONE)) for age in ages]
    hour = np.array([time.hour + time.minute / 60 for time in here])
    weekend = np.array([time.weekday() >= 5 for time in here])
    morning, afternoon = np.exp(-(((hour - 10.5) / 2.2) ** 2)), np.exp(-(((hour - 15) / 2.8) ** 2))
    return (0.08 + 0.9 * np.maximum(morning, 0.92 * afternoon)) * np.where(weekend, 0.35, 1.0)


def _wander(random: np.random.Generator, hours: int, columns: int) -> NDArray[np.float64]:
    """Noise that remembers: neighbouring hours resemble each other (AR(1), 0.7; unit variance)."""
    import numpy as np

    step = random.normal(0, (1 - 0.7**2) ** 0.5, (hours, columns))
    for hour in range(1, hours):
        step[hour] += 0.7 * step[hour - 1]
    return np.asarray(step)


def _leaked(ages: NDArray[np.int64]) -> NDArray[np.float64]:
    """Bytes by hour and server that a leak has taken."""
    import numpy as np

    leaked = np.zeros((len(ages), len(FLEET)))
    for which, member in enumerate(FLEET):
        for planted in planted_for("leak", member.id):
            leaked[:, which] += planted.size * _GIB * (planted.begins_hours - ages).clip(0) / 24
    return leaked


def _host_course(
    random: np.random.Generator,
    ages: NDArray[np.int64],
    load: NDArray[np.float64],
    busy: NDArray[np.float64],
    leak: NDArray[np.float64],
) -> dict[str, list[float]]:
    import numpy as np

    hours = len(ages)
    cpu = np.clip(11 + 34 * load + 3 * _wander(random, hours, 1)[:, 0], 2, 100)
    cpu = np.where(busy > 0, random.uniform(94, 99.5, hours), cpu)
    swapping = np.array([any(during("slow", member.id, age) for member in FLEET) for age in ages.tolist()])
    used = _MEMORY * (0.69 + 0.05 * load + 0.008 * random.normal(0, 1, hours)) + leak + swapping * 0.09 * _MEMORY
    sent = np.cumsum(3600 * (40_000 + 900_000 * load) * random.lognormal(0, 0.2, hours))
    written = np.cumsum(3600 * (90_000 + 400_000 * load + 2e6 * busy) * random.lognormal(0, 0.3, hours))
    fill = next(planted for planted in PLANTED if planted.kind == "disk")
    var = 88.0 - fill.size * ages / 24 + 0.15 * np.sin(ages / 24 * 2 * np.pi)
    course = {
        "cpu": cpu,
        "iowait": np.clip(random.gamma(1.5, 0.5, hours) + 14 * swapping, 0, 60),
        "load": cpu / 100 * _CPUS * random.lognormal(0, 0.12, hours) + 9 * busy,
        "available": np.clip(_MEMORY - used, 0.02 * _MEMORY, None),
        "swap": 0.4 * _GIB + swapping * 2.1 * _GIB,
        "swapped_in": 3e8 + np.cumsum(swapping * 3600 * 4.5e6),
        "temperature": 38 + 0.33 * cpu + random.normal(0, 0.8, hours),
        "var": var,
        "sent": sent,
        "received": 1.7 * sent,
        "written": written,
        "read": 0.6 * written,
    }
    return {name: values.tolist() for name, values in course.items()}


def host_sample(course: Course, hour: int) -> HostSample:
    host = {name: values[hour] for name, values in course.host.items()}
    var, root = 120 * _GIB, 60 * _GIB
    return HostSample(
        host=HOST,
        boot_at=course.at - timedelta(days=41, hours=5),
        cpus=_CPUS,
        cpu_percent=round(host["cpu"], 2),
        iowait_percent=round(host["iowait"], 2),
        steal_percent=0.0,
        load_1=round(host["load"], 2),
        load_5=round(0.97 * host["load"], 2),
        load_15=round(0.94 * host["load"], 2),
        memory_total_bytes=_MEMORY,
        memory_available_bytes=int(host["available"]),
        swap_total_bytes=8 * _GIB,
        swap_used_bytes=int(host["swap"]),
        swap_in_bytes=int(host["swapped_in"]),
        swap_out_bytes=int(1.3 * host["swapped_in"]),
        temperature_celsius=round(host["temperature"], 1),
        temperature_label="Package",
        disks=(
            Disk("/", "/dev/nvme0n1p2", root, int(root * 0.41), int(0.2 * host["read"]), int(0.1 * host["written"])),
            Disk("/var", "/dev/nvme0n1p3", var, int(var * host["var"] / 100), int(host["read"]), int(host["written"])),
        ),
        networks=(Network("eth0", int(host["sent"]), int(host["received"]), 0),),
    )
