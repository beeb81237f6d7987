"""Dashboards of one's own: what `[[dashboard]]` asks for, and what a report holds of it. Values; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from .metrics import METRICS

PanelKind = Literal["line", "together", "states", "heat-map", "distribution", "numbers"]

STATE: Final = "state"  # beside the metrics: what the report says of a server
SERVER_FIGURES: Final = (
    *("latency", "rss", "list", "handshake", "start", "connect", "cpu_seconds", "tools", "tokens", "tool_calls"),
)
PANEL_METRICS: Final = (STATE, *SERVER_FIGURES, *(m.name for m in METRICS.values() if m.subject != "server"))


def kinds_of(metric: str, source: str | None) -> tuple[PanelKind, ...]:
    """How a metric can be shown; the first is meant where nobody says."""
    if source is not None:
        return ("numbers",)
    if metric == STATE:
        return ("states", "heat-map", "numbers")
    if metric == "latency":
        return ("line", "together", "distribution", "numbers")
    if metric in SERVER_FIGURES:
        return ("line", "together", "numbers")
    return ("line", "numbers")


@dataclass(frozen=True, slots=True)
class Panel:
    metric: str  # one of PANEL_METRICS, or a figure of `source`
    kind: PanelKind
    title: str = ""  # empty: the metric's own
    servers: tuple[str, ...] = ()  # patterns of names; with no groups either: all
    groups: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    name: str  # of its page: dashboards/NAME.html
    title: str
    audience: str
    range: str  # a document.Range
    panels: tuple[Panel, ...]
    pdf: bool = False


@dataclass(frozen=True, slots=True)
class PanelReport:
    """A panel with the names of what it shows; the charts themselves stand in `Report.dashboard_charts`."""

    title: str
    metric: str
    kind: PanelKind
    servers: tuple[str, ...] = ()  # Server.id, worst first
    charts: tuple[str, ...] = ()  # Chart.id
    source: str | None = None
    rest: int = 0  # subjects that are left out
    empty: str = ""  # what is said where there is nothing to show


@dataclass(frozen=True, slots=True)
class DashboardReport:
    name: str
    title: str
    audience: str
    range: str
    panels: tuple[PanelReport, ...]
    pdf: bool = False
