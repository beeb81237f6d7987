"""Rows become columns and frames, each in the unit that its name stands for: the only place that knows how."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from caelum_report.model import STAGES

from .times import SECOND

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE: Final = 20_000  # rows

# What a column of a name holds; of any other it is a number.
_SECONDS: Final = {
    *("seconds", *STAGES, "latency_p50", "latency_min", "latency_max", "cpu_seconds", "instances_oldest", "max"),
}
_TIMES: Final = {
    "at", "hour", "start", "end", "boot_at", "certificate_expires_at", "first_seen_at", "succeeded_at",
    "failing_since", "made_at", "due_at", "first_at", "last_at", "met_at",
}  # fmt: skip
_WHOLE: Final = {
    "id", "snapshot", "server_id", "details_id", "method_version", "latency_n", "stderr_lines", "checks", "cpus", "n",
    "calls", "errors", "series", "figures",
}  # fmt: skip
_TRUTHS: Final = {"network_down", "counter", "judged"}
_TEXT: Final = {
    "host", "server", "status", "failure", "stage", "reason", "era", "protocol_version", "surface", "details",
    "program_version", "name", "device", "text", "source", "kind", "subject", "metric", "labels", "unit",
    "tool", "buckets", "endpoint", "notes",
}  # fmt: skip


def frame(rows: sqlite3.Cursor, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: in_pandas(name, column) for name, column in columns_of(rows, names).items()}, copy=False)


def columns_of(rows: sqlite3.Cursor, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Read in parts, and each text kept once: as Python's objects a thousand servers' checks would take a gigabyte."""
    known: dict[Any, Any] = {}
    parts: list[list[npt.NDArray[Any]]] = [[_typed(name, (), known)] for name in names]
    while some := rows.fetchmany(AT_ONCE):
        for name, part, column in zip(names, parts, table(some, len(names)), strict=True):
            part.append(_typed(name, column, known))
    columns = {}
    for name, part in zip(names, parts, strict=True):
        columns[name] = np.concatenate(part)
        part.clear()  # else all would be there twice
    return columns


def in_pandas(name: str, column: npt.NDArray[Any]) -> Any:
    import pandas as pd

    if name in _TIMES:
        return utc(column)
    return pd.Series(column, dtype=object) if name in _TEXT else column


def _typed(name: str, column: Sequence[Any], known: dict[Any, Any]) -> npt.NDArray[Any]:
    """A column in the units of `History`: UTC times, seconds as floats, NaN for what was not measured."""
    if name in _TIMES:
        return np.array([_NOT_A_TIME if value is None else value for value in column], np.int64)
    if name in _SECONDS:
        return np.array(column, np.float64) / SECOND
    if name in _WHOLE:
        return np.array(column, np.int64)
    if name in _TRUTHS:
        return np.array(column, np.bool_)
    if name in _TEXT:
        return objects([known.setdefault(value, value) for value in column])
    return np.array(column, np.float64)


_NOT_A_TIME: Final = np.iinfo(np.int64).min


def utc(microseconds: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(microseconds.view("datetime64[us]").astype("datetime64[ns]"), tz="UTC")


def objects(values: Sequence[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), object)
    column[:] = values
    return column


def table(rows: Iterable[Sequence[Any]], width: int) -> list[tuple[Any, ...]]:
    """Rows as columns."""
    return list(zip(*rows, strict=True)) or [()] * width
