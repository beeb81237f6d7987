"""The call that proves a server does its work: named by the operator, refused where the tool calls itself destructive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from caelum_report.model import Canary, Era, Failure
from caelum_report.wire import Fault, Reply

from .surface import hints
from .talk import Talk, header_value, result_of


class Refused(Exception):  # noqa: N818 - nothing went wrong
    """The canary is not called; its text says why."""


async def call(talk: Talk, canary: Canary, tools: list[dict[str, Any]]) -> str:
    """Call the tool once. The text is empty when it worked, else what it complained of. Raises `Refused` or `Fault`."""
    tool = next((tool for tool in tools if tool.get("name") == canary.tool), None)
    if tool is None:
        return f"its canary tool {canary.tool} is not offered"
    if dict(hints(tool)).get("destructiveHint"):
        raise Refused(f"not called: {canary.tool} declares destructiveHint")
    reply = await _called(talk, canary, tool)
    try:
        answer = result_of(reply, "tools/call")
    except Fault as fault:
        return f"its canary failed: {fault.reason}"
    return f"its canary {canary.tool} failed: {first_text(answer)}" if answer.get("isError") is True else ""


async def result(talk: Talk, canary: Canary, tool: dict[str, Any]) -> dict[str, Any]:
    """What the tool gives, or says of its failure. Raises `Fault`."""
    return result_of(await _called(talk, canary, tool), "tools/call")


async def _called(talk: Talk, canary: Canary, tool: dict[str, Any]) -> Reply:
    try:
        arguments = json.loads(canary.arguments)
    except ValueError:
        raise Fault(Failure.CONFIG_ERROR, "the arguments of its canary are not JSON", "canary") from None
    headers = dict(_mirrored(tool.get("inputSchema"), arguments)) if talk.era is Era.MODERN else {}
    return await talk.ask("tools/call", {"name": canary.tool, "arguments": arguments}, headers=headers)


def first_text(result: dict[str, Any]) -> str:
    content = result.get("content")
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            return str(part["text"])
    return "it says no more"


def _mirrored(schema: Any, arguments: Any, depth: int = 20) -> Iterator[tuple[str, str]]:
    """Arguments that a tool wants to see as HTTP headers too: `x-mcp-header`, along `properties` only (revision 2026-07-28)."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not isinstance(arguments, dict) or not depth:
        return
    for name, part in properties.items():
        value = arguments.get(name)
        if not isinstance(part, dict) or value is None:
            continue
        header = part.get("x-mcp-header")
        if isinstance(header, str) and isinstance(value, (str, bool, int)):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield f"Mcp-Param-{header}", header_value(text)
        yield from _mirrored(part, value, depth - 1)
