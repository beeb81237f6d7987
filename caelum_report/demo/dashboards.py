"""Two dashboards, as an operator and a manager of the demonstration would write them."""

from __future__ import annotations

from typing import Final

from caelum_report.dashboards import Dashboard, Panel

DASHBOARDS: Final = (
    Dashboard(
        name="operations",
        title="Operations",
        audience="whoever is on duty",
        range="day",
        panels=(
            Panel("state", "states", "The platform", groups=("Platform",)),
            Panel("latency", "line", "Answer time of the models and what calls them", groups=("Models", "Work")),
            Panel("host_memory", "line"),
            Panel("host_swap", "line"),
            Panel("disk_used", "line"),
            Panel("start", "numbers", "Test starts"),
        ),
    ),
    Dashboard(
        name="management",
        title="Service in a month",
        audience="the monthly review",
        range="month",
        panels=(
            Panel("state", "numbers", "Up time of every server"),
            Panel("latency", "together", "How fast the fleet answers"),
            Panel("state", "heat-map", "Every day of every server"),
            Panel("tool_calls", "together", "How much it is used"),
        ),
        pdf=True,
    ),
)
