"""Who it is that took our connection and said nothing, or hung up: asked once more, in words that each kind of service answers at once.

Only of somebody who gave no answer, so that "no answer" can say why.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from caelum_report.model import Failure

from .fault import Fault

SECONDS: Final = 1.0  # for a question and its answer
_ASKING_SECONDS: Final = SECONDS + 0.2  # with what opening and reading cost

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[], Awaitable[Streams]]

# What a server of this kind says of itself, or of words that are not its own.
_BEGINNINGS: Final = (
    (b"+PONG", "Redis"),
    (b"-NOAUTH", "Redis"),
    (b"-DENIED", "Redis"),
    (b"-ERR", "Redis"),
    (b"HTTP/", "HTTP"),
    (b"SSH-", "SSH"),
    (b"220 ", "mail or FTP"),
)
_PING: Final = b"PING / HTTP/1.0\r\n\r\n"  # a request of HTTP, and of Redis a command
_SSL_REQUEST: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # of PostgreSQL: one letter is its answer


def patience(seconds: float) -> float:
    """How long of so many seconds an answer is waited for: what is left is for `another`, half of them at most."""
    return seconds - min(_ASKING_SECONDS, seconds / 2)


async def another(own: str, open_again: Open) -> Fault | None:
    """What is spoken there instead of `own`, as the reason why nothing came; None where nobody says. Never raises."""
    answers = await _who_answers(open_again)
    if own in answers or not answers:
        return None
    who = answers[0]
    if own == "TLS":
        return Fault(Failure.TLS_ERROR, f"the other end does not speak TLS: it is {who}, unencrypted", "tls")
    what = "it begins with TLS" if who == "TLS" else f"it is {who}"
    return Fault(Failure.PROTOCOL_ERROR, f"the other end does not speak {own}: {what}", "handshake")


async def _who_answers(open_again: Open) -> list[str]:
    """TLS first: behind it, some say in plain HTTP that it is wanted."""
    questions = ((_client_hello(), _by_record), (_SSL_REQUEST, _by_letter), (_PING, _by_beginning))
    found = await asyncio.gather(*(_ask(open_again, words, judge) for words, judge in questions))
    return [name for name in found if name is not None]


async def _ask(open_again: Open, words: bytes, judge: Callable[[bytes], str | None]) -> str | None:
    with contextlib.suppress(OSError, TimeoutError, Fault):
        async with asyncio.timeout(SECONDS):
            reader, writer = await open_again()
            try:
                writer.write(words)
                return judge(await reader.read(64))
            finally:
                writer.transport.abort()
    return None


def _by_beginning(answer: bytes) -> str | None:
    return next((name for beginning, name in _BEGINNINGS if answer.startswith(beginning)), None)


def _by_letter(answer: bytes) -> str | None:
    return "PostgreSQL" if answer in {b"S", b"N"} else None


def _by_record(answer: bytes) -> str | None:
    """A TLS record: an alert, or the server's side of the handshake."""
    return "TLS" if answer[:2] in {b"\x15\x03", b"\x16\x03"} else None


def _client_hello() -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outgoing = ssl.MemoryBIO()
    greeting = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        greeting.do_handshake()
    return outgoing.read()
