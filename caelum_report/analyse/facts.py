"""What every analyser may read: one run, its past, and what was worked out once for all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from caelum_report import text
from caelum_report.configured import Config
from caelum_report.document import ContractChange, Mark, Remark
from caelum_report.history import History, Pin
from caelum_report.model import (
    Era,
    Failure,
    Instances,
    Note,
    Outcome,
    Probe,
    ProcessFigures,
    Server,
    Snapshot,
    Stage,
    Status,
    Surface,
    Transport,
)

from .calls import calls_by_hour
from .charts import marks_of
from .errors import rises
from .latency import Checks, checks
from .readings import Readings, readings
from .signals import Signals, signals
from .surface import contract_changes
from .suspicion import remarks
from .times import DAY, HOLD, learned_interval, moment, run_interval, server_interval, unix
from .tracks import Rollups
from .uptime import UNASKED, Ledger, Run, latest_run, ledger, text_or_empty

PROBLEMS = (Status.DOWN, Status.DEGRADED, Status.AUTH_WALLED)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one server stands now. `server` is None where the configuration no longer names it."""

    index: int  # its place in the ledger and among the checks
    id: str
    name: str  # as visible text, short enough for a sentence
    slug: str
    server: Server | None
    probe: Probe | None  # the last look at it, of this snapshot or of an earlier one
    checked_at: datetime | None
    checked_now: bool
    status: Status
    failure: Failure
    stage: str | None
    reason: str
    run: Run | None  # how long it has been so
    surface: Surface | None  # the last one seen
    retired: bool = False

    @property
    def transport(self) -> Transport:
        return self.server.transport if self.server else Transport.STDIO

    @property
    def page(self) -> str:
        return f"servers/{self.slug}.html"

    @property
    def since(self) -> datetime | None:
        return moment(self.run.start) if self.run and self.run.status is self.status else None

    @property
    def asked(self) -> bool:
        """Whether it gave a verdict or an honest failure."""
        return self.probe is not None and self.status is not Status.UNKNOWN and self.failure not in UNASKED


@dataclass(frozen=True, slots=True)
class Facts:
    """One run and its past. Pure values; nothing here is written for a reader yet."""

    config: Config
    snapshot: Snapshot
    history: History
    now: float
    run_seconds: float | None  # the cadence of runs: declared, else learned
    learned_seconds: float | None
    intervals: Mapping[str, float]
    standings: tuple[Standing, ...]  # as configured, then those of the past
    by_id: Mapping[str, Standing]
    ledger: Ledger
    checks: Checks
    rolled: Rollups
    readings: Readings  # every series on one grid, for whatever judges series
    signals: Signals  # what stands out among them
    marks: tuple[Mark, ...]  # people's notes
    contract: tuple[ContractChange, ...]
    remarks: Mapping[str, tuple[Remark, ...]]  # surface's hash -> what stands in it
    pins: Mapping[str, Pin]  # of the servers that are held to a surface now
    roots: Mapping[str, str]  # server -> the failing dependency that explains its trouble
    calls: pd.DataFrame  # real calls by server, tool and hour; see `calls.calls_by_hour`
    baseline: datetime | None  # what "changed since" compares with; None: nothing to compare with

    @property
    def at(self) -> datetime:
        return self.snapshot.at

    @property
    def zone(self) -> str:
        return self.config.zone

    @property
    def current(self) -> tuple[Standing, ...]:
        return tuple(standing for standing in self.standings if not standing.retired)


def gather(snapshot: Snapshot, history: History, config: Config, rolled: Rollups) -> Facts:
    now = snapshot.at.timestamp()
    run = run_interval(config, history)
    configured = {server.id: server for other in history.others for server in other.servers}
    configured |= {server.id: server for server in config.servers}
    past = [name for name in pd.unique(history.states["server"].astype(object)) if name not in configured]
    names = [*configured, *sorted(past)]
    seen = checks(history, names)
    intervals = _intervals(names, configured, config, run, seen)
    book = ledger(history.states, names, intervals, now, history.left)
    standings = _standings(names, configured, snapshot, history, seen=seen, book=book, intervals=intervals)
    by_id = {standing.id: standing for standing in standings}
    served = {standing.id: standing.index for standing in standings if not standing.retired}
    grid = readings(snapshot, history, rolled, seen, served, every=run, zone=config.zone)
    memory = snapshot.host_sample.memory_total_bytes if snapshot.host_sample else 0
    calls = calls_by_hour(history.usage, config.usage.precedence, pd.Timestamp(snapshot.at))
    return Facts(
        config=config,
        snapshot=snapshot,
        history=history,
        now=now,
        run_seconds=run,
        learned_seconds=learned_interval(unix(history.snapshots["at"])),
        intervals=intervals,
        standings=standings,
        by_id=by_id,
        ledger=book,
        checks=seen,
        rolled=rolled,
        readings=grid,
        signals=signals(grid, memory, rises(book, calls, list(served), now)),
        marks=marks_of(history.marks, now),
        contract=contract_changes(history.surfaces, _report_numbers(snapshot, history), history.pins),
        remarks={s.surface.sha256: tuple(remarks(s.surface)) for s in standings if s.surface and not s.retired},
        pins=_held(history.pins),
        roots=_roots(by_id),
        calls=calls,
        baseline=_baseline(snapshot, history),
    )


