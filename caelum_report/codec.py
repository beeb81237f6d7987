"""The Report, notices and digests as JSON and back, by their annotations; the only place that knows how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from .alerting import Notice
from .digest import Digest
from .document import Report
from .metrics import METRICS
from .model import STAGES


@cache
def adapter() -> TypeAdapter[Report]:
    """Made once: it costs a tenth of a second."""
    return TypeAdapter(Report)


def to_json(report: Report) -> bytes:
    """Same report, same bytes: its fields in the order of their declaration. ASCII, so that an identifier with bidi
    controls, kept exactly, cannot disorder what a person sees of it.
    """
    return adapter().dump_json(report, ensure_ascii=True).replace(b"\x7f", b"\\u007f")


def from_json(text: bytes) -> Report:
    return adapter().validate_json(text)


@cache
def _notices() -> TypeAdapter[Notice]:
    return TypeAdapter(Notice)


def notice_to_json(notice: Notice) -> str:
    return _notices().dump_json(notice, ensure_ascii=True).decode()


def notice_from_json(text: str) -> Notice:
    return _notices().validate_json(text)


@cache
def _digests() -> TypeAdapter[Digest]:
    return TypeAdapter(Digest)


def digest_to_json(digest: Digest) -> str:
    return _digests().dump_json(digest, ensure_ascii=True).decode()


def digest_from_json(text: str) -> Digest:
    return _digests().validate_json(text)


@cache
def own_words() -> frozenset[str]:
    """Every word that a field of these documents may be one of. What looks like a secret and is one of them is none."""
    return frozenset((*_own_words(Report), *_own_words(Notice), *_own_words(Digest), *METRICS, *STAGES))


def _own_words(kind: Any) -> Iterator[str]:
    if is_dataclass(kind):
        for hint in get_type_hints(kind).values():
            yield from _own_words(hint)
    elif get_origin(kind) is Literal:
        yield from get_args(kind)
    elif isinstance(kind, type) and issubclass(kind, StrEnum):
        yield from kind
    else:
        for part in get_args(kind):
            yield from _own_words(part)
