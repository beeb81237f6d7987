"""When a token that a server is given ends: read from the token itself, where it is a JWT. Only the time is kept."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from caelum_report.model import Server
from caelum_report.text import visible

_JWT: Final = re.compile(r"(?<![\w.-])eyJ[\w-]{2,16000}\.(eyJ[\w-]{2,16000})\.[\w-]{0,16000}(?![\w.-])", re.ASCII)
_LEAST_DAYS: Final = 1.0  # a shorter life is renewed by a program, or is over before anybody reads of it


def token_end(server: Server) -> tuple[datetime, str] | None:
    """The first end among the tokens of its headers, environment and arguments, and the name under which that one stands.

    Nothing is verified: a token that lies about its end cheats its own server only.
    """
    ends = [(end, where) for where, value in _values(server) for claims in _claims(value) if (end := _end(claims))]
    return min(ends, default=None)


def _values(server: Server) -> Iterator[tuple[str, str]]:
    yield from ((f"header {visible(name, 60)}", value) for name, value in server.headers)
    yield from ((f"variable {visible(name, 60)}", value) for name, value in server.env)
    yield from (("its arguments", arg) for arg in server.args)


def _claims(value: str) -> Iterator[dict[str, Any]]:
    for match in _JWT.finditer(value):
        body = match[1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError, RecursionError):
            continue
        if isinstance(claims, dict):
            yield claims


def _end(claims: dict[str, Any]) -> datetime | None:
    end, made = _seconds(claims.get("exp")), _seconds(claims.get("iat", claims.get("nbf")))
    if end is None or (made is not None and end - made < _LEAST_DAYS * 86_400):
        return None
    return datetime.fromtimestamp(end, UTC)


def _seconds(value: object) -> int | None:
    """A time between 2001 and 2200."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e9 < value < 7.2e9:
        return None
    return int(value)
