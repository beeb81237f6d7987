"""A fleet changes, and its history follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from caelum_report import console
from caelum_report.errors import UsageError
from caelum_report.text import visible

from .options import AsJson, ConfigFile, Database, McpFiles, agreed, existing, load, now

if TYPE_CHECKING:
    import sqlite3
    from types import ModuleType

    from caelum_report.store import Offer

app = typer.Typer(no_args_is_help=True, help="A fleet changes: list, rename, pin, retire or forget its servers.")
T = TypeVar("T")
_WIDEST_NAME: Final = 64  # characters; one longer name pushes its own line only
_PINNED: Final = {None: "", True: "pinned", False: "changed"}  # what it offers: agreed to, or other than agreed


@app.command("list")
def servers_list(
    config: ConfigFile = None, mcp_config: McpFiles = None, db: Database = None, json: AsJson = False
) -> None:
    """List the servers of the configuration and of the history."""
    from caelum_report import config as configuration
    from caelum_report import store

    settings = load(config, mcp_config, db)
    approved: dict[str, str] = {}
    known: tuple[store.StoredServer, ...] = ()
    pins: dict[str, store.Held] = {}
    if Path(settings.database).exists():
        with store.open_store(settings.database) as database:
            known, approved = store.list_servers(database), store.approvals(database)
            pins = {held.name: held for held in store.held_servers(database) if held.host == settings.host}
    history = {server.name: server for server in known if server.host == settings.host}
    configured = {server.id: server for server in settings.servers}
    waiting = {server.id for server in configuration.pending(settings, approved)}
    rows = []
    for name in sorted(configured.keys() | history.keys()):
        seen, server = history.get(name), configured.get(name)
        rows.append(
            {
                "name": name,
                "status": seen.status.value if seen and seen.status else None,
                "checked_at": console.stamp(seen.checked_at) if seen and seen.checked_at else None,
                "configured": server is not None,
                "approved": None if server is None else name not in waiting,
                "retired": bool(seen and seen.retired_at),
                "endpoint": server.endpoint if server else None,
                "pinned": pins[name].sha256 if name in pins else None,
                "pinned_at": console.stamp(pins[name].at) if name in pins else None,
                "offers_pinned": pins[name].offered == pins[name].sha256 if name in pins else None,
            }
        )
    if json:
        console.print_json(rows)
        return
    names = [visible(str(row["name"])) for row in rows]
    width = min(max([32, *map(len, names)]), _WIDEST_NAME)
    for name, row in zip(names, rows, strict=True):
        state = "retired" if row["retired"] else row["status"] or "not asked yet"
        state = "not approved" if row["approved"] is False else state
        offered = None if row["offers_pinned"] is None else bool(row["offers_pinned"])
        place = row["endpoint"] or "not in the configuration any more"
        typer.echo(f"{name:{width}} {state:14} {_PINNED[offered]:8} {place}")


@app.command("rename")
def servers_rename(
    old: Annotated[str, typer.Argument(help="Its name in the history.")],
    new: Annotated[str, typer.Argument(help="Its name in the configuration now.")],
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Let the history follow a server that got another name."""
    if old != new and any(server.id == old for server in load(config, db=db).servers):
        raise UsageError(f"{visible(old)!r} is still in the configuration; give it its new name there first")
    _change_fleet(config, db, lambda store, database: store.rename_server(database, old, new))
    typer.echo(f"The history of {visible(old)} is now that of {visible(new)}.")


@app.command("retire")
def servers_retire(
    name: Annotated[str, typer.Argument(help="The server's name.")], config: ConfigFile = None, db: Database = None
) -> None:
    """Take a server out of service; its history and its page stay."""
    _change_fleet(config, db, lambda store, database: store.retire_server(database, name, now()))
    typer.echo(f"{visible(name)} is retired. Its page stays; take it out of the configuration too.")


@app.command("pin")
def servers_pin(
    name: Annotated[str, typer.Argument(help="The server's name.")],
    surface: Annotated[
        str,
        typer.Option("--surface", help="Only if this is what it offers: the beginning of its hash.", metavar="HASH"),
    ] = "",
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Agree to the tools that a server offers now; others are a finding until they are pinned too."""
    from caelum_report import words

    offer: Offer = _change_fleet(config, db, lambda store, database: store.pin_surface(database, name, now(), surface))
    what = (
        f"{words.plural(offer.tools, 'tool')}, about {words.plural(offer.tokens, 'token')}, surface {offer.sha256[:12]}"
    )
    if offer.pinned_before == offer.sha256:
        typer.echo(f"{visible(name)} is pinned to this already: {what}.")
    else:
        typer.echo(f"{visible(name)} is pinned: {what}, first seen {console.stamp(offer.seen_at)}.")


@app.command("unpin")
def servers_unpin(
    name: Annotated[str, typer.Argument(help="The server's name.")], config: ConfigFile = None, db: Database = None
) -> None:
    """Let a server change its tools again; changes stay in the ledger."""
    held: bool = _change_fleet(config, db, lambda store, database: store.unpin_surface(database, name, now()))
    typer.echo(f"{visible(name)} {'is no longer pinned' if held else 'was not pinned'}.")


@app.command("forget")
def servers_forget(
    name: Annotated[str, typer.Argument(help="The server's name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Erase a server's history for good."""
    from caelum_report import store

    settings = load(config, db=db)
    existing(settings.database)
    with store.open_store(settings.database) as database:
        known = any(server.name == name for server in store.list_servers(database))
    if known and not yes and not agreed(f"Erase all that was measured of {visible(name)}?"):
        raise UsageError("nothing was erased; say --yes to erase without being asked")
    _change_fleet(config, db, lambda store, database: store.forget_server(database, name))
    typer.echo(f"{visible(name)} is forgotten. Reports made before still mention it.")


def _change_fleet(config: Path | None, db: Path | None, change: Callable[[ModuleType, sqlite3.Connection], T]) -> T:
    from caelum_report import store

    settings = load(config, db=db)
    existing(settings.database)
    with store.run_lock(settings.database), store.open_store(settings.database) as database:
        return change(store, database)
