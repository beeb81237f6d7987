"""What is worth doing, and what a server's declarations cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenCost:
    """What a server's declarations cost a model that reads them, estimated."""

    server: str  # Server.id
    tools: int
    now: int
    before: int | None  # at the beginning of the charts; None: too little history


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Something worth doing: a rule that fits, its evidence, and what doing it would save."""

    rule: str
    title: str
    evidence: str
    gain: str  # "saves 4.2 s of every start"
    servers: tuple[str, ...]  # Server.id
    page: str
    edit: str  # what to write or to change
    command: str | None
    worth: float  # minutes a month, by the declared weights; for the order only
