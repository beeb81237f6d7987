"""What was asked beside the servers: how each source answered, and the figures that it gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pandas as pd

from caelum_report import words
from caelum_report.document import Finding, Points, SeriesReport, SourceReport
from caelum_report.grafana import GrafanaLinks
from caelum_report.history import SourceHistory
from caelum_report.model import Failure, Note, Reading
from caelum_report.text import visible

from .charts import bucketed, points
from .facts import Facts
from .latency import shortened
from .times import DAY, Floats, moment, unix
from .tracks import measured

MOST_SERIES: Final = 100  # of a source in the report; its others are in the history
_OURS: Final = {Failure.CONFIG_ERROR, Failure.AUTH_REQUIRED}
_SPARK_SECONDS: Final = DAY / 48


def sources(facts: Facts) -> tuple[SourceReport, ...]:
    """Of the sources that this run asked, in its order; then what was imported, and those of other hosts."""
    known = dict(_known(facts))
    asked = tuple(_source(reading, known.get(reading.source)) for reading in facts.snapshot.readings)
    return (*asked, *(_imported(known[name]) for name in imported(facts)), *elsewhere(facts))


def elsewhere(facts: Facts) -> tuple[SourceReport, ...]:
    """Sources of other hosts, `name@host`, as the newest bundle of each host told of them."""
    past = facts.history.sources
    if past is None or not facts.history.others:
        return ()
    there = past.readings[past.readings["host"].isin([other.name for other in facts.history.others])]
    latest = there[there["snapshot"] == there.groupby("host")["snapshot"].transform("max")]
    known = {row.source: row for row in past.sources.itertuples()}
    return tuple(_told(row, known[row.source]) for row in latest.sort_values("source").itertuples())


def known_hosts(facts: Facts) -> list[str]:
    """Our own machine by its present name, and those that send bundles."""
    return [facts.snapshot.host, *(other.name for other in facts.history.others)]


def _told(row: Any, known: Any) -> SourceReport:
    failure = Failure(row.failure)
    return SourceReport(
        name=str(row.source),
        kind=str(known.kind),
        endpoint=str(known.endpoint),
        failure=failure,
        reason=row.reason,
        seconds=float(row.seconds),
        figures=int(row.figures),
        succeeded_at=_time(known.succeeded_at),
        failing_since=None if failure is Failure.OK else _time(known.failing_since),
        notes=tuple(Note(**note) for note in json.loads(row.notes)),
    )


def grafana(facts: Facts) -> GrafanaLinks | None:
    """Where dashboards are, as the first source of that kind says; a password in its address is not for readers."""
    for source in facts.config.sources:
        links = source.options.get("server_link"), source.options.get("host_link")
        if source.kind == "grafana" and any(links) and not source.problem:
            parts = urlsplit(source.options["url"])
            base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
            return GrafanaLinks(base, *links)
    return None


def imported(facts: Facts) -> list[str]:
    """The sources of this host that figures were brought in of by hand, and that nobody asks."""
    asked = {reading.source for reading in facts.snapshot.readings}
    return [name for name, row in _known(facts) if row.kind == "import" and name not in asked]


def _imported(known: Any) -> SourceReport:
    return SourceReport(
        name=str(known.source),
        kind="import",
        endpoint="",
        failure=Failure.OK,
        reason="",
        seconds=0.0,
        figures=0,
        succeeded_at=_time(known.succeeded_at),
        failing_since=None,
        notes=(),
    )


def _known(facts: Facts) -> Iterator[tuple[str, Any]]:
    """What the history says of each source of this host."""
    if facts.history.sources is not None:
        for row in facts.history.sources.sources.itertuples():
            if row.host == facts.snapshot.host:
                yield str(row.source), row


def failing(facts: Facts) -> Iterator[Finding]:
    """A source that does not give what it is asked for. What only we can mend needs action: a key, an address, a library."""
    for one in sources(facts):
        if one.failure in {Failure.OK, Failure.SKIPPED}:
            continue
        yield Finding(
            id=f"source:{one.name}",
            kind="source",
            word="Source",
            status=None,
            title=f"The source {one.name} does not answer as asked: {one.reason.rstrip('.')}.",
            server=None,
            page="method.html#sources",
            since=one.failing_since,
            evidence=f"{one.failure}; {_before(one, facts)}",
            impact="Its figures are missing from this report.",
            needs_action=one.failure in _OURS,
        )


def _before(one: SourceReport, facts: Facts) -> str:
    if one.succeeded_at is None:
        return "it never gave what it was asked for"
    return f"it last did {words.moment(one.succeeded_at, facts.at, facts.zone)}"


def _source(reading: Reading, known: Any) -> SourceReport:
    return SourceReport(
        name=reading.source,
        kind=reading.kind,
        endpoint=reading.endpoint,
        failure=reading.failure,
        reason=reading.reason,
        seconds=reading.seconds,
        figures=len(reading.samples),
        succeeded_at=None if known is None else _time(known.succeeded_at),
        failing_since=None if known is None or reading.failure is Failure.OK else _time(known.failing_since),
        notes=reading.notes,
    )


def _time(value: pd.Timestamp) -> datetime | None:
    return None if pd.isna(value) else value.to_pydatetime()


# --- figures --------------------------------------------------------------------------------------------------------


def series(facts: Facts) -> tuple[SeriesReport, ...]:
    """Every figure of the sources that are still asked, as far as raw values of it are kept."""
    past = facts.history.sources
    if past is None or not len(past.samples):
        return ()
    asked = [one.source for one in facts.snapshot.readings] + imported(facts) + [one.name for one in elsewhere(facts)]
    rows = past.series
    here = rows[rows["host"].isin(known_hosts(facts)) & rows["source"].isin(asked)]
    order = here.assign(rank=here["source"].map(asked.index)).sort_values(["rank", "metric", "subject", "labels"])
    at, numbers = unix(past.samples["at"]), past.samples["series"].to_numpy(np.int64)
    found: list[SeriesReport] = []
    shown = order[order.groupby("rank").cumcount() < MOST_SERIES]
    wanted = shown.index.to_numpy(np.int64)
    bounds = zip(np.searchsorted(numbers, wanted).tolist(), np.searchsorted(numbers, wanted + 1).tolist(), strict=True)
    for (first, last), (_, row) in zip(bounds, shown.iterrows(), strict=True):
        if first < last:
            found.append(_series(past, row, slice(first, last), at, facts.now))
    return tuple(found)


def _series(past: SourceHistory, row: Any, rows: slice, at: Floats, now: float) -> SeriesReport:
    time = at[rows]
    value, raw = (past.samples[name].to_numpy(np.float64)[rows] for name in ("value", "raw"))
    day = value[(time > now - DAY) & ~np.isnan(value)]
    last = float(value[-1])
    return SeriesReport(
        source=row["source"],
        subject=visible(row["subject"], 120),
        server=row["server"],
        metric=row["metric"],
        labels=", ".join(f"{name} {text}" for name, text in json.loads(row["labels"] or "{}").items()),
        unit=rate_unit(row["unit"]) if row["counter"] else row["unit"],
        counter=bool(row["counter"]),
        value=None if np.isnan(last) else shortened(last),
        raw=float(raw[-1]),
        at=moment(float(time[-1])),
        n=len(day),
        lowest=shortened(float(day.min())) if len(day) else None,
        mean=shortened(float(day.mean())) if len(day) else None,
        highest=shortened(float(day.max())) if len(day) else None,
        spark=_spark(time, value, now),
    )


def _spark(time: Floats, value: Floats, now: float) -> Points:
    track = measured(time, value).between(now - DAY, now)
    return points(bucketed(track, _SPARK_SECONDS, percentiles=False), now - DAY, now, band=False)


def rate_unit(unit: str) -> str:
    """What a counter of this unit grows by: `bytes/s`, `/s` of plain counts."""
    return "/s" if unit in {"", "count"} else f"{unit}/s"
