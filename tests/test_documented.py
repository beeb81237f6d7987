"""Whatever a user can type or read is in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from caelum_report import documentation, errors
from caelum_report.metrics import METRICS
from caelum_report.model import Failure, Status

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "part",
    [
        documentation.commands,
        documentation.exit_statuses,
        documentation.metrics_table,
        documentation.status_table,
        documentation.configuration_table,
    ],
    ids=lambda part: part.__name__,
)
def test_the_generated_parts_are_those_of_this_code(part: documentation.Part) -> None:
    assert part() in README


def test_every_word_of_the_public_contract_is_explained() -> None:
    statuses = {
        str(error.exit_status)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.CaelumError)
    }
    words = [*METRICS, *Failure, *Status, *statuses]
    assert [word for word in words if f"`{word}`" not in README] == []
