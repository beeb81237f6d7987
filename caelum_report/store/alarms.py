"""Alerts, silences and the outbox as rows. A transition and its message are one transaction: the caller's `batch`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median, median_low
from typing import Any, Final

from caelum_report.alerting import Alert, Errand, Phase, Record, Rule, Severity, Silence, Track, Watch
from caelum_report.model import Disk, HostSample, Network

from .database import batch
from .first_probes import first_probes
from .schema import OWN_HOSTS
from .times import SECOND, from_us, to_us

_ALERT: Final = (
    "id, rule, subject, server, severity, phase, began_at, fired_at, resolved_at, text, value, owner, runbook, cause, "
    "told_at, flapping"
)
_ERRAND: Final = "id, key, channel, kind, at, subject, payload, tries, tried_at, error, sent_at, waiting"
_GIVEN_UP: Final = timedelta(days=3)  # a message that old tells nobody anything; the record keeps it


def _maybe(value: int | None) -> datetime | None:
    return None if value is None else from_us(value)


def _us(at: datetime | None) -> int | None:
    return None if at is None else to_us(at)


# --- alerts ---------------------------------------------------------------------------------------------------------


def watch(connection: sqlite3.Connection) -> Watch:
    """What the last run left: everything open, and what is still counted."""
    tracks = connection.execute("SELECT rule, subject, seen, checks, held_us, checked_at, alert FROM alert_tracks")
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM alerts").fetchone()
    (latest,) = connection.execute("SELECT max(checked_at) FROM alert_tracks").fetchone()
    return Watch(
        tuple(
            Track(rule, subject, seen, checks, held / SECOND, _maybe(at), alert)
            for rule, subject, seen, checks, held, at, alert in tracks
        ),
        _alerts(connection, "WHERE phase <> 'resolved' ORDER BY id"),
        silences(connection),
        newest + 1,
        _maybe(latest),
    )


def _alerts(connection: sqlite3.Connection, where: str, values: Sequence[Any] = ()) -> tuple[Alert, ...]:
    return tuple(_alert_of(row) for row in connection.execute(f"SELECT {_ALERT} FROM alerts {where}", values))


def _alert_of(row: Sequence[Any]) -> Alert:
    number, rule, subject, server, severity, phase, began, fired, resolved, text, value, owner, runbook, *rest = row
    times = (from_us(began), _maybe(fired), _maybe(resolved))
    said = (text, value, owner, runbook)
    cause, told, flapping = rest
    alert = Alert(number, rule, subject, server, Severity(severity), Phase(phase), *times, *said)
    return replace(alert, cause=cause, told_at=_maybe(told), flapping=bool(flapping))


def alerts_since(connection: sqlite3.Connection, since: datetime) -> tuple[Alert, ...]:
    """Those that are open, and those that fired and ended since then; newest first."""
    return _alerts(
        connection,
        """WHERE phase = 'firing' OR phase = 'pending' OR resolved_at >= ? OR id IN
            (SELECT cause FROM alerts WHERE phase <> 'resolved' OR resolved_at >= ?) ORDER BY id DESC""",
        (to_us(since), to_us(since)),
    )


def save_watch(
    connection: sqlite3.Connection, tracks: Iterable[Track], changed: Iterable[Alert], dropped: Iterable[int]
) -> None:
    """What one step changed."""
    with batch(connection):
        connection.executemany(
            f"INSERT OR REPLACE INTO alerts ({_ALERT}) VALUES (?{', ?' * 15})", [_alert_row(alert) for alert in changed]
        )
        connection.execute("DELETE FROM alert_tracks")
        connection.executemany(
            "INSERT INTO alert_tracks VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (t.rule, t.subject, t.seen, t.checks, round(t.seconds * SECOND), _us(t.checked_at), t.alert)
                for t in tracks
            ],
        )
        connection.executemany("DELETE FROM alerts WHERE id = ?", [(number,) for number in dropped])


def _alert_row(alert: Alert) -> tuple[Any, ...]:
    return (
        alert.id, alert.rule, alert.subject, alert.server, alert.severity.value, alert.phase.value,
        to_us(alert.began_at), _us(alert.fired_at), _us(alert.resolved_at), alert.text, alert.value, alert.owner,
        alert.runbook, alert.cause, _us(alert.told_at), alert.flapping,
    )  # fmt: skip


# --- silences -------------------------------------------------------------------------------------------------------


def silences(connection: sqlite3.Connection) -> tuple[Silence, ...]:
    rows = connection.execute("SELECT id, at, until, author, reason, alert, rule, subject FROM silences ORDER BY id")
    return tuple(Silence(number, from_us(at), from_us(until), *rest) for number, at, until, *rest in rows)


def add_silence(connection: sqlite3.Connection, silence: Silence) -> None:
    with batch(connection):
        connection.execute(
            "INSERT INTO silences (at, until, author, reason, alert, rule, subject) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                to_us(silence.at), to_us(silence.until), silence.author, silence.reason, silence.alert, silence.rule,
                silence.subject,
            ),
        )  # fmt: skip


def end_silence(connection: sqlite3.Connection, silence: int, at: datetime) -> None:
    """It ends now; that it was stays on record."""
    with batch(connection):
        connection.execute("UPDATE silences SET until = ? WHERE id = ?", (to_us(at), silence))


# --- what a rule has to know of the past ----------------------------------------------------------------------------

_CHECKED: Final = (
    "FROM probes JOIN snapshots ON snapshots.id = snapshot JOIN servers ON servers.id = server "
    f"AND servers.host IN {OWN_HOSTS}"  # rules are judged where a server is asked
)
_SERVER_FIGURES: Final = {
    "latency": "latency_p50_us / 1e6",
    "list": "list_us / 1e6",
    "handshake": "handshake_us / 1e6",
    "start": "(spawn_us + handshake_us) / 1e6",
    "connect": "(coalesce(dns_us, 0) + connect_us + coalesce(tls_us, 0)) / 1e6",
    "rss": "rss_bytes",
    "cpu_seconds": "cpu_us / 1e6",
    "tools": "tools",
    "tokens": "tokens",
}
_HOST_FIGURES: Final = {
    "host_cpu": "cpu_percent",
    "host_iowait": "iowait_percent",
    "host_steal": "steal_percent",
    "host_load": "load_1",
    "host_memory": "100.0 * (memory_total - memory_available) / memory_total",
    "host_swap": "100.0 * swap_used / nullif(swap_total, 0)",
    "host_temperature": "temperature",
}
CHANGING: Final = (*_SERVER_FIGURES, *_HOST_FIGURES)  # metrics that a `change` rule can be about


def usual(connection: sqlite3.Connection, rules: Sequence[Rule], at: datetime) -> dict[tuple[str, str], float]:
    """For `change` rules: the median of each subject's figures before `at`, three at least."""
    found: dict[tuple[str, str], float] = {}
    for rule in rules:
        if rule.kind != "change":
            continue
        span = (to_us(at - timedelta(seconds=rule.over_seconds)), to_us(at))
        metric = rule.metric or ""
        if metric in _SERVER_FIGURES:
            query = (
                f"SELECT servers.name, {_SERVER_FIGURES[metric]} {_CHECKED} WHERE at >= ? AND at < ? AND failure = 'ok'"
            )
        else:
            query = f"""SELECT name, {_HOST_FIGURES[metric]} FROM host_samples JOIN snapshots ON snapshots.id = snapshot
                JOIN hosts ON hosts.id = host_samples.host WHERE at >= ? AND at < ?"""
        values: dict[str, list[float]] = {}
        for subject, value in connection.execute(query, span):
            if value is not None:
                values.setdefault(subject, []).append(value)
        found |= {(rule.name, subject): median(some) for subject, some in values.items() if len(some) >= 3}
    return found


