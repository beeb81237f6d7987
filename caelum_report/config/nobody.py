"""Names in caelum.toml that nobody has. Each is a note with its place: what is about nobody never says a word.

No mistakes: who is named may come tomorrow, by a watched mcp.json. Servers of other hosts come by bundles, so that
NAME@HOST is never asked after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from caelum_report.metrics import METRICS
from caelum_report.model import Note, Objective, Server
from caelum_report.nearest import did_you_mean
from caelum_report.text import visible

from .files import shown
from .places import Keys, places

if TYPE_CHECKING:
    from .alarm_tables import RuleTable
    from .schema import CaelumToml
    from .settings import Settings


@dataclass(frozen=True, slots=True)
class _Named:
    """A name or a pattern, where it stands, and what should be called so: `server` or `group`."""

    at: Keys
    pattern: str
    what: str


def about_nobody(settings: Settings, servers: Sequence[Server]) -> Iterator[Note]:
    """A note a name, in the order of the file's tables."""
    names = {
        "server": [server.id for server in servers],
        "group": sorted({server.group for server in servers if server.group}),
    }
    lost = [one for one in _named(settings.toml) if not _is_somebody(one.pattern, names[one.what])]
    known = places(settings.text) if lost else {}
    for one in lost:
        line, column = known.get(one.at) or known.get(one.at[:-1], (1, 1))
        where = f"{shown(settings.file or '')}:{line}:{column}"
        said = f"no {one.what} is called {visible(one.pattern, 80)}{did_you_mean(one.pattern, names[one.what])}"
        yield Note(f"{one.at[0]}-of-nobody", f"{where}: {said}")


def aliases_of_nobody(settings: Settings, servers: Sequence[Server], objectives: Sequence[Objective]) -> Iterator[Note]:
    """A note for every alias of a name that nobody has; names of other hosts' servers come by bundles."""
    names = [*(server.id for server in servers), *(one.name for one in objectives)]
    names += sorted({server.group for server in servers if server.group})
    for one in settings.toml.edition:
        for name in one.aliases:
            if name not in names and "@" not in name:
                said = f"no server, group or objective is called {visible(name, 80)}{did_you_mean(name, names)}"
                text = f"edition {one.kind}: {said}"
                yield Note("edition-of-nobody", text)


def _is_somebody(pattern: str, names: Sequence[str]) -> bool:
    return "@" in pattern or any(name == pattern or fnmatchcase(name, pattern) for name in names)


def _named(toml: CaelumToml) -> Iterator[_Named]:
    for number, dashboard in enumerate(toml.dashboard):
        for place, panel in enumerate(dashboard.panel):
            yield from _lists(("dashboard", number, "panel", place), {"servers": panel.servers, "groups": panel.groups})
    for number, window in enumerate(toml.window):
        yield from _lists(("window", number), {"servers": window.servers, "groups": window.groups})
    for number, objective in enumerate(toml.objective):
        yield from _lists(("objective", number), {"servers": objective.servers, "groups": objective.groups})
    for number, rule in enumerate(toml.rule):
        subjects = rule.subjects if _is_about_servers(rule) else ()
        yield from _lists(("rule", number), {"subjects": subjects, "groups": rule.groups})
    for number, way in enumerate(toml.deliver):
        if way.server is not None:
            yield _Named(("deliver", number, "server"), way.server, "server")


def _lists(at: Keys, said: Mapping[str, Sequence[str]]) -> Iterator[_Named]:
    for key, patterns in said.items():
        for which, pattern in enumerate(patterns):
            yield _Named((*at, key, which), pattern, "group" if key == "groups" else "server")


def _is_about_servers(rule: RuleTable) -> bool:
    """Not about hosts, mount points, interfaces, findings or what a source names."""
    if rule.disabled or rule.source is not None:
        return False
    return rule.state is not None or (rule.metric in METRICS and METRICS[rule.metric].subject == "server")
