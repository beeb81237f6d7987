"""What may be shown of where a server is: a program's name and how many arguments, an address without its secrets."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from typing import Final

from caelum_report.text import SECRET_NAME, SECRET_SHAPE, visible

MASKED: Final = "…"
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PIECES: Final = re.compile(r"[-_.~:@+,;=!$*'()% ]+")
_LETTER_DIGIT: Final = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_CASE_CHANGE: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def command_endpoint(command: str, arguments: int) -> str:
    """`npx + 3 arguments`"""
    name = visible(re.split(r"[/\\]", command.rstrip("/\\"))[-1] or "?", 80)
    return name if not arguments else f"{name} + {arguments} argument{'' if arguments == 1 else 's'}"


def url_endpoint(url: str) -> str:
    """`https://example.org:443/mcp/…`: no userinfo, no query, no fragment, random-looking path segments masked."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "an address that cannot be read"
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return "an address that cannot be read"
    host = f"[{host}]" if ":" in host else host
    path = "/".join(MASKED if masked else segment for segment, masked in path_segments(parts.path))
    return visible(f"{parts.scheme}://{host}:{port}{path}", 200)


def path_segments(path: str) -> Iterator[tuple[str, bool]]:
    """Every segment of a URL's path, and whether it may be a secret."""
    before = ""
    for segment in path.split("/"):
        plain = urllib.parse.unquote(segment)
        yield segment, looks_random(plain) or (len(plain) >= 8 and bool(SECRET_NAME.search(before)))
        before = plain


def looks_random(text: str) -> bool:
    """Whether nobody would have written this as a word: a key, an id, a hash."""
    if SECRET_SHAPE.search(text) or _UUID.search(text) or len(text) > 60:
        return True
    for piece in _PIECES.split(text):
        turns = len(_LETTER_DIGIT.findall(piece))
        if (
            (len(piece) >= 8 and turns >= 3)
            or (len(piece) >= 10 and len(_CASE_CHANGE.findall(piece)) >= 4)
            or (len(piece) >= 12 and piece.isdigit())
            or (len(piece) >= 16 and turns)
            or len(piece) >= 24
        ):
            return True
    return False


def url_problem(url: str) -> str | None:
    """Why no request can be sent there; never says what stands in it."""
    if re.search(r"[\x00-\x20\x7f]", url):
        return "`url` holds a space or a control character"
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "`url` is not an address"
    if parts.scheme not in _DEFAULT_PORTS:
        return "`url` does not begin with http:// or https://"
    if any("\ud800" <= character <= "\udfff" for character in url):
        return "`url` is not an address"
    return None if host else "`url` names no host"