def cadence(connection: sqlite3.Connection) -> float:
    """Seconds between runs as the last twelve were; an hour where nothing is known."""
    times = [
        at
        for (at,) in connection.execute(f"SELECT at FROM snapshots WHERE host IN {OWN_HOSTS} ORDER BY id DESC LIMIT 13")
    ]
    gaps = [later - earlier for later, earlier in pairwise(times) if later > earlier]
    return median_low(gaps) / SECOND if gaps else 3600.0


def host_before(connection: sqlite3.Connection, host: str, at: datetime) -> tuple[datetime, HostSample] | None:
    """The host's last sample before `at`, for rates; only its counters are filled in."""
    row = connection.execute(
        """SELECT snapshot, at, boot_at, swap_in, swap_out FROM host_samples JOIN snapshots ON snapshots.id = snapshot
            JOIN hosts ON hosts.id = host_samples.host
        WHERE name = ? AND at < ? ORDER BY snapshot DESC LIMIT 1""",
        (host, to_us(at)),
    ).fetchone()
    if row is None:
        return None
    snapshot, when, boot, swap_in, swap_out = row
    disks = connection.execute(
        "SELECT name, device, total, used, read, write FROM disks WHERE snapshot = ?", (snapshot,)
    )
    networks = connection.execute("SELECT name, sent, received, errors FROM networks WHERE snapshot = ?", (snapshot,))
    sample = HostSample(
        host, from_us(boot), 0, None, None, None, None, None, None, 0, 0, 0, 0, swap_in, swap_out, None, "",
        tuple(Disk(*disk) for disk in disks), tuple(Network(*net) for net in networks),
    )  # fmt: skip
    return from_us(when), sample


