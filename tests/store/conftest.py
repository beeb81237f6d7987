from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from caelum_report import store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    with store.open_store(str(path)) as connection:
        yield connection
