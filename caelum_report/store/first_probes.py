"""The probe that saw an incident first, as it was stored; put by before it goes with the raw rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from caelum_report.alerting import Alert
from caelum_report.model import STAGES, Failure, Outcome, Probe, Stage, Status

from .bundles import AT_HOST
from .times import SECOND, from_us, to_us

_MOST: Final = 100  # the newest


def first_probes(connection: sqlite3.Connection, alerts: Iterable[Alert]) -> dict[int, Probe]:
    """By alert: the look at its server in the run in which it began. Only of alerts that no other explains."""
    roots = [alert for alert in alerts if alert.server is not None and alert.cause is None][:_MOST]
    found = {
        alert.id: _kept(connection, alert.id) or _stored(connection, to_us(alert.began_at), alert.server or "")
        for alert in roots
    }
    return {
        alert.id: _probe(alert.server or "", from_us(seen[0]), json.loads(seen[1]))
        for alert in roots
        if (seen := found[alert.id])
    }


def put_by(connection: sqlite3.Connection, since: int, until: int) -> None:
    """Keeps what incidents began with, of the rows of that time."""
    began = connection.execute(
        """SELECT id, began_at, server FROM alerts WHERE began_at >= ? AND began_at < ? AND server IS NOT NULL
            AND cause IS NULL AND fired_at IS NOT NULL""",
        (since, until),
    )
    for alert, at, server in began.fetchall():
        if seen := _stored(connection, at, server):
            connection.execute("INSERT OR IGNORE INTO first_probes VALUES (?, ?, ?)", (alert, *seen))


def _kept(connection: sqlite3.Connection, alert: int) -> tuple[int, str] | None:
    row: tuple[int, str] | None = connection.execute(
        "SELECT at, document FROM first_probes WHERE alert = ?", (alert,)
    ).fetchone()
    return row


def _stored(connection: sqlite3.Connection, at: int, server: str) -> tuple[int, str] | None:
    """When, and the document that `put_by` keeps."""
    row = connection.execute(
        f"""SELECT status, failure, stage, reason, document, {", ".join(f"{stage}_us" for stage in STAGES)}
        FROM snapshots JOIN probes ON snapshot = snapshots.id JOIN servers ON servers.id = probes.server
            JOIN hosts ON hosts.id = snapshots.host JOIN details ON details.id = probes.details
        WHERE at = ? AND servers.name || {AT_HOST} = ?""",
        (at, server),
    ).fetchone()
    if row is None:
        return None
    status, failure, stage, reason, document, *times = row
    told, microseconds = json.loads(document), dict(zip(STAGES, times, strict=True))
    kept = {
        "status": status,
        "failure": failure,
        "stage": stage,
        "reason": reason,
        "stages": [{**rung, "us": microseconds[rung["name"]]} for rung in told.get("stages", ())],
        "timing_method": told.get("timing_method"),
    }
    return at, json.dumps(kept, ensure_ascii=False)


def _probe(server: str, at: datetime, told: dict[str, Any]) -> Probe:
    return Probe(
        server=server,
        started_at=at,
        status=Status(told["status"]),
        failure=Failure(told["failure"]),
        stage=told["stage"],
        reason=told["reason"],
        stages=tuple(
            Stage(
                rung["name"],
                Outcome(rung["outcome"]),
                None if rung["us"] is None else rung["us"] / SECOND,
                rung["detail"],
            )
            for rung in told["stages"]
        ),
        timing_method=told["timing_method"],
    )
