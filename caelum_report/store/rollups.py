"""Roll-ups: what is left of the measurements when the raw rows go. NumPy only, all series of a run at once.

An hour is worked out from its raw rows when it has closed, and again when a row arrives late; a day is the sum of its
hours. Everything is one lexicographic sort over (series, hour, value): 150,000 measurements take about 0.1 s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from caelum_report.buckets import PAIR, Floats, Ints, bucket_of, value_of
from caelum_report.counters import rates

from .times import DAY, HOUR, SECOND
from .upkeep import progress, set_progress

SHAPE: Final = ("min", "mean", "max", "p5", "p50", "p95")
RECORD: Final = np.dtype([("hour", "u1"), ("n", "<u4"), *((name, "<f8") for name in SHAPE), ("pairs", "<u2")])
FLAT: Final = np.dtype([("hour", "u1"), ("n", "<u4"), ("value", "<f8")])
_SHARES: Final = (("p5", 0.05), ("p50", 0.5), ("p95", 0.95))
_AT_ONCE: Final = 7 * 24  # hours; bounds memory when a long history is rolled up anew


@dataclass(frozen=True, slots=True)
class Measured:
    """Single measurements, in any order."""

    series: Ints
    at: Ints
    value: Floats


@dataclass(frozen=True, slots=True)
class Figures:
    """One row per series and stretch of time, ordered by both; `buckets` has `pairs[i]` entries for row i."""

    series: Ints
    at: Ints
    n: Ints
    min: Floats
    mean: Floats
    max: Floats
    p5: Floats
    p50: Floats
    p95: Floats
    pairs: Ints
    bucket: Ints
    count: Ints


def update(connection: sqlite3.Connection, at: int) -> int:
    """Rolls up what was added since the last time, as far as its hour has closed at `at`. Part of a transaction.

    Gives the earliest time that was looked at, or `at`.
    """
    fresh = np.array(
        connection.execute(
            """SELECT id, at, coalesce((SELECT min(at) FROM snapshots AS next WHERE next.host = fresh.host AND next.at > fresh.at),
                at)
            FROM snapshots AS fresh WHERE id > ? ORDER BY id""",
            (progress(connection, "rolled_up"),),
        ).fetchall(),
        np.int64,
    ).reshape(-1, 3)
    # A late row changes its own hour and, as the sample before them, the rates of the run that follows it.
    hour, next_hour = (fresh[:, column] - fresh[:, column] % HOUR for column in (1, 2))
    # A time in the future (the clock was wrong) counts as closed: else nothing after it would ever be done with.
    open_hour = at - at % HOUR
    is_open = hour == open_hour
    late = _late_hours(connection, open_hour)
    hours = np.setdiff1d(np.concatenate([hour, next_hour, late]), open_hour)
    raw_from = progress(connection, "raw_from")
    for block in _blocks(hours):
        measured = _measured(connection, int(block[0]), int(block[-1]) + HOUR)
        keep = np.isin(measured.at - measured.at % HOUR, block)
        figures = summarise(measured.series[keep], measured.at[keep] - measured.at[keep] % HOUR, measured.value[keep])
        _write(connection, figures, block, raw_from)
    if len(fresh):
        set_progress(connection, "rolled_up", int(fresh[is_open, 0].min() - 1 if is_open.any() else fresh[-1, 0]))
    return int(min([at, *fresh[:, 1], *late]))


def _late_hours(connection: sqlite3.Connection, open_hour: int) -> Ints:
    """Hours of the past that sources filled since the last time. They are rolled up now, and forgotten."""
    rows = connection.execute("SELECT at FROM late_hours WHERE at <> ?", (open_hour,)).fetchall()
    connection.execute("DELETE FROM late_hours WHERE at <> ?", (open_hour,))
    return _ints(tuple(at for (at,) in rows))


def _blocks(hours: Ints) -> list[Ints]:
    """Hours that lie together, so that one late row of last week does not read the whole week."""
    if not len(hours):
        return []
    starts = np.flatnonzero(np.diff(hours, prepend=hours[0]) > HOUR)
    return [part[i : i + _AT_ONCE] for part in np.split(hours, starts) for i in range(0, len(part), _AT_ONCE)]


# --- measurements from rows -----------------------------------------------------------------------------------------


class _Series:
    """Numbers for (host, server, subject, metric), made when first needed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT host, server, subject, metric, id FROM series WHERE source IS NULL")
        self._ids: dict[tuple[int, int | None, str, str], int] = {tuple(key): number for *key, number in rows}

    def number(self, host: int, server: int | None, subject: str, metric: str) -> int:
        key = (host, server, subject, metric)
        if key not in self._ids:
            row = self._connection.execute(
                "INSERT INTO series (host, server, subject, metric) VALUES (?, ?, ?, ?)", key
            ).lastrowid
            assert row is not None
            self._ids[key] = row
        return self._ids[key]


