"""The files in which MCP hosts name their servers, read as a list of entries in one vocabulary. Nothing is expanded or judged.

Claude Desktop and Code, VS Code, Copilot, Cursor, Windsurf, Zed, Continue, Gemini CLI, Codex: what each calls things is
told from what the file holds and from its name, never asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from caelum_report.errors import UsageError
from caelum_report.model import Transport
from caelum_report.nearest import nearest
from caelum_report.text import visible

from .files import key_place, parse_json, parse_toml, parse_yaml, shown

_ROOTS: Final = ("mcpServers", "servers", "context_servers", "mcp_servers")
_TRANSPORTS: Final = {
    "stdio": Transport.STDIO,
    "local": Transport.STDIO,  # Copilot
    "http": Transport.HTTP,
    "streamable-http": Transport.HTTP,
    "streamablehttp": Transport.HTTP,
    "sse": Transport.SSE,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A server as one file names it. Its texts still hold variables; its values are secret."""

    name: str
    source: str  # "cursor", "claude_desktop_config": what `@` is followed by when two files disagree
    file: Path
    folder: Path  # what ${workspaceFolder} means and relative paths start from
    project: bool = False  # its host starts it in `folder`
    bare: bool = False  # `$X` is a variable
    transport: Transport = Transport.STDIO
    command: str | None = None
    args: tuple[str, ...] = field(default=(), repr=False)
    cwd: str | None = None
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    env_file: str | None = None
    url: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    inputs: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    start_seconds: float | None = None  # how long its host waits for the start, where that is said
    disabled: bool = False
    skip: str | None = None
    problem: str | None = None


def read_entries(path: Path, text: str) -> tuple[Entry, ...]:
    """The servers that a host's configuration names. A bad entry is an entry with a problem; a bad file is an error."""
    document = _parse(path, text)
    if document is None:  # an empty YAML file
        return ()
    if not isinstance(document, dict):
        raise UsageError(f"{shown(path)}:1:1: expected an object with `mcpServers`")
    home = _Home(path, document)
    found = [entry for root, servers in _roots(path, text, document) for entry in home.entries(root, servers)]
    projects = document.get("projects")
    for folder, project in projects.items() if isinstance(projects, dict) else ():
        servers = project.get("mcpServers") if isinstance(project, dict) else None
        if isinstance(servers, dict):
            found += _Home(path, document, project=Path(str(folder))).entries("mcpServers", servers)
    return tuple(found)


def _parse(path: Path, text: str) -> Any:
    if path.suffix == ".toml":
        return parse_toml(path, text)
    if path.suffix in {".yaml", ".yml"}:
        return parse_yaml(path, text)
    return parse_json(path, text) if text.strip() else {}


