"""Analyse: one snapshot and its history become the `Report`, complete, before anybody prints it. Pure; no clock, no I/O.

`ANALYSERS` is the seam: each takes the `Facts` and yields what it found, a `Finding`, a `Change` or something `Looming`.
One more analyser is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from caelum_report.configured import Config
from caelum_report.document import Change, Finding, Looming, Report, StepReport
from caelum_report.history import History
from caelum_report.model import Snapshot

from . import (
    bottlenecks,
    changes,
    contracts,
    elsewhere,
    hazards,
    offers,
    patterns,
    risks,
    services,
    states,
)
from .alarming import alarming, finding_observations
from .alarms import DAYS as ALARM_DAYS
from .alarms import with_alarms
from .dashboards import rolled_up as shown_on_dashboards
from .difference import DIFFERENCE_METRICS, difference, past_of
from .digest import digest
from .digest_readers import for_readers as digest_for_readers
from .expiries import expiries
from .facts import Facts, gather
from .first_steps import setup
from .foretelling import foretell
from .fullness import fullness
from .host_tracks import HOST_METRICS, NAMED_METRICS
from .logged import new_errors
from .placing import Seen, placed
from .ranking import ranked
from .rehearsal import rehearse
from .risen_errors import risen_errors
from .slowness import slowness
from .sources import failing
from .tracks import LONG_SERVER_METRICS, rollups
from .usage import drifts, unused
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
    "digest_for_readers",
    "finding_observations",
    "past_of",
    "rehearse",
    "report",
    "rolled_up",
    "with_alarms",
]

Observation = Finding | Change | Looming
Analyser = Callable[[Facts], Iterable[Observation]]

ANALYSERS: Final[tuple[Analyser, ...]] = (
    states.network,
    states.states,
    contracts.contracts,
    offers.pins,
    offers.remarks,
    hazards.notes,
    hazards.collisions,
    risks.risks,
    risks.found_configurations,
    risks.notes,
    expiries,
    fullness,
    failing,
    new_errors,
    elsewhere.other_hosts,
    services.services,
    setup,
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
    facts = gather(snapshot, history, config, rollups(history, rolled_up(config)))
    return placed(facts, _seen(facts, analysers), snapshot_id, steps)


def _seen(facts: Facts, analysers: Iterable[Analyser]) -> Seen:
    """All observations, each sort in its order."""
    slow = bottlenecks.bottlenecks(facts, slowness(facts))
    foretold = foretell(facts)
    observed = [observation for analyser in analysers for observation in analyser(facts)]
    observed += (*bottlenecks.findings(facts, slow), *foretold.looming)
    return Seen(
        findings=ranked([o for o in observed if isinstance(o, Finding)], facts),
        changes=changes.rank([o for o in observed if isinstance(o, Change)], facts),
        looming=tuple(
            sorted((o for o in observed if isinstance(o, Looming)), key=lambda o: (o.earliest, o.latest, o.what))
        ),
        slow=slow,
        foretold=foretold,
    )
