"""The reference says what the file may hold: its defaults, written into a file, change nothing."""

from __future__ import annotations

import tomllib

from caelum_report.config import reference
from caelum_report.config.judging import judge
from caelum_report.config.schema import CaelumToml
from caelum_report.config.source_tables import SOURCE_TABLES

SINGLE = ("", "retention", "archive", "budgets", "usage")


def test_its_defaults_are_those_of_an_empty_file() -> None:
    lines = []
    for section in reference.sections(*SINGLE):
        lines.append(section.title)
        lines += [f"{key.name} = {key.default.strip('`')}" for key in section.keys if key.default.startswith("`")]
    text = "\n".join(lines).replace("\u00a0", " ")
    assert len(lines) > 30
    assert judge(tomllib.loads(text), {}, None, text) == CaelumToml()


def test_it_has_every_key_of_every_kind_of_source() -> None:
    sections = list(reference.sources())
    shared = {key.name for section in sections[:2] for key in section.keys}
    own = {section.title: {key.name for key in section.keys} for section in sections[2:]}
    for kind, table in SOURCE_TABLES.items():
        assert set(table.model_fields) <= {"kind"} | shared | own[f'kind = "{kind}"']


def test_what_has_to_be_said_is_called_required() -> None:
    (server,) = reference.sections("server")
    assert [key.name for key in server.keys if key.default == "required"] == ["name"]


def test_words_that_alone_are_good_are_named() -> None:
    (top,) = reference.sections("")
    assert '"exchange"' in next(key.meaning for key in top.keys if key.name == "publish")
