"""Dashboards of one's own hold what their panels name, and say what is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from caelum_report import analyse
from caelum_report.dashboards import Dashboard, Panel
from caelum_report.document import Report
from caelum_report.model import Failure

from .past import NOW, config, history, host_sample, hourly, probe, server


def report_of(*panels: Panel, span: str = "day") -> Report:
    fleet = (server("alpha", group="Web"), server("beta", group="Web"), server("gamma", group="Data"))
    probes = (probe("alpha", latency=0.1), probe("beta", latency=0.3), probe("gamma", Failure.CONNECT_ERROR, None))
    snapshots = hourly(30, *probes)
    own = (Dashboard("mine", "Mine", "me", span, panels),)
    return analyse.report(snapshots[-1], 30, history(snapshots), config(*fleet, dashboards=own), ())


def shown(report: Report):
    return report.dashboards[0].panels[0]


def test_without_a_dashboard_nothing_is_worked_out() -> None:
    snapshots = hourly(3, probe())
    report = analyse.report(snapshots[-1], 3, history(snapshots), config(server()), ())
    assert (report.dashboards, report.dashboard_charts) == ((), ())


def test_a_line_for_each_server_that_was_measured() -> None:
    report = report_of(Panel("latency", "line"))
    assert [chart.title for chart in report.dashboard_charts] == ["alpha", "beta"]
    assert shown(report).charts == tuple(chart.id for chart in report.dashboard_charts)
    assert all(chart.points.mid for chart in report.dashboard_charts)


@pytest.mark.parametrize(
    ("panel", "servers"),
    [
        (Panel("state", "states"), ("gamma", "alpha", "beta")),  # worst first
        (Panel("state", "numbers", groups=("Web",)), ("alpha", "beta")),
        (Panel("state", "heat-map", servers=("a*",), groups=("Data",)), ("gamma", "alpha")),
    ],
)
def test_servers_are_meant_by_name_or_group(panel: Panel, servers: tuple[str, ...]) -> None:
    assert shown(report_of(panel)).servers == servers


def test_together_is_the_median_of_the_servers() -> None:
    (chart,) = report_of(Panel("latency", "together", groups=("Web",))).dashboard_charts
    assert set(chart.points.mid) == {0.2}
    assert chart.subject == "2 servers"


def test_numbers_carry_figures_and_no_points() -> None:
    report = report_of(Panel("latency", "numbers"))
    assert [chart.stats[0].value for chart in report.dashboard_charts] == [0.1, 0.3]
    assert all(not chart.points.at for chart in report.dashboard_charts)


def test_a_name_that_nobody_has_leaves_a_sentence() -> None:
    assert shown(report_of(Panel("rss", "line", servers=("alpah",)))).empty == (
        "No server is called alpah; did you mean alpha?"
    )
    assert shown(report_of(Panel("rss", "line", groups=("Wbe",)))).empty == "No group is called Wbe; did you mean Web?"


def test_what_was_never_measured_says_so() -> None:
    assert shown(report_of(Panel("latency", "line", servers=("gamma",)))).empty == (
        "None of its servers was measured yet."
    )
    assert shown(report_of(Panel("queue", "numbers", source="jobs"))).empty == "No source is called jobs."


def test_the_host_has_its_lines() -> None:
    snapshots = [*hourly(3, probe())]
    snapshots = [type(s)(**{f: getattr(s, f) for f in s.__slots__} | {"host_sample": host_sample()}) for s in snapshots]
    own = (Dashboard("mine", "Mine", "", "day", (Panel("host_memory", "line"), Panel("disk_used", "line"))),)
    report = analyse.report(snapshots[-1], 3, history(snapshots), config(server(), dashboards=own), ())
    assert {chart.metric for chart in report.dashboard_charts} == {"host_memory", "disk_used"}
    assert report.dashboard_charts[0].end == NOW
    assert report.dashboard_charts[0].start == NOW - timedelta(days=1)


def test_it_stands_under_read_on() -> None:
    report = report_of(Panel("state", "states"))
    assert ("Mine", "dashboards/mine.html", "For me.") in [(o.title, o.page, o.fact) for o in report.read_on]
