"""The Report as JSON and back, by its annotations; the only place that knows how."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter

from .alerting import Notice
from .digest import Digest
from .document import Report


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
