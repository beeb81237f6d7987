"""A conversation in one era: what every request has to carry, and how much time it has."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from caelum_report import __version__
from caelum_report.model import Era, Failure
from caelum_report.wire import Channel, Fault, HttpFault, Reply

from .room import Clock

LEGACY_VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
MODERN_VERSIONS: Final = ("2026-07-28",)
CLIENT: Final = {"name": "caelum-report", "version": __version__}
_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_CACHEABLE: Final = {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"}
_META: Final = "io.modelcontextprotocol/"
_PLAIN: Final = re.compile(r"(?!=\?base64\?.*\?=$)[!-~](?:[ -~]*[!-~])?")


class Talk:
    """Asks one server over one channel. Every deadline is the server's clock or the budget of one request, the earlier.

    `turn` is waited for before a request; it is told how fast the server has been, 0 for one that has not answered yet.
    """

    def __init__(
        self,
        channel: Channel,
        clock: Clock,
        request_seconds: float,
        turn: Callable[[float], AbstractAsyncContextManager[object]],
    ) -> None:
        self.channel = channel
        self.clock = clock
        self.request_seconds = request_seconds
        self._turn = turn
        self.era = Era.LEGACY
        self.version: str | None = None
        self.fastest_seconds = 0.0  # 0 until it has answered
        self.without_ttl: set[str] = set()  # methods whose results lack the caching hints of the modern era

    def speak(self, era: Era, version: str | None) -> None:
        self.era, self.version = era, version
        self.channel.inbox.legacy = era is Era.LEGACY

    async def ask(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        seconds: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """A reply, which may be a JSON-RPC error; `Fault` when there is none."""
        async with self._turn(self.fastest_seconds):
            reply = await self.channel.request(
                method,
                self._dressed(params),
                self._headers(method, params) | (headers or {}),
                self._time(method, seconds),
            )
        self.fastest_seconds = min(self.fastest_seconds or math.inf, reply.seconds)
        if (
            self.era is Era.MODERN
            and method in _CACHEABLE
            and reply.result is not None
            and not _cacheable(reply.result)
        ):
            self.without_ttl.add(method)
        return reply

    async def tell(self, method: str) -> None:
        async with self._turn(self.fastest_seconds):
            await self.channel.notify(method, self._headers(method, None), self._time(method, None))

    def _time(self, method: str, seconds: float | None) -> float:
        left = self.clock.left
        if left <= 0:
            raise Fault(Failure.TIMEOUT, f"no answer to {method}: its {self.clock.limit:g} s were spent before")
        return min(left, seconds or self.request_seconds)

    def _dressed(self, params: dict[str, Any] | None) -> dict[str, Any] | None:
        if self.era is Era.LEGACY:
            return params
        return {
            **(params or {}),
            "_meta": {
                f"{_META}protocolVersion": self.version,
                f"{_META}clientInfo": CLIENT,
                f"{_META}clientCapabilities": {},
            },
        }

    def _headers(self, method: str, params: dict[str, Any] | None) -> dict[str, str]:
        """For HTTP; other transports ignore them."""
        headers = {"MCP-Protocol-Version": self.version} if self.version else {}
        if self.era is Era.MODERN:
            headers["Mcp-Method"] = method
            if method in _NAMED and params:
                headers["Mcp-Name"] = header_value(str(params[_NAMED[method]]))
        return headers


def _cacheable(result: dict[str, Any]) -> bool:
    ttl = result.get("ttlMs")
    return isinstance(ttl, int) and not isinstance(ttl, bool) and ttl >= 0 and isinstance(result.get("cacheScope"), str)


def header_value(text: str) -> str:
    """Text as a header can carry it (revision 2026-07-28, value encoding)."""
    if _PLAIN.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'replace')).decode()}?="


def result_of(reply: Reply, method: str) -> dict[str, Any]:
    """The result, or the error as a `Fault`."""
    if reply.error:
        if reply.http_status >= 400 and reply.error.code != -32601:
            raise HttpFault(reply.http_status, f"HTTP {reply.http_status}: {method} failed with {reply.error}")
        raise Fault(Failure.PROTOCOL_ERROR, f"{method} failed with {reply.error}")
    kind = (reply.result or {}).get("resultType", "complete")
    if kind != "complete":
        raise Fault(Failure.PROTOCOL_ERROR, f"{method} gave a result of type {kind!r:.60} where a complete one is due")
    return reply.result or {}
