"""The generated parts of README.md and docs/: what the code knows about itself, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from . import errors
from .config import reference
from .metrics import METRICS
from .model import Failure, Status, status_of

Part = Callable[[], str]

_SHARED_BY: Final = 5  # an option of so many commands is explained once for all

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


def configuration(*tables: str) -> str:
    """The keys of these tables of caelum.toml; "" is the top of the file."""
    return _sections(reference.sections(*tables))


def source_kinds() -> str:
    return _sections(reference.sources())


def variables() -> str:
    return _table(("variable", "sets"), [(f"`{name}`", text) for name, text in reference.variables()])


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
    rows = [(f"`caelum-report {name}`", _first_line(command)) for name, command in _commands()]
    return _table(("command", "does"), rows)


def options() -> str:
    """What each command takes, from its own help; options that many have stand first, once."""
    spelled = {
        name: {_spelled(one): getattr(one, "help", None) or "" for one in command.params if "--help" not in one.opts}
        for name, command in _commands()
    }
    count = Counter(pair for said in spelled.values() for pair in said.items())
    shared = {pair for pair, times in count.items() if times >= _SHARED_BY and pair[0].startswith("`-")}
    parts = [_table(("option", "meaning"), sorted(shared))]
    for name, command in _commands():
        own = [pair for pair in spelled[name].items() if pair not in shared]
        also = ", ".join(flag for flag, text in spelled[name].items() if (flag, text) in shared)
        parts.append(f"### {name}\n\n{_first_line(command)}" + (f" Also {also}." if also else ""))
        parts += [_table(("argument", "meaning"), own)] if own else []
    return "\n\n".join(parts)


def _spelled(parameter: Any) -> str:
    """An option or argument as it is typed."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.display_name_raw.upper()}`"
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return " ".join(f"`{flag}{value}`" for flag in parameter.opts)


def _first_line(command: Any) -> str:
    return str(command.help or "").strip().split("\n", maxsplit=1)[0]


def _commands() -> list[tuple[str, Any]]:
    import typer

    from .cli import app

    return sorted(_walk(typer.main.get_command(app)))


def _walk(command: Any, prefix: str = "") -> list[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [(prefix, command)]
    return [leaf for name, child in children.items() for leaf in _walk(child, f"{prefix} {name}".strip())]


def _sections(sections: Iterable[reference.Section]) -> str:
    parts = []
    for section in sections:
        rows = [(f"`{key.name}`", key.default, key.meaning) for key in section.keys]
        title = f"**`{section.title}`**" if section.title else ""
        table = _table(("key", "default", "meaning"), rows) if rows else ""
        parts += [part for part in (" ".join(filter(None, (title, section.text))), table) if part]
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
