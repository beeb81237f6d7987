"""What several commands share: their options, and how they read settings, times and names."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, TypeVar

import typer

from caelum_report.errors import UsageError
from caelum_report.text import visible

if TYPE_CHECKING:
    from caelum_report.config import Options
    from caelum_report.configured import Config

T = TypeVar("T")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="The caelum.toml to use.", metavar="FILE")]
McpFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--mcp-config",
        help="An MCP host's configuration; naming it approves it for this run. Repeatable.",
        metavar="FILE",
    ),
]
Database = Annotated[Path | None, typer.Option("--db", help="The history's database.", metavar="FILE")]
Output = Annotated[Path | None, typer.Option("--output", help="The folder to publish into.", metavar="DIR")]
FailOn = Annotated[
    str | None, typer.Option("--fail-on", help="Exit with 6 on: never, down or needs-action.", metavar="WHEN")
]
AsJson = Annotated[bool, typer.Option("--json", help="A summary for machines on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say what happened, also without a terminal.")]
NoPdf = Annotated[bool, typer.Option("--no-pdf", help="Leave the PDF out.")]
Everyone = Annotated[bool, typer.Option("--now", help="Ask every server, also those whose own time has not come.")]
Rescue = Annotated[bool, typer.Option("--rescue", help="Move a damaged database aside and start a new one.")]


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def options(config: Path | None = None, mcp_config: list[Path] | None = None) -> Options:
    """Where the configuration is."""
    from caelum_report.config import Options

    return Options(config=config, mcp_config=tuple(mcp_config or ()))


def load(
    config: Path | None = None,
    mcp_config: list[Path] | None = None,
    db: Path | None = None,
    output: Path | None = None,
    *,
    no_pdf: bool = False,
    fail_on: str | None = None,
) -> Config:
    from caelum_report import config as configuration

    where = options(config, mcp_config)
    chosen = replace(where, db=db, output=output, pdf=False if no_pdf else None, fail_on=fail_on)
    return configuration.load(chosen, os.environ, Path.home())


def existing(database: str) -> None:
    if not Path(database).exists():
        raise UsageError(f"there is no history at {database} yet; make one: caelum-report build")


def time_of(text: str, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time; write it like 2026-11-22T14:00 or 2026-11-22T14:00+01:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def pick(name: str, known: dict[str, T], what: str) -> T:
    """The named one, or an error that knows the nearest name."""
    from caelum_report.nearest import nearest

    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near else f"; there are: {', '.join(sorted(known)) or 'none'}"
    raise UsageError(f"no {what} is called {name!r}{hint}")


def agreed(question: str) -> bool:
    """Whether a person at the terminal says yes; no terminal and the end of input are a no, Ctrl-C ends the command."""
    if not sys.stdin.isatty():
        return False
    try:
        return typer.confirm(question, default=False)
    except typer.Abort as error:
        typer.echo(err=True)
        if isinstance(error.__context__, KeyboardInterrupt):
            raise SystemExit(130) from None
        return False


@contextlib.contextmanager
def written(target: Path | None) -> Iterator[IO[bytes]]:
    """The file, there when it is whole and not before; or standard output. A link is followed, and what is no file, a pipe
    or /dev/stdout, is written into.
    """
    if target is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                yield stream
            return
        whole = target.resolve()
        with tempfile.NamedTemporaryFile(dir=whole.parent, prefix=f".{whole.name}.", delete=False) as file:
            made = Path(file.name)
            try:
                yield file
            except BaseException:
                made.unlink()
                raise
        made.chmod(0o644)  # what reads it is seldom us
        made.replace(whole)
    except OSError as error:
        said = error.strerror or os.strerror(error.errno or 0)
        raise UsageError(f"{visible(str(target))}: cannot be written: {said}") from None
