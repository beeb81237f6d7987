"""Facts about configurations that their owners may want to change: one quiet finding a kind, with the edit that mends it."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from caelum_report import text, words
from caelum_report.document import Finding

from .facts import Facts, Standing
from .troubles import sentence


@dataclass(frozen=True, slots=True)
class Risk:
    """The words of one kind; `one` and `many` follow a server's name and a number of servers, both remedies go before names."""

    one: str
    many: str
    remedy: str
    remedies: str
    impact: str
    advice: str


RISKS: Final = {
    "unpinned-launcher": Risk(
        "starts whatever version is newest",
        "start whatever version is newest",
        "Pin the version of",
        "Pin the versions of",
        "Any start can bring a new version with other tools, which nobody here has chosen.",
        "Name an exact version in the args: server@1.2.3 for npx and bunx, server==1.2.3 for uvx, image:1.2.3 or a digest for docker.",
    ),
    "plain-text-secret": Risk(
        "has a secret in plain text in its entry",
        "have a secret in plain text in their entries",
        "Take the secret out of the entry of",
        "Take the secrets out of the entries of",
        "Whoever reads the file, its backups or its repository has the secret.",
        "Write a variable in its place, as in ${API_KEY}, set that in the environment, and change the secret.",
    ),
    "plain-http": Risk(
        "is asked over plain http",
        "are asked over plain http",
        "Use https for",
        "Use https for",
        "Whoever is on the way can read and change what is asked and answered.",
        "Write https in the url, or go through a tunnel that ends on this machine.",
    ),
    "no-authentication": Risk(
        "is open without authentication",
        "are open without authentication",
        "Put authentication in front of",
        "Put authentication in front of",
        "Whoever can reach such a server can call its tools.",
        "Ask for a key there and send it in the headers of the entry; or let only this machine reach the server.",
    ),
    "writable-program": Risk(
        "runs a program that others can change",
        "run programs that others can change",
        "Let nobody else change the program of",
        "Let nobody else change the programs of",
        "Whoever changes such a program runs code as the user of this report.",
        "Take the right to write away from the others, or move the program.",
    ),
}


def risks(facts: Facts) -> Iterator[Finding]:
    """One finding for each kind, however many servers have it."""
    affected: dict[str, list[tuple[Standing, str]]] = defaultdict(list)
    for standing in facts.current:
        for note in standing.server.risks if standing.server else ():
            affected[note.code].append((standing, note.text))
    for code, entries in affected.items():
        yield _finding(code, RISKS[code], entries)


def _finding(code: str, risk: Risk, entries: Sequence[tuple[Standing, str]]) -> Finding:
    first, first_text = entries[0]
    names = [standing.name for standing, _ in entries]
    one = len(entries) == 1
    files = list(dict.fromkeys(file for standing, _ in entries if standing.server for file in standing.server.sources))
    where = f" in {words.listing([text.brief(file, 80) for file in files], 2)}" if files else ""
    return Finding(
        id=f"risk:{code}",
        kind="configuration",
        word="Risk",
        status=None,
        title=f"{names[0]} {risk.one}." if one else f"{words.plural(len(entries), 'server')} {risk.many}.",
        server=first.id if one else None,
        page=f"{first.page}#notes",
        owner=first.server.owner if one and first.server else None,
        evidence=f"{words.listing(names, 5)}{where}",
        chance=0.0,
        impact=risk.impact,
        cause=sentence(first_text),
        advice=risk.advice,
        command=_command(code, first_text, files),
        needs_action=False,
    )


_REMEDY: Final = re.compile(r"can write (?P<path>.*) \((?P<chmod>chmod [og]-w) it\)$")


def _command(code: str, said: str, files: Sequence[str]) -> str | None:
    """What can be typed: rights are; the rest is an edit of a file."""
    if code == "writable-program" and (match := _REMEDY.search(said)):
        return f"{match['chmod']} {shlex.quote(match['path'])}"
    if code == "plain-text-secret" and files and text.visible(files[0], 500) == files[0] and files[0].startswith("/"):
        return shlex.join(["chmod", "600", files[0]])
    return None


def found_configurations(facts: Facts) -> Iterator[Finding]:
    """MCP hosts' own files on this machine that others can change; we refuse to read servers from such a file."""
    for each in facts.config.found:
        if each.problem is None or "others can change it" not in each.problem:
            continue
        match = _REMEDY.search(each.problem)
        yield Finding(
            id=f"writable:{each.path}",
            kind="configuration",
            word="Risk",
            status=None,
            title=f"The configuration of {text.brief(each.host, 40)} can be changed by others.",
            server=None,
            page="method.html#configurations",
            evidence=f"{words.plural(len(each.servers), 'server')} in {text.brief(each.path, 120)}",
            chance=0.0,
            impact="Whoever changes it chooses what the host starts. This report refuses to read servers from it.",
            cause=sentence(each.problem),
            command=f"{match['chmod']} {shlex.quote(match['path'])}" if match else None,
            needs_action=False,
        )


def notes(facts: Facts) -> Iterator[Finding]:
    """What was noted while the configuration was read and the run was made."""
    for note in (*facts.config.notes, *facts.snapshot.notes):
        yield Finding(
            id=f"note:{note.code}:{note.text[:60]}",
            kind="configuration",
            word="Note",
            status=None,
            title=sentence(note.text[:1].upper() + note.text[1:]),
            server=None,
            page="method.html",
            evidence="read from the configuration",
            needs_action=False,
        )
