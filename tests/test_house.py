"""Arrows point down: the floor knows no stage, a stage knows the floor and itself, only the doors know stages."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "caelum_report"
STAGES = {"config", "collect", "store", "alerts", "analyse", "render", "deliver"}
DOORS = {"pipeline", "demonstration", "imports", "purging", "telling", "cli", "__main__", "doctor", "documentation"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported_by(module: Path) -> set[str]:
    """The rooms of our package that a module imports, at its top or inside a function."""
    here = module.relative_to(PACKAGE.parent).with_suffix("").parts
    package = here[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = [*base, *((node.module or "").split(".") if node.module else [])]
            names = [".".join(start)] if len(start) > 1 else [".".join([*start, alias.name]) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("caelum_report.")}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_a_stage_never_imports_another_and_the_floor_imports_none(module: Path) -> None:
    room = room_of(module)
    if room in DOORS:
        return
    assert rooms_imported_by(module) & STAGES <= {room} & STAGES


def test_every_stage_is_there() -> None:
    assert {room_of(module) for module in MODULES} >= STAGES | {"pipeline"}
