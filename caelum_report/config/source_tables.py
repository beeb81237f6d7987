"""[[source]] blocks: who is asked beside the MCP servers. A kind is one table here and one file in `collect/sources`.

${VAR} and ${file:PATH} are replaced in every text of a block, so that a secret never stands in the file. A key that a
variable of `ENVIRONMENT` gives may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, model_validator

from .fields import FilePath, GrafanaLink, JmesPath, MetricName, Pattern, Seconds, Table, Text

CallPreset = Literal["otel", "toolhive", "agentgateway", "litellm"]


class SourceTable(Table):
    """What every kind has."""

    name: Text = Field(description="the source's name in the report")
    server: Text | None = Field(default=None, description="the server that its figures are about, if it is one")
    timeout: Seconds = Field(default=10.0, description="the time it has in a run")


class AddressTable(SourceTable):
    """What has an address. At most one of `token` and `user` is needed; `headers` are for everything else."""

    url: str | None = Field(default=None, description="its address")
    headers: dict[str, str] = Field(default_factory=dict, description="sent with every request to it")
    token: str | None = Field(default=None, description="sent as Authorization: Bearer")
    user: str | None = Field(default=None, description="sent as Authorization: Basic, with `password`")
    password: str | None = Field(default=None, description="of `user`")


class HttpTable(AddressTable):
    """What is asked over HTTP."""


class MetricTable(Table):
    name: MetricName = Field(description="the figure's name")
    value: JmesPath = Field(description="JMESPath to its number")
    each: JmesPath | None = Field(
        default=None,
        description="JMESPath to a list; `value`, `subject` and `labels` then start from each of its items",
    )
    subject: JmesPath | None = Field(default=None, description="JMESPath to the name of the server it is about")
    labels: dict[str, JmesPath] = Field(default_factory=dict, description="names, and JMESPath to their texts")
    unit: str = Field(default="", description="seconds, bytes, percent, count, ratio, … or a word of your own")
    counter: bool = Field(default=False, description="it counts since some start: its rate a second is shown")


class HttpJsonTable(HttpTable):
    """JSON over HTTP, mapped to figures."""

    kind: Literal["http-json"] = Field(description="JSON over HTTP, mapped to figures by JMESPath")
    url: str | None = Field(default=None, description="its address; one that begins with / is below $CAELUM_BASE_URL")
    metric: list[MetricTable] = Field(
        default_factory=list, description="[[source.metric]] blocks; without any it is only asked whether it answers"
    )
    preset: Literal["contextforge"] | None = Field(
        default=None, description="ContextForge's GET /metrics: real calls of MCP tools, which count as usage"
    )


class McpToolTable(SourceTable):
    """A read-only tool of a configured server, called every run."""

    kind: Literal["mcp-tool"] = Field(description="the result of a read-only tool of a configured server")
    server: Text = Field(description="the configured server that has the tool")
    tool: Text = Field(description="the tool; refused where it says destructiveHint, or that it is not read-only")
    arguments: dict[str, Any] = Field(default_factory=dict, description="its arguments")
    metric: list[MetricTable] = Field(
        min_length=1, description="[[source.metric]] blocks, on the structured content or the JSON of its first text"
    )


class ScrapeTable(HttpTable):
    """A /metrics page."""

    kind: Literal["prometheus-scrape"] = Field(description="a /metrics page, as Prometheus text or OpenMetrics")
    metrics: list[Text] = Field(
        default_factory=list, description='names to keep; * stands for anything: ["http_requests_*"]'
    )
    subject: Text | None = Field(default=None, description="the label that names the server a figure is about")
    presets: list[CallPreset] = Field(
        default_factory=list, description="who publishes real calls of MCP tools there; they count as usage"
    )

    @model_validator(mode="after")
    def _something(self) -> ScrapeTable:
        if not self.metrics and not self.presets:
            raise ValueError("`metrics` to keep, or `presets` of who publishes real calls there")
        return self


class QueryTable(Table):
    name: MetricName = Field(description="the figure's name")
    query: str = Field(description="the query")
    unit: str = Field(default="", description="seconds, bytes, percent, count, ratio, … or a word of your own")
    counter: bool = Field(default=False, description="it counts since some start: its rate a second is shown")
    subject: Text | None = Field(default=None, description="the label or tag that names the server it is about")


class PromQLTable(QueryTable):
    range: Seconds | None = Field(default=None, description="ask for all points of so long; without it, for one of now")
    step: Seconds = Field(default=60.0, description="between the points of a range, or of an import")


class PrometheusTable(HttpTable):
    """PromQL."""

    kind: Literal["prometheus"] = Field(description="PromQL against a Prometheus server, or one that answers like it")
    query: list[PromQLTable] = Field(
        default_factory=list, description="[[source.query]] blocks; without any, how many of its targets are up"
    )
    presets: list[CallPreset] = Field(
        default_factory=list,
        description="queries for real calls of MCP tools, as these publish them, with their durations; they count as usage",
    )
    subject: Text | None = Field(
        default=None,
        description="of `presets`: the label that names the server; unless said the publisher's own, for otel `job`",
    )


class InfluxQueryTable(QueryTable):
    query: str = Field(description="the query; $start and $end in it are the window of the run, or of an import")
    column: Text | None = Field(
        default=None, description="the column of the number; the first that is one, unless said"
    )
    range: Seconds = Field(default=3600.0, description="the window of a run")


class InfluxTable(HttpTable):
    """InfluxDB of any version."""

    kind: Literal["influxdb"] = Field(description="InfluxQL, Flux or SQL against an InfluxDB")
    database: Text | None = Field(default=None, description="the database of InfluxQL and SQL; `bucket` unless said")
    bucket: Text | None = Field(default=None, description="the bucket")
    org: Text | None = Field(default=None, description="the organisation, for Flux")
    language: Literal["influxql", "flux", "sql"] = Field(
        default="influxql", description="influxql (1.x and later), flux (2.x) or sql (3.x)"
    )
    query: list[InfluxQueryTable] = Field(
        default_factory=list, description="[[source.query]] blocks; without any it is only asked whether it answers"
    )


class WebSocketTable(AddressTable):
    """A stream of events."""

    kind: Literal["websocket"] = Field(description="a WebSocket stream, listened to for a window")
    url: str | None = Field(default=None, description="its address, ws:// or wss://")
    send: str | None = Field(default=None, description="a message to send first, a subscription say")
    window: Seconds = Field(default=5.0, description="how long it is listened to; less than `timeout`")
    event: JmesPath | None = Field(default=None, description="JMESPath to the kind of an event; each is counted")
    metric: list[MetricTable] = Field(
        default_factory=list, description="[[source.metric]] blocks, on every message; the last value counts"
    )

    @model_validator(mode="after")
    def _in_time(self) -> WebSocketTable:
        if self.window >= self.timeout:
            raise ValueError(f"a `window` shorter than `timeout`; they are {self.window:g} s and {self.timeout:g} s")
        return self


class RedisTable(SourceTable):
    """A Redis as a service."""

    kind: Literal["redis"] = Field(description="the health and the figures of a Redis")
    url: str | None = Field(default=None, description="redis://, rediss:// (TLS) or unix://, with user and password")


class PostgresqlTable(SourceTable):
    """A PostgreSQL as a service."""

    kind: Literal["postgresql"] = Field(description="the health and the figures of a PostgreSQL")
    url: str | None = Field(
        default=None, description="postgresql://, with user, password, database and libpq's settings"
    )


class InfluxdbHealthTable(HttpTable):
    """An InfluxDB as a service."""

    kind: Literal["influxdb-health"] = Field(description="the health and the figures of an InfluxDB itself")


class PrometheusHealthTable(HttpTable):
    """A Prometheus as a service."""

    kind: Literal["prometheus-health"] = Field(description="the health and the figures of a Prometheus itself")


class GrafanaTable(HttpTable):
    """A Grafana as a service."""

    kind: Literal["grafana"] = Field(description="the health of a Grafana, and links to it")
    server_link: GrafanaLink | None = Field(
        default=None,
        description='a dashboard below `url` that each server\'s page leads to: "/d/mcp?var-server={server}&from={from}&to={to}"',
    )
    host_link: GrafanaLink | None = Field(
        default=None, description="the same for each host, with {host}; {from} and {to} are the report's last 24 hours"
    )


class DockerTable(SourceTable):
    """Containers of a Docker or Podman engine."""

    kind: Literal["docker"] = Field(description="state, restarts, OOM kills, processor and memory of containers")
    url: str = Field(
        default="unix:///var/run/docker.sock",
        description="the engine: unix://, http://, https:// or tcp:// (with TLS where `ca` or `cert` is said); only GET is sent",
    )
    ca: FilePath | None = Field(default=None, description="the authority that signed the engine's certificate, PEM")
    cert: FilePath | None = Field(default=None, description="our certificate for the engine, PEM")
    key: FilePath | None = Field(default=None, description="the key of `cert`, PEM; of nobody else's to read")
    containers: list[Text] = Field(default_factory=list, description="their names, * for any characters; empty: all")


class LogMetricTable(Table):
    """A figure of a log's lines: by a pattern, or of lines of JSON by JMESPath."""

    name: MetricName = Field(description="the figure's name")
    pattern: Pattern | None = Field(
        default=None,
        description="a regular expression; its groups (?P<value>…) and (?P<subject>…) are what they say, others are labels",
    )
    where: JmesPath | None = Field(default=None, description="of lines of JSON: JMESPath that is true of those meant")
    value: JmesPath | None = Field(default=None, description="of lines of JSON: JMESPath to its number")
    subject: JmesPath | None = Field(default=None, description="JMESPath to the name of the server it is about")
    labels: dict[str, JmesPath] = Field(default_factory=dict, description="names, and JMESPath to their texts")
    give: Literal["count", "sum", "mean", "p50", "p95", "max", "last"] = Field(
        default="count",
        description="count or sum of the lines, shown as its rate a second; or one number of the new lines' values",
    )
    unit: str = Field(default="", description="seconds, bytes, percent, count, ratio, … or a word of your own")

    @model_validator(mode="after")
    def _one_way(self) -> LogMetricTable:
        if (self.pattern is None) == (self.where is None and self.value is None):
            raise ValueError("either `pattern`, or `where` or `value` for lines of JSON")
        has_value = "(?P<value>" in self.pattern if self.pattern else self.value is not None
        if self.give != "count" and not has_value:
            raise ValueError(f"a value to give the {self.give} of: a group (?P<value>…), or `value` for lines of JSON")
        return self


