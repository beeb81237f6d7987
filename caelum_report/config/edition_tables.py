"""[[edition]] as pydantic checks it, what no single key of it shows, and what it means for a run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from caelum_report.editions import Edition
from caelum_report.errors import UsageError
from caelum_report.nearest import did_you_mean
from caelum_report.text import visible

from .alarm_tables import ChannelTable
from .fields import FilePath, Table, Text, site_address
from .files import shown
from .places import Keys, Mistake


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


def wrong_edition(edition: EditionTable, at: Keys) -> Iterator[Mistake]:
    seen: set[str] = set()
    for name, alias in edition.aliases.items():
        if alias in seen:
            yield (*at, "aliases", name), "expected another alias; one before has this one"
        seen.add(alias)


def wrong_reader(channel: ChannelTable, blocks: Sequence[EditionTable], at: Keys) -> Iterator[Mistake]:
    """Of a way out whose readers get an edition."""
    names = [one.name or one.kind for one in blocks]
    if channel.edition is None or names.count(channel.edition) == 1:
        return
    if channel.edition in names:
        yield (*at, "edition"), "expected the name of one [[edition]]; several are called so, give each a `name`"
    else:
        yield (*at, "edition"), f"expected the name of an [[edition]]{did_you_mean(channel.edition, names)}"


def editions(blocks: Iterable[EditionTable], output: str, place: Callable[[str], str]) -> tuple[Edition, ...]:
    """`place` makes a folder of the file absolute. UsageError where two of the folders, that of the site among them, lie
    within each other.
    """
    taken = [os.path.realpath(output)]
    made = []
    for one in blocks:
        folder = place(one.output)
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
