"""Tool names that can be taken for another: in two servers, or in two alphabets."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

_ALIKE: Final = str.maketrans(
    "аеорсухіјѕһԁԛԝьӏοανρτικυχωβηγ",
    "aeopcyxijshdqwbloavptikuxwbny",
)


def skeleton(name: str) -> str:
    """What a hurried reader takes a name for: width and case folded, Cyrillic and Greek look-alikes as Latin letters."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_ALIKE)


def collisions(tools: Mapping[str, Sequence[str]]) -> list[tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]:
    """Tool names that can be taken for another: the different spellings of one skeleton, and where each is offered."""
    places: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for server, names in tools.items():
        for name in dict.fromkeys(names):
            places[skeleton(name)].append((server, name))
    return sorted(
        (tuple(sorted({name for _, name in offered})), tuple(sorted(offered)))
        for offered in places.values()
        if len(offered) > 1
    )