class LogTable(SourceTable):
    """Log files and systemd's journal."""

    kind: Literal["log"] = Field(description="log files and systemd's journal: errors by kind, counts and figures")
    timeout: Seconds = Field(default=30.0, description="the time it has in a run; what is left is the next run's")
    files: list[FilePath] = Field(
        default_factory=list,
        description='files, rotated and .gz ones too: * stands for any characters, ** for any folders ("/var/log/app.log*")',
    )
    journal: list[Text] = Field(
        default_factory=list, description='systemd units whose journal is read; "*" is all of it'
    )
    preset: Literal["claude-desktop", "vscode"] | None = Field(
        default=None, description="the logs that this MCP host writes of its servers; figures are about each server"
    )
    errors: Pattern | None = Field(
        default=None, description="which lines are errors; without it, those that call themselves so"
    )
    metric: list[LogMetricTable] = Field(default_factory=list, description="[[source.metric]] blocks, on every line")


AnySource = Annotated[
    HttpJsonTable
    | McpToolTable
    | ScrapeTable
    | PrometheusTable
    | InfluxTable
    | WebSocketTable
    | RedisTable
    | PostgresqlTable
    | InfluxdbHealthTable
    | PrometheusHealthTable
    | GrafanaTable
    | DockerTable
    | LogTable,
    Field(discriminator="kind"),
]

