"""InfluxDB: InfluxQL over HTTP (1.x, and 2.x and 3.x that still answer it), Flux (2.x), SQL (3.x).

A result of one row is of the run's time, for an aggregate's own time is the start of its window; several rows are of
their own times. `$start` and `$end` in a query are the window of the run, or of an import.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from caelum_report.model import Failure, Sample
from caelum_report.wire import Fault, HttpFault

from .asking import Answer, Asking, without_number
from .fetch import fetch, fetch_json, query_refused
from .mapping import number

_CHUNK: Final = timedelta(days=1)
_NOT_LABELS: Final = {"", "result", "table", "_start", "_stop", "_time", "_value", "_measurement", "time"}


@dataclass(frozen=True, slots=True)
class _Rows:
    """A series as InfluxDB gave it."""

    labels: Mapping[str, str]
    points: Sequence[tuple[datetime | None, float]]


async def ask(asking: Asking) -> Answer:
    queries = asking.source.options["query"]
    if not queries:
        await fetch(asking, f"{_url(asking)}/ping")
        return Answer()
    end = asking.run.at
    samples: list[Sample] = []
    for query in queries:
        found = await _rows(asking, query, end - timedelta(seconds=query["range"]), end)
        samples += [sample for rows in found for sample in _samples(asking, query, rows)]
    given = {sample.metric for sample in samples}
    missing = (query["name"] for query in queries if query["name"] not in given)
    return Answer(tuple(samples), without_number(missing, "It has no number"))


async def back_fill(asking: Asking, start: datetime, end: datetime) -> AsyncIterator[Sample]:
    """What its queries give of the past, a day at a time. A query without `$start` says the same each time: refused."""
    for query in asking.source.options["query"]:
        if "$start" not in query["query"] or "$end" not in query["query"]:
            raise Fault(Failure.CONFIG_ERROR, f"{query['name']}: only a query with $start and $end can be imported")
        since = start
        while since < end:
            until = min(end, since + _CHUNK)
            for rows in await _rows(asking, query, since, until):
                for sample in _samples(asking, query, rows, single=rows.points[0][0] if rows.points else None):
                    yield sample
            since = until


def _samples(asking: Asking, query: Mapping[str, Any], rows: _Rows, single: datetime | None = None) -> Iterator[Sample]:
    labels = dict(rows.labels)
    subject = labels.pop(query["subject"] or "", None) or asking.subject
    for at, value in rows.points:
        when = single if len(rows.points) == 1 else at
        yield Sample(subject, query["name"], value, query["unit"], query["counter"], tuple(labels.items()), when)


async def _rows(asking: Asking, query: Mapping[str, Any], start: datetime, end: datetime) -> list[_Rows]:
    language = asking.source.options["language"]
    quote = "" if language == "flux" else "'"
    text = query["query"]
    for name, at in (("$start", start), ("$end", end)):
        text = text.replace(name, f"{quote}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}{quote}")
    try:
        return list(await _LANGUAGES[language](asking, text, query))
    except HttpFault as fault:
        if fault.status == 404:
            raise Fault(Failure.CONFIG_ERROR, f"it does not speak {language}: {fault.reason}") from None
        raise query_refused(fault, query["name"]) from None


def _url(asking: Asking) -> str:
    return str(asking.source.options["url"]).rstrip("/")


def _token(asking: Asking) -> dict[str, str]:
    """InfluxDB's own scheme; 1.x with a password gets Basic from `fetch`."""
    token = asking.source.options["token"]
    return {"Authorization": f"Token {token}"} if token else {}


def _point(row: Mapping[str, Any], column: str | None, time: Any) -> tuple[datetime | None, float] | None:
    """Time and number of a row: of the column that was named, or of the first that is a number."""
    cells = [row.get(column)] if column else [cell for name, cell in row.items() if name not in {"time", "_time"}]
    value = next((found for cell in cells if not isinstance(cell, bool) and (found := number(cell)) is not None), None)
    return None if value is None else (_moment(time), value)


