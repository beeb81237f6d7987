from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.config import Options, load
from caelum_report.config.initial import quoted
from caelum_report.config.places import Keys, places
from caelum_report.config.schema import TABLES
from caelum_report.errors import UsageError

TEXT = '''\
a = 1 # x = 2
b.c = "x = y ] #"
d = [1, [2, "]"], {e = 'f', g.h = """a"b
""" }]
[t]
u = """x""""
"q \\u0041" = 2020-01-01T00:00:00Z
[[s]]
n = 1
[s.c]
t = "x"
[[s]]
  [[s.m]]
  start = 07:32:00
  [s.m.z]
  y = 1
'''


def keys_in(value: Any, path: Keys = ()) -> Iterator[Keys]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield (*path, key)
        yield from keys_in(child, (*path, key))


def test_every_key_has_its_place() -> None:
    found = places(TEXT)
    assert set(found) == set(keys_in(tomllib.loads(TEXT)))
    assert found["b", "c"] == (2, 3)
    assert found["d", 2, "g", "h"] == (3, 31)
    assert found["t", "q A"] == (7, 1)
    assert found["s", 0, "c", "t"] == (11, 1)
    assert found["s", 1, "m", 0, "z", "y"] == (16, 3)


scalars = st.one_of(st.integers(-9, 9), st.booleans(), st.text(st.characters(codec="utf-8"), max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab\" =]#\n'é", max_size=3), inner, max_size=3),
    max_leaves=8,
)


def written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {written(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "[ # ] =\n" + ",\n".join(written(child) for child in value) + "]"
    return quoted(value) if isinstance(value, str) else str(value).lower()


@settings(deadline=None)
@given(st.dictionaries(st.text("xyz.- \t", max_size=4), values, max_size=4))
def test_any_document_is_found_whole(document: dict[str, Any]) -> None:
    text = "\n".join(f"{quoted(key)}={written(value)}" for key, value in document.items())
    assert tomllib.loads(text) == document
    assert set(places(text)) == set(keys_in(document))


NAMES = st.sampled_from(sorted({key for table in TABLES.values() for key in table.model_fields}))
ENTRIES = st.dictionaries(NAMES, values | st.dictionaries(NAMES, values, max_size=3), max_size=4)


@settings(deadline=None, max_examples=60)
@given(ENTRIES | st.fixed_dictionaries({"server": st.lists(ENTRIES, max_size=3)}))
def test_any_document_is_a_configuration_or_a_message_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    file = tmp_path_factory.mktemp("any") / "caelum.toml"
    file.write_text("\n".join(f"{quoted(key)}={written(value)}" for key, value in document.items()), "utf-8")
    told = ""
    try:
        load(Options(config=file), {}, file.parent)
    except UsageError as error:
        told = str(error)
    assert all(
        re.match(rf"{re.escape(str(file))}:\d+:\d+: `|database: |\S+: no such file|\S+: cannot", line)
        for line in told.splitlines()
    )
