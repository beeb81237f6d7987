"""What a run shows of each rule: a snapshot becomes observations. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from caelum_report import words
from caelum_report.alerting import Observation, Rule
from caelum_report.configured import Config
from caelum_report.metrics import METRICS
from caelum_report.model import Failure, HostSample, Probe, Reading, Server, Snapshot, Status
from caelum_report.text import brief, visible
from caelum_report.windows import inside

_STATE_WORDS = {
    Status.DOWN: "is down",
    Status.DEGRADED: "is degraded",
    Status.AUTH_WALLED: "does not accept our key",
    Status.UNKNOWN: "cannot be asked",
    Status.MAINTENANCE: "is in maintenance",
    Status.UP: "is up",
}


@dataclass(frozen=True, slots=True)
class Past:
    """What a run has to know of those before it."""

    usual: Mapping[tuple[str, str], float] = field(default_factory=dict)  # rule, subject -> the median before
    host_before: tuple[datetime, HostSample] | None = None  # for rates
    every_seconds: float = 3600.0  # the cadence of runs


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody that a rule may be about, as this run saw it."""

    name: str
    server: Server | None
    interval_seconds: float
    resting: bool  # in maintenance: nothing is judged
    values: Mapping[str, float | None]


def observe(rules: tuple[Rule, ...], snapshot: Snapshot, config: Config, past: Past) -> tuple[Observation, ...]:
    """Observations of the rules that need no analysis, in the order of the rules."""
    servers = dict(_servers(snapshot, config, past))
    hosts = tuple(_host(snapshot.host_sample, past, snapshot.at)) if snapshot.host_sample else ()
    found: list[Observation] = []
    for rule in rules:
        if rule.kind == "network":
            found.append(_network(rule, snapshot, config, past))
        elif rule.kind == "state":
            found += [_state(rule, one, probe) for probe, one in servers.items() if _meant(rule, one)]
        elif rule.metric is not None and rule.kind in {"threshold", "change", "absence"}:
            subjects = _subjects(rule, tuple(servers.values()), hosts, snapshot, past)
            found += [_measured(rule, one, past) for one in subjects if _meant(rule, one)]
    return tuple(found)


def _subjects(
    rule: Rule, servers: tuple[Subject, ...], hosts: tuple[Subject, ...], snapshot: Snapshot, past: Past
) -> Iterator[Subject]:
    if rule.source is not None:
        readings = [reading for reading in snapshot.readings if reading.source == rule.source]
        yield from (one for reading in readings for one in _readings(reading, rule.metric or "", past))
    elif METRICS[rule.metric or ""].subject == "server":
        yield from servers
    else:
        yield from (one for one in hosts if rule.metric in one.values)


def _meant(rule: Rule, subject: Subject) -> bool:
    return rule.is_about(subject.name, subject.server.group if subject.server else None)


def _observation(rule: Rule, subject: Subject, *, bad: bool | None, value: float | None, text: str) -> Observation:
    server = subject.server
    return Observation(
        rule=rule.name,
        subject=subject.name,
        server=server.id if server else None,
        bad=None if subject.resting else bad,
        value=value,
        text=text,
        interval_seconds=subject.interval_seconds,
        group=server.group if server else None,
        owner=server.owner if server else None,
    )


# --- states ---------------------------------------------------------------------------------------------------------


def _state(rule: Rule, subject: Subject, probe: Probe) -> Observation:
    """Unknown says nothing, unless the rule is about the unknown."""
    silent = probe.status is Status.UNKNOWN and Status.UNKNOWN not in rule.states
    reason = brief(probe.reason.strip(), 200)
    text = f"{visible(subject.name, 80)} {_STATE_WORDS[probe.status]}{f': {reason}' if reason else ''}"
    return _observation(rule, subject, bad=None if silent else probe.status in rule.states, value=None, text=text)


def _network(rule: Rule, snapshot: Snapshot, config: Config, past: Past) -> Observation:
    """Every remote server failed at dns or connect: ours, one line. A run that asked nobody remote shows nothing."""
    remote = {server.id for server in config.servers if server.remote}
    asked = [probe for probe in snapshot.probes if probe.server in remote]
    text = f"The network of {visible(snapshot.host, 60)} reaches none of {words.plural(len(asked), 'remote server')}"
    bad = snapshot.network_down if asked else None
    return Observation(rule.name, snapshot.host, None, bad, None, text, past.every_seconds)


# --- figures --------------------------------------------------------------------------------------------------------


