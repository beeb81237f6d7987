"""Text that crosses the boundary: made visible, bounded, free of secrets. Used wherever a monitored server's words come in.

Every sink still escapes for itself; this layer is what makes text storable and drawable at all. Control characters break
SVG, lone surrogates break SQLite, bidi overrides lie to the reader.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

REDACTED: Final = "[redacted]"

# Cc, Cf, Cs, Co, Zl and Zp by category; the rest are blank, or what Unicode says to draw nothing for
# (Default_Ignorable_Code_Point, places that are not given away yet included): they can hide a message.
_HIDDEN_CATEGORIES: Final = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_HIDDEN: Final = {
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2065, 0x2800, 0x3164, *range(0xFE00, 0xFE10),
    0xFFA0, *range(0xFFF0, 0xFFF9),
}  # fmt: skip
_PLANE_OF_TAGS: Final = range(0xE0000, 0xE1000)
_MAYBE_HIDDEN: Final = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u034e\u0350-\u0377]")
_EMOJI_STYLE: Final = "\ufe0e\ufe0f"  # text or picture: fair behind a symbol, and within a keycap
_KEYCAP: Final = "\u20e3"
_JOINER: Final = "\u200d"  # fair between two pictures, which it makes one: an astronaut of a woman and a rocket


def visible(text: str, limit: int = 300, *, lines: bool = False) -> str:
    """`text` with every invisible or disordering character as a `<U+XXXX>` mark, at most about `limit` characters.

    Longer text is cut and ends with its length and the start of its SHA-256, so that two long texts that differ stay
    different. With `lines`, line breaks and tabs are kept (a tab as a space).
    """
    if len(text) > limit:
        return f"{_mark_hidden(text[:limit], lines=lines)}… ({len(text)} characters, sha256 {_digest(text)[:8]})"
    return _mark_hidden(text, lines=lines)


def brief(text: str, limit: int) -> str:
    """`visible`, cut with a plain ellipsis: for a sentence or a cell, where the whole stands elsewhere."""
    shown = _mark_hidden(text[:limit], lines=False)
    return f"{shown.rstrip()}…" if len(text) > limit else shown


def _digest(text: str) -> str:
    import hashlib  # loads OpenSSL; `--help` does without

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _mark_hidden(text: str, *, lines: bool) -> str:
    if lines:
        text = text.replace("\r\n", "\n").replace("\t", " ")

    def mark(match: re.Match[str]) -> str:
        character = match.group()
        place = match.start()
        if (
            (character == "\n" and lines)
            or (character in _EMOJI_STYLE and _styles(text, place))
            or (character == _JOINER and _joins(text, place))
        ):
            return character
        return f"<U+{ord(character):04X}>" if _is_hidden(character) else character

    return _MAYBE_HIDDEN.sub(mark, text)


def _is_hidden(character: str) -> bool:
    code = ord(character)
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    hidden = code in _HIDDEN or code in _PLANE_OF_TAGS or noncharacter
    return hidden or unicodedata.category(character) in _HIDDEN_CATEGORIES


def _styles(text: str, place: int) -> bool:
    """Whether a selector of style stands where writers of emoji put one. Elsewhere, or in a row, it carries a message."""
    symbol = place > 0 and unicodedata.category(text[place - 1])[0] in "SP"
    return symbol or text[place + 1 : place + 2] == _KEYCAP


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands between two pictures. Elsewhere, or in a row, it carries a message."""
    before = text[max(0, place - 2) : place].rstrip(_EMOJI_STYLE)[-1:]
    return _is_picture(before) and _is_picture(text[place + 1 : place + 2])


def _is_picture(character: str) -> bool:
    """Symbols, and the skin tones that stand behind them."""
    return character != "" and (unicodedata.category(character) == "So" or "\U0001f3fb" <= character <= "\U0001f3ff")


def has_hidden(text: str) -> bool:
    """Whether `visible` would mark something in it, line breaks and tabs aside."""
    return _mark_hidden(text, lines=True) != text.replace("\r\n", "\n").replace("\t", " ")


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in _FORMULA else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


# --- secrets --------------------------------------------------------------------------------------------------------

