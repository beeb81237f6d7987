"""The stage ladder: each bar starts where the one before ended, with the usual time as an outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.document import ServerReport, StageReport
from caelum_report.model import Outcome, Status, Transport

WIDTH: Final = 1000.0  # of a bar's drawing; stretched to its column
LEAST: Final = 6.0  # a bar that can be seen


@dataclass(frozen=True, slots=True)
class Rung:
    stage: StageReport
    label: str
    bar: Markup
    status: Status | None  # None: not reached
    word: str  # the result in words; the bar's colour says nothing that it does not
    detail: str


@dataclass(frozen=True, slots=True)
class Ladder:
    rungs: tuple[Rung, ...]
    total_seconds: float  # the right end of the axis
    folded: str  # "Not used over HTTP: spawn. Not configured: canary."


def ladder(server: ServerReport) -> Ladder | None:
    """None where the last probe measured nothing at all."""
    shown = [stage for stage in server.stages if stage.outcome is not Outcome.UNUSED]
    if not shown:
        return None
    total = max(
        (
            max(stage.seconds or 0.0, stage.usual_seconds or 0.0) + (stage.start_seconds or 0.0)
            for stage in shown
            if stage.outcome is not Outcome.NOT_REACHED
        ),
        default=0.0,
    )
    rungs = tuple(_rung(stage, server, total or 1.0) for stage in shown)
    return Ladder(rungs, total, _folded(server))


def _rung(stage: StageReport, server: ServerReport, total: float) -> Rung:
    label = words.stage(stage.name, server.timing_method)
    if stage.outcome is Outcome.NOT_REACHED:
        return Rung(stage, label, _bar(stage, "", total), None, "not reached", stage.detail)
    if stage.outcome is Outcome.FAILED:
        status = Status.AUTH_WALLED if server.status is Status.AUTH_WALLED else Status.DOWN
        word = server.failure.value if stage.name == server.stage else "failed"
        return Rung(stage, label, _bar(stage, f"f-{status.value}", total), status, word, stage.detail)
    if stage.slow:
        return Rung(stage, label, _bar(stage, "f-degraded", total), Status.DEGRADED, "slow", stage.detail)
    return Rung(stage, label, _bar(stage, "f-ink", total), Status.UP, "ok", stage.detail)


def _bar(stage: StageReport, kind: str, total: float) -> Markup:
    scale = WIDTH / total
    start = min((stage.start_seconds or 0.0) * scale, WIDTH - LEAST)
    parts = Markup("")
    if stage.seconds is not None and kind:
        width = min(max(stage.seconds * scale, LEAST), WIDTH - start)
        parts += Markup('<rect class="{}" x="{:.0f}" width="{:.0f}" y="5" height="8"/>').format(kind, start, width)
    if stage.usual_seconds is not None and stage.outcome is not Outcome.NOT_REACHED:
        width = min(max(stage.usual_seconds * scale, LEAST + 2), WIDTH - start)
        parts += Markup('<path class="usual" d="M{:.0f} 3.5h{:.0f}v11h-{:.0f}z"/>').format(start, width, width)
    return Markup(
        '<svg class="rung" height="18" viewBox="0 0 1000 18" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="hair" d="M.5 1v16"/>{}</svg>'
    ).format(parts)


def _folded(server: ServerReport) -> str:
    unused = [stage.name for stage in server.stages if stage.outcome is Outcome.UNUSED]
    sentences = []
    if by_nature := ", ".join(name for name in unused if name != "canary"):
        over = "stdio" if server.transport is Transport.STDIO else "HTTP"
        sentences.append(f"Not used over {over}: {by_nature}.")
    if "canary" in unused:
        sentences.append("Not configured: canary.")
    return " ".join(sentences)
