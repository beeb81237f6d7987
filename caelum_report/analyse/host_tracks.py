"""What the host was measured at, check by check: the raw rows as tracks, the same for its charts and for its analysis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from caelum_report import counters
from caelum_report.history import History
from caelum_report.model import HostSample

from .times import Floats, unix
from .tracks import Track, measured

HOST_METRICS: Final = (
    "host_cpu",
    "host_memory",
    "host_load",
    "host_swap",
    "host_swap_in",
    "host_iowait",
    "host_steal",
    "host_temperature",
)
NAMED_METRICS: Final = ("disk_used", "disk_read", "disk_write", "network_sent", "network_received")
_ONLY_WHERE_USED: Final = {"host_swap", "host_swap_in", "host_iowait", "host_steal"}
_MOST_DISKS: Final = 6
_MOST_BUSY: Final = 2  # devices and interfaces, the busiest


def host_tracks(history: History, sample: HostSample) -> Iterator[tuple[str, str, Track]]:
    """Metric, mount point or interface ("" for the host itself), and the readings of the raw history."""
    rows = history.host_samples
    rows = rows[(rows["host"].astype(object) == sample.host).to_numpy(bool)]
    at, boot = unix(rows["at"]), unix(rows["boot_at"])

    def column(name: str) -> Floats:
        return rows[name].to_numpy(np.float64)

    def share(part: Floats, whole: Floats) -> Floats:
        return np.asarray(np.divide(100 * part, whole, out=np.full(len(part), np.nan), where=whole > 0))

    values = {
        "host_cpu": column("cpu_percent"),
        "host_memory": share(column("memory_total") - column("memory_available"), column("memory_total")),
        "host_load": column("load_1"),
        "host_swap": share(column("swap_used"), column("swap_total")),
        "host_swap_in": rates(at, column("swap_in"), boot),
        "host_iowait": column("iowait_percent"),
        "host_steal": column("steal_percent"),
        "host_temperature": column("temperature"),
    }
    for metric in HOST_METRICS:
        track = measured(at, values[metric])
        used = bool(len(track)) and (metric not in _ONLY_WHERE_USED or bool((track.mid > 0.05).any()))
        if used:
            yield metric, "", track
    yield from _named(history, sample, dict(zip(at.tolist(), boot.tolist(), strict=True)))


def _named(history: History, sample: HostSample, boots: dict[float, float]) -> Iterator[tuple[str, str, Track]]:
    disks = sorted((d for d in sample.disks if d.total_bytes), key=lambda d: (d.name != "/", -d.used_bytes, d.name))
    devices = [d for d in sample.disks if (d.read_bytes or 0) + (d.write_bytes or 0) > 0]
    busiest = sorted(devices, key=lambda d: (-(d.read_bytes or 0) - (d.write_bytes or 0), d.name))
    networks = sorted(
        (n for n in sample.networks if n.name != "lo" and n.sent_bytes + n.received_bytes > 0),
        key=lambda n: (-n.sent_bytes - n.received_bytes, n.name),
    )
    frames = {"disk": history.disks, "network": history.networks}
    wanted = [
        *(("disk", "disk_used", d.name) for d in disks[:_MOST_DISKS]),
        *(("disk", metric, d.name) for d in busiest[:_MOST_BUSY] for metric in ("disk_read", "disk_write")),
        *(
            ("network", metric, n.name)
            for n in networks[:_MOST_BUSY]
            for metric in ("network_sent", "network_received")
        ),
    ]
    by_name = {
        kind: frame[(frame["host"].astype(object) == sample.host).to_numpy(bool)] for kind, frame in frames.items()
    }
    groups = {kind: frame.groupby(frame["name"].astype(object), sort=False).indices for kind, frame in by_name.items()}
    times = {kind: unix(frame["at"]) for kind, frame in by_name.items()}
    for kind, metric, name in wanted:
        rows = groups[kind].get(name)
        if rows is None:
            continue
        frame, at = by_name[kind].iloc[rows], times[kind][rows]
        if metric == "disk_used":
            total, used = (frame[column].to_numpy(np.float64) for column in ("total", "used"))
            values = np.divide(100 * used, total, out=np.full(len(used), np.nan), where=total > 0)
        else:
            boot = np.array([boots.get(t, 0.0) for t in at.tolist()])
            values = rates(at, frame[metric.partition("_")[2]].to_numpy(np.float64), boot)
        track = measured(at, values)
        if len(track):
            yield metric, name, track


def rates(at: Floats, counter: Floats, boot: Floats) -> Floats:
    """Bytes a second between each reading and the one before, as the roll-ups count them; NaN where that is not known."""
    moments, boots = (np.round(times * 1e6).astype(np.int64) for times in (at, boot))
    _, rate, row = counters.rates(np.zeros(len(at), np.int64), moments, counter, boots)
    values = np.full(len(at), np.nan)
    values[row] = rate
    return values
