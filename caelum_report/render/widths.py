"""How wide a text will be, by DejaVu Sans: wider than the fonts that readers have, so that what fits here fits there."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import Any


@cache
def _face(bold: bool) -> Any:  # noqa: FBT001 - a cache key
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))


@lru_cache(maxsize=4096)
def _advance(character: str, bold: bool) -> float:  # noqa: FBT001 - a cache key
    """In em. Characters that DejaVu lacks count as full squares, combining ones as nothing."""
    if unicodedata.combining(character):
        return 0.0
    face = _face(bold)
    index = face.get_char_index(ord(character))
    if not index or unicodedata.east_asian_width(character) in {"W", "F"}:
        return 1.0
    from matplotlib.ft2font import LoadFlags

    face.set_size(100, 72)
    return float(face.load_glyph(index, flags=LoadFlags.NO_HINTING).linearHoriAdvance) / 65536 / 100


def text_width(text: str, size: float = 12.0, *, bold: bool = False) -> float:
    """In the unit of `size`, at most."""
    return size * sum(_advance(character, bold) for character in text)


def clip(text: str, width: float, size: float = 12.0, *, bold: bool = False) -> str:
    """`text`, cut with an ellipsis where it is wider than `width`."""
    if text_width(text, size, bold=bold) <= width:
        return text
    room = width - text_width("…", size, bold=bold)
    used = 0.0
    for index, character in enumerate(text):
        used += size * _advance(character, bold)
        if used > room:
            return text[:index].rstrip() + "…"
    return text


def wrap(text: str, width: float, size: float = 12.0) -> list[str]:
    """Lines no wider than `width`; words longer than a line are clipped."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(clip(word, width, size))
    return lines