def _measured(connection: sqlite3.Connection, start: int, end: int) -> Measured:
    series = _Series(connection)
    parts = [
        *_of_probes(connection, series, start, end),
        *_of_hosts(connection, series, start, end),
        *_of_disks(connection, series, start, end),
        *_of_networks(connection, series, start, end),
        *_of_samples(connection, start, end),
    ]
    nothing = Measured(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    numbers, at, value = (
        np.concatenate([getattr(part, name) for part in (*parts, nothing)]) for name in ("series", "at", "value")
    )
    return Measured(numbers, at, value)


def _columns(rows: list[tuple[Any, ...]], count: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * count


def _floats(column: Sequence[Any]) -> Floats:
    return np.array(column, np.float64)


def _ints(column: Sequence[Any]) -> Ints:
    return np.array(column, np.int64)


def _of_probes(connection: sqlite3.Connection, series: _Series, start: int, end: int) -> list[Measured]:
    """A stage counts where it succeeded: the ten seconds of a timeout are no time to answer."""
    rows = connection.execute(
        """SELECT snapshots.at, snapshots.host, server, stage, dns_us, connect_us, tls_us, spawn_us, handshake_us, list_us,
            rss_bytes, cpu_us, tools, tokens, timings
        FROM snapshots JOIN probes ON probes.snapshot = snapshots.id WHERE snapshots.at >= ? AND snapshots.at < ?""",
        (start, end),
    ).fetchall()
    at_, host_, server_, stage, dns_, connect_, tls_, spawn_, handshake_, list_, rss, cpu, tools, tokens, timings = (
        _columns(rows, 15)
    )
    if not rows:
        return []
    at, host, server = _ints(at_), _ints(host_), _ints(server_)
    failed = np.array([name or "" for name in stage])
    dns, connect, tls, spawn, handshake, listing = (
        _floats(column) / SECOND for column in (dns_, connect_, tls_, spawn_, handshake_, list_)
    )
    connecting = np.where(np.isin(failed, ("dns", "connect", "tls")), np.nan, connect + _zero(dns) + _zero(tls))
    handshake = np.where(failed == "handshake", np.nan, handshake)
    each = {
        "list": np.where(failed == "list", np.nan, listing),
        "handshake": handshake,
        "start": np.where(failed == "spawn", np.nan, spawn + handshake),
        "connect": connecting,
        "rss": _floats(rss),
        "cpu_seconds": _floats(cpu) / SECOND,
        "tools": _floats(tools),
        "tokens": _floats(tokens),
    }
    parts = []
    for metric, value in each.items():
        there = ~np.isnan(value)
        numbers = _numbers(series, host[there], server[there], metric)
        parts.append(Measured(numbers, at[there], value[there]))
    texts = [text[1:-1] if text else "" for text in timings]
    count = np.array([text.count(",") + 1 if text else 0 for text in texts])
    joined = ",".join(filter(None, texts))
    value = np.array(joined.split(",") if joined else [], np.float64) / SECOND
    numbers = _numbers(series, np.repeat(host, count), np.repeat(server, count), "latency")
    parts.append(Measured(numbers, np.repeat(at, count), value))
    return parts


def _zero(values: Floats) -> Floats:
    """A stage that was not needed took no time: no look-up for an address, no TLS for plain http."""
    return np.nan_to_num(values)


def _numbers(series: _Series, host: Ints, server: Ints, metric: str) -> Ints:
    """The series of each row; a server has one host."""
    servers, first, inverse = np.unique(server, return_index=True, return_inverse=True)
    known = [series.number(int(host[i]), int(one), "", metric) for one, i in zip(servers, first, strict=True)]
    return np.array(known, np.int64)[inverse]


def _since(connection: sqlite3.Connection, start: int) -> int:
    """From where to read counters, so that the first sample after `start` has one before it, for every host."""
    (before,) = connection.execute(
        """SELECT min(before) FROM (SELECT (SELECT max(at) FROM snapshots WHERE host = hosts.id AND at < ?) AS before
        FROM hosts) WHERE before IS NOT NULL""",
        (start,),
    ).fetchone()
    return start if before is None else int(before)


def _of_hosts(connection: sqlite3.Connection, series: _Series, start: int, end: int) -> list[Measured]:
    rows = connection.execute(
        """SELECT snapshots.at, host_samples.host, boot_at, cpu_percent, iowait_percent, steal_percent, load_1,
            100.0 * (memory_total - memory_available) / nullif(memory_total, 0),
            100.0 * swap_used / nullif(swap_total, 0), temperature, swap_in
        FROM host_samples JOIN snapshots ON snapshots.id = host_samples.snapshot
        WHERE snapshots.at >= ? AND snapshots.at < ?""",
        (_since(connection, start), end),
    ).fetchall()
    at_, host_, boot_, *gauges, swap_in = _columns(rows, 11)
    at, host = _ints(at_), _ints(host_)
    names = ("host_cpu", "host_iowait", "host_steal", "host_load", "host_memory", "host_swap", "host_temperature")
    measured = []
    for metric, column in zip(names, gauges, strict=True):
        value = _floats(column)
        there = ~np.isnan(value) & (at >= start)
        measured.append(Measured(_of_host(series, host[there], metric), at[there], value[there]))
    boot = _ints(boot_)
    when, rate, row = rates(host, at, _floats(swap_in), boot)
    there = when >= start
    measured.append(Measured(_of_host(series, host[row][there], "host_swap_in"), when[there], rate[there]))
    return measured


def _of_host(series: _Series, host: Ints, metric: str) -> Ints:
    return np.array([series.number(one, None, "", metric) for one in host.tolist()], np.int64)


def _of_disks(connection: sqlite3.Connection, series: _Series, start: int, end: int) -> list[Measured]:
    rows = connection.execute(
        """SELECT snapshots.at, disks.host, name, boot_at, 100.0 * used / nullif(total, 0), read, write
        FROM snapshots JOIN disks ON disks.snapshot = snapshots.id JOIN host_samples ON host_samples.snapshot = snapshots.id
        WHERE snapshots.at >= ? AND snapshots.at < ?""",
        (_since(connection, start), end),
    ).fetchall()
    return _named(series, rows, start, ("disk_used",), ("disk_read", "disk_write"))


def _of_networks(connection: sqlite3.Connection, series: _Series, start: int, end: int) -> list[Measured]:
    rows = connection.execute(
        """SELECT snapshots.at, networks.host, name, boot_at, sent, received
        FROM snapshots JOIN networks ON networks.snapshot = snapshots.id
            JOIN host_samples ON host_samples.snapshot = snapshots.id
        WHERE snapshots.at >= ? AND snapshots.at < ?""",
        (_since(connection, start), end),
    ).fetchall()
    return _named(series, rows, start, (), ("network_sent", "network_received"))


def _named(
    series: _Series, rows: list[tuple[Any, ...]], start: int, gauges: tuple[str, ...], counters: tuple[str, ...]
) -> list[Measured]:
    """Rows of (at, host, name, boot_at, *gauges, *counters)."""
    at_, host_, name_, boot_, *values = _columns(rows, 4 + len(gauges) + len(counters))
    things = {thing: i for i, thing in enumerate(dict.fromkeys(zip(host_, name_, strict=True)))}
    code = np.array([things[thing] for thing in zip(host_, name_, strict=True)], np.int64)
    at, boot = _ints(at_), _ints(boot_)
    measured = []
    for metric, column in zip((*gauges, *counters), values, strict=True):
        value, when, row = _floats(column), at, np.arange(len(at))
        if metric in counters:
            when, value, row = rates(code, at, value, boot)
        there = ~np.isnan(value) & (when >= start)
        numbers = np.array([series.number(host, None, name, metric) for host, name in things], np.int64)
        measured.append(Measured(numbers[code[row]][there], when[there], value[there]))
    return measured


def _of_samples(connection: sqlite3.Connection, start: int, end: int) -> list[Measured]:
    """What sources gave: gauges as they are, counters as rates. The sample before the stretch is what the first starts from."""
    rows = connection.execute(
        """SELECT series, at, value, anew, 0 FROM samples WHERE at >= :start AND at < :end
            AND series IN (SELECT id FROM series WHERE source IS NOT NULL AND NOT counter)
        UNION ALL SELECT id, at, value, anew, 1 FROM series JOIN samples ON samples.series = id
            AND at < :end AND at >= coalesce((SELECT max(at) FROM samples WHERE series = id AND at < :start), :start)
        WHERE source IS NOT NULL AND counter""",
        {"start": start, "end": end},
    ).fetchall()
    series_, at_, value_, anew_, counter_ = _columns(rows, 5)
    series, at, value, anew = _ints(series_), _ints(at_), _floats(value_), _ints(anew_)
    counts = np.array(counter_, np.bool_)
    when, rate, row = rates(series[counts], at[counts], value[counts], anew=anew[counts])
    there = when >= start
    return [
        Measured(series[~counts], at[~counts], value[~counts]),
        Measured(series[counts][row][there], when[there], rate[there]),
    ]


# --- figures --------------------------------------------------------------------------------------------------------


def summarise(series: Ints, at: Ints, value: Floats) -> Figures:
    """Exact figures of the measurements of each (series, at)."""
    order = np.lexsort((value, at, series))
    series, at, value = series[order], at[order], value[order]
    first = _changes(series, at)
    n = np.diff(np.append(first, len(value)))
    ranks = {name: first + np.maximum(np.ceil(share * n).astype(np.int64), 1) - 1 for name, share in _SHARES}
    bucket = bucket_of(value)
    used = _changes(series, at, bucket)
    return Figures(
        series[first],
        at[first],
        n,
        value[first],
        np.add.reduceat(value, first) / n if len(first) else value,
        value[first + n - 1],
        value[ranks["p5"]],
        value[ranks["p50"]],
        value[ranks["p95"]],
        np.diff(np.append(np.searchsorted(used, first), len(used))),
        bucket[used],
        np.diff(np.append(used, len(value))),
    )


def _changes(*keys: Ints) -> Ints:
    """Where sorted rows begin to differ from the one before."""
    if not len(keys[0]):
        return np.empty(0, np.int64)
    differs = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.append(0, np.flatnonzero(differs) + 1)


def merged(figures: Figures, at: Ints) -> Figures:
    """The figures of longer stretches: rows with the same series and (new) `at` become one.

    Count, mean and ends are exact; percentiles come from the buckets where there is more than one row.
    """
    row = np.repeat(np.arange(len(at)), figures.pairs)
    order = np.lexsort((at, figures.series))
    sorted_series, sorted_at = figures.series[order], at[order]
    first = _changes(sorted_series, sorted_at)
    group = np.empty(len(at), np.int64)
    group[order] = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(at))))
    if not len(first):
        return figures
    n = np.add.reduceat(figures.n[order], first)
    low = np.minimum.reduceat(figures.min[order], first)
    high = np.maximum.reduceat(figures.max[order], first)
    mean = np.add.reduceat((figures.mean * figures.n)[order], first) / n

    pair_group = group[row]
    pair_order = np.lexsort((figures.bucket, pair_group))
    pair_group, bucket = pair_group[pair_order], figures.bucket[pair_order]
    used = _changes(pair_group, bucket)
    count = np.add.reduceat(figures.count[pair_order], used)
    pair_group, bucket = pair_group[used], bucket[used]
    cumulated = np.cumsum(count)
    before = np.cumsum(n) - n

    def at_share(share: float) -> Floats:
        rank = np.maximum(np.ceil(share * n).astype(np.int64), 1)
        return np.clip(value_of(bucket[np.searchsorted(cumulated, before + rank)]), low, high)

    alone = np.diff(np.append(first, len(at))) == 1  # its percentiles are known better than its buckets say
    p5, p50, p95 = (np.where(alone, _column(figures, name)[order][first], at_share(share)) for name, share in _SHARES)
    pairs = np.bincount(pair_group, minlength=len(first))
    return Figures(sorted_series[first], sorted_at[first], n, low, mean, high, p5, p50, p95, pairs, bucket, count)


