"""What was asked beside the servers: how each source answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd

from caelum_report.document import SourceReport
from caelum_report.model import Failure, Reading

from .facts import Facts


def sources(facts: Facts) -> tuple[SourceReport, ...]:
    """Of the sources that this run asked, in its order."""
    endpoints = {source.name: source.endpoint for source in facts.config.sources}
    known = dict(_known(facts))
    return tuple(
        _source(reading, endpoints.get(reading.source, ""), known.get(reading.source))
        for reading in facts.snapshot.readings
    )


def _known(facts: Facts) -> Iterator[tuple[str, Any]]:
    """What the history says of each source of this host."""
    if facts.history.sources is not None:
        for row in facts.history.sources.sources.itertuples():
            if row.host == facts.snapshot.host:
                yield str(row.source), row


def _source(reading: Reading, endpoint: str, known: Any) -> SourceReport:
    return SourceReport(
        name=reading.source,
        kind=reading.kind,
        endpoint=endpoint,
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
