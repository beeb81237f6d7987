"""api/v1/openapi.json: OpenAPI 3.1 of the static files, and one JSON Schema file for each of their documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from caelum_report.document import Report

from .api import to_bytes
from .catalogue import DOCUMENTS, WILDCARDS, Document
from .schemas import components, schemas

JSON_FEED: Final = {  # as far as its version 1.1 demands it
    "type": "object",
    "required": ["version", "title", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string"},
        "items": {
            "type": "array",
            "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        },
    },
}


def files(report: Report) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "api/v1/openapi.json", lambda: to_bytes(openapi(report))
    for name, schema in schemas().items():
        yield f"api/v1/schemas/{name}.json", partial(to_bytes, schema)


def openapi(report: Report) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{report.fleet}: the report’s files",
            "version": "1",
            "summary": "Static files, written anew with every report. GET only; no parameters but the path.",
            "description": "Times are RFC 3339 in UTC, durations seconds, shares of 1. Keys are only ever added.",
        },
        "servers": [{"url": report.site_url.rstrip("/") if report.site_url else "../.."}],
        "paths": {f"/{document.path}": {"get": _operation(document)} for document in DOCUMENTS},
        "components": {"schemas": components()},
    }


def _operation(document: Document) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if document.schema:
        schema = {"$ref": f"#/components/schemas/{document.schema}"}
    elif document.media_type == "application/feed+json":
        schema = JSON_FEED
    answers: dict[str, Any] = {
        "200": {"description": document.says, "content": {document.media_type: {"schema": schema}}}
    }
    if not document.always:
        answers["404"] = {"description": "There is nothing of that kind to tell."}
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", document.path).strip("_"),
        "summary": document.says,
        "responses": answers,
    }
    if names := re.findall(r"\{(\w+)\}", document.path):
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "description": WILDCARDS[name], "schema": {"type": "string"}}
            for name in names
        ]
    return operation
