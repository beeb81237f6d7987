"""The JSON Schema of every document for programs, by the name of the document. Made from the value types that the documents
are made of, and from the same tables of keys; so neither can say what the other does not.

Keys are only ever added below `api/v1/`; readers should allow for more of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from caelum_report import codec
from caelum_report.document import (
    BottleneckReport,
    ContractChange,
    Day,
    Episode,
    Finding,
    Forecast,
    ForecastRecord,
    Judging,
    Looming,
    PinReport,
    ReadinessRule,
    ReadyServer,
    Remark,
    SeriesReport,
    ServerReport,
    ServerUsage,
    SourceReport,
    StageReport,
    SuspectReport,
    ToolReport,
    ToolUsage,
    Uptime,
    UsedTogether,
    WaitShare,
)
from caelum_report.model import Note, Tool

from . import api
from .page_one import PageOne

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_BOOLEAN: Final[Schema] = {"type": "boolean"}


class _WithoutTitles(GenerateJsonSchema):
    """A key repeated with a capital letter says nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def schemas() -> dict[str, Schema]:
    """Each whole in itself, with the definitions that it needs."""
    return {name: _standing_alone(name, schema) for name, schema in _documents().items()}


def components() -> dict[str, Schema]:
    """All documents and all that they are made of, for one OpenAPI document."""
    everything = {**_definitions(), **_documents()}
    text = json.dumps(everything).replace('"#/$defs/', '"#/components/schemas/')
    return dict(json.loads(text))


@cache
def _definitions() -> dict[str, Schema]:
    _, schema = TypeAdapter.json_schemas(
        [("page", "serialization", TypeAdapter(PageOne)), ("report", "serialization", codec.adapter())],
        schema_generator=_WithoutTitles,
    )
    return dict(schema["$defs"])


def _standing_alone(name: str, schema: Schema) -> Schema:
    needed: dict[str, Schema] = {}
    open_ends = _references(schema)
    while open_ends:
        one = open_ends.pop()
        if one not in needed:
            needed[one] = _definitions()[one]
            open_ends |= _references(needed[one])
    return {"$schema": DIALECT, "title": name, **schema, "$defs": dict(sorted(needed.items()))}


def _references(schema: Schema) -> set[str]:
    return set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))


# --- the pieces -----------------------------------------------------------------------------------------------------


def _object(properties: Mapping[str, Schema], says: str = "") -> Schema:
    described = {"description": says} if says else {}
    return {**described, "type": "object", "properties": dict(properties), "required": list(properties)}


