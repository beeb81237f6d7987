"""The order of findings: what needs somebody first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from caelum_report.document import Finding

from .facts import Facts
from .uptime import STATUSES

_KINDS: Final = ("state", "host", "security", "contract", "latency", "capability", "configuration", "setup")


def ranked(findings: Sequence[Finding], facts: Facts) -> tuple[Finding, ...]:
    """Those that need action first; then by state, by how many others suffer, by kind, the latest first."""
    suffering: dict[str, int] = defaultdict(int)
    for root in facts.roots.values():
        suffering[root] += 1

    def key(finding: Finding) -> tuple[object, ...]:
        return (
            not finding.needs_action,
            finding.word == "Looming",  # has its own part of page 1
            _KINDS.index(finding.kind) if finding.kind in _KINDS else len(_KINDS),
            STATUSES.index(finding.status) if finding.status else len(STATUSES),
            -suffering[finding.server or ""],
            -(finding.since.timestamp() if finding.since else 0.0),
            finding.title,
            finding.id,
        )

    return tuple(sorted(findings, key=key))
