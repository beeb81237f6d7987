"""A day, a week or a month in one message: `digest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caelum_report import console
from caelum_report.errors import DeliveryError, UsageError

from .options import AsJson, ConfigFile, Database, McpFiles, existing, load, now, pick, time_of, written

if TYPE_CHECKING:
    from datetime import datetime

    from caelum_report.configured import Config
    from caelum_report.periods import PeriodName, Span

app = typer.Typer()


@app.command()
def digest(
    period: Annotated[str, typer.Option("--period", help="day, week or month.", metavar="PERIOD")],
    at: Annotated[
        str | None, typer.Option("--at", help="The last period that was over then; without it, now.", metavar="TIME")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Deliver it to every way out whose `digest` names it.")] = False,
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write it as a PDF.", metavar="FILE")] = None,
    json: AsJson = False,
) -> None:
    """Tell what the last whole day, week or month was like: as text, as a PDF, or delivered."""
    from caelum_report import periods, render, telling

    settings = load(config, mcp_config, db)
    existing(settings.database)
    kind = pick(period, {name: name for name in periods.PERIODS}, "period")
    span = periods.last(kind, time_of(at, settings.zone) if at else now(), settings.zone)
    if span.end > now():
        raise UsageError(
            f"{span.label} is not over before {console.stamp(span.end)}; a digest is of whole periods. "
            "What there is so far: caelum-report diff yesterday today"
        )
    made = telling.digest_of(settings, kind, span, now())
    if made is None:
        raise UsageError(f"{span.label}: nothing was measured")
    if output is not None:
        paper = render.digest_paper(made, settings.budgets.pdf_seconds)
        if not isinstance(paper, bytes):
            raise UsageError(f"{paper.text}; see: caelum-report doctor")
        with written(output) as file:
            file.write(paper)
    mail = render.digest_mail(made, None, now())
    if json:
        typer.echo(mail.json)
    elif output is None and not send:
        typer.echo(mail.text)
    if send:
        _send(settings, kind, span, now(), quiet=json)


def _send(settings: Config, kind: PeriodName, span: Span, at: datetime, *, quiet: bool) -> None:
    """Once for each way out; what was sent already is said, not repeated."""
    from caelum_report import telling

    if not any(kind in channel.digests for channel in settings.channels):
        raise UsageError(f'no way out wants it; write digest = "{kind}" into a [[deliver]] of caelum.toml')
    errands = telling.put_out_digest(settings, kind, span, at)
    failed = None
    try:
        telling.send_out(settings, at)
    except DeliveryError as error:
        failed = error
    for errand in errands:
        if errand.sent_at is not None and not quiet:
            typer.echo(f"{errand.channel}: sent already, {console.stamp(errand.sent_at)}")
        elif failed is None and not quiet:
            typer.echo(f"{errand.channel}: sent")
    if failed is not None:
        raise failed