# --- the outbox -----------------------------------------------------------------------------------------------------


def put_out(connection: sqlite3.Connection, errands: Iterable[Errand]) -> None:
    """Puts messages into the outbox; one that is there already stays as it is."""
    with batch(connection):
        connection.executemany(
            "INSERT OR IGNORE INTO outbox (key, channel, kind, at, subject, payload) VALUES (?, ?, ?, ?, ?, ?)",
            [(e.key, e.channel, e.kind, to_us(e.at), e.subject, e.payload) for e in errands],
        )


def unsent(connection: sqlite3.Connection, at: datetime) -> tuple[Errand, ...]:
    """What still has to go out, in the order in which it came; what waited for days in vain is given up."""
    return _errands(connection, "WHERE sent_at IS NULL AND at >= ? ORDER BY id", (to_us(at - _GIVEN_UP),))


def errands_since(connection: sqlite3.Connection, since: datetime) -> tuple[Errand, ...]:
    return _errands(connection, "WHERE at >= ? ORDER BY id DESC LIMIT 200", (to_us(since),))


def errand_of(connection: sqlite3.Connection, channel: str, key: str) -> Errand | None:
    """The message about one thing on one way out."""
    return next(iter(_errands(connection, "WHERE channel = ? AND key = ?", (channel, key))), None)


def last_errand(connection: sqlite3.Connection, channel: str, kinds: Sequence[str]) -> Errand | None:
    """The newest message of these kinds on one way out."""
    marks = ", ".join("?" * len(kinds))
    where = f"WHERE channel = ? AND kind IN ({marks}) ORDER BY id DESC LIMIT 1"
    return next(iter(_errands(connection, where, (channel, *kinds))), None)


def _errands(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> tuple[Errand, ...]:
    rows = connection.execute(f"SELECT {_ERRAND} FROM outbox {where}", values)
    return tuple(
        Errand(
            number,
            key,
            channel,
            kind,
            from_us(at),
            subject,
            payload,
            tries,
            _maybe(tried),
            error,
            _maybe(sent),
            tuple(json.loads(waiting)) if waiting else (),
        )
        for number, key, channel, kind, at, subject, payload, tries, tried, error, sent, waiting in rows
    )


def record_try(connection: sqlite3.Connection, errand: Errand, at: datetime, error: str) -> None:
    """How a try went; without an error it is sent. `errand.left` are those who wait for it still."""
    waiting = json.dumps(errand.left) if errand.left else None
    with batch(connection):
        connection.execute(
            "UPDATE outbox SET tries = tries + 1, tried_at = ?, error = ?, sent_at = ?, waiting = ? WHERE id = ?",
            (to_us(at), error, None if error else to_us(at), waiting, errand.id),
        )


def record(connection: sqlite3.Connection, at: datetime, days: int) -> Record:
    """What the report of `at` shows: alerts of so many days, and their messages."""
    since, now = at - timedelta(days=days), watch(connection)
    alerts, errands = alerts_since(connection, since), errands_since(connection, since)
    return Record(alerts, now.silences, errands, now.tracks, first_probes(connection, alerts))
