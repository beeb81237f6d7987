"""The name that was probably meant, for messages about one that nobody has. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from .text import visible

ALIKE = 0.5  # what a hint asks for at least, of 1


def nearest(name: str, known: Iterable[str], alike: float = ALIKE) -> str | None:
    """The one most like it; capital letters and `_` for `-` make no difference. None: none is `alike`.

    Where a guess alone makes something a mistake, it has to be surer than a hint.
    """
    from difflib import get_close_matches  # something is wrong already: here it keeps no start waiting

    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(_folded(one), one)
    return next((folded[found] for found in get_close_matches(_folded(name), folded, 1, alike)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean api-gateway?`, or nothing where nobody is called like that."""
    near = nearest(name, known)
    return f"; did you mean {visible(near, 80)}?" if near is not None else ""


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")
