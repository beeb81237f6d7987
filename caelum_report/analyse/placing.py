"""The `Report`: every value that anybody prints, put where it belongs. What stands out was seen before."""

from __future__ import annotations

from dataclasses import dataclass

from caelum_report.document import Bottlenecks, Change, Finding, Looming, ReadOn, Report, RunReport, StepReport
from caelum_report.model import METHOD_VERSION

from . import bottlenecks, changes, objectives, summary
from .architecture import architecture
from .by_host import by_host
from .dashboards import dashboards
from .dataflow import dataflow
from .difference import whole_periods
from .facts import Facts
from .fleet_charts import fleet_charts
from .foretelling import Foretold
from .hosts import hosts
from .judging import drawn, judging
from .logged import errors
from .readiness import readiness
from .recommendations import LOOKED_FOR, RANKING, recommendations
from .servers import servers
from .slo import ledger_of
from .sources import grafana, series, sources
from .token_costs import token_costs
from .usage import usage


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands out in one run."""

    findings: tuple[Finding, ...]  # in the order of a reader
    changes: tuple[Change, ...]
    looming: tuple[Looming, ...]  # the soonest first
    slow: Bottlenecks
    foretold: Foretold


def placed(facts: Facts, seen: Seen, snapshot_id: int, steps: tuple[StepReport, ...]) -> Report:
    targets = objectives.objectives(facts)
    marks = drawn(facts, seen.findings)
    host_reports = hosts(facts, marks, seen.foretold.ahead)
    server_reports = servers(facts, marks, seen.findings, seen.foretold.ahead)
    diagram = architecture(facts)
    used = usage(facts)
    ready = readiness(facts)
    costs, token_charts = token_costs(facts)
    own = dashboards(facts)
    start, compared = summary.period(facts)
    due, old = summary.next_due(facts)
    number = facts.history.next_number
    return Report(
        id=f"r-{facts.at:%Y%m%dT%H%MZ}-{number}",
        number=number,
        previous=facts.history.previous,
        program_version=facts.snapshot.program_version,
        method_version=METHOD_VERSION,
        fleet=summary.fleet_name(facts),
        edition="internal",
        demo=facts.config.demo,
        zone=facts.config.zone,
        host=facts.snapshot.host,
        site_url=facts.config.site_url,
        paper=facts.config.paper,
        at=facts.at,
        period_start=start,
        compared_start=compared,
        interval_seconds=facts.run_seconds,
        next_due=due,
        old_after=old,
        coverage=summary.coverage(facts, start),
        verdict=summary.verdict(facts, seen.findings),
        tally=summary.tally(facts),
        findings=seen.findings,
        changes=seen.changes,
        objectives=targets,
        objectives_note=objectives.note(targets),
        looming=seen.looming,
        empty=summary.empty(
            facts,
            seen.findings,
            targets,
            seen.looming,
            tested=sum(1 for _ in changes.samples(facts, facts.now)),
            changes=len(seen.changes),
            foretold=seen.foretold.series,
        ),
        servers=server_reports,
        hosts=host_reports,
        contract=facts.contract,
        architecture=diagram,
        read_on=(
            *summary.read_on(facts, host_reports, diagram, changes=len(seen.changes), ready=ready, slow=seen.slow),
            *(
                ReadOn(one.title, f"dashboards/{one.name}.html", f"For {one.audience}." if one.audience else "")
                for one in own.reports
            ),
        ),
        found=facts.config.found,
        run=_run(facts, snapshot_id, steps),
        previous_run=facts.history.previous_run,
        sources=sources(facts),
        series=series(facts),
        grafana=grafana(facts),
        errors=errors(facts),
        forecasts=seen.foretold.made,
        scores=seen.foretold.scores,
        records=seen.foretold.records,
        judging=judging(facts, seen.findings),
        fleet_charts=tuple(fleet_charts(facts, facts.marks)),
        readiness=ready,
        recommendations=recommendations(facts, server_reports),
        token_costs=costs,
        token_charts=token_charts,
        ranking=(RANKING, LOOKED_FOR),
        bottlenecks=bottlenecks.pictured(seen.slow, host_reports, server_reports, facts.at),
        usage=used,
        dataflow=dataflow(facts, used),
        by_host=by_host(server_reports),
        ledger=ledger_of(facts),
        compared=whole_periods(facts),
        dashboards=own.reports,
        dashboard_charts=own.charts,
        marks=facts.marks[::-1],
    )


def _run(facts: Facts, snapshot_id: int, steps: tuple[StepReport, ...]) -> RunReport:
    return RunReport(
        snapshot=snapshot_id,
        at=facts.at,
        seconds=facts.snapshot.seconds,
        steps=steps,
        notes=facts.snapshot.notes,
        database_bytes=facts.history.database_bytes,
        snapshots=facts.history.snapshot_count,
        first_snapshot_at=facts.history.first_snapshot_at,
    )
