"""Flows of calls: together, and in the few words that stand in a box or a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from . import words
from .diagram import Flow

FAILING: Final = 0.05  # of the calls: drawn as failing from here on
FAILING_CALLS: Final = 5


def together(flows: Sequence[Flow]) -> Flow:
    """Several as one. The p95 is their largest, which that of all calls cannot pass."""
    return Flow(
        sum(flow.calls for flow in flows),
        sum(flow.errors for flow in flows),
        max((flow.p95 for flow in flows if flow.p95 is not None), default=None),
        max((flow.succeeded_at for flow in flows if flow.succeeded_at is not None), default=None),
    )


def is_failing(calls: int, errors: int) -> bool:
    return errors >= FAILING_CALLS and errors >= FAILING * calls


def failed(flow: Flow) -> str:
    """none failed | 3 failed, 0.4 %"""
    if not flow.errors:
        return "none failed"
    share = words.percent(flow.errors / flow.calls, 1) if flow.calls else words.NOTHING
    return f"{words.count(flow.errors)} failed, {share}"


def age(flow: Flow, at: datetime) -> str:
    """How long ago a call went well; what is known of it is its hour."""
    if flow.succeeded_at is None:
        return "no success on record"
    seconds = (at - flow.succeeded_at).total_seconds()
    return "success within the hour" if seconds <= 3600 else f"last success {words.duration(seconds)} ago"


def told(flow: Flow, at: datetime, *, several: bool = False) -> tuple[str, str]:
    """Two lines. `several`: of more than one server, where the p95 is a bound."""
    p95 = "" if flow.p95 is None else f"p95 {'at most ' if several else ''}{words.seconds(flow.p95)}, "
    return f"{words.plural(flow.calls, 'call')}, {failed(flow)}", f"{p95}{age(flow, at)}"
