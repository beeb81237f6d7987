"""What lies on disk: a rendered site as a value, between render and deliver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .model import Note


@dataclass(frozen=True, slots=True)
class Site:
    """`files` maps a path below the site's root, with forward slashes, to its bytes. It always holds `index.html`."""

    report: str  # Report.id
    files: Mapping[str, bytes]
    notes: tuple[Note, ...] = ()  # what could not be rendered, and why
    # files that lie elsewhere and never change: linked, not written
    kept: Mapping[str, Path] = field(default_factory=dict)

    @property
    def paths(self) -> frozenset[str]:
        return frozenset((*self.files, *self.kept))
