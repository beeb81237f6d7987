"""Diagrams as values: places, and what leads from one to another. How they are drawn is the business of `render`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .model import Status


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a diagram: a server, a host, this report, a group's box."""

    id: str
    label: str
    kind: Literal["server", "host", "report", "service"]
    status: Status | None
    group: str | None
    page: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    kind: Literal["probes", "depends-on", "runs-on"]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    name: str  # "architecture"
    title: str
    description: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
