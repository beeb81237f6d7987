"""The words on the command line, one call each. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer

from caelum_report import __version__
from caelum_report.errors import CaelumError, LockedError

from . import alarms, comparing, configuration, consent, digests, fleet, machine, notes, purging, runs, transfer

app = typer.Typer(
    name="caelum-report",
    help="Ask every MCP server of a fleet how it is, and leave a report that any web server can host.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 published · 1 a bug · 2 usage or configuration · 3 database · 4 stored, not published · "
    "5 published, not delivered · 6 the --fail-on condition holds · 75 another run holds the lock.",
)
for part in (runs, comparing, digests, consent, machine, notes, purging):
    app.add_typer(part.app)
app.add_typer(fleet.app, name="servers")
app.add_typer(configuration.app, name="config")
app.add_typer(transfer.import_app, name="import")
app.add_typer(transfer.export_app, name="export")
app.add_typer(alarms.app, name="alerts")
app.add_typer(alarms.deliver_app, name="deliver")


def main() -> None:
    """Run the command line; the one place where our errors become an exit status."""
    os.umask(0o077)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here a full disk can still be told
    except LockedError as error:
        if sys.stderr.isatty() or "--verbose" in sys.argv or "-v" in sys.argv:
            _say(error)
        raise SystemExit(error.exit_status) from None
    except CaelumError as error:
        _say(error)
        raise SystemExit(error.exit_status) from None
    except BrokenPipeError:  # `caelum-report servers list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write("caelum-report: no space left to write standard output\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _say(error: CaelumError) -> None:
    sys.stderr.write(f"caelum-report: {error}\n")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"caelum-report {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...
