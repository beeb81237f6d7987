"""Whether caelum.toml may be used; every mistake in it with its place, what was expected, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from caelum_report import words
from caelum_report.errors import UsageError
from caelum_report.nearest import nearest
from caelum_report.text import visible

from .alarm_tables import wrong_channel, wrong_objective, wrong_rule, wrong_times, wrong_window
from .dashboard_tables import wrong_dashboard
from .edition_tables import wrong_edition, wrong_reader
from .fields import Table
from .files import shown
from .places import Keys, Mistake, places
from .schema import LISTS, TABLES, CaelumToml, ServerTable, keys_of
from .source_tables import SOURCE_TABLES, kinds_with

NAMED: Final = ("server", "source", "rule", "objective", "deliver", "dashboard")  # lists in which a name stands once


def judge(values: Mapping[str, Any], origins: Mapping[str, str], file: Path | None, text: str) -> CaelumToml:
    """The checked settings. `origins` names the environment variable or option that gave a top-level key instead of the file.

    Every mistake is told, one a line, in the order of the file.
    """
    try:
        checked = CaelumToml.model_validate(values)
        mistakes = [(keys, f": {expected}") for keys, expected in _contradictions(checked)]
    except ValidationError as error:
        mistakes = [_mistake(details) for details in error.errors(include_url=False)]
    if not mistakes:
        return checked
    known = places(text)
    lines = []
    for keys, said in mistakes:
        message = f"`{_written(keys)}`{said}"
        if (origin := origins.get(str(keys[0]))) is not None:
            told = said.removeprefix(": ") if origin.startswith("--") and len(keys) == 1 else message
            lines.append(((0, 0), f"{origin}: {told}"))
        else:
            place = next((known[keys[:end]] for end in range(len(keys), 0, -1) if keys[:end] in known), (1, 1))
            lines.append((place, f"{shown(file or '')}:{place[0]}:{place[1]}: {message}"))
    raise UsageError("\n".join(dict.fromkeys(line for _, line in sorted(lines))))


def _written(keys: Keys) -> str:
    """server[1].canary.tool"""
    parts = (f"[{key + 1}]" if isinstance(key, int) else f".{visible(str(key), 60)}" for key in keys)
    return "".join(parts).lstrip(".")


def _contradictions(checked: CaelumToml) -> Iterator[Mistake]:
    """What no single key shows."""
    for block in NAMED:
        yield from _names_given_twice(block, [one.name for one in getattr(checked, block)])
    for number, server in enumerate(checked.server):
        yield from _wrong_server(server, ("server", number))
    for number, rule in enumerate(checked.rule):
        yield from wrong_rule(rule, ("rule", number))
    for number, window in enumerate(checked.window):
        yield from wrong_window(window, ("window", number))
    for number, objective in enumerate(checked.objective):
        yield from wrong_objective(objective, ("objective", number))
    for number, channel in enumerate(checked.deliver):
        yield from wrong_channel(channel, ("deliver", number))
        yield from wrong_reader(channel, checked.edition, ("deliver", number))
    for number, dashboard in enumerate(checked.dashboard):
        yield from wrong_dashboard(dashboard, ("dashboard", number))
    for number, edition in enumerate(checked.edition):
        yield from wrong_edition(edition, ("edition", number))
    if checked.retention.hourly < checked.retention.raw:
        yield ("retention", "raw"), "expected at most as long as `retention.hourly`"


def _names_given_twice(block: str, names: Sequence[str]) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if (earlier := first.setdefault(name, number)) < number:
            yield (block, number, "name"), f"expected another name; [[{block}]] number {earlier + 1} has this one"


def _wrong_server(server: ServerTable, at: Keys) -> Iterator[Mistake]:
    if server.command is not None and server.url is not None:
        yield (*at, "url"), "expected either `command` or `url`, not both"
    if server.transport == "stdio" and server.url is not None:
        yield (*at, "transport"), 'expected "http" or "sse" beside `url`'
    if server.transport in {"http", "sse"} and server.command is not None:
        yield (*at, "transport"), 'expected "stdio" beside `command`'
    for key, needed in (("args", "command"), ("env", "command"), ("cwd", "command"), ("headers", "url")):
        if getattr(server, key) and getattr(server, needed) is None:
            yield (*at, key), f"expected only beside `{needed}`"
    for index, window in enumerate(server.maintenance):
        yield from wrong_times(window.start, window.end, (*at, "maintenance", index))


_EXPECTED: Final = {
    "bool_type": "true or false",
    "string_type": "a string in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "datetime_type": "a date and time such as 2026-12-24T22:00:00",
}


def _mistake(details: ErrorDetails) -> Mistake:
    """A single key's, with what is said right behind its name."""
    keys = details["loc"]
    kind, context = details["type"], details.get("ctx", {})
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return (*keys, "kind"), _wrong_kind(context.get("tag"))
    plain = _without_kind(keys)
    if kind == "extra_forbidden":
        return plain, f" is not a key here{_nearest(keys)}"
    if kind == "missing":
        return plain, f" is missing: {_table(keys).model_fields[str(keys[-1])].description}"
    if len(keys) == 1 and keys[0] in LISTS:
        return keys, f": expected [[{keys[0]}]], with two pairs of brackets"
    if kind == "too_short":
        return plain, ": expected at least one"
    keys = plain
    if kind == "value_error":
        return keys, f": expected {context['error']}"
    if kind == "literal_error":
        return keys, f": expected {str(context['expected']).replace(chr(39), chr(34))}{_nearest_word(details)}"
    return keys, f": expected {_EXPECTED.get(kind, details['msg'])}"


