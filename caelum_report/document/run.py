"""The run behind a report: its steps, its notes, and the history it left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caelum_report.model import Note


@dataclass(frozen=True, slots=True)
class StepReport:
    """A stage of a run: how long it took, and what it said."""

    name: str  # collect, store, analyse; of the run before also render, deliver
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class RunReport:
    snapshot: int
    at: datetime
    seconds: float
    steps: tuple[StepReport, ...]
    notes: tuple[Note, ...]
    database_bytes: int
    snapshots: int  # in the history
    first_snapshot_at: datetime | None
