"""Whatever a user can type or read is in README.md or in docs/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caelum_report import documentation, errors
from caelum_report.config import Options, load
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


EXAMPLES = re.findall(r"^```toml\n(.*?)^```", ALL, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split("\n")[0][:40])
def test_every_example_of_the_configuration_can_be_used(example: str, tmp_path: Path) -> None:
    file = tmp_path / "caelum.toml"
    file.write_text(example)
    file.chmod(0o600)
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", example), "a-value-of-the-tests")
    for named in re.findall(r'"~/([^"]+\.json)"', example):
        (tmp_path / named).parent.mkdir(exist_ok=True)
        (tmp_path / named).write_text('{"mcpServers": {}}')
    environ |= {"CAELUM_BASE_URL": "https://gateway.example.org"}
    config = load(Options(config=file), environ, tmp_path)
    assert {source.name: source.problem for source in config.sources if source.problem} == {}
    assert {server.id: server.problem for server in config.servers if server.command and server.problem} == {}


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
