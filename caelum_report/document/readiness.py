"""How far the fleet is from the newest revision of the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from caelum_report.model import Era


class Speaks(StrEnum):
    SPOKEN = "speaks"  # agreed on in the last conversation
    OFFERED = "offers"  # named by the server, not used
    NO = "no"
    UNKNOWN = "not asked"


@dataclass(frozen=True, slots=True)
class ReadyServer:
    server: str  # Server.id
    era: Era | None  # as it told last, also while it is down
    protocol_version: str | None
    revisions: tuple[Speaks, ...]  # parallel to Readiness.revisions
    rules: tuple[str, ...]  # ReadinessRule.code of what it has to change


@dataclass(frozen=True, slots=True)
class ReadinessRule:
    code: str
    title: str  # what is so
    change: str  # what to do about it
    source: str  # where the revision says it
    must: bool  # needed for the newest revision; else deprecated or advised
    servers: tuple[str, ...]  # where it is so


@dataclass(frozen=True, slots=True)
class Readiness:
    """Which revisions the fleet speaks, and what stands between it and the newest."""

    revisions: tuple[str, ...] = ()
    servers: tuple[ReadyServer, ...] = ()  # most to do first
    rules: tuple[ReadinessRule, ...] = ()
    sentence: str = ""
