"""From a URL to an open connection: name look-up, TCP with a second address at hand, TLS; each stamped and named when it fails."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from caelum_report.model import Failure

from .fault import Fault
from .strangers import another

_NEXT_ADDRESS_SECONDS: Final = 0.25  # RFC 8305
_PORTS: Final = {"http": 80, "https": 443}


class Address(NamedTuple):
    family: int
    kind: int
    protocol: int
    canonical: str
    place: Any


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As the Host header wants it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Url:
    """A URL taken apart. The target and the credentials may hold secrets."""

    origin: Origin
    target: str = field(repr=False)
    authorization: str | None = field(default=None, repr=False)


def split_url(text: str) -> Url:
    """Raises `Fault` (config-error) for what is no http URL; never with the text in it."""
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS[parts.scheme]
        host = (parts.hostname or "").encode("ascii" if ":" in (parts.hostname or "") else "idna").decode()
    except (ValueError, KeyError, UnicodeError):
        raise Fault(Failure.CONFIG_ERROR, "its URL is not one of http or https") from None
    if not host:
        raise Fault(Failure.CONFIG_ERROR, "its URL names no host")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Url(Origin(parts.scheme, host, port), _ascii(target), authorization)


def _ascii(target: str) -> str:
    """A request line is ASCII without blanks."""
    return "".join(c if "!" <= c <= "~" else "".join(f"%{b:02X}" for b in c.encode("utf-8", "replace")) for c in target)


@lru_cache(maxsize=1024)  # asked before every request
def is_loopback(host: str) -> bool:
    """Whether it can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class Opened:
    """A connection, and what each step to it took."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seconds: dict[str, float]
    certificate_expires_at: datetime | None


async def open_connection(origin: Origin, seconds: float) -> Opened:
    """Connect within `seconds` in all. Raises `Fault` with its stage: dns, connect or tls, and what each step took.

    Where TLS failed, what is spoken there instead, or when the certificate ends, may be looked up for up to 2 s more.
    """
    stamps: dict[str, float] = {}
    deadline = time.monotonic() + seconds
    try:
        with _timed(stamps, "dns"):
            addresses = await _resolve(origin, deadline)
        with _timed(stamps, "connect"):
            connection = await _connect(origin, addresses, deadline)
        if origin.scheme == "http":
            reader, writer = await asyncio.open_connection(sock=connection)
            return Opened(reader, writer, stamps, None)
        with _timed(stamps, "tls"):
            reader, writer = await _secure(connection, origin, deadline)
    except Fault as fault:
        fault.seconds = stamps
        if isinstance(fault, _SilentFault):
            raise await _without_tls(fault, addresses) from None
        if fault.stage == "tls":
            fault.certificate_expires_at = await _expiry_unverified(origin, addresses)
        raise
    return Opened(reader, writer, stamps, _expiry(writer))


async def open_unix(path: str, seconds: float) -> Opened:
    """The same over a socket in the file system."""
    stamps: dict[str, float] = {}
    try:
        with _timed(stamps, "connect"):
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_unix_connection(path)
    except TimeoutError:
        raise Fault(Failure.TIMEOUT, "no connection to its socket in time", "connect") from None
    except (OSError, ValueError) as error:
        raise Fault(Failure.CONNECT_ERROR, f"no connection to its socket: {_words(error)}", "connect") from None
    return Opened(reader, writer, stamps, None)


@contextlib.contextmanager
def _timed(stamps: dict[str, float], step: str) -> Iterator[None]:
    since = time.perf_counter()
    try:
        yield
    finally:
        stamps[step] = time.perf_counter() - since


async def _resolve(origin: Origin, deadline: float) -> list[Address]:
    """In a thread that may be left behind: a resolver can hang for half a minute, and nobody waits for it at the end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Address]] = loop.create_future()

    def tell(found: list[Address] | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error:
            answer.set_exception(error)
        else:
            answer.set_result(found or [])

    def look_up(flags: int = 0) -> list[Address]:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM, flags=flags)
        return [Address(*address) for address in found]

    def work() -> None:
        found, error = None, None
        try:
            found = look_up()
        except (OSError, UnicodeError) as problem:
            error = problem
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(tell, found, error)

    with contextlib.suppress(OSError, UnicodeError):
        return look_up(socket.AI_NUMERICHOST)
    threading.Thread(target=work, daemon=True, name="dns").start()
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            return await answer
    except TimeoutError:
        raise Fault(Failure.TIMEOUT, f"the name {origin.host} was not resolved in time", "dns") from None
    except (OSError, UnicodeError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or "no valid name"
        raise Fault(Failure.DNS_ERROR, f"the name {origin.host} cannot be resolved: {words}", "dns") from None


async def _connect(origin: Origin, addresses: list[Address], deadline: float) -> socket.socket:
    """The first address that answers, the next one tried after a quarter of a second or as soon as one fails (RFC 8305)."""
    queue = _alternating(addresses)[:8]
    running: set[asyncio.Task[socket.socket]] = set()
    problems: list[str] = []
    try:
        while queue or running:
            if queue:
                running.add(asyncio.create_task(_connect_to(queue.pop(0))))
            left = deadline - time.monotonic()
            if left <= 0:
                break
            done, running = await asyncio.wait(
                running,
                timeout=min(left, _NEXT_ADDRESS_SECONDS) if queue else left,
                return_when=asyncio.FIRST_COMPLETED,
            )
            winners = [task.result() for task in done if not task.exception()]
            for late in winners[1:]:
                late.close()
            if winners:
                return winners[0]
            problems += [_words(error) for task in done if (error := task.exception())]
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_close_late)
    where = f"{origin.host} port {origin.port}"
    if len(problems) < len(addresses[:8]):
        raise Fault(Failure.TIMEOUT, f"no connection to {where} in time", "connect")
    raise Fault(Failure.CONNECT_ERROR, f"no connection to {where}: {', '.join(dict.fromkeys(problems))}", "connect")


