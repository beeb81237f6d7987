"""Over how many pages the list of every tool goes: as many as keep each at a size that a phone opens in a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from caelum_report.document import ServerReport

SHEET_TOOLS: Final = 1_500  # of one page; about 200 kB

Sheet = tuple[ServerReport, ...]


def sheets(servers: Sequence[ServerReport]) -> tuple[Sheet, ...]:
    """Servers that offer tools, by group and name; one sheet where all fit, and one server is never on two."""
    return tuple(_cut(sorted(_offering(servers), key=lambda each: (each.group or "", each.name, each.id))))


def sheet_pages(servers: Sequence[ServerReport]) -> dict[str, str]:
    """By server's id, the page on which its tools stand."""
    found = sheets(servers)
    paths = [sheet_path(number) for number in range(1, len(found) + 1)] if len(found) > 1 else ["tools.html"]
    return {server.id: path for path, sheet in zip(paths, found, strict=False) for server in sheet}


def sheet_path(number: int) -> str:
    return f"tools/{number}.html"


def _offering(servers: Sequence[ServerReport]) -> list[ServerReport]:
    return [server for server in servers if server.tools and not server.retired]


def _cut(servers: Sequence[ServerReport]) -> Iterator[Sheet]:
    sheet: list[ServerReport] = []
    listed = 0
    for server in servers:
        if sheet and listed + len(server.tools) > SHEET_TOOLS:
            yield tuple(sheet)
            sheet, listed = [], 0
        sheet.append(server)
        listed += len(server.tools)
    if sheet:
        yield tuple(sheet)
