"""Alerts: what is open, what a rule would have done, who knows; and the ways out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from caelum_report import console
from caelum_report.errors import UsageError
from caelum_report.text import visible

from .options import AsJson, ConfigFile, Database, McpFiles, existing, load, now, options, pick

if TYPE_CHECKING:
    from caelum_report.alerting import Silence

app = typer.Typer(no_args_is_help=True, help="Rules and alerts: list, test, acknowledge, silence, set, remove.")
deliver_app = typer.Typer(no_args_is_help=True, help="The ways out: list them and what waits, or test one.")

Author = Annotated[str | None, typer.Option("--author", help="Who says so; the login name unless said.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; shown in the report.")]
For = Annotated[str, typer.Option("--for", help="How long: 2h, 3d.", metavar="DURATION")]


@app.command("list")
def alerts_list(
    config: ConfigFile = None, mcp_config: McpFiles = None, db: Database = None, json: AsJson = False
) -> None:
    """List what is open and who knows of it, what is silenced, and every rule."""
    from caelum_report import store
    from caelum_report.alerting import Watch

    from . import alarm_list

    settings = load(config, mcp_config, db)
    watch = Watch()
    if Path(settings.database).exists():
        with store.open_store(settings.database) as database:
            watch = store.watch(database)
    at = now()
    if json:
        console.print_json(alarm_list.facts(watch, settings, at))
        return
    for line in alarm_list.lines(watch, settings, at):
        typer.echo(line)


@app.command("test")
def alerts_test(
    rule: Annotated[
        str | None, typer.Argument(help="The rule; without it every rule is tried.", metavar="[RULE]")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="How far back: 30d.", metavar="DURATION")] = "30d",
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
) -> None:
    """Replay a rule on history: how often it would have fired, how long, about whom. Nothing is stored or sent."""
    from datetime import timedelta

    from caelum_report import alerts, store
    from caelum_report.alerting import ANALYSED

    from .replays import replays

    settings = load(config, mcp_config, db)
    existing(settings.database)
    if rule is not None:
        pick(rule, {one.name: one for one in settings.rules}, "rule")
    with store.open_store(settings.database) as database:
        at = now()
        for one in replays(database, settings, rule, at - timedelta(seconds=_seconds(since)), at):
            if rule is not None and one.first is None:
                raise UsageError(f"{one.rule.name}: {alerts.NOTHING[one.rule.kind in ANALYSED]}")
            typer.echo("\n".join(alerts.told(one, settings.zone)))


@app.command("ack")
def alerts_ack(
    alert: Annotated[int, typer.Argument(help="Its number, as `alerts list` says.", metavar="NUMBER")],
    reason: Reason,
    lasting: For = "1d",
    author: Author = None,
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Say that somebody knows of an alert: nothing more is told of it, but its end."""
    from caelum_report import store

    settings = load(config, None, db)
    existing(settings.database)
    with store.open_store(settings.database) as database:
        found = {str(one.id): one for one in store.watch(database).alerts}
        one = pick(str(alert), found, "open alert")
        silence = _silence(reason, lasting, author, alert=one.id)
        store.add_silence(database, silence)
    typer.echo(f"Acknowledged until {_until(silence, settings.zone)}: {visible(one.text, 200)}")


@app.command("silence")
def alerts_silence(
    reason: Reason,
    rule: Annotated[str, typer.Option("--rule", help="A pattern of rules.")] = "*",
    subject: Annotated[str, typer.Option("--subject", help="A pattern of servers, hosts, mount points.")] = "*",
    lasting: For = "2h",
    author: Author = None,
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """Tell nothing of some rules or subjects for a while; what still fires afterwards is told then."""
    from fnmatch import fnmatchcase

    from caelum_report import store
    from caelum_report.nearest import did_you_mean
    from caelum_report.rule_words import silenced

    if rule == subject == "*":
        raise UsageError("say --rule or --subject; a silence of everything would hide everything")
    settings = load(config, None, db)
    existing(settings.database)
    rules = {one.name: one for one in settings.rules}
    if not any(fnmatchcase(name, rule) for name in rules):
        pick(rule, rules, "rule")
    silence = _silence(reason, lasting, author, rule=rule, subject=subject)
    with store.open_store(settings.database) as database:
        names = {*(server.id for server in settings.servers), *(t.subject for t in store.watch(database).tracks)}
        store.add_silence(database, silence)
    typer.echo(f"Silent until {_until(silence, settings.zone)}: {silenced(silence)}.")
    if not any(fnmatchcase(name, subject) for name in names):
        said = (
            f"no server and nothing that is open is called {visible(subject, 80)}{did_you_mean(subject, sorted(names))}"
        )
        typer.echo(f"note: {said}", err=True)


@app.command("unsilence")
def alerts_unsilence(
    silence: Annotated[int, typer.Argument(help="Its number, as `alerts list` says.", metavar="NUMBER")],
    config: ConfigFile = None,
    db: Database = None,
) -> None:
    """End a silence or an acknowledgement now; what still fires and was not told is told by the next run."""
    from caelum_report import store
    from caelum_report.rule_words import silenced

    settings = load(config, None, db)
    existing(settings.database)
    at = now()
    with store.open_store(settings.database) as database:
        standing = {str(one.id): one for one in store.silences(database) if one.until > at}
        one = pick(str(silence), standing, "silence that holds now")
        store.end_silence(database, one.id, at)
    typer.echo(f"Ended: {silenced(one)}.")


def _until(silence: Silence, zone: str) -> str:
    from caelum_report import words

    return f"{words.moment(silence.until, silence.at, zone)} ({words.offset(silence.until, zone)})"


def _silence(reason: str, lasting: str, author: str | None, **of: Any) -> Silence:
    import getpass
    from datetime import timedelta

    from caelum_report.alerting import Silence

    if not reason.strip():
        raise UsageError("--reason: expected a few words; they stand in the report")
    at = now()
    who = visible(author or getpass.getuser(), 80)
    return Silence(0, at, at + timedelta(seconds=_seconds(lasting)), who, visible(reason, 300), **of)


def _seconds(text: str) -> float:
    from caelum_report.config import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"{visible(text, 60)}: expected {error}") from None