def _intervals(
    names: Sequence[str], configured: Mapping[str, Server], config: Config, run: float | None, seen: Checks
) -> dict[str, float]:
    """How often each is expected to be checked, in seconds; of the past, how often it was."""
    checked = {name: seen.time[seen.bounds[i] : seen.bounds[i + 1]] for i, name in enumerate(names)}
    return {
        name: server_interval(configured[name], config, run, checked[name])
        if name in configured
        else run or learned_interval(checked[name]) or DAY / 24
        for name in names
    }


def _standings(
    names: Sequence[str],
    configured: Mapping[str, Server],
    snapshot: Snapshot,
    history: History,
    *,
    seen: Checks,
    book: Ledger,
    intervals: Mapping[str, float],
) -> tuple[Standing, ...]:
    probes = {probe.server: probe for probe in snapshot.probes}
    surfaces = {version.server: version.surface for version in history.surfaces}
    return tuple(
        _standing(
            i,
            name,
            server=configured.get(name),
            probe=probes.get(name),
            seen=seen,
            book=book,
            surface=surfaces.get(name),
            snapshot=snapshot,
            interval=intervals[name],
        )
        for i, name in enumerate(names)
    )


def _held(pins: Sequence[Pin]) -> dict[str, Pin]:
    latest = {pin.server: pin for pin in pins}
    return {server: pin for server, pin in latest.items() if pin.surface is not None}


def _standing(
    index: int,
    name: str,
    *,
    server: Server | None,
    probe: Probe | None,
    seen: Checks,
    book: Ledger,
    surface: Surface | None,
    snapshot: Snapshot,
    interval: float,
) -> Standing:
    now = probe is not None
    checked_at = snapshot.at if now else None
    if probe is None and (row := seen.last(index)) is not None:
        checked_at = moment(float(seen.time[row]))
        probe = _probe_of_row(seen, row)
    status, failure, stage, reason = _verdict(server, probe, checked_at, snapshot, interval)
    return Standing(
        index=index,
        id=name,
        name=text.visible(name, 80) or "(no name)",
        slug=server.slug if server else text.slug(name),
        server=server,
        probe=probe,
        checked_at=checked_at,
        checked_now=now,
        status=status,
        failure=failure,
        stage=stage,
        reason=reason,
        run=latest_run(book, index),
        surface=(probe.surface if probe and probe.surface else None) or surface,
        retired=server is None,
    )


def _verdict(
    server: Server | None, probe: Probe | None, checked_at: datetime | None, snapshot: Snapshot, interval: float
) -> tuple[Status, Failure, str | None, str]:
    if probe is None or checked_at is None:
        return Status.UNKNOWN, Failure.SKIPPED, None, "never asked"
    if server is None:
        return Status.UNKNOWN, Failure.SKIPPED, None, "no longer in the configuration"
    if (snapshot.at - checked_at).total_seconds() > HOLD * interval and server.id not in snapshot.not_due:
        silent = f"no bundle of {text.visible(server.host, 60)} since then" if server.host else "not asked in this run"
        return Status.UNKNOWN, Failure.SKIPPED, None, silent
    return probe.status, probe.failure, probe.stage, probe.reason


def asked_again_at(facts: Facts, standing: Standing) -> datetime | None:
    """When a server whose time had not come in this run may be asked again; None of others."""
    if standing.id not in facts.snapshot.not_due or standing.checked_at is None:
        return None
    return standing.checked_at + timedelta(seconds=facts.config.own_cadence(standing.server))


def last_met(facts: Facts, standing: Standing) -> Probe | None:
    """The last look in which a server told its era: a server that is down has not become another one."""
    if standing.probe is not None and standing.probe.era is not None:
        return standing.probe
    first, end = (int(bound) for bound in facts.checks.bounds[standing.index : standing.index + 2])
    eras = facts.checks.rows["era"].iloc[first:end].to_numpy(object)
    told = [row for row, era in enumerate(eras) if text_or_empty(era)]
    if not told:
        return None
    row = first + told[-1]
    return _probe_of_row(facts.checks, row)


