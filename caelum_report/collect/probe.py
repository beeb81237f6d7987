"""One look at one server: up the ladder, and down again whatever happens."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from caelum_report.model import (
    Era,
    Failure,
    Memory,
    Note,
    Probe,
    Server,
    Status,
    Transport,
    status_of,
)
from caelum_report.wire import Fault
from caelum_report.wire.fault import excerpt
from caelum_report.wire.jsonrpc import METHOD_NOT_FOUND
from caelum_report.wire.process import exit_words

from . import canary, readiness
from .judge import judged
from .look import Look, Run, look_at
from .reach import first_start, reach
from .reasons import telling_line
from .surface import list_everything, surface
from .talk import Talk, result_of

_TIMING_SECONDS: Final = 3.0  # for all short requests together
_STDERR_FLOOD: Final = 1_000_000


async def probe_server(server: Server, memory: Memory, run: Run) -> Probe:
    """Never raises for what a server does. Cancelled, it still ends the server's processes."""
    budgets = run.config.budgets
    started_at = run.at + timedelta(seconds=run.elapsed())
    if server.problem or server.skip:
        failure = Failure.CONFIG_ERROR if server.problem else Failure.SKIPPED
        return unasked(server, started_at, failure, run.redactor.clean(server.problem or server.skip or "", 500))
    seconds = server.server_seconds or budgets.server_seconds
    if first_start(server, memory):
        seconds = max(seconds, budgets.first_start_seconds)
    look = look_at(server, run, seconds)
    fault = None
    try:
        try:
            await _climb(look, memory)
        except Fault as problem:
            fault = problem
            _fell(look, fault)
        took = look.clock.spent
        probe = _probe(look, fault, started_at, took)
    finally:
        await look.hang_up()
        look.allowance.release()
    return judged(probe, server, memory, look.erring, at=run.at, zone=run.config.zone)


def unasked(server: Server, at: datetime, failure: Failure, reason: str) -> Probe:
    """A probe that never began."""
    return Probe(server=server.id, started_at=at, failure=failure, status=status_of(failure), reason=reason)


# --- the way up -----------------------------------------------------------------------------------------------------


async def _climb(look: Look, memory: Memory) -> None:
    """Up the ladder. A process starts in its slot and is timed after it."""
    slot = look.run.room.start(look.clock) if look.server.transport is Transport.STDIO else contextlib.nullcontext()
    async with slot:
        talk = await reach(look, memory)
        await _list(look, talk)
        look.measure()
    await _time(look, talk)
    look.notes += readiness.notes(look, talk, memory)
    await _canary(look, talk)


async def _list(look: Look, talk: Talk) -> None:
    if look.server.remote:
        look.ladder.good("auth", None)
    with look.ladder.climb("list"):
        look.listing = await list_everything(
            talk, look.greeting.capabilities if look.greeting else {}, look.run.config.budgets
        )
    look.surface = await surface(look.listing, look.greeting.instructions if look.greeting else "", look.boundary)
    look.erring += look.listing.erring
    look.notes += look.listing.notes


async def _time(look: Look, talk: Talk) -> None:
    """Several short requests. Not a fault when `ping` is unknown: it left the protocol, and some never had it."""
    method = "server/discover" if talk.era is Era.MODERN else "ping"
    look.ladder.current = "ping"
    async with look.timed(talk.fastest_seconds):
        while len(look.timings) <= look.run.config.budgets.timings and sum(look.timings) < _TIMING_SECONDS:
            reply = await talk.ask(method)
            if method == "ping" and reply.error and reply.error.code == METHOD_NOT_FOUND:
                method = _cheap_request(look)
                look.timings.clear()
                look.notes.append(Note("ping-unsupported", f"It has no ping; {method} is timed instead."))
                continue
            if method != "ping":
                result_of(reply, method)
            look.timings.append(reply.seconds)
    # The first woke a server that had waited for its turn; it counts only where it stayed the only one.
    look.timings = look.timings[1:] or look.timings
    look.timing_method = method
    if look.timings:
        look.ladder.good("ping", median(look.timings), f"median of {len(look.timings)}")


def _cheap_request(look: Look) -> str:
    """The list with the least in it."""
    listing, declared = look.listing, look.greeting.capabilities if look.greeting else {}
    counts = {
        f"{name}/list": len(getattr(listing, name))
        for name in ("prompts", "resources", "tools")
        if name in declared and listing is not None
    }
    return min(counts, key=lambda name: counts[name], default="tools/list")


async def _canary(look: Look, talk: Talk) -> None:
    if look.server.canary is None:
        return
    try:
        with look.ladder.climb("canary"):
            complaint = await canary.call(talk, look.server.canary, look.listing.tools if look.listing else [])
    except canary.Refused as refusal:
        look.ladder.left_out("canary", str(refusal))
        look.notes.append(Note("canary-refused", f"The canary was {refusal}."))
        return
    if complaint:
        look.ladder.failed("canary", look.boundary.sentence(complaint), look.ladder.seconds("canary"))
        look.erring.append(look.boundary.sentence(complaint))


