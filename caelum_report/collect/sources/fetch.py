"""One bounded HTTP exchange with a source: read as it streams, unpacked within the same bound, every failure with its class."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from caelum_report import __version__
from caelum_report.model import Failure
from caelum_report.wire import Allowance, Fault, HttpFault
from caelum_report.wire.fault import excerpt
from caelum_report.wire.jsontext import parse
from caelum_report.wire.strangers import another, patience
from caelum_report.wire.unreachable import unreachable

from .asking import Asking

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = 3
_UNPACKED_AT_ONCE: Final = 65_536
_ERROR_BYTES: Final = 2_000
_ERROR_KEYS: Final = ("error", "message", "detail", "reason")  # where JSON says what is wrong


@dataclass(frozen=True, slots=True)
class Fetched:
    body: bytes
    seconds: float  # from the request to the end of the answer, connecting included; nothing of ours


async def fetch_json(asking: Asking, url: str, **parts: Any) -> Any:
    """The JSON that stands at an address."""
    return parse(await fetch(asking, url, accept="application/json", **parts), asking.allowance)


async def fetch(asking: Asking, url: str, **parts: Any) -> bytes:
    return (await fetch_timed(asking, url, **parts)).body


async def fetch_timed(
    asking: Asking,
    url: str,
    *,
    accept: str = "*/*",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    unix: str | None = None,
) -> Fetched:
    """The body of a good answer, and what it took; whatever is no good answer is a `Fault`.

    Redirects are followed within the origin only.
    `unix` is a socket in the file system behind which the server listens.
    """
    import httpx

    said = {
        "User-Agent": f"caelum-report/{__version__}",
        "Accept": accept,
        "Accept-Encoding": "gzip",
        **authorization(asking.source.options),
        **asking.source.options.get("headers", {}),
        **(headers or {}),
    }
    verify = _trust(asking.source.options) if url.startswith("https:") else False  # it costs 20 ms
    waiting = patience(asking.source.timeout_seconds)
    try:
        way = httpx.AsyncHTTPTransport(uds=unix, verify=verify)
        async with httpx.AsyncClient(transport=way, timeout=waiting, trust_env=False) as client:
            for _ in range(_REDIRECTS + 1):
                answer = None
                async with client.stream(method, url, headers=said, content=body) as response:
                    if not response.has_redirect_location:
                        answer = await _read(response, asking.allowance)
                if answer is not None:
                    return Fetched(answer, response.elapsed.total_seconds())
                url = _same_origin(url, response.headers["location"])
    except httpx.TimeoutException:
        late = Fault(Failure.TIMEOUT, f"no answer within its {asking.source.timeout_seconds:g} s")
        raise (None if unix else await another_at(url)) or late from None
    except (httpx.ConnectError, ssl.SSLError) as error:  # TLS 1.3 refuses a client after the connection stands
        fault = unreachable(error)
        raise (await another_at(url) if fault.failure is Failure.TLS_ERROR else None) or fault from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, ValueError):
        raise Fault(Failure.CONFIG_ERROR, "its address or its headers cannot be sent") from None
    except httpx.HTTPError as error:
        broken = Fault(Failure.PROTOCOL_ERROR, f"broken HTTP: {error or type(error).__name__}")
        raise (None if unix else await another_at(url)) or broken from None
    raise Fault(Failure.REDIRECT_REFUSED, f"it redirects more than {_REDIRECTS} times")


async def another_at(url: str) -> Fault | None:
    """What is spoken at an address that gave no answer in HTTP."""
    parts = urlsplit(url)
    own, port = ("TLS", 443) if parts.scheme in {"https", "wss"} else ("HTTP", 80)
    return await another(own, partial(asyncio.open_connection, parts.hostname, parts.port or port))


def _trust(options: Mapping[str, Any]) -> ssl.SSLContext:
    """Whom we believe, and who we are where the other side wants to know."""
    try:
        trust = ssl.create_default_context(cafile=options.get("ca"))
        if options.get("cert"):
            trust.load_cert_chain(options["cert"], options["key"], password=_no_password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise Fault(Failure.CONFIG_ERROR, f"`ca`, `cert` or `key` cannot be used: {why}") from None
    return trust


def _no_password() -> str:
    """Rather than asking on the terminal."""
    raise ValueError("the key has a password")


def authorization(options: Mapping[str, Any]) -> dict[str, str]:
    if token := options.get("token"):
        return {"Authorization": f"Bearer {token}"}
    if user := options.get("user"):
        pair = f"{user}:{options.get('password') or ''}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _same_origin(url: str, location: str) -> str:
    """Where a redirect leads. No byte is sent to another origin."""
    target = urljoin(url, location)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise Fault(Failure.REDIRECT_REFUSED, "it redirects to another origin; if that is meant, configure it")
    return target


async def _read(response: httpx.Response, allowance: Allowance) -> bytes:
    if response.status_code >= 400:
        raise _refused(response, await _body(response, allowance, _ERROR_BYTES))
    return await _body(response, allowance, None)


async def _body(response: httpx.Response, allowance: Allowance, limit: int | None) -> bytes:
    """The body, or its beginning. Not httpx's own decoding: it unpacks a whole chunk, a thousand times its size, at once."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise Fault(
            Failure.PROTOCOL_ERROR, f"it answers with the encoding {encoding[:40]}, where gzip or none was asked for"
        )
    unpack = zlib.decompressobj(31) if encoding == "gzip" else None
    parts: list[bytes] = []
    length = 0
    async for chunk in response.aiter_raw():
        for part in _unpacked(chunk, unpack) if unpack else (chunk,):
            allowance.take_bytes(len(part))
            parts.append(part)
            length += len(part)
        if limit is not None and length >= limit:
            return b"".join(parts)[:limit]
    if unpack and not unpack.eof:
        raise Fault(Failure.PROTOCOL_ERROR, "its compressed answer ends too early")
    return b"".join(parts)


def _unpacked(chunk: bytes, unpack: Any) -> Any:
    try:
        while chunk and not unpack.eof:
            yield unpack.decompress(chunk, _UNPACKED_AT_ONCE)
            chunk = unpack.unconsumed_tail
    except zlib.error:
        raise Fault(Failure.PROTOCOL_ERROR, "its answer says gzip and is not") from None


def _refused(response: httpx.Response, body: bytes) -> HttpFault:
    status = response.status_code
    words = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    said = f": {_words(body)}" if body.strip() and b"<html" not in body[:200].lower() else ""
    if status == 401 and "authorization" in response.request.headers:
        return HttpFault(status, "it refuses the credentials that it was sent (HTTP 401)")
    if status == 401:
        return HttpFault(status, "it asks for credentials, and none are configured (HTTP 401)")
    if status == 403:
        return HttpFault(status, f"it refuses us (HTTP 403){said}")
    return HttpFault(status, f"HTTP {status}{' ' + words if words else ''}{said}")


def query_refused(fault: HttpFault, query: str) -> Fault:
    """A query that the other side does not understand is for whoever wrote it."""
    failure = Failure.CONFIG_ERROR if fault.status in {400, 422} else fault.failure
    return Fault(failure, f"{query}: {fault.reason}", fault.stage)


def _words(body: bytes) -> str:
    """What an error page says: the sentence of its JSON, or its beginning."""
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(body)
    sentences = [said[key] for key in _ERROR_KEYS if isinstance(said.get(key), str)] if isinstance(said, dict) else []
    return excerpt(sentences[0].encode("utf-8", "replace"), 200) if sentences else excerpt(body)
