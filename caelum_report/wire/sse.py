"""The HTTP+SSE transport of revision 2024-11-05, deprecated and still met."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from caelum_report.model import Failure

from .events import EventParser
from .fault import Fault, HttpFault
from .http import Exchange, HttpClient, Response, status_fault
from .jsonrpc import ONCE, Inbox, Reply, encode
from .jsontext import parse


class SseChannel:
    """HTTP+SSE: one stream of events carries every answer, requests are posted to the address that it names first."""

    def __init__(self, client: HttpClient, inbox: Inbox) -> None:
        self.inbox = inbox
        self._client = client
        self._endpoint: asyncio.Future[str] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()
        inbox.refuse = self._refuse

    async def open(self, seconds: float) -> None:
        """Wait for the address to post to. It has to be of the same origin: no byte is sent elsewhere."""
        self._endpoint = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.send("GET", {"Accept": "text/event-stream"})
                if response.status != 200:
                    raise await status_fault(response)
                if not response.is_stream:
                    raise HttpFault(
                        415, f"answered with {response.content_type or 'no type'}, not with an event stream"
                    )
                self._listening = asyncio.create_task(self._listen(response))
                await self._endpoint
        except TimeoutError:
            raise Fault(Failure.TIMEOUT, f"no endpoint event within {seconds:.3g} s") from None

    async def request(
        self, method: str, params: Mapping[str, Any] | None, headers: Mapping[str, str], seconds: float
    ) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                connection = await self._client.ready(once=method in ONCE)
                request_id, answer = self.inbox.expect()
                try:
                    body = encode(method, params, request_id)
                    response = await self._post(body, headers, connection, once=method in ONCE)
                    await response.discard()
                    return await answer
                finally:
                    self.inbox.forget(request_id)
        except TimeoutError:
            raise Fault(Failure.TIMEOUT, f"no answer to {method} within {seconds:.3g} s") from None

    async def notify(self, method: str, headers: Mapping[str, str], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                response = await self._post(encode(method, None, None), headers)
                await response.discard()
        except TimeoutError:
            raise Fault(Failure.TIMEOUT, f"{method} was not taken within {seconds:.3g} s") from None

    async def close(self) -> None:
        for task in (*self._answers, *((self._listening,) if self._listening else ())):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Fault):
                await task
        self._client.close()

    async def _post(
        self, body: bytes, headers: Mapping[str, str], connection: Exchange | None = None, *, once: bool = False
    ) -> Response:
        if not self._endpoint or not self._endpoint.done():
            raise Fault(Failure.PROTOCOL_ERROR, "no endpoint is known")
        everything = {"Content-Type": "application/json", **headers}
        response = await self._client.send("POST", everything, body, self._endpoint.result(), connection, once=once)
        if response.status >= 300:
            raise await status_fault(response)
        return response

    def _refuse(self, answer: bytes) -> None:
        async def work() -> None:
            with contextlib.suppress(Fault):
                await (await self._post(answer, {})).discard()

        if len(self._answers) < 20:
            task = asyncio.create_task(work())
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _listen(self, response: Response) -> None:
        events = EventParser(self.inbox.allowance)
        try:
            async for chunk, at in response.chunks():
                for name, data in events.feed(chunk):
                    if name == "endpoint":
                        self._named(data)
                    elif name == "message" and data:
                        self.inbox.accept(parse(data, self.inbox.allowance), at, raw=data)
        except Fault as fault:
            self._over(fault)
        else:
            self._over(Fault(Failure.PROTOCOL_ERROR, "the event stream ended"))

    def _over(self, fault: Fault) -> None:
        self.inbox.fail(fault)
        if self._endpoint and not self._endpoint.done():
            self._endpoint.set_exception(fault)

    def _named(self, data: bytes) -> None:
        if self._endpoint and not self._endpoint.done():
            self._endpoint.set_result(self._client.same_origin(data.decode("utf-8", "replace"), "its endpoint event"))
