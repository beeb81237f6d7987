"""The built-in metrics, declared once: axes, thresholds, the glossary and the README read this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["seconds", "bytes", "percent", "count", "bytes/s", "celsius", "ratio"]
Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    name: str  # as in the store and in the API
    unit: Unit
    better: Better
    title: str
    description: str
    cap: float | None = None  # a natural upper end: 100 %
    subject: Literal["server", "host", "disk", "network"] = "server"


METRICS: Final = {
    m.name: m
    for m in (
        Metric(
            "latency",
            "seconds",
            "lower",
            "Answer time",
            "One short request to a server that is already started and connected: ping, or server/discover in the modern era. Several per snapshot; p50, p95 and max are over all of them.",
        ),
        Metric(
            "list",
            "seconds",
            "lower",
            "Listing",
            "Every page of every declared capability: tools, resources, resource templates, prompts.",
        ),
        Metric("handshake", "seconds", "lower", "Handshake", "initialize with its notification, or server/discover."),
        Metric(
            "start",
            "seconds",
            "lower",
            "Test start",
            "From starting the process of a stdio server to its first answer.",
        ),
        Metric("connect", "seconds", "lower", "Connecting", "Name look-up, TCP connection and TLS of a remote server."),
        Metric("rss", "bytes", "lower", "Memory", "Resident memory of the test instance's process tree."),
        Metric(
            "cpu_seconds",
            "seconds",
            "lower",
            "Processor time",
            "Processor time of the test instance's process tree over the probe.",
        ),
        Metric("tools", "count", "neither", "Tools", "Tools that the server declares."),
        Metric(
            "tokens",
            "count",
            "lower",
            "Tokens of the tool surface",
            "What the declarations cost a model that reads them, estimated as bytes / 4.",
        ),
        Metric(
            "budget_spent",
            "ratio",
            "lower",
            "Error budget spent",
            "Share of the time that the objective allows to be down in 30 days, and that was down.",
        ),
        Metric(
            "tool_calls",
            "count",
            "neither",
            "Calls an hour",
            "Calls of tools an hour by real users, from the sources of usage; never our own probes.",
        ),
        Metric("host_cpu", "percent", "lower", "CPU", "Busy share of all processors over the run.", 100, "host"),
        Metric(
            "host_iowait",
            "percent",
            "lower",
            "I/O wait",
            "Share of time in which processors waited for disks.",
            100,
            "host",
        ),
        Metric(
            "host_steal",
            "percent",
            "lower",
            "Stolen time",
            "Share of time that the hypervisor gave to others.",
            100,
            "host",
        ),
        Metric(
            "host_load",
            "count",
            "lower",
            "Load, 1 min",
            "Runnable and waiting processes, averaged over a minute.",
            None,
            "host",
        ),
        Metric(
            "host_memory", "percent", "lower", "Memory", "Memory that is not available to new programs.", 100, "host"
        ),
        Metric("host_swap", "percent", "lower", "Swap", "Swap in use.", 100, "host"),
        Metric("host_swap_in", "bytes/s", "lower", "Swapping in", "Bytes read back from swap a second.", None, "host"),
        Metric("host_temperature", "celsius", "lower", "Temperature", "The hottest sensor.", None, "host"),
        Metric("disk_used", "percent", "lower", "Disk", "Used share of the file system.", 100, "disk"),
        Metric("disk_read", "bytes/s", "neither", "Disk reading", "Bytes read a second.", None, "disk"),
        Metric("disk_write", "bytes/s", "neither", "Disk writing", "Bytes written a second.", None, "disk"),
        Metric("network_sent", "bytes/s", "neither", "Network, sent", "Bytes sent a second.", None, "network"),
        Metric(
            "network_received", "bytes/s", "neither", "Network, received", "Bytes received a second.", None, "network"
        ),
    )
}
