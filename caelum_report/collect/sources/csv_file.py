"""Figures of a CSV file, for `import csv`: what `export csv` writes, or a table of one's own.

`at` and `value` are needed, `metric` too unless it is said for all of them. `host`, `source`, `subject`, `unit`,
`counter` and `labels` (a JSON object) may be there; every other column is a label.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from caelum_report.errors import UsageError
from caelum_report.model import Sample
from caelum_report.text import unguarded, visible

_KNOWN: Final = {"at", "value", "metric", "host", "source", "subject", "unit", "counter", "labels"}
_LONGEST_CELL: Final = 10_000
_YES: Final = {"1", "true", "yes"}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What rows mean that do not say it."""

    host: str
    source: str
    metric: str | None
    zone: str


def read(path: Path, defaults: Defaults) -> Iterator[tuple[str, str, Sample]]:
    """Host, source and sample of each row. Raises `UsageError` with line and column's name, never with what stands there."""
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = _columns(path, reader, defaults)
            for row in reader:
                try:
                    yield _row(row, columns, defaults)
                except ValueError as error:
                    raise UsageError(f"{path}:{reader.line_num}: {error}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: not CSV: {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8; save the file as UTF-8") from None


def _columns(path: Path, reader: csv.DictReader[str], defaults: Defaults) -> list[str]:
    """The names of the labels' columns; refuses a head that lacks what is needed."""
    head = list(reader.fieldnames or ())
    needed = ("at", "value") if defaults.metric else ("at", "metric", "value")
    if missing := [name for name in needed if name not in head]:
        raise UsageError(
            f"{path}:1: the first line has no column {missing[0]}; it names the columns: {', '.join(needed)}, …"
        )
    if len(set(head)) < len(head):
        raise UsageError(f"{path}:1: a column is named twice")
    return [name for name in head if name not in _KNOWN]


def _row(row: Mapping[str, str | None], columns: list[str], defaults: Defaults) -> tuple[str, str, Sample]:
    if None in row or None in row.values():
        raise ValueError("it has more or fewer cells than the first line")
    cells = {name: unguarded(cell or "") for name, cell in row.items()}
    source = cells.get("source") or defaults.source
    labels = {name: cells[name] for name in columns if cells[name]} | _labels(cells.get("labels", ""))
    sample = Sample(
        subject=cells.get("subject") or source,
        metric=cells.get("metric") or defaults.metric or "",
        value=_value(cells["value"]),
        unit=cells.get("unit", ""),
        counter=cells.get("counter", "").lower() in _YES,
        labels=tuple(sorted(labels.items())),
        at=_time(cells["at"], defaults.zone),
    )
    if not sample.metric:
        raise ValueError("`metric` is empty")
    return cells.get("host") or defaults.host, source, sample


def _value(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError("`value` is no number")
    return value


def _time(text: str, zone: str) -> datetime:
    """RFC 3339, without an offset in the report's zone; or seconds since 1970."""
    try:
        if text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) > 8:
            return datetime.fromtimestamp(float(text), UTC)
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("`at` is no time such as 2026-11-22T14:00Z, nor seconds since 1970") from None


def _labels(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        labels = json.loads(text)
    except (ValueError, RecursionError):
        labels = None
    if not isinstance(labels, dict):
        raise ValueError("`labels` is no JSON object")  # noqa: TRY004 - of a text
    return {visible(str(name), 60): str(value) for name, value in labels.items()}
