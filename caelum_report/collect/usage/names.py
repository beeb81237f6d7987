"""Whose calls are they? Sources write a server's name in their own hand."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final

from caelum_report.model import Server
from caelum_report.text import Redactor

_NAME_CHARACTERS: Final = 200


class Names:
    """Names of servers and tools as sources say them -> as the report says them."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._redact = Redactor()
        self._ids = {server.id for server in servers}
        self._tapped = {
            (os.path.realpath(server.tap.log), server.tap.name): server.id for server in reversed(servers) if server.tap
        }
        self._plain = {_plain(server.id): server.id for server in reversed(servers)}
        self._longest_first = sorted(self._plain, key=lambda name: (-len(name), name))
        self.logs = tuple(sorted({log for log, _ in self._tapped}))  # of the entries that are tapped

    def of_tap(self, log: str, name: str) -> str:
        return self._tapped.get((log, name)) or self.server(name)

    def server(self, name: str) -> str:
        """A configured server's id; what no server is called stays as it is, made fit to be shown."""
        return (
            name if name in self._ids else self._plain.get(_plain(name)) or self._redact.clean(name, _NAME_CHARACTERS)
        )

    def tool(self, name: str) -> str:
        return self._redact.clean(name, _NAME_CHARACTERS)

    def split(self, name: str) -> tuple[str, str] | None:
        """Server and tool of `mcp__SERVER__TOOL`: a server's name may hold the sign that divides them."""
        if not name.startswith("mcp__"):
            return None
        rest = name.removeprefix("mcp__")
        known = next((each for each in self._longest_first if rest.startswith(f"{each}__")), None)
        server, divided, tool = (known, "__", rest[len(known) + 2 :]) if known else rest.partition("__")
        return (self.server(server), self.tool(tool)) if divided and tool else None


def _plain(name: str) -> str:
    """As hosts write a server's name where only word characters may stand."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