def _keys(kind: type, names: Iterable[str] | None = None) -> dict[str, Schema]:
    """The schemas of fields of a value type; of all of them where none is named."""
    properties: dict[str, Schema] = _definitions()[kind.__name__]["properties"]
    return {name: properties[name] for name in (properties if names is None else names)}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _map(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_HEAD: Final = {"report": _TEXT, "number": _WHOLE, "at": _TIME, "fleet": _TEXT}


def _file(properties: Mapping[str, Schema], says: str = "") -> Schema:
    """A document, which says first which report it is of."""
    return _object({**_HEAD, **properties}, says)


# --- the documents --------------------------------------------------------------------------------------------------


@cache
def _documents() -> dict[str, Schema]:
    return {
        "latest": _latest(),
        "report": {**_ref("Report"), "description": "The whole report document."},
        "dashboard": _file(_keys(PageOne), "Page 1, in its order and cut where it is cut."),
        "servers": _file({"servers": _list(_object(_server()))}, "Every server, worst first."),
        "server": _file({"server": _object(_whole_server())}, "One server, with all that its page shows."),
        "metrics": _file({"series": _list(_series())}, "The points behind charts."),
        "findings": _file(
            {
                "findings": _list(_object(_keys(Finding, (*api.FINDING, "server")))),
                "judging": _object(_keys(Judging, api.JUDGING)),
            }
        ),
        "sources": _file({"sources": _list(_source())}),
        "readiness": _file(_readiness()),
        "bottlenecks": _file(_bottlenecks()),
        "forecasts": _file(
            {
                "looming": _list(_object(_keys(Looming, ("what", "earliest", "latest", "when", "record")))),
                "made": _list(_object(_keys(Forecast, api.FORECAST))),
                "record": _list(_object(_keys(ForecastRecord, api.RECORD))),
            }
        ),
        "usage": _file(_usage()),
        "alerts": _file(_keys_of("AlarmsReport")),
        "slo": _file(
            {"objectives": _list(_ref("SloReport")), "exclusions": _list(_ref("WindowReport")), "rows": _TEXT},
            "`rows` is the path of the ledger from which every figure follows.",
        ),
        "own-dashboard": _file({"dashboard": _ref("DashboardReport"), "series": _list(_series())}),
        "diagram": _ref("Diagram"),
    }


def _keys_of(name: str) -> dict[str, Schema]:
    return dict(_definitions()[name]["properties"])


def _latest() -> Schema:
    return _object(
        {
            "id": _TEXT,
            "number": _WHOLE,
            "at": _TIME,
            "next_due": _or_null(_TIME),
            "old_after": _or_null(_TIME),
            "demo": _BOOLEAN,
            "fleet": _TEXT,
            "verdict": _TEXT,
            "status": _ref("Status"),
            "tally": _map(_WHOLE),
            "needs_action": _WHOLE,
            "previous": _or_null(_TEXT),
        },
        "Small enough to be asked for every minute.",
    )


def _server() -> dict[str, Schema]:
    return {
        **_keys(ServerReport, api.IDENTITY),
        "latency_seconds": {**_map(_or_null(_NUMBER)), "description": "by stage"},
        "answer_seconds": _or_null(_ref("Latency")),
        "answer_seconds_day": _or_null(_ref("Latency")),
        "tools": _WHOLE,
        "resources": _WHOLE,
        "prompts": _WHOLE,
        "uptime": {**_map(_or_null(_NUMBER)), "description": "share of 1 by range"},
        **_keys(ServerReport, api.FIGURES),
    }


def _whole_server() -> dict[str, Schema]:
    return {
        **_server(),
        **_keys(ServerReport, api.DETAILS),
        "resource_list": _list(_TEXT),
        "prompt_list": _list(_TEXT),
        "tool_list": _list(
            _object(
                {
                    **_keys(Tool, api.TOOL),
                    "annotations": _map(_BOOLEAN),
                    **_keys(ToolReport, ("first_seen", "changed_at")),
                }
            )
        ),
        "process": _object(_keys(ServerReport, api.PROCESS)),
        "instances": _object(
            {"count": _or_null(_WHOLE), "rss_bytes": _or_null(_WHOLE), "oldest_seconds": _or_null(_NUMBER)}
        ),
        "stages": _list(_object(_keys(StageReport, api.STAGE))),
        "uptime_accounting": _list(_object(_keys(Uptime, api.UPTIME))),
        "days": _list(_object(_keys(Day, ("date", "status", "up_share")))),
        "episodes": _list(_object(_keys(Episode, api.EPISODE))),
        "contract": _list(_object(_keys(ContractChange, api.CONTRACT))),
        "pin": _or_null(_object(_keys(PinReport, ("at", "sha256", "holds")))),
        "remarks": _list(_object(_keys(Remark, ("tool", "what", "where", "excerpt")))),
        "findings": _list(_object(_keys(Finding, api.FINDING))),
        "notes": _list(_object(_keys(Note, ("code", "text")))),
    }


def _series() -> Schema:
    numbers = _list(_NUMBER)
    texts = dict.fromkeys(("metric", "title", "unit", "subject", "range"), _TEXT)
    return _object(
        {
            **texts,
            "start": _TIME,
            "end": _TIME,
            "interval_seconds": _NUMBER,
            "n": _WHOLE,
            "source": _TEXT,
            "band": _TEXT,
            "at": _list(_TIME),
            "value": numbers,
            "low": numbers,
            "high": numbers,
        },
        "Columns of equal length; `low` and `high` may be empty.",
    )


def _source() -> Schema:
    same = ("metric", "subject", "server", "labels", "unit", "counter", "value", "raw", "at", "n")
    figure = {
        **_keys(SeriesReport, same),
        "min": _or_null(_NUMBER),
        "mean": _or_null(_NUMBER),
        "max": _or_null(_NUMBER),
        "points": _object({"at": _list(_TIME), "value": _list(_NUMBER)}),
    }
    return _object({**_keys(SourceReport), "series": _list(_object(figure))})


def _readiness() -> dict[str, Schema]:
    server = _keys(ReadyServer, ("era", "protocol_version", "rules"))
    rule = ("code", "title", "change", "source", "must", "servers")
    return {
        "sentence": _TEXT,
        "revisions": _list(_TEXT),
        "servers": _list(_object({"id": _TEXT, "speaks": _map(_ref("Speaks")), **server})),
        "rules": _list(_object(_keys(ReadinessRule, rule))),
    }


def _bottlenecks() -> dict[str, Schema]:
    suspects = _list(_object(_keys(SuspectReport, ("name", "score", "evidence"))))
    return {
        "heading": _TEXT,
        "counted": _TEXT,
        "waits": _list(_object(_keys(WaitShare, api.WAIT))),
        "episodes": _list(_object({**_keys(BottleneckReport, api.SLOW), "suspects": suspects})),
    }


def _usage() -> dict[str, Schema]:
    return {
        "start": _or_null(_TIME),
        "calls": _WHOLE,
        "errors": _WHOLE,
        "servers": _list(_object(_keys(ServerUsage, api.USAGE_OF_SERVER))),
        "tools": _list(_object(_keys(ToolUsage, api.USAGE_OF_TOOL))),
        "week": _list(_list(_or_null(_NUMBER))),
        "together": _list(_object(_keys(UsedTogether, api.TOGETHER))),
        "series": _list(_series()),
    }
