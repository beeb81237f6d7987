"""The commands that bring figures in and take the history out."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caelum_report import console
from caelum_report.errors import UsageError
from caelum_report.text import visible

from .options import AsJson, ConfigFile, Database, Quiet, existing, load, now, pick, time_of, written

if TYPE_CHECKING:
    from datetime import datetime

    from caelum_report.configured import Config

import_app = typer.Typer(
    no_args_is_help=True, help="Bring in figures of the past; what is there already is left alone."
)
export_app = typer.Typer(no_args_is_help=True, help="Take the history out, for other programs.")

Since = Annotated[
    str | None, typer.Option("--since", help="From when on: 30d, 12h, or a time such as 2026-11-01.", metavar="TIME")
]
Target = Annotated[
    Path | None, typer.Option("--output", help="The file to write; without it, standard output.", metavar="FILE")
]
What = Annotated[
    str | None,
    typer.Option(
        "--table",
        help="samples (of sources), probes, states or days (roll-ups of everything). Without it: samples, or probes where "
        "no source has given any.",
    ),
]


_BUNDLES = {"new": "stored", "known": "known already", "late": "older than what is stored of its host, left out"}


# --- import ---------------------------------------------------------------------------------------------------------


@import_app.command("csv")
def import_csv(
    file: Annotated[Path, typer.Argument(help="With a first line such as at,metric,value.", metavar="FILE")],
    config: ConfigFile = None,
    db: Database = None,
    source: Annotated[str, typer.Option("--source", help="Whose figures they are, where no column says it.")] = "csv",
    metric: Annotated[str | None, typer.Option("--metric", help="What they are, where no column says it.")] = None,
) -> None:
    """Bring in figures from a CSV file: all of it, or none where a line is wrong."""
    from caelum_report import imports

    settings = load(config, db=db)
    typer.echo(imports.import_csv(settings, file, now(), source=source, metric=metric))


@import_app.command("bundle")
def import_bundle(
    files: Annotated[list[Path], typer.Argument(help="What `collect --to` wrote, or folders of it.", metavar="FILE…")],
    config: ConfigFile = None,
    db: Database = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take in what other machines collected, each under its own host; a bundle that is known already changes nothing."""
    from caelum_report import imports

    settings = load(config, None, db)
    found = [file for named in files for file in (sorted(named.glob("*.jsonl.gz")) if named.is_dir() else (named,))]
    imported = imports.import_bundles(settings, found, now())
    if json:
        console.print_json(
            {"bundles": [{"file": str(one.file), "host": one.host, "result": one.result} for one in imported]}
        )
    elif not quiet:
        for one in imported:
            if not one.problem:
                typer.echo(f"{visible(str(one.file), 300)}: {visible(one.host, 80)}, {_BUNDLES[one.result]}")
    if problems := [one.problem for one in imported if one.problem]:
        raise UsageError("\n".join(problems))


@import_app.command("prometheus")
def import_prometheus(
    source: Annotated[str, typer.Argument(help="A [[source]] of this kind.", metavar="SOURCE")],
    since: Since = "30d",
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Ask a configured Prometheus for the past of its queries, every `step`."""
    _back_fill("prometheus", source, since, load(config, db=db))


@import_app.command("influxdb")
def import_influxdb(
    source: Annotated[str, typer.Argument(help="A [[source]] of this kind.", metavar="SOURCE")],
    since: Since = "30d",
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Ask a configured InfluxDB for the past of its queries with $start and $end."""
    _back_fill("influxdb", source, since, load(config, db=db))


def _back_fill(kind: str, name: str, since: str | None, settings: Config) -> None:
    from caelum_report import imports

    known = {source.name: source for source in settings.sources if source.kind == kind}
    source = pick(name, known, f"source of kind {kind}")
    at = now()
    typer.echo(imports.import_source(settings, source, _moment(since or "30d", at, settings.zone), at))


def _moment(text: str, at: datetime, zone: str) -> datetime:
    """`30d` ago, or the time that is said."""
    from caelum_report.config import seconds

    try:
        return at - timedelta(seconds=seconds(text))
    except (ValueError, OverflowError):
        with contextlib.suppress(UsageError):
            return time_of(text, zone)
        raise UsageError(f"{visible(text, 60)!r} is no time; write it like 30d, 12h or 2026-11-01") from None


# --- export ---------------------------------------------------------------------------------------------------------


@export_app.command("csv")
def export_csv(
    output: Target = None, table: What = None, since: Since = None, config: ConfigFile = None, db: Database = None
) -> None:
    """Write a table of the history as CSV."""
    _export("csv", output, table, since, load(config, db=db))


@export_app.command("json")
def export_json(
    output: Target = None, table: What = None, since: Since = None, config: ConfigFile = None, db: Database = None
) -> None:
    """Write a table of the history as JSON: a list of objects, one a line."""
    _export("json", output, table, since, load(config, db=db))


@export_app.command("parquet")
def export_parquet(
    output: Annotated[Path, typer.Option("--output", help="The file to write.", metavar="FILE")],
    table: What = None,
    since: Since = None,
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Write a table of the history as Parquet. Needs pyarrow."""
    _export("parquet", output, table, since, load(config, db=db))


@export_app.command("prometheus")
def export_prometheus(output: Target = None, config: ConfigFile = None, db: Database = None) -> None:
    """Write the latest report as metrics.prom, for node_exporter's textfile collector."""
    from caelum_report import pipeline

    settings = load(config, db=db)
    existing(settings.database)
    with written(output) as file:
        file.write(pipeline.metrics(settings))


def _export(form: str, output: Path | None, table: str | None, since: str | None, settings: Config) -> None:
    from caelum_report import store
    from caelum_report.tables import WRITERS

    existing(settings.database)
    if table is not None:
        pick(table, {name: name for name in store.EXPORTS}, "table")
    start = None if since is None else _moment(since, now(), settings.zone)
    with store.open_store(settings.database) as database, written(output) as file:
        what = table or ("samples" if store.has_samples(database) else "probes")
        WRITERS[form](*store.exported(database, what, start), file)