def _roots(path: Path, text: str, document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The parts of a document that hold servers."""
    known = [(root, document[root]) for root in _ROOTS if root in document]
    within = document.get("mcp")  # the settings.json of VS Code
    if isinstance(within, dict) and "servers" in within:
        known.append(("servers", within["servers"]))
    if not known and document and all(_is_entry(value) for value in document.values()):
        known.append(("mcpServers", document))  # the names stand at the top, as in a plugin's .mcp.json
    if not known:
        for key in document:
            if near := nearest(str(key), _ROOTS, 0.8):
                place = key_place(text, str(key))
                raise UsageError(
                    f"{shown(path)}{place}: `{visible(str(key), 60)}` is not a key; did you mean `{near}`?"
                )
    for root, servers in known:
        if servers is None:
            continue
        if not isinstance(servers, (dict, list)):
            raise UsageError(f"{shown(path)}{key_place(text, root)}: `{root}`: expected an object of servers by name")
        yield root, servers


def _is_entry(value: object) -> bool:
    return isinstance(value, dict) and any(
        isinstance(value.get(key), str) for key in ("command", "url", "httpUrl", "serverUrl")
    )


# --- one file -------------------------------------------------------------------------------------------------------


class _Home:
    """What all entries of a file have in common."""

    def __init__(self, path: Path, document: dict[str, Any], project: Path | None = None) -> None:
        self.path = path
        self.gemini = _is_gemini(path, document)
        self.inputs = _inputs(document)
        self.folder = project or _folder(path)
        self.project = project is not None or _is_project(path)
        self.source = (project.name if project else "") or _source(path)

    def entries(self, root: str, servers: Any) -> Iterator[Entry]:
        pairs = servers.items() if isinstance(servers, dict) else _named(servers)
        for name, raw in pairs:
            yield self.entry(_storable(str(name)), raw, root)

    def entry(self, name: str, raw: Any, root: str) -> Entry:
        blank = Entry(name, self.source, self.path, self.folder, self.project, self.gemini, inputs=self.inputs)
        if not isinstance(raw, dict):
            return replace(blank, problem="its entry is not an object")
        try:
            return replace(blank, **_read(raw, gemini=self.gemini, codex=root == "mcp_servers"))
        except _EntryError as error:
            return replace(blank, disabled=_disabled(raw), problem=str(error))


def _named(servers: list[Any]) -> Iterator[tuple[str, Any]]:
    """Continue's list, whose entries hold their names."""
    for number, raw in enumerate(servers, 1):
        name = raw.get("name") if isinstance(raw, dict) else None
        yield (name if isinstance(name, str) else f"number {number}"), raw


def _storable(name: str) -> str:
    """Lone surrogates are no text at all: no database, page or argument list can hold them."""
    return "".join(f"<U+{ord(c):04X}>" if "\ud800" <= c <= "\udfff" else c for c in name)


def _is_gemini(path: Path, document: dict[str, Any]) -> bool:
    servers = document.get("mcpServers")
    named = isinstance(servers, dict) and any(isinstance(raw, dict) and "httpUrl" in raw for raw in servers.values())
    return (
        named
        or (path.name == "settings.json" and "mcpServers" in document)
        or path.parent.name in {".gemini", "gemini-cli"}
    )


_PROJECT_FOLDERS: Final = {".vscode", ".cursor", ".gemini", ".codex", ".continue"}


def _folder(path: Path) -> Path:
    """The project that a file belongs to; of a user-wide file, the folder where it lies."""
    parent = path.absolute().parent
    if parent.name == "mcpServers":
        parent = parent.parent
    return parent.parent if parent.name in _PROJECT_FOLDERS else parent


def _is_project(path: Path) -> bool:
    """Whether a host would start the servers of this file in the project's folder."""
    return path.name == ".mcp.json" or path.absolute().parent.name == ".vscode"


def _source(path: Path) -> str:
    """A short name for a file."""
    generic = {"mcp", ".mcp", "settings", "config", "mcp_config", "mcp-config"}
    if path.stem not in generic:
        return path.stem.lstrip(".") or path.name
    folder = path.absolute().parent
    if folder.name in {".vscode", "User"}:
        return "vscode" if folder.name == "User" else folder.parent.name
    return folder.name.lstrip(".") or path.stem


def _inputs(document: dict[str, Any]) -> dict[str, str | None]:
    listed = document.get("inputs")
    found: dict[str, str | None] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("id"), str):
            default = each.get("default")
            found[each["id"]] = default if isinstance(default, str) else None
    return found


# --- one entry ------------------------------------------------------------------------------------------------------


class _EntryError(Exception):
    """An entry that cannot be used; its text is the server's `problem`."""