def _moment(time: Any) -> datetime | None:
    """Nanoseconds since 1970, or RFC 3339."""
    try:
        if isinstance(time, int):
            return datetime.fromtimestamp(time / 1e9, UTC) if time > 0 else None
        found = datetime.fromisoformat(str(time))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# --- the languages --------------------------------------------------------------------------------------------------


async def _influxql(asking: Asking, text: str, query: Mapping[str, Any]) -> Iterator[_Rows]:
    options = asking.source.options
    form = {"q": text, "db": options["database"] or options["bucket"] or "", "epoch": "ns"}
    answer = await fetch_json(asking, f"{_url(asking)}/query?{urlencode(form)}", headers=_token(asking))
    try:
        (result,) = answer["results"]
        if "error" in result:
            raise Fault(Failure.CONFIG_ERROR, f"{query['name']}: {result['error']}")
        return iter([_of_influxql(series, query) for series in result.get("series", ())])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Fault(Failure.PROTOCOL_ERROR, "its answer is not that of InfluxDB's query API") from None


def _of_influxql(series: Mapping[str, Any], query: Mapping[str, Any]) -> _Rows:
    points = []
    for values in series["values"]:
        row = dict(zip(series["columns"], values, strict=True))
        if (point := _point(row, query["column"], row.get("time"))) is not None:
            points.append(point)
    return _Rows({str(name): str(value) for name, value in series.get("tags", {}).items()}, points)


async def _flux(asking: Asking, text: str, query: Mapping[str, Any]) -> Iterator[_Rows]:
    url = f"{_url(asking)}/api/v2/query?{urlencode({'org': asking.source.options['org'] or ''})}"
    headers = {**_token(asking), "Content-Type": "application/vnd.flux"}
    page = await fetch(asking, url, accept="application/csv", method="POST", headers=headers, body=text.encode())
    try:
        tables = list(_tables(page.decode("utf-8")))
    except (UnicodeDecodeError, csv.Error):
        raise Fault(Failure.PROTOCOL_ERROR, "its answer is not the CSV of a Flux query") from None
    return _grouped(tables, query["column"] or "_value")


def _tables(page: str) -> Iterator[dict[str, str]]:
    """Rows of CSV tables, each with its own head; a blank line comes between."""
    head: list[str] = []
    for cells in csv.reader(io.StringIO(page)):
        if not any(cells):
            head = []
        elif cells[0].startswith("#"):  # of the types; what is a number shows
            continue
        elif not head:
            head = cells
        else:
            yield dict(zip(head, cells, strict=False))


async def _sql(asking: Asking, text: str, query: Mapping[str, Any]) -> Iterator[_Rows]:
    options = asking.source.options
    body = json.dumps({"db": options["database"] or options["bucket"] or "", "q": text, "format": "json"}).encode()
    headers = {"Content-Type": "application/json"}
    rows = await fetch_json(asking, f"{_url(asking)}/api/v3/query_sql", method="POST", headers=headers, body=body)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Fault(Failure.PROTOCOL_ERROR, "its answer is not that of InfluxDB's SQL API")
    return _grouped(rows, query["column"])


def _grouped(rows: Sequence[Mapping[str, Any]], column: str | None) -> Iterator[_Rows]:
    """Rows that carry their tags, as series."""
    series: dict[tuple[tuple[str, str], ...], list[tuple[datetime | None, float]]] = {}
    for row in rows:
        labels = tuple(
            (name, value)
            for name, value in row.items()
            if isinstance(value, str) and name not in _NOT_LABELS and name != column
        )
        if (point := _point(row, column, row.get("_time", row.get("time")))) is not None:
            series.setdefault(labels, []).append(point)
    return (_Rows(dict(labels), points) for labels, points in series.items())


_LANGUAGES: Final = {"influxql": _influxql, "flux": _flux, "sql": _sql}
