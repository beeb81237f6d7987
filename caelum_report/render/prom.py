"""metrics.prom: the report as Prometheus text, for node_exporter's textfile collector or any scraper of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from caelum_report.document import Report, ServerReport
from caelum_report.model import Failure, Status

_Row = tuple[dict[str, str], float | None]


def prom(report: Report) -> bytes:
    """Without timestamps, which the collector refuses; how old it is stands in caelum_report_timestamp_seconds."""
    lines: list[str] = []
    for name, text, rows in _families(report):
        values: dict[str, float] = {}
        for labels, value in rows:
            if value is not None:
                # the collector refuses a file for one double
                values.setdefault(f"{name}{_labels(labels)}", float(value))
        if values:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
            lines += [f"{series} {value!r}" for series, value in values.items()]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _families(report: Report) -> Iterator[tuple[str, str, list[_Row]]]:
    """Name, help and rows of every metric."""
    about = {"number": str(report.number), "version": report.program_version, "fleet": report.fleet}
    yield "caelum_report_info", "The report these figures are of.", [(about, 1)]
    yield "caelum_report_timestamp_seconds", "Time of its data.", [({}, report.at.timestamp())]
    action = sum(finding.needs_action for finding in report.findings)
    yield "caelum_report_needs_action", "Findings that need action.", [({}, action)]
    counts = {str(status): float(number) for status, number in report.tally}
    rows: list[_Row] = [({"status": str(status)}, counts.get(str(status), 0.0)) for status in Status]
    yield "caelum_servers", "Servers by status.", rows
    yield from _of_servers([server for server in report.servers if not server.retired])
    asked: list[_Row] = [({"source": one.name, "kind": one.kind}, one.failure is Failure.OK) for one in report.sources]
    yield "caelum_source_up", "Whether a source gave what it was asked for.", asked
    figures: list[_Row] = [
        (
            {
                "source": one.source,
                "metric": one.metric,
                "subject": one.subject,
                "labels": one.labels,
                "unit": one.unit,
            },
            one.value,
        )
        for one in report.series
    ]
    yield "caelum_source_figure", "A figure that a source gave; of counters the rate.", figures


_SERVER: Final = "caelum_server_"


def _of_servers(servers: Iterable[ServerReport]) -> Iterator[tuple[str, str, list[_Row]]]:
    def each(value: str) -> list[_Row]:
        return [({"server": one.name}, getattr(one, value)) for one in servers]

    yield (
        f"{_SERVER}up",
        "1 where it answers.",
        [({"server": one.name}, one.status in {Status.UP, Status.DEGRADED}) for one in servers],
    )
    yield (
        f"{_SERVER}status",
        "1 for the status that it has.",
        [({"server": one.name, "status": str(one.status), "failure": str(one.failure)}, 1) for one in servers],
    )
    yield (
        f"{_SERVER}checked_timestamp_seconds",
        "When it was last asked.",
        [({"server": one.name}, one.checked_at.timestamp() if one.checked_at else None) for one in servers],
    )
    yield (
        f"{_SERVER}answer_seconds",
        "Short requests of this run.",
        [
            ({"server": one.name, "stat": stat}, value)
            for one in servers
            if (now := one.latency_now) is not None
            for stat, value in (("p50", now.p50), ("p95", now.p95), ("max", now.max))
        ],
    )
    yield (
        f"{_SERVER}stage_seconds",
        "Each stage of the probe.",
        [({"server": one.name, "stage": stage.name}, stage.seconds) for one in servers for stage in one.stages],
    )
    yield f"{_SERVER}tools", "Tools that it declares.", [({"server": one.name}, len(one.tools)) for one in servers]
    yield f"{_SERVER}tokens", "Estimated tokens of its tool surface.", each("tokens")
    yield f"{_SERVER}rss_bytes", "Memory of the test instance.", each("rss_bytes")
    yield (
        f"{_SERVER}uptime_ratio",
        "Share of measured time that it was up.",
        [({"server": one.name, "range": uptime.range}, uptime.share) for one in servers for uptime in one.uptime],
    )
    yield (
        f"{_SERVER}certificate_expiry_timestamp_seconds",
        "When its certificate expires.",
        [
            ({"server": one.name}, one.certificate_expires_at.timestamp() if one.certificate_expires_at else None)
            for one in servers
        ],
    )


def _labels(labels: dict[str, str]) -> str:
    """`{server="github"}`, or nothing."""
    pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
