"""A PostgreSQL as its own statistics tell it: connecting, connections, size, cache, oldest transaction, replication."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from math import isfinite
from statistics import median
from typing import Any, Final

from caelum_report.model import Failure, Note, Sample
from caelum_report.wire import Fault
from caelum_report.wire.fault import excerpt
from caelum_report.wire.net import Opened, Origin, open_connection, open_unix
from caelum_report.wire.relay import Relay, relayed

from .asking import Answer, Asking

# One row: our metrics by their names. Without pg_monitor the states of other roles' sessions are NULL, their number is not.
_FIGURES: Final = """
SELECT sessions.*, databases.*, replay.*,
  current_setting('max_connections')::int AS max_connections,
  pg_database_size(current_database()) AS database_bytes,
  extract(epoch FROM now() - pg_postmaster_start_time()) AS uptime_seconds,
  (SELECT max(age(datfrozenxid)) FROM pg_database) AS transaction_age,
  (SELECT count(*) FROM pg_locks WHERE NOT granted) AS waiting_locks,
  pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all
FROM
  (SELECT count(*) AS connections,
     count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()) AS active_connections,
     count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
     coalesce(extract(epoch FROM now() - min(xact_start) FILTER (WHERE pid <> pg_backend_pid())), 0)
       AS oldest_transaction_seconds
   FROM pg_stat_activity WHERE backend_type = 'client backend') AS sessions,
  (SELECT sum(blks_hit) AS block_hits, sum(blks_read) AS block_reads, sum(xact_commit) AS commits,
     sum(xact_rollback) AS rollbacks, sum(deadlocks) AS deadlocks, sum(temp_bytes) AS temporary_bytes
   FROM pg_stat_database) AS databases,
  (SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL
     WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
     ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END AS replication_lag_seconds) AS replay
"""
_STANDBYS: Final = """
SELECT application_name AS standby, extract(epoch FROM replay_lag) AS standby_lag_seconds,
  pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, replay_lsn)
    AS standby_lag_bytes
