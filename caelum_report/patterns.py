"""Patterns by which people mean servers, groups and owners: as a shell has them, capital and small letters told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Protocol


class Selection(Protocol):
    """A block of the configuration that is about some servers."""

    @property
    def servers(self) -> Sequence[str]: ...
    @property
    def groups(self) -> Sequence[str]: ...


def matches(name: str | None, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns means this name. What has none is called ""."""
    return any(fnmatchcase(name or "", pattern) for pattern in patterns)


def selects(selection: Selection, server: str, group: str | None) -> bool:
    """Whether it means a server, by its name or by its group. Without a pattern it means nobody here."""
    return matches(server, selection.servers) or matches(group, selection.groups)
