"""A month of a fleet that does not exist: hourly snapshots for the real store, analysis and pages. Seeded; no clock.

`fleet` says who is in it, `incidents` what happens to them; this module plays it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from caelum_report import __version__, words
from caelum_report.default_rules import DEFAULT_RULES
from caelum_report.model import (
    METHOD_VERSION,
    Canary,
    Config,
    Disk,
    Era,
    Failure,
    HostSample,
    Instances,
    Network,
    Outcome,
    Probe,
    ProcessFigures,
    Server,
    Snapshot,
    Stage,
    Status,
    Surface,
    Transport,
    Window,
    status_of,
)
from caelum_report.text import slug

from .dashboards import DASHBOARDS
from .fleet import FLEET, Member, surface, surface_before
from .incidents import HOST, NOTED, PINNED, PLANTED, Kind, Planted
from .sources import SOURCES, readings
from .usage import usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FLEET", "HOST", "NOTED", "PINNED", "PLANTED", "Planted", "config", "snapshots"]

ZONE: Final = "Europe/Berlin"
_SEED: Final = 20261122
_GIB: Final = 1 << 30
_MIB: Final = 1 << 20
_CPUS: Final = 8
_MEMORY: Final = 32 * _GIB
_TIMINGS: Final = 5
_HTTPS: Final = {"business-intelligence-aggregation", "intelligence-hub", "security-management", "user-profile"}
_UNSET: Final = "the variable VOICE_INTERFACE_TOKEN is not set"


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
    course = _course(at, days)
    rows = zip(*(_probes(member, which, course) for which, member in enumerate(FLEET)), strict=True)
    calls = usage(at, days, ZONE, _SEED)
    for (hour, age), probes in zip(course.checks, rows, strict=True):
        yield Snapshot(
            at=at - timedelta(hours=age),
            host=HOST,
            program_version=__version__,
            method_version=METHOD_VERSION,
            probes=probes,
            host_sample=_host_sample(course, hour),
            readings=readings(at - timedelta(hours=age)),
            usage=calls.get(round(age), ()),
            seconds=round(max(probe.seconds for probe in probes) + 0.4, 3),
        )


# --- the configuration ----------------------------------------------------------------------------------------------


def _server(member: Member, at: datetime) -> Server:
    scheme = "https" if member.id in _HTTPS else "http"
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
        problem=_UNSET if _during("config-error", member.id, 0) else None,
        group=member.group,
        owner=member.owner,
        depends_on=member.depends_on,
        objective=member.objective,
        latency_objective_seconds=member.latency_objective,
        canary=Canary(member.canary) if member.canary else None,
        maintenance=(_maintenance(at),) if _planted("maintenance", member.id) else (),
    )


def _maintenance(at: datetime) -> Window:
    """The weekly window that is open at the end; it began to repeat before the month."""
    planted = next(planted for planted in PLANTED if planted.kind == "maintenance")
    start, end = (
        (at - timedelta(hours=hours)).astimezone(ZoneInfo(ZONE)) - timedelta(weeks=104)
        for hours in (planted.begins_hours, planted.ends_hours)
    )
    return Window(start, end, "weekly test of all integrations", weekly=True)


def _open(window: Window, moment: datetime) -> bool:
    """Whether the weekly window is open; by the wall clock, so that a change of the offset moves nothing."""
    here = moment.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
    start, end = window.start.replace(tzinfo=None), window.end.replace(tzinfo=None)
    return (here - start) % timedelta(days=7) < end - start


# --- the course of the month ----------------------------------------------------------------------------------------


@cache
def _planted(kind: Kind, subject: str) -> tuple[Planted, ...]:
    return tuple(planted for planted in PLANTED if planted.kind == kind and subject in planted.subjects)


def _during(kind: Kind, subject: str, age: float) -> bool:
    """Whether a check `age` hours before the end is within such an incident."""
    return any(
        planted.begins_hours >= age and (planted.ends_hours <= 0 or age > planted.ends_hours)
        for planted in _planted(kind, subject)
    )


@dataclass(frozen=True, slots=True)
class _Course:
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


def _course(at: datetime, days: int) -> _Course:
    import numpy as np

    random = np.random.default_rng(_SEED)
    hours, servers = days * 24, len(FLEET)
    ages = np.arange(hours - 1, -1, -1)
    load = _load(at, ages)
    factor = 1 + 0.3 * load[:, None] * random.uniform(0.4, 1.0, servers)
    factor *= np.exp(0.05 * _wander(random, hours, servers))
    busy = np.zeros(hours)
    local = _columns([member.id for member in FLEET if member.transport is Transport.STDIO])
    for planted in PLANTED:
        within = (ages <= planted.begins_hours) & ((planted.ends_hours <= 0) | (ages > planted.ends_hours))
        slower = np.where(within, planted.size, 1.0)[:, None]
        if planted.kind == "drift":
            grown = (1 - ages / planted.begins_hours).clip(0)[:, None]
            factor[:, _columns(planted.subjects)] *= 1 + planted.size * grown
        elif planted.kind in {"shift", "slow"}:
            factor[:, _columns(planted.subjects)] *= slower
        elif planted.kind == "noisy-neighbour":
            busy[within] = 1
            factor[:, local] *= slower
    base = np.array([member.seconds for member in FLEET])
    latency = base * factor
    timings = latency[:, :, None] * random.lognormal(0.0, 0.13, (hours, servers, _TIMINGS))
    # a few requests meet a pause of a garbage collector or a cold cache
    timings *= np.where(random.random(timings.shape) < 0.012, random.uniform(1.8, 3.5, timings.shape), 1.0)

    tools = np.array([len(surface(member).tools) for member in FLEET])
    noise = random.lognormal(0.0, 0.1, (hours, servers, 10))
    ladder = np.empty((hours, servers, 10))
    ladder[..., 0], ladder[..., 1], ladder[..., 2] = 0.0021, 0.0009, 0.0142
    ladder[..., 3], ladder[..., 4] = 0.45 * latency, 0.0007
    ladder[..., 5] = (0.31 + 2.2 * base) * (1 + 0.5 * busy[:, None])
    ladder[..., 6], ladder[..., 7] = 1.3 * latency, latency * (1 + 0.03 * tools)
    ladder[:, local, 5] += ladder[:, local, 6]  # a process is starting until its first answer, as in the real probe
    ladder[:, local, 6] = 0.0002
    ladder[..., 8], ladder[..., 9] = np.median(timings, axis=2), 2.4 * latency
    ladder[..., :8] *= noise[..., :8]
    ladder[..., 9] *= noise[..., 9]

    leak = _leaked(ages)
    rss = np.array([member.rss_mib for member in FLEET]) * _MIB * random.normal(1, 0.012, (hours, servers)) + leak
    return _Course(
        at=at,
        checks=tuple((hour, age) for hour, age in enumerate(ages.tolist()) if not _during("asleep", HOST, age)),
        timings=np.round(timings, 6).tolist(),
        ladder=np.round(ladder, 6).tolist(),
        rss=(rss.astype(np.int64) // 4096 * 4096).tolist(),
        cpu_seconds=np.round((0.35 + 1.6 * base) * random.lognormal(0, 0.08, (hours, servers)), 3).tolist(),
        fault=random.random((hours, servers)).tolist(),
        instances_rss=(1.05 * rss).astype(np.int64).tolist(),
        host=_host_course(random, ages, load, busy, leak.sum(axis=1)),
    )


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
        for planted in _planted("leak", member.id):
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
    swapping = np.array([any(_during("slow", member.id, age) for member in FLEET) for age in ages.tolist()])
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


# --- one probe ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fault:
    failure: Failure
    stage: str
    reason: str
    exit_status: str | None = None
    stderr: str = ""


def _fault(member: Member, age: int, draw: float) -> _Fault | None:
    if _during("outage", member.id, age) or (_during("flapping", member.id, age) and age % 2):
        return _Fault(
            Failure.CONNECT_ERROR, "connect", f"no connection to caelum-01 port {member.port}: Connection refused"
        )
    if _during("auth-wall", member.id, age):
        return _Fault(Failure.AUTH_REQUIRED, "auth", "HTTP 401: it does not accept our credentials")
    if draw > 0.0004:
        return None
    if member.transport is Transport.STDIO and draw < 0.0002:
        reason = "it ended with signal 9 (SIGKILL) before it answered tools/list"
        last = "MemoryError: unable to allocate 268435456 bytes"
        return _Fault(Failure.EXITED, "list", reason, "signal 9 (SIGKILL)", last)
    return _Fault(Failure.TIMEOUT, "list", "no answer to tools/list within 10 s")


_STAGE_NAMES: Final = ("dns", "connect", "tls", "http", "auth", "spawn", "handshake", "list", "ping", "canary")
_NOT_REACHED: Final = {name: Stage(name, Outcome.NOT_REACHED) for name in _STAGE_NAMES}
_UNUSED: Final = {name: Stage(name, Outcome.UNUSED) for name in _STAGE_NAMES}


@cache
def _unused(member: Member) -> frozenset[str]:
    """Stages that this server's transport does not have."""
    unused = {"dns", "connect", "tls", "http", "auth"} if member.transport is Transport.STDIO else {"spawn"}
    if member.id not in _HTTPS:
        unused |= {"tls"}
    return frozenset(unused if member.canary else {*unused, "canary"})


