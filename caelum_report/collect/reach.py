"""Reach a server: start it or connect to it, and greet it in the era that it understands."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import Final

from caelum_report.model import Era, Failure, Memory, Note, Server, Transport
from caelum_report.wire import Fault
from caelum_report.wire.http import HttpClient
from caelum_report.wire.process import Child, environment
from caelum_report.wire.sse import SseChannel
from caelum_report.wire.stdio import StdioChannel
from caelum_report.wire.streamable import HttpChannel

from .eras import Greeting, eras_to_try, greet, greet_unknown, may_be_the_other_era, proves_legacy
from .look import Look
from .talk import Talk

_LAUNCHERS: Final = {"npx", "uvx", "pipx", "bunx", "docker", "podman", "uv", "bun", "pnpm", "yarn", "deno"}
_FIRST_ANSWER_SECONDS: Final = 5.0  # then a silent process is asked in the other era too


def first_start(server: Server, memory: Memory) -> bool:
    """Whether a launcher may have to download what it starts."""
    return bool(server.command) and PurePath(server.command or "").name in _LAUNCHERS and not memory.started_before


async def reach(look: Look, memory: Memory) -> Talk:
    """Raises `Fault`. The ladder has its rungs up to the handshake."""
    if look.server.transport is Transport.STDIO:
        return await _reach_process(look, memory)
    budgets = look.run.config.budgets
    seconds = min(look.server.connect_seconds or budgets.connect_seconds, look.clock.left)
    client = HttpClient(look.server.url or "", dict(look.server.headers), look.allowance, seconds)
    look.client = client
    if look.server.transport is Transport.SSE:
        return await _reach_events(look, memory, client)
    return await _reach_http(look, memory, client)


async def _greet(look: Look, memory: Memory, prepare: Callable[[], Awaitable[Talk]]) -> Talk:
    """The handshake in one era, then in the other when it may be that. `prepare` makes a conversation for each."""
    eras = eras_to_try(look.server, memory, look.run.at)
    faults: dict[Era, Fault] = {}
    for era in eras:
        last = era is eras[-1]
        talk = await prepare()
        try:
            with look.ladder.climb("handshake"):
                look.greeting = await _handshake(look, memory, talk, era, last=last)
            if look.greeting is None:  # modern, and slow to start: a fresh process is asked that and nothing else
                talk = await prepare()
                with look.ladder.climb("handshake"):
                    look.greeting = await greet(talk, Era.MODERN, look.clock.left)
        except Fault as fault:
            faults[era] = fault
            asked_both = talk.era is not era and (fault.failure is Failure.TIMEOUT or look.clock.left <= 0)
            if last or asked_both or not may_be_the_other_era(fault, era):
                break
        else:
            look.era_certain = look.greeting.era is Era.MODERN or proves_legacy(faults.get(Era.MODERN), memory)
            return talk
        finally:
            if look.client:
                _split_connect(look, look.client)
    raise _worse(faults)


async def _handshake(look: Look, memory: Memory, talk: Talk, era: Era, *, last: bool) -> Greeting | None:
    """Starting is no request: a process may take its time. Who may have to be asked in the other era gets half of it."""
    half = look.clock.left / 2
    if look.server.remote:
        seconds = None if last or memory.era is era else min(half, talk.request_seconds)
        return await greet(talk, era, seconds)
    if last or memory.era is era:
        return await greet(talk, era, look.clock.left)
    if era is Era.MODERN:
        return await greet_unknown(talk, min(_FIRST_ANSWER_SECONDS, half))
    return await greet(talk, era, half)


def _worse(faults: dict[Era, Fault]) -> Fault:
    """Of two eras' faults the one to report: every server understands `initialize`, unless it says that it is too new for it."""
    modern, legacy = faults.get(Era.MODERN), faults.get(Era.LEGACY)
    if modern and modern.failure is Failure.UNSUPPORTED_VERSION:
        return modern
    fault = legacy or modern
    if fault is None:
        raise AssertionError("no era was tried")
    return fault


# --- stdio ----------------------------------------------------------------------------------------------------------


async def _reach_process(look: Look, memory: Memory) -> Talk:
    """A fresh process for each era: what one of them did to the server is not held against the other."""

    async def start() -> Talk:
        await look.hang_up()
        return look.talk(_spawn(look))

    talk = await _greet(look, memory, start)
    _split_start(look)
    return talk


def _spawn(look: Look) -> StdioChannel:
    server, config = look.server, look.run.config

    def start(on_output: Callable[[bytes, float], None], on_end: Callable[[], None]) -> Child:
        return Child(
            server.command or "",
            server.args,
            environment=environment(os.environ, config.path, config.pass_env, server.env),
            cwd=server.cwd,
            mark=f"{look.run.mark}-{server.slug}",
            tail_bytes=config.budgets.stderr_bytes,
            on_output=on_output,
            on_end=on_end,
        )

    channel = StdioChannel(start, look.inbox(), config.budgets.end_seconds)
    look.child = channel.child
    look.ladder.good("spawn", channel.child.started_seconds)
    return channel


def _split_start(look: Look) -> None:
    """Starting lasts until the first answer; what is left of the handshake is our acknowledgement."""
    if look.child is None or look.greeting is None:
        return
    start = look.greeting.reply.at - look.child.started_at
    whole = look.child.started_seconds + (look.ladder.seconds("handshake") or 0.0)
    look.ladder.good("spawn", start, "to its first answer")
    look.ladder.good("handshake", max(0.0, whole - start))


# --- HTTP -----------------------------------------------------------------------------------------------------------


async def _reach_http(look: Look, memory: Memory, client: HttpClient) -> Talk:
    talk = look.talk(HttpChannel(client, look.inbox()))
    try:
        return await _greet(look, memory, _always(talk))
    except Fault as fault:
        if fault.failure is not Failure.HTTP_4XX:
            raise
        try:
            talk = await _reach_events(look, memory, client)
        except Fault:
            raise fault from None  # what it said to the POST is the answer then
    look.notes.append(Note("http-sse", "It speaks HTTP+SSE only: the configuration should say type sse."))
    return talk


async def _reach_events(look: Look, memory: Memory, client: HttpClient) -> Talk:
    await look.hang_up()
    look.ladder.current = "http"
    channel = SseChannel(client, look.inbox())
    talk = look.talk(channel)
    try:
        async with look.turn(0.0):
            await channel.open(min(look.clock.left, look.run.config.budgets.request_seconds))
    finally:
        look.ladder.passed(client.seconds)
    return await _greet(look, memory, _always(talk))


def _always(talk: Talk) -> Callable[[], Awaitable[Talk]]:
    """Over HTTP one conversation serves to try both eras."""

    async def same() -> Talk:
        return talk

    return same


def _split_connect(look: Look, client: HttpClient) -> None:
    """The handshake is what is left when name, connection, TLS and the first answer's head have had theirs."""
    before = sum(seconds for name, seconds in client.seconds.items() if look.ladder.seconds(name) is None)
    look.ladder.passed(client.seconds)
    if (whole := look.ladder.seconds("handshake")) is not None:
        look.ladder.good("handshake", max(0.0, whole - before))
