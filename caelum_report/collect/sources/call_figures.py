"""Counters called `mcp_calls` and `mcp_errors`, whichever source gives them, are real calls of MCP tools and count as usage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from caelum_report.model import CallCount, Sample

CALLS: Final = "mcp_calls"
ERRORS: Final = "mcp_errors"
ALL_TOOLS: Final = "(all tools)"  # of one who does not tell them apart
MOST_CALLS: Final = 1e15  # more are no count
MOST_TOOLS: Final = 2_000  # of a source
_TOOL_LABELS: Final = ("tool", "gen_ai_tool_name", "mcp_tool_name", "resource", "name")


def in_figures(samples: Iterable[Sample]) -> tuple[CallCount, ...] | None:
    """None where none are. Of this run: figures of other times were read by somebody already."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    lasting: set[tuple[str, str]] = set()  # of which some went on
    for sample in samples:
        if sample.metric in {CALLS, ERRORS} and sample.counter and sample.at is None and 0 <= sample.value < MOST_CALLS:
            labels = dict(sample.labels)
            tool = next((labels[label] for label in _TOOL_LABELS if labels.get(label)), ALL_TOOLS)
            counts = found.setdefault((sample.subject, tool), {CALLS: 0.0, ERRORS: 0.0})
            counts[sample.metric] += sample.value
            lasting |= {(sample.subject, tool)} if sample.anew is False else set()
    counted = tuple(
        CallCount(*who, counts[CALLS], counts[ERRORS], anew=who not in lasting) for who, counts in found.items()
    )
    return counted[:MOST_TOOLS] or None
