"""A way through for client libraries that know no bounds: they talk to a loopback port of ours, and we pass the bytes on.

So a Redis or PostgreSQL that floods, trickles or never answers ends at our allowance and our deadline, whatever its
library would have made of it; and looking up, connecting and TLS fail in the same words as everywhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from caelum_report.model import Failure

from .fault import Fault
from .limits import Allowance
from .net import Opened
from .strangers import SECONDS, another, patience

_CHUNK: Final = 16_384
_ENDS: Final = 500


@dataclass(slots=True)
class Relay:
    """What the library is told: `host` and `port`. `fault` says why we cut it off; `first` and `last` are what the
    other side began and ended with. `answers` are how long each answer took from the last bytes that were asked with:
    the other side's time, without the library's and ours.
    """

    host: str
    port: int
    fault: Fault | None = None
    first: bytes = b""
    last: bytes = b""
    answers: list[float] = field(default_factory=list)
    asked_at: float | None = None
    writers: list[asyncio.StreamWriter] = field(default_factory=list, repr=False)

    def cut(self, fault: Fault | None = None) -> None:
        self.fault = self.fault or fault
        for writer in self.writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def relayed(
    opened: Opened, allowance: Allowance, seconds: float, service: str, again: Callable[[float], Awaitable[Opened]]
) -> AsyncIterator[Relay]:
    """For one connection of a library, `seconds` long. An error inside is ours, a `Fault`, where we cut it off.

    Where nothing at all is heard, the last of the time goes into asking on connections of their own, which `again` opens
    within some seconds, whether that is another service than `service`.
    """
    arrived: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    listener = await asyncio.start_server(lambda *pair: arrived.put_nowait(pair), "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()[:2]
    relay = Relay(host, port, writers=[opened.writer])
    late = Fault(Failure.TIMEOUT, "it did not answer all questions in time")
    alarm = asyncio.get_running_loop().call_later(patience(seconds), relay.cut, late)
    passing = asyncio.create_task(_pass_on(relay, opened, arrived, listener, allowance))
    try:
        yield relay
    except Exception as error:
        fault = relay.fault or (error if isinstance(error, Fault) else None)
        if fault is None:
            raise
        if not relay.first and fault.failure in {Failure.TIMEOUT, Failure.PROTOCOL_ERROR}:
            raise await _another(service, again) or fault from None
        raise fault from None
    finally:
        alarm.cancel()
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)
        relay.cut()
        listener.close()


async def _another(service: str, again: Callable[[float], Awaitable[Opened]]) -> Fault | None:
    async def streams() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opened = await again(SECONDS)
        return opened.reader, opened.writer

    return await another(service, streams)


async def _pass_on(
    relay: Relay,
    opened: Opened,
    arrived: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    listener: asyncio.Server,
    allowance: Allowance,
) -> None:
    """Both ways until one side ends. Only the first caller is let in: nobody else on this machine may join."""
    reader, writer = await arrived.get()
    listener.close()
    relay.writers.append(writer)
    ways = (_up(relay, reader, opened.writer), _down(relay, opened.reader, writer, allowance))
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


async def _up(relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            relay.asked_at = time.perf_counter()
            writer.write(data)
            await writer.drain()


async def _down(relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowance: Allowance) -> None:
    try:
        while data := await reader.read(_CHUNK):
            relay.first, relay.last = relay.first or data[:_ENDS], data[-_ENDS:]
            if relay.asked_at is not None:
                relay.answers.append(time.perf_counter() - relay.asked_at)
                relay.asked_at = None
            allowance.take_bytes(len(data))
            writer.write(data)
            await writer.drain()
    except Fault as fault:
        relay.cut(fault)
    except OSError:
        return
