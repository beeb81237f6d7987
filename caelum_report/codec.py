"""The Report as JSON and back, by its annotations; the only place that knows how."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter

from .document import Report


@cache
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


def to_json(report: Report) -> bytes:
    """Same report, same bytes: its fields in the order of their declaration."""
    return _adapter().dump_json(report)


def from_json(text: bytes) -> Report:
    return _adapter().validate_json(text)
