"""What comes in from elsewhere, each once: other machines' bundles, and figures of the past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import store
from .configured import Config
from .errors import UsageError
from .model import Sample, Source


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a bundle: `new`, `known`, `late` (older than what is stored of its host) or `refused`, with the reason."""

    file: Path
    host: str
    result: str
    problem: str = ""


def import_bundles(config: Config, files: Iterable[Path], at: datetime) -> tuple[Imported, ...]:
    """Other machines' snapshots, each stored once. One that is refused does not keep the others out."""
    from . import bundle
    from .text import Redactor

    def take_in(file: Path) -> Imported:
        try:
            read = bundle.read(file, redactor)
            return Imported(file, read.host, store.add_bundle(database, read, config, at))
        except UsageError as error:
            return Imported(file, "", "refused", str(error))

    redactor = Redactor(config.secrets)
    with store.run_lock(config.database), store.open_store(config.database) as database:
        imported = tuple(take_in(file) for file in files)
        store.maintain(database, at, config)
    return imported


def import_csv(config: Config, file: Path, at: datetime, *, source: str, metric: str | None) -> str:
    """Brings the figures of a file in, and says how many; nothing of it where a line is wrong."""
    from .collect.sources import past

    return _bring_in(config, past.of_file(config, file, at, source, metric), at)


def import_source(config: Config, source: Source, start: datetime, at: datetime) -> str:
    """Brings in what a source's queries give of the past, and says how many."""
    from .collect.sources import past

    return _bring_in(config, past.of_source(config, source, start, at), at)


def _bring_in(config: Config, rows: Iterable[tuple[str, str, Sample]], at: datetime) -> str:
    with store.run_lock(config.database), store.open_store(config.database) as database:
        given, new = store.import_samples(database, rows, at)
        store.maintain(database, at, config)
    known = f", {given - new} of them known already" if new < given else ""
    return f"{given} figures{known}"
