"""How a secret may be spelled when it comes back: as a pattern for each spelling. No I/O.

Whoever prints a secret escapes it for where it goes, and often twice: as JSON in JSON, as an address in HTML. Letters and
digits survive that; every other character has many faces, and a pattern allows any of them at any place.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html.entities import codepoint2name
from typing import Final

SHORTEST: Final = 8  # characters; shorter ones would black out a report
_CUT: Final = 4  # characters that may be missing at the end: a server that cuts its echo still tells
_KEPT: Final = 10  # characters that a cut one has at least
_BACKSLASHES: Final = r"(?:\\|%5C){1,8}"  # bounded, like every repetition here: what is searched is hostile
_LETTERS: Final = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def patterns(secret: str) -> Iterator[str]:
    """For a search that does not tell capital letters from small ones; nothing for a secret that is too short."""
    if len(secret) < SHORTEST:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    yield _cut_anywhere([_faces(character) for character in secret])
    yield _cut_anywhere([re.escape(character) for character in reversed(secret)])
    yield from _base64(raw)
    yield raw.hex()
    yield "".join(f"%{byte:02x}" for byte in raw)
    for every in (r"\\u{:04x}", "&#{};", "&#x{:x};"):
        yield "".join(every.format(ord(character)) for character in secret)
    for zero in (r"\x00", r"\\u0000", r"<U\+0000>"):  # UTF-16 that was taken for something else
        yield zero.join(map(_faces, secret))


def _cut_anywhere(faces: list[str]) -> str:
    needed = max(_KEPT, len(faces) - _CUT)
    pattern = ""
    for face in reversed(faces[needed:]):
        pattern = f"(?:{face}{pattern})?"
    return "".join(faces[:needed]) + pattern


def _faces(character: str) -> str:
    """One character in every escape that JSON, addresses, HTML, shells and our own marks know."""
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    if character == "\\":  # escaped by itself, so that one is as good as several
        return rf"(?:\\|{_percent(code)}|{_escaped(character)}|{_numbered(code)}){{1,8}}"
    plain = [_numbered(code), re.escape(character)]  # the longer first: an ampersand begins its own name
    if code in codepoint2name:
        plain.insert(0, f"&(?:amp;){{0,3}}{codepoint2name[code]};")
    if character == "'":
        plain.insert(0, "&(?:amp;){0,3}apos;")
    plain.insert(0, "".join(map(_percent, character.encode("utf-8", "surrogatepass"))))
    faces = [_escaped(character), rf"(?:\\|%5C){{0,8}}(?:{'|'.join(plain)})"]
    if not character.isprintable():
        faces += [rf"(?:<|&lt;)U\+{code:04X}(?:>|&gt;)"]
    if character == " ":
        faces += [r"\+", _percent(ord("+"))]
    if character in _LETTERS:
        faces += [rf"{_BACKSLASHES}{_LETTERS[character]}"]
    return f"(?:{'|'.join(faces)})"


def _escaped(character: str) -> str:
    """As JSON and most languages write it: of a character beyond 16 bits both halves."""
    code = ord(character)
    if code < 0x100:
        return rf"{_BACKSLASHES}(?:u00|x){code:02x}"
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(rf"{_BACKSLASHES}u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _numbered(code: int) -> str:
    return rf"&(?:amp;){{0,3}}#(?:0{{0,5}}{code}|x0{{0,5}}{code:x});"


def _percent(byte: int) -> str:
    return f"%(?:25){{0,3}}{byte:02X}"


def _base64(raw: bytes) -> Iterator[str]:
    """At any of three alignments within a longer text: what does not depend on its neighbours."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        core = encoded[4 if shift else 0 : (len(encoded) - 4) // 4 * 4].decode()
        if len(core) >= SHORTEST:
            yield core.replace("+", r"(?:[+-]|%2B|\\{1,8}u002b)").replace("/", r"(?:\\{0,8}/|_|%2F|\\{1,8}u002f)")
