"""[[source]] blocks: who is asked beside the MCP servers. A kind is one table here and one file in `collect/sources`.

${VAR} and ${file:PATH} are replaced in every text of a block, so that a secret never stands in the file. A key that a
variable of `ENVIRONMENT` gives may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field

from .fields import JmesPath, MetricName, Seconds, Table, Text


class SourceTable(Table):
    """What every kind has."""

    name: Text = Field(description="the source's name in the report")
    server: Text | None = Field(default=None, description="the server that its figures are about, if it is one")
    timeout: Seconds = Field(default=10.0, description="the time it has in a run")


class HttpTable(SourceTable):
    """What is asked over HTTP. At most one of `token` and `user` is needed; `headers` are for everything else."""

    url: str | None = Field(default=None, description="its address")
    headers: dict[str, str] = Field(default_factory=dict, description="sent with every request to it")
    token: str | None = Field(default=None, description="sent as Authorization: Bearer")
    user: str | None = Field(default=None, description="sent as Authorization: Basic, with `password`")
    password: str | None = Field(default=None, description="of `user`")


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


class McpToolTable(SourceTable):
    """A read-only tool of a configured server, called every run."""

    kind: Literal["mcp-tool"] = Field(description="the result of a read-only tool of a configured server")
    server: Text = Field(description="the configured server that has the tool")
    tool: Text = Field(description="the tool; refused where it says destructiveHint, or that it is not read-only")
    arguments: dict[str, Any] = Field(default_factory=dict, description="its arguments")
    metric: list[MetricTable] = Field(
        min_length=1, description="[[source.metric]] blocks, on the structured content or the JSON of its first text"
    )


AnySource = Annotated[HttpJsonTable | McpToolTable, Field(discriminator="kind")]

SOURCE_TABLES: Final[Mapping[str, type[SourceTable]]] = {
    get_args(table.model_fields["kind"].annotation)[0]: table for table in get_args(get_args(AnySource)[0])
}

# Keys that a variable gives where a block does not say them. Where the first key's variable is set and no block is of
# that kind, there is a source named after the kind.
ENVIRONMENT: Final[Mapping[str, Mapping[str, str]]] = {}
