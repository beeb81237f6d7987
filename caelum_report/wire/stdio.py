"""The stdio transport: one JSON-RPC message a line, stamped when the line is complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from caelum_report.model import Failure

from .fault import Fault
from .jsonrpc import Inbox, Reply, encode
from .process import Child, exit_words

Start = Callable[[Callable[[bytes, float], None], Callable[[], None]], Child]


class StdioChannel:
    """Talks to a process that `start` makes of two callbacks: what stdout says, and that it is closed."""

    def __init__(self, start: Start, inbox: Inbox, end_seconds: float) -> None:
        self.inbox = inbox
        self._line = bytearray()
        self._end_seconds = end_seconds
        self.ended = asyncio.Event()
        self.child = start(self._received, self.ended.set)
        inbox.refuse = lambda answer: self.child.write(answer + b"\n")

    async def request(
        self, method: str, params: Mapping[str, Any] | None, headers: Mapping[str, str], seconds: float
    ) -> Reply:
        """Raises `Fault` when no answer comes: timeout, exited, or what its output broke."""
        del headers  # HTTP's
        noise = self.inbox.noise_lines
        request_id, answer = self.inbox.expect()
        try:
            self.child.write(encode(method, params, request_id) + b"\n")
            ending = asyncio.ensure_future(self.ended.wait())
            try:
                await asyncio.wait((answer, ending), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ending.cancel()
            if answer.done():
                return answer.result()
            if self.ended.is_set():
                raise await self._gone(method)
            if self.inbox.noise_lines > noise and not self.inbox.messages:
                raise Fault(Failure.PROTOCOL_ERROR, "stdout carries text, but no JSON-RPC")
            silent = f"no answer to {method} within {seconds:.3g} s"
            if (status := self.child.status) is not None:  # what it started may answer for it, so that we waited
                held = f"it ended with {exit_words(status)}, and what it left behind keeps its stdout open: {silent}"
                raise Fault(Failure.EXITED, held)
            raise Fault(Failure.TIMEOUT, silent)
        finally:
            self.inbox.forget(request_id)

    async def notify(self, method: str, headers: Mapping[str, str], seconds: float) -> None:
        del headers, seconds
        self.child.write(encode(method, None, None) + b"\n")

    async def close(self) -> None:
        await self.child.end(self._end_seconds)

    async def _gone(self, method: str) -> Fault:
        """Stdout is closed. Usually the process is gone too, and says why on stderr."""
        if await self.child.exited(0.5) and (status := self.child.status) is not None:
            await asyncio.sleep(0.01)  # its last words on stderr
            return Fault(Failure.EXITED, f"it ended with {exit_words(status)} before it answered {method}")
        return Fault(Failure.EXITED, f"it closed its stdout before it answered {method}")

    def _received(self, data: bytes, at: float) -> None:
        """Only the new bytes are searched, so that a line of megabytes costs no more than its length."""
        if self.inbox.fault:
            return
        try:
            self.inbox.allowance.take_bytes(len(data))
            *lines, rest = data.split(b"\n")
            for line in lines:
                if self._line:
                    self._line += line
                    line = bytes(self._line)  # noqa: PLW2901 - the line, now whole
                    self._line.clear()
                self.inbox.allowance.check_line(len(line))
                self.inbox.accept_line(line, at)
            self._line += rest
            self.inbox.allowance.check_line(len(self._line))
        except Fault as fault:
            self._line.clear()
            self.inbox.fail(fault)
            self.child.stop_reading()
