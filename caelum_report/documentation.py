"""The generated parts of the README: what the code knows about itself, as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import errors
from .metrics import METRICS
from .model import Failure, Status, status_of

Part = Callable[[], str]

_EXIT_WORDS = {
    errors.UsageError: "usage or configuration is wrong; nothing was probed",
    errors.StoreError: "the database cannot be used",
    errors.PublishError: "stored, not published; the old site stays",
    errors.DeliveryError: "published, not delivered",
    errors.LockedError: "another run holds the lock (silent)",
}


def exit_statuses() -> str:
    rows = {
        0: "published",
        1: "a bug, with its traceback",
        errors.EXIT_FAIL_ON: "the `--fail-on` condition holds, or the server of `probe` does not answer",
    }
    rows |= {error.exit_status: text for error, text in _EXIT_WORDS.items()}
    return _table(("status", "when"), [(f"`{status}`", rows[status]) for status in sorted(rows)])


def configuration_table() -> str:
    from .config import reference

    return reference()


def metrics_table() -> str:
    return _table(("metric", "unit", "what it is"), [(f"`{m.name}`", m.unit, m.description) for m in METRICS.values()])


def status_table() -> str:
    failures = {
        status: ", ".join(f"`{failure}`" for failure in Failure if status_of(failure) is status) for status in Status
    }
    words = {
        Status.UP: "{} and nothing worse below",
        Status.DEGRADED: "`ok`, and slower than its objective, flapping, or a declared capability errs",
        Status.DOWN: "{}",
        Status.AUTH_WALLED: "{}; not counted as down",
        Status.UNKNOWN: "{}; our own network is down; no data",
        Status.MAINTENANCE: "inside a declared window, whatever else",
    }
    return _table(
        ("status", "when"), [(f"`{status}`", text.format(failures[status])) for status, text in words.items()]
    )


def commands() -> str:
    """One line a command, from its own help."""
    import typer

    from .cli import app

    root = typer.main.get_command(app)
    rows: list[tuple[str, ...]] = []
    for name, command in sorted(_walk(root)):
        options = sorted(
            {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")} - {"--help"}
        )
        rows.append(
            (
                f"`caelum-report {name}`",
                (command.help or "").strip().split("\n", maxsplit=1)[0],
                " ".join(f"`{flag}`" for flag in options),
            )
        )
    return _table(("command", "does", "options"), sorted(rows))


def _walk(command: Any, prefix: str = "") -> list[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [(prefix, command)]
    return [leaf for name, child in children.items() for leaf in _walk(child, f"{prefix} {name}".strip())]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
