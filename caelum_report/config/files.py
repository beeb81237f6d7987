"""Configuration files: whether they may be trusted, what they say, and where in them a mistake is.

A message names file, line and column, never the text that stands there: it may be a secret.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from caelum_report.errors import UsageError
from caelum_report.text import visible

LARGEST_BYTES: Final = 32_000_000  # ~/.claude.json grows to megabytes
_LARGEST_SECRET_BYTES: Final = 65_536


def shown(path: Path | str) -> str:
    """A path as it may be printed."""
    return visible(str(path), 500)


def read_text(path: Path) -> str:
    """The file's text, if nobody but its owner, root and we can write it."""
    try:
        if (others := who_else_can_write(path)) is not None:
            raise UsageError(f"{shown(path)}: refused, because {others}. It names commands that we would run.")
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{shown(path)}: no such file; name one that is there") from None
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise UsageError(f"{shown(path)}: is not the name of a file") from None
    if len(raw) > LARGEST_BYTES:
        raise UsageError(
            f"{shown(path)}: larger than {LARGEST_BYTES // 1_000_000} MB; this is not a configuration file"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise UsageError(f"{shown(path)}:{line}:{column}: not UTF-8; save the file as UTF-8") from None


def is_there(path: Path) -> bool:
    """Whether it is a file that we may see; a folder closed to us holds none."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_secret(path: Path) -> str | None:
    """The value that a small regular file holds, without its last line break; None where there is none."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_SECRET_BYTES:
            return None
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError):
        return None


# --- who else can write it ------------------------------------------------------------------------------------------


def who_else_can_write(path: Path) -> str | None:
    """Why somebody other than root and we can change what stands at `path`, and the command against it; None if nobody can.

    Looks at the file and at the folders that hold its name, behind symbolic links too. A group counts only if it has
    other members: with user-private groups, files are often 0664.
    """
    if not hasattr(os, "geteuid"):
        return None
    real = Path(os.path.realpath(path))
    for place in dict.fromkeys((real, path.parent, real.parent)):
        if (who := _writers(place, place.stat())) is not None:
            return who
    return None


def _writers(place: Path, status: os.stat_result) -> str | None:
    if status.st_uid not in (0, os.geteuid()):
        return f"{shown(place)} belongs to {_user(status.st_uid)} (chown it to the user of this run)"
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return None  # sticky: only the owner of a file can replace it
    if status.st_mode & stat.S_IWOTH:
        return f"everybody can write {shown(place)} (chmod o-w it)"
    if status.st_mode & stat.S_IWGRP and (members := _others_in_group(status.st_gid, status.st_uid)):
        return f"{members} can write {shown(place)} (chmod g-w it)"
    return None


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _others_in_group(gid: int, owner: int) -> str | None:
    import grp
    import pwd

    try:
        group = grp.getgrgid(gid)
    except KeyError:
        return f"group {gid}"
    trusted = {0, owner, os.geteuid()}
    primary = any(user.pw_gid == gid and user.pw_uid not in trusted for user in pwd.getpwall())
    names = {_user(uid) for uid in trusted}
    return f"group {group.gr_name}" if primary or any(member not in names for member in group.gr_mem) else None


# --- syntax ---------------------------------------------------------------------------------------------------------

_TOKENS: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_COMMAS: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
_NOT_BREAK: Final = re.compile(r"[^\n]")


def _blank(match: re.Match[str]) -> str:
    found = match.group()
    return found if found.startswith('"') else _NOT_BREAK.sub(" ", found)


def parse_json(path: Path, text: str) -> Any:
    """JSON, with comments and trailing commas where the file has them; they are blanked, so positions stay true."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(_COMMAS.sub(_blank, _TOKENS.sub(_blank, text)))
    except json.JSONDecodeError as error:
        raise UsageError(f"{shown(path)}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise UsageError(f"{shown(path)}: not a configuration: nested too deeply") from None
    except ValueError:
        raise UsageError(f"{shown(path)}: not a configuration: a number has too many digits") from None


_AT: Final = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT.fullmatch(str(error))
        said, line, column = match.groups() if match else ("not valid", "1", "1")
        if line is None:
            line, column = str(text.count("\n") + 1), str(len(text) - text.rfind("\n"))
        raise UsageError(f"{shown(path)}:{line}:{column}: not TOML: {visible(said, 80)}") from None
    except (RecursionError, ValueError):
        raise UsageError(f"{shown(path)}: not a configuration: nested too deeply, or a number out of range") from None


def parse_yaml(path: Path, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UsageError(f"{shown(path)}{at}: not YAML") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UsageError(f"{shown(path)}: not YAML") from None


def key_place(text: str, key: str) -> str:
    """`:line:column` of the first mention of a JSON key, or nothing; for mistakes that the parser does not see."""
    at = text.find(json.dumps(key))
    return "" if at < 0 else f":{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


# --- .env -----------------------------------------------------------------------------------------------------------

_ASSIGNMENT: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*?)\s*")
_QUOTED: Final = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)\"""")


def _unescape(match: re.Match[str]) -> str:
    character: str = match.group(1)
    return {"n": "\n", "r": "\r", "t": "\t"}.get(character, character)


def read_env_file(path: Path) -> Mapping[str, str]:
    """`NAME=value` lines: comments, `export` and quotes as usual, no expansion."""
    values: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            raise UsageError(f"{shown(path)}:{number}:1: expected NAME=value")
        name, value = match.groups()
        if (quoted := _QUOTED.match(value)) is not None:
            single, double = quoted.groups()
            values[name] = single if single is not None else re.sub(r"\\(.)", _unescape, double)
        else:
            values[name] = re.sub(r"\s+#.*", "", value)
    return values
