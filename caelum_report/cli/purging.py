"""What became a secret too late: `purge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from caelum_report import console
from caelum_report.errors import UsageError
from caelum_report.text import visible

from .options import AsJson, ConfigFile, Database, McpFiles, NoPdf, Output, Quiet, existing, load, now

if TYPE_CHECKING:
    from caelum_report.purging import Purge

_MOST_BYTES: Final = 1_000_000
_MOST_LINES: Final = 1_000

app = typer.Typer()


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would change, and write nothing.")] = False,
    secrets: Annotated[
        Path | None,
        typer.Option(
            "--secrets",
            help="Also take out what is in this file, a secret a line; - is standard input. For those that no "
            "configuration has any more.",
            metavar="FILE",
        ),
    ] = None,
    config: ConfigFile = None,
    mcp_config: McpFiles = None,
    db: Database = None,
    output: Output = None,
    json: AsJson = False,
    quiet: Quiet = False,
    no_pdf: NoPdf = False,
) -> None:
    """Redact history, archive and site anew: what became a secret too late, and characters that cannot be seen."""
    from caelum_report import purging

    settings = load(config, mcp_config, db, output, no_pdf=no_pdf)
    existing(settings.database)
    more = () if secrets is None else _read(secrets)
    shows = sys.stderr.isatty() and not quiet
    tell = (lambda report: typer.echo(f"  {report}", err=True)) if shows else None
    done = purging.purge(settings, now(), more, tell, dry_run=dry_run)
    if json:
        console.print_json(
            {
                "dry_run": dry_run,
                "secrets": done.secrets,
                "texts": done.rows,
                "reports": list(done.reports),
                "reports_lost": list(done.lost),
                "archive_made_anew": [report for report, kept in done.archive.items() if kept],
                "archive_taken_out": [report for report, kept in done.archive.items() if not kept],
                "published": done.published,
                "copies": [str(copy) for copy in done.copies],
            }
        )
    elif not quiet:
        for line in _told(done, dry_run=dry_run):
            typer.echo(line)


def _read(file: Path) -> tuple[str, ...]:
    """The secrets of a file, and the passwords and tokens in them; a secret on the command line would be seen by `ps`."""
    from caelum_report.config.secrets import in_value
    from caelum_report.spellings import SHORTEST

    found: dict[str, None] = {}
    for number, line in enumerate(_lines(file), 1):
        if 0 < len(line) < SHORTEST:
            raise UsageError(
                f"line {number} of the secrets has fewer than {SHORTEST} characters: taking it out would black out "
                "whatever else has them"
            )
        found |= dict.fromkeys(part for part in in_value("secret", line) if len(part) >= SHORTEST)
    if not found:
        raise UsageError("there is no secret in what --secrets names; write one a line")
    return tuple(found)


def _lines(file: Path) -> list[str]:
    if str(file) == "-" and sys.stdin.isatty():
        import getpass

        return [getpass.getpass("Secret (not shown): ")]
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            content = source.read(_MOST_BYTES + 1)
        lines = [line.removesuffix("\r") for line in content.decode("utf-8-sig").split("\n")]
    except OSError as error:
        raise UsageError(f"{visible(str(file), 300)} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError("what --secrets names is not text in UTF-8") from None
    if len(content) > _MOST_BYTES or len(lines) > _MOST_LINES:
        raise UsageError(f"what --secrets names has more than {_MOST_LINES} lines or {_MOST_BYTES / 1e6:.0f} MB")
    return lines


def _told(done: Purge, *, dry_run: bool) -> list[str]:
    from caelum_report import words

    anew = [report for report, kept in done.archive.items() if kept]
    out = len(done.archive) - len(anew)
    would = "Would change" if dry_run else "Changed"
    lines = [
        f"Looked for {words.plural(done.secrets, 'secret')}, the shapes of tokens, and characters that cannot be seen."
    ]
    if not (done.rows or done.reports or done.lost or done.archive):
        lines.append("Nothing of it is stored.")
    if done.rows:
        lines.append(f"{would} texts in: {', '.join(f'{table} {count}' for table, count in done.rows.items())}.")
    if done.reports:
        lines.append(f"{would} stored reports: {words.listing(list(done.reports), 5)}.")
    if done.lost:
        lines.append(f"{would}, to nothing, as they cannot be read any more: {words.listing(list(done.lost), 5)}.")
    if anew:
        lines.append(f"In the archive made anew: {words.listing(anew, 5)}.")
    if out:
        lines.append(f"In the archive taken out: {words.plural(out, 'report')}.")
    if done.published:
        lines.append("The site is published anew.")
    if done.copies:
        names = words.listing([visible(str(copy), 200) for copy in done.copies], 5)
        lines.append(f"Copies of the whole history hold what they held; remove them once nobody needs them: {names}.")
    return lines
