"""`caelum-report mcp` with this machine's configuration behind it, which is read when a report is asked for and not before."""

from __future__ import annotations


def main(arguments: list[str]) -> int:
    """The exit status."""
    from .mcp_server import main as serve

    return serve(arguments, _configured_database)


def _configured_database(file: str | None) -> str:
    """The history that the configuration names."""
    import os
    from pathlib import Path

    from .config.settings import Options, settle

    return settle(Options(config=Path(file) if file else None), os.environ, Path.home()).database