def _alternating(addresses: list[Address]) -> list[Address]:
    """IPv6 and IPv4 in turn, beginning with the resolver's choice."""
    first = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    mixed: list[Address] = []
    while first or others:
        mixed += first[:1] + others[:1]
        first, others = first[1:], others[1:]
    return mixed


async def _connect_to(address: Address) -> socket.socket:
    connection = socket.socket(address.family, address.kind, address.protocol)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connection, address.place)
    except BaseException:
        connection.close()
        raise
    return connection


def _close_late(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and not task.exception():
        task.result().close()


def _words(error: BaseException) -> str:
    if not isinstance(error, OSError):
        return type(error).__name__
    # asyncio puts the address where the system's words should be
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or type(error).__name__


# --- TLS ------------------------------------------------------------------------------------------------------------


@cache
def _verifying() -> ssl.SSLContext:
    context = ssl.create_default_context()  # 20 ms: the system's certificates
    context.set_alpn_protocols(["http/1.1"])
    return context


def _unverifying() -> ssl.SSLContext:
    """Only to read the date of a certificate that was refused; nothing is ever sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _SilentFault(Fault):
    """Nothing came back that tells whether TLS is spoken there."""


async def _secure(
    connection: socket.socket, origin: Origin, deadline: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
            return await asyncio.open_connection(sock=connection, ssl=_verifying(), server_hostname=origin.host)
    except TimeoutError:
        raise _SilentFault(Failure.TIMEOUT, "the TLS handshake did not end in time", "tls") from None
    except ssl.SSLCertVerificationError as error:
        reason = f"its certificate is not accepted: {error.verify_message}"
        raise Fault(Failure.TLS_ERROR, reason, "tls") from None
    except ssl.SSLError as error:
        plain = error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
        reason = "the port answers, but not with TLS" if plain else f"TLS failed: {error.reason or error}"
        raise Fault(Failure.TLS_ERROR, reason, "tls") from None
    except OSError as error:
        raise _SilentFault(Failure.TLS_ERROR, f"the TLS handshake broke off: {_words(error)}", "tls") from None


def _expiry(writer: asyncio.StreamWriter) -> datetime | None:
    secured: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    certificate = secured.getpeercert() if secured else None
    until = certificate.get("notAfter") if certificate else None
    if not isinstance(until, str):
        return None
    with contextlib.suppress(ValueError, OverflowError):
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
    return None


async def _without_tls(fault: Fault, addresses: list[Address]) -> Fault:
    """The same, or that it is no TLS that is spoken there, where a second look can tell."""

    async def again() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(sock=await _connect_to(addresses[0]))

    told = await another("TLS", again) or fault
    told.seconds = fault.seconds
    return told


async def _expiry_unverified(origin: Origin, addresses: list[Address]) -> datetime | None:
    """When a refused certificate ends, or ended. A second handshake, no byte of HTTP."""
    with contextlib.suppress(TimeoutError, OSError, Fault):
        async with asyncio.timeout(2):
            connection = await _connect(origin, addresses, time.monotonic() + 1)
            _, writer = await asyncio.open_connection(sock=connection, ssl=_unverifying(), server_hostname=origin.host)
            secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
            certificate = secured.getpeercert(binary_form=True)
            writer.transport.abort()
            return not_after(certificate) if certificate else None
    return None


def not_after(certificate: bytes) -> datetime | None:
    """The end of validity in a DER certificate (RFC 5280, 4.1): the fifth field of the first field, or the fourth in version 1."""
    try:
        _, outer, _ = _der(certificate, 0)
        _, fields, _ = _der(outer, 0)
        tag, _, after = _der(fields, 0)
        place = after if tag == 0xA0 else 0  # the version is optional
        for _ in range(3):  # serial number, algorithm, issuer
            _, _, place = _der(fields, place)
        _, validity, _ = _der(fields, place)
        _, _, second = _der(validity, 0)
        tag, text, _ = _der(validity, second)
        form = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"
        return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC)
    except (ValueError, IndexError):
        return None


def _der(data: bytes, place: int) -> tuple[int, bytes, int]:
    """Tag, contents and end of the element at `place`."""
    tag, length, start = data[place], data[place + 1], place + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[start : start + size]), start + size
    if start + length > len(data):
        raise ValueError("cut off")
    return tag, data[start : start + length], start + length
