"""A whole run, on one screen: config -> collect -> store -> analyse -> render -> deliver. The only module that knows all stages.

Two locks. The publish lock is held by whoever rebuilds the site, the run lock by whoever collects; so a dense `collect`
goes on while a `build` renders. The database is open only around reads and commits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from . import store, telling
from .archived import FOLDER
from .config import consent
from .editions import INTERNAL
from .errors import CaelumError, DeliveryError, UsageError
from .model import Config, Note, Sample, Snapshot, Source, Status

if TYPE_CHECKING:
    from .archived import Kept
    from .document import Report, StepReport
    from .site import Site
    from .store.purging import Stale

Progress = Callable[[str, Status | None], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A published report, and how it went onto the disk."""

    report: Report
    site: Site
    published: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a bundle: `new`, `known`, `late` (older than what is stored of its host) or `refused`, with the reason."""

    file: Path
    host: str
    result: str
    problem: str = ""


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


def build(config: Config, at: datetime, progress: Progress | None = None, *, rescue: bool = False) -> Built:
    """The main job. Raises `PublishError` after the snapshot and its report are stored; the old site then stays.

    Raises `DeliveryError` when the site is published and somebody who waits for it could not be told.
    """
    from . import deliver

    for output in (config.output, *(edition.output for edition in config.editions)):
        deliver.check(Path(output))
    with store.publish_lock(config.database):
        watch = Stopwatch()
        snapshot_id, snapshot, config = _gather(config, at, watch, progress, rescue=rescue)
        report = _analyse(config, snapshot_id, snapshot, watch)
        return _publish(config, report, snapshot_id)


def collect(
    config: Config,
    at: datetime,
    progress: Progress | None = None,
    *,
    rescue: bool = False,
    to: Path | None = None,
) -> tuple[Snapshot, Path | None]:
    """A snapshot only, for a denser timer; also as a bundle for another machine, whose file's path is given.

    Rules that need no report are judged. Raises `DeliveryError` as `build` does.
    """
    _, snapshot, config = _gather(config, at, Stopwatch(), progress, rescue=rescue)
    if to is not None:
        from . import bundle

        to = bundle.write(to, snapshot, config.servers)
    telling.send_out(config, at)
    return snapshot, to


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


def render(config: Config, at: datetime | None) -> Built:
    """The site again, from the report stored for `at` (the latest without it). Same report, same bytes."""
    from . import codec

    with store.publish_lock(config.database):
        with store.open_store(config.database) as database:
            stored = store.report_at(database, at)
        if stored is None:
            when = f" at or before {at.isoformat()}" if at else ""
            raise UsageError(f"no report is stored{when}; make one: caelum-report build")
        return _publish(config, codec.from_json(stored), None)


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
            purged = purging.purge(database, cleaning, at, dry_run=dry_run)
            if not dry_run:
                purging.compact(database)
                archive.sweep(path)
        remade = {}
        with store.open_store(path) as database:
            for stale in purging.stale(database, path, cleaning, at, purged.lost):
                remade[stale.id] = stale.document is not None
                if not dry_run:
                    archive.replace(path, stale.id, _made_anew(config, stale))
                if tell is not None:
                    tell(stale.id)
            newest = store.report_at(database, None)
        published = None
        if newest is not None and not dry_run and deliver.holds_site(Path(config.output)):
            published = _publish(config, codec.from_json(newest), None).published
    return Purge(len(known), purged.rows, purged.reports, purged.lost, remade, published, purging.copies(path))


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
    return {path.rpartition(".")[2]: content for path, content in site.files.items() if _is_archived(path, stale.id)}


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


def metrics(config: Config) -> bytes:
    """The latest report as metrics.prom."""
    from . import codec
    from .render.prom import prom

    with store.open_store(config.database) as database:
        stored = store.report_at(database, None)
    if stored is None:
        raise UsageError("no report is stored; make one: caelum-report build")
    return prom(codec.from_json(stored))


def demo(at: datetime, database: Path, output: Path, *, pdf: bool = True, editions: bool = False) -> Built:
    """A full site from a simulated month, through the real store, analysis and pages; `editions`: those beside it, too."""
    from . import demo as simulation
    from . import render as rendering

    config = replace(simulation.config(at), database=str(database), output=str(output), pdf=pdf, demo=True)
    if editions:
        others = simulation.editions(str(output))
        config = replace(config, editions=tuple(replace(one, pdf=one.pdf and pdf) for one in others))
    month = list(simulation.snapshots(at))
    yesterday = sum(snapshot.at <= at - timedelta(days=1) for snapshot in month)
    with store.publish_lock(config.database):
        with store.open_store(config.database) as connection:
            for hours, text in simulation.NOTED:
                store.add_mark(connection, at - timedelta(hours=hours), text)
        for part in (month[:yesterday], month[yesterday:]):  # so that there is a report to compare with
            with store.open_store(config.database) as connection:
                snapshot_id = 0
                with store.batch(connection):
                    for snapshot in part:
                        snapshot_id = store.add_snapshot(connection, snapshot, config)
                        telling.judge(connection, snapshot, config)
                for name, hours in simulation.PINNED:
                    store.pin_surface(connection, name, at - timedelta(hours=hours))
                store.maintain(connection, part[-1].at, config)
            report = _analyse(config, snapshot_id, part[-1], Stopwatch())
            if part[-1].at < at:  # so that there is a past report in the archive
                _archived(config, rendering.render(report, pdf=False), ())
        return _publish(config, report, snapshot_id)


def _gather(
    config: Config, at: datetime, watch: Stopwatch, progress: Progress | None, *, rescue: bool
) -> tuple[int, Snapshot, Config]:
    """Ask everybody, and keep the answers."""
    from . import collect as collecting

    with store.run_lock(config.database):
        with store.open_store(config.database, rescue=rescue) as database:
            remembered = store.remember(database, at)
            config = consent(config, store.approvals(database))
        watch.lap("prepare")
        snapshot = collecting.collect(config, remembered, at, progress)
        watch.lap("collect", f"{len(snapshot.probes)} asked, {len(snapshot.not_due)} not due")
        with store.open_store(config.database) as database:
            with store.batch(database):
                snapshot_id = store.add_snapshot(database, snapshot, config)
                telling.judge(database, snapshot, config)
            store.maintain(database, at, config)
        watch.lap("store")
    return snapshot_id, snapshot, config


def _analyse(config: Config, snapshot_id: int, snapshot: Snapshot, watch: Stopwatch) -> Report:
    """Work the Report out, completely, and store it before anybody prints it."""
    from . import analyse

    with store.open_store(config.database) as database:
        history = store.history(database, snapshot_id, analyse.rolled_up(config))
    watch.lap("read history")
    report = analyse.report(snapshot, snapshot_id, history, config, watch.steps())
    report = replace(report, archive=store.make_room(config.database, report, config.archive))
    with store.open_store(config.database) as database, store.batch(database):
        telling.judge_report(database, analyse.alarming(report, history, config), snapshot.at, config)
        report = analyse.with_alarms(report, store.record(database, snapshot.at, analyse.ALARM_DAYS), config)
        store.save_report(database, report)
    return report


def _publish(config: Config, report: Report, snapshot_id: int | None) -> Built:
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
    site = _archived(config, site, past)
    watch.lap("render", f"{len(site.files)} files")
    try:
        published = deliver.publish(site, Path(config.output), config.publish)
        for edition, one in editions.items():
            deliver.publish(one, Path(edition.output), config.publish)
        watch.lap("publish", published)
        if snapshot_id is not None:
            sites = {INTERNAL: site} | {edition.name: one for edition, one in editions.items()}
            _deliver(config, report, sites, watch)
    except CaelumError as error:
        watch.lap("deliver", f"failed: {error}")
        raise
    finally:
        if snapshot_id is not None:
            with store.open_store(config.database) as database:
                store.add_run_steps(database, snapshot_id, watch.steps(), site.notes)
    return Built(report, site, published)


def _archived(config: Config, site: Site, past: tuple[Kept, ...]) -> Site:
    """The site with its own files in the archive, and those of the past reports: all of them linked, none written twice."""
    own = {path.rpartition(".")[2]: path for path in site.files if _is_archived(path, site.report)}
    notes = site.notes
    kept = {f"{FOLDER}{file.name}": file for one in past for _, file in one.files}
    try:
        places = store.keep(config.database, site.report, {kind: site.files[path] for kind, path in own.items()})
        kept |= {f"{FOLDER}{file.name}": file for file in places.values()}
    except OSError as error:  # the report is published all the same
        notes = (*notes, Note("archive-failed", f"the report could not be put into the archive: {error.strerror}"))
    files = {path: content for path, content in site.files.items() if path not in kept}
    return replace(site, files=files, notes=notes, kept=kept)


def _is_archived(path: str, report: str) -> bool:
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
