"""Links from pages to dashboards of a Grafana, where the configuration says what they look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

_SHOWN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GrafanaLinks:
    base: str  # without userinfo and query
    server: str | None  # paths below it, with {server}, {host}, {from} and {to}
    host: str | None


def link(links: GrafanaLinks, path: str, at: datetime, **names: str) -> str:
    """The address for the 24 hours up to `at`. A name stays a name: every character that means something is escaped."""
    values = {"from": _milliseconds(at - _SHOWN), "to": _milliseconds(at), **names}
    filled = re.sub(r"\{(server|host|from|to)\}", lambda match: quote(values.get(match[1], ""), safe=""), path)
    return links.base.rstrip("/") + filled


def _milliseconds(at: datetime) -> str:
    return str(round(at.timestamp() * 1000))
