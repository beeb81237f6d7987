"""Editions: the same report for other readers, in folders of their own. What each may hold, by path; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

EditionKind = Literal["public", "executive"]
INTERNAL: Final = "internal"

_FILES: Final = ("static/", "latest.json", "report.", "feed.", "badges/", "api/v1/analytics/", "api/v1/slo.")
_SHOWN: Final = {
    "public": ("index.html", "slo.html", "servers/", "incidents/", "api/v1/metrics/", *_FILES),
    "executive": ("index.html", "slo.html", *_FILES),
}


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
