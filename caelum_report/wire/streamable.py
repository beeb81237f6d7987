"""Streamable HTTP: every message is a POST, the answer is JSON or a stream of events that ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

from caelum_report.model import Failure

from .events import EventParser
from .fault import Fault, excerpt
from .http import ERROR_BYTES, Exchange, HttpClient, Response, status_and_value, status_fault
from .jsonrpc import ONCE, Inbox, Reply, encode
from .jsontext import parse


class HttpChannel:
    """A conversation over one `HttpClient`; it keeps the session where the server gives one."""

    def __init__(self, client: HttpClient, inbox: Inbox) -> None:
        self.inbox = inbox
        self.client = client
        self.session: str | None = None
        self._closing_headers: dict[str, str] = {}
        self._answers: set[asyncio.Task[None]] = set()
        inbox.refuse = self._refuse

    async def request(
        self, method: str, params: Mapping[str, Any] | None, headers: Mapping[str, str], seconds: float
    ) -> Reply:
        """Raises `Fault`; a JSON-RPC error is a reply, whatever status it came with (401 and 403 are never replies)."""
        known = "http" in self.client.seconds
        try:
            async with asyncio.timeout(seconds):
                connection = await self.client.ready(once=method in ONCE)
                asked = self.inbox.expect()
                try:
                    body = encode(method, params, asked[0])
                    return await self._ask(body, headers, connection, asked, once=method in ONCE)
                finally:
                    self.inbox.forget(asked[0])
        except TimeoutError:
            stage = None if known or "http" in self.client.seconds else "http"
            raise Fault(Failure.TIMEOUT, f"no answer to {method} within {seconds:.3g} s", stage) from None

    async def _ask(
        self,
        body: bytes,
        headers: Mapping[str, str],
        connection: Exchange,
        asked: tuple[int, asyncio.Future[Reply]],
        *,
        once: bool,
    ) -> Reply:
        request_id, answer = asked
        response = await self._post(body, headers, connection, once=once)
        if response.status == 202:
            await response.discard()
            raise Fault(Failure.TIMEOUT, "HTTP 202: it took the request and gave no answer")
        if response.status >= 300:
            await self._accept_error(response, request_id, answer)
            return answer.result()
        if response.is_stream:
            await self._listen(response, answer)
        elif response.content_type == "application/json":
            data, at = await response.body(self.inbox.allowance.budgets.line_bytes)
            self.inbox.accept(parse(data, self.inbox.allowance), at, raw=data)
        else:
            data, _ = await response.body(ERROR_BYTES)
            kind = response.content_type or "no content type"
            raise Fault(
                Failure.PROTOCOL_ERROR, f"HTTP {response.status} with {kind} instead of JSON-RPC: {excerpt(data)}"
            )
        if not answer.done():
            raise Fault(Failure.PROTOCOL_ERROR, "the answer to the request is not in the response")
        self.session = response.headers.get("mcp-session-id") or self.session
        self._closing_headers = dict(headers)  # the latest ones know the version that was agreed on
        return answer.result()

    async def notify(self, method: str, headers: Mapping[str, str], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                response = await self._post(encode(method, None, None), headers)
                if response.status >= 300:
                    raise await status_fault(response)
                await response.discard()
        except TimeoutError:
            raise Fault(Failure.TIMEOUT, f"{method} was not taken within {seconds:.3g} s") from None

    async def close(self) -> None:
        """End the session where there is one; nobody waits long for a yes."""
        for task in tuple(self._answers):
            task.cancel()
        try:
            if self.session and not self.inbox.fault:
                with contextlib.suppress(Fault, TimeoutError):
                    async with asyncio.timeout(1):
                        headers = {**self._closing_headers, "Mcp-Session-Id": self.session}
                        await (await self.client.send("DELETE", headers)).discard()
        finally:
            self.client.close()

    async def _post(
        self, body: bytes, headers: Mapping[str, str], connection: Exchange | None = None, *, once: bool = False
    ) -> Response:
        everything = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            **({"Mcp-Session-Id": self.session} if self.session else {}),
            **headers,
        }
        return await self.client.send("POST", everything, body, exchange=connection, once=once)

    async def _accept_error(self, response: Response, request_id: int, answer: asyncio.Future[Reply]) -> None:
        """An HTTP error whose body is our JSON-RPC answer is a reply; any other raises `HttpFault`."""
        if response.status in (401, 403) or response.content_type != "application/json":
            raise await status_fault(response)
        fault, value = await status_and_value(response, self.inbox.allowance)
        ours = isinstance(value, dict) and value.get("id") in (None, request_id)  # SDKs answer "server-error" to no one
        if ours and isinstance(value.get("error"), dict):
            self.inbox.accept({"jsonrpc": "2.0", **value}, time.perf_counter(), response.status)
        if not answer.done():
            raise fault

    async def _listen(self, response: Response, answer: asyncio.Future[Reply]) -> None:
        events = EventParser(self.inbox.allowance)
        async with contextlib.aclosing(response.chunks()) as chunks:
            async for chunk, at in chunks:
                for name, data in events.feed(chunk):
                    if name == "message" and data:
                        self.inbox.accept(parse(data, self.inbox.allowance), at, raw=data)
                if answer.done():
                    break
            with contextlib.suppress(TimeoutError, StopAsyncIteration):
                async with asyncio.timeout(0.05):  # the stream should end here; then the connection can be used again
                    await anext(chunks)

    def _refuse(self, message: bytes) -> None:
        async def work() -> None:
            with contextlib.suppress(Fault):
                await (await self._post(message, self._closing_headers)).discard()

        if len(self._answers) < 20:
            task = asyncio.create_task(work())
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
