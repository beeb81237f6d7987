"""A Report for other readers: a new one, made of allowed fields and aliases only. Nothing is taken away from the internal
one; what is not copied here cannot be in any face of the edition. Free text is never copied: sentences are made anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from caelum_report import words
from caelum_report.diagram import Diagram
from caelum_report.document import (
    RANGE_SPANS,
    AlarmsReport,
    Change,
    Chart,
    Coverage,
    Day,
    Empty,
    Episode,
    Event,
    Finding,
    IncidentReport,
    LedgerReport,
    LedgerRow,
    Limit,
    ObjectiveReport,
    Points,
    ReadOn,
    Report,
    RunReport,
    ServerReport,
    SloReport,
    Stat,
    Verdict,
    WindowReport,
)
from caelum_report.editions import DISTURBED, RECOVERS, TROUBLES, WAS_DISTURBED, Edition
from caelum_report.model import Failure, Status, Transport
from caelum_report.text import slug

from .marks import TALLY_WORDS

_FLEET: Final = "index.html#fleet"
_LATENCY: Final = "latency"

_OBJECTIVE: Final = (
    *("target", "achieved", "budget_left", "burn_24h", "measured_seconds", "excluded_seconds", "spent_by"),
)
_SLO: Final = (
    *("target", "period_days", "start", "end", "up_seconds", "down_seconds", "maintenance_seconds", "unknown_seconds"),
    *("checks", "achieved", "low", "high", "budget_seconds", "budget_left", "burns", "incidents", "recovery_seconds"),
    *("detection_seconds", "spent_earliest_days", "spent_latest_days"),
)
_CHART: Final = (
    *("id", "metric", "title", "range", "start", "end", "points", "ghost", "band", "spans", "n", "interval_seconds"),
    "source",
)
_ROW: Final = ("start", "end", "counts_as", "status", "failure", "checks", "unseen_seconds")

BLANK: Final = ServerReport(
    id="",
    name="",
    slug="",
    host="",
    transport=Transport.HTTP,
    endpoint="",
    era=None,
    protocol_version=None,
    supported_versions=(),
    status=Status.UNKNOWN,
    failure=Failure.SKIPPED,
    stage=None,
    reason="",
    lede="",
    why="",
    since=None,
    checked_at=None,
    checked_now=False,
    group=None,
    owner=None,
    server_name="",
    server_version="",
    capabilities=(),
    stages=(),
    total_seconds=None,
    usual_total_seconds=None,
    latency_now=None,
    latency_day=None,
    latency_day_before=None,
    timing_method=None,
    tools=(),
    tokens=0,
    resources=(),
    prompts=(),
    surface_sha256=None,
    rss_bytes=None,
    cpu_seconds=None,
    threads=None,
    open_files=None,
    processes=None,
    instances=None,
    instances_rss_bytes=None,
    instances_oldest_seconds=None,
    certificate_expires_at=None,
    stderr_lines=0,
    stderr_tail="",
    exit_status=None,
    notes=(),
    risks=(),
    uptime=(),
    objective=None,
    latency_objective_seconds=None,
    strip=(),
    spark=Points(),
    episodes=(),
    charts=(),
    contract=(),
    findings=(),
    depends_on=(),
    needed_by=(),
)


def edition_of(report: Report, edition: Edition) -> Report:
    """What the edition's readers may know of `report`."""
    aliases = dict(edition.aliases)
    shown = [one for one in report.servers if one.id in aliases and not one.retired]
    servers = tuple(_server(one, aliases, report) for one in shown)
    if edition.kind == "public":
        servers = tuple(replace(new, **_of_page(one, new.name)) for one, new in zip(shown, servers, strict=True))
    ledger = _ledger(report.ledger, aliases)
    executive = edition.kind == "executive"
    findings = tuple(_finding(server, executive=executive) for server in servers if server.status in TROUBLES)
    counts = Counter(server.status for server in servers)
    asked = sum(server.status is not Status.UNKNOWN for server in servers)
    return Report(
        id=report.id,
        number=report.number,
        previous=None,
        program_version=report.program_version,
        method_version=report.method_version,
        fleet=edition.fleet,
        edition=edition.kind,
        demo=report.demo,
        zone=report.zone,
        host="",
        site_url=edition.site_url,
        at=report.at,
        period_start=report.period_start,
        compared_start=None,
        interval_seconds=report.interval_seconds,
        next_due=report.next_due,
        old_after=report.old_after,
        coverage=Coverage(
            asked, len(servers), 0, None, f"{asked} of {words.plural(len(servers), 'service')} gave an answer or an error"
        ),
        verdict=_verdict(servers, report),
        tally=tuple((status, counts[status]) for status in Status if counts[status]),
        findings=findings,
        changes=tuple(_changes(report, aliases, executive=executive)),
        objectives=tuple(_objectives(report.objectives, aliases)),
        objectives_note="",
        looming=(),
        empty=Empty(
            needs_action="No service has a problem.",
            changes="No service changed its state.",
            looming="Forecasts are told to those who run the services.",
        ),
        servers=servers,
        hosts=(),
        contract=(),
        architecture=Diagram("architecture", "", "", (), ()),
        read_on=tuple(_read_on(ledger)),
        found=(),
        run=RunReport(0, report.at, 0.0, (), (), 0, 0, None),
        previous_run=None,
        alarms=AlarmsReport() if executive else AlarmsReport(incidents=tuple(_incidents(report, aliases))),
        ledger=ledger,
        paper=report.paper,
    )  # fmt: skip