# --- packed rows ----------------------------------------------------------------------------------------------------


def _write(connection: sqlite3.Connection, fresh: Figures, hours: Ints, raw_from: int) -> None:
    """Puts the hours into their days.

    Hours whose raw rows are complete replace what was stored. Where raw rows are gone already (somebody imported
    something old) the new ones are added to it, and to the day alone where its hours are gone too. An hour that was
    measured and, since a row came late, is not any more (a rate between two readings, say) goes.
    """
    stored_hours, closed_days = _stored(connection, np.unique(hours - hours % DAY))
    replaced = np.isin(stored_hours.at, hours) & (stored_hours.at >= raw_from)
    touched = np.union1d(fresh.series, stored_hours.series[replaced])
    kept = ~replaced & np.isin(stored_hours.series, touched)
    rows = joined(taken(stored_hours, kept), fresh)
    _drop(connection, _series_days(taken(stored_hours, replaced)) - _series_days(rows))
    _store(connection, rows, taken(closed_days, np.isin(closed_days.series, touched)))


def _series_days(hours: Figures) -> set[tuple[int, int]]:
    return set(zip(hours.series.tolist(), (hours.at - hours.at % DAY).tolist(), strict=True))


def _drop(connection: sqlite3.Connection, days: set[tuple[int, int]]) -> None:
    """Days of a series that have no hour left."""
    connection.executemany("DELETE FROM rollups WHERE series = ? AND at = ?", sorted(days))


