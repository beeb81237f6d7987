"""The words on the command line, one call each. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from . import __version__, console
from .errors import EXIT_FAIL_ON, CaelumError, LockedError, UsageError
from .text import visible

T = TypeVar("T")

if TYPE_CHECKING:
    import sqlite3
    from types import ModuleType

    from .config import Options
    from .document import Report
    from .model import Config, Server

app = typer.Typer(
    name="caelum-report",
    help="Ask every MCP server of a fleet how it is, and leave a report that any web server can host.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 published · 1 a bug · 2 usage or configuration · 3 database · 4 stored, not published · "
    "5 published, not delivered · 6 the --fail-on condition holds · 75 another run holds the lock.",
)
servers_app = typer.Typer(no_args_is_help=True, help="A fleet changes: list, rename, retire or forget its servers.")
config_app = typer.Typer(no_args_is_help=True, help="Check, show and explain the configuration.")
app.add_typer(servers_app, name="servers")
app.add_typer(config_app, name="config")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="The caelum.toml to use.", metavar="FILE")]
McpFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--mcp-config",
        help="An MCP host's configuration; naming it approves it for this run. Repeatable.",
        metavar="FILE",
    ),
]
Database = Annotated[Path | None, typer.Option("--db", help="The history's database.", metavar="FILE")]
Output = Annotated[Path | None, typer.Option("--output", help="The folder to publish into.", metavar="DIR")]
FailOn = Annotated[
    str | None, typer.Option("--fail-on", help="Exit with 6 on: never, down or needs-action.", metavar="WHEN")
]
AsJson = Annotated[bool, typer.Option("--json", help="A summary for machines on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say what happened, also without a terminal.")]
NoPdf = Annotated[bool, typer.Option("--no-pdf", help="Leave the PDF out.")]
Rescue = Annotated[bool, typer.Option("--rescue", help="Move a damaged database aside and start a new one.")]


def main() -> None:
    """Run the command line; the one place where our errors become an exit status."""
    os.umask(0o077)
    try:
        app()
    except LockedError as error:
        if sys.stderr.isatty() or "--verbose" in sys.argv or "-v" in sys.argv:
            _say(error)
        raise SystemExit(error.exit_status) from None
    except CaelumError as error:
        _say(error)
        raise SystemExit(error.exit_status) from None
    except BrokenPipeError:  # `caelum-report servers list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _say(error: CaelumError) -> None:
    sys.stderr.write(f"caelum-report: {error}\n")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"caelum-report {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


# --- runs -----------------------------------------------------------------------------------------------------------


@app.command()
def build(
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    output: Output = None,
    fail_on: FailOn = None,
    json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_pdf: NoPdf = False,
    rescue: Rescue = False,
) -> None:
    """Collect, store, analyse, render and publish: the main job. Works with no configuration at all."""
    from . import pipeline

    settings = _load(config, mcp_config, db, output, no_pdf=no_pdf, fail_on=fail_on)
    with console.progress(settings, quiet=quiet) as progress:
        built = pipeline.build(settings, _now(), progress, rescue=rescue)
    console.summary(built.report, settings, built.published, json=json, quiet=quiet, verbose=verbose)
    if _fails(built.report, settings.fail_on):
        raise SystemExit(EXIT_FAIL_ON)


@app.command()
def collect(
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    rescue: Rescue = False,
) -> None:
    """Take a snapshot only, for a timer denser than the report's."""
    from . import pipeline

    settings = _load(config, mcp_config, db, None)
    with console.progress(settings, quiet=quiet) as progress:
        snapshot = pipeline.collect(settings, _now(), progress, rescue=rescue)
    tally = console.count(snapshot)
    if json:
        console.print_json(
            {
                "at": console.stamp(snapshot.at),
                "seconds": round(snapshot.seconds, 3),
                "tally": tally,
                "not_due": len(snapshot.not_due),
            }
        )
    elif console.talks(quiet=quiet, verbose=verbose):
        typer.echo(f"Stored: {', '.join(f'{n} {status}' for status, n in tally.items()) or 'nothing was due'}.")


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
    from . import pipeline

    settings = _load(config, mcp_config, db, output, no_pdf=no_pdf)
    built = pipeline.render(settings, _time(at, settings.zone) if at else None)
    console.summary(built.report, settings, built.published, json=json, quiet=quiet, verbose=verbose)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", help="The folder to publish into.", metavar="DIR")] = Path(
        "demo-report"
    ),
    at: Annotated[
        str, typer.Option("--at", help="The end of the simulated month (ISO 8601).", metavar="TIME")
    ] = "2026-11-22T14:00+01:00",
    json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_pdf: NoPdf = False,
) -> None:
    """Make a full site from a simulated month of a fleet; every page says that it is a demonstration."""
    import tempfile

    from . import pipeline

    with tempfile.TemporaryDirectory(prefix="caelum-demo-") as folder:
        built = pipeline.demo(_time(at, "UTC"), Path(folder) / "demo.sqlite", output, pdf=not no_pdf)
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

    from . import collect as collecting
    from . import store
    from .config import consent
    from .model import Remembered

    settings = _load(config, mcp_config, db, None)
    server = _pick(name, {one.id: one for one in settings.servers}, "server")
    remembered, approved = Remembered(), {}
    if Path(settings.database).exists():
        with store.open_store(settings.database) as database:
            remembered, approved = store.remember(database, _now()), store.approvals(database)
    settings = consent(settings, approved)
    server = next(one for one in settings.servers if one.id == server.id)
    due = replace(remembered.of(server.id), last_checked_at=None)
    alone = replace(settings, servers=(server,))
    result = collecting.collect(alone, Remembered({server.id: due}), _now()).probes[0]
    if json:
        console.print_json(asdict(result))
    else:
        console.ladder(result, settings)
    if result.failure.value != "ok":
        raise SystemExit(EXIT_FAIL_ON)


