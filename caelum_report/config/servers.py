"""Entries of files become servers: variables replaced, secrets known, risks noted, the same server in two files joined."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from caelum_report.errors import UsageError
from caelum_report.model import Server, Transport
from caelum_report.text import looks_secret, slug, visible

from .dialects import Entry
from .endpoint import command_endpoint, url_endpoint, url_problem
from .files import read_env_file, who_else_can_write
from .risks import risks_of
from .secrets import in_url, secret_arguments, secrets_of
from .tapped import untapped
from .tokens import token_end
from .variables import UnsetError, Variables, expand, has_variables

# Their values choose what code a process runs, so consent is to the values too.
_STEERING: Final = re.compile(
    r"PATH|LD_\w+|DYLD_\w+|BASH_ENV|ENV|IFS|SHELLOPTS|PYTHON\w+|NODE_\w+|NPM_CONFIG_\w+|npm_config_\w+|UV_\w+|PIP_\w+|PERL\w+|RUBY\w+|JAVA_TOOL_OPTIONS"
)
_NO_HEADER_NAME: Final = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")


@dataclass(frozen=True, slots=True)
class Named:
    """A server as one file names it, ready to be probed, with what joining needs to know."""

    server: Server
    source: str
    what: tuple[object, ...]  # equal for the same command or the same URL
    secrets: tuple[str, ...]


def resolve(entry: Entry, surroundings: Variables, search_path: str, *, watched: bool) -> Named:
    """The server of an entry. Whatever is wrong with it becomes its `problem`."""
    entry, tap = untapped(entry)
    variables = replace(surroundings, folder=entry.folder, inputs=entry.inputs, bare=entry.bare)
    filled = _Filled(variables)
    command, url = filled.optional(entry.command, "command"), filled.optional(entry.url, "url")
    args = tuple(filled.text(arg, "args") for arg in entry.args)
    env = {**filled.env_file(entry.env_file), **{name: filled.text(value, f"env {name}") for name, value in entry.env}}
    headers = {name: filled.text(value, f"header {name}") for name, value in entry.headers}
    if command is not None and command.startswith("~/"):
        command = str(variables.path(command))
    cwd = filled.optional(entry.cwd, "cwd")
    if cwd is not None:
        cwd = str(variables.path(cwd))
    elif entry.project and entry.transport is Transport.STDIO:
        cwd = str(entry.folder)
    server = Server(
        id=entry.name,
        slug=slug(entry.name),
        transport=entry.transport,
        command=command,
        args=args,
        cwd=cwd,
        env=tuple(env.items()),
        url=url,
        headers=tuple(headers.items()),
        endpoint=url_endpoint(url) if url is not None else command_endpoint(command or "", len(args)),
        sources=(str(entry.file),),
        fingerprint=_fingerprint(entry, cwd, env),
        server_seconds=_patience(entry.start_seconds),
        watched=watched,
        tap=tap,
    )
    judged = _judged(server, entry, filled.problem, search_path)
    return Named(judged, entry.source, _what(server, entry), (*secrets_of(server), *filled.secrets))


def _judged(server: Server, entry: Entry, problem: str | None, search_path: str) -> Server:
    """With why it cannot or must not be asked, what is risky about it, and when its token ends. `problem`: of its variables."""
    problem = entry.problem or problem or _unusable(server)
    writers = None
    if problem is None and server.command is not None:
        writers = writers_of(server.command, server.args, server.cwd, dict(server.env).get("PATH", search_path))
    if writers is not None and os.geteuid() == 0:
        problem, writers = f"refused as root: {writers}", None
    skip = "disabled" if entry.disabled else entry.skip
    token_expires_at, token_place = token_end(server) or (None, "")
    return replace(
        server,
        problem=None if skip else problem,
        skip=skip,
        risks=() if entry.problem else risks_of(server, tuple(_literal_secrets(entry)), writers),
        token_expires_at=token_expires_at,
        token_place=token_place,
    )


def _what(server: Server, entry: Entry) -> tuple[object, ...]:
    """Equal for the same command or the same URL; of an entry that has neither, nothing is the same."""
    if server.url is not None:
        return (server.url,)
    if server.command is None:
        return (entry.file, entry.name)
    needs_folder = entry.cwd is not None or (
        server.cwd is not None and _stands_in(server.cwd, (server.command, *server.args))
    )
    return (server.command, server.args, server.cwd if needs_folder else None)


class _Filled:
    """Replaces variables and keeps the first trouble and every secret on the way."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.problem: str | None = None
        self.secrets: list[str] = []

    def text(self, text: str, where: str) -> str:
        try:
            filled, secrets = expand(text, self.variables)
        except UnsetError as error:
            self.problem = self.problem or f"{visible(where, 80)}: {error}"
            return text
        self.secrets += [secret for secret in secrets if len(secret) >= 8]
        return filled

    def optional(self, text: str | None, where: str) -> str | None:
        return None if text is None else self.text(text, where)

    def env_file(self, name: str | None) -> Mapping[str, str]:
        if name is None:
            return {}
        try:
            return read_env_file(self.variables.path(self.text(name, "envFile")))
        except UsageError as error:
            self.problem = self.problem or f"envFile: {error}"
            return {}


