"""Sources in words: what `config show` and `config explain` print of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from caelum_report.configured import Config
from caelum_report.errors import UsageError
from caelum_report.model import Source
from caelum_report.nearest import nearest
from caelum_report.text import SECRET_NAME, Redactor, visible
from caelum_report.words import listing

from .units import duration


def written(source: Source, config: Config) -> Iterator[str]:
    """The block as it is used; of addresses, keys and headers only that they are there."""
    redactor = Redactor(config.secrets)
    yield "[[source]]"
    yield f"name = {json.dumps(source.name, ensure_ascii=False)}"
    yield f'kind = "{source.kind}"'
    if source.endpoint:
        yield f"# asks {source.endpoint}"
    yield f'timeout = "{duration(source.timeout_seconds)}"'
    for key, value in source.options.items():
        if key == "url" or not value:
            continue
        if SECRET_NAME.search(key):
            yield f"# {key} is set"
        elif key == "headers":
            yield f"# with the headers {', '.join(visible(name, 80) for name in value)}"
        else:
            yield f"{key} = {redactor.clean(json.dumps(value, ensure_ascii=False, default=str), 2000)}"
    if source.problem:
        yield f"# {source.problem}"


def explained(name: str, config: Config) -> str:
    """A source by its name, or what a key of the blocks means in each kind that has it."""
    from .source_tables import SOURCE_TABLES

    for source in config.sources:
        if source.name == name:
            return "\n".join(written(source, config))
    said: dict[str, list[str]] = {}
    for kind, table in SOURCE_TABLES.items():
        if name in table.model_fields:
            said.setdefault(table.model_fields[name].description or "", []).append(kind)
    if said:
        return "\n".join((f"source.{name}:", *(f"  {text} ({listing(kinds, 20)})" for text, kinds in said.items())))
    if not name:
        return f"source: who is asked beside the servers; the kinds are {', '.join(SOURCE_TABLES)}"
    keys = [*(key for table in SOURCE_TABLES.values() for key in table.model_fields), *(s.name for s in config.sources)]
    near = nearest(name, keys)
    hint = f"; did you mean `source.{near}`?" if near else ""
    raise UsageError(f"source.{visible(name, 80)}: is neither a key nor the name of a source{hint}")
