"""tools.html: every tool of every server, and of those that are really called which are busy, slow, failing or idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from caelum_report import words
from caelum_report.document import Report, ServerReport, ToolUsage
from caelum_report.render.html import named

from .tool_sheets import Sheet, sheet_path, sheets
from .view import Page, View, current

RANKED: Final = 10
SHOWN_ON_SERVER: Final = 100  # tools that have a row on their server's page
SHOWN_UNUSED: Final = 30  # servers
OPEN_TOOLS: Final = 600  # more are folded up by server


def _head(view: View) -> dict[str, Any]:
    servers = current(view.report)
    tools = sum(len(server.tools) for server in servers)
    tokens = sum(server.tokens for server in servers)
    used = view.report.usage.tools
    offered = sum(1 for server in servers if server.tools)
    lede = "Which of them people call is not measured yet."
    if used:
        slowest = max(used, key=lambda tool: tool.seconds)
        lede = (
            f"{words.count(len(used))} were called in 30 days. People waited longest for {slowest.tool} of "
            f"{_name(view, slowest.server)}: {words.duration(slowest.seconds)} in {words.plural(slowest.calls, 'call')}."
            if slowest.seconds
            else f"{words.count(len(used))} were called in 30 days."
        )
    return {
        "heading": f"{words.plural(tools, 'tool')} of {words.plural(offered, 'server')}, about {words.count(tokens)} tokens.",
        "lede": lede,
    }


def _name(view: View, server: str) -> str:
    return named(view.servers[server].name if server in view.servers else server)


def _rankings(view: View) -> dict[str, Any]:
    """The same tools by four questions; a ranking that nobody qualifies for is left out."""
    tools = view.report.usage.tools
    failing = [tool for tool in tools if tool.errors]
    timed = [tool for tool in tools if tool.p95 is not None]
    questions: tuple[tuple[str, str, str, Sequence[ToolUsage], Callable[[ToolUsage], float]], ...] = (
        ("most-called", "Most calls", "in 30 days", tools, lambda tool: tool.calls),
        ("slowest", "Slowest", "by the p95 of 30 days", timed, lambda tool: tool.p95 or 0.0),
        ("most-waited", "Most waiting", "calls times their duration", timed, lambda tool: tool.seconds),
        ("failing", "Failing most", "share of calls, where 5 or more", failing, _failing_share),
    )
    rankings = [
        (anchor, title, note, sorted(them, key=value, reverse=True)[:RANKED])
        for anchor, title, note, them, value in questions
        if them
    ]
    return {"rankings": rankings, "name": lambda tool: _name(view, tool.server)}


def _failing_share(tool: ToolUsage) -> float:
    """Two failures of two are less telling than twenty of forty."""
    return tool.errors / tool.calls if tool.calls >= 5 else tool.errors / 100


def _unused(view: View) -> dict[str, Any]:
    found = [server for server in view.report.usage.servers if server.unused and server.server in view.servers]
    found.sort(key=lambda server: -server.unused_tokens)
    measured = any(server.source for server in view.report.usage.servers)
    return {"servers": found[:SHOWN_UNUSED], "rest": len(found) - SHOWN_UNUSED, "measured": measured}


def sheet_pages_of(report: Report) -> Iterator[Page]:
    """The pages behind tools.html, of a fleet whose tools do not fit on it."""
    found = sheets(report.servers)
    for number, sheet in enumerate(found, 1) if len(found) > 1 else ():
        title = f"Tools, {number} of {len(found)}"
        yield Page(
            sheet_path(number),
            title,
            (("page_head.html", partial(_sheet_head, sheet)), ("tools/all.html", partial(_listed, sheet))),
            (("Fleet", "index.html"), ("Tools", PAGE.path), (f"{number} of {len(found)}", None)),
        )


def _sheet_head(sheet: Sheet, _: View) -> dict[str, Any]:
    return {"heading": f"Tools of {_span(sheet)}.", "lede": f"{words.opened(_extent(sheet))}, by group and name."}


def _span(sheet: Sheet) -> str:
    first, last = named(sheet[0].name), named(sheet[-1].name)
    return first if len(sheet) == 1 else f"{first} to {last}"


def _extent(sheet: Sheet) -> str:
    tools = words.plural(sum(len(server.tools) for server in sheet), "tool")
    return f"{tools} of {words.plural(len(sheet), 'server')}"


def _all(view: View) -> dict[str, Any]:
    """Every tool, or the pages on which they are."""
    found = sheets(view.report.servers)
    if len(found) > 1:
        return {"sheets": [(sheet_path(n), _span(sheet), _extent(sheet)) for n, sheet in enumerate(found, 1)]}
    return _listed(found[0] if found else (), view)


def _listed(sheet: Sheet, view: View) -> dict[str, Any]:
    calls = {(tool.server, tool.tool): tool.calls for tool in view.report.usage.tools}
    groups: dict[str, list[ServerReport]] = {}
    for server in sheet:
        groups.setdefault(server.group or "", []).append(server)
    return {
        "sheets": (),
        "groups": groups.items(),
        "open": sum(len(server.tools) for server in sheet) <= OPEN_TOOLS,
        "calls": lambda server, tool: calls.get((server.id, tool.tool.name)),
        "anchor": anchor,
        "shown": SHOWN_ON_SERVER,
    }


def anchor(server: ServerReport, index: int) -> str:
    """Of a server's tool in the list of all, counted from 1."""
    return f"t-{server.slug}-{index}"


PAGE: Final = Page(
    "tools.html",
    "Tools",
    (
        ("page_head.html", _head),
        ("tools/rankings.html", _rankings),
        ("tools/unused.html", _unused),
        ("tools/all.html", _all),
    ),
)
