"""Every declared capability, listed to its last page, and what of it is kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from caelum_report.model import Budgets, Failure, Note, Surface, Tool
from caelum_report.wire import Fault
from caelum_report.wire.jsonrpc import METHOD_NOT_FOUND
from caelum_report.wire.jsontext import canonical

from .boundary import Boundary
from .talk import Talk, result_of

_NAMES: Final = 2_000  # of resources or prompts that are kept
_HINTS: Final = ("destructiveHint", "idempotentHint", "openWorldHint", "readOnlyHint")


@dataclass(slots=True)
class Listing:
    """What the lists gave, as it came."""

    tools: list[dict[str, Any]] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[dict[str, Any]] = field(default_factory=list)
    erring: list[str] = field(default_factory=list)  # declared, and answered with an error
    notes: list[Note] = field(default_factory=list)


async def list_everything(talk: Talk, capabilities: dict[str, Any], budgets: Budgets) -> Listing:
    """Tools have to be listed; resources or prompts that err make a server degraded. `Fault` for all that is worse."""
    listing = Listing()
    if "tools" in capabilities:
        listing.tools = await _pages(talk, "tools/list", "tools", budgets)
    if "resources" in capabilities:
        listing.resources = await _if_possible(talk, "resources/list", "resources", budgets, listing)
        listing.resources += await _templates(talk, budgets, listing)
    if "prompts" in capabilities:
        listing.prompts = await _if_possible(talk, "prompts/list", "prompts", budgets, listing)
    return listing


class ListError(Fault):
    """A list was answered with a JSON-RPC error: the server lives, the capability does not."""

    def __init__(self, code: int, fault: Fault) -> None:
        super().__init__(fault.failure, fault.reason)
        self.code = code


async def _pages(talk: Talk, method: str, key: str, budgets: Budgets) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(budgets.pages):
        reply = await talk.ask(method, {"cursor": cursor} if cursor is not None else {})
        try:
            result = result_of(reply, method)
        except Fault as fault:
            raise ListError(reply.error.code, fault) if reply.error else fault from None
        page = result.get(key)
        if not isinstance(page, list) or not all(isinstance(item, dict) for item in page):
            raise Fault(Failure.PROTOCOL_ERROR, f"the result of {method} has no list of {key}")
        items += page
        if len(items) > budgets.tools:
            raise Fault(Failure.OVERSIZED, f"{method} gives more than {budgets.tools} {key}")
        cursor = result.get("nextCursor")
        if not cursor:
            return items
        if not isinstance(cursor, str):
            raise Fault(Failure.PROTOCOL_ERROR, f"the cursor of {method} is not a text")
        if cursor in seen:
            raise Fault(Failure.PROTOCOL_ERROR, f"cursor repeats: {method} names the same next page again")
        seen.add(cursor)
    raise Fault(Failure.OVERSIZED, f"{method} has more than {budgets.pages} pages")


async def _if_possible(talk: Talk, method: str, key: str, budgets: Budgets, listing: Listing) -> list[dict[str, Any]]:
    try:
        return await _pages(talk, method, key, budgets)
    except ListError as error:
        listing.erring.append(f"it declares {key}, but {error.reason}")
        return []


async def _templates(talk: Talk, budgets: Budgets, listing: Listing) -> list[dict[str, Any]]:
    try:
        return await _pages(talk, "resources/templates/list", "resourceTemplates", budgets)
    except ListError as error:
        if error.code == METHOD_NOT_FOUND:
            listing.notes.append(Note("templates-unsupported", "It has no resources/templates/list."))
        else:
            listing.erring.append(f"it declares resources, but {error.reason}")
        return []


async def surface(listing: Listing, instructions: str, boundary: Boundary) -> Surface:
    """Sorted, so that the order in which a server lists things is no change."""
    found: list[Tool] = []
    for item in listing.tools:
        found.append(_tool(item, boundary))
        await asyncio.sleep(0)  # a megabyte of hidden characters is work; other servers' answers come in meanwhile
    tools = tuple(sorted(found, key=lambda tool: (tool.name, tool.sha256)))
    resources = sorted({_key(item, "uri") or _key(item, "uriTemplate") for item in listing.resources})
    prompts = sorted({_key(item, "name") for item in listing.prompts})
    whole = canonical(
        [
            sorted(tool.sha256 for tool in tools),
            resources,
            sorted(_sha256(canonical(prompt)) for prompt in listing.prompts),
            instructions,
        ]
    )
    return Surface(
        tools=tools,
        resources=tuple(boundary.text(uri, "a resource", 500) for uri in resources[:_NAMES]),
        prompts=tuple(boundary.text(name, "the name of a prompt", 200) for name in prompts[:_NAMES]),
        sha256=_sha256(whole),
        instructions=boundary.text(instructions, "its instructions", 4_000, lines=True),
    )


def _tool(item: dict[str, Any], boundary: Boundary) -> Tool:
    raw = item.get("name")
    if not isinstance(raw, str) or not raw:
        raise Fault(Failure.PROTOCOL_ERROR, "a tool without a name")
    name = boundary.text(raw, "the name of a tool", 200)
    schema, output = item.get("inputSchema"), item.get("outputSchema")
    if not isinstance(schema, dict):
        raise Fault(Failure.PROTOCOL_ERROR, f"the tool {raw:.100} has no inputSchema")
    declaration = canonical(item)
    size = len(declaration.encode("utf-8", "surrogatepass"))
    return Tool(
        name=name,
        title=boundary.text(_key(item, "title"), f"the title of the tool {name}", 200),
        description=boundary.text(_key(item, "description"), f"the description of the tool {name}", 4_000, lines=True),
        schema=boundary.json(schema, f"the schema of the tool {name}"),
        output_schema=boundary.json(output, f"the output schema of the tool {name}") if output is not None else None,
        annotations=tuple(hints(item)),
        bytes=size,
        tokens=round(size / 4),
        sha256=_sha256(declaration),
    )


def hints(tool: dict[str, Any]) -> Iterable[tuple[str, bool]]:
    annotations = tool.get("annotations")
    if isinstance(annotations, dict):
        for name in _HINTS:
            if isinstance(value := annotations.get(name), bool):
                yield name, value


def _key(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
