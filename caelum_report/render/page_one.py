"""Page 1 as a value: its seven parts in their order, cut where index.html cuts them. `api/v1/analytics/dashboard.json` is this.

The keys are public contract; the schema of the file is made from these annotations.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caelum_report.document import Change, Coverage, Finding, Looming, ObjectiveReport, ReadOn, Report, ServerReport
from caelum_report.editions import INTERNAL
from caelum_report.model import Status

from .pages import index
from .pages.view import View, uptime_of


@dataclass(frozen=True, slots=True)
class Period:
    start: datetime
    end: datetime  # data to
    compared_start: datetime | None


@dataclass(frozen=True, slots=True)
class StatusCount:
    status: Status
    servers: int


@dataclass(frozen=True, slots=True)
class VerdictPart:
    kicker: str
    status: Status
    sentence: str
    lede: str
    period: Period
    data_to: datetime
    next_due: datetime | None
    old_after: datetime | None
    coverage: Coverage
    tally: tuple[StatusCount, ...]  # worst first


@dataclass(frozen=True, slots=True)
class FindingsPart:
    findings: tuple[Finding, ...]
    more: int  # findings that page 1 does not show
    empty: str  # what the part says where it is empty


@dataclass(frozen=True, slots=True)
class ChangesPart:
    since_report: int | None
    changes: tuple[Change, ...]
    more: int
    empty: str


@dataclass(frozen=True, slots=True)
class ObjectivesPart:
    note: str
    objectives: tuple[ObjectiveReport, ...]
    more: int
    empty: str


@dataclass(frozen=True, slots=True)
class LoomingPart:
    looming: tuple[Looming, ...]
    more: int
    empty: str


@dataclass(frozen=True, slots=True)
class FleetRow:
    id: str
    name: str
    slug: str
    status: Status
    why: str
    since: datetime | None
    up_share_30_days: float | None
    p95_seconds_24_hours: float | None
    tools: int | None  # None: not told in this edition, or never seen
    group: str | None
    host: str


@dataclass(frozen=True, slots=True)
class FleetGroup:
    """Of a large fleet: those that the rows leave out."""

    group: str
    servers: int
    not_up: int


@dataclass(frozen=True, slots=True)
class FleetPart:
    servers: tuple[FleetRow, ...]  # worst first
    groups: tuple[FleetGroup, ...]


@dataclass(frozen=True, slots=True)
class WorthDoing:
    title: str
    gain: str
    page: str


@dataclass(frozen=True, slots=True)
class ReadOnPart:
    worth_doing: tuple[WorthDoing, ...]
    pages: tuple[ReadOn, ...]


@dataclass(frozen=True, slots=True)
class PageOne:
    verdict: VerdictPart
    needs_action: FindingsPart
    changed: ChangesPart
    objectives: ObjectivesPart
    looming: LoomingPart
    fleet_grid: FleetPart
    read_on: ReadOnPart


def page_one(view: View) -> PageOne:
    report = view.report
    actions = tuple(finding for finding in report.findings if finding.needs_action)[: index.SHOWN_FINDINGS]
    changes = report.changes[: index.SHOWN_CHANGES]
    objectives = report.objectives[: index.SHOWN_OBJECTIVES]
    looming = report.looming[: index.SHOWN_LOOMING]
    return PageOne(
        verdict=_verdict(report),
        needs_action=FindingsPart(actions, len(report.findings) - len(actions), report.empty.needs_action),
        changed=ChangesPart(
            report.previous.number if report.previous else None,
            changes,
            len(report.changes) - len(changes),
            report.empty.changes,
        ),
        objectives=ObjectivesPart(
            report.objectives_note, objectives, len(report.objectives) - len(objectives), report.empty.objectives
        ),
        looming=LoomingPart(looming, len(report.looming) - len(looming), report.empty.looming),
        fleet_grid=_fleet(report),
        read_on=ReadOnPart(
            tuple(WorthDoing(item.title, item.gain, item.page) for item in index.recommended(report)),
            tuple(index.leading_on(view)),
        ),
    )


def _verdict(report: Report) -> VerdictPart:
    verdict = report.verdict
    return VerdictPart(
        verdict.kicker,
        verdict.status,
        verdict.sentence,
        verdict.lede,
        Period(report.period_start, report.at, report.compared_start),
        report.at,
        report.next_due,
        report.old_after,
        report.coverage,
        tuple(StatusCount(status, number) for status, number in report.tally),
    )


def _fleet(report: Report) -> FleetPart:
    rows = index.listed(report)
    groups = index.groups(report, rows)
    return FleetPart(
        tuple(_row(server, internal=report.edition == INTERNAL) for server in rows),
        tuple(
            FleetGroup(group, len(members), sum(one.status is not Status.UP for one in members))
            for group, members in groups
        ),
    )


def _row(server: ServerReport, *, internal: bool) -> FleetRow:
    month = uptime_of(server, "month")
    return FleetRow(
        id=server.id,
        name=server.name,
        slug=server.slug,
        status=server.status,
        why=server.why,
        since=server.since,
        up_share_30_days=month.told_share if month else None,
        p95_seconds_24_hours=server.latency_day.p95 if server.latency_day else None,
        tools=server.tool_count if internal else None,
        group=server.group,
        host=server.host,
    )
