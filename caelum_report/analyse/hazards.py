"""What somebody should know of what servers say: secrets that come back, hidden characters, tools named alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from caelum_report import text, words
from caelum_report.document import Finding
from caelum_report.model import Status

from .collisions import collisions as names_alike
from .commands import command
from .facts import Facts
from .troubles import sentence

_SECURITY_NOTES: Final = {
    "echoes-secret": (
        "{name} repeats a secret of the configuration.",
        "Whoever reads its answers or its log learns the secret; this report shows [redacted].",
    ),
    "hidden-characters": (
        "{name} has hidden characters in its texts.",
        "A model may read what a person does not see.",
    ),
}


def notes(facts: Facts) -> Iterator[Finding]:
    """What the probe noted beside its result and somebody should know."""
    for standing in facts.current:
        for note in standing.probe.notes if standing.probe else ():
            if note.code in _SECURITY_NOTES:
                said, impact = _SECURITY_NOTES[note.code]
                yield Finding(
                    id=f"{note.code}:{standing.id}",
                    kind="security",
                    word="Security",
                    status=Status.DEGRADED,
                    title=said.format(name=standing.name),
                    server=standing.id,
                    page=standing.page,
                    owner=standing.server.owner if standing.server else None,
                    evidence="1 of 1 probe",
                    chance=0.0,
                    impact=impact,
                    cause=sentence(note.text),
                    command=command(facts, standing.id, "probe"),
                )


def collisions(facts: Facts) -> Iterator[Finding]:
    """Tool names that can be taken for another: look-alikes one by one, equal names in one quiet line."""
    offered = {s.id: [tool.name for tool in s.surface.tools] for s in facts.current if s.surface and s.asked}
    equal: list[tuple[str, tuple[str, ...]]] = []
    for spellings, places in names_alike(offered):
        servers = tuple(dict.fromkeys(server for server, _ in places))
        if len(spellings) == 1:
            equal.append((spellings[0], servers))
        else:
            yield _look_alikes(facts, spellings, servers)
    if equal:
        yield _equal_names(facts, equal)


def _names(facts: Facts, servers: Sequence[str]) -> str:
    return words.listing([facts.by_id[server].name for server in servers])


def _look_alikes(facts: Facts, spellings: Sequence[str], servers: Sequence[str]) -> Finding:
    shown = words.listing([f"“{text.visible(name, 60)}”" for name in spellings])
    return Finding(
        id=f"collision:{'|'.join(spellings)}",
        kind="security",
        word="Collision",
        status=Status.DEGRADED,
        title=f"Tools with names that look alike: {shown}.",
        server=servers[0] if len(servers) == 1 else None,
        page=f"{facts.by_id[servers[0]].page}#tools",
        evidence=f"offered by {_names(facts, servers)}",
        chance=0.0,
        impact="A model or a person can call one for the other.",
        cause="The names differ only in case, width or letters of another alphabet.",
        needs_action=any(name.casefold() != spellings[0].casefold() for name in spellings),
    )


def _equal_names(facts: Facts, equal: Sequence[tuple[str, Sequence[str]]]) -> Finding:
    name, servers = equal[0]
    return Finding(
        id="collision",
        kind="security",
        word="Collision",
        status=None,
        title=f"{words.plural(len(equal), 'tool name is', 'tool names are')} offered by more than one server.",
        server=None,
        page=f"{facts.by_id[servers[0]].page}#tools",
        evidence=words.listing([f"“{text.visible(name, 60)}”" for name, _ in equal], 5),
        chance=0.0,
        impact="A client that does not prefix names calls either.",
        cause=f"“{text.visible(name, 60)}” is a tool of {_names(facts, servers)}.",
        needs_action=False,
    )
