"""What may stand in caelum.toml, for the documentation: read off the tables that check the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from caelum_report.words import NBSP

from . import units
from .settings import VARIABLES

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from .fields import Table

Fields = Mapping[str, "FieldInfo"]

_INNER: Final = {
    "canary": "[server.canary]",
    "maintenance": "[[server.maintenance]]",
    "panel": "[[dashboard.panel]]",
}

# How a default is written: by what reads it.
_WRITTEN: Final[Mapping[object, Callable[[Any], str]]] = {
    units.seconds: lambda value: f'"{units.duration(value)}"',
    units.days: lambda value: f'"{value}d"',
    units.size: lambda value: f"{value:_}",
}

# Defaults that are worked out at run time.
UNSET: Final[Mapping[str, str]] = {
    "every": "learned from history",
    "fleet": "the host's name",
    "host": "this machine's name",
    "zone": "the system's zone",
    "database": "history.sqlite in $STATE_DIRECTORY or the XDG state folder",
    "path": "the PATH of the run",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table; `default` is written as in the file, "" where there is none."""

    name: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the file: `title` as its line, or the kind of source that `keys` are for."""

    title: str
    text: str
    keys: tuple[Key, ...]


def sections(*tables: str) -> tuple[Section, ...]:
    """The keys of these tables; "" is the top of the file."""
    from .schema import LISTS, TABLES, keys_of

    return tuple(
        Section(
            (_INNER.get(name) or (f"[[{name}]]" if name in LISTS else f"[{name}]")) if name else "",
            "",
            _keys(
                {key: field for key, field in keys_of(TABLES[name]).items() if name or key not in {*TABLES, *LISTS}},
                {} if name else UNSET,
            ),
        )
        for name in tables
    )


def variables() -> tuple[tuple[str, str], ...]:
    """The environment variables that are read, and the key that each sets or what else it is for."""
    return tuple((one.name, f"`{one.key}`" if one.key else one.text) for one in VARIABLES.values())


def sources() -> Iterator[Section]:
    """The keys of `[[source]]`: those of every kind, those of all that have an address, then each kind's own."""
    from .source_tables import SOURCE_TABLES, AddressTable, SourceTable

    every = SourceTable.model_fields
    address = {key: field for key, field in AddressTable.model_fields.items() if key not in every}
    addressed = [kind for kind, table in SOURCE_TABLES.items() if issubclass(table, AddressTable)]
    yield Section("[[source]]", "Every kind has these.", _keys(every, {}))
    yield Section("", f"{_listed(addressed)} have these too.", _keys(address, {}))
    for kind, table in SOURCE_TABLES.items():
        yield _of_kind(kind, table, {**every, **address} if kind in addressed else every)
    inner: dict[tuple[str, type[Table]], list[str]] = {}
    for kind, table in SOURCE_TABLES.items():
        for key in ("metric", "query"):
            if key in table.model_fields:
                inner.setdefault((key, get_args(table.model_fields[key].annotation)[0]), []).append(kind)
    for (key, block), kinds in inner.items():
        yield Section(f"[[source.{key}]]", f"Of {_listed(kinds)}.", _keys(block.model_fields, {}))


def _of_kind(kind: str, table: type[Table], said: Fields) -> Section:
    """What a kind has beside the keys that are `said` already."""
    from .source_tables import ENVIRONMENT

    fields = table.model_fields
    given = ", ".join(f"`{key}` from `{name}`" for key, name in ENVIRONMENT.get(kind, {}).items())
    text = f"{fields['kind'].description}." + (f" In the environment: {given}." if given else "")
    own = {key: field for key, field in fields.items() if key != "kind" and not _same(field, said.get(key))}
    return Section(f'kind = "{kind}"', f"{text[0].upper()}{text[1:]}", _keys(own, {}))


def _same(field: FieldInfo, other: FieldInfo | None) -> bool:
    return other is not None and field.description == other.description


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in kinds)


def _keys(fields: Fields, unset: Mapping[str, str]) -> tuple[Key, ...]:
    return tuple(Key(key, unset.get(key) or _default(field), _meaning(field)) for key, field in fields.items())


def _meaning(field: FieldInfo) -> str:
    """The key's description; where only some words are good, those that it does not name."""
    text = field.description or ""
    words = [json.dumps(word) for word in _words(field.annotation) if str(word) not in text]
    return f"{text}: {', '.join(words)}" if len(words) > 1 else text


def _words(annotation: Any) -> tuple[object, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next(filter(None, map(_words, get_args(annotation))), ())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value in (None, "", [], {}) or not isinstance(value, str | int | float | list):
        return ""
    reader = next((one.func for one in field.metadata if hasattr(one, "func")), None)
    write = _WRITTEN.get(reader)
    return f"`{write(value) if write else json.dumps(value, ensure_ascii=False)}`".replace(" ", NBSP)
