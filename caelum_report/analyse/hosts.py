"""The host that asks: one reading against its past, and its charts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from caelum_report import text, words
from caelum_report.document import Chart, DiskReport, HostReport, Stat
from caelum_report.model import Disk, HostSample, OtherHost

from .charts import Ahead, chart, ranges_of
from .facts import Facts
from .fullness import DISK_PERCENT, MEMORY_PERCENT
from .host_tracks import host_tracks
from .judging import Marks, with_marks
from .latency import shortened

_LONG: Final = {"host_cpu", "host_memory", "disk_used"}  # the others end with a week
_NEARLY_MEMORY_PERCENT: Final = 85.0
_NEARLY_DISK_PERCENT: Final = 80.0
_BUSY_CPU_PERCENT: Final = 90.0
_SWAP_SHARE: Final = 0.1  # less is what idle programs left there


def hosts(facts: Facts, marks: Marks, ahead: Mapping[tuple[str, str], Ahead]) -> tuple[HostReport, ...]:
    """The host that asks, then those whose bundles came; nothing of one that could not be read."""
    own = facts.snapshot.host_sample
    reports = [_host(own, _lede(own), _charts(facts, own, marks, ahead))] if own else []
    for other in facts.history.others:
        if other.sample is not None:
            lede = f"{_lede(other.sample)} {_told(other, facts)}"
            charts = _charts(facts, other.sample, {}, {}, other.name)
            reports.append(_host(other.sample, lede, charts))
    return tuple(reports)


def _host(sample: HostSample, lede: str, charts: Iterable[Chart]) -> HostReport:
    return HostReport(
        name=text.visible(sample.host, 80),
        lede=lede,
        boot_at=sample.boot_at,
        cpus=sample.cpus,
        stats=tuple(_stats(sample)),
        disks=tuple(DiskReport(d.name, d.device, d.total_bytes, d.used_bytes) for d in sample.disks if d.total_bytes),
        charts=tuple(charts),
    )


def _told(other: OtherHost, facts: Facts) -> str:
    """By its bundle of 22 November 14:00; its clock is 5 min ahead of ours."""
    ahead = f"; its clock is {words.duration(other.ahead_seconds)} ahead of ours" if other.ahead_seconds >= 30 else ""
    return f"Told by its bundle of {words.moment(other.at, facts.at, facts.zone)}{ahead}."


def memory_share(sample: HostSample) -> float:
    return 1 - sample.memory_available_bytes / sample.memory_total_bytes if sample.memory_total_bytes else 0.0


def fullest(sample: HostSample) -> Disk | None:
    return max(
        (d for d in sample.disks if d.total_bytes), key=lambda d: (d.used_bytes / d.total_bytes, d.name), default=None
    )


def has_room(sample: HostSample) -> bool:
    memory, disk = _filled(sample)
    return memory <= _NEARLY_MEMORY_PERCENT and disk <= _NEARLY_DISK_PERCENT


def room(sample: HostSample) -> str:
    """The clause on a host that has room: where its processors had none, that is said, and how far it is the run's own doing."""
    if sample.cpu_percent is None or sample.cpu_percent < _BUSY_CPU_PERCENT:
        return "the host has room"
    return f"the host has memory and disk left; its CPU was {words.percent(sample.cpu_percent / 100, 0)} busy while we asked"


def _filled(sample: HostSample) -> tuple[float, float]:
    """Percent of the memory and of the fullest disk in use."""
    disk = fullest(sample)
    return 100 * memory_share(sample), 100 * disk.used_bytes / disk.total_bytes if disk else 0.0


def _lede(sample: HostSample) -> str:
    """It is nearly full: memory 91 %, swap 31 % and disk /var 88 % in use; CPU 20 % during the run.

    Busy processors make no verdict of their own, for the run itself keeps them busy; where they are, room is claimed of the
    others alone.
    """
    memory, used = _filled(sample)
    disk = fullest(sample)
    parts = [f"memory {words.percent(memory / 100, 0)}"]
    if sample.swap_total_bytes and sample.swap_used_bytes >= _SWAP_SHARE * sample.swap_total_bytes:
        parts.append(f"swap {words.percent(sample.swap_used_bytes / sample.swap_total_bytes, 0)}")
    if disk is not None:
        parts.append(f"disk {text.visible(disk.name, 60)} {words.percent(used / 100, 0)}")
    verdict = "It has room" if has_room(sample) else "It is nearly full"
    if has_room(sample) and sample.cpu_percent is not None and sample.cpu_percent >= _BUSY_CPU_PERCENT:
        verdict = "It has memory and disk left"
    if memory > MEMORY_PERCENT or used > DISK_PERCENT:
        verdict = "It is short of room"
    busy = (
        f"; CPU {words.percent(sample.cpu_percent / 100, 0)} during the run" if sample.cpu_percent is not None else ""
    )
    return f"{verdict}: {words.listing(parts)} in use{busy}."


def _stats(sample: HostSample) -> Iterator[Stat]:
    load = f", load {words.significant(sample.load_1, 2)}" if sample.load_1 is not None else ""
    yield Stat("CPU", _short(sample.cpu_percent), "percent", f"{words.plural(sample.cpus, 'core')}{load}")
    total, free = sample.memory_total_bytes, sample.memory_available_bytes
    yield Stat(
        "Memory", _short(100 * memory_share(sample)), "percent", f"{words.size(total - free)} of {words.size(total)}"
    )
    disk = next((d for d in sample.disks if d.name == "/" and d.total_bytes), None) or fullest(sample)
    if disk is not None:
        free = disk.total_bytes - disk.used_bytes
        share = 100 * disk.used_bytes / disk.total_bytes
        yield Stat(f"Disk {text.visible(disk.name, 40)}", _short(share), "percent", f"{words.size(free)} free")
    if sample.swap_total_bytes:
        share = 100 * sample.swap_used_bytes / sample.swap_total_bytes
        yield Stat("Swap", _short(share), "percent", f"of {words.size(sample.swap_total_bytes)}")
    else:
        yield Stat("Swap", 0.0, "percent", "none set up")
    if sample.temperature_celsius is not None:
        yield Stat(
            "Temperature", _short(sample.temperature_celsius), "celsius", text.visible(sample.temperature_label, 40)
        )


def _short(value: float | None) -> float | None:
    return None if value is None else shortened(value)


# --- charts ---------------------------------------------------------------------------------------------------------


def _charts(
    facts: Facts,
    sample: HostSample,
    marks: Marks,
    ahead: Mapping[tuple[str, str], Ahead],
    other: str = "",
) -> Iterator[Chart]:
    """`other` is the name of a host whose bundle it came by: its roll-ups have it behind their subjects."""
    first = facts.history.first_snapshot_at
    ranges = ranges_of(facts.now - first.timestamp() if first else 0.0)
    interval = facts.run_seconds or 0.0
    for number, (metric, subject, track) in enumerate(host_tracks(facts.history, sample)):
        ahead_of = ahead.get((subject, metric))
        for name in ranges:
            if name in {"month", "quarter", "year"} and metric not in _LONG:
                continue
            yield chart(
                name,
                metric,
                track,
                facts.rolled,
                facts.now,
                subject=text.visible(subject, 60) if subject else text.visible(sample.host, 60),
                key=f"{subject}@{other}" if other else subject,
                key_id="-".join(filter(None, (text.slug(other) if other else "", f"{number}" if subject else ""))),
                interval=interval,
                marks=with_marks(facts.marks, marks, subject, metric),
                source="psutil",
                ahead=ahead_of,
            )
