"""caelum.toml as pydantic checks it: every key there is, and nothing else. Imported when there is something to check."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from caelum_report import words
from caelum_report.errors import UsageError
from caelum_report.model import Paper
from caelum_report.text import visible

from .alarm_tables import ChannelTable, ObjectiveTable, RuleTable, WindowTable, wrong_alarms
from .dashboard_tables import DashboardTable, PanelTable, wrong_dashboards
from .edition_tables import EditionTable, wrong_editions
from .fields import Count, Days, FilePath, Seconds, Share, Size, Table, Text, Variable, site_address, zone_name
from .files import shown
from .places import Keys, places
from .source_tables import SOURCE_TABLES, AnySource, kinds_with


class RetentionTable(Table):
    raw: Days = Field(default=14, description="how long every single probe is kept")
    hourly: Days = Field(default=365, description="how long hourly figures are kept; daily ones stay for ever")


class ArchiveTable(Table):
    hourly: Days = Field(default=3, description="how long the last report of each hour is kept as a page")
    daily: Days = Field(default=92, description="how long the last one of each day; the last of each month for ever")
    size: Size = Field(
        default=500_000_000, description="room for all of them; beyond it the oldest of the hours go first"
    )


class BudgetsTable(Table):
    connect: Seconds = Field(default=5.0, description="look-up, connection and TLS of a remote server")
    request: Seconds = Field(default=10.0, description="one request")
    server: Seconds = Field(default=30.0, description="one server, whatever it sends")
    first_start: Seconds = Field(
        default=120.0, description="the very first start through npx, uvx, pipx, bunx or docker"
    )
    run: Seconds = Field(default=300.0, description="a whole run; servers beyond it are skipped")
    pdf: Seconds = Field(default=120.0, description="the PDF")
    probe_bytes: Size = Field(default=8_000_000, description="what one server may send in a probe")
    inflight_bytes: Size = Field(default=64_000_000, description="what all servers may have in flight together")
    line_bytes: Size = Field(default=4_000_000, description="one line or event")
    header_bytes: Size = Field(default=64_000, description="the headers of one answer")
    stderr_bytes: Size = Field(default=4_096, description="how much of the end of stderr is kept")
    json_values: Count = Field(default=200_000, description="JSON values in a probe")
    json_depth: Count = Field(default=200, description="nesting of JSON")
    number_digits: Count = Field(default=30, description="digits of a JSON number")
    pages: Count = Field(default=100, description="pages of one list")
    tools: Count = Field(default=2_000, description="tools of one server")
    children: Count = Field(default=64, description="processes alive at once")
    timings: Count = Field(default=5, description="short requests a probe, for the latency")


class UsageTable(Table):
    tap_logs: list[FilePath] = Field(
        default_factory=list, description="logs of `caelum-report tap` beside those that tapped entries name"
    )
    claude_code: bool = Field(
        default=False,
        description="read Claude Code's transcripts for calls of MCP tools: names, times and outcomes, nothing else",
    )
    claude_code_folders: list[FilePath] = Field(
        default_factory=lambda: ["~/.claude/projects"], description="where the transcripts are"
    )
    host_logs: list[FilePath] = Field(
        default_factory=list, description='"claude-desktop", "vscode", or folders with such logs'
    )
    otlp_files: list[FilePath] = Field(
        default_factory=list,
        description="files of an OpenTelemetry collector's file exporter (JSON), * for any characters: metrics of MCP calls",
    )
    precedence: list[Literal["metrics", "tap", "host-log", "claude-code"]] = Field(
        default=["metrics", "tap", "host-log", "claude-code"],
        description="of several sources that know a server's calls the first one counts; they are never added up",
    )


class CanaryTable(Table):
    tool: Text = Field(description="the tool to call; refused where it says destructiveHint")
    arguments: dict[str, Any] = Field(default_factory=dict, description="its arguments")


class MaintenanceTable(Table):
    start: datetime = Field(description="when it begins; without an offset, in the report's zone")
    end: datetime = Field(description="when it ends")
    reason: str = Field(default="", description="shown in the report")
    weekly: bool = Field(default=False, description="repeats every seven days of local time")


class ServerTable(Table):
    name: str = Field(description="the server's name; the same as in an mcp.json adds facts to that one")
    command: str | None = Field(default=None, description="the program of a stdio server")
    args: list[str] = Field(default_factory=list, description="its arguments")
    env: dict[str, str] = Field(
        default_factory=dict, description="its environment; ${VAR} and ${file:PATH} are replaced"
    )
    cwd: FilePath | None = Field(default=None, description="the folder that it is started in")
    url: str | None = Field(default=None, description="the address of a remote server")
    headers: dict[str, str] = Field(default_factory=dict, description="sent with every request to it")
    transport: Literal["stdio", "http", "sse"] | None = Field(
        default=None, description="http (Streamable HTTP) unless said"
    )
    group: Text | None = Field(default=None, description="servers of one group stand together")
    owner: Text | None = Field(default=None, description="whom the report names when something needs action")
    objective: Share | None = Field(default=None, description="share of time to be up")
    latency_objective: Seconds | None = Field(default=None, description="slower than this is degraded")
    depends_on: list[str] = Field(default_factory=list, description="names of servers that it needs")
    every: Seconds | None = Field(default=None, description="how often it is asked, if not at every run")
    connect_timeout: Seconds | None = Field(default=None, description="instead of budgets.connect")
    request_timeout: Seconds | None = Field(default=None, description="instead of budgets.request")
    timeout: Seconds | None = Field(default=None, description="instead of budgets.server")
    canary: CanaryTable | None = Field(default=None, description="a tool call that proves the server does its work")
    maintenance: list[MaintenanceTable] = Field(default_factory=list, description="windows in which it may be down")
    disabled: bool = Field(default=False, description="listed, not asked")


class CaelumToml(Table):
    fleet: Text | None = Field(default=None, description="the fleet's name, in titles")
    host: Text | None = Field(default=None, description="this machine's name in the history")
    zone: Annotated[str, BeforeValidator(zone_name)] | None = Field(
        default=None, description="the zone in which times are shown"
    )
    every: Seconds | None = Field(
        default=None, description="how often a report is meant to be made; gaps are judged by it"
    )
    stdio_every: Seconds = Field(default=900.0, description="stdio servers are started at most this often")
    database: FilePath | None = Field(default=None, description="the history")
    output: FilePath = Field(default="reports", description="the folder of the published site")
    publish: Literal["auto", "exchange", "symlink", "in-place"] = Field(
        default="auto", description="how the site is replaced"
    )
    site_url: Annotated[str, BeforeValidator(site_address)] | None = Field(
        default=None, description="the published site's address, for links in mails and feeds"
    )
    pdf: bool = Field(default=True, description="make report.pdf")
    paper: Paper = Field(default="a4", description="the paper of every PDF")
    fail_on: Literal["never", "down", "needs-action"] = Field(
        default="never", description="what ends a run with status 6"
    )
    mcp_configs: list[FilePath] = Field(
        default_factory=list, description="watched mcp.json files; new or changed entries wait for `approve`"
    )
    trust: Literal["approve", "file"] = Field(
        default="approve", description='"file": whoever can edit a watched file may start servers'
    )
    find_configurations: bool = Field(default=True, description="name the MCP configurations that lie on this machine")
    pass_env: list[Variable] = Field(
        default_factory=list, description="variables that started servers get from our own environment"
    )
    path: str = Field(default="", description="the PATH of started servers; empty: our own")
    retention: RetentionTable = Field(default_factory=RetentionTable, description="how long history is kept")
    archive: ArchiveTable = Field(default_factory=ArchiveTable, description="past reports in `archive/` of the site")
    budgets: BudgetsTable = Field(default_factory=BudgetsTable, description="bounds that no server can talk us out of")
    usage: UsageTable = Field(default_factory=UsageTable, description="where real calls of tools are read")
    server: list[ServerTable] = Field(
        default_factory=list, description="servers, and facts about servers of an mcp.json"
    )
    rule: list[RuleTable] = Field(default_factory=list, description="when somebody is told, beside the built-in rules")
    window: list[WindowTable] = Field(default_factory=list, description="maintenance windows of several servers")
    objective: list[ObjectiveTable] = Field(default_factory=list, description="objectives of several servers together")
    deliver: list[ChannelTable] = Field(default_factory=list, description="the ways out: mail, webhook, Apprise, …")
    source: list[AnySource] = Field(default_factory=list, description="who is asked beside the servers")
    dashboard: list[DashboardTable] = Field(default_factory=list, description="pages of one's own")
    edition: list[EditionTable] = Field(default_factory=list, description="the report for other readers")


LISTS: Final = (
    "server",
    "source",
    "rule",
    "window",
    "objective",
    "deliver",
    "dashboard",
    "edition",
)  # [[…]] at the top of the file

TABLES: Final[Mapping[str, type[Table]]] = {
    "": CaelumToml,
    "retention": RetentionTable,
    "archive": ArchiveTable,
    "budgets": BudgetsTable,
    "usage": UsageTable,
    "server": ServerTable,
    "canary": CanaryTable,
    "maintenance": MaintenanceTable,
    "rule": RuleTable,
    "window": WindowTable,
    "objective": ObjectiveTable,
    "deliver": ChannelTable,
    "dashboard": DashboardTable,
    "panel": PanelTable,
    "edition": EditionTable,
}


def keys_of(table: type[Table]) -> dict[str, FieldInfo]:
    """The keys as they are written: `for` is no name that Python has."""
    return {field.alias or name: field for name, field in table.model_fields.items()}


def default_of(table: type[Table], key: str) -> Any:
    return table.model_fields[key].get_default(call_default_factory=True)


# --- judging --------------------------------------------------------------------------------------------------------


def judge(values: Mapping[str, Any], origins: Mapping[str, str], file: Path | None, text: str) -> CaelumToml:
    """The checked settings. `origins` names the environment variable or option that gave a top-level key instead of the file.

    Every mistake is told, one a line, in the order of the file.
    """
    try:
        checked = CaelumToml.model_validate(values)
        mistakes = [(keys, said, expected) for keys, said, expected in _contradictions(checked)]
    except ValidationError as error:
        mistakes = [_mistake(details) for details in error.errors(include_url=False, include_input=False)]
    if not mistakes:
        return checked
    known = places(text)
    lines = []
    for keys, said, expected in mistakes:
        name = "".join(f"[{key + 1}]" if isinstance(key, int) else f".{visible(str(key), 60)}" for key in keys).lstrip(
            "."
        )
        message = f"`{name}`{said}{expected}"
        if (origin := origins.get(str(keys[0]))) is not None:
            lines.append(((0, 0), f"{origin}: {message}"))
        else:
            place = next((known[keys[:end]] for end in range(len(keys), 0, -1) if keys[:end] in known), (1, 1))
            lines.append((place, f"{shown(file or '')}:{place[0]}:{place[1]}: {message}"))
    raise UsageError("\n".join(dict.fromkeys(line for _, line in sorted(lines))))


def _contradictions(checked: CaelumToml) -> Iterator[tuple[Keys, str, str]]:
    """What no single key shows."""
    names: dict[str, int] = {}
    for number, server in enumerate(checked.server):
        at: Keys = ("server", number)
        if server.name in names:
            yield (*at, "name"), ": ", f"expected another name; [[server]] number {names[server.name] + 1} has this one"
        names.setdefault(server.name, number)
        if server.command is not None and server.url is not None:
            yield (*at, "url"), ": ", "expected either `command` or `url`, not both"
        if server.transport == "stdio" and server.url is not None:
            yield (*at, "transport"), ": ", 'expected "http" or "sse" beside `url`'
        if server.transport in {"http", "sse"} and server.command is not None:
            yield (*at, "transport"), ": ", 'expected "stdio" beside `command`'
        orphans = [key for key in ("args", "env", "cwd") if getattr(server, key) and server.command is None]
        orphans += [key for key in ("headers",) if getattr(server, key) and server.url is None]
        for key in orphans:
            yield (*at, key), ": ", f"expected only beside `{'url' if key == 'headers' else 'command'}`"
        for index, window in enumerate(server.maintenance):
            if (window.start.tzinfo is None) != (window.end.tzinfo is None):
                yield (
                    (*at, "maintenance", index, "end"),
                    ": ",
                    "expected an offset on both of start and end, or on none",
                )
            elif window.end <= window.start:
                yield (*at, "maintenance", index, "end"), ": ", "expected a time after `start`"
    sources: dict[str, int] = {}
    for number, source in enumerate(checked.source):
        if source.name in sources:
            other = f"expected another name; [[source]] number {sources[source.name] + 1} has this one"
            yield ("source", number, "name"), ": ", other
        sources.setdefault(source.name, number)
    yield from wrong_alarms(checked)
    yield from wrong_dashboards(checked)
    yield from wrong_editions(checked)
    if checked.retention.hourly < checked.retention.raw:
        yield ("retention", "raw"), ": ", "expected at most as long as `retention.hourly`"


_EXPECTED: Final = {
    "bool_type": "true or false",
    "string_type": "a string in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "datetime_type": "a date and time such as 2026-12-24T22:00:00",
}


def _mistake(details: ErrorDetails) -> tuple[Keys, str, str]:
    keys = details["loc"]
    kind, context = details["type"], details.get("ctx", {})
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return (*keys, "kind"), *_kind(context.get("tag"))
    plain = _without_kind(keys)
    if kind == "extra_forbidden":
        return plain, " is not a key here", _nearest(keys)
    if kind == "missing":
        return plain, " is missing: ", str(_table(keys).model_fields[str(keys[-1])].description)
    if len(keys) == 1 and keys[0] in LISTS:
        return keys, ": ", f"expected [[{keys[0]}]], with two pairs of brackets"
    if kind == "too_short":
        return plain, ": ", "expected at least one"
    keys = plain
    if kind == "value_error":
        return keys, ": ", f"expected {context['error']}"
    if kind == "literal_error":
        return keys, ": ", f"expected {str(context['expected']).replace(chr(39), chr(34))}"
    return keys, ": ", f"expected {_EXPECTED.get(kind, details['msg'])}"


def _without_kind(keys: Keys) -> Keys:
    """As the file has them: pydantic puts the kind of a source among the keys."""
    return (*keys[:2], *keys[3:]) if keys[0] == "source" and len(keys) > 2 and keys[2] in SOURCE_TABLES else keys


def _kind(tag: object) -> tuple[str, str]:
    """What is said of a source's kind that is missing or unknown."""
    if tag is None:
        return " is missing: ", f"one of {', '.join(SOURCE_TABLES)}"
    near = difflib.get_close_matches(str(tag).lower().replace("_", "-"), SOURCE_TABLES, 1, 0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"the kinds are {', '.join(SOURCE_TABLES)}"
    return " is not a kind of source; ", hint


def _nearest(keys: Keys) -> str:
    """The valid key that was probably meant, or the table where this one belongs."""
    key, table = str(keys[-1]), _table(keys)
    if near := difflib.get_close_matches(key.lower().replace("-", "_"), keys_of(table), 1, 0.6):
        return f"; did you mean `{near[0]}`?"
    if table in SOURCE_TABLES.values() and (kinds := kinds_with(key)):
        return f"; it belongs to sources of the {'kind' if len(kinds) == 1 else 'kinds'} {words.listing(kinds, 9)}"
    for name, other in TABLES.items():
        if other is not table and key in keys_of(other):
            where = (
                f"[[{name}]]"
                if name in LISTS or name in {"maintenance", "panel"}
                else f"[{name}]"
                if name
                else "the top of the file"
            )
            return f"; it belongs to {where}"
    return f"; the keys here are {', '.join(keys_of(table))}"


def _table(keys: Keys) -> type[Table]:
    """The table that holds the last of `keys`."""
    table: type[Table] = CaelumToml
    for key in keys[:-1]:
        if keys[0] == "source" and key in SOURCE_TABLES:
            table = SOURCE_TABLES[str(key)]
            continue
        field = table.model_fields.get(str(key))
        table = next(_tables_in(field.annotation), table) if field is not None else table
    return table


def _tables_in(annotation: Any) -> Iterator[type[Table]]:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for argument in get_args(annotation):
        yield from _tables_in(argument)
