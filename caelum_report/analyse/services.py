"""Backing services near a limit of their own, or in trouble by their own word: one reading, one finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from caelum_report import text, words
from caelum_report.diagram import Edge, Node
from caelum_report.document import Finding
from caelum_report.model import Reading, Sample, Status, status_of

from .facts import Facts

# Kind and metric; from which value on; what is near, and what comes of it.
_LIMITS: Final = {
    ("redis", "memory_percent"): (
        90.0,
        "has {} of its maxmemory in use",
        "Beyond it keys are evicted, or writes refused.",
    ),
    ("redis", "clients_percent"): (90.0, "has {} of its clients connected", "Beyond maxclients nobody is let in."),
    ("postgresql", "connections_percent"): (
        90.0,
        "has {} of its connections taken",
        "Beyond max_connections nobody is let in.",
    ),
    ("postgresql", "wraparound_percent"): (
        50.0,
        "has used {} of its transaction ids",
        "Before they wrap around it takes no more writes; a VACUUM cannot keep up.",
    ),
    ("docker", "memory_percent"): (90.0, "has {} of its memory limit in use", "Beyond it the kernel ends it."),
}
# Kind and metric that are 1 in trouble.
_TROUBLES: Final = {
    ("redis", "save_failed"): ("could not save to disk", "What it holds is lost with a restart."),
    ("redis", "log_write_failed"): ("cannot write its append-only file", "What it holds is lost with a restart."),
    ("redis", "primary_unreachable"): ("does not reach its primary", "It answers with what was true then."),
    ("prometheus-health", "reload_failed"): ("runs with an old configuration", "Its last reload failed."),
    ("docker", "unhealthy"): ("is unhealthy by its own check", "Whatever it serves may fail."),
    ("docker", "oom_killed"): ("was ended for want of memory", "It will be again."),
}


# What stands behind servers, and what it is called.
_BACKING: Final = {
    "redis": "Redis",
    "postgresql": "PostgreSQL",
    "influxdb-health": "InfluxDB",
    "prometheus-health": "Prometheus",
    "grafana": "Grafana",
    "docker": "Docker",
}


def places(facts: Facts) -> Iterator[tuple[Node, Edge]]:
    """Backing services in the architecture, each asked by this report."""
    for reading in facts.snapshot.readings:
        if reading.kind in _BACKING:
            name = f"service:{reading.source}"
            label = text.visible(reading.source, 80)
            node = Node(name, label, "service", status_of(reading.failure), "Services", "sources.html")
            yield node, Edge("report", name, "probes", _BACKING[reading.kind])


def services(facts: Facts) -> Iterator[Finding]:
    """What this run's readings say of the services behind the servers."""
    for reading in facts.snapshot.readings:
        for sample in reading.samples:
            key = (reading.kind, sample.metric)
            if key in _LIMITS and sample.value >= _LIMITS[key][0]:
                _, said, impact = _LIMITS[key]
                yield _finding(reading, sample, said.format(words.percent(sample.value / 100, 0)), impact)
            elif key in _TROUBLES and sample.value == 1:
                yield _finding(reading, sample, *_TROUBLES[key])


def _finding(reading: Reading, sample: Sample, said: str, impact: str) -> Finding:
    which = next((f"{name} {value}" for name, value in sample.labels), "")
    subject = text.visible(f"The {which}" if which else f"The source {reading.source}", 100)
    return Finding(
        id=f"service:{reading.source}:{which}:{sample.metric}",
        kind="state",
        word="Service",
        status=Status.DEGRADED,
        title=f"{subject} {said}.",
        server=None,
        page="sources.html",
        evidence="one reading",
        chance=0.0,
        impact=impact,
    )
