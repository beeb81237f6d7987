"""The handshake in both eras, and which of them to try first.

The era is a property of the server, the same in every run, and is remembered. An unknown server is asked `server/discover`
first, as the specification wants it. Old servers may complain at length or exit, so the other era gets a fresh process;
one that is silent may be deaf to the question or still starting, and the order of its answers tells which.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from caelum_report.model import Era, Failure, Memory, Server
from caelum_report.wire import Fault, HttpFault, Reply

from .talk import CLIENT, LEGACY_VERSIONS, MODERN_VERSIONS, Talk, result_of

_UNSUPPORTED_VERSION: Final = -32022
_MODERN_CODES: Final = {-32020, -32021, _UNSUPPORTED_VERSION}
_SERVER_INFO: Final = "io.modelcontextprotocol/serverInfo"
_DAY: Final = 86_400
_AFTERTHOUGHT_SECONDS: Final = 0.5  # for a server that answers what it was asked at once in any order


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server said of itself; texts still as they came."""

    era: Era
    version: str
    supported: tuple[str, ...]
    name: str
    server_version: str
    capabilities: dict[str, Any]
    instructions: str
    reply: Reply


class OtherEra(Fault):
    """It answered, but not in the era that it was asked in."""


def eras_to_try(server: Server, memory: Memory, at: datetime) -> tuple[Era, Era]:
    """The remembered era first, the modern one where none is. Once a week a legacy server is asked anew, each on a day of
    its own.
    """
    if memory.era is not Era.LEGACY or memory.last_checked_at is None:
        return (Era.MODERN, Era.LEGACY)
    offset = zlib.crc32(server.id.encode("utf-8", "surrogatepass")) % (7 * _DAY)
    weeks = {int(moment.timestamp() + offset) // (7 * _DAY) for moment in (at, memory.last_checked_at)}
    return (Era.MODERN, Era.LEGACY) if len(weeks) > 1 else (Era.LEGACY, Era.MODERN)


def may_be_the_other_era(fault: Fault, tried: Era) -> bool:
    """Whether a failed handshake may mean that the server speaks the other way."""
    if isinstance(fault, OtherEra):
        return True
    if fault.failure in (Failure.PROTOCOL_ERROR, Failure.HTTP_4XX):
        return True
    # initialize is understood by nearly all: silence and death are then what they look like
    silent = fault.failure in (Failure.EXITED, Failure.HTTP_5XX) or (
        fault.failure is Failure.TIMEOUT and fault.stage in (None, "http")
    )
    return silent and tried is Era.MODERN


def proves_legacy(modern: Fault | None, memory: Memory) -> bool:
    """Whether a server that answered `initialize` is legacy for certain, after what became of `server/discover`.

    An overloaded one may have been silent by accident, and one that spoke modern may have died of something else.
    """
    if modern is None:
        return True
    accident = {Failure.TIMEOUT, Failure.HTTP_5XX} | ({Failure.EXITED} if memory.era is Era.MODERN else set())
    return isinstance(modern, OtherEra) or modern.failure not in accident


async def greet_unknown(talk: Talk, patience: float) -> Greeting | None:
    """The handshake with a process whose era nobody knows. Raises `Fault`; None where it is modern and slow to start.

    After `patience` seconds of silence it is asked `initialize` too. Pipes keep their order: one that was starting answers
    `server/discover` first, and is then asked afresh, for it heard a greeting of either era; one that is deaf to it does not.
    """
    modern = asyncio.ensure_future(greet(talk, Era.MODERN, talk.clock.left))
    tasks = {modern}
    try:
        await asyncio.wait(tasks, timeout=patience)
        if modern.done():
            return modern.result()
        legacy = asyncio.ensure_future(greet(talk, Era.LEGACY, talk.clock.left))
        tasks.add(legacy)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({modern}, timeout=_AFTERTHOUGHT_SECONDS)
        if modern.done():
            fault = modern.exception()
            if fault is None:
                return None
            if isinstance(fault, Fault) and fault.failure is Failure.PROTOCOL_ERROR and not isinstance(fault, OtherEra):
                raise fault  # it talks, and not JSON-RPC: that says more than a second silence
        return await legacy
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def greet(talk: Talk, era: Era, seconds: float | None) -> Greeting:
    """The handshake of one era; `seconds` limit the first answer. Raises `Fault`."""
    return await (_discover(talk, seconds) if era is Era.MODERN else _initialize(talk, seconds))


async def _discover(talk: Talk, seconds: float | None) -> Greeting:
    talk.speak(Era.MODERN, MODERN_VERSIONS[0])
    reply = await talk.ask("server/discover", seconds=seconds)
    if reply.error and reply.error.code == _UNSUPPORTED_VERSION:
        version = _common(_offered(reply), MODERN_VERSIONS)
        if version is None:
            _refuse(_offered(reply), LEGACY_VERSIONS)
        talk.speak(Era.MODERN, version)
        reply = await talk.ask("server/discover", seconds=seconds)
    if reply.error and reply.error.code not in _MODERN_CODES:
        raise OtherEra(_class_of(reply), f"server/discover failed with {reply.error}")
    result = result_of(reply, "server/discover")
    offered, capabilities = result.get("supportedVersions"), result.get("capabilities")
    if not isinstance(offered, list) or not isinstance(capabilities, dict):
        raise OtherEra(Failure.PROTOCOL_ERROR, "the result of server/discover names no versions or no capabilities")
    supported = tuple(version for version in offered if isinstance(version, str))[:20]
    version = _common(supported, MODERN_VERSIONS)
    if version is None:
        _refuse(supported, LEGACY_VERSIONS)
    talk.speak(Era.MODERN, version)
    meta = result.get("_meta")
    info = meta.get(_SERVER_INFO) if isinstance(meta, dict) else None
    return _greeting(talk, version, supported, info if isinstance(info, dict) else {}, reply)


async def _initialize(talk: Talk, seconds: float | None) -> Greeting:
    version = LEGACY_VERSIONS[0]
    talk.speak(Era.LEGACY, None)
    reply = await _ask_initialize(talk, version, seconds)
    if reply.error:
        offered = _offered(reply)
        common = _common(offered, LEGACY_VERSIONS)
        if offered and common is None:
            _refuse(offered, MODERN_VERSIONS)
        if common in (None, version):
            raise OtherEra(_class_of(reply), f"initialize failed with {reply.error}")
        reply = await _ask_initialize(talk, common, seconds)
    result = result_of(reply, "initialize")
    agreed, info = result.get("protocolVersion"), result.get("serverInfo")
    if not isinstance(agreed, str) or not isinstance(result.get("capabilities"), dict) or not isinstance(info, dict):
        raise Fault(Failure.PROTOCOL_ERROR, "the result of initialize lacks a version, capabilities or serverInfo")
    if agreed not in LEGACY_VERSIONS:
        _refuse((agreed,), MODERN_VERSIONS)
    talk.speak(Era.LEGACY, agreed)
    await talk.tell("notifications/initialized")
    return _greeting(talk, agreed, (agreed,), info, reply)


async def _ask_initialize(talk: Talk, version: str, seconds: float | None) -> Reply:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}
    return await talk.ask("initialize", params, seconds=seconds)


