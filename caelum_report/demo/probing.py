"""The demonstration's probes: what each server's checks would have seen, in the words of the real probe."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, Final

from caelum_report import words
from caelum_report.model import (
    STAGES,
    Era,
    Failure,
    Instances,
    Outcome,
    Probe,
    ProcessFigures,
    Stage,
    Status,
    Surface,
    Transport,
    status_of,
)

from .course import Course
from .fleet import HTTPS, Member, surface, surface_before
from .incidents import UNSET, during, maintenance, open_at, planted_for


@dataclass(frozen=True, slots=True)
class _Fault:
    failure: Failure
    stage: str
    reason: str
    exit_status: str | None = None
    stderr: str = ""


def _fault(member: Member, age: int, draw: float) -> _Fault | None:
    if during("outage", member.id, age) or (during("flapping", member.id, age) and age % 2):
        return _Fault(
            Failure.CONNECT_ERROR, "connect", f"no connection to caelum-01 port {member.port}: Connection refused"
        )
    if during("auth-wall", member.id, age):
        return _Fault(Failure.AUTH_REQUIRED, "auth", "HTTP 401: it does not accept our credentials")
    if draw > 0.0004:
        return None
    if member.transport is Transport.STDIO and draw < 0.0002:
        reason = "it ended with signal 9 (SIGKILL) before it answered tools/list"
        last = "MemoryError: unable to allocate 268435456 bytes"
        return _Fault(Failure.EXITED, "list", reason, "signal 9 (SIGKILL)", last)
    return _Fault(Failure.TIMEOUT, "list", "no answer to tools/list within 10 s")


_NOT_REACHED: Final = {name: Stage(name, Outcome.NOT_REACHED) for name in STAGES}
_UNUSED: Final = {name: Stage(name, Outcome.UNUSED) for name in STAGES}


@cache
def _unused(member: Member) -> frozenset[str]:
    """Stages that this server's transport does not have."""
    unused = {"dns", "connect", "tls", "http", "auth"} if member.transport is Transport.STDIO else {"spawn"}
    if member.id not in HTTPS:
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


def probes(member: Member, which: int, course: Course) -> Iterator[Probe]:
    """The checks of one server, in order."""
    local = member.transport is Transport.STDIO
    window = maintenance(course.at) if planted_for("maintenance", member.id) else None
    answers: deque[bool] = deque(maxlen=24)
    flapping = False
    for hour, age in course.checks:
        moment = course.at - timedelta(hours=age)
        started_at = moment + timedelta(seconds=0.2 * (which // 2))
        if during("config-error", member.id, age):
            yield Probe(member.id, started_at, Failure.CONFIG_ERROR, Status.UNKNOWN, UNSET)
            continue
        fault = _fault(member, age, course.fault[hour][which])
        answers.append(fault is None)
        changes = sum(one is not other for one, other in pairwise(answers))
        flapping = changes >= 4 or (flapping and changes > 1)
        unsteady = f"it changed between answering and failing {changes} times in the last 24 checks" if flapping else ""

        canary_fails = _canary_fault(member, age)
        timings = tuple(course.timings[hour][which]) if fault is None else ()
        status, reason = _judge(member, fault, canary_fails, timings, unsteady)
        changed = not planted_for("contract", member.id) or during("contract", member.id, age)
        stages, spent = _climb(
            member, course.ladder[hour][which], fault, canary_fails, _details(member, changed=changed)
        )
        yield Probe(
            server=member.id,
            started_at=started_at,
            failure=fault.failure if fault else Failure.OK,
            status=Status.MAINTENANCE if window and open_at(window, moment) else status,
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
    if during("dependants", member.id, age):
        return f"its canary {member.canary} failed: {member.depends_on[0]} refuses the connection"
    if during("slow", member.id, age):
        return f"its canary {member.canary} failed: the model host does not answer"
    return ""


def _climb(
    member: Member, seconds: list[float], fault: _Fault | None, canary_fails: str, details: dict[str, str]
) -> tuple[tuple[Stage, ...], float]:
    """The stages of one probe, and their time."""
    unused = _unused(member)
    stages, spent, fell = [], 0.0, False
    for name, took in zip(STAGES, seconds, strict=True):
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
    if not planted_for("contract", member.id) or during("contract", member.id, age):
        return member.version
    major, minor, patch = map(int, member.version.split("."))
    return f"{major}.{minor}.{patch - 1}" if patch else f"{major}.{minor - 1}.4"


def _process(course: Course, hour: int, which: int) -> ProcessFigures:
    return ProcessFigures(
        rss_bytes=course.rss[hour][which],
        cpu_seconds=course.cpu_seconds[hour][which],
        threads=4 + which % 7,
        open_files=11 + which % 9,
        processes=2,
    )


def _instances(member: Member, course: Course, hour: int, which: int, age: int) -> Instances:
    """What people run themselves; the one that leaks has not been restarted since it began to."""
    leak = planted_for("leak", member.id)
    running = leak[0].begins_hours - age if leak and leak[0].begins_hours > age else (24 * 9 - age - which) % (24 * 9)
    count = 1 if leak else 1 + which % 3
    return Instances(count, count * course.instances_rss[hour][which], 3600.0 * running + 1800)


def _certificate(member: Member, at: datetime) -> datetime | None:
    if member.id not in HTTPS:
        return None
    planted = planted_for("certificate", member.id)
    days = planted[0].size if planted else 61 + len(member.id)
    return (at + timedelta(days=days)).replace(minute=59, second=0)
