"""Everything that a run needs to know, resolved once into one frozen `Config`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from caelum_report.archived import Keeping
from caelum_report.configured import Config
from caelum_report.default_rules import DEFAULT_RULES
from caelum_report.errors import UsageError
from caelum_report.model import Budgets, Canary, FoundConfiguration, Note, Server, Source, Transport, Window
from caelum_report.nearest import did_you_mean
from caelum_report.text import looks_secret, slug, visible

from . import alarm_settings
from .dialects import Entry, read_entries
from .endpoint import command_endpoint, url_problem
from .files import read_text, shown
from .hosts import find_configurations
from .nobody import about_nobody, aliases_of_nobody
from .secrets import in_value
from .servers import Named, join, resolve
from .settings import VARIABLES, Options, Settings, is_debug, settle
from .sources import sources_of
from .usage import usage_settings
from .variables import Variables

if TYPE_CHECKING:
    from caelum_report.alerting import Channel

    from .schema import BudgetsTable, MaintenanceTable, ServerTable

OWN_SERVER: Final = "caelum-report"


def load(options: Options, environ: Mapping[str, str], home: Path) -> Config:
    """The configuration of a run. UsageError where a file is missing, broken or writable by others."""
    return resolved(settle(options, environ, home), options)


def resolved(settings: Settings, options: Options) -> Config:
    from .dashboard_tables import dashboards
    from .edition_tables import editions

    toml, output = settings.toml, settings.path("output")
    database = _unpublished(settings.database, output)
    variables = variables_of(settings)
    named, unread = _named_servers(settings, options)
    servers, needing_nobody = _with_facts(join(named), toml.server, settings)
    servers = alarm_settings.with_windows(servers or (own_server(database),), toml.window, settings.zone)
    sources, source_secrets = sources_of(settings, variables)
    sources, about_strangers = _with_servers(sources, [server.id for server in servers])
    channels = alarm_settings.channels(toml.deliver, variables)
    objectives = alarm_settings.objectives(toml.objective)
    ping_url = _ping_url(variables)
    secrets = {secret for each in named for secret in each.secrets} | _own_secrets(settings) | source_secrets
    secrets |= {secret for secret in alarm_settings.secrets(channels) if len(secret) >= 8}
    secrets |= {ping_url} if ping_url else set()
    return Config(
        fleet=visible(toml.fleet or settings.host),
        host=settings.host,
        zone=settings.zone,
        every_seconds=toml.every,
        stdio_every_seconds=toml.stdio_every,
        database=database,
        output=output,
        publish=toml.publish,
        site_url=toml.site_url,
        servers=servers,
        sources=sources,
        usage=usage_settings(settings),
        budgets=_budgets(toml.budgets),
        pass_env=tuple(toml.pass_env),
        path=toml.path,
        raw_days=toml.retention.raw,
        hourly_days=toml.retention.hourly,
        archive=Keeping(toml.archive.hourly, toml.archive.daily, toml.archive.size),
        pdf=toml.pdf,
        paper=toml.paper,
        fail_on=toml.fail_on,
        scheduled=toml.every is not None,
        found=_found(settings, servers),
        notes=(
            *_root_note(),
            *settings.notes,
            *unread,
            *needing_nobody,
            *about_strangers,
            *_unusable(channels),
            *about_nobody(settings, servers),
            *aliases_of_nobody(settings, servers, objectives),
        ),
        ping_url=ping_url,
        secrets=tuple(sorted(secrets)),
        rules=alarm_settings.rules(toml.rule, DEFAULT_RULES),
        channels=channels,
        objectives=objectives,
        dashboards=dashboards(toml.dashboard),
        editions=editions(toml.edition, output, settings.placed),
        file=str(settings.file) if settings.file is not None else None,
        debug=is_debug(settings.environ),
    )


def _unpublished(database: str, output: str) -> str:
    """UsageError where the history would lie among the pages."""
    if os.path.realpath(database).startswith(os.path.realpath(output) + os.sep):
        raise UsageError(
            f"database: {shown(database)} lies in the published folder; choose a place outside {shown(output)}"
        )
    return database


def _ping_url(variables: Variables) -> str | None:
    url = variables.get("CAELUM_PING_URL") or None
    if url is not None and (problem := url_problem(url)):
        raise UsageError(f"CAELUM_PING_URL: {problem.replace('`url`', 'it')}")
    return url


def _found(settings: Settings, servers: Sequence[Server]) -> tuple[FoundConfiguration, ...]:
    """Configurations that lie on this machine and that no server here comes from."""
    if not settings.toml.find_configurations:
        return ()
    read = {source for server in servers for source in server.sources}
    return tuple(each for each in find_configurations(settings.environ, settings.home) if each.path not in read)


def own_server(database: str) -> Server:
    """The one server that every machine can probe on its first day: the latest report, as `caelum-report mcp` serves it."""
    args = ("-m", "caelum_report", "mcp", "--db", database)
    return Server(
        id=OWN_SERVER,
        slug=slug(OWN_SERVER),
        transport=Transport.STDIO,
        command=sys.executable,
        args=args,
        endpoint=command_endpoint(sys.executable, len(args)),
    )


def _root_note() -> tuple[Note, ...]:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ()
    return (
        Note("root", "the report runs as root, and so does every server that it starts; give it a user of its own"),
    )


def _unusable(channels: Sequence[Channel]) -> tuple[Note, ...]:
    return tuple(
        Note("way-unusable", f"nothing goes out by {one.name}, messages wait: {one.problem}")
        for one in channels
        if one.problem
    )


def _budgets(table: BudgetsTable) -> Budgets:
    said = table.model_dump()
    plain = {key: value for key, value in said.items() if key in Budgets.__slots__}
    return Budgets(**plain, **{f"{key}_seconds": value for key, value in said.items() if key not in plain})


def _own_secrets(settings: Settings) -> set[str]:
    """Secrets of our own environment that may come back to us: those of later sources, of the .env, of passed variables."""
    kept = {name for name, variable in VARIABLES.items() if variable.secret} | set(settings.toml.pass_env)
    secrets: set[str] = set()
    for name, value in settings.environ.items():
        if name in kept or (settings.env_file is not None and looks_secret(name, value)):
            secrets.update(secret for secret in in_value(name, value) if len(secret) >= 8)
    return secrets


# --- servers --------------------------------------------------------------------------------------------------------


def _named_servers(settings: Settings, options: Options) -> tuple[list[Named], list[Note]]:
    """Every entry of every file, in the order of trust: caelum.toml, files named for this run, watched files."""
    variables = variables_of(settings)
    search_path = settings.toml.path or settings.environ.get("PATH", "")
    named = [
        resolve(entry, variables, search_path, watched=False)
        for block in settings.toml.server
        if (entry := _entry(block, settings)) is not None
    ]
    notes: list[Note] = []
    given = tuple(path.absolute() for path in options.mcp_config)
    watched = settings.toml.trust == "approve"
    files = dict.fromkeys(given, False) | {path: watched for path in settings.watched_files if path not in given}
    for path, is_watched in files.items():
        entries = read_entries(path, read_text(path))
        if not entries:
            notes.append(Note("no-servers", f"{shown(path)} names no servers"))
        named += (resolve(entry, variables, search_path, watched=is_watched) for entry in entries)
    return named, notes


def variables_of(settings: Settings) -> Variables:
    credentials = settings.environ.get("CREDENTIALS_DIRECTORY")
    return Variables(
        settings.environ, settings.home, settings.folder, credentials=Path(credentials) if credentials else None
    )


def _entry(block: ServerTable, settings: Settings) -> Entry | None:
    """A block that says how to reach its server; others add facts to a server of an mcp.json."""
    if settings.file is None or (block.command is None and block.url is None):
        return None
    transport = Transport.STDIO if block.url is None else Transport(block.transport or "http")
    return Entry(
        name=block.name,
        source="caelum",
        file=settings.file,
        folder=settings.folder,
        transport=transport,
        command=block.command,
        args=tuple(block.args),
        cwd=block.cwd,
        env=tuple(block.env.items()),
        url=block.url,
        headers=tuple(block.headers.items()),
    )


def _with_facts(
    servers: Sequence[Server], blocks: Sequence[ServerTable], settings: Settings
) -> tuple[tuple[Server, ...], list[Note]]:
    """Servers with what their blocks add; and a note for every name that leads nowhere."""
    by_name = {server.id: server for server in servers}
    for block in blocks:
        server = by_name.get(block.name) or _nowhere(block.name, list(by_name), settings)
        by_name[block.name] = _with_block(server, block, settings.zone)
    notes = [
        Note(
            "depends-on-nobody", f"{visible(server.id, 80)} depends on {visible(name, 80)}, which is not a server here"
        )
        for server in by_name.values()
        for name in server.depends_on
        if name not in by_name
    ]
    return tuple(by_name.values()), notes


def _with_servers(sources: Sequence[Source], names: Sequence[str]) -> tuple[tuple[Source, ...], list[Note]]:
    """Sources that ask a server that is not there cannot be used; those that are only about it get a note."""
    found, notes = [], []
    for source in sources:
        name = source.options.get("server")
        if name is None or name in names:
            found.append(source)
        elif source.kind == "mcp-tool":
            problem = source.problem or f"no server {visible(name, 80)} is configured{did_you_mean(name, names)}"
            found.append(replace(source, problem=problem))
        else:
            found.append(source)
            text = f"the source {source.name} is about {visible(name, 80)}, which is not a server here"
            notes.append(Note("source-of-nobody", text + did_you_mean(name, names)))
    return tuple(found), notes


def _nowhere(name: str, names: Sequence[str], settings: Settings) -> Server:
    """A block without command and URL whose name no mcp.json has: that server is the one that suffers."""
    return Server(
        id=name,
        slug=slug(name),
        transport=Transport.STDIO,
        endpoint="nowhere",
        sources=(str(settings.file),),
        problem=f"it has neither `command` nor `url`, and no mcp.json names it{did_you_mean(name, names)}",
    )


def _with_block(server: Server, block: ServerTable, zone: str) -> Server:
    canary = None
    if block.canary is not None:
        canary = Canary(block.canary.tool, json.dumps(block.canary.arguments, sort_keys=True, default=str))
    return replace(
        server,
        group=_visible(block.group),
        owner=_visible(block.owner),
        depends_on=tuple(dict.fromkeys(block.depends_on)),
        objective=block.objective,
        latency_objective_seconds=block.latency_objective,
        every_seconds=block.every,
        connect_seconds=block.connect_timeout,
        request_seconds=block.request_timeout,
        server_seconds=block.timeout or server.server_seconds,
        canary=canary,
        maintenance=tuple(_window(window, zone) for window in block.maintenance),
        skip="disabled" if block.disabled else server.skip,
        problem=None if block.disabled else server.problem,
    )


def _visible(text: str | None) -> str | None:
    return None if text is None else visible(text)


def _window(window: MaintenanceTable, zone: str) -> Window:
    return Window(_aware(window.start, zone), _aware(window.end, zone), visible(window.reason), window.weekly)


def _aware(at: datetime, zone: str) -> datetime:
    """In the report's zone, so that a weekly window keeps its local time over a change of the clock."""
    return at.replace(tzinfo=ZoneInfo(zone)) if at.tzinfo is None else at.astimezone(ZoneInfo(zone))


# --- consent --------------------------------------------------------------------------------------------------------


def consent(config: Config, approved: Mapping[str, str]) -> Config:
    """Servers of watched files that are new, or not what they were when they were approved, are skipped."""
    return replace(config, servers=tuple(_judged(server, approved) for server in config.servers))


def pending(config: Config, approved: Mapping[str, str]) -> tuple[Server, ...]:
    """The servers that wait for `approve`, as `load` gave them."""
    return tuple(server for server in config.servers if _waits(server, approved))


def _waits(server: Server, approved: Mapping[str, str]) -> bool:
    return server.watched and server.skip is None and approved.get(server.id) != server.fingerprint


def _judged(server: Server, approved: Mapping[str, str]) -> Server:
    if not _waits(server, approved):
        return server
    why = "changed since it was approved" if server.id in approved else "new in a watched file"
    return replace(server, skip=f"not approved: {why}; caelum-report approve shows it", problem=None)
