"""What a PDF of ours says, as text: for looking for what must not be in it. No layout; the words of a run stay together."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

_STREAM: Final = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_MAPPED: Final = re.compile(rb"beginbf(char|range)(.*?)endbf", re.DOTALL)
_HEX: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>")
_SHOWN: Final = re.compile(rb"\[((?:<[0-9A-Fa-f\s]*>|[^\]<>])*)\]\s*TJ|(<[0-9A-Fa-f\s]*>)\s*Tj", re.DOTALL)
_ACTUAL: Final = re.compile(rb"<(?:FEFF|feff)([0-9A-Fa-f]+)>")


def text_of(pdf: bytes) -> str:
    """Every text run by every font's mapping (only its own gives words), then all that is written as a plain string."""
    parts = [pdf, *_streams(pdf)]
    fonts = [found for part in parts if (found := _mapping(part))]
    runs = ["".join(font.get(code, "") for code in codes) for part in parts for codes in _runs(part) for font in fonts]
    plain = [part.decode("latin-1") for part in parts]
    wide = [
        bytes.fromhex(match[1].decode()).decode("utf-16-be", "replace")
        for part in parts
        for match in _ACTUAL.finditer(part)
    ]
    wide += [part.replace(b"\0", b"").decode("latin-1") for part in parts if b"\xfe\xff" in part]
    return "\n".join((*runs, *plain, *wide))


def _streams(pdf: bytes) -> Iterator[bytes]:
    for match in _STREAM.finditer(pdf):
        try:
            yield zlib.decompressobj().decompress(match[1])
        except zlib.error:
            continue  # not compressed: it is in the file as it stands


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


def _runs(part: bytes) -> Iterator[list[int]]:
    """The glyphs of each shown string, of two bytes each."""
    for array, single in _SHOWN.findall(part):
        codes = b"".join(re.sub(rb"\s", b"", code) for code in _HEX.findall(array or single))
        yield [int(codes[place : place + 4], 16) for place in range(0, len(codes) - 3, 4)]
