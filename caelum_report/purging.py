"""What became a secret too late goes out of everything that is kept: the history, the archive, the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from . import pipeline, store
from .configured import Config

if TYPE_CHECKING:
    from .store.purging import Stale


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge changed, or would change; in numbers, for a text of it may be half a secret."""

    secrets: int  # that were looked for
    rows: dict[str, int]  # changed texts, by table
    reports: tuple[str, ...]  # ids of those whose document is another now
    lost: tuple[str, ...]  # whose document could not be kept
    archive: dict[str, bool]  # ids of reports in the archive: made anew, or taken out
    published: str | None  # how the site was published anew; None: there is none, or nothing to make it from
    copies: tuple[Path, ...]  # of the whole history, that still hold what they held


def purge(
    config: Config,
    at: datetime,
    secrets: Iterable[str] = (),
    tell: Callable[[str], None] | None = None,
    *,
    dry_run: bool = False,
) -> Purge:
    """Today's secrets and `secrets`, and today's idea of what can be seen, applied to all that is stored and published.

    The database changes in one transaction; then the archive does, report by report, and the site. A run that is killed
    in between is finished by running it again.
    """
    from . import codec, deliver
    from .cleaning import Cleaning
    from .store import archive, purging

    known = {*config.secrets, *secrets}
    cleaning, path = Cleaning(known, _names(config)), config.database
    with store.publish_lock(path):
        with store.run_lock(path), store.deliver_lock(path, 5.0), store.open_store(path) as database:
            changed = purging.purge(database, cleaning, at, dry_run=dry_run)
            if not dry_run:
                purging.compact(database)
                archive.sweep(path)
        remade = {}
        with store.open_store(path) as database:
            for stale in purging.stale(database, path, cleaning, at, changed.lost):
                remade[stale.id] = stale.document is not None
                if not dry_run:
                    archive.replace(path, stale.id, _made_anew(config, stale))
                if tell is not None:
                    tell(stale.id)
            newest = store.report_at(database, None)
        published = None
        if newest is not None and not dry_run and deliver.holds_site(Path(config.output)):
            published = pipeline.publish(config, codec.from_json(newest), None).published
    return Purge(len(known), changed.rows, changed.reports, changed.lost, remade, published, purging.copies(path))


def _names(config: Config) -> set[str]:
    """What the configuration calls things: told on every page, and never taken for a secret."""
    named = {config.host, *(server.id for server in config.servers), *(one.name for one in config.sources)}
    return named | {one.name for one in config.rules} | {one.name for one in config.channels}


def _made_anew(config: Config, stale: Stale) -> dict[str, bytes]:
    """A report's files for the archive, with the PDF only where it has had one; none where it can only go."""
    from . import codec
    from . import render as rendering

    if stale.document is None:
        return {}
    pdf = config.pdf and "pdf" in stale.endings
    site = rendering.render(codec.from_json(stale.document), pdf=pdf, pdf_seconds=config.budgets.pdf_seconds)
    return {
        path.rpartition(".")[2]: content for path, content in site.files.items() if pipeline.is_archived(path, stale.id)
    }