def _store(connection: sqlite3.Connection, hours: Figures, closed_days: Figures) -> None:
    """Writes the days of these hours; rows for one hour become one. `closed_days` are parts of days without hours."""
    by_hour = merged(hours, hours.at)
    parts = joined(by_hour, closed_days)
    by_day = merged(parts, parts.at - parts.at % DAY)
    without_hours = set(zip(closed_days.series.tolist(), closed_days.at.tolist(), strict=True))
    connection.executemany(
        """INSERT INTO rollups (series, at, n, min, mean, max, p5, p50, p95, buckets, hours, hour_buckets, flat_hours)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (series, at) DO UPDATE SET n = excluded.n, min = excluded.min, mean = excluded.mean,
            max = excluded.max, p5 = excluded.p5, p50 = excluded.p50, p95 = excluded.p95, buckets = excluded.buckets,
            hours = excluded.hours, hour_buckets = excluded.hour_buckets, flat_hours = excluded.flat_hours""",
        _packed(by_day, by_hour, without_hours),
    )


def _stored(connection: sqlite3.Connection, days: Ints, series: Ints | None = None) -> tuple[Figures, Figures]:
    """The hours of these days, and the days whose hours are gone; of some series or of all."""
    wanted = None if series is None else set(series.tolist())
    rows = [
        row
        for day in days.tolist()
        for row in connection.execute(
            """SELECT series, at, hours, hour_buckets, flat_hours, buckets, n, min, mean, max, p5, p50, p95
            FROM rollups WHERE at = ?""",
            (day,),
        )
        if wanted is None or row[0] in wanted
    ]
    with_hours = [row for row in rows if row[2] is not None]
    closed = [row for row in rows if row[2] is None]
    number, at, *packed = _columns(with_hours, 13)[:5]
    figures = unpacked(_ints(number), _ints(at), *packed)
    number, at, _, _, _, buckets, *values = _columns(closed, 13)
    return figures, of_days(number, at, *values, buckets)


