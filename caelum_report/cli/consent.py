"""Which servers may be started: found, shown, approved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caelum_report.text import visible

from .options import ConfigFile, Database, agreed, load, now, pick

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from caelum_report.configured import Config
    from caelum_report.model import Server

    Before = Mapping[str, tuple[datetime, tuple[str, ...]]]

app = typer.Typer()


@app.command()
def init(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve every server that is found.")] = False,
    tap: Annotated[
        bool, typer.Option("--tap", help="Only show the entries that would log their servers' calls; write nothing.")
    ] = False,
    db: Database = None,
) -> None:
    """Find the MCP configurations of this machine, show them, and write a caelum.toml that watches them."""
    import socket

    from caelum_report import config as configuration
    from caelum_report import words

    environ, home = os.environ, Path.home()
    found = configuration.find_configurations(environ, home)
    if tap:
        typer.echo("\n".join(configuration.tapped_entries(found)))
        return
    file = configuration.initial_file(environ, home)
    text = configuration.initial_toml(
        found, fleet=socket.gethostname(), zone=configuration.system_zone(environ), path=environ.get("PATH", "")
    )
    configuration.write_initial(text, file)
    watched = sum(each.problem is None for each in found)
    typer.echo(f"Wrote {file}. It watches {words.plural(watched, 'configuration')}.")
    if not found:
        typer.echo("  No MCP host has one in its usual place here; those of projects are not searched for.")
        typer.echo("  Add one to mcp_configs in that file, or a [[server]]. Until then only our own server is asked.")
    for each in found:
        typer.echo(f"  {each.host}: {visible(each.path)}, {each.problem or words.plural(len(each.servers), 'server')}")
    settings = load(file, db=db)
    waiting = configuration.pending(settings, {})
    if not waiting:
        typer.echo("Next: caelum-report build")
        return
    typer.echo("A report would start or contact these, from a timer, for as long as it runs:")
    _approve_each(settings, waiting, {}, everything=yes)
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
    from caelum_report import config as configuration
    from caelum_report import store, words

    settings = load(config, db=db)
    approved, agreed_before = {}, {}
    if Path(settings.database).exists():
        with store.open_store(settings.database) as database:
            approved, agreed_before = store.approvals(database), store.agreed_to(database)
    waiting = {server.id: server for server in configuration.pending(settings, approved)}
    if names:
        ready = {server.id for server in settings.servers} - waiting.keys()
        chosen = [pick(name, waiting, "waiting server") for name in names if name not in ready]
        _record(settings, chosen)
        for name in ready.intersection(names):
            typer.echo(f"{visible(name)} waits for nothing: it is approved, or cannot be asked.")
        if chosen:
            typer.echo(f"Approved {words.listing([visible(server.id) for server in chosen], 10)}.")
    elif not waiting:
        typer.echo("No server waits for consent.")
    else:
        _approve_each(settings, tuple(waiting.values()), agreed_before, everything=everything, ask=False)


def _approve_each(
    settings: Config, waiting: tuple[Server, ...], before: Before, *, everything: bool, ask: bool = True
) -> None:
    """Show what each would start or contact, and what of it is another than `before`; approve all, or those that a person at
    the terminal says yes to.
    """
    from caelum_report import words
    from caelum_report.config import describe

    chosen = []
    for server in waiting:
        shown = describe(server, settings)
        changed = _changed(*before[server.id], shown, settings.zone) if server.id in before else ()
        typer.echo("\n".join([visible(server.id, 80), *(f"  {line}" for line in (*shown, *changed))]))
        if everything or (ask and agreed("  Approve it?")):
            chosen.append(server)
    if chosen:
        _record(settings, chosen)
        typer.echo(f"Approved {words.plural(len(chosen), 'server')}.")
    if len(chosen) < len(waiting):
        typer.echo(
            f"{len(waiting) - len(chosen)} not approved yet: caelum-report approve NAME, or caelum-report approve --all"
        )


def _changed(at: datetime, before: tuple[str, ...], after: tuple[str, ...], zone: str) -> Iterator[str]:
    """How an entry differs from the one that was approved, a line each: `runs npx a -> runs npx b`."""
    from caelum_report import words

    yield f"changed since it was approved, {words.moment(at, now(), zone)}:"
    if not before:
        yield "  what was shown then is not stored"
    elif before == after:
        yield "  a value that is not shown: a secret in it, or of a variable that decides what is run"
    parts = (_by_part(before), _by_part(after))
    for part in dict.fromkeys((*parts[0], *parts[1])) if before else ():
        was, is_now = (visible(lines.get(part, "nothing"), 2100) for lines in parts)
        if was != is_now:
            yield f"  {was}  ->  {is_now}"


def _by_part(lines: tuple[str, ...]) -> dict[str, str]:
    """Lines of `config.describe` by what they are about: `runs …`, `in …`, `with the variables …`."""
    return {
        " ".join(line.split(" ", 3)[:3]) if line.startswith("with ") else line.partition(" ")[0]: line for line in lines
    }


def _record(settings: Config, servers: list[Server]) -> None:
    from caelum_report import store
    from caelum_report.config import describe

    shown = {server.id: describe(server, settings) for server in servers}
    with store.open_store(settings.database) as database:
        store.approve(database, {server.id: server.fingerprint for server in servers}, now(), shown)
