"""The variables that hosts replace in their configurations: ${VAR}, ${VAR:-default}, ${env:X}, ${input:ID}, ${file:P}, …"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from caelum_report.text import SECRET_NAME, visible

from .files import read_secret, shown


class UnsetError(Exception):
    """A variable without value or default. Its text is that server's `problem`."""


@dataclass(frozen=True, slots=True)
class Variables:
    """Where values come from. They are secrets until the contrary is known: never print one."""

    environ: Mapping[str, str] = field(repr=False)  # with the .env beside caelum.toml
    home: Path
    folder: Path  # what ${workspaceFolder} means and relative paths start from
    inputs: Mapping[str, str | None] = field(default_factory=dict, repr=False)  # of VS Code: id and default
    bare: bool = False  # `$X` is a variable too: Gemini
    credentials: Path | None = None  # $CREDENTIALS_DIRECTORY: one file a variable

    def get(self, name: str) -> str | None:
        if name in self.environ:
            return self.environ[name]
        if self.credentials is not None and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            return read_secret(self.credentials / name)
        return None

    def path(self, text: str) -> Path:
        """`text` as a path: `~` is the home folder, and it starts from the file's own folder."""
        if text == "~" or text.startswith("~/"):
            return self.home / text[2:]
        return self.folder / text


_VARIABLE: Final = re.compile(
    r"""(?x)
      \$\{\{ \s* (?:secrets|inputs|env) \. (?P<secret>[\w.-]+) \s* \}\}
    | \$\{ (?P<kind>env|input|file|command|config|userHome|workspaceFolder|workspaceFolderBasename|pathSeparator|/)
           (?: : (?P<argument>[^}]*) )? \}
    | \$\{ (?P<name>[A-Za-z_]\w*) (?: :- (?P<default>[^}]*) )? \}
    | \$ (?P<bare>[A-Za-z_]\w*)
    """
)


def has_variables(text: str) -> bool:
    return "${" in text and _VARIABLE.search(text) is not None


def expand(text: str, variables: Variables) -> tuple[str, tuple[str, ...]]:
    """`text` with its variables replaced, and those of the values put in that are secrets by name or source."""
    if "$" not in text:
        return text, ()
    secrets: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match["bare"] is not None and not variables.bare:
            return match.group()
        name, found = _look_up(match, variables)
        if match["secret"] or SECRET_NAME.search(name):
            secrets.append(found)
        return found

    return _VARIABLE.sub(value, text), tuple(secrets)


def _look_up(match: re.Match[str], variables: Variables) -> tuple[str, str]:
    """The name that tells whether the value is secret, and the value."""
    kind, argument = match["kind"], match["argument"] or ""
    if kind in {"userHome", "workspaceFolder", "workspaceFolderBasename", "pathSeparator", "/"}:
        folder = str(variables.folder)
        places = {"userHome": str(variables.home), "workspaceFolder": folder}
        places["workspaceFolderBasename"] = variables.folder.name
        return "", places.get(kind, os.sep)
    if kind == "file":
        content = read_secret(variables.path(argument))
        if content is None:
            raise UnsetError(f"the file {shown(argument)} cannot be read")
        return "secret", content
    if kind == "input":
        return _input(argument, variables)
    if kind in {"command", "config"}:
        raise UnsetError(f"${{{kind}:{visible(argument, 60)}}} has a value only inside its editor")
    name = match["secret"] or match["name"] or match["bare"] or argument
    found = variables.get(name)
    if match["default"] is not None:
        return name, found or match["default"]
    if found is None:
        raise UnsetError(f"the variable {visible(name, 80)} is not set")
    return name, found


def _input(identifier: str, variables: Variables) -> tuple[str, str]:
    """An editor would ask for it; a scheduled run reads `INPUT_` and its name, or its default, or its name alone."""
    name = re.sub(r"\W+", "_", identifier).upper()
    default = variables.inputs.get(identifier)
    if (found := variables.get(f"INPUT_{name}")) is None and default is not None:
        return "", default
    if found is None and (found := variables.get(name)) is None:
        wanted = visible(f"INPUT_{name}", 80)
        raise UnsetError(f"the input {visible(identifier, 80)} is asked for by its editor; set the variable {wanted}")
    return "secret", found
