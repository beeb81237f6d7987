"""The MCP hosts whose configurations lie on this machine: where they keep them, and the names of their servers. Nothing is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from caelum_report.errors import UsageError
from caelum_report.model import FoundConfiguration
from caelum_report.text import visible

from .dialects import read_entries
from .files import LARGEST_BYTES, who_else_can_write

_SHOWN_SERVERS = 200


def find_configurations(environ: Mapping[str, str], home: Path) -> tuple[FoundConfiguration, ...]:
    """Every host's files of this user and of this machine that name servers, in the order of the hosts' names."""
    found = (_look(host, path) for host, path in _places(environ, home))
    return tuple(each for each in found if each is not None)


def _look(host: str, path: Path) -> FoundConfiguration | None:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
            return None
        entries = read_entries(path, path.read_text("utf-8-sig"))
    except UsageError:
        return FoundConfiguration(host, str(path), (), "it cannot be read as a configuration")
    except (OSError, ValueError):
        return FoundConfiguration(host, str(path), (), "it cannot be read")
    names = tuple(dict.fromkeys(visible(entry.name, 80) for entry in entries))[:_SHOWN_SERVERS]
    others = who_else_can_write(path) if names else None
    return (
        FoundConfiguration(host, str(path), names, f"others can change it: {others}" if others else None)
        if names
        else None
    )


def _places(environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    """Each host's user-wide files, and those that an administrator manages. Projects' files are not searched for."""
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    applications = [config]
    managed = Path("/etc/claude-code/managed-mcp.json")
    if sys.platform == "darwin":
        applications = [home / "Library/Application Support"]
        managed = Path("/Library/Application Support/ClaudeCode/managed-mcp.json")
    elif os.name == "nt":
        applications = [Path(environ.get("APPDATA") or home / "AppData/Roaming")]
        managed = Path(environ.get("PROGRAMDATA") or "C:/ProgramData") / "ClaudeCode/managed-mcp.json"
    yield "Claude Code", Path(environ.get("CLAUDE_CONFIG_DIR") or home) / ".claude.json"
    yield "Claude Code", managed
    for folder in applications:
        yield "Claude Desktop", folder / "Claude/claude_desktop_config.json"
    yield "Codex", Path(environ.get("CODEX_HOME") or home / ".codex") / "config.toml"
    yield from (("Continue", path) for path in _continue(home / ".continue"))
    yield "Copilot", Path(environ.get("COPILOT_HOME") or home / ".copilot") / "mcp-config.json"
    yield "Cursor", home / ".cursor/mcp.json"
    yield "Gemini CLI", home / ".gemini/settings.json"
    yield "Gemini CLI", Path("/etc/gemini-cli/settings.json")
    for folder in applications:
        for edition in ("Code", "Code - Insiders", "VSCodium"):
            yield "VS Code", folder / edition / "User/mcp.json"
    yield "Windsurf", home / ".codeium/windsurf/mcp_config.json"
    yield "Zed", config / "zed/settings.json"


def _continue(folder: Path) -> Iterator[Path]:
    yield folder / "config.yaml"
    try:
        yield from sorted(
            path for path in (folder / "mcpServers").iterdir() if path.suffix in {".yaml", ".yml", ".json"}
        )
    except OSError:
        return
