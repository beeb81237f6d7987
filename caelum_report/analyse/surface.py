"""How a server's tool surface changed, by what the change means to its callers.

Breaking is what makes a call that worked fail: a tool or an argument gone, an argument that became required, a type or an
enumeration that became narrower; `schemas` decides. Suspicious is text for the model that hides or instructs; `suspicion`
finds it. Everything is decided on the declarations as stored, at a cost of one JSON parse per schema that changed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from caelum_report import text, words
from caelum_report.document import ContractChange
from caelum_report.history import Pin, SurfaceVersion
from caelum_report.model import Surface, Tool

from . import schemas, suspicion
from .schemas import Difference, Severity

SEVERITIES: Final[tuple[Severity, ...]] = ("suspicious", "breaking", "additive", "cosmetic")
_VERSIONS: Final = 20  # the latest of each server; older differences stand in older reports
_LINES: Final = 40  # of one difference


@dataclass(frozen=True, slots=True)
class Delta:
    """One line of a comparison."""

    severity: Severity
    title: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    tokens: int = 0


def contract_changes(
    versions: Sequence[SurfaceVersion],
    reports: Mapping[tuple[str, datetime], int | None],
    pins: Sequence[Pin] = (),
) -> tuple[ContractChange, ...]:
    """Every change between the latest versions of each server, newest first. `reports` knows report numbers by server and time."""
    by_server: dict[str, list[SurfaceVersion]] = defaultdict(list)
    for version in versions:
        by_server[version.server].append(version)
    changes = [
        _change(new, delta, reports.get((new.server, new.at)), pins)
        for own in by_server.values()
        for old, new in pairwise(own[-_VERSIONS - 1 :])
        for delta in compare(old.surface, new.surface)
    ]
    changes.sort(key=lambda c: (-c.at.timestamp(), SEVERITIES.index(c.severity), c.server, c.title))
    return tuple(changes)


def _change(version: SurfaceVersion, delta: Delta, report: int | None, pins: Sequence[Pin]) -> ContractChange:
    own = [pin for pin in pins if pin.server == version.server]
    held = next((pin for pin in reversed(own) if pin.at < version.at), None)
    agreed = (p.at for p in own if p.at >= version.at and p.surface and p.surface.sha256 == version.surface.sha256)
    return ContractChange(
        at=version.at,
        report=report,
        server=version.server,
        severity=delta.severity,
        title=delta.title,
        removed=delta.removed,
        added=delta.added,
        tokens=delta.tokens,
        pinned=held is not None and held.surface is not None,
        approved_at=next(agreed, None),
    )


def compare(old: Surface, new: Surface) -> Iterator[Delta]:
    """What one new version of a surface changed, each line with its meaning."""
    before, after = _by_name(old.tools), _by_name(new.tools)
    yield from _comings_and_goings(before, after)
    reworded: list[Difference] = []
    tokens = 0
    for name in sorted(before.keys() & after.keys()):
        was, now = before[name], after[name]
        if was == now:
            continue
        found = list(_tool(was, now))
        yield from _meanings(was, now, found)
        cosmetic = [difference for difference in found if difference.severity == "cosmetic"]
        tokens += now.tokens - was.tokens if cosmetic else 0
        reworded += [Difference("cosmetic", name, d.before, d.now) for d in cosmetic]
    for remark in suspicion.changed(old, new):
        yield Delta("suspicious", f"{remark.tool}: {remark.what} in {remark.where}", (), (remark.excerpt,))
    yield from _names("Resource", old.resources, new.resources)
    yield from _names("Prompt", old.prompts, new.prompts)
    if old.instructions != new.instructions:
        reworded.append(Difference("cosmetic", "instructions", old.instructions, new.instructions))
    if reworded:
        names = list(dict.fromkeys(difference.title for difference in reworded))
        yield Delta("cosmetic", f"Reworded: {words.listing(names, 5)}", *_lines(reworded), tokens)


def _comings_and_goings(before: Mapping[str, Tool], after: Mapping[str, Tool]) -> Iterator[Delta]:
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    if gone:
        title = f"{'Tool' if len(gone) == 1 else 'Tools'} removed: {words.listing(gone, 5)}"
        heirs = _heirs(before, after, gone, come)
        yield Delta("breaking", title, _shown(gone), _shown(heirs), -sum(before[name].tokens for name in gone))
    if come:
        title = f"{'Tool' if len(come) == 1 else 'Tools'} added: {words.listing(come, 5)}"
        yield Delta("additive", title, (), _shown(come), sum(after[name].tokens for name in come))


def _meanings(was: Tool, now: Tool, found: Sequence[Difference]) -> Iterator[Delta]:
    """One line for all that breaks in a tool, one for all that is new in it."""
    severities: tuple[Severity, ...] = ("breaking", "additive")
    for severity in severities:
        mine = [difference for difference in found if difference.severity == severity]
        if mine:
            title = f"{now.name}: {words.listing([difference.title for difference in mine], 3)}"
            yield Delta(severity, title, *_lines(mine), now.tokens - was.tokens)


def _names(kind: str, was: Sequence[str], now: Sequence[str]) -> Iterator[Delta]:
    """Resources or prompts that went or came."""
    lost = [name for name in was if name not in set(now)]
    won = [name for name in now if name not in set(was)]
    if lost:
        title = f"{words.plural(len(lost), kind)} removed: {words.listing(lost, 3)}"
        yield Delta("breaking", title, _shown(lost), _shown(won))
    elif won:
        yield Delta("additive", f"{words.plural(len(won), kind)} added: {words.listing(won, 3)}", (), _shown(won))


def _by_name(tools: Sequence[Tool]) -> dict[str, Tool]:
    """Of two tools with one name, the first counts."""
    found: dict[str, Tool] = {}
    for tool in tools:
        found.setdefault(tool.name, tool)
    return found


def _heirs(
    before: Mapping[str, Tool], after: Mapping[str, Tool], gone: Sequence[str], come: Sequence[str]
) -> list[str]:
    """New tools that take the same arguments as one that is gone."""
    takers = {after[name].schema: name for name in come if schemas.properties(schemas.parsed(after[name].schema))}
    return [
        f"{takers[before[name].schema]} is new and takes the same arguments as {name}"
        for name in gone
        if before[name].schema in takers
    ]


# --- one tool -------------------------------------------------------------------------------------------------------


def _tool(was: Tool, now: Tool) -> Iterator[Difference]:
    found = [
        *schemas.inputs(schemas.parsed(was.schema), schemas.parsed(now.schema)),
        *_output(was, now),
        *_hints(dict(was.annotations), dict(now.annotations)),
    ]
    if was.title != now.title:
        found.append(Difference("cosmetic", "title", was.title, now.title))
    if was.description != now.description:
        found.append(Difference("cosmetic", "description", was.description, now.description))
    if not found:  # the stored text was cut; its hash was not
        found.append(Difference("cosmetic", "text beyond what is stored", was.sha256[:12], now.sha256[:12]))
    yield from found


def _output(was: Tool, now: Tool) -> Iterator[Difference]:
    if was.output_schema == now.output_schema:
        return
    if now.output_schema is None:
        yield Difference("breaking", "output schema removed", text.visible(was.output_schema or "", 200))
    elif was.output_schema is None:
        yield Difference("additive", "output schema added", "", text.visible(now.output_schema, 200))
    else:
        yield from schemas.outputs(schemas.parsed(was.output_schema), schemas.parsed(now.output_schema))


def _hints(was: Mapping[str, bool], now: Mapping[str, bool]) -> Iterator[Difference]:
    """A tool that now says it destroys, or no longer says that it only reads, is another tool to whoever allowed it."""
    if was == now:
        return
    said = json.dumps(was, sort_keys=True), json.dumps(now, sort_keys=True)
    if now.get("destructiveHint") and not was.get("destructiveHint"):
        yield Difference("breaking", "now says that it destroys", *said)
    elif was.get("readOnlyHint") and not now.get("readOnlyHint"):
        yield Difference("breaking", "no longer says that it only reads", *said)
    else:
        yield Difference("cosmetic", "hints", *said)


# --- lines ----------------------------------------------------------------------------------------------------------


def _lines(differences: Sequence[Difference]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Before and now of some differences, line by line."""
    return (
        _shown([line for difference in differences for line in difference.before.splitlines()]),
        _shown([line for difference in differences for line in difference.now.splitlines()]),
    )


def _shown(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(text.visible(line, 200) for line in lines if line.strip())[:_LINES]
