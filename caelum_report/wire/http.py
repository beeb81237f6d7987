"""HTTP/1.1 by h11, as little as MCP needs: stamped, bounded, uncompressed, redirects within one origin."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, Literal
from urllib.parse import urljoin

import h11

from caelum_report import __version__
from caelum_report.model import Failure

from .fault import Fault, HttpFault, excerpt
from .jsontext import parse
from .limits import Allowance
from .net import Opened, open_connection, split_url

_CHUNK: Final = 16_384
_PIECES: Final = 50_000  # of one body: a million chunks of one byte are no honest answer
_REDIRECTS: Final = 3
ERROR_BYTES: Final = 65_536


class Exchange:
    """One connection, one request at a time."""

    def __init__(self, opened: Opened, allowance: Allowance) -> None:
        self._reader, self._writer = opened.reader, opened.writer
        self._allowance = allowance
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=allowance.budgets.header_bytes)
        self._answered = False
        self.at = 0.0  # when the last bytes came
        self.used = False

    @property
    def reusable(self) -> bool:
        return (
            self._h11.our_state is h11.IDLE
            and self._h11.their_state is h11.IDLE
            and not self._reader.at_eof()
            and not self._writer.is_closing()
        )

    def write(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
        try:
            head = self._h11.send(h11.Request(method=method, target=target, headers=headers))
            data = self._h11.send(h11.Data(data=body)) if body else b""
            end = self._h11.send(h11.EndOfMessage())
        except (h11.LocalProtocolError, UnicodeError):
            raise Fault(Failure.CONFIG_ERROR, "a configured header or the URL cannot be sent over HTTP") from None
        self._writer.write(b"".join(filter(None, (head, data, end))))

    async def event(self) -> Any:
        """The next h11 event. Raises `Fault` for broken HTTP, `ConnectionError` when the other side is gone."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                if error.error_status_hint == 431:
                    limit = self._allowance.budgets.header_bytes
                    raise Fault(Failure.OVERSIZED, f"its headers are longer than {limit} bytes", "http") from None
                raise Fault(Failure.PROTOCOL_ERROR, f"broken HTTP: {error}") from None
            if event is not h11.NEED_DATA:
                return event
            data = await self._reader.read(_CHUNK)
            self.at = time.perf_counter()
            if not data and self._h11.their_state is h11.SEND_RESPONSE:
                raise ConnectionError("it closed the connection without an answer")
            self._allowance.take_bytes(len(data))
            if not self._answered and data and not data.startswith(b"HTTP/"[: len(data)]):
                raise Fault(Failure.PROTOCOL_ERROR, f"the port answers, but not with HTTP: {excerpt(data)}", "http")
            self._answered = True
            self._h11.receive_data(data)

    def next_request(self) -> bool:
        """Whether the connection can be used again."""
        with contextlib.suppress(h11.ProtocolError):
            self._h11.start_next_cycle()
            return True
        return False

    def close(self) -> None:
        self._writer.transport.abort()


class Response:
    """Status and headers, and a body that is read as it comes."""

    def __init__(self, exchange: Exchange, head: h11.Response, client: HttpClient) -> None:
        self._exchange, self._client = exchange, client
        self._finished = False
        self.status = head.status_code
        self.headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_stream(self) -> bool:
        return self.content_type == "text/event-stream"

    async def chunks(self) -> AsyncGenerator[tuple[bytes, float], None]:
        """Pieces of the body and when they came. What is left unread costs the connection."""
        pieces = 0
        try:
            while True:
                event = await self._event()
                if isinstance(event, h11.EndOfMessage):
                    break
                if isinstance(event, h11.Data):
                    pieces += 1
                    if pieces > _PIECES:
                        raise Fault(Failure.OVERSIZED, f"one answer in more than {_PIECES} pieces")
                    yield bytes(event.data), self._exchange.at
            self._finished = True
        finally:
            self._client.done(self._exchange, again=self._finished and self._exchange.next_request())

    async def _event(self) -> Any:
        try:
            return await self._exchange.event()
        except ConnectionError as error:
            raise Fault(Failure.PROTOCOL_ERROR, f"the answer broke off: {_words(error)}") from None

    async def body(self, limit: int) -> tuple[bytes, float]:
        """The whole body and when it was complete."""
        parts: list[bytes] = []
        length, at = 0, self._exchange.at
        async with contextlib.aclosing(self.chunks()) as chunks:
            async for chunk, at in chunks:  # noqa: B007 - the last one counts
                parts.append(chunk)
                length += len(chunk)
                if length > limit:
                    raise Fault(Failure.OVERSIZED, f"one answer is longer than {limit / 1e6:g} MB")
        return b"".join(parts), at

    async def discard(self) -> None:
        """A short body that nobody needs, so that the connection can go on; a long one ends it."""
        with contextlib.suppress(Fault, TimeoutError):
            async with asyncio.timeout(0.5):
                await self.body(ERROR_BYTES)


