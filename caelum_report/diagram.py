"""Diagrams as values: places, and what leads from one to another. How they are drawn is the business of `render`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from .model import Status


@dataclass(frozen=True, slots=True)
class Flow:
    """Real calls behind a line, over the usage period."""

    calls: int
    errors: int
    p95: float | None  # seconds; None where no duration is known
    succeeded_at: datetime | None  # the hour of the last call that went well


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a diagram: a server, a host, this report, a group's box, who calls, a tool."""

    id: str
    label: str
    kind: Literal["server", "host", "report", "caller", "tool", "service"]
    status: Status | None
    group: str | None
    page: str | None
    lines: tuple[str, ...] = ()  # what stands in its box below its name and state


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    kind: Literal["probes", "depends-on", "runs-on", "calls", "takes-down", "spares"]
    label: str = ""
    flow: Flow | None = None  # of calls


@dataclass(frozen=True, slots=True)
class Diagram:
    name: str  # "architecture"
    title: str
    description: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    at: datetime | None = None  # that ages are counted to
