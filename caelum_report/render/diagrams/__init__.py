"""Diagrams as drawings: Graphviz places the boxes, we draw them, and the same graph leaves as DOT, Mermaid and JSON.

All graphs of a build go through one `dot` process with a time limit. It is asked for positions only; so no text of a
server passes through Graphviz into a page, and boxes are as wide as the widest font needs them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from caelum_report.diagram import Diagram
from caelum_report.words import stamp

from .dot import dot_source
from .layout import layout
from .mermaid import mermaid
from .summary import READABLE, summary
from .svg import svg

__all__ = ["READABLE", "Drawing", "draw", "mermaid", "summary"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One diagram on its ways out. The SVGs are None where Graphviz is missing or was too slow."""

    svg: str | None  # for a page: classes, links
    file: str | None  # for diagrams/NAME.svg: its own colours, links from there
    dot: str
    mermaid: str
    json: str


def draw(
    diagrams: Sequence[Diagram], program: str = "dot", roots: Mapping[str, str] | None = None
) -> dict[str, Drawing]:
    """`roots`: by diagram, the way from its page to the site's root, where that is not beside it."""
    shown = [summary(diagram) for diagram in diagrams]
    sources = [dot_source(diagram) for diagram in shown]
    placed = layout(tuple(sources), program)
    return {
        whole.name: Drawing(
            None if place is None else svg(diagram, place, "css", (roots or {}).get(whole.name, "")),
            None if place is None else svg(diagram, place, "light", "../"),
            source,
            mermaid(diagram),
            json.dumps(asdict(whole), ensure_ascii=True, indent=1, default=stamp).replace("\x7f", "\\u007f") + "\n",
        )
        for whole, diagram, source, place in zip(diagrams, shown, sources, placed, strict=True)
    }
