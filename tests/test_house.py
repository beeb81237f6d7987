"""Arrows point down: the floor knows no stage, a stage knows the floor and itself, only the doors know stages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "caelum_report"
STAGES = {"config", "collect", "store", "alerts", "analyse", "render", "deliver"}
DOORS = {
    "pipeline",
    "agents",
    "demonstration",
    "imports",
    "purging",
    "telling",
    "cli",
    "__main__",
    "doctor",
    "documentation",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def names_imported_by(module: Path) -> Iterator[tuple[str, ...]]:
    """What a module imports of our package, at its top, inside a function or for types alone; each as the parts of its name."""
    package = module.relative_to(PACKAGE.parent).parts[:-1]
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = (*base, *(node.module.split(".") if node.module else ()))
            names = [(*start, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        else:
            continue
        yield from (name for name in names if name[0] == PACKAGE.name and len(name) > 1)


def modules_imported_by(module: Path) -> set[Path]:
    """The files behind those names. Of a package whose module is named, the package's own file is not meant."""
    found = set()
    for name in names_imported_by(module):
        ends = (PACKAGE.parent.joinpath(*name[:end]) for end in range(len(name), 0, -1))
        places = (place for end in ends for place in (end.with_suffix(".py"), end / "__init__.py"))
        found.add(next(place for place in places if place.is_file()))
    return found - {module}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_a_stage_never_imports_another_and_the_floor_imports_none(module: Path) -> None:
    room = room_of(module)
    if room in DOORS:
        return
    assert {name[1] for name in names_imported_by(module)} & STAGES <= {room} & STAGES


def test_no_module_comes_back_to_itself_by_way_of_others() -> None:
    TopologicalSorter(
        {module: modules_imported_by(module) for module in MODULES}
    ).prepare()  # CycleError names the circle


def test_every_stage_is_there() -> None:
    assert {room_of(module) for module in MODULES} >= STAGES | {"pipeline"}
