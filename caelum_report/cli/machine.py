"""The commands that deal with this machine: timer, check-up, the history as a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from caelum_report.errors import UsageError

from .options import ConfigFile, Database, McpFiles, Output, existing, load

app = typer.Typer()


@app.command()
def schedule(
    install: Annotated[bool, typer.Option("--install", help="Write the units and start the timer.")] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Stop the timer and remove the units.")] = False,
    user: Annotated[
        bool | None,
        typer.Option("--user/--system", help="A timer of this user, or of the system; root's default is the system."),
    ] = None,
    crontab: Annotated[
        bool, typer.Option("--crontab", help="Print the crontab line, for machines without systemd.")
    ] = False,
) -> None:
    """Print or install the timer that makes the report."""
    from caelum_report import config as configuration
    from caelum_report import schedule as timers
    from caelum_report import words

    own = user if user is not None else os.geteuid() != 0
    printed = crontab or not Path("/run/systemd/system").is_dir()
    a_persons = own or (printed and not install)
    carried = configuration.carried(os.environ, Path.home()) if a_persons else {}
    unknown = [name for name in configuration.decided(os.environ, Path.home()) if name not in carried]
    if unknown and not uninstall:
        where = (
            "a .env beside caelum.toml" if a_persons else "/etc/caelum-report/caelum.toml, the one file that they read"
        )
        names = words.listing(unknown, 10)
        typer.echo(f"note: the timer's runs do not know {names}; write what they say into {where}", err=True)
    if install and uninstall:
        raise UsageError("--install and --uninstall exclude each other")
    if install or uninstall:
        done = timers.install(os.environ, carried, user=own) if install else timers.uninstall(os.environ, user=own)
        for line in done:
            typer.echo(line)
    elif printed:
        typer.echo(timers.crontab(timers.program(os.environ), Path.cwd(), carried), nl=False)
    else:
        for name, unit in timers.units(timers.program(os.environ), Path.cwd() if own else None, carried).items():
            typer.echo(f"# {name}\n{unit}")


@app.command()
def doctor(config: ConfigFile = None, mcp_config: McpFiles = None, db: Database = None, output: Output = None) -> None:
    """Say what works here and what is missing, with the command that mends it."""
    from caelum_report import doctor as checks

    try:
        settings, problem = load(config, mcp_config, db, output), None
    except UsageError as error:
        settings, problem = None, error
    results = checks.checks(settings, os.environ)
    for result in results:
        typer.echo(checks.line(result))
    if problem is not None:
        raise problem
    if any(result.state == "fail" for result in results):
        raise SystemExit(UsageError.exit_status)


@app.command()
def mcp(config: ConfigFile = None, db: Database = None) -> None:
    """Serve the latest report to agents: a read-only MCP server over stdio."""
    from caelum_report.agents import main  # it goes there without us; here it stands for `--help` and the README

    said = (("--config", config), ("--db", db))
    raise SystemExit(main([word for option, path in said if path for word in (option, str(path))]))


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def tap(context: typer.Context) -> None:
    """Run a stdio MCP server unchanged and log its calls, so that real tool usage can be counted."""
    from caelum_report.tap import main  # it goes there without us; here it stands for `--help`

    raise SystemExit(main(context.args))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write.", metavar="FILE")],
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Write a consistent copy of the history, while runs go on."""
    from caelum_report import store

    settings = load(config, db=db)
    existing(settings.database)
    with store.open_store(settings.database) as database:
        store.backup(database, target)
    typer.echo(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file made by `backup`.", metavar="FILE")],
    config: ConfigFile = None,
    db: Database = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a history that is already there.")] = False,
) -> None:
    """Bring a backup back, or a history to a new machine."""
    from caelum_report import store

    settings = load(config, db=db)
    with store.run_lock(settings.database):
        kept = store.restore(source, Path(settings.database), force=force)
    typer.echo(f"{settings.database} restored from {source}.")
    if kept is not None:
        typer.echo(f"What was there is kept as {kept}.")
