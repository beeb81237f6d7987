"""Where Graphviz puts things: one `dot` process for all drawings of a build, with a time limit."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from typing import Any, Final, TypedDict

SECONDS: Final = 30.0


class Placed(TypedDict):
    bb: str
    objects: list[dict[str, Any]]
    edges: list[dict[str, Any]]


@lru_cache(maxsize=16)
def layout(sources: tuple[str, ...], program: str) -> list[Placed | None]:
    """Positions of every graph from one process; None where `dot` is missing, fails or is too slow."""
    together = _placed("".join(sources), program)
    if together is not None and len(together) == len(sources):
        return list(together)
    if len(sources) < 2:
        return [None] * len(sources)
    return [layout((source,), program)[0] for source in sources]  # one graph that upsets dot takes no other with it


def _placed(source: str, program: str) -> list[Placed] | None:
    try:
        done = subprocess.run(
            [program, "-Tjson0"], input=source, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    placed: list[Placed] = []
    decoder = json.JSONDecoder()
    rest = done.stdout.lstrip()
    while rest:
        graph, end = decoder.raw_decode(rest)
        placed.append(graph)
        rest = rest[end:].lstrip()
    return placed
