"""Analyse: one snapshot and its history become the `Report`, complete, before anybody prints it. Pure; no clock, no I/O.

`ANALYSERS` is the seam: each takes the `Facts` and yields what it found, a `Finding`, a `Change` or something `Looming`.
One more analyser is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from caelum_report.document import Change, Finding, Looming, ReadOn, Report, RunReport, StepReport
from caelum_report.history import History
from caelum_report.model import METHOD_VERSION, Config, Snapshot

from . import bottlenecks, changes, elsewhere, findings, objectives, offers, patterns, risks, services, summary
from .alarming import alarming, finding_observations
from .alarms import DAYS as ALARM_DAYS
from .alarms import with_alarms
from .architecture import architecture
from .by_host import by_host
from .charts import LONG_SERVER_METRICS, rollups
from .dashboards import dashboards
from .dashboards import rolled_up as shown_on_dashboards
from .dataflow import dataflow
from .difference import DIFFERENCE_METRICS, difference, past_of, whole_periods
from .digest import digest
from .expiries import expiries
from .facts import Facts, gather
from .fleet_charts import fleet_charts
from .foretelling import foretell
from .host_tracks import HOST_METRICS, NAMED_METRICS
from .hosts import hosts
from .judging import drawn, judging
from .logged import errors, new_errors
from .readiness import readiness
from .recommendations import LOOKED_FOR, RANKING, recommendations
from .rehearsal import rehearse
from .risen_errors import risen_errors
from .servers import servers
from .slo import ledger_of
from .slowness import slowness
from .sources import failing, grafana, series, sources
from .token_costs import token_costs
from .usage import drifts, unused, usage
from .withdrawals import withdrawals

__all__ = [
    "ALARM_DAYS",
    "ANALYSERS",
    "DIFFERENCE_METRICS",
    "ROLLED_UP",
    "Analyser",
    "alarming",
    "difference",
    "digest",
    "finding_observations",
    "past_of",
    "rehearse",
    "report",
    "with_alarms",
]
__all__ = ["ALARM_DAYS", "ANALYSERS", "ROLLED_UP", "Analyser", "alarming", "report", "rolled_up", "with_alarms"]

Observation = Finding | Change | Looming
Analyser = Callable[[Facts], Iterable[Observation]]

ANALYSERS: Final[tuple[Analyser, ...]] = (
    findings.network,
    findings.states,
    findings.contracts,
    offers.pins,
    offers.remarks,
    findings.notes,
    findings.collisions,
    risks.risks,
    risks.found_configurations,
    risks.notes,
    expiries,
    findings.host,
    failing,
    new_errors,
    elsewhere.other_hosts,
    services.services,
    findings.setup,
    patterns.trends,
    patterns.shifts,
    patterns.anomalies,
    patterns.flapping,
    risen_errors,
    unused,
    drifts,
    changes.states,
    changes.comings,
    changes.tools,
    changes.figures,
    withdrawals,
    changes.method,
)

# The metrics whose roll-ups are looked at; reading all that is stored would cost a second.
ROLLED_UP: Final = (*LONG_SERVER_METRICS, *HOST_METRICS, *NAMED_METRICS)


def rolled_up(config: Config) -> tuple[str, ...]:
    """`ROLLED_UP`, and what dashboards show besides."""
    return tuple(dict.fromkeys((*ROLLED_UP, *shown_on_dashboards(config.dashboards))))


def report(
    snapshot: Snapshot,
    snapshot_id: int,
    history: History,
    config: Config,
    steps: tuple[StepReport, ...],
    *,
    analysers: tuple[Analyser, ...] = ANALYSERS,
) -> Report:
    """The report of one snapshot. Same values in, same report out."""
    facts = gather(snapshot, history, config, rollups(history.rollups, rolled_up(config)))
    slow = bottlenecks.bottlenecks(facts, slowness(facts))
    observed = [observation for analyser in analysers for observation in analyser(facts)]
    observed += bottlenecks.findings(facts, slow)
    found = findings.rank([o for o in observed if isinstance(o, Finding)], facts)
    changed = changes.rank([o for o in observed if isinstance(o, Change)], facts)
    foretold = foretell(facts)
    looming = tuple(
        sorted(
            (*foretold.looming, *(o for o in observed if isinstance(o, Looming))),
            key=lambda o: (o.earliest, o.latest, o.what),
        )
    )
    targets = objectives.objectives(facts)
    marks = drawn(facts, found)
    host_reports = hosts(facts, marks, foretold.ahead)
    server_reports = servers(facts, marks, found, foretold.ahead)
    diagram = architecture(facts)
    used = usage(facts)
    ready = readiness(facts)
    costs, token_charts = token_costs(facts)
    own = dashboards(facts)
    start, compared = summary.period(facts)
    due, old = summary.next_due(facts)
    number = history.next_number
    return Report(
        id=f"r-{snapshot.at:%Y%m%dT%H%MZ}-{number}",
        number=number,
        previous=history.previous,
        program_version=snapshot.program_version,
        method_version=METHOD_VERSION,
        fleet=summary.fleet_name(facts),
        edition="internal",
        demo=config.demo,
        zone=config.zone,
        host=snapshot.host,
        site_url=config.site_url,
        at=snapshot.at,
        period_start=start,
        compared_start=compared,
        interval_seconds=facts.run_seconds,
        next_due=due,
        old_after=old,
        coverage=summary.coverage(facts, start),
        verdict=summary.verdict(facts, found),
        tally=summary.tally(facts),
        findings=found,
        changes=changed,
        objectives=targets,
        objectives_note=objectives.note(targets),
        looming=looming,
        empty=summary.empty(
            facts,
            found,
            targets,
            looming,
            tested=sum(1 for _ in changes.samples(facts, facts.now)),
            changes=len(changed),
            foretold=foretold.series,
        ),
        servers=server_reports,
        hosts=host_reports,
        contract=facts.contract,
        architecture=diagram,
        read_on=(
            *summary.read_on(facts, host_reports, diagram, changes=len(changed), ready=ready, slow=slow),
            *(
                ReadOn(one.title, f"dashboards/{one.name}.html", f"For {one.audience}." if one.audience else "")
                for one in own.reports
            ),
        ),
        found=config.found,
        run=RunReport(
            snapshot=snapshot_id,
            at=snapshot.at,
            seconds=snapshot.seconds,
            steps=steps,
            notes=snapshot.notes,
            database_bytes=history.database_bytes,
            snapshots=history.snapshot_count,
            first_snapshot_at=history.first_snapshot_at,
        ),
        previous_run=history.previous_run,
        sources=sources(facts),
        series=series(facts),
        grafana=grafana(facts),
        errors=errors(facts),
        forecasts=foretold.made,
        scores=foretold.scores,
        records=foretold.records,
        judging=judging(facts, found),
        fleet_charts=tuple(fleet_charts(facts, facts.marks)),
        readiness=ready,
        recommendations=recommendations(facts, server_reports),
        token_costs=costs,
        token_charts=token_charts,
        ranking=(RANKING, LOOKED_FOR),
        bottlenecks=bottlenecks.pictured(slow, host_reports, server_reports, snapshot.at),
        usage=used,
        dataflow=dataflow(facts, used),
        by_host=by_host(server_reports),
        ledger=ledger_of(facts),
        compared=whole_periods(facts),
        dashboards=own.reports,
        dashboard_charts=own.charts,
        marks=facts.marks[::-1],
    )
