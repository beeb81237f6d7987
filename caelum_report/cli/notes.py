"""A person's note on every chart."""

from __future__ import annotations

from typing import Annotated

import typer

from caelum_report import console
from caelum_report.errors import UsageError
from caelum_report.text import Redactor

from .options import ConfigFile, Database, existing, load, now, time_of

LONGEST = 200  # characters; it stands below every chart

app = typer.Typer()


@app.command()
def mark(
    text: Annotated[str, typer.Argument(help="What happened: a deployment, say.")],
    at: Annotated[str | None, typer.Option("--at", help="When it was; now unless said.", metavar="TIME")] = None,
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Put a note on every chart, from now or from a time in the past."""
    from caelum_report import store

    settings = load(config, db=db)
    existing(settings.database)
    when = time_of(at, settings.zone) if at else now()
    note = " ".join(text.split())
    if not note or len(note) > LONGEST:
        raise UsageError(f"expected a note of 1 to {LONGEST} characters; it stands below every chart")
    if when > now():
        raise UsageError(f"{console.stamp(when)} is still to come; a note is of what was")
    with store.open_store(settings.database) as database:
        store.add_mark(database, when, Redactor(settings.secrets).clean(note))
    typer.echo(f"Marked {console.stamp(when)}; the next report draws it.")