SECRET_NAME: Final = re.compile(
    r"(?i)(secret|token|passw|passphrase|credential|api[-_]?key|access[-_]?key|private[-_]?key|\bkey\b|_key$|^key_|auth(?!ors?(?:\b|_))|cookie|session|bearer|signature|\bpat\b|dsn)"
)
SECRET_SHAPE: Final = re.compile(
    r"""(?x)
      \bgh[pousr]_[A-Za-z0-9]{16,} | \bgithub_pat_[A-Za-z0-9_]{20,} | \bglpat-[A-Za-z0-9_-]{16,}
    | \bsk-[A-Za-z0-9_-]{16,} | \bxox[abpors]-[A-Za-z0-9-]{10,} | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \bAIza[A-Za-z0-9_-]{30,} | \bhf_[A-Za-z0-9]{20,} | \bnpm_[A-Za-z0-9]{30,} | \bpypi-[A-Za-z0-9_-]{30,}
    | (?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*
    | (?<=[Bb]earer\ )[A-Za-z0-9._~+/-]{8,}=* | (?<=[Bb]asic\ )[A-Za-z0-9+/]{8,}=*
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    | (?<=://)[^\s/@:]+:[^\s/@]+(?=@)
    """
)


_REMAINS: Final = 5  # characters of a secret that are worth redacting alone
_TAIL: Final = 4_000  # characters; so long is only the end of something longer


@lru_cache(maxsize=4)
def _before_an_ellipsis(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """The beginnings of secrets that were cut there."""
    halves = {re.escape(secret[:size]) for secret in secrets for size in range(_REMAINS, len(secret))}
    return re.compile(f"(?:{'|'.join(sorted(halves, key=lambda half: (-len(half), half)))})(?=…)")


@lru_cache(maxsize=4)
def _ends(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """What may be left of secrets, longest first."""
    halves = {secret[-size:] for secret in secrets for size in range(_REMAINS, len(secret))}
    return tuple(sorted(halves, key=lambda half: (-len(half), half)))


def looks_secret(name: str, value: str) -> bool:
    """Whether a value is worth searching for in what comes in: 8 characters or more, and its name or shape says secret."""
    return len(value) >= 8 and bool(SECRET_NAME.search(name) or SECRET_SHAPE.search(value))


class Redactor:
    """Replaces known secrets, in every encoding we know of, and known token shapes whatever their origin."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        from .spellings import SHORTEST, patterns  # only what redacts needs them

        longest_first = sorted({one for one in secrets if len(one) >= SHORTEST}, key=lambda one: (-len(one), one))
        parts = dict.fromkeys(part for secret in longest_first for part in patterns(secret))
        self._secrets = tuple(longest_first)
        self._known = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def redact(self, text: str) -> str:
        """`text` without secrets. Redact before cutting: half a secret is a secret."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        return SECRET_SHAPE.sub(REDACTED, text)

    def redact_remains(self, text: str) -> str:
        """`redact` for what was cut before anybody knew the secret: also what is left of one where the text ends or begins."""
        text = self.redact(text)
        if "…" in text and self._secrets:
            text = _before_an_ellipsis(self._secrets).sub(REDACTED, text)
        if len(text) >= _TAIL:
            for end in _ends(self._secrets):
                if text.startswith(end):
                    return REDACTED + text[len(end) :]
        return text

    def clean(self, text: str, limit: int = 300, *, lines: bool = False) -> str:
        """The whole boundary: redacted, then visible and bounded."""
        return visible(self.redact(text), limit, lines=lines)

    def echoes(self, text: str) -> bool:
        """Whether a known secret is in it; the shape of a token alone does not count."""
        return self._known is not None and self._known.search(text) is not None


# --- names ----------------------------------------------------------------------------------------------------------

_PLAIN: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_DERIVED: Final = re.compile(r".*-[0-9a-f]{10}")
_RESERVED: Final = {"index", "con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


def slug(identifier: str) -> str:
    """A file name for any identifier, the same on every file system, different for different identifiers.

    A plain lower-case name is its own slug; anything else gets ten hex digits of its SHA-256. It is a function of the
    identifier alone, so that a page's address outlives changes of the fleet.
    """
    if (
        len(identifier) <= 51
        and _PLAIN.fullmatch(identifier)
        and not _DERIVED.fullmatch(identifier)
        and identifier not in _RESERVED
    ):
        return identifier
    ascii_name = unicodedata.normalize("NFKD", identifier).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:40].strip("-")
    return f"{stem or 'x'}-{_digest(identifier)[:10]}"
