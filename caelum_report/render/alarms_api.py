"""alerts.json, slo.json and the ledger as CSV: what programs read of alerts and objectives."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from caelum_report.document import LedgerRow, Report, SloReport
from caelum_report.text import guarded
from caelum_report.words import stamp

COLUMNS: Final = (
    "objective", "target", "period_days", "server", "start", "end", "counts_as", "status", "failure", "checks",
    "unseen_seconds",
)  # fmt: skip


def alerts(report: Report) -> dict[str, Any]:
    """All of alerts.html; times as everywhere, RFC 3339 in UTC."""
    return dict(plain(asdict(report.alarms)))


def slo(report: Report) -> dict[str, Any]:
    """Every figure of slo.html and the exclusions; the rows are in slo.csv."""
    ledger = report.ledger
    return {
        "objectives": [plain(asdict(one)) for one in ledger.objectives],
        "exclusions": [plain(asdict(one)) for one in ledger.exclusions],
        "rows": "api/v1/slo.csv",
    }


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def ledger_csv(report: Report) -> bytes:
    """Each objective with the rows of its servers within its period: every figure of slo.json follows from these lines."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for objective in report.ledger.objectives:
        for row in report.ledger.rows:
            if row.server in objective.servers and row.start >= objective.start:
                writer.writerow(_cells(objective, row))
    return text.getvalue().encode()


def _cells(objective: SloReport, row: LedgerRow) -> Iterator[Any]:
    yield from (guarded(objective.name), objective.target, objective.period_days, guarded(row.server))
    yield from (_precise(row.start), _precise(row.end))
    yield from (row.counts_as, row.status, row.failure, row.checks, row.unseen_seconds)


def _precise(at: datetime) -> str:
    """A hold may end between two seconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