# --- rules in caelum.toml -------------------------------------------------------------------------------------------


@app.command("set")
def alerts_set(
    name: Annotated[str, typer.Argument(help="The rule's name; that of a built-in rule takes its place.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(help="Keys of [[rule]]: metric=latency above=800ms for=10m.", metavar="KEY=VALUE"),
    ] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Switch the rule off.")] = False,
    config: ConfigFile = None,
) -> None:
    """Add or change a rule in caelum.toml; comments and order stay as they are."""
    from caelum_report import config as configuration

    said: dict[str, Any] = {"disabled": True} if disabled else {}
    for value in values or ():
        key, equals, text = value.partition("=")
        if not equals:
            raise UsageError(f"{visible(value, 80)}: expected KEY=VALUE; KEY= takes a key away")
        said[key.strip()] = configuration.toml_value(key.strip(), text.strip())
    typer.echo(configuration.set_rule(_file(config), name, said))


@app.command("remove")
def alerts_remove(name: Annotated[str, typer.Argument(help="The rule's name.")], config: ConfigFile = None) -> None:
    """Take a rule out of caelum.toml; a built-in one of its name holds again."""
    from caelum_report import config as configuration

    typer.echo(configuration.remove_rule(_file(config), name))


def _file(config: Path | None) -> Path:
    import os

    from caelum_report.config import find_file

    file = find_file(options(config), os.environ, Path.home())
    if file is None:
        raise UsageError("there is no caelum.toml yet; `caelum-report init` writes one")
    return file


# --- the ways out ---------------------------------------------------------------------------------------------------


@deliver_app.command("list")
def deliver_list(config: ConfigFile = None, db: Database = None) -> None:
    """List the ways out, what waits in the outbox, and why it was not delivered."""
    from caelum_report import store, telling, words

    settings = load(config, None, db)
    if telling.DEAD_MAN in telling.ways(settings):
        typer.echo(f"{telling.DEAD_MAN:24} {'ping':8} every published report")
    for channel in settings.channels:
        reports = f", reports {channel.reports}" if channel.reports != "never" else ""
        digests = f", a digest of each {' and '.join(channel.digests)}" if channel.digests else ""
        state = channel.problem or f"{'alerts' if channel.alerts else 'no alerts'}{reports}{digests}"
        typer.echo(f"{channel.name:24} {channel.kind:8} {state}")
    if not settings.channels:
        typer.echo("No way out is configured; add a [[deliver]] to caelum.toml.")
    if not Path(settings.database).exists():
        return
    with store.open_store(settings.database) as database:
        for errand in store.unsent(database, now()):
            tried = "not tried yet"
            if errand.tries:
                tried = f"tried {words.plural(errand.tries, 'time')}, {visible(errand.error, 200)}"
            typer.echo(f"waiting for {errand.channel}: {visible(errand.subject, 120)} ({tried})")


@deliver_app.command("test")
def deliver_test(
    name: Annotated[str, typer.Argument(help="The way's name, as in [[deliver]].")],
    send: Annotated[
        bool, typer.Option("--send", help="Really send a message marked as a test; a command is really run.")
    ] = False,
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
) -> None:
    """Show what one way out would send, the latest report or a test message; nothing goes anywhere without --send."""
    from caelum_report import telling

    settings = load(config, mcp_config, db)
    pick(name, telling.ways(settings), "way out")
    typer.echo(telling.test_way(settings, name, now(), really=send))
