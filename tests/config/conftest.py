"""A home folder with every host's configuration, copied so that its owner and modes are ours."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from caelum_report.config import Options, load
from caelum_report.configured import Config

DATA = Path(__file__).parent.parent / "data" / "config"


def copied(source: Path, target: Path) -> Path:
    if source.is_dir():
        target.mkdir(mode=0o700, parents=True)
        for child in sorted(source.iterdir()):
            copied(child, target / child.name)
    else:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o600)
    return target


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return copied(DATA / "home", tmp_path / "home")


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a caelum.toml in an empty folder."""

    def write(text: str, name: str = "etc/caelum.toml") -> Path:
        file = tmp_path / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        file.chmod(0o600)
        return file

    return write


@pytest.fixture
def loaded(tmp_path: Path, toml: Callable[..., Path]) -> Callable[..., Config]:
    """The configuration of mcp.json texts named for this run, in an empty home."""

    def of(*texts: str, environ: dict[str, str] | None = None, **names: str) -> Config:
        files = [toml(text, f"m{number}/{number}.json") for number, text in enumerate(texts, 1)]
        files += [toml(text, name) for name, text in names.items()]
        return load(Options(mcp_config=tuple(files)), environ or {}, tmp_path / "nobody")

    return of