FROM pg_stat_replication ORDER BY application_name LIMIT 50
"""
_COUNTERS: Final = {"block_hits", "block_reads", "commits", "rollbacks", "deadlocks", "temporary_bytes"}
_WRAPAROUND: Final = 2**31  # transactions; PostgreSQL stops taking writes just before
_DENIED: Final = ("28", "42501")  # SQLSTATE: invalid authorization, insufficient privilege
_NOT_NOW: Final = ("53", "57")  # too many connections, starting up, shutting down
_AROUND: Final = re.compile(r'^connection failed: |connection to server at "[^"]*", port \d+ failed: |FATAL: +')
_SQLSTATE: Final = re.compile(rb"\0C([0-9A-Z]{5})\0")
_REFUSED: Final = re.compile("authentication failed|no password supplied|no pg_hba.conf entry|authentication method")


async def ask(asking: Asking) -> Answer:
    """Two queries in a read-only session. Raises `Fault`."""
    from psycopg import Error

    source = asking.source
    settings = _settings(source.options["url"])
    opened = await _open(settings, min(asking.run.config.budgets.connect_seconds, source.timeout_seconds))
    opening = sum(opened.seconds.values())
    again = partial(_open, settings)
    async with relayed(opened, asking.allowance, source.timeout_seconds - opening, "PostgreSQL", again) as relay:
        try:
            return await _ask(asking, settings, relay, opening)
        except (Error, OSError, ValueError, TypeError) as error:
            raise _fault(error, relay) from None


def _settings(url: str) -> dict[str, Any]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        settings = dict(conninfo_to_dict(url))
    except ProgrammingError:
        raise Fault(Failure.CONFIG_ERROR, "its URL is not one of PostgreSQL") from None
    if "," in f"{settings.get('host', '')}{settings.get('port', '')}" or settings.keys() & {"service", "hostaddr"}:
        raise Fault(Failure.CONFIG_ERROR, "its URL has to name one host; give each its own [[source]]")
    return settings


async def _open(settings: Mapping[str, Any], seconds: float) -> Opened:
    host, port = settings.get("host") or "localhost", settings.get("port") or "5432"
    if host.startswith("/"):
        return await open_unix(f"{host}/.s.PGSQL.{port}", seconds)
    return await open_connection(Origin("http", host, int(port)), seconds)  # TLS is libpq's: it begins in plain


async def _ask(asking: Asking, settings: Mapping[str, Any], relay: Relay, opening: float) -> Answer:
    from psycopg import AsyncConnection
    from psycopg.rows import dict_row

    name, timings = asking.subject, asking.run.config.budgets.timings
    local = str(settings.get("host", "")).startswith("/")
    asked = {
        "require_auth": "!password",  # never the password in plain, whoever answers
        **settings,
        "host": "localhost" if local else settings.get("host") or "localhost",  # the name in its certificate
        "hostaddr": relay.host,
        "port": relay.port,
        "gssencmode": "disable",
        "application_name": "caelum-report",
        "options": f"{settings.get('options', '')} -c default_transaction_read_only=on".strip(),
        **({"sslmode": "disable"} if local else {}),
    }
    connection = await AsyncConnection.connect(**asked, autocommit=True, prepare_threshold=None, row_factory=dict_row)
    async with connection:
        times = {"connect_seconds": opening + sum(relay.answers)}
        times["query_seconds"] = median([await _query(connection, relay) for _ in range(timings)])
        row = await (await connection.execute(_FIGURES)).fetchone()
        standbys = await (await connection.execute(_STANDBYS)).fetchall()
    if row is None:
        raise ValueError("no row")
    samples = (*_samples(name, times | row), *_of_standbys(name, standbys))
    return Answer(samples, () if row.get("sees_all") else (_BLIND,))


async def _query(connection: Any, relay: Relay) -> float:
    await connection.execute("SELECT 1")
    return relay.answers[-1]


_BLIND: Final = Note(
    "pg-monitor", "Its role sees the transactions of its own sessions only; GRANT pg_monitor TO it shows all."
)


def _samples(name: str, row: Mapping[str, Any]) -> Iterator[Sample]:
    figures = {metric: float(value) for metric, value in row.items() if value is not None and metric != "sees_all"}
    if not all(map(isfinite, figures.values())):
        raise ValueError("a figure that is no number")
    for metric, value in figures.items():
        yield Sample(name, metric, value, _unit(metric), metric in _COUNTERS)
    shares = (
        ("connections_percent", figures["connections"], figures["max_connections"]),
        ("cache_hit_percent", figures["block_hits"], figures["block_hits"] + figures["block_reads"]),
        ("wraparound_percent", figures["transaction_age"], _WRAPAROUND),
    )
    for metric, part, whole in shares:
        if whole:
            yield Sample(name, metric, 100 * part / whole, "percent")


def _of_standbys(name: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    rows = list(rows)
    yield Sample(name, "standbys", float(len(rows)), "count")
    for row in rows:
        labels = (("standby", str(row["standby"])),)
        for metric in ("standby_lag_seconds", "standby_lag_bytes"):
            if row[metric] is not None:
                yield Sample(name, metric, float(row[metric]), _unit(metric), labels=labels)


def _unit(metric: str) -> str:
    suffix = metric.rpartition("_")[2]
    return suffix if suffix in {"seconds", "bytes"} else "count"


def _fault(error: Exception, relay: Relay) -> Fault:
    """What libpq says of a refused connection is a text without SQLSTATE; the code stands in the last message."""
    from psycopg import Error

    said = _AROUND.sub("", " ".join(str(error).split()))
    state = error.sqlstate if isinstance(error, Error) else None
    if state is None and (match := _SQLSTATE.search(relay.last)) is not None:
        state = match[1].decode()
    if (state or "").startswith(_DENIED) or _REFUSED.search(said):
        return Fault(Failure.AUTH_REQUIRED, f"it refuses us: {said}", "auth")
    if (state or "").startswith(_NOT_NOW):
        return Fault(Failure.CONNECT_ERROR, f"it lets nobody in: {said}", "handshake")
    if state == "3D000":
        return Fault(Failure.CONFIG_ERROR, said, "handshake")
    if not relay.first:
        return Fault(Failure.PROTOCOL_ERROR, "it closed the connection without an answer", "handshake")
    if relay.first[:1] not in b"SNRE":
        reason = f"the port answers, but not as PostgreSQL: {excerpt(relay.first)}"
        return Fault(Failure.PROTOCOL_ERROR, reason, "handshake")
    if re.search(r"\bSSL\b|certificate", said):
        return Fault(Failure.TLS_ERROR, said, "tls")
    return Fault(Failure.PROTOCOL_ERROR, f"it broke off or answered with an error: {said}", "handshake")
