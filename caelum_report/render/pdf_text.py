"""What a PDF of ours says, as text: for looking for what must not be in it. No layout.

Only what somebody can read counts: shown text by the font that shows it, strings (titles, alternatives, links), metadata.
The bytes of fonts and pictures are left out, for among them every short word is found sooner or later.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

_STREAM: Final = re.compile(rb"(\d+) 0 obj\s*<<((?:(?!endobj).)*?)>>\s*stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_OBJECT: Final = re.compile(rb"(\d+) 0 obj\s(.*?)\sendobj", re.DOTALL)
_FIRST: Final = re.compile(rb"/First (\d+)")
_NAMED: Final = re.compile(rb"/(\w+) (\d+) 0 R")
_TO_UNICODE: Final = re.compile(rb"/ToUnicode (\d+) 0 R")
_MAPPED: Final = re.compile(rb"beginbf(char|range)(.*?)endbf", re.DOTALL)
_HEX: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>")
_STEP: Final = re.compile(
    rb"(?P<ends>\bET\b)|(?P<mode>\bTr\b)|/(?P<font>\w+) [\d.]+ Tf"
    rb"|\[(?P<array>(?:<[0-9A-Fa-f\s]*>|[^\]<>])*)\]\s*TJ|(?P<one><[0-9A-Fa-f\s]*>)\s*Tj",
    re.DOTALL,
)
_STRING: Final = re.compile(rb"\(((?:[^()\\]|\\.)*)\)|<(?:FEFF|feff)([0-9A-Fa-f]+)>", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(\d{1,3}|.)", re.DOTALL)
_BROKEN: Final = 4  # lines over which a long word may be broken


def text_of(pdf: bytes) -> str:
    """All that can be read in it, a line each; words that are broken over lines also stand whole."""
    streams = {int(number): (head, _inflated(body)) for number, head, body in _STREAM.findall(pdf)}
    objects = dict(_objects(pdf, streams))
    fonts = _fonts(objects, streams)
    lines: list[str] = []
    for head, body in streams.values():
        shown = list(_shown(body, fonts)) if b" Tf" in body and b"FontFile" not in head else []
        lines += shown
        lines += ("".join(shown[at : at + _BROKEN]) for at in range(len(shown) - 1))
        if b"/XML" in head:
            lines.append(body.decode("utf-8", "replace"))
    lines += (_string(*found) for body in objects.values() for found in _STRING.findall(body))
    return "\n".join(lines)


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(body)
    except zlib.error:
        return body  # not compressed: it is in the file as it stands


def _objects(pdf: bytes, streams: Mapping[int, tuple[bytes, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Those that are no streams, also out of the streams that hold them compressed."""
    yield from ((int(number), body) for number, body in _OBJECT.findall(_STREAM.sub(b" ", pdf)))
    for head, body in streams.values():
        first = _FIRST.search(head) if b"/ObjStm" in head else None
        if first is not None:
            start = int(first[1])
            numbers = [int(word) for word in body[:start].split()]
            places = [*numbers[1::2], len(body) - start]
            for number, begin, end in zip(numbers[::2], places, places[1:], strict=False):
                yield number, body[start + begin : start + end]


def _fonts(objects: Mapping[int, bytes], streams: Mapping[int, tuple[bytes, bytes]]) -> dict[bytes, dict[int, str]]:
    """The characters of each font's glyphs, by the name under which text uses it."""
    maps = {
        number: _mapping(streams[int(found[1])][1])
        for number, body in objects.items()
        if (found := _TO_UNICODE.search(body)) and int(found[1]) in streams
    }
    named = [pair for body in objects.values() for pair in _NAMED.findall(body)]
    return {name: maps[int(number)] for name, number in named if int(number) in maps}


def _mapping(part: bytes) -> dict[int, str]:
    """Glyph -> characters, from a ToUnicode map."""
    found: dict[int, str] = {}
    for kind, body in _MAPPED.findall(part):
        codes = [code.replace(b"\n", b"").replace(b" ", b"").decode() for code in _HEX.findall(body)]
        if kind == b"char":
            found |= {int(glyph, 16): _text(word) for glyph, word in zip(codes[::2], codes[1::2], strict=False)}
        else:
            for first, last, word in zip(codes[::3], codes[1::3], codes[2::3], strict=False):
                start = int(first, 16)
                found |= {start + step: _shifted(word, step) for step in range(int(last, 16) - start + 1)}
    return found


def _text(code: str) -> str:
    return bytes.fromhex(code).decode("utf-16-be", "replace")


def _shifted(code: str, step: int) -> str:
    word = _text(code)
    return word[:-1] + chr(ord(word[-1]) + step) if word else ""


def _shown(part: bytes, fonts: Mapping[bytes, Mapping[int, str]]) -> Iterator[str]:
    """Each text object of a content stream as a line.

    Those of drawings show glyph by glyph, each after its mode; a mode without a glyph is a blank that is not shown.
    """
    font: Mapping[int, str] = {}
    line, waiting = "", False
    for step in _STEP.finditer(part):
        if step["ends"]:
            yield line
            line, waiting = "", False
        elif step["mode"]:
            line, waiting = line + " " * waiting, True
        elif step["font"]:
            font = fonts.get(step["font"], {})
        else:
            codes = b"".join(re.sub(rb"\s", b"", code) for code in _HEX.findall(step["array"] or step["one"]))
            line += "".join(font.get(int(codes[at : at + 4], 16), "") for at in range(0, len(codes) - 3, 4))
            waiting = False


def _string(plain: bytes, wide: bytes) -> str:
    if wide:
        return bytes.fromhex(wide.decode()).decode("utf-16-be", "replace")
    text = _ESCAPE.sub(lambda found: bytes([int(found[1], 8) & 255]) if found[1].isdigit() else found[1], plain)
    return text.removeprefix(b"\xfe\xff").decode("utf-16-be" if text.startswith(b"\xfe\xff") else "latin-1", "replace")