def _read(raw: dict[str, Any], *, gemini: bool, codex: bool) -> dict[str, Any]:
    start = {"command": raw.get("command"), "args": raw.get("args"), "env": raw.get("env")}
    if isinstance(within := raw.get("command"), dict):  # Zed, before 2025
        start |= {"command": within.get("path"), "args": within.get("args"), "env": within.get("env")}
    command = start["command"]
    url, transport = _address(raw, gemini=gemini)
    disabled = _disabled(raw)
    if command is None and url is None:
        if raw.get("source") == "extension" or "settings" in raw:
            return {"skip": "started by an extension of its editor; there is no command here", "disabled": disabled}
        raise _EntryError("it has neither `command` nor `url`")
    if command is not None and (not isinstance(command, str) or not command.strip()):
        raise _EntryError("`command` is not a string")
    if command is not None and transport is not Transport.STDIO and url is None:
        raise _EntryError("its type says remote, and it has no `url`")
    if transport is Transport.STDIO and command is None:
        raise _EntryError("its type says stdio, and it has no `command`")
    headers = _headers(raw, codex=codex)
    startup = raw.get("startup_timeout_sec")
    return {
        "transport": transport,
        "command": command if transport is Transport.STDIO else None,
        "args": _strings(start["args"], "args"),
        "cwd": _string(raw, "cwd"),
        "env": _pairs(start["env"], "env"),
        "env_file": _string(raw, "envFile"),
        "url": None if transport is Transport.STDIO else url,
        "headers": headers,
        "start_seconds": float(startup) if isinstance(startup, (int, float)) and 0 < startup < 1e6 else None,
        "disabled": disabled,
    }


def _disabled(raw: dict[str, Any]) -> bool:
    return raw.get("disabled") is True or raw.get("enabled") is False


def _address(raw: dict[str, Any], *, gemini: bool) -> tuple[str | None, Transport]:
    """The URL and how it is spoken to. A `url` without type is SSE for Gemini and Streamable HTTP for everybody else."""
    said = raw.get("type", raw.get("transport", raw.get("transportType")))
    transport: Transport | None = None
    if isinstance(said, dict):  # some write {"transport": {"type": "sse"}}
        said = said.get("type")
    if said is not None:
        transport = _TRANSPORTS.get(said.lower().replace("_", "-")) if isinstance(said, str) else None
        if transport is None:
            raise _EntryError("its type is not one of stdio, http, streamable-http, sse")
    for key, implied in (
        ("httpUrl", Transport.HTTP),
        ("serverUrl", Transport.HTTP),
        ("url", Transport.SSE if gemini else Transport.HTTP),
    ):
        if raw.get(key) is None:
            continue
        if not isinstance(raw[key], str):
            raise _EntryError(f"`{key}` is not a string")
        if raw.get("command") is not None and transport in {None, Transport.STDIO}:
            break
        if transport is Transport.STDIO:
            raise _EntryError("its type says stdio, and it has a `url`")
        return raw[key], transport or implied
    return None, transport or Transport.STDIO


def _headers(raw: dict[str, Any], *, codex: bool) -> tuple[tuple[str, str], ...]:
    options = raw.get("requestOptions")  # Continue
    within: Any = options.get("headers") if isinstance(options, dict) else None
    found = [*_pairs(within, "headers"), *_pairs(raw.get("headers"), "headers")]
    if codex:
        found += _pairs(raw.get("http_headers"), "http_headers")
        found += [
            (name, f"${{{variable}}}") for name, variable in _pairs(raw.get("env_http_headers"), "env_http_headers")
        ]
        if (bearer := _string(raw, "bearer_token_env_var")) is not None:
            found.append(("Authorization", f"Bearer ${{{bearer}}}"))
    return tuple(found)


def _string(raw: dict[str, Any], key: str) -> str | None:
    value = raw.get(key)
    if value is not None and not isinstance(value, str):
        raise _EntryError(f"`{key}` is not a string")
    return value


def _strings(value: Any, key: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(_is_scalar(item) for item in value):
        raise _EntryError(f"`{key}` is not a list of strings")
    return tuple(_scalar(item) for item in value)


def _pairs(value: Any, key: str) -> tuple[tuple[str, str], ...]:
    """Names and values; numbers and switches are written as hosts write them, null means unset."""
    if value is None:
        return ()
    if not isinstance(value, dict) or not all(item is None or _is_scalar(item) for item in value.values()):
        raise _EntryError(f"`{key}` is not an object of strings")
    return tuple((str(name), _scalar(item)) for name, item in value.items() if item is not None)


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, bool, int, float))


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
