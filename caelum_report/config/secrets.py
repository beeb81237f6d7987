"""The secrets of a configuration: what is searched for in everything that comes in.

Eight characters or more, and a name or a shape that says secret; so that `production` or `8080` blacks out no report.
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Final

from caelum_report.model import Server
from caelum_report.text import SECRET_NAME, SECRET_SHAPE, looks_secret

from .endpoint import looks_random, path_segments

_SHORTEST: Final = 8
_SCHEME: Final = re.compile(r"(?:bearer|basic|token|digest|apikey)\s+(.+)", re.IGNORECASE | re.DOTALL)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_ASSIGNED: Final = re.compile(r"-{0,2}([A-Za-z][\w.-]{0,60})\s*[=:]\s*(.+)", re.DOTALL)


def secrets_of(server: Server) -> tuple[str, ...]:
    """Of environment values, headers, the URL, and arguments that are keys or are said to be."""
    found: list[str] = []
    for name, value in server.env:
        found += in_value(name, value)
    for name, value in server.headers:
        found += in_value(name, value)
    if server.url is not None:
        found += in_url(server.url)
    found += (secret for _, secret in secret_arguments(server.args))
    return tuple(dict.fromkeys(secret for secret in found if len(secret) >= _SHORTEST))


def in_value(name: str, value: str) -> Iterator[str]:
    """The secrets in a named value: itself, its token behind `Bearer`, the passwords of addresses in it."""
    if SECRET_NAME.search(name):
        yield value
        if (scheme := _SCHEME.fullmatch(value)) is not None:
            yield scheme[1]
            yield from _basic(scheme[1])
    yield from (match.group() for match in SECRET_SHAPE.finditer(value))
    for url in _URL.findall(value):
        yield from in_url(url)


def _basic(token: str) -> Iterator[str]:
    """The password in `Basic dXNlcjpwYXNzd29yZA==`."""
    try:
        user, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return
    if colon:
        yield from (part for part in (user, password) if part is password or looks_random(part))


def in_url(url: str) -> Iterator[str]:
    """Userinfo, query values and path segments that look or are called secret, as written and decoded."""
    try:
        parts = urllib.parse.urlsplit(url)
        userinfo = parts.netloc.rpartition("@")[0]
        query = [pair.partition("=") for piece in (parts.query, parts.fragment) for pair in piece.split("&")]
    except ValueError:
        return
    found = [part for part in (userinfo, userinfo.partition(":")[2]) if part]
    if ":" not in userinfo:
        found.append(userinfo)
    for name, _, value in query:
        plain = urllib.parse.unquote_plus(value)
        if looks_secret(urllib.parse.unquote_plus(name), plain) or looks_random(plain):
            found.append(value)
    found += [segment for segment, masked in path_segments(parts.path) if masked]
    for part in found:
        yield part
        yield urllib.parse.unquote_plus(part)


def secret_arguments(args: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Index and secret of arguments such as `--api-key X`, `--token=X`, `Authorization: Bearer X`, addresses, bare keys."""
    flag = ""
    for index, arg in enumerate(args):
        assigned = _ASSIGNED.fullmatch(arg)
        if flag and not arg.startswith("-"):
            yield from ((index, secret) for secret in (arg, *in_value(flag, arg)))
        if assigned is not None and SECRET_NAME.search(assigned[1]):
            yield from ((index, secret) for secret in (assigned[2], *in_value(assigned[1], assigned[2])))
        yield from ((index, match.group()) for match in SECRET_SHAPE.finditer(arg))
        yield from ((index, secret) for url in _URL.findall(arg) for secret in in_url(url))
        is_flag = arg.startswith("-") and assigned is None
        flag = arg.lstrip("-") if is_flag and SECRET_NAME.search(arg.lstrip("-")) else ""
