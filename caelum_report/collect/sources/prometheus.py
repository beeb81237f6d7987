"""PromQL against a Prometheus server, or one that answers like it (VictoriaMetrics, Mimir, Thanos)."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from caelum_report.model import CallCount, Failure, Sample
from caelum_report.wire import Fault, HttpFault

from .asking import Answer, Asking, without_number
from .beginnings import Beginnings
from .fetch import fetch_json, query_refused
from .mapping import number
from .mcp_calls import PUBLISHED, Shown, counted, in_words

_MOST_POINTS: Final = 10_000  # of a series in one answer; Prometheus gives 11,000
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_STARTS: Final = "max by (instance) (process_start_time_seconds)"
_BARE: Final = {"unit": "count", "subject": None, "counter": False, "range": None, "step": 60.0}
_TARGETS: Final = (
    {**_BARE, "name": "targets", "query": "count(up)"},
    {**_BARE, "name": "targets_up", "query": "sum(up)"},
)


async def ask(asking: Asking) -> Answer:
    options = asking.source.options
    asked = _queries(options)
    samples: list[Sample] = []
    for query in asked:
        if query["range"]:
            start = asking.run.at - timedelta(seconds=query["range"])
            samples += [sample async for sample in _range(asking, query, start, asking.run.at)]
        else:
            found = await _ask(asking, "query", query["name"], query=query["query"], time=asking.run.at.timestamp())
            samples += _samples(asking, query, found)
    given = {sample.metric for sample in samples}
    missing = without_number((query["name"] for query in asked if query["name"] not in given), "It has no number")
    began = Beginnings(asking, "process")
    calls = await _calls(asking, began) if options["presets"] else None
    notes = (*missing, *in_words(calls, options["presets"]))
    return Answer(tuple(samples), notes, bookmarks=began.moved(), calls=calls)


def _queries(options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Those of the block; without any and without presets, how many of Prometheus' targets are up."""
    return options["query"] or (() if options["presets"] else _TARGETS)


async def back_fill(asking: Asking, start: datetime, end: datetime) -> AsyncIterator[Sample]:
    """What its queries would have given in the past, every `step`."""
    for query in _queries(asking.source.options):
        async for sample in _range(asking, query, start, end):
            yield sample


# --- real calls -----------------------------------------------------------------------------------------------------


async def _calls(asking: Asking, began: Beginnings) -> tuple[CallCount, ...]:
    """What those who publish real calls have counted up to now, each instance by itself."""
    options = asking.source.options
    starts = await _query_calls(asking, "process_start_time_seconds", _STARTS)
    anew = {labels.get("instance", "") for labels, value in starts if began.is_new(value)}
    found: list[CallCount] = []
    for preset in options["presets"]:
        label = _server_label(options, preset)
        shown = [
            Shown(labels.get("__name__", ""), labels, value, labels.get("instance", "") in anew)
            for query in call_queries(preset, label)
            for labels, value in await _query_calls(asking, preset, query)
        ]
        found += counted(shown, (preset,), asking, label, "instance")
    return tuple(found)


def _server_label(options: Mapping[str, Any], preset: str) -> str | None:
    """Prometheus' own name for a server, where nobody says another."""
    if options["subject"] or options["server"] or all(published.server for published in PUBLISHED[preset]):
        said: str | None = options["subject"]
        return said
    return "job"


def call_queries(preset: str, server_label: str | None) -> Iterator[str]:
    """PromQL for all that a preset's samples tell of calls, with no more labels than are looked at."""
    for published in PUBLISHED[preset]:
        name, value = published.only or ("", "")
        labels = {server_label, published.server, published.tool, published.outcome, name}
        labels |= {"le"} if published.histogram else set()
        yield _query(published.pattern, f'{name}="{value}"' if name else "", labels)
        if timed := published.timed_by:
            yield _query(timed.pattern, f'{timed.label}=~"{timed.any}"', {timed.label, "le"})


def _query(pattern: str, only: str, labels: Iterable[str | None]) -> str:
    kept = ", ".join(sorted({"__name__", "instance", *filter(None, labels)}))
    return f'sum by ({kept}) ({{__name__=~"{pattern}"{f",{only}" if only else ""}}})'


async def _query_calls(asking: Asking, name: str, query: str) -> list[tuple[Mapping[str, str], float]]:
    data = await _ask(asking, "query", name, query=query, time=asking.run.at.timestamp())
    return [(labels, value) for labels, points in _series(data, "calls") for _, value in points]


# --- series ---------------------------------------------------------------------------------------------------------


async def _range(asking: Asking, query: Mapping[str, Any], start: datetime, end: datetime) -> AsyncIterator[Sample]:
    """Points on multiples of the step, so that the next run meets the same ones; in answers that Prometheus can give."""
    step = query["step"]
    first, last = math.ceil(start.timestamp() / step) * step, end.timestamp()
    while first <= last:
        until = min(last, first + (_MOST_POINTS - 1) * step)
        found = await _ask(
            asking, "query_range", query["name"], query=query["query"], start=first, end=until, step=step
        )
        for sample in _samples(asking, query, found):
            yield sample
        first = first + _MOST_POINTS * step


async def _ask(asking: Asking, path: str, name: str, **form: Any) -> Mapping[str, Any]:
    url = f"{asking.source.options['url'].rstrip('/')}/api/v1/{path}"
    try:
        answer = await fetch_json(asking, url, method="POST", headers=_FORM, body=urlencode(form).encode())
    except HttpFault as fault:
        raise query_refused(fault, name) from None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("result"), list):
        raise Fault(Failure.PROTOCOL_ERROR, "its answer is not that of Prometheus' query API")
    return data


def _samples(asking: Asking, query: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Sample]:
    """An instant query's value is of the run; a range's are of their own times."""
    for labels, points in _series(data, query["name"]):
        rest = {name: value for name, value in labels.items() if name != "__name__"}
        subject = rest.pop(query["subject"] or "", None) or asking.subject
        for at, value in points:
            yield Sample(
                subject, query["name"], value, query["unit"], query["counter"], tuple(sorted(rest.items())), at
            )


def _series(
    data: Mapping[str, Any], name: str
) -> Iterator[tuple[Mapping[str, str], list[tuple[datetime | None, float]]]]:
    """Labels and points of a result; the point of an instant query has no time."""
    kind, result = data.get("resultType"), data["result"]
    series: list[Any] = [{"metric": {}, "value": result}] if kind == "scalar" else result
    for one in series:
        if not isinstance(one, dict) or not isinstance(one.get("metric"), dict):
            raise Fault(Failure.PROTOCOL_ERROR, f"{name}: its result is a {str(kind)[:20]}, not numbers over time")
        points: Any = one.get("values") if kind == "matrix" else [one.get("value")]
        found: list[tuple[datetime | None, float]] = []
        for point in points if isinstance(points, list) else []:
            value = number(point[1]) if isinstance(point, list) and len(point) == 2 else None
            if value is None:
                raise Fault(Failure.PROTOCOL_ERROR, f"{name}: a point of its result is no number")
            found.append((datetime.fromtimestamp(float(point[0]), UTC) if kind == "matrix" else None, value))
        yield {str(key): str(text) for key, text in one["metric"].items()}, found