def _measured(rule: Rule, subject: Subject, past: Past) -> Observation:
    value = subject.values.get(rule.metric or "")
    metric = METRICS.get(rule.metric or "")
    name, unit = (metric.title, metric.unit) if metric and rule.source is None else (rule.metric or "", "")
    said = f"{name} of {visible(subject.name, 80)}"
    if rule.kind == "absence":
        return _observation(rule, subject, bad=value is None, value=None, text=f"{said} is not measured")
    if value is None:
        return _observation(rule, subject, bad=None, value=None, text="")
    now = words.quantity(value, unit)
    if rule.kind == "threshold":
        limit = rule.above if rule.above is not None else rule.below or 0.0
        side = "above" if rule.above is not None else "below"
        text = f"{said} is {now}, {side} {words.quantity(limit, unit)}"
        return _observation(rule, subject, bad=beyond(rule, value), value=value, text=text)
    usual = past.usual.get((rule.name, subject.name))
    if not usual or rule.change is None:
        return _observation(rule, subject, bad=None, value=value, text="")
    share = value / usual - 1
    text = f"{said} is {now}, usually {words.quantity(usual, unit)}"
    return _observation(rule, subject, bad=abs(share) >= rule.change, value=value, text=text)


def beyond(rule: Rule, value: float, *, firing: bool = False) -> bool:
    """Whether a value is bad; while an alert is open, until it is back at `clear`."""
    if rule.above is not None:
        return value > (rule.clear if firing and rule.clear is not None else rule.above)
    limit = rule.below if rule.below is not None else 0.0
    return value < (rule.clear if firing and rule.clear is not None else limit)


def figures(probe: Probe) -> dict[str, float | None]:
    """The metrics of a server as one probe gave them; None where it measured nothing."""
    good = probe.failure is Failure.OK
    stage = {one.name: one.seconds for one in probe.stages if one.seconds is not None}
    connect = [stage[name] for name in ("dns", "connect", "tls") if name in stage]
    started = "spawn" in stage and "handshake" in stage
    surface, process = probe.surface, probe.process
    return {
        "latency": median(probe.timings_seconds) if probe.timings_seconds else None,
        "list": stage.get("list") if good else None,
        "handshake": stage.get("handshake") if good else None,
        "start": stage["spawn"] + stage["handshake"] if good and started else None,
        "connect": sum(connect) if good and connect else None,
        "rss": process.rss_bytes if process else None,
        "cpu_seconds": process.cpu_seconds if process else None,
        "tools": len(surface.tools) if surface else None,
        "tokens": sum(tool.tokens for tool in surface.tools) if surface else None,
    }


def _servers(snapshot: Snapshot, config: Config, past: Past) -> Iterator[tuple[Probe, Subject]]:
    configured = {server.id: server for server in config.servers}
    for probe in snapshot.probes:
        server = configured.get(probe.server)
        windows = server.maintenance if server else ()
        resting = probe.status is Status.MAINTENANCE or any(inside(w, snapshot.at, config.zone) for w in windows)
        yield (
            probe,
            Subject(probe.server, server, max(config.own_cadence(server), past.every_seconds), resting, figures(probe)),
        )


def _readings(reading: Reading, metric: str, past: Past) -> Iterator[Subject]:
    for sample in reading.samples:
        if sample.metric == metric:
            yield Subject(sample.subject, None, past.every_seconds, False, {metric: sample.value})


def _host(sample: HostSample, past: Past, at: datetime) -> Iterator[Subject]:
    """The host, its disks and its interfaces. Rates need a sample of the same boot before."""
    total, free = sample.memory_total_bytes, sample.memory_available_bytes
    before, seconds = None, 0.0
    if past.host_before is not None and past.host_before[1].boot_at == sample.boot_at:
        before, seconds = past.host_before[1], (at - past.host_before[0]).total_seconds()

    def rate(now: int | None, then: int | None) -> float | None:
        return (now - then) / seconds if now is not None and then is not None and seconds > 0 and now >= then else None

    values = {
        "host_cpu": sample.cpu_percent,
        "host_iowait": sample.iowait_percent,
        "host_steal": sample.steal_percent,
        "host_load": sample.load_1,
        "host_memory": 100 * (1 - free / total) if total else None,
        "host_swap": 100 * sample.swap_used_bytes / sample.swap_total_bytes if sample.swap_total_bytes else None,
        "host_swap_in": rate(sample.swap_in_bytes, before.swap_in_bytes if before else None),
        "host_temperature": sample.temperature_celsius,
    }
    yield Subject(sample.host, None, past.every_seconds, resting=False, values=values)
    disks = {disk.name: disk for disk in before.disks} if before else {}
    for disk in sample.disks:
        then = disks.get(disk.name)
        used = 100 * disk.used_bytes / disk.total_bytes if disk.total_bytes else None
        rates = {
            "disk_read": rate(disk.read_bytes, then.read_bytes if then else None),
            "disk_write": rate(disk.write_bytes, then.write_bytes if then else None),
        }
        values = {"disk_used": used, **rates}
        yield Subject(disk.name, None, past.every_seconds, resting=False, values=values)
    networks = {net.name: net for net in before.networks} if before else {}
    for net in sample.networks:
        earlier = networks.get(net.name)
        values = {
            "network_sent": rate(net.sent_bytes, earlier.sent_bytes if earlier else None),
            "network_received": rate(net.received_bytes, earlier.received_bytes if earlier else None),
        }
        yield Subject(net.name, None, past.every_seconds, resting=False, values=values)
