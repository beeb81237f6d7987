"""The rules that hold without any configuration. A `[[rule]]` of the same name takes the place of one."""

from __future__ import annotations

from typing import Final

from caelum_report.alerting import Hold, Rule, Severity
from caelum_report.model import Status

TWICE: Final = Hold(checks=2)

# `down` fires at the first failed check: the probe itself looks twice before it says so.
DEFAULT_RULES: Final = (
    Rule("network", "network", recover=TWICE, severity=Severity.CRITICAL, built_in=True),
    Rule("down", "state", states=(Status.DOWN,), recover=TWICE, severity=Severity.CRITICAL, built_in=True),
    Rule("key-refused", "state", states=(Status.AUTH_WALLED,), hold=TWICE, recover=TWICE, built_in=True),
    Rule("degraded", "state", states=(Status.DEGRADED,), hold=Hold(checks=3), recover=TWICE, built_in=True),
    Rule(
        "host-memory", "threshold", metric="host_memory", above=92, clear=88, hold=Hold(3), recover=TWICE, built_in=True
    ),
    Rule("disk", "threshold", metric="disk_used", above=92, clear=90, hold=TWICE, recover=TWICE, built_in=True),
    Rule(
        "disk-full-soon", "forecast", metric="disk_used", above=97, within_seconds=3 * 86_400, recover=TWICE,
        built_in=True,
    ),
    Rule(
        "memory-full-soon", "forecast", metric="host_memory", above=97, within_seconds=2 * 86_400, recover=TWICE,
        built_in=True,
    ),
    Rule("contract", "finding", finding="contract", severity=Severity.INFO, built_in=True),
)  # fmt: skip
