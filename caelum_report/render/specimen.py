"""The report of a fleet that does not exist: one service in every state, with everything an edition may show of it.

What stands in its edition is our own words, whatever a real fleet calls its servers and tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from caelum_report.document import (
    RANGE_DAYS,
    RANGES,
    AlarmsReport,
    Change,
    Chart,
    Day,
    Episode,
    IncidentReport,
    Latency,
    LedgerReport,
    LedgerRow,
    Limit,
    ObjectiveReport,
    Points,
    Range,
    Report,
    ServerReport,
    SloIncident,
    SloReport,
    Stat,
    StateSpan,
    Uptime,
    WindowReport,
)
from caelum_report.editions import Edition
from caelum_report.model import Failure, Status

from .editions import BLANK

NAMES: Final = tuple(f"specimen-{number}" for number in range(1, len(Status) + 1))
_STATS: Final = ("Last", "Median", "Mean", "p50", "p95", "Min", "Max")


def specimen(report: Report) -> Report:
    """With the clock, the zone and the cadence of `report`, and nothing else of it."""
    servers = tuple(_server(name, status, report) for name, status in zip(NAMES, Status, strict=True))
    spell = (report.at - timedelta(hours=1), report.at)
    return replace(
        report,
        fleet="specimen",
        servers=servers,
        changes=tuple(
            Change(direction, NAMES[:1], "State", "up", str(status), "", "", "index.html")
            for direction in ("worse", "better", "method")
            for status in Status
        ),
        objectives=tuple(
            ObjectiveReport("specimen", (name,), 0.9, achieved, left, 1.0, 1.0, 0.0, "after the period", "slo.html")
            for name, achieved, left in zip(NAMES, (0.5, 0.95, None), (-1.0, 0.5, None), strict=False)
        ),
        alarms=AlarmsReport(incidents=tuple(_incidents(report))),
        ledger=LedgerReport(
            objectives=(
                SloReport(
                    name="specimen", servers=NAMES[:1], target=0.9, period_days=30, start=spell[0], end=spell[1],
                    up_seconds=1, down_seconds=1, maintenance_seconds=1, unknown_seconds=1, checks=2, achieved=0.5, low=0.1,
                    high=0.9, budget_seconds=1, budget_left=0.5, burns=(), incidents=1, recovery_seconds=60,
                    detection_seconds=60, spent_earliest_days=1, spent_latest_days=None, page="slo.html",
                    latest=(SloIncident(NAMES[0], spell[0], 60, 60, over=True),),
                ),
            ),
            rows=tuple(
                LedgerRow(NAMES[0], *spell, counts_as, status, failure, 1, 60)
                for counts_as in ("up", "down", "maintenance", "unknown")
                for status, failure in zip(Status, Failure, strict=False)
            ),
            exclusions=(WindowReport(*spell, "", NAMES[:1]),),
        ),
    )  # fmt: skip


def edition_of_specimen(edition: Edition) -> Edition:
    return replace(edition, fleet="specimen", aliases=tuple((name, name) for name in NAMES))


def _incidents(report: Report) -> Iterator[IncidentReport]:
    """Lasting, recovering and over, of one service and of two."""
    began, now = report.at - timedelta(hours=1), report.at
    courses = ((None, None), (None, now), (now, None))
    for number, (ended, recovering) in enumerate(courses):
        for shown, severity in ((1, "critical"), (2, "warning"), (3, "info")):
            yield IncidentReport(
                id=f"specimen-{number}{shown}", title="", severity=severity, began_at=began, ended_at=ended, seconds=60,
                cause="", impact="", servers=NAMES[:shown], alerts=(), owner=None, runbook=None, events=(),
                recovering_since=recovering, resolved_from=recovering,
            )  # fmt: skip


def _server(name: str, status: Status, report: Report) -> ServerReport:
    since = report.at - timedelta(hours=1)
    days = [*Status, None]
    return replace(
        BLANK,
        id=name,
        name=name,
        slug=name,
        status=status,
        since=since,
        checked_at=report.at,
        checked_now=True,
        latency_day=Latency(1, 2, 3, 4),
        uptime=tuple(Uptime(span, 86_400, 86_400, 60, 60, 0.5, 2) for span in RANGES),
        objective=0.9,
        strip=tuple(
            Day((report.at - timedelta(days=back)).date(), state, 1.0, "") for back, state in enumerate(reversed(days))
        ),
        spark=_points(report, 1),
        episodes=tuple(
            Episode(status, failure, since, end, 60, "") for failure in Failure for end in (report.at, None)
        ),
        charts=tuple(_chart(name, span, report) for span in RANGES),
    )


def _points(report: Report, days: int) -> Points:
    end = int(report.at.timestamp())
    at = tuple(end - days * 86_400 + days * 3_600 * step for step in range(25))
    return Points(at, (1.0,) * 25, (0.5,) * 25, (2.0,) * 25)


def _chart(name: str, span: Range, report: Report) -> Chart:
    days = RANGE_DAYS[span]
    points = _points(report, days)
    return Chart(
        id=f"latency-{span}", metric="latency", subject=name, title="Answer time", caption="", range=span,
        start=report.at - timedelta(days=days), end=report.at, points=points, ghost=points, band="p5–p95",
        limit=Limit(1.5, "objective"), stats=tuple(Stat(label, 1.0, "seconds") for label in _STATS),
        spans=tuple(StateSpan(report.at - timedelta(hours=1), report.at, status) for status in Status), n=25,
        interval_seconds=3_600,
    )  # fmt: skip
