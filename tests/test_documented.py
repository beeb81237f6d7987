"""Whatever a user can type or read is in README.md or in docs/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caelum_report import documentation, errors
from caelum_report.config.schema import TABLES
from caelum_report.metrics import METRICS
from caelum_report.model import Failure, Status

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
ALL = "\n".join((README, *PAGES.values()))


@pytest.mark.parametrize(
    "part",
    [
        documentation.commands,
        documentation.options,
        documentation.exit_statuses,
        documentation.metrics_table,
        documentation.status_table,
        documentation.variables,
        documentation.source_kinds,
    ],
    ids=lambda part: part.__name__,
)
def test_the_generated_parts_are_those_of_this_code(part: documentation.Part) -> None:
    assert part() in ALL


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table or "top")
def test_every_table_of_the_configuration_is_explained(table: str) -> None:
    assert documentation.configuration(table) in ALL


def test_every_word_of_the_public_contract_is_explained() -> None:
    statuses = {
        str(error.exit_status)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.CaelumError)
    }
    words = [*METRICS, *Failure, *Status, *statuses]
    assert [word for word in words if f"`{word}`" not in ALL] == []


def test_every_page_can_be_reached_and_every_link_leads_somewhere() -> None:
    assert [name for name in PAGES if f"(docs/{name})" not in README] == []
    for folder, text in ((ROOT, README), *((ROOT / "docs", text) for text in PAGES.values())):
        targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        assert [target for target in targets if not (folder / target).exists()] == []