def _greeting(talk: Talk, version: str, supported: tuple[str, ...], info: dict[str, Any], reply: Reply) -> Greeting:
    result = reply.result or {}

    def text(value: Any) -> str:
        return value if isinstance(value, str) else ""

    return Greeting(
        era=talk.era,
        version=version,
        supported=supported,
        name=text(info.get("name")),
        server_version=text(info.get("version")),
        capabilities=result["capabilities"],
        instructions=text(result.get("instructions")),
        reply=reply,
    )


def _offered(reply: Reply) -> tuple[str, ...]:
    """The versions that an error names, where it names some."""
    data = reply.error.data if reply.error else None
    supported = data.get("supported") if isinstance(data, dict) else None
    return tuple(v for v in supported if isinstance(v, str))[:20] if isinstance(supported, list) else ()


def _common(offered: tuple[str, ...], ours: tuple[str, ...]) -> str | None:
    return next((version for version in ours if version in offered), None)


def _refuse(offered: tuple[str, ...], other: tuple[str, ...]) -> NoReturn:
    """Raises: we have no version in common, in this era or at all."""
    words = ", ".join(offered) or "no version that we know of"
    kind = OtherEra if _common(offered, other) else Fault
    raise kind(
        Failure.UNSUPPORTED_VERSION, f"it offers {words}; we speak {', '.join(MODERN_VERSIONS + LEGACY_VERSIONS)}"
    )


def _class_of(reply: Reply) -> Failure:
    if reply.http_status >= 400:
        return HttpFault(reply.http_status, "").failure
    return Failure.PROTOCOL_ERROR
