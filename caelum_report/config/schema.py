"""caelum.toml as pydantic checks it: every key there is, and nothing else. Imported when there is something to check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic.fields import FieldInfo

from caelum_report.model import Paper

from .alarm_tables import ChannelTable, ObjectiveTable, RuleTable, WindowTable
from .dashboard_tables import DashboardTable, PanelTable
from .edition_tables import EditionTable
from .fields import Count, Days, FilePath, Seconds, Share, Size, Table, Text, Variable, site_address, zone_name
from .source_tables import AnySource


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
    stdio_every: Seconds = Field(
        default=900.0, description="stdio servers are started at most this often; `--now` asks at once"
    )
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


# [[…]] at the top of the file
LISTS: Final = ("server", "source", "rule", "window", "objective", "deliver", "dashboard", "edition")

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