def is_troubled(report: Report, edition: Edition) -> bool:
    """Whether somebody that the edition shows has a problem."""
    aliases = dict(edition.aliases)
    return any(one.id in aliases and not one.retired and one.status in TROUBLES for one in report.servers)


def has_changed(report: Report, edition: Edition) -> bool:
    """Whether somebody that the edition shows changed its state since the report before."""
    return any(_changes(report, dict(edition.aliases), executive=True))


def _server(one: ServerReport, aliases: Mapping[str, str], report: Report) -> ServerReport:
    alias = aliases[one.id]
    since = f"since {words.moment(one.since, report.at, report.zone)}" if one.since else ""
    return replace(
        BLANK,
        id=alias,
        name=alias,
        slug=slug(alias),
        transport=one.transport,
        status=one.status,
        failure=one.failure,
        lede=_lede(one),
        why=since if one.status is not Status.UP else "",
        since=one.since,
        checked_at=one.checked_at,
        checked_now=one.checked_now,
        asked_again_at=one.asked_again_at,
        group=aliases.get(one.group or ""),
        latency_day=one.latency_day,
        latency_day_before=one.latency_day_before,
        uptime=one.uptime,
        objective=one.objective,
        strip=tuple(Day(day.date, day.status, day.up_share, _day_words(day)) for day in one.strip),
        spark=one.spark,
    )


def _lede(one: ServerReport) -> str:
    month = next((uptime for uptime in one.uptime if uptime.range == "month"), None)
    if month is None or month.told_share is None:
        return "Too little is measured yet to say how often it is up."
    down = f"; down for {words.duration(month.down_seconds)}" if month.down_seconds else ""
    return f"Up {words.percent(month.told_share)} of the last 30 days{down}."


def _of_page(one: ServerReport, alias: str) -> dict[str, Any]:
    """What only a server's own page shows: the course of its answer times and states."""
    return {
        "charts": tuple(_chart(chart, alias) for chart in one.charts if chart.metric == _LATENCY and chart.points.at),
        "episodes": tuple(
            Episode(each.status, each.failure, each.start, each.end, each.seconds, "") for each in one.episodes
        ),
    }


def _chart(one: Chart, alias: str) -> Chart:
    """Its figures; the caption is made of them anew, for the internal one may name a cause."""
    stats = tuple(Stat(stat.label, stat.value, stat.unit) for stat in one.stats)
    said = ", ".join(f"{stat.label.lower()} {words.quantity(stat.value, stat.unit)}" for stat in stats)
    return Chart(
        **{name: getattr(one, name) for name in _CHART},
        subject=alias,
        caption=f"{said[:1].upper()}{said[1:]} over {RANGE_SPANS[one.range]}.",
        stats=stats,
        limit=Limit(one.limit.value, "objective") if one.limit else None,
    )


def _day_words(day: Day) -> str:
    return TALLY_WORDS[day.status] if day.status else "no data"


def _finding(server: ServerReport, *, executive: bool) -> Finding:
    return Finding(
        id=f"state:{server.slug}",
        kind="state",
        word=server.status.word,
        status=server.status,
        title=f"{server.name} {TROUBLES[server.status][0]}.",
        server=server.id,
        page=_FLEET if executive else f"servers/{server.slug}.html",
        since=server.since,
    )


def _verdict(servers: Sequence[ServerReport], report: Report) -> Verdict:
    if not servers:
        return Verdict("Unknown", Status.UNKNOWN, "No service is shown in this edition.", "")
    bad = [server for server in servers if server.status in TROUBLES]
    up = sum(server.status is Status.UP for server in servers)
    told = f"{words.count(up)} of {words.plural(len(servers), 'service')} {'is' if up == 1 else 'are'} up."
    if not bad:
        unknown = sum(server.status is Status.UNKNOWN for server in servers)
        if unknown:
            return Verdict("Unknown", Status.UNKNOWN, f"{told} Of {words.spelled(unknown)} nothing is known.", "")
        everything = (
            f"All {words.count(len(servers))} services are well." if len(servers) > 1 else "The service is well."
        )
        return Verdict("All is well", Status.UP, everything, "")
    worst = min((server.status for server in bad), key=tuple(Status).index)
    n = sum(server.status is worst for server in bad)
    state = "not open to us" if worst is Status.AUTH_WALLED else str(worst)
    sentence = f"{words.spelled(n).capitalize()} of {words.plural(len(servers), 'service')} {'is' if n == 1 else 'are'} {state}."
    return Verdict("Needs action", worst, sentence, f"{told} {_named(bad, report)}")