SOURCE_TABLES: Final[Mapping[str, type[SourceTable]]] = {
    get_args(table.model_fields["kind"].annotation)[0]: table for table in get_args(get_args(AnySource)[0])
}


def kinds_with(key: str) -> list[str]:
    """The kinds whose blocks have a key."""
    return [kind for kind, table in SOURCE_TABLES.items() if key in table.model_fields]


# Keys that a variable gives where a block does not say them. Where the first key's variable is set and no block is of
# that kind, there is a source named after the kind, those of `QUERIED` left out.
ENVIRONMENT: Final[Mapping[str, Mapping[str, str]]] = {
    "prometheus": {"url": "PROMETHEUS_URL"},
    "influxdb": {
        "url": "INFLUXDB_URL",
        "token": "INFLUXDB_TOKEN",
        "org": "INFLUXDB_ORG",
        "bucket": "INFLUXDB_BUCKET",
    },
    "redis": {"url": "REDIS_URL"},
    "postgresql": {"url": "POSTGRES_URL"},
    "influxdb-health": {"url": "INFLUXDB_URL"},
    "prometheus-health": {"url": "PROMETHEUS_URL"},
    "grafana": {"url": "GRAFANA_URL"},
}

QUERIED: Final = {"prometheus", "influxdb"}  # nothing to ask without a block; their health has a kind of its own

# What the address of a kind that is not asked over plain HTTP may begin with.
SCHEMES: Final[Mapping[str, tuple[str, ...]]] = {
    "websocket": ("ws", "wss"),
    "redis": ("redis", "rediss", "unix"),
    "postgresql": ("postgresql", "postgres"),
    "docker": ("unix", "http", "https", "tcp"),
}
