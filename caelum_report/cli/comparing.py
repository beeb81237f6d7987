"""What changed between two times: `diff`."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caelum_report import console
from caelum_report.errors import EXIT_FAIL_ON, UsageError
from caelum_report.nearest import did_you_mean
from caelum_report.periods import WORDS
from caelum_report.text import visible

from .options import AsJson, ConfigFile, Database, McpFiles, existing, load, now, pick, written

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from caelum_report.configured import Config
    from caelum_report.difference import Difference
    from caelum_report.periods import Span

app = typer.Typer()

_WORDS = ("latest", "previous", *WORDS)
_WAYS = (
    "write a report's number (4217), id, latest or previous, a time (2026-11-22T14:00), a day (2026-11-21), a week (2026-W47), a month "
    f"(2026-11), or {', '.join(WORDS)}"
)


@app.command()
def diff(
    before: Annotated[
        str, typer.Argument(help="A report, a time or a period: 4217, previous, yesterday, 2026-W47.", metavar="A")
    ],
    after: Annotated[str, typer.Argument(help="What it is compared with, later: latest, say.", metavar="B")],
    server: Annotated[
        list[str] | None, typer.Option("--server", help="Only this server. Repeatable.", metavar="NAME")
    ] = None,
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Also write it as a page that needs no other.", metavar="FILE")
    ] = None,
    json: AsJson = False,
) -> None:
    """Say what changed between two reports, times or periods, worst first; exit 6 on a regression."""
    settings = load(config, mcp_config, db)
    existing(settings.database)
    found = _difference(settings, before, after, server or [])
    if output is not None:
        from caelum_report import render

        with written(output) as file:
            file.write(render.difference_page(found, settings.fleet, settings.zone))
    if json:
        console.print_json({**asdict(found), "regression": found.regression})
    else:
        _print(found, settings.zone)
    if found.regression:
        raise SystemExit(EXIT_FAIL_ON)


def _difference(settings: Config, before: str, after: str, only: list[str]) -> Difference:
    from caelum_report import analyse, store, words

    with store.open_store(settings.database) as database:
        first, second = (_span(database, one, now(), settings.zone) for one in (before, after))
        first = _comparable(first, second)
        snapshot = store.latest_snapshot(database)
        if snapshot is None:
            raise UsageError("nothing is stored yet; make a report: caelum-report build")
        history = store.history(database, snapshot, analyse.DIFFERENCE_METRICS)
        fleets = store.fleet_at(database, first.end), store.fleet_at(database, second.end)
    begun = history.first_snapshot_at
    if begun is None or first.end < begun:
        since = f"the history begins {words.moment(begun, now(), settings.zone)}" if begun else "there is no history"
        raise UsageError(f"nothing is stored of {first.label}: {since}")
    past = analyse.past_of(history, settings, now().timestamp())
    known = {name: name for name, _ in past.servers}
    return analyse.difference(past, first, second, [pick(name, known, "server") for name in only], fleets)


def _span(database: sqlite3.Connection, text: str, at: datetime, zone: str) -> Span:
    from caelum_report import periods, store

    if text in {"latest", "previous"}:
        text = _reports_number(database, latest=text == "latest")
    if re.fullmatch(r"#?\d{1,9}|r-[0-9TZ]+-\d+", text):
        found = store.report_time(database, text.removeprefix("#"))
        if found is None:
            raise UsageError(f"there is no report {visible(text, 60)}; {_WAYS}")
        number, when = found
        return periods.Span(f"#{number}", when, when, moment=True)
    span = periods.named(text, at, zone)
    if span is None:
        meant = did_you_mean(text, _WORDS)
        raise UsageError(f"{visible(text, 60)!r} is no report and no time{meant or f'; {_WAYS}'}")
    if span.start > at:
        raise UsageError(f"{visible(text, 60)} is still to come")
    return span


def _reports_number(database: sqlite3.Connection, *, latest: bool) -> str:
    """Of the last report, or of the one before it."""
    from caelum_report import store

    numbers = store.report_numbers(database)
    if len(numbers) < 2 - latest:
        raise UsageError("there is no report that far back; make one: caelum-report build")
    return str(numbers[0 if latest else 1])


def _comparable(first: Span, second: Span) -> Span:
    """The first span, as long as the second where that one is not over: today until 14:00 has no evening."""
    from dataclasses import replace

    if (first.start, first.end) == (second.start, second.end):
        raise UsageError("both are the same time; there is nothing to compare")
    if first.end > second.end:
        raise UsageError(f"{first.label} is later than {second.label}; write them the other way round")
    if first.end > second.start and not (first.moment or second.moment):
        raise UsageError(f"{first.label} and {second.label} overlap; what they share would be compared with itself")
    if not first.moment and second.label.endswith("so far") and first.end - first.start > second.end - second.start:
        return replace(first, end=first.start + (second.end - second.start), label=f"{first.label}, as much of it")
    return first


def _print(found: Difference, zone: str) -> None:
    from caelum_report import words

    typer.echo(f"{found.before.label} → {found.after.label}: {found.sentence}")
    for one in found.contrasts:
        who = ", ".join(visible(name, 80) for name in one.servers)
        detail = f" {one.detail}" if one.detail and not one.detail.startswith(";") else one.detail
        typer.echo(
            f"{words.direction(one.direction, one.servers).lower():7} {who}: {one.what} {one.before} → {one.after}{detail}  ({one.evidence})"
        )
    start, end = (words.moment(at, now(), zone) for at in (found.before.start, found.after.end))
    typer.echo(f"{start} to {end}. {found.how}".rstrip())