def of_days(series: Sequence[int], at: Sequence[int], n: Sequence[int], *rest: Sequence[Any]) -> Figures:
    """Columns of the table as figures; `rest` is its shape and the buckets."""
    *shape, buckets = rest
    pairs = np.frombuffer(b"".join(buckets), PAIR)
    return Figures(
        series=_ints(series),
        at=_ints(at),
        n=_ints(n),
        **{name: _floats(value) for name, value in zip(SHAPE, shape, strict=True)},
        pairs=np.array([len(blob) // PAIR.itemsize for blob in buckets], np.int64),
        bucket=pairs["bucket"].astype(np.int64),
        count=pairs["count"].astype(np.int64),
    )


def unpacked(
    series: Ints, day: Ints, hours: Sequence[bytes], hour_buckets: Sequence[bytes], flat_hours: Sequence[bytes]
) -> Figures:
    """Packed hours as rows: those with a shape of each day, then the flat ones of each day."""
    record = np.frombuffer(b"".join(hours), RECORD)
    count = np.array([len(blob) // RECORD.itemsize for blob in hours], np.int64)
    pairs = np.frombuffer(b"".join(hour_buckets), PAIR)
    flat = np.frombuffer(b"".join(flat_hours), FLAT)
    flat_count = np.array([len(blob) // FLAT.itemsize for blob in flat_hours], np.int64)
    value, n = flat["value"].astype(np.float64), flat["n"].astype(np.int64)
    shaped = Figures(
        series=np.repeat(series, count),
        at=np.repeat(day, count) + record["hour"].astype(np.int64) * HOUR,
        n=record["n"].astype(np.int64),
        **{name: record[name].astype(np.float64) for name in SHAPE},
        pairs=record["pairs"].astype(np.int64),
        bucket=pairs["bucket"].astype(np.int64),
        count=pairs["count"].astype(np.int64),
    )
    at = np.repeat(day, flat_count) + flat["hour"].astype(np.int64) * HOUR
    ones = np.ones(len(flat), np.int64)
    return joined(
        shaped,
        Figures(
            np.repeat(series, flat_count), at, n, value, value, value, value, value, value, ones, bucket_of(value), n
        ),
    )


def _packed(by_day: Figures, by_hour: Figures, without_hours: set[tuple[int, int]]) -> Iterator[tuple[Any, ...]]:
    """Rows of the table. Both come ordered by series and time, so each day's hours are a slice."""
    is_flat = by_hour.min == by_hour.max
    shaped, flat = taken(by_hour, ~is_flat), taken(by_hour, is_flat)
    record, flat_record = np.empty(len(shaped.at), RECORD), np.empty(len(flat.at), FLAT)
    record["hour"], flat_record["hour"] = shaped.at % DAY // HOUR, flat.at % DAY // HOUR
    for name in ("n", *SHAPE, "pairs"):
        record[name] = _column(shaped, name)
    flat_record["n"], flat_record["value"] = flat.n, flat.min
    hours, flat_hours, hour_buckets, day_buckets = (
        record.tobytes(),
        flat_record.tobytes(),
        pairs_of(shaped).tobytes(),
        pairs_of(by_day).tobytes(),
    )
    hour_ends = np.append(0, np.cumsum(shaped.pairs)) * PAIR.itemsize
    day_ends = np.append(0, np.cumsum(by_day.pairs)) * PAIR.itemsize
    slices, flat_slices = _days(shaped), _days(flat)
    columns = [_column(by_day, name).tolist() for name in ("series", "at", "n", *SHAPE)]
    for i, row in enumerate(zip(*columns, strict=True)):
        buckets = day_buckets[day_ends[i] : day_ends[i + 1]]
        if row[:2] in without_hours:
            yield (*row, buckets, None, None, None)
        else:
            start, end = slices.get(row[:2], (0, 0))
            first, last = flat_slices.get(row[:2], (0, 0))
            yield (
                *row,
                buckets,
                hours[start * RECORD.itemsize : end * RECORD.itemsize],
                hour_buckets[hour_ends[start] : hour_ends[end]],
                flat_hours[first * FLAT.itemsize : last * FLAT.itemsize],
            )


def _days(figures: Figures) -> dict[tuple[int, int], tuple[int, int]]:
    """Where the hours of each series and day lie."""
    day = figures.at - figures.at % DAY
    first = _changes(figures.series, day)
    ends = [*first[1:].tolist(), len(day)]
    keys = zip(figures.series[first].tolist(), day[first].tolist(), strict=True)
    return dict(zip(keys, zip(first.tolist(), ends, strict=True), strict=True)) if len(first) else {}


def pairs_of(figures: Figures) -> npt.NDArray[Any]:
    """The buckets of all rows, one after the other, as they are stored."""
    pairs = np.empty(len(figures.bucket), PAIR)
    pairs["bucket"], pairs["count"] = figures.bucket, figures.count
    return pairs


def taken(figures: Figures, rows: npt.NDArray[np.bool_]) -> Figures:
    if rows.all():
        return figures
    pairs = np.repeat(rows, figures.pairs)
    return Figures(*(_column(figures, name)[pairs if name in {"bucket", "count"} else rows] for name in _NAMES))


def joined(one: Figures, other: Figures) -> Figures:
    return Figures(*(np.concatenate([_column(one, name), _column(other, name)]) for name in _NAMES))


def _column(figures: Figures, name: str) -> npt.NDArray[Any]:
    column: npt.NDArray[Any] = getattr(figures, name)
    return column


_NAMES: Final = tuple(name.name for name in fields(Figures))


def join(connection: sqlite3.Connection, into: int, other: int) -> None:
    """Adds the roll-ups of the series `other` to those of `into`, and removes it."""
    rows = connection.execute(
        "SELECT at FROM rollups WHERE series = ? AND at IN (SELECT at FROM rollups WHERE series = ?)", (other, into)
    ).fetchall()
    shared = _ints(tuple(at for (at,) in rows))
    if len(shared):
        hours, closed_days = _stored(connection, shared, _ints((into, other)))
        hours = replace(hours, series=np.full_like(hours.series, into))
        closed_days = replace(closed_days, series=np.full_like(closed_days.series, into))
        connection.executemany("DELETE FROM rollups WHERE series = ? AND at = ?", [(other, at) for (at,) in rows])
        _store(connection, hours, closed_days)
    connection.execute("UPDATE rollups SET series = ? WHERE series = ?", (into, other))
    connection.execute("UPDATE OR IGNORE samples SET series = ? WHERE series = ?", (into, other))
    connection.execute("DELETE FROM samples WHERE series = ?", (other,))
    connection.execute("DELETE FROM series WHERE id = ?", (other,))
