"""The commands that make a report, or part of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from caelum_report import console
from caelum_report.errors import EXIT_FAIL_ON, CaelumError, UsageError
from caelum_report.text import visible

from .options import (
    AsJson,
    ConfigFile,
    Database,
    Everyone,
    FailOn,
    McpFiles,
    NoPdf,
    Output,
    Quiet,
    Rescue,
    Verbose,
    load,
    now,
    pick,
    time_of,
)

if TYPE_CHECKING:
    from caelum_report.document import Report

app = typer.Typer()
T = TypeVar("T")


@app.command()
def build(
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    output: Output = None,
    fail_on: FailOn = None,
    everyone: Everyone = False,
    json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_pdf: NoPdf = False,
    rescue: Rescue = False,
) -> None:
    """Collect, store, analyse, render and publish: the main job. Works with no configuration at all."""
    from caelum_report import pipeline

    settings = load(config, mcp_config, db, output, no_pdf=no_pdf, fail_on=fail_on)
    with console.progress(settings, quiet=quiet) as progress:
        built, untold = _done(lambda: pipeline.build(settings, now(), progress, rescue=rescue, everyone=everyone))
    console.summary(built.report, settings, built.published, json=json, quiet=quiet, verbose=verbose)
    if untold is not None:
        raise untold
    if _fails(built.report, settings.fail_on):
        raise SystemExit(EXIT_FAIL_ON)


@app.command()
def collect(
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    everyone: Everyone = False,
    json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    rescue: Rescue = False,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", help="Also write it for another machine's `import bundle`: a file, or a folder.", metavar="BUNDLE"
        ),
    ] = None,
) -> None:
    """Take a snapshot only, for a timer denser than the report's."""
    from caelum_report import pipeline, words

    settings = load(config, mcp_config, db)
    with console.progress(settings, quiet=quiet) as progress:
        done, untold = _done(
            lambda: pipeline.collect(settings, now(), progress, rescue=rescue, everyone=everyone, to=to)
        )
    snapshot, bundle = done
    statuses = [probe.status for probe in snapshot.probes]
    if json:
        console.print_json(
            {
                "at": console.stamp(snapshot.at),
                "seconds": round(snapshot.seconds, 3),
                "tally": console.count(statuses),
                "not_due": len(snapshot.not_due),
                **({"bundle": str(bundle)} if bundle else {}),
            }
        )
    elif console.talks(quiet=quiet, verbose=verbose):
        typer.echo(f"Stored: {console.tally(statuses) if statuses else 'nothing was due'}.")
        if snapshot.not_due:
            waiting = words.plural(len(snapshot.not_due), "server")
            typer.echo(f"Not due yet: {waiting}  ->  caelum-report collect --now")
        if bundle:
            typer.echo(f"Written for another machine: {visible(str(bundle), 300)}")
    if untold is not None:
        raise untold


def _done(run: Callable[[], T]) -> tuple[T, CaelumError | None]:
    """What a run did; and that somebody could not be told of it, which is said after what was done."""
    from caelum_report.pipeline import UndeliveredError

    try:
        return run(), None
    except UndeliveredError as error:
        return error.done, error


@app.command()
def render(
    at: Annotated[
        str | None, typer.Option("--at", help="The report stored for this time (ISO 8601).", metavar="TIME")
    ] = None,
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    output: Output = None,
    json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_pdf: NoPdf = False,
) -> None:
    """Lay the site out again from a stored report, byte for byte."""
    from caelum_report import pipeline

    settings = load(config, mcp_config, db, output, no_pdf=no_pdf)
    built = pipeline.render(settings, time_of(at, settings.zone) if at else None)
    console.summary(built.report, settings, built.published, json=json, quiet=quiet, verbose=verbose)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", help="The folder to publish into.", metavar="DIR")] = Path(
        "demo-report"
    ),
    at: Annotated[
        str, typer.Option("--at", help="The end of the simulated month (ISO 8601).", metavar="TIME")
    ] = "2026-11-22T14:00+01:00",
    editions: Annotated[
        bool,
        typer.Option("--editions", help="Also its public and executive editions, in DIR-public and DIR-executive."),
    ] = False,
    json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_pdf: NoPdf = False,
) -> None:
    """Make a full site from a simulated month of a fleet; every page says that it is a demonstration."""
    import tempfile

    from caelum_report import demonstration

    with tempfile.TemporaryDirectory(prefix="caelum-demo-") as folder:
        database = Path(folder) / "demo.sqlite"
        built = demonstration.demo(time_of(at, "UTC"), database, output, pdf=not no_pdf, editions=editions)
    console.summary(built.report, None, built.published, json=json, quiet=quiet, verbose=verbose, output=output)


@app.command()
def probe(
    name: Annotated[str, typer.Argument(help="The server's name.")],
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    json: AsJson = False,
) -> None:
    """Ask one server now and show every stage; nothing is stored."""
    from dataclasses import asdict, replace

    from caelum_report import collect as collecting
    from caelum_report import store
    from caelum_report.config import consent
    from caelum_report.model import Remembered

    settings = load(config, mcp_config, db)
    remembered, approved = Remembered(), {}
    if Path(settings.database).exists():
        with store.open_store(settings.database) as database:
            remembered, approved = store.remember(database, now()), store.approvals(database)
    known = {one.id: one for one in settings.servers}
    if name not in known and name in remembered.servers:
        raise UsageError(
            f"{visible(name)!r} is in the history and not in the configuration; "
            "if its run was given --mcp-config FILE, give it here too"
        )
    server = pick(name, known, "server")
    settings = consent(settings, approved)
    server = next(one for one in settings.servers if one.id == server.id)
    due = replace(remembered.of(server.id), last_checked_at=None)
    alone = replace(settings, servers=(server,))
    result = collecting.collect(alone, Remembered({server.id: due}), now()).probes[0]
    if json:
        console.print_json(asdict(result))
    else:
        console.ladder(result, settings)
    if result.failure.value != "ok":
        raise SystemExit(EXIT_FAIL_ON)


def _fails(report: Report, fail_on: str) -> bool:
    from caelum_report.model import Status

    down = any(server.status is Status.DOWN for server in report.servers)
    return (fail_on == "down" and down) or (
        fail_on == "needs-action" and (down or any(one.needs_action and one.kind != "setup" for one in report.findings))
    )