def _named(bad: Sequence[ServerReport], report: Report) -> str:
    return " ".join(
        f"{one.name} {TROUBLES[one.status][0]}{_since(one.since, report)}." for one in bad[:3]
    )  # fmt: skip


def _since(at: datetime | None, report: Report) -> str:
    return f" since {words.moment(at, report.at, report.zone)}" if at else ""


def _changes(report: Report, aliases: Mapping[str, str], *, executive: bool) -> Iterator[Change]:
    """Changes of state only."""
    known = {one.id: one for one in report.servers}
    for one in report.changes:
        if one.what == "State" and one.servers and all(server in aliases for server in one.servers):
            shown = tuple(aliases[server] for server in one.servers)
            first = known.get(one.servers[0])
            when = _since(first.since if first else None, report).strip() or "in this report"
            page = _FLEET if executive or len(shown) > 1 else f"servers/{slug(shown[0])}.html"
            yield Change(one.direction, shown, "State", one.before, one.after, "", when, page)


def _objectives(objectives: Sequence[ObjectiveReport], aliases: Mapping[str, str]) -> Iterator[ObjectiveReport]:
    for one in objectives:
        name = _objective_name(one, aliases)
        if name is not None:
            shown = tuple(aliases[server] for server in one.servers)
            allowed = {name: getattr(one, name) for name in _OBJECTIVE}
            yield ObjectiveReport(**allowed, name=name, servers=shown, page="slo.html#objectives")


def _objective_name(one: ObjectiveReport | SloReport, aliases: Mapping[str, str]) -> str | None:
    """Its alias, or that of its only server; None where it, or one of its servers, has none."""
    if not one.servers or any(server not in aliases for server in one.servers):
        return None
    return aliases.get(one.name) or (aliases[one.servers[0]] if len(one.servers) == 1 else None)


def _ledger(ledger: LedgerReport, aliases: Mapping[str, str]) -> LedgerReport:
    """The objectives that have an alias, as far as all of their servers have one."""
    kept = [one for one in ledger.objectives if _objective_name(one, aliases)]
    needed = {server for one in kept for server in one.servers}
    return LedgerReport(
        objectives=tuple(_slo(one, aliases) for one in kept),
        rows=tuple(_row(row, aliases) for row in ledger.rows if row.server in needed),
        exclusions=tuple(
            WindowReport(one.start, one.end, "Maintenance", tuple(aliases[s] for s in one.servers if s in aliases))
            for one in ledger.exclusions
            if needed.intersection(one.servers)
        ),
    )


def _slo(one: SloReport, aliases: Mapping[str, str]) -> SloReport:
    shown = tuple(aliases[server] for server in one.servers)
    allowed = {name: getattr(one, name) for name in _SLO}
    latest = tuple(replace(incident, server=aliases[incident.server]) for incident in one.latest)
    return SloReport(**allowed, name=_objective_name(one, aliases) or "", servers=shown, page="slo.html", latest=latest)


def _row(row: LedgerRow, aliases: Mapping[str, str]) -> LedgerRow:
    return LedgerRow(**{name: getattr(row, name) for name in _ROW}, server=aliases[row.server])


def _incidents(report: Report, aliases: Mapping[str, str]) -> Iterator[IncidentReport]:
    for one in report.alarms.incidents:
        shown = tuple(aliases[server] for server in one.servers if server in aliases)
        if not shown:
            continue
        events = [Event(one.began_at, "It began."), *([Event(one.ended_at, "It ended.")] if one.ended_at else [])]
        yield IncidentReport(
            id=one.id,
            title=f"{words.listing(shown)} {_disturbed(one, len(shown))}.",
            severity=one.severity,
            began_at=one.began_at,
            ended_at=one.ended_at,
            seconds=one.seconds,
            cause="",
            impact="",
            servers=shown,
            alerts=(),
            owner=None,
            runbook=None,
            events=tuple(events),
            recovering_since=one.recovering_since,
            resolved_from=one.resolved_from,
        )


def _disturbed(one: IncidentReport, servers: int) -> str:
    said = WAS_DISTURBED if one.ended_at is not None else RECOVERS if one.recovering_since is not None else DISTURBED
    return said[servers > 1]


def _read_on(ledger: LedgerReport) -> Iterator[ReadOn]:
    if ledger.objectives:
        met = sum(one.is_met for one in ledger.objectives)
        yield ReadOn("Objectives", "slo.html", f"{words.count(met)} of {words.count(len(ledger.objectives))} met.")