class HttpClient:
    """Requests to one server, with its configured headers. `seconds` of the first connection and answer are kept by stage."""

    def __init__(self, url: str, headers: Mapping[str, str], allowance: Allowance, connect_seconds: float) -> None:
        parts = split_url(url)
        self.url = url.partition("#")[0]
        self.origin = parts.origin
        self._target = parts.target
        self._headers = {"Authorization": parts.authorization} if parts.authorization else {}
        self._headers |= headers
        self._allowance = allowance
        self._connect_seconds = connect_seconds
        self._idle: list[Exchange] = []
        self._busy: set[Exchange] = set()
        self.seconds: dict[str, float] = {}
        self.certificate_expires_at: Any = None

    async def ready(self, *, once: bool = False) -> Exchange:
        """An open connection, so that a stopwatch need not see it being made.

        With `once` it is a new one. A request over an idle connection that is closed just then is sent again, for nobody
        has to have read it; what may act twice must never be.
        """
        while self._idle and not once:
            exchange = self._idle.pop()
            if exchange.reusable:
                return self._lend(exchange)
            exchange.close()
        try:
            opened = await open_connection(self.origin, self._connect_seconds)
        except Fault as fault:
            self.seconds = fault.seconds | self.seconds
            raise
        self.seconds = opened.seconds | self.seconds
        self.certificate_expires_at = opened.certificate_expires_at or self.certificate_expires_at
        return self._lend(Exchange(opened, self._allowance))

    async def send(
        self,
        method: Literal["GET", "POST", "DELETE"],
        headers: Mapping[str, str],
        body: bytes = b"",
        target: str | None = None,
        exchange: Exchange | None = None,
        *,
        once: bool = False,
    ) -> Response:
        """The response's head, redirects of the same origin followed. Status and type are the caller's to judge."""
        for _ in range(_REDIRECTS + 1):
            exchange = exchange or await self.ready(once=once)
            response = await self._send_once(exchange, method, target or self._target, headers, body)
            exchange = None
            location = response.headers.get("location")
            if response.status not in (301, 302, 303, 307, 308):
                coding = response.headers.get("content-encoding", "identity").strip().lower()
                if coding not in ("", "identity"):
                    reason = f"it answered compressed ({coding:.40}); we ask for plain answers and unpack nothing"
                    raise Fault(Failure.OVERSIZED, reason, "http")
                return response
            if not location:
                raise Fault(Failure.REDIRECT_REFUSED, f"HTTP {response.status} without a Location", "http")
            moved = self.same_origin(location, f"HTTP {response.status}")
            await response.discard()
            if response.status == 303 and method != "GET":
                raise Fault(Failure.REDIRECT_REFUSED, "HTTP 303 would turn the request into another one", "http")
            if target is None:
                self._target = moved
            else:
                target = moved
        raise Fault(Failure.REDIRECT_REFUSED, f"more than {_REDIRECTS} redirects", "http")

    async def _send_once(
        self, exchange: Exchange, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        everything = {
            "Host": self.origin.authority,
            "User-Agent": f"caelum-report/{__version__}",
            "Accept-Encoding": "identity",
            **({"Content-Length": str(len(body))} if method == "POST" else {}),
            **headers,
        }
        ours = {name.lower() for name in everything}
        lines = [*everything.items(), *((n, v) for n, v in self._headers.items() if n.lower() not in ours)]
        since = time.perf_counter()
        again, exchange.used = exchange.used, True
        try:
            exchange.write(method, target, lines, body)
            head = await exchange.event()
            informational = 0
            while isinstance(head, h11.InformationalResponse) and informational < 100:
                head, informational = await exchange.event(), informational + 1
        except ConnectionError as error:
            self.done(exchange, again=False)
            if again:  # an idle connection that was closed just now
                return await self._send_once(await self.ready(), method, target, headers, body)
            raise Fault(Failure.PROTOCOL_ERROR, _words(error), "http") from None
        except BaseException:
            self.done(exchange, again=False)
            raise
        self.seconds.setdefault("http", exchange.at - since)
        if not isinstance(head, h11.Response):
            self.done(exchange, again=False)
            raise Fault(Failure.PROTOCOL_ERROR, "broken HTTP: no final response", "http")
        return Response(exchange, head, self)

    def same_origin(self, reference: str, who: str) -> str:
        """The request target that a reference means. Raises redirect-refused for any other origin: no byte is sent there."""
        try:
            url = urljoin(self.url, reference.strip())
            parts = split_url(url)
        except (ValueError, Fault):
            raise Fault(Failure.REDIRECT_REFUSED, f"{who} names no usable address", "http") from None
        if parts.origin != self.origin:
            hint = "; if that is meant, configure it" if parts.origin.host == self.origin.host else ""
            raise Fault(Failure.REDIRECT_REFUSED, f"{who} leads to another origin, {parts.origin}{hint}", "http")
        return parts.target

    def _lend(self, exchange: Exchange) -> Exchange:
        self._busy.add(exchange)
        return exchange

    def done(self, exchange: Exchange, *, again: bool) -> None:
        self._busy.discard(exchange)
        if again:
            self._idle.append(exchange)
        else:
            exchange.close()

    def close(self) -> None:
        for exchange in (*self._busy, *self._idle):
            exchange.close()
        self._busy.clear()
        self._idle.clear()


async def status_fault(response: Response) -> HttpFault:
    return (await status_and_value(response, None))[0]


async def status_and_value(response: Response, allowance: Allowance | None) -> tuple[HttpFault, Any]:
    """The fault that a status means, in its own words where it has some; and the body where it is JSON."""
    data, value = b"", None
    with contextlib.suppress(Fault):
        data, _ = await response.body(ERROR_BYTES)
        if allowance and data:
            value = parse(data, allowance)
    said = f": {excerpt(data)}" if data.strip() and "html" not in response.content_type else ""
    if response.status == 401:
        wanted = response.headers.get("www-authenticate", "").partition(" ")[0]
        return HttpFault(401, f"it asks for credentials (HTTP 401{', ' + wanted if wanted else ''})"), value
    if response.status == 403:
        return HttpFault(403, f"it refuses us (HTTP 403){said}"), value
    words = _reason(response.status)
    return HttpFault(response.status, f"HTTP {response.status}{' ' + words if words else ''}{said}"), value


def _reason(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _words(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
