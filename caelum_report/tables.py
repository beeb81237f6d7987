"""A table as CSV, JSON or Parquet, written as it is read: a year of rows never stands in memory. Pure but for the file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import IO, Any, Final

from .errors import UsageError
from .text import guarded
from .words import stamp

_AT_ONCE: Final = 20_000  # rows of Parquet in a group


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], file: IO[bytes]) -> None:
    """A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return _exact(value)
    return guarded(value) if isinstance(value, str) else value


def _exact(at: datetime) -> str:
    """With its microseconds where it has some, so that what comes back is the same moment."""
    return at.isoformat().replace("+00:00", "Z") if at.microsecond else stamp(at)


def write_json(columns: Sequence[str], rows: Iterable[Sequence[Any]], file: IO[bytes]) -> None:
    """A list of objects, one a line."""
    separator = b"[\n"
    for row in rows:
        cells = (_exact(value) if isinstance(value, datetime) else value for value in row)
        file.write(separator + json.dumps(dict(zip(columns, cells, strict=True))).encode())
        separator = b",\n"
    file.write(b"\n]\n" if separator == b",\n" else b"[]\n")


def write_parquet(columns: Sequence[str], rows: Iterable[Sequence[Any]], file: IO[bytes]) -> None:
    """Times as UTC timestamps. Needs pyarrow."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed: pip install 'caelum-report[parquet]'"
        ) from None
    writer, schema = None, None
    for part in _parts(rows):
        table = pa.table({name: list(cells) for name, cells in zip(columns, zip(*part, strict=True), strict=True)})
        if writer is None:
            schema = pa.schema([(name, _settled(pa, table.schema.field(name).type)) for name in columns])
            writer = parquet.ParquetWriter(file, schema)
        writer.write_table(table.cast(schema))
    if writer is None:
        schema = pa.schema([(name, pa.string()) for name in columns])
        writer = parquet.ParquetWriter(file, schema)
    writer.close()


def _settled(pa: Any, kind: Any) -> Any:
    """A column that is empty at first may hold numbers later."""
    return pa.float64() if pa.types.is_null(kind) or pa.types.is_integer(kind) else kind


def _parts(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    rest = iter(rows)
    while part := list(islice(rest, _AT_ONCE)):
        yield part


WRITERS: Final = {"csv": write_csv, "json": write_json, "parquet": write_parquet}
