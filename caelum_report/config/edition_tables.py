"""[[edition]] as pydantic checks it, what no single key of it shows, and what it means for a run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from caelum_report.editions import Edition
from caelum_report.errors import UsageError
from caelum_report.model import Note, Objective, Server
from caelum_report.text import visible

from .fields import FilePath, Table, Text, site_address
from .files import shown
from .nobody import near
from .places import Keys
from .settings import placed

if TYPE_CHECKING:
    from .schema import CaelumToml
    from .settings import Settings


class EditionTable(Table):
    name: Text | None = Field(default=None, description="for `edition` beside a [[deliver]]; its kind unless said")
    kind: Literal["public", "executive"] = Field(
        description="public: states, up time, answer times, objectives and incidents, with a page for each server; executive: page 1 and the objectives"
    )
    output: FilePath = Field(description="its own folder; never within that of another edition")
    fleet: Text = Field(description="what its pages call the fleet")
    aliases: dict[str, Text] = Field(
        description="servers, groups and objectives that it shows, each by the name that it has there; others are left out"
    )
    site_url: Annotated[str, BeforeValidator(site_address)] | None = Field(default=None, description="its own address")
    pdf: bool = Field(default=False, description="make its report.pdf")


def wrong_editions(checked: CaelumToml) -> Iterator[tuple[Keys, str, str]]:
    names = [one.name or one.kind for one in checked.edition]
    for number, way in enumerate(checked.deliver):
        if way.edition is not None and names.count(way.edition) != 1:
            said = f"expected the name of an [[edition]]{near(way.edition, names)}"
            twice = "expected the name of one [[edition]]; several are called so, give each a `name`"
            yield ("deliver", number, "edition"), ": ", twice if way.edition in names else said
    for number, one in enumerate(checked.edition):
        seen: set[str] = set()
        for name, alias in one.aliases.items():
            if alias in seen:
                yield ("edition", number, "aliases", name), ": ", "expected another alias; one before has this one"
            seen.add(alias)


def editions(settings: Settings, output: str) -> tuple[Edition, ...]:
    """UsageError where two of the folders, that of the site among them, lie within each other."""
    taken = [os.path.realpath(output)]
    made = []
    for one in settings.toml.edition:
        folder = str(placed(one.output, settings.home, settings.folder))
        real = os.path.realpath(folder)
        if any(os.path.commonpath([real, other]) in {real, other} for other in taken):
            raise UsageError(f"edition {one.kind}: {shown(folder)} lies within another edition's folder, or around it")
        taken.append(real)
        aliases = tuple((name, visible(alias, 80)) for name, alias in one.aliases.items())
        fleet, name = visible(one.fleet, 80), one.name or one.kind
        made.append(Edition(one.kind, folder, fleet, aliases, one.site_url, one.pdf, name))
    return tuple(made)


def written(one: Edition) -> Iterator[str]:
    """As caelum.toml has it."""
    yield "[[edition]]"
    for key in ("name", "kind", "output", "fleet", "site_url", "pdf"):
        if (value := getattr(one, key)) is not None:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    pairs = (
        f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(alias, ensure_ascii=False)}"
        for name, alias in one.aliases
    )
    yield f"aliases = {{ {', '.join(pairs)} }}"


def aliases_of_nobody(settings: Settings, servers: Sequence[Server], objectives: Sequence[Objective]) -> Iterator[Note]:
    """A note for every alias of a name that nobody has; names of other hosts' servers come by bundles."""
    names = [*(server.id for server in servers), *(one.name for one in objectives)]
    names += sorted({server.group for server in servers if server.group})
    for one in settings.toml.edition:
        for name in one.aliases:
            if name not in names and "@" not in name:
                said = f"no server, group or objective is called {visible(name, 80)}{near(name, names)}"
                text = f"edition {one.kind}: {said}"
                yield Note("edition-of-nobody", text)
