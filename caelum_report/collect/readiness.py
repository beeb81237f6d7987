"""What a conversation shows of a server's readiness for revision 2026-07-28, beside its answers; facts as notes.

From the revision's own text: results of lists and of `server/discover` must carry `ttlMs` and `cacheScope`
(server/utilities/caching), tools should come in the same order every time, and sessions, `resources/subscribe`, core tasks and
`logging/setLevel` are gone or deprecated (changelog, deprecated).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from caelum_report.model import Era, Memory, Note
from caelum_report.wire.streamable import HttpChannel

from .look import Look
from .talk import Talk

_DEPRECATED: Final = {"sampling/createMessage": "sampling", "roots/list": "roots"}


def order_of(tools: list[dict[str, Any]]) -> str:
    """A short hash of the order in which tools came; empty where there is none."""
    if len(tools) < 2:
        return ""
    names = "\n".join(str(tool.get("name")) for tool in tools)
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def notes(look: Look, talk: Talk, memory: Memory) -> Iterator[Note]:
    declared = look.greeting.capabilities if look.greeting else {}
    if talk.without_ttl:
        names = ", ".join(sorted(talk.without_ttl))
        yield Note("no-ttl", f"It gives no ttlMs or no cacheScope with {names}.")
    if _order_changed(look, memory):
        yield Note("tool-order", "It lists the same tools in another order than at the check before.")
    if isinstance(talk.channel, HttpChannel) and talk.channel.session:
        yield Note("session", "It keeps a session for each client (Mcp-Session-Id).")
    if "logging" in declared:
        yield Note("logging", "It declares logging, which is deprecated.")
    if "tasks" in declared and talk.era is Era.LEGACY:
        yield Note("core-tasks", "It declares tasks as part of the core protocol; they are an extension now.")
    resources = declared.get("resources")
    if isinstance(resources, dict) and resources.get("subscribe") and talk.era is Era.LEGACY:
        yield Note("subscribe", "It declares resources/subscribe, which subscriptions/listen replaces.")
    asked = sorted({_DEPRECATED[method] for inbox in look.inboxes for method in inbox.asked if method in _DEPRECATED})
    if asked:
        yield Note("asks-client", f"It asks its client for {' and '.join(asked)}, which is deprecated.")


def _order_changed(look: Look, memory: Memory) -> bool:
    if look.surface is None or look.listing is None or look.surface.sha256 != memory.surface_sha256:
        return False
    order = order_of(look.listing.tools)
    return bool(order and memory.tool_order and order != memory.tool_order)