def _stands_in(folder: str, parts: Iterable[str]) -> bool:
    """Whether a command means a file of this folder: the same words elsewhere are another server."""
    return any(
        part and part.isprintable() and not part.startswith(("-", "/")) and os.path.lexists(f"{folder}/{part}")
        for part in parts
    )


def _patience(seconds: float | None) -> float | None:
    """A host that waits longer for a start than we do knows its server; two minutes are enough for anybody."""
    return min(seconds, 120.0) if seconds is not None and seconds > 30 else None


def _literal_secrets(entry: Entry) -> Iterator[str]:
    """Where a secret value stands in the file itself: names of variables and headers, "arguments", "url"."""
    for name, value in (*entry.env, *entry.headers):
        if looks_secret(name, value) and not has_variables(value) and not (entry.bare and value.startswith("$")):
            yield name
    if any(not has_variables(secret) and len(secret) >= 8 for _, secret in secret_arguments(entry.args)):
        yield "arguments"
    if entry.url is not None and not has_variables(entry.url) and any(len(secret) >= 8 for secret in in_url(entry.url)):
        yield "url"


# --- consent --------------------------------------------------------------------------------------------------------


def _fingerprint(entry: Entry, cwd: str | None, env: Mapping[str, str]) -> str:
    """What consent is given to, as the file says it: a rotated token behind a variable is no change of the command."""
    said = {
        "command": entry.command,
        "args": entry.args,
        "cwd": cwd,
        "environment": sorted(env),
        "steering": sorted((name, value) for name, value in env.items() if _STEERING.fullmatch(name)),
        "url": entry.url,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# --- what cannot be used --------------------------------------------------------------------------------------------


def _unusable(server: Server) -> str | None:
    """Why a process or a request cannot be made of it at all."""
    texts = [("command", server.command or ""), ("cwd", server.cwd or "")]
    texts += [("args", arg) for arg in server.args]
    texts += [(f"env {name}", name + value) for name, value in server.env]
    for where, text in texts:
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            return f"{visible(where, 80)}: holds a character that no process can be given (NUL or a lone surrogate)"
    for name, _ in server.env:
        if not name or "=" in name:
            return f"env {visible(name, 80)}: is not the name of a variable"
    for name, value in server.headers:
        if not name or _NO_HEADER_NAME.search(name):
            return f"header {visible(name, 80)}: is not the name of a header"
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]", value):
            return f"header {visible(name, 80)}: holds a character that no header may have"
    return None if server.url is None else url_problem(server.url)


_INTERPRETER: Final = re.compile(r"(?:node|nodejs|bun|deno|(?:ba|da|z|k)?sh|perl|ruby|php|java|pythonw?[0-9.]*)")


def writers_of(command: str, args: Sequence[str], cwd: str | None, search_path: str) -> str | None:
    """Who else can change the program, or the script that an interpreter is given. Root refuses to run such a one."""
    folder = Path(cwd or "")
    program = folder / command if os.sep in command else shutil.which(command, path=search_path or None)
    candidates = [Path(program)] if program else []
    if _INTERPRETER.fullmatch(Path(command).name):
        candidates += [folder / arg for arg in args if os.path.lexists(folder / arg)][:1]
    for candidate in candidates:
        try:
            others = who_else_can_write(candidate)
        except (OSError, ValueError):
            continue
        if others is not None:
            return others
    return None


# --- one server, several files --------------------------------------------------------------------------------------


def join(named: Sequence[Named]) -> tuple[Server, ...]:
    """The same command or URL is one server, the first file's; one name with different commands gets `@source`.

    Within one file two names are two servers, and between files two names with another environment are: a work and a
    private account differ in nothing else.
    """
    joined: list[Named] = []
    alike: dict[tuple[object, ...], list[int]] = {}
    for each in named:
        places = alike.setdefault(each.what, [])
        twin = next((place for place in places if _same(joined[place], each)), None)
        if twin is None:
            places.append(len(joined))
            joined.append(each)
        else:
            joined[twin] = replace(joined[twin], server=_merged(joined[twin].server, each.server))
    return tuple(_with_own_names(joined))


def _same(one: Named, other: Named) -> bool:
    """Of two with the same command or URL."""
    if one.server.id == other.server.id:
        return True
    accounts = [sorted((*each.server.env, *each.server.headers)) for each in (one, other)]
    return not set(one.server.sources) & set(other.server.sources) and accounts[0] == accounts[1]


def _merged(first: Server, second: Server) -> Server:
    """The first file's definition, unless that is disabled and the second is not. One file that is trusted with the very
    same definition is enough.
    """
    chosen = second if first.skip and not second.skip else first
    unanimous = first.fingerprint == second.fingerprint
    return replace(
        chosen,
        id=first.id,
        slug=first.slug,
        sources=tuple(dict.fromkeys((*first.sources, *second.sources))),
        watched=first.watched and second.watched if unanimous else chosen.watched,
    )


def _with_own_names(named: Iterable[Named]) -> Iterator[Server]:
    taken: set[str] = set()
    slugs: set[str] = set()
    for each in named:
        name, number = each.server.id, 1
        while name in taken or slug(name) in slugs:
            name = f"{each.server.id}@{each.source}" + (f"-{number}" if number > 1 else "")
            number += 1
        taken.add(name)
        slugs.add(slug(name))
        yield replace(each.server, id=name, slug=slug(name))
