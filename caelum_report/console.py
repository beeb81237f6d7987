"""What the commands say on a terminal; in cron they say nothing unless something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from .configured import Config
    from .document import Report
    from .model import Probe, Status


def talks(*, quiet: bool, verbose: bool) -> bool:
    """On a terminal we speak; in cron silence, unless asked."""
    return verbose or (sys.stdout.isatty() and not quiet)


@contextmanager
def progress(settings: Config, *, quiet: bool) -> Iterator[Callable[[str, Status | None], None] | None]:
    """A bar on a terminal's standard error, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    told: list[Status] = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Asking", total=len(settings.servers))

        def tell(name: str, status: Status | None) -> None:
            from .text import visible

            shown = visible(name, 40)
            if status is None:
                bar.update(task, description=f"Asking {shown}")
            else:
                told.append(status)
                bar.update(task, advance=1, description=f"{shown}: {status.value}")
            if bar.finished:
                bar.update(task, description=f"{tally(told)}; working")

        yield tell


def count(statuses: Sequence[Status]) -> dict[str, int]:
    """How many servers are in each state that any is in."""
    from .model import Status

    return {status.value: number for status in Status if (number := statuses.count(status))}


def tally(statuses: Sequence[Status]) -> str:
    """`2 up, 1 down`"""
    return ", ".join(f"{number} {status}" for status, number in count(statuses).items())


def summary(
    report: Report,
    settings: Config | None,
    published: str,
    *,
    json: bool,
    quiet: bool,
    verbose: bool,
    output: Path | None = None,
) -> None:
    """What a run says at its end: the verdict, and where the page is."""
    folder = Path(settings.output if settings else output or ".")
    if json:
        print_json(
            {
                "report": report.id,
                "number": report.number,
                "at": stamp(report.at),
                "verdict": report.verdict.sentence,
                "tally": {status.value: number for status, number in report.tally},
                "needs_action": [finding.title for finding in report.findings if finding.needs_action],
                "output": str(folder),
                "published": published,
            }
        )
        return
    if not talks(quiet=quiet, verbose=verbose):
        return
    from .text import visible
    from .words import listing

    typer.echo(report.verdict.sentence)
    for finding in report.findings:
        if not finding.needs_action:
            continue
        if finding.id == "approve":  # that of several: a command for each would be a screenful
            typer.echo(f"  {finding.word}: {finding.title.rstrip('.')}: {finding.evidence}")
            typer.echo(f"    ->  {finding.advice.rstrip('.')}")
        else:
            typer.echo(f"  {finding.word}: {finding.title}" + (f"  ->  {finding.command}" if finding.command else ""))
    _not_due(report)
    left: dict[str, list[str]] = {}
    for change in report.changes:
        if change.what == "Fleet":
            left.setdefault(f"{change.before} before, now {change.after}", []).extend(change.servers)
    for how, names in left.items():
        who = listing([visible(name, 80) for name in names], 10)
        typer.echo(f"  Fleet: {who} {how}; history and page stay")
    typer.echo(f"Report #{report.number}: {folder / 'index.html'}")


def _not_due(report: Report) -> None:
    """Whose state is older than this run, and how to know at once."""
    from .text import visible
    from .words import listing, moment

    waiting: dict[str, list[str]] = {}
    for server in report.servers:
        if server.asked_again_at is not None and server.checked_at is not None:
            checked, again = (moment(at, report.at, report.zone) for at in (server.checked_at, server.asked_again_at))
            waiting.setdefault(f"last checked {checked}, asked again from {again}", []).append(visible(server.id, 80))
    for when, names in sorted(waiting.items()):
        typer.echo(f"  Not asked by this run: {listing(names, 10)}: {when}")
    if waiting:
        typer.echo("    ->  caelum-report build --now asks every server at once")


def ladder(result: Probe, settings: Config) -> None:
    """Every stage of one probe, as the server's page shows it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from . import words
    from .model import Failure, Outcome

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())  # a pipe gets whole lines
    head = result.status.value if result.failure is Failure.OK else f"{result.status.value} ({result.failure.value})"
    console.print(Text(head, style="bold") + Text(f": {result.reason}" if result.reason else "", style="not bold"))
    table = Table(box=None, pad_edge=False)
    for name in ("Stage", "Took", "Result"):
        table.add_column(name, justify="right" if name == "Took" else "left", overflow="fold")
    for stage in result.stages:
        if stage.outcome is not Outcome.UNUSED:
            table.add_row(
                words.stage(stage.name, result.timing_method),
                words.seconds(stage.seconds),
                Text(
                    stage.outcome.value if stage.detail in result.reason else f"{stage.outcome.value}: {stage.detail}"
                ),
            )
    if table.row_count:
        console.print(table, soft_wrap=False)
    facts = [
        ("Protocol", " ".join(filter(None, (result.protocol_version, f"({result.era.value})" if result.era else "")))),
        ("Calls itself", f"{result.server_name} {result.server_version}".strip()),
        ("Offers", _offer(result)),
        ("Answers in", _timings(result)),
        ("Memory", words.size(result.process.rss_bytes) if result.process else ""),
        (
            "Certificate",
            f"until {words.full_date(result.certificate_expires_at, settings.zone)}"
            if result.certificate_expires_at
            else "",
        ),
        *((note.code, note.text) for note in result.notes),
        ("stderr", result.stderr_tail.rstrip()),
    ]
    for label, value in facts:
        if value:
            console.print(Text(f"{label}: ", style="dim") + Text(value))


def _offer(result: Probe) -> str:
    from . import words

    if result.surface is None:
        return ""
    offer = ((result.surface.tools, "tool"), (result.surface.resources, "resource"), (result.surface.prompts, "prompt"))
    return ", ".join(words.plural(len(items), name) for items, name in offer)


def _timings(result: Probe) -> str:
    from . import words

    timings = sorted(result.timings_seconds)
    if not timings:
        return ""
    return f"{words.seconds(timings[len(timings) // 2])} (median of {len(timings)} {result.timing_method}, slowest {words.seconds(timings[-1])})"


def stamp(at: datetime) -> str:
    from .words import stamp

    return stamp(at)


def print_json(value: Any) -> None:
    import json

    typer.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> str:
    from datetime import datetime

    return stamp(value) if isinstance(value, datetime) else str(value)
