"""A /metrics page, as Prometheus text or OpenMetrics: gauges and counters as they are, histograms as their quantiles."""

from __future__ import annotations

import asyncio
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from caelum_report.model import Bookmark, Failure, Note, Sample
from caelum_report.patterns import matches
from caelum_report.wire import Fault
from caelum_report.wire.fault import excerpt
from caelum_report.words import listing, plural

from .asking import Answer, Asking
from .beginnings import Beginnings
from .extras import extra
from .fetch import fetch
from .mcp_calls import Shown, counted, in_words

_ACCEPT: Final = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5"
_QUANTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_START: Final = "process_start_time_seconds"
_MOST_NAMINGS: Final = 8  # of the labels of processes on one page; whoever has more wants to keep us busy
_SUFFIX: Final = re.compile("_(?:total|count|sum|bucket)$")
_UNITS: Final = ("seconds", "bytes", "celsius", "ratio", "percent")


async def ask(asking: Asking) -> Answer:
    options = asking.source.options
    page = await fetch(asking, options["url"], accept=_ACCEPT)
    families = await asyncio.to_thread(_families, page)  # a megabyte takes a quarter of a second
    wanted = [family for family in families if _is_wanted(family, options["metrics"])]
    began = _Began(asking, families)
    shown = (Shown(one.name, one.labels, one.value, began.anew(one)) for family in families for one in family.samples)
    calls = counted(shown, options["presets"], asking, options["subject"]) if options["presets"] else None
    notes = in_words(calls, options["presets"])
    if options["metrics"] and not wanted:
        text = f"It has {plural(len(families), 'metric')}, and none of them is {listing(options['metrics'])}."
        return Answer(notes=(Note("figure-missing", text), *notes), bookmarks=began.moved(), calls=calls)
    samples = tuple(sample for family in wanted for sample in _samples(family, asking, began))
    return Answer(samples, notes, bookmarks=began.moved(), calls=calls)


def _families(page: bytes) -> list[Any]:
    """Parsed whole, before anything is used: half a page is no page."""
    openmetrics = page.rstrip().endswith(b"# EOF")
    parser = extra(f"prometheus_client.{'openmetrics.' if openmetrics else ''}parser", "prometheus-client")
    try:
        return list(parser.text_string_to_metric_families(page.decode("utf-8")))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:  # the parser's words for a bad page
        why = f"{error}"[:100] or type(error).__name__
        raise Fault(Failure.PROTOCOL_ERROR, f"not Prometheus text ({why}): {excerpt(page)}") from None


def _is_wanted(family: Any, patterns: Sequence[str]) -> bool:
    names = {family.name, *(sample.name for sample in family.samples[:1])}
    return any(matches(name, patterns) for name in names)


class _Began:
    """When the counters of a page began: each by its own `_created`, else by the process that shows them.

    Whether a process counts by itself, nobody tells: an exporter's may begin anew where what it shows goes on.
    """

    def __init__(self, asking: Asking, families: Iterable[Any]) -> None:
        self._kinds = {name: Beginnings(asking, name) for name in ("created", "process")}
        self._created: dict[tuple[str, frozenset[tuple[str, str]]], bool] = {}
        self._started: dict[tuple[str, ...], set[tuple[str, ...]]] = {}  # by names of labels, the new processes' values
        for sample in (sample for family in families for sample in family.samples):
            if sample.name == _START:
                is_new = self._kinds["process"].is_new(sample.value)
                names = tuple(sorted(sample.labels))
                if is_new and (names in self._started or len(self._started) < _MOST_NAMINGS):
                    self._started.setdefault(names, set()).add(tuple(sample.labels[name] for name in names))
            elif sample.name.endswith("_created"):
                is_new = self._kinds["created"].is_new(sample.value)
                labels = frozenset(sample.labels.items())
                self._created[sample.name.removesuffix("_created"), labels] = is_new

    def anew(self, sample: Any) -> bool | None:
        """As `Sample.anew` has it."""
        if self._created:
            stem = _SUFFIX.sub("", sample.name)
            labels = frozenset(pair for pair in sample.labels.items() if pair[0] not in {"le", "quantile"})
            if (created := self._created.get((stem, labels))) is not None:
                return created
        told = sample.labels
        started = any(tuple(told.get(name) for name in names) in new for names, new in self._started.items())
        return None if started else False

    def moved(self) -> tuple[Bookmark, ...]:
        return tuple(mark for kind in self._kinds.values() for mark in kind.moved())


def _samples(family: Any, asking: Asking, began: _Began) -> Iterator[Sample]:
    if family.type in {"histogram", "gaugehistogram"}:
        yield from _of_histogram(family, asking, began)
        return
    for sample in family.samples:
        if sample.name.endswith("_created"):
            continue
        counter = family.type == "counter" or (family.type == "summary" and sample.name != family.name)
        yield _of_page(asking, sample, family, began, counter=counter)


def _of_page(asking: Asking, sample: Any, family: Any, began: _Began, *, counter: bool) -> Sample:
    found = _sample(asking, sample.name, sample.labels, sample.value, family, counter=counter, at=sample.timestamp)
    return replace(found, anew=began.anew(sample)) if counter else found


def _of_histogram(family: Any, asking: Asking, began: _Began) -> Iterator[Sample]:
    """Quantiles over all that it counted since its start, and how often and how much it counted."""
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = defaultdict(list)
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            rest = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
            buckets[rest].append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith(("_count", "_sum")):
            yield _of_page(asking, sample, family, began, counter=True)
    for labels, counts in buckets.items():
        for word, share in _QUANTILES:
            if (value := quantile(share, counts)) is not None:
                yield _sample(asking, f"{family.name}_{word}", dict(labels), value, family)


def quantile(share: float, buckets: Iterable[tuple[float, float]]) -> float | None:
    """As PromQL's `histogram_quantile`: linear within a bucket; the last bound but one where it lies in the open bucket.

    `buckets` are upper bounds with cumulative counts. None where nothing was counted.
    """
    ordered = sorted(buckets)
    if len(ordered) < 2 or not math.isinf(ordered[-1][0]) or ordered[-1][1] <= 0:
        return None
    rank = share * ordered[-1][1]
    index = next(i for i, (_, count) in enumerate(ordered) if count >= rank)
    if index == len(ordered) - 1:
        return ordered[-2][0]
    end, count = ordered[index]
    if index == 0 and end <= 0:
        return end
    start, before = ordered[index - 1] if index else (0.0, 0.0)
    return start + (end - start) * (rank - before) / (count - before) if count > before else end


def _sample(
    asking: Asking,
    name: str,
    labels: Mapping[str, str],
    value: float,
    family: Any,
    *,
    counter: bool = False,
    at: Any = None,
) -> Sample:
    subject_label = asking.source.options["subject"]
    return Sample(
        subject=labels.get(subject_label or "") or asking.subject,
        metric=name,
        value=float(value),
        unit="count" if name.endswith("_count") else family.unit or unit_of(family.name),
        counter=counter,
        labels=tuple((key, text) for key, text in labels.items() if key != subject_label),
        at=None if at is None else _moment(float(at)),
    )


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def unit_of(name: str) -> str:
    """The unit that a name of the Prometheus world ends with."""
    stem = name.removesuffix("_total").removesuffix("_sum")
    return next((unit for unit in _UNITS if stem.endswith(f"_{unit}")), "")
