"""Editions: the same report for other readers, in folders of their own. What each may hold, by path, and its words; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .model import Status

EditionKind = Literal["public", "executive"]
INTERNAL: Final = "internal"

_FILES: Final = ("static/", "latest.json", "report.", "feed.", "badges/", "api/v1/analytics/", "api/v1/slo.")
_SHOWN: Final = {
    "public": ("index.html", "slo.html", "servers/", "incidents/", "api/v1/metrics/", *_FILES),
    "executive": ("index.html", "slo.html", *_FILES),
}

# What is told of a service in trouble, and of several.
TROUBLES: Final[Mapping[Status, tuple[str, str]]] = {
    Status.DOWN: ("is down", "are down"),
    Status.DEGRADED: ("is slower than it should be, or answers in part", "are slower than they should be"),
    Status.AUTH_WALLED: ("does not accept our key", "do not accept our key"),
}
DISTURBED: Final = ("is disturbed", "are disturbed")
WAS_DISTURBED: Final = ("was disturbed", "were disturbed")
RECOVERS: Final = ("recovers", "recover")


@dataclass(frozen=True, slots=True)
class Edition:
    kind: EditionKind
    output: str  # an absolute folder
    fleet: str  # what its pages call the fleet
    aliases: tuple[tuple[str, str], ...]  # name -> what is shown instead; who has none is left out
    site_url: str | None = None
    pdf: bool = False
    name: str = ""  # for ways out; its kind unless it is said


def holds(edition: str, path: str) -> bool:
    """Whether an edition of the site has such a page or file. `edition` is `internal` or an `EditionKind`."""
    return edition == INTERNAL or path.startswith(_SHOWN[edition])