# --- the way down ---------------------------------------------------------------------------------------------------


def _fell(look: Look, fault: Fault) -> None:
    """Name the rung, and say why in words."""
    stage = fault.stage or look.ladder.current
    if stage == "http" and look.ladder.current in ("list", "ping", "canary"):
        stage = look.ladder.current  # HTTP works; it is this request that it refuses
    if fault.failure is Failure.EXITED and stage == "handshake":
        stage = "spawn"
    fault.stage = stage
    if look.client:
        look.ladder.passed(look.client.seconds)
    look.ladder.failed(stage, look.boundary.sentence(fault.detail or fault.reason), _until_it_fell(look, stage))


def _until_it_fell(look: Look, stage: str) -> float | None:
    """How long the failed stage took. A process is starting until it answers; of a remote handshake, what the connection
    took is its own stages'.
    """
    known, since = look.ladder.seconds(stage), look.ladder.fell_after_seconds
    if stage == "spawn":
        return (known or 0.0) + since.get("handshake", 0.0)
    if known is not None:
        return known
    if stage in ("http", "auth", "handshake") and "handshake" in since:
        before = sum(look.client.seconds.values()) if look.client else 0.0
        return max(0.0, since["handshake"] - before)
    return since.get(stage)


def _probe(look: Look, fault: Fault | None, started_at: datetime, took: float) -> Probe:
    server, boundary, greeting, child = look.server, look.boundary, look.greeting, look.child
    tail = boundary.bytes(child.stderr_tail, "its stderr") if child else ""
    noise = next((inbox.first_noise for inbox in reversed(look.inboxes) if inbox.first_noise), b"")
    text = boundary.text
    return Probe(
        server=server.id,
        started_at=started_at,
        failure=fault.failure if fault else Failure.OK,
        status=Status.UP,
        reason=_reason(look, fault, tail, noise) if fault else "",
        stage=fault.stage if fault else None,
        stages=look.ladder.stages,
        seconds=took,
        timings_seconds=tuple(look.timings),
        timing_method=look.timing_method,
        era=greeting.era if greeting else None,
        era_certain=look.era_certain,
        protocol_version=greeting.version if greeting else None,
        supported_versions=tuple(text(version, "a version", 60) for version in greeting.supported) if greeting else (),
        server_name=text(greeting.name, "its name", 120) if greeting else "",
        server_version=text(greeting.server_version, "its version", 60) if greeting else "",
        capabilities=tuple(sorted(text(name, "a capability", 60) for name in greeting.capabilities)[:50])
        if greeting
        else (),
        surface=look.surface,
        tool_order=readiness.order_of(look.listing.tools) if look.listing else "",
        process=look.figures,
        stderr_lines=child.stderr_lines if child else 0,
        stderr_tail=tail,
        exit_status=exit_words(status) if child and (status := child.status) is not None else None,
        certificate_expires_at=_certificate(look, fault),
        notes=(*look.notes, *_wire_notes(look, noise), *boundary.notes()),
    )


def _certificate(look: Look, fault: Fault | None) -> datetime | None:
    if fault and fault.certificate_expires_at:
        return fault.certificate_expires_at
    return look.client.certificate_expires_at if look.client else None


def _reason(look: Look, fault: Fault, tail: str, noise: bytes) -> str:
    """A sentence: what happened, and what the server itself said about it."""
    reason = fault.reason
    if fault.failure in (Failure.EXITED, Failure.TIMEOUT) and look.child:
        said = telling_line(tail) or telling_line(noise.decode("utf-8", "replace"))
        if said:
            reason = f"{reason}; it said: {said}"
    elif fault.failure is Failure.PROTOCOL_ERROR and noise and "no JSON-RPC" in reason:
        reason = f"{reason}: {excerpt(noise)}"
    return look.boundary.sentence(reason)


def _wire_notes(look: Look, noise: bytes) -> list[Note]:
    """What was odd and did no harm."""
    notes, boundary = [], look.boundary
    inbox = look.inboxes[-1] if look.inboxes else None
    if inbox is None:
        return []
    if inbox.noise_lines:
        lines = "1 line" if inbox.noise_lines == 1 else f"{inbox.noise_lines} lines"
        text = f"It wrote {lines} to stdout that are not JSON-RPC, first {excerpt(noise, 80)}."
        notes.append(Note("banner", boundary.sentence(text)))
    if look.child and look.child.stderr_bytes > _STDERR_FLOOD:
        size = look.child.stderr_bytes / 1e6
        notes.append(Note("stderr-flood", f"It wrote {size:.0f} MB to stderr."))
    if inbox.duplicates:
        notes.append(Note("duplicate-answer", "It answered a request more than once; the first answer counts."))
    if inbox.strangers:
        notes.append(Note("stray-answer", "It sent answers to requests that nobody made."))
    if inbox.asked:
        methods = ", ".join(sorted(inbox.asked))
        done = "was told that this client only looks" if inbox.legacy else "got no answer: its era has no such requests"
        notes.append(Note("server-request", boundary.sentence(f"It asked for {methods} and {done}.")))
    return notes
