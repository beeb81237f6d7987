"""The ladder of the probe that saw an incident first, beside what its server usually takes."""

from __future__ import annotations

import numpy as np

from caelum_report.document import ProbeReport, ServerReport
from caelum_report.model import STAGES, Probe

from .latency import USUAL_LEAST, stages


def probe_report(probe: Probe, server: ServerReport) -> ProbeReport:
    """The usual times are today's: those of that day may be gone."""
    usual = {stage.name: stage.usual_seconds for stage in server.stages}
    known = np.array([np.nan if usual.get(name) is None else usual[name] for name in STAGES], np.float64)
    counts = np.where(np.isnan(known), 0, USUAL_LEAST)
    return ProbeReport(
        at=probe.started_at,
        status=probe.status,
        failure=probe.failure,
        stage=probe.stage,
        reason=probe.reason,
        stages=stages(probe.stages, known, counts),
        timing_method=probe.timing_method,
    )
