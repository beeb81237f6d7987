"""JSON-RPC 2.0 as MCP uses it: what to send, and a place where everything that comes in is sorted."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from caelum_report.model import Failure

from .fault import Fault, excerpt
from .jsontext import parse
from .limits import Allowance

METHOD_NOT_FOUND: Final = -32601
ONCE: Final = ("tools/call",)  # may act: never sent a second time because nobody knows what became of the first
UNSUPPORTED_PROTOCOL_VERSION: Final = -32022
_NOISE_LINES: Final = 10_000
_METHODS: Final = 20  # names of server requests that are kept


@dataclass(frozen=True, slots=True)
class RpcError:
    code: int
    message: str
    data: Any = None

    def __str__(self) -> str:
        return f"JSON-RPC error {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a result or an error, `seconds` after the request was written, `at` on the monotonic clock."""

    result: dict[str, Any] | None
    error: RpcError | None
    seconds: float
    at: float
    http_status: int = 200


class Channel(Protocol):
    """A conversation with one server. `seconds` bound one exchange, whatever arrives in the meantime."""

    inbox: Inbox

    async def request(
        self, method: str, params: Mapping[str, Any] | None, headers: Mapping[str, str], seconds: float
    ) -> Reply: ...

    async def notify(self, method: str, headers: Mapping[str, str], seconds: float) -> None: ...

    async def close(self) -> None: ...


def encode(method: str, params: Mapping[str, Any] | None, request_id: int | None) -> bytes:
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if request_id is not None:
        message["id"] = request_id
    if params is not None:
        message["params"] = params
    return json.dumps(message, separators=(",", ":")).encode()


class Inbox:
    """Sorts what a server sends: answers to whom they belong, everything else into counters that become notes.

    `refuse` writes our answer to a server's own request (sampling, roots, elicitation); it is only called in the legacy
    era. A fault ends every exchange, the waiting ones and those to come.
    """

    def __init__(self, allowance: Allowance, refuse: Callable[[bytes], None] | None = None) -> None:
        self.allowance = allowance
        self.refuse = refuse
        self.legacy = True
        self.messages = 0
        self.noise_lines = 0
        self.first_noise = b""
        self.duplicates = 0
        self.strangers = 0
        self.asked: Counter[str] = Counter()
        self.fault: Fault | None = None
        self._waiting: dict[int, tuple[asyncio.Future[Reply], float]] = {}
        self._abandoned: set[int] = set()
        self._last_id = 0

    def expect(self) -> tuple[int, asyncio.Future[Reply]]:
        """A fresh id and the future of its answer; the stopwatch runs from here."""
        if self.fault:
            raise self.fault
        self._last_id += 1
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = (future, time.perf_counter())
        return self._last_id, future

    def forget(self, request_id: int) -> None:
        """Nobody waits any more; an answer that comes late is no duplicate."""
        if self._waiting.pop(request_id, None):
            self._abandoned.add(request_id)

    def accept_line(self, line: bytes, at: float) -> None:
        """One line of a stdio server, which may be anything: people print to stdout what belongs on stderr."""
        line = line.strip()
        if not line or self.fault:
            return
        if not line.startswith((b"{", b"[")):
            self._noise(line)
            return
        try:
            value = parse(line, self.allowance)
        except Fault:
            if line.startswith(b"[") and b'"jsonrpc"' not in line:  # [info] starting
                self._noise(line)
                return
            raise
        if isinstance(value, dict) and not value.keys() & {"jsonrpc", "id", "method", "result"}:
            self._noise(line)  # a log in JSON
            return
        self.accept(value, at, raw=line)

    def accept(self, value: Any, at: float, http_status: int = 200, raw: bytes = b"") -> None:
        """One message. Raises `Fault` for what is none."""
        if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
            raise Fault(Failure.PROTOCOL_ERROR, f"not a JSON-RPC 2.0 message: {excerpt(raw)}")
        self.messages += 1
        if "method" in value:
            self._asked(value)
        elif "result" in value or "error" in value:
            self._answered(value, at, http_status)
        else:
            raise Fault(Failure.PROTOCOL_ERROR, f"a JSON-RPC message without method, result or error: {excerpt(raw)}")

    def fail(self, fault: Fault) -> None:
        self.fault = self.fault or fault
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(fault)
                future.exception()  # somebody may have stopped waiting: no complaint about it
        self._waiting.clear()

    def _noise(self, line: bytes) -> None:
        if b"\0" in line or b'"jsonrpc"' in line:
            raise Fault(Failure.PROTOCOL_ERROR, f"stdout mixes other output with JSON-RPC: {excerpt(line)}")
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            raise Fault(Failure.PROTOCOL_ERROR, f"stdout is not UTF-8: {excerpt(line)}") from None
        self.noise_lines += 1
        self.first_noise = self.first_noise or line[:400]
        if self.noise_lines > _NOISE_LINES:
            raise Fault(Failure.OVERSIZED, f"more than {_NOISE_LINES} lines on stdout that are not JSON-RPC")

    def _asked(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if not isinstance(method, str):
            raise Fault(Failure.PROTOCOL_ERROR, "a JSON-RPC method that is not a text")
        if "id" not in message:
            return  # a notification: progress extends no deadline, logging is nobody's business
        if method in self.asked or len(self.asked) < _METHODS:
            self.asked[method[:100]] += 1
        if self.legacy and self.refuse:
            error = {"code": METHOD_NOT_FOUND, "message": "this client only looks at the server"}
            if method == "ping":
                answer = {"jsonrpc": "2.0", "id": message["id"], "result": {}}
            else:
                answer = {"jsonrpc": "2.0", "id": message["id"], "error": error}
            self.refuse(json.dumps(answer, separators=(",", ":")).encode())

    def _answered(self, message: dict[str, Any], at: float, http_status: int) -> None:
        request_id = message.get("id")
        if request_id is None and "error" in message and len(self._waiting) == 1:
            request_id = next(iter(self._waiting))  # it could not read our request
        if type(request_id) is not int or request_id not in self._waiting:
            if type(request_id) is int and 0 < request_id <= self._last_id:
                self.duplicates += request_id not in self._abandoned
            else:
                self.strangers += 1
            return
        future, since = self._waiting[request_id]
        result, error = message.get("result"), None
        if "error" in message:
            error, result = _error(message["error"]), None
        elif not isinstance(result, dict):
            raise Fault(Failure.PROTOCOL_ERROR, f"a result that is not an object but {_kind(result)}")
        del self._waiting[request_id]
        if not future.done():
            future.set_result(Reply(result, error, at - since, at, http_status))


def _error(value: Any) -> RpcError:
    code = value.get("code") if isinstance(value, dict) else None
    if type(code) is not int:
        raise Fault(Failure.PROTOCOL_ERROR, "a JSON-RPC error without a code")
    message = value.get("message")
    return RpcError(code, message if isinstance(message, str) else "", value.get("data"))


def _kind(value: Any) -> str:
    names = {bool: "a truth value", int: "a number", float: "a number", str: "a text", list: "a list"}
    return "nothing" if value is None else names.get(type(value), "something else")