def _probe_of_row(seen: Checks, place: int) -> Probe:
    """The last look at a server that this run did not ask: people want its page whole, so its details come back once."""
    row = seen.rows.iloc[place]
    details = json.loads(row["details"]) if text_or_empty(row["details"]) else {}
    expires = row["certificate_expires_at"]

    def number(name: str) -> int | None:
        return None if pd.isna(row[name]) else int(row[name])

    def seconds(name: str) -> float | None:
        return None if pd.isna(row[name]) else float(row[name])

    rss = number("rss")
    count = number("instances")
    return Probe(
        server=row["server"],
        started_at=moment(float(seen.time[place])),
        failure=Failure(row["failure"]),
        status=Status(row["status"]),
        reason=text_or_empty(row["reason"]),
        stage=text_or_empty(row["stage"]) or None,
        stages=tuple(
            Stage(stage["name"], Outcome(stage["outcome"]), seconds(stage["name"]), stage["detail"])
            for stage in details.get("stages", ())
        ),
        seconds=0.0 if pd.isna(row["seconds"]) else float(row["seconds"]),
        timings_seconds=tuple(seen.timings_of(slice(place, place + 1)).tolist()),
        timing_method=details.get("timing_method"),
        era=Era(row["era"]) if text_or_empty(row["era"]) else None,
        protocol_version=text_or_empty(row["protocol_version"]) or None,
        supported_versions=tuple(details.get("supported_versions", ())),
        server_name=details.get("server_name", ""),
        server_version=details.get("server_version", ""),
        capabilities=tuple(details.get("capabilities", ())),
        process=None
        if rss is None
        else ProcessFigures(
            rss_bytes=rss,
            cpu_seconds=0.0 if pd.isna(row["cpu_seconds"]) else float(row["cpu_seconds"]),
            threads=number("threads") or 0,
            open_files=number("open_files") or 0,
            processes=number("processes") or 0,
        ),
        instances=None
        if count is None
        else Instances(
            count,
            number("instances_rss") or 0,
            0.0 if pd.isna(row["instances_oldest"]) else float(row["instances_oldest"]),
        ),
        stderr_lines=number("stderr_lines") or 0,
        stderr_tail=details.get("stderr_tail", ""),
        exit_status=details.get("exit_status"),
        certificate_expires_at=None if pd.isna(expires) else pd.Timestamp(expires).to_pydatetime(),
        notes=tuple(Note(note["code"], note["text"]) for note in details.get("notes", ())),
    )


def _baseline(snapshot: Snapshot, history: History) -> datetime | None:
    """The report before; without one, the last day of the snapshots before this; None in a first run."""
    if history.previous is not None:
        return history.previous.at
    earlier = unix(history.snapshots["at"])
    earlier = earlier[earlier < snapshot.at.timestamp()]
    if not len(earlier):
        return None
    return moment(float(max(earlier.min(), snapshot.at.timestamp() - DAY)))


def _report_numbers(snapshot: Snapshot, history: History) -> dict[tuple[str, datetime], int | None]:
    """In which report a change was first told: known from the report before, else it is this one's."""
    told = history.previous_report
    numbers: dict[tuple[str, datetime], int | None] = (
        {(c.server, c.at): c.report for c in told.contract} if told else {}
    )
    start = _baseline(snapshot, history)
    for version in history.surfaces:
        if start is None or version.at > start:
            numbers.setdefault((version.server, version.at), history.next_number)
    return numbers


def _roots(standings: Mapping[str, Standing]) -> dict[str, str]:
    """For each server in trouble, the dependency that is down and explains it; followed to the end of the chain.

    A dependency that broke later than its dependent explains nothing.
    """
    roots = {}
    for standing in standings.values():
        root, passed = standing, {standing.id}
        while (below := _failing(root, standings)) is not None and below.id not in passed:
            passed.add(below.id)
            root = below
        if root is not standing:
            roots[standing.id] = root.id
    return {name: root for name, root in roots.items() if root not in roots}  # a circle has no end


def _failing(standing: Standing, standings: Mapping[str, Standing]) -> Standing | None:
    if standing.server is None or standing.status not in {Status.DOWN, Status.DEGRADED}:
        return None
    for name in standing.server.depends_on:
        below = standings.get(name)
        if below is not None and below.status is Status.DOWN and not _broke_later(below, standing):
            return below
    return None


def _broke_later(below: Standing, above: Standing) -> bool:
    if below.since is None or above.since is None:
        return False
    return (below.since - above.since).total_seconds() > DAY / 24
