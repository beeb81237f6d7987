"""Every file for programs, declared once: `api/`, openapi.json and the schemas are made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

JSON: Final = "application/json"
CSV: Final = "text/csv"
SVG: Final = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class Document:
    path: str  # {slug}, {host} and {name} stand for what there is one each of
    media_type: str
    says: str
    schema: str | None = None  # a name in `schemas.schemas`
    always: bool = True  # in every site; else only where there is something to tell


DOCUMENTS: Final = (
    Document("latest.json", JSON, "The newest report’s number, verdict and tally; small, to be asked often.", "latest"),
    Document("api/v1/analytics/dashboard.json", JSON, "Page 1: the same seven parts and figures.", "dashboard"),
    Document("api/v1/servers.json", JSON, "Every server, worst first.", "servers"),
    Document("api/v1/servers/{slug}.json", JSON, "One server: all that its page shows.", "server", always=False),
    Document("api/v1/metrics/{slug}.json", JSON, "The points behind one server’s charts.", "metrics", always=False),
    Document("api/v1/metrics/{slug}.csv", CSV, "The same, a point a line.", always=False),
    Document("api/v1/metrics/hosts/{host}.json", JSON, "The points behind a host’s charts.", "metrics", always=False),
    Document("api/v1/metrics/hosts/{host}.csv", CSV, "The same, a point a line.", always=False),
    Document("api/v1/fleet.json", JSON, "All servers together, over time.", "metrics", always=False),
    Document("api/v1/fleet.csv", CSV, "The same, a point a line.", always=False),
    Document("api/v1/tokens.csv", CSV, "What the tools cost a model in tokens, over time.", always=False),
    Document("api/v1/findings.json", JSON, "Every finding, with its evidence, n and chance.", "findings"),
    Document("api/v1/alerts.json", JSON, "Alerts, incidents, rules, windows, messages.", "alerts"),
    Document("api/v1/slo.json", JSON, "Objectives and their error budgets.", "slo"),
    Document("api/v1/slo.csv", CSV, "The ledger, from which every figure of the objectives follows."),
    Document("api/v1/forecasts.json", JSON, "What looms, and how earlier forecasts came out.", "forecasts"),
    Document("api/v1/bottlenecks.json", JSON, "When servers were slow, and who was to blame.", "bottlenecks"),
    Document("api/v1/readiness.json", JSON, "Who speaks which revision of the protocol.", "readiness"),
    Document("api/v1/sources.json", JSON, "The figures of the sources, never mixed with ours.", "sources"),
    Document("api/v1/usage.json", JSON, "Real calls of 30 days, by server and tool.", "usage"),
    Document("api/v1/usage.csv", CSV, "The same, a tool a line."),
    Document("api/v1/usage/calls.csv", CSV, "Real calls by the hour."),
    Document("api/v1/dashboards/{dashboard}.json", JSON, "A dashboard of one’s own.", "own-dashboard", always=False),
    Document("api/v1/dashboards/{dashboard}.csv", CSV, "The same, a point a line.", always=False),
    Document("report.json", JSON, "The whole report document, as it is stored.", "report"),
    Document("archive/{report}.json", JSON, "A past report’s document.", "report"),
    Document("archive/{report}.pdf", "application/pdf", "A past report on paper.", always=False),
    Document("report.md", "text/markdown", "Page 1 and the fleet as Markdown."),
    Document("report.pdf", "application/pdf", "The report on paper.", always=False),
    Document("metrics.prom", "text/plain", "Prometheus text, for node_exporter’s textfile collector."),
    Document("feed.atom", "application/atom+xml", "Reports and incidents, for feed readers."),
    Document("feed.json", "application/feed+json", "The same as JSON Feed 1.1."),
    Document("badges/index.svg", SVG, "The fleet’s state in one line, for a README."),
    Document("badges/{slug}.svg", SVG, "One server’s state.", always=False),
    Document("diagrams/{name}.json", JSON, "A diagram: its nodes and edges.", "diagram", always=False),
    Document("diagrams/{name}.svg", SVG, "A diagram, drawn.", always=False),
    Document("diagrams/{name}.dot", "text/vnd.graphviz", "A diagram for Graphviz.", always=False),
    Document("diagrams/{name}.mmd", "text/plain", "A diagram for Mermaid.", always=False),
)

WILDCARDS: Final = {
    "report": "A report’s id.",
    "slug": "A server’s `slug`, as servers.json names it.",
    "host": "A host’s name as a file name.",
    "dashboard": "The `name` of a [[dashboard]] block.",
    "name": "A diagram: architecture.",
}
