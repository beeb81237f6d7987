"""A whole run: config -> collect -> store -> analyse -> render -> deliver. `build` says it in one screen; its steps follow.

Two locks. The publish lock is held by whoever rebuilds the site, the run lock by whoever collects; so a dense `collect`
goes on while a `build` renders. The database is open only around reads and commits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import store, telling
from .archived import FOLDER
from .config import consent
from .configured import Config
from .editions import INTERNAL
from .errors import CaelumError, DeliveryError, UsageError
from .model import Note, Snapshot, Status

if TYPE_CHECKING:
    from .archived import Kept
    from .document import Report, StepReport
    from .site import Site

Progress = Callable[[str, Status | None], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A published report, and how it went onto the disk."""

    report: Report
    site: Site
    published: str


class UndeliveredError(DeliveryError):
    """What was to be done is done, and somebody who waits for it could not be told."""

    def __init__(self, error: DeliveryError, done: Any) -> None:
        super().__init__(str(error))
        self.done = done  # what would have been returned


class Stopwatch:
    """Names the steps of a run and what each took."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._laps: list[tuple[str, float, str]] = []

    def lap(self, name: str, text: str = "") -> None:
        now = time.monotonic()
        self._laps.append((name, round(now - self._since, 3), text))
        self._since = now

    def steps(self) -> tuple[StepReport, ...]:
        from .document import StepReport

        return tuple(StepReport(*lap) for lap in self._laps)


def build(
    config: Config, at: datetime, progress: Progress | None = None, *, rescue: bool = False, everyone: bool = False
) -> Built:
    """The main job; `everyone` asks servers whose own time has not come, too.

    Raises `PublishError` after the snapshot and its report are stored; the old site then stays. Raises `UndeliveredError`
    when the site is published and somebody who waits for it could not be told.
    """
    from . import deliver

    for output in (config.output, *(edition.output for edition in config.editions)):
        deliver.check(Path(output))
    with store.publish_lock(config.database):
        watch = Stopwatch()
        snapshot_id, snapshot, config = gather(config, at, watch, progress, rescue=rescue, everyone=everyone)
        report = analyse(config, snapshot_id, snapshot, watch)
        return publish(config, report, snapshot_id)


def collect(
    config: Config,
    at: datetime,
    progress: Progress | None = None,
    *,
    rescue: bool = False,
    everyone: bool = False,
    to: Path | None = None,
) -> tuple[Snapshot, Path | None]:
    """A snapshot only, for a denser timer; also as a bundle for another machine, whose file's path is given.

    Rules that need no report are judged. Raises `UndeliveredError` as `build` does.
    """
    _, snapshot, config = gather(config, at, Stopwatch(), progress, rescue=rescue, everyone=everyone)
    if to is not None:
        from . import bundle

        to = bundle.write(to, snapshot, config.servers)
    try:
        telling.send_out(config, at)
    except DeliveryError as error:
        raise UndeliveredError(error, (snapshot, to)) from None
    return snapshot, to


def render(config: Config, at: datetime | None) -> Built:
    """The site again, from the report stored for `at` (the latest without it). Same report, same bytes."""
    from . import codec

    with store.publish_lock(config.database):
        with store.open_store(config.database) as database:
            stored = store.report_at(database, at)
        if stored is None:
            when = f" at or before {at.isoformat()}" if at else ""
            raise UsageError(f"no report is stored{when}; make one: caelum-report build")
        return publish(config, codec.from_json(stored), None)


def metrics(config: Config) -> bytes:
    """The latest report as metrics.prom."""
    from . import codec
    from .render.prom import prom

    with store.open_store(config.database) as database:
        stored = store.report_at(database, None)
    if stored is None:
        raise UsageError("no report is stored; make one: caelum-report build")
    return prom(codec.from_json(stored))


def gather(
    config: Config, at: datetime, watch: Stopwatch, progress: Progress | None, *, rescue: bool, everyone: bool
) -> tuple[int, Snapshot, Config]:
    """Ask everybody, and keep the answers."""
    from . import collect as collecting

    with store.run_lock(config.database):
        with store.open_store(config.database, rescue=rescue) as database:
            remembered = store.remember(database, at)
            config = consent(config, store.approvals(database))
        watch.lap("prepare")
        snapshot = collecting.collect(config, remembered, at, progress, everyone=everyone)
        watch.lap("collect", f"{len(snapshot.probes)} asked, {len(snapshot.not_due)} not due")
        with store.open_store(config.database) as database:
            with store.batch(database):
                snapshot_id = store.add_snapshot(database, snapshot, config)
                telling.judge(database, snapshot, config)
            store.maintain(database, at, config)
        watch.lap("store")
    return snapshot_id, snapshot, config


def analyse(config: Config, snapshot_id: int, snapshot: Snapshot, watch: Stopwatch) -> Report:
    """Work the Report out, completely, and store it before anybody prints it."""
    from . import analyse as analysing

    with store.open_store(config.database) as database:
        history = store.history(database, snapshot_id, analysing.rolled_up(config))
    watch.lap("read history")
    report = analysing.report(snapshot, snapshot_id, history, config, watch.steps())
    report = replace(report, archive=store.make_room(config.database, report, config.archive))
    with store.open_store(config.database) as database, store.batch(database):
        telling.judge_report(database, analysing.alarming(report, history, config), snapshot.at, config)
        report = analysing.with_alarms(report, store.record(database, snapshot.at, analysing.ALARM_DAYS), config)
        store.save_report(database, report)
    return report


def publish(config: Config, report: Report, snapshot_id: int | None) -> Built:
    """Lay the site out and swap it in; the next report says how this went."""
    from . import deliver
    from . import render as rendering

    watch = Stopwatch()
    past = store.kept(config.database, report.id)
    site = rendering.render(report, past, pdf=config.pdf, pdf_seconds=config.budgets.pdf_seconds)
    editions = {
        edition: rendering.render_edition(report, edition, config.secrets, pdf_seconds=config.budgets.pdf_seconds)
        for edition in config.editions
    }
    site = archived(config, site, past)
    watch.lap("render", f"{len(site.files)} files")
    try:
        published = deliver.publish(site, Path(config.output), config.publish)
        for edition, one in editions.items():
            deliver.publish(one, Path(edition.output), config.publish)
        watch.lap("publish", published)
        if snapshot_id is not None:
            sites = {INTERNAL: site} | {edition.name: one for edition, one in editions.items()}
            try:
                _deliver(config, report, sites, watch)
            except DeliveryError as error:
                raise UndeliveredError(error, Built(report, site, published)) from None
    except CaelumError as error:
        watch.lap("deliver", f"failed: {error}")
        raise
    finally:
        if snapshot_id is not None:
            with store.open_store(config.database) as database:
                store.add_run_steps(database, snapshot_id, watch.steps(), site.notes)
    return Built(report, site, published)


def archived(config: Config, site: Site, past: tuple[Kept, ...]) -> Site:
    """The site with its own files in the archive, and those of the past reports: all of them linked, none written twice."""
    own = {path.rpartition(".")[2]: path for path in site.files if is_archived(path, site.report)}
    notes = site.notes
    kept = {f"{FOLDER}{file.name}": file for one in past for _, file in one.files}
    try:
        places = store.keep(config.database, site.report, {kind: site.files[path] for kind, path in own.items()})
        kept |= {f"{FOLDER}{file.name}": file for file in places.values()}
    except OSError as error:  # the report is published all the same
        notes = (*notes, Note("archive-failed", f"the report could not be put into the archive: {error.strerror}"))
    files = {path: content for path, content in site.files.items() if path not in kept}
    return replace(site, files=files, notes=notes, kept=kept)


def is_archived(path: str, report: str) -> bool:
    """Whether a file of a site is one of those that the archive keeps of its report."""
    return path.startswith(f"{FOLDER}{report}.")


def _deliver(config: Config, report: Report, sites: Mapping[str, Site], watch: Stopwatch) -> None:
    """Tell everybody who waits for it; one who cannot be told keeps no other waiting."""
    from . import deliver

    telling.put_out_report(config, report)
    telling.put_out_digests(config, report.at)
    problems: list[str] = []
    try:
        if config.ping_url is not None:
            deliver.ping(config.ping_url, report.id)
            watch.lap("deliver", "told the dead man's switch")
    except DeliveryError as error:
        problems.append(str(error))
    try:
        if sent := telling.send_out(config, report.at, sites):
            watch.lap("deliver", f"{sent} sent")
    except DeliveryError as error:
        problems.append(str(error))
    if problems:
        raise DeliveryError("; ".join(problems))