@cache
def _surface_at(member: Member, *, changed: bool) -> Surface:
    return surface(member) if changed else surface_before(member)


@cache
def _details(member: Member, *, changed: bool) -> dict[str, str]:
    """What a stage says of itself when it is well."""
    offered = _surface_at(member, changed=changed)
    return {
        "spawn": "to its first answer",
        "handshake": "2026-07-28" if member.era is Era.MODERN else "2025-11-25",
        "list": f"{len(offered.tools)} tools",
        "canary": member.canary or "",
    }


def _probes(member: Member, which: int, course: _Course) -> Iterator[Probe]:
    """The checks of one server, in order."""
    local = member.transport is Transport.STDIO
    window = _maintenance(course.at) if _planted("maintenance", member.id) else None
    answers: deque[bool] = deque(maxlen=24)
    flapping = False
    for hour, age in course.checks:
        moment = course.at - timedelta(hours=age)
        started_at = moment + timedelta(seconds=0.2 * (which // 2))
        if _during("config-error", member.id, age):
            yield Probe(member.id, started_at, Failure.CONFIG_ERROR, Status.UNKNOWN, _UNSET)
            continue
        fault = _fault(member, age, course.fault[hour][which])
        answers.append(fault is None)
        changes = sum(one is not other for one, other in pairwise(answers))
        flapping = changes >= 4 or (flapping and changes > 1)
        unsteady = f"it changed between answering and failing {changes} times in the last 24 checks" if flapping else ""

        canary_fails = _canary_fault(member, age)
        timings = tuple(course.timings[hour][which]) if fault is None else ()
        status, reason = _judge(member, fault, canary_fails, timings, unsteady)
        changed = not _planted("contract", member.id) or _during("contract", member.id, age)
        stages, spent = _climb(
            member, course.ladder[hour][which], fault, canary_fails, _details(member, changed=changed)
        )
        yield Probe(
            server=member.id,
            started_at=started_at,
            failure=fault.failure if fault else Failure.OK,
            status=Status.MAINTENANCE if window and _open(window, moment) else status,
            reason=reason,
            stage=fault.stage if fault else None,
            stages=stages,
            seconds=round(spent + sum(timings), 6),
            timings_seconds=timings,
            **(_introduction(member, version=_version(member, age)) if fault is None or fault.stage == "list" else {}),
            surface=_surface_at(member, changed=changed) if fault is None else None,
            process=_process(course, hour, which) if local else None,
            instances=_instances(member, course, hour, which, age) if local else None,
            stderr_lines=1 if fault and fault.stderr else 0,
            stderr_tail=fault.stderr if fault else "",
            exit_status=fault.exit_status if fault else None,
            certificate_expires_at=_certificate(member, course.at),
        )


@cache
def _introduction(member: Member, *, version: str) -> dict[str, Any]:
    """What a server says of itself in its handshake."""
    modern = member.era is Era.MODERN
    return {
        "era": member.era,
        "timing_method": "server/discover" if modern else "ping",
        "protocol_version": "2026-07-28" if modern else "2025-11-25",
        "supported_versions": ("2026-07-28", "2025-11-25") if modern else (),
        "server_name": f"caelum-{member.id}",
        "server_version": version,
        "capabilities": (
            "tools",
            *(["resources"] if member.resources else []),
            *(["prompts"] if member.prompts else []),
        ),
    }


def _canary_fault(member: Member, age: int) -> str:
    """What the canary call complains of, or nothing."""
    if _during("dependants", member.id, age):
        return f"its canary {member.canary} failed: {member.depends_on[0]} refuses the connection"
    if _during("slow", member.id, age):
        return f"its canary {member.canary} failed: the model host does not answer"
    return ""


def _climb(
    member: Member, seconds: list[float], fault: _Fault | None, canary_fails: str, details: dict[str, str]
) -> tuple[tuple[Stage, ...], float]:
    """The stages of one probe, and their time."""
    unused = _unused(member)
    stages, spent, fell = [], 0.0, False
    for name, took in zip(_STAGE_NAMES, seconds, strict=True):
        if name in unused:
            stages.append(_UNUSED[name])
        elif fell:
            stages.append(_NOT_REACHED[name])
        elif fault is not None and name == fault.stage:
            took = 10.0 if fault.failure is Failure.TIMEOUT else took  # noqa: PLW2901
            stages.append(Stage(name, Outcome.FAILED, took, fault.reason))
            spent, fell = spent + took, True
        elif name == "canary" and canary_fails:
            stages.append(Stage(name, Outcome.FAILED, took, canary_fails))
            spent += took
        else:
            stages.append(Stage(name, Outcome.OK, took, details.get(name, "")))
            spent += took
    return tuple(stages), spent


def _judge(
    member: Member, fault: _Fault | None, canary_fails: str, timings: tuple[float, ...], unsteady: str
) -> tuple[Status, str]:
    """Status and the reason for it, in the words of the real probe."""
    if fault:
        return status_of(fault.failure), fault.reason
    slow, objective = "", member.latency_objective
    if objective and (usual := sorted(timings)[len(timings) // 2]) > objective:
        slow = f"it answers in {words.seconds(usual)}, its objective is {words.seconds(objective)}"
    reason = "; ".join(filter(None, (canary_fails, slow, unsteady)))
    return (Status.DEGRADED if reason else Status.UP), reason


def _version(member: Member, age: int) -> str:
    """A contract change comes with a release; before it the last number was lower by one, or the middle one."""
    if not _planted("contract", member.id) or _during("contract", member.id, age):
        return member.version
    major, minor, patch = map(int, member.version.split("."))
    return f"{major}.{minor}.{patch - 1}" if patch else f"{major}.{minor - 1}.4"


def _process(course: _Course, hour: int, which: int) -> ProcessFigures:
    return ProcessFigures(
        rss_bytes=course.rss[hour][which],
        cpu_seconds=course.cpu_seconds[hour][which],
        threads=4 + which % 7,
        open_files=11 + which % 9,
        processes=2,
    )


def _instances(member: Member, course: _Course, hour: int, which: int, age: int) -> Instances:
    """What people run themselves; the one that leaks has not been restarted since it began to."""
    leak = _planted("leak", member.id)
    running = leak[0].begins_hours - age if leak and leak[0].begins_hours > age else (24 * 9 - age - which) % (24 * 9)
    count = 1 if leak else 1 + which % 3
    return Instances(count, count * course.instances_rss[hour][which], 3600.0 * running + 1800)


def _certificate(member: Member, at: datetime) -> datetime | None:
    if member.id not in _HTTPS:
        return None
    planted = _planted("certificate", member.id)
    days = planted[0].size if planted else 61 + len(member.id)
    return (at + timedelta(days=days)).replace(minute=59, second=0)


# --- the host -------------------------------------------------------------------------------------------------------


def _host_sample(course: _Course, hour: int) -> HostSample:
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
