"""One POST to a receiver: no redirect is followed, and all of it, a trickling answer too, has one time limit."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from caelum_report.wire.unreachable import unreachable

_READ: Final = 400  # bytes of an unwilling answer


@dataclass(frozen=True, slots=True)
class Answer:
    """`problem` is empty where the receiver took it; it never names the address, which may hold a key."""

    problem: str
    status: int = 0  # 0: there was no answer
    said: str = ""  # the beginning of a refusal, as it came


def post(url: str, content: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
    """What became of it, in words that follow the receiver's name: "answered HTTP 500"."""
    try:
        return asyncio.run(_posted(url, content, headers, seconds))
    except (TimeoutError, httpx.TimeoutException):
        return Answer(f"did not answer within {seconds:g} s")
    except (httpx.ConnectError, ssl.SSLError) as error:  # TLS 1.3 refuses a client after the connection stands
        return Answer(f"cannot be reached: {unreachable(error).reason}")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError):
        return Answer("cannot be told: its address or its headers cannot be sent")
    except httpx.HTTPError as error:
        return Answer(f"cannot be told: its answer is no HTTP ({type(error).__name__})")


async def _posted(url: str, content: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(timeout=seconds, follow_redirects=False) as client,
        client.stream("POST", url, content=content, headers=dict(headers)) as answer,
    ):
        if answer.is_redirect:
            return Answer(f"redirects (HTTP {answer.status_code}); nothing is sent elsewhere", answer.status_code)
        if answer.is_success:
            return Answer("", answer.status_code)
        return Answer(f"answered HTTP {answer.status_code}", answer.status_code, await _beginning(answer))


async def _beginning(answer: httpx.Response) -> str:
    """Not httpx's own decoding: it unpacks a whole chunk, a thousand times its size, at once."""
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        return ""
    read = b""
    async for chunk in answer.aiter_raw(_READ):
        read += chunk
        if len(read) >= _READ:
            break
    return "" if b"<html" in read.lower() else read[:_READ].decode("utf-8", "replace").strip()
