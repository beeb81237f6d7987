"""The probe that saw an incident first, as it was stored; it goes with the raw rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

from caelum_report.alerting import Alert
from caelum_report.model import STAGES, Failure, Outcome, Probe, Stage, Status

from .bundles import AT_HOST
from .times import SECOND, from_us, to_us

_MOST: Final = 100  # the newest


def first_probes(connection: sqlite3.Connection, alerts: Iterable[Alert]) -> dict[int, Probe]:
    """By alert: the look at its server in the run in which it began. Only of alerts that no other explains."""
    roots = [alert for alert in alerts if alert.server is not None and alert.cause is None][:_MOST]
    found = {alert.id: _probe(connection, alert) for alert in roots}
    return {number: probe for number, probe in found.items() if probe is not None}


def _probe(connection: sqlite3.Connection, alert: Alert) -> Probe | None:
    row = connection.execute(
        f"""SELECT at, status, failure, stage, reason, document, {", ".join(f"{stage}_us" for stage in STAGES)}
        FROM snapshots JOIN probes ON snapshot = snapshots.id JOIN servers ON servers.id = probes.server
            JOIN hosts ON hosts.id = snapshots.host JOIN details ON details.id = probes.details
        WHERE at = ? AND servers.name || {AT_HOST} = ?""",
        (to_us(alert.began_at), alert.server),
    ).fetchone()
    if row is None:
        return None
    at, status, failure, stage, reason, document, *times = row
    told, seconds = json.loads(document), dict(zip(STAGES, times, strict=True))
    return Probe(
        server=alert.server or "",
        started_at=from_us(at),
        status=Status(status),
        failure=Failure(failure),
        stage=stage,
        reason=reason,
        stages=tuple(
            Stage(
                rung["name"],
                Outcome(rung["outcome"]),
                None if seconds[rung["name"]] is None else seconds[rung["name"]] / SECOND,
                rung["detail"],
            )
            for rung in told.get("stages", ())
        ),
        timing_method=told.get("timing_method"),
    )