# --- consent and set-up ---------------------------------------------------------------------------------------------


@app.command()
def init(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve every server that is found.")] = False,
    db: Database = None,
) -> None:
    """Find the MCP configurations of this machine, show them, and write a caelum.toml that watches them."""
    import socket

    from . import config as configuration
    from . import words

    environ, home = os.environ, Path.home()
    found = configuration.find_configurations(environ, home)
    file = configuration.initial_file(environ, home)
    text = configuration.initial_toml(
        found, fleet=socket.gethostname(), zone=configuration.system_zone(environ), path=environ.get("PATH", "")
    )
    configuration.write_initial(text, file)
    typer.echo(f"Wrote {file}. It watches {words.plural(len(found), 'configuration')}.")
    for each in found:
        typer.echo(f"  {each.host}: {visible(each.path)}, {each.problem or words.plural(len(each.servers), 'server')}")
    settings = _load(file, None, db, None)
    waiting = configuration.pending(settings, {})
    if not waiting:
        typer.echo("Next: caelum-report build")
        return
    typer.echo("A report would start or contact these, from a timer, for as long as it runs:")
    _approve_each(settings, waiting, everything=yes)
    typer.echo("Next: caelum-report build, then caelum-report schedule")


@app.command()
def approve(
    names: Annotated[
        list[str] | None, typer.Argument(help="Servers to approve; none lists what waits.", metavar="[NAME]...")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Approve every server that waits.")] = False,
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """List the servers that wait for consent, or approve some of them."""
    from . import config as configuration
    from . import store, words

    settings = _load(config, None, db, None)
    approved = {}
    if Path(settings.database).exists():
        with store.open_store(settings.database) as database:
            approved = store.approvals(database)
    waiting = {server.id: server for server in configuration.pending(settings, approved)}
    if names:
        ready = {server.id for server in settings.servers} - waiting.keys()
        chosen = [_pick(name, waiting, "waiting server") for name in names if name not in ready]
        _record(settings, chosen)
        for name in ready.intersection(names):
            typer.echo(f"{visible(name)} waits for nothing: it is approved, or cannot be asked.")
        if chosen:
            typer.echo(f"Approved {words.listing([visible(server.id) for server in chosen], 10)}.")
    elif not waiting:
        typer.echo("No server waits for consent.")
    else:
        _approve_each(settings, tuple(waiting.values()), everything=everything, ask=False)


def _approve_each(settings: Config, waiting: tuple[Server, ...], *, everything: bool, ask: bool = True) -> None:
    """Show what each would start or contact; approve all, or those that a person at the terminal says yes to."""
    from . import words
    from .config import describe

    chosen = []
    for server in waiting:
        typer.echo("\n".join([visible(server.id, 80), *(f"  {line}" for line in describe(server, settings))]))
        if everything or (ask and sys.stdin.isatty() and typer.confirm("  Approve it?", default=False)):
            chosen.append(server)
    if chosen:
        _record(settings, chosen)
        typer.echo(f"Approved {words.plural(len(chosen), 'server')}.")
    if len(chosen) < len(waiting):
        typer.echo(
            f"{len(waiting) - len(chosen)} not approved yet: caelum-report approve NAME, or caelum-report approve --all"
        )


def _record(settings: Config, servers: list[Server]) -> None:
    from . import store

    with store.open_store(settings.database) as database:
        store.approve(database, {server.id: server.fingerprint for server in servers}, _now())


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
    from . import schedule as timers

    own = user if user is not None else os.geteuid() != 0
    if install and uninstall:
        raise UsageError("--install and --uninstall exclude each other")
    if install or uninstall:
        for line in (timers.install if install else timers.uninstall)(os.environ, user=own):
            typer.echo(line)
    elif crontab or not Path("/run/systemd/system").is_dir():
        typer.echo(timers.crontab(timers.program(os.environ)), nl=False)
    else:
        for name, unit in timers.units(timers.program(os.environ), Path.cwd() if own else None).items():
            typer.echo(f"# {name}\n{unit}")


@app.command()
def doctor(config: ConfigFile = None, mcp_config: McpFiles = None, db: Database = None, output: Output = None) -> None:
    """Say what works here and what is missing, with the command that mends it."""
    from . import doctor as checks

    try:
        settings, problem = _load(config, mcp_config, db, output), None
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
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write.", metavar="FILE")],
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Write a consistent copy of the history, while runs go on."""
    from . import store

    settings = _load(config, None, db, None)
    _existing(settings.database)
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
    from . import store

    settings = _load(config, None, db, None)
    with store.run_lock(settings.database):
        store.restore(source, Path(settings.database), force=force)
    typer.echo(f"{settings.database} restored from {source}.")


# --- the fleet ------------------------------------------------------------------------------------------------------


@servers_app.command("list")
def servers_list(
    config: ConfigFile = None, mcp_config: McpFiles = None, db: Database = None, json: AsJson = False
) -> None:
    """List the servers of the configuration and of the history."""
    from . import store

    settings = _load(config, mcp_config, db, None)
    known: tuple[store.StoredServer, ...] = ()
    if Path(settings.database).exists():
        with store.open_store(settings.database) as database:
            known = store.list_servers(database)
    history = {server.name: server for server in known if server.host == settings.host}
    configured = {server.id: server for server in settings.servers}
    rows = []
    for name in sorted(configured.keys() | history.keys()):
        seen, server = history.get(name), configured.get(name)
        rows.append(
            {
                "name": name,
                "status": seen.status.value if seen and seen.status else None,
                "checked_at": console.stamp(seen.checked_at) if seen and seen.checked_at else None,
                "configured": server is not None,
                "retired": bool(seen and seen.retired_at),
                "endpoint": server.endpoint if server else None,
            }
        )
    if json:
        console.print_json(rows)
        return
    for row in rows:
        state = "retired" if row["retired"] else row["status"] or "not asked yet"
        place = row["endpoint"] or "not in the configuration any more"
        typer.echo(f"{visible(str(row['name'])):32} {state:14} {place}")


@servers_app.command("rename")
def servers_rename(
    old: Annotated[str, typer.Argument(help="Its name in the history.")],
    new: Annotated[str, typer.Argument(help="Its name in the configuration now.")],
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Let the history follow a server that got another name."""
    if old != new and any(server.id == old for server in _load(config, None, db, None).servers):
        raise UsageError(f"{visible(old)!r} is still in the configuration; give it its new name there first")
    _change_fleet(config, db, lambda store, database: store.rename_server(database, old, new))
    typer.echo(f"The history of {visible(old)} is now that of {visible(new)}.")


@servers_app.command("retire")
def servers_retire(
    name: Annotated[str, typer.Argument(help="The server's name.")], config: ConfigFile = None, db: Database = None
) -> None:
    """Take a server out of service; its history and its page stay."""
    _change_fleet(config, db, lambda store, database: store.retire_server(database, name, _now()))
    typer.echo(f"{visible(name)} is retired. Its page stays; take it out of the configuration too.")


@servers_app.command("forget")
def servers_forget(
    name: Annotated[str, typer.Argument(help="The server's name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Erase a server's history for good."""
    from . import store

    settings = _load(config, None, db, None)
    _existing(settings.database)
    with store.open_store(settings.database) as database:
        known = any(server.name == name for server in store.list_servers(database))
    if (
        known
        and not yes
        and not (
            sys.stdin.isatty() and typer.confirm(f"Erase all that was measured of {visible(name)}?", default=False)
        )
    ):
        raise UsageError("nothing was erased; say --yes to erase without being asked")
    _change_fleet(config, db, lambda store, database: store.forget_server(database, name))
    typer.echo(f"{visible(name)} is forgotten. Reports made before still mention it.")


def _change_fleet(
    config: Path | None, db: Path | None, change: Callable[[ModuleType, sqlite3.Connection], None]
) -> None:
    from . import store

    settings = _load(config, None, db, None)
    _existing(settings.database)
    with store.run_lock(settings.database), store.open_store(settings.database) as database:
        change(store, database)


# --- configuration --------------------------------------------------------------------------------------------------


@config_app.command("check")
def config_check(config: ConfigFile = None, mcp_config: McpFiles = None) -> None:
    """Check the configuration and name every entry that cannot be used."""
    from .config import check

    typer.echo(check(_options(config, mcp_config), os.environ, Path.home()))


@config_app.command("show")
def config_show(config: ConfigFile = None, mcp_config: McpFiles = None) -> None:
    """Print the resolved configuration, and which layer each value came from; secrets by name only."""
    from .config import show

    typer.echo(show(_options(config, mcp_config), os.environ, Path.home()))


@config_app.command("explain")
def config_explain(
    key: Annotated[str, typer.Argument(help="A key of caelum.toml or an environment variable.")],
    config: ConfigFile = None,
) -> None:
    """Say what a setting means, what each layer says of it, and which one won."""
    from .config import explain

    typer.echo(explain(key, _options(config, None), os.environ, Path.home()))


# --- what several commands share ------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _options(
    config: Path | None,
    mcp_config: list[Path] | None,
    db: Path | None = None,
    output: Path | None = None,
    *,
    no_pdf: bool = False,
    fail_on: str | None = None,
) -> Options:
    from .config import Options

    return Options(
        config=config,
        mcp_config=tuple(mcp_config or ()),
        db=db,
        output=output,
        pdf=False if no_pdf else None,
        fail_on=fail_on,
    )


def _load(
    config: Path | None,
    mcp_config: list[Path] | None,
    db: Path | None,
    output: Path | None,
    *,
    no_pdf: bool = False,
    fail_on: str | None = None,
) -> Config:
    from .config import load

    return load(_options(config, mcp_config, db, output, no_pdf=no_pdf, fail_on=fail_on), os.environ, Path.home())


def _existing(database: str) -> None:
    if not Path(database).exists():
        raise UsageError(f"there is no history at {database} yet; make one: caelum-report build")


def _time(text: str, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time; write it like 2026-11-22T14:00 or 2026-11-22T14:00+01:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _pick(name: str, known: dict[str, T], what: str) -> T:
    """The named one, or an error that knows the nearest name."""
    import difflib

    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(known)) or 'none'}"
    raise UsageError(f"no {what} is called {name!r}{hint}")


def _fails(report: Report, fail_on: str) -> bool:
    from .model import Status

    down = any(server.status is Status.DOWN for server in report.servers)
    return (fail_on == "down" and down) or (
        fail_on == "needs-action" and (down or any(one.needs_action and one.kind != "setup" for one in report.findings))
    )
