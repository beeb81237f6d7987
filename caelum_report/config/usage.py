"""`[usage]`: where real calls may be read, with the presets filled in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from caelum_report.model import UsageSettings

from .settings import Settings

_MAC: Final = {"claude-desktop": "~/Library/Logs/Claude", "vscode": "~/Library/Application Support/Code/logs"}
_ELSEWHERE: Final = {"claude-desktop": "~/.config/Claude/logs", "vscode": "~/.config/Code/logs"}


def usage_settings(settings: Settings) -> UsageSettings:
    """Paths absolute. The tap's usual log is read without being named: only somebody who taps has one."""
    said = settings.toml.usage
    state = settings.environ.get("XDG_STATE_HOME") or str(settings.home / ".local" / "state")
    return UsageSettings(
        tap_logs=(
            str(Path(state, "caelum-report", "tap.jsonl")),
            *(_path(each, settings) for each in said.tap_logs),
        ),
        transcripts=tuple(_path(each, settings) for each in said.claude_code_folders) if said.claude_code else (),
        otlp_files=tuple(_path(each, settings) for each in said.otlp_files),
        host_logs=tuple(host_log_folder(each, settings) for each in said.host_logs),
        precedence=tuple(said.precedence),
    )


def host_log_folder(said: str, settings: Settings) -> str:
    """Where an MCP host writes its logs, by its name; a folder as it is."""
    presets = _MAC if sys.platform == "darwin" else _ELSEWHERE
    return _path(presets.get(said, said), settings)


def _path(said: str, settings: Settings) -> str:
    return settings.placed(said)
