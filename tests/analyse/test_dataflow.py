"""The data flow says what is measured, of whom, and when it last went well; what is not measured is not drawn."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from caelum_report.analyse import report
from caelum_report.document import Report

from . import past
from .test_usage import rows

NOW = past.NOW
HOUR = timedelta(hours=1)


def reported(usage: pd.DataFrame) -> Report:
    servers = [past.server("alpha", group="Work"), past.server("beta")]
    course = past.hourly(48, past.probe("alpha"), past.probe("beta"))
    return report(course[-1], 48, past.history(course, usage=usage), past.config(*servers), ())


def test_without_a_measured_call_there_is_no_flow() -> None:
    assert reported(rows()).dataflow is None


def test_a_flow_leads_from_who_calls_to_the_server_and_its_tools() -> None:
    told = reported(
        pd.concat([
            rows((30, "alpha", "read", "tap", [1.0] * 9), (5, "alpha", "write", "tap", [2.0])),
            rows((2, "alpha", "read", "tap", [1.0, 1.0]), errors=2),
            rows((3, "gone", "x", "claude-code", [1.0])),
        ])
    )  # fmt: skip
    found = told.dataflow
    assert found is not None
    assert [node.id for node in found.nodes] == [
        "caller:claude-code", "caller:tap", "server:alpha", "server:gone",
        "tool:alpha/read", "tool:alpha/write", "tool:gone/x",
    ]  # fmt: skip
    flow = next(edge.flow for edge in found.edges if edge.target == "server:alpha")
    assert flow is not None
    assert (flow.calls, flow.errors) == (12, 2)
    # the calls of two hours ago all failed
    assert flow.succeeded_at == (NOW - 5 * HOUR).replace(minute=0, second=0, microsecond=0)
    alpha = next(node for node in found.nodes if node.id == "server:alpha")
    assert (alpha.status, alpha.group, alpha.page) == ("up", "Work", "servers/alpha.html#usage")
    assert alpha.lines[0].startswith("12 calls, 2 failed, 16.7")
    unknown = next(node for node in found.nodes if node.id == "server:gone")
    assert (unknown.status, unknown.page) == (None, None)
