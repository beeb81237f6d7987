"""What is configured, and why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from caelum_report.errors import UsageError

from .options import ConfigFile, McpFiles, options

app = typer.Typer(no_args_is_help=True, help="Check, show and explain the configuration.")


@app.command("check")
def config_check(config: ConfigFile = None, mcp_config: McpFiles = None) -> None:
    """Check the configuration and name every entry that cannot be used; exit 2 where there is one."""
    from caelum_report.config import check

    text, good = check(options(config, mcp_config), os.environ, Path.home())
    typer.echo(text)
    if not good:
        raise SystemExit(UsageError.exit_status)


@app.command("show")
def config_show(config: ConfigFile = None, mcp_config: McpFiles = None) -> None:
    """Print the resolved configuration, and which layer each value came from; secrets by name only."""
    from caelum_report.config import show

    typer.echo(show(options(config, mcp_config), os.environ, Path.home()))


@app.command("explain")
def config_explain(
    key: Annotated[str, typer.Argument(help="A key of caelum.toml or an environment variable.")],
    config: ConfigFile = None,
) -> None:
    """Say what a setting means, what each layer says of it, and which one won."""
    from caelum_report.config import explain

    typer.echo(explain(key, options(config), os.environ, Path.home()))
