"""servers/index.html: every server by name and by group, each letter and group with an anchor; those of the past too."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from caelum_report import text, words
from caelum_report.document import ServerReport
from caelum_report.editions import INTERNAL
from caelum_report.model import Status
from caelum_report.render import marks
from caelum_report.render.html import named

from .view import Page, View, current

PATH: Final = "servers/index.html"
FULL_ROWS: Final = 200  # servers; of more, only those that are not up have a row, and the others stand by name
_OTHERS: Final = "0–9"  # of the list of letters: whatever begins with none


def group_page(group: str) -> str:
    """Where the servers of a group stand together."""
    return f"{PATH}#group-{text.slug(group)}"


def letter_of(name: str) -> str:
    first = unicodedata.normalize("NFKD", name.strip()[:1]).upper()[:1]
    return first if first.isascii() and first.isalpha() else _OTHERS


def _head(view: View) -> dict[str, Any]:
    servers = current(view.report)
    past = len(view.report.servers) - len(servers)
    groups = len({server.group for server in servers if server.group})
    within = f" in {words.plural(groups, 'group')}" if groups > 1 else ""
    states = marks.tally_text(view.report.tally)
    gone = f"{words.count(past)} no longer asked" if past else ""
    heading = f"{words.plural(len(servers), 'server')}{within}." if servers else "No server is configured."
    lede = "; ".join(filter(None, (states, gone)))
    return {"heading": heading, "lede": f"{words.opened(lede)}." if lede else ""}


def _not_up(view: View) -> dict[str, Any] | None:
    """Of a fleet of which not every server has a row: those that somebody may be looking for, worst first."""
    if len(view.report.servers) <= FULL_ROWS:
        return None
    rows = [server for server in current(view.report) if server.status is not Status.UP]
    rest = len(rows) - FULL_ROWS
    shown = rows[:FULL_ROWS]
    return {"rows": [(server, "") for server in shown], "rest": max(rest, 0), **_columns(shown, view.report.edition)}


def _by_name(view: View) -> dict[str, Any]:
    """Rows with the letter where one begins; of a large fleet the names alone."""
    ordered = sorted(
        view.report.servers, key=lambda server: (letter_of(server.name), server.name.casefold(), server.id)
    )
    letters = {letter: list(them) for letter, them in groupby(ordered, key=lambda server: letter_of(server.name))}
    return {
        "rows": [(server, "" if n else letter) for letter, them in letters.items() for n, server in enumerate(them)],
        "by_letter": letters if len(ordered) > FULL_ROWS else {},
        "letters": list(letters) if len(ordered) > 12 and len(letters) > 1 else [],
        "anchor": _anchor,
        **_columns(ordered, view.report.edition),
    }


def _columns(servers: Sequence[ServerReport], edition: str) -> dict[str, bool]:
    """Of a table of these servers, those that hold something."""
    return {
        "grouped": any(server.group for server in servers),
        "owners": edition == INTERNAL and any(server.owner for server in servers),
        "whys": any(server.why for server in servers if not server.retired),
    }


def _anchor(letter: str) -> str:
    return f"letter-{'other' if letter == _OTHERS else letter.lower()}"


def _by_group(view: View) -> dict[str, Any] | None:
    groups: dict[str, list[ServerReport]] = defaultdict(list)
    for server in current(view.report):
        if server.group:
            groups[server.group].append(server)
    if not groups:
        return None
    return {
        "groups": [(group, group_page(group).partition("#")[2], _sorted(groups[group])) for group in sorted(groups)],
        "name": lambda server: named(server.name),
    }


def _sorted(servers: Sequence[ServerReport]) -> list[ServerReport]:
    return sorted(servers, key=lambda server: (server.name.casefold(), server.id))


PAGE: Final = Page(
    PATH,
    "Servers",
    (
        ("page_head.html", _head),
        ("server_list/not_up.html", _not_up),
        ("server_list/names.html", _by_name),
        ("server_list/groups.html", _by_group),
    ),
)