def _nearest_word(details: ErrorDetails) -> str:
    """Of the words that are allowed the one that was probably meant. What was said instead is not told: it may be a secret."""
    near = nearest(str(details["input"]), re.findall(r"'([^']*)'", str(details.get("ctx", {}).get("expected"))), 0.6)
    return f'; did you mean "{near}"?' if near else ""


def _without_kind(keys: Keys) -> Keys:
    """As the file has them: pydantic puts the kind of a source among the keys."""
    return (*keys[:2], *keys[3:]) if keys[0] == "source" and len(keys) > 2 and keys[2] in SOURCE_TABLES else keys


def _wrong_kind(tag: object) -> str:
    """What is said of a source's kind that is missing or unknown."""
    if tag is None:
        return f" is missing: one of {', '.join(SOURCE_TABLES)}"
    near = nearest(str(tag), SOURCE_TABLES)
    hint = f"did you mean `{near}`?" if near else f"the kinds are {', '.join(SOURCE_TABLES)}"
    return f" is not a kind of source; {hint}"


def _nearest(keys: Keys) -> str:
    """The valid key that was probably meant, or the table where this one belongs."""
    key, table = str(keys[-1]), _table(keys)
    if near := nearest(key, keys_of(table), 0.6):  # else it may well be the key of another table
        return f"; did you mean `{near}`?"
    if table in SOURCE_TABLES.values() and (kinds := kinds_with(key)):
        return f"; it belongs to sources of the {'kind' if len(kinds) == 1 else 'kinds'} {words.listing(kinds, 9)}"
    for name, other in TABLES.items():
        if other is not table and key in keys_of(other):
            return f"; it belongs to {_headed(name)}"
    return f"; the keys here are {', '.join(keys_of(table))}"


def _headed(table: str) -> str:
    """A table as people know it from the file."""
    if not table:
        return "the top of the file"
    return f"[[{table}]]" if table in {*LISTS, "maintenance", "panel"} else f"[{table}]"


def _table(keys: Keys) -> type[Table]:
    """The table that holds the last of `keys`."""
    table: type[Table] = CaelumToml
    for key in keys[:-1]:
        if keys[0] == "source" and key in SOURCE_TABLES:
            table = SOURCE_TABLES[str(key)]
            continue
        field = table.model_fields.get(str(key))
        table = next(_tables_in(field.annotation), table) if field is not None else table
    return table


def _tables_in(annotation: Any) -> Iterator[type[Table]]:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for argument in get_args(annotation):
        yield from _tables_in(argument)
