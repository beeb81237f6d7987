"""[[dashboard]] as pydantic checks it, what no single key of it shows, and what it means for a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from caelum_report.dashboards import PANEL_METRICS, Dashboard, Panel, PanelKind, kinds_of
from caelum_report.nearest import nearest
from caelum_report.text import slug, visible

from .fields import Table, Text
from .places import Keys, Mistake


def _page_name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9-]{1,40}", value) or slug(value) != value:
        raise ValueError("the name of its page in small letters, digits and hyphens, such as operations")
    return value


def _one_of(known: Sequence[str]) -> BeforeValidator:
    """A word among a few; pydantic's own message about a Literal has no hint."""

    def word(value: object) -> str:
        if value in known:
            return str(value)
        near = nearest(str(value), known)
        raise ValueError(f"one of {', '.join(known)}{f'; did you mean `{near}`?' if near else ''}")

    return BeforeValidator(word)


ChartWord = Annotated[PanelKind, _one_of(get_args(PanelKind))]
RangeName = Literal["day", "week", "month", "quarter", "year"]
RangeWord = Annotated[RangeName, _one_of(get_args(RangeName))]


class PanelTable(Table):
    metric: Text = Field(description='what it shows: "state", one of the metrics below, or a figure of `source`')
    chart: ChartWord | None = Field(
        default=None,
        description="line (one a subject), together (the median of the servers), states, heat-map, distribution or numbers",
    )
    title: Text | None = Field(default=None, description="its heading; without it, the metric's")
    servers: list[Text] = Field(default_factory=list, description="patterns of servers' names")
    groups: list[Text] = Field(default_factory=list, description="patterns of servers' groups; with neither: all")
    source: Text | None = Field(default=None, description="the name of the source that gives the metric")


class DashboardTable(Table):
    name: Annotated[str, BeforeValidator(_page_name)] = Field(description="of its page: dashboards/NAME.html")
    title: Text = Field(description="its heading")
    audience: Text | None = Field(default=None, description="whom it is for, after the word “For”")
    range: RangeWord = Field(default="week", description="how far back it looks: day, week, month, quarter or year")
    pdf: bool = Field(default=False, description="it stands in report.pdf too")
    panel: list[PanelTable] = Field(min_length=1, description="what it shows, in this order")


# --- what no single key shows ---------------------------------------------------------------------------------------


def wrong_dashboard(dashboard: DashboardTable, at: Keys) -> Iterator[Mistake]:
    for number, panel in enumerate(dashboard.panel):
        yield from _wrong_panel(panel, (*at, "panel", number))


def _wrong_panel(panel: PanelTable, at: Keys) -> Iterator[Mistake]:
    if panel.source is None and panel.metric not in PANEL_METRICS:
        near = nearest(panel.metric, PANEL_METRICS)
        hint = f"did you mean `{near}`?" if near else "or `source` beside it"
        yield (*at, "metric"), f"expected `state` or a metric; {hint}"
        return
    possible = kinds_of(panel.metric, panel.source)
    if panel.chart is not None and panel.chart not in possible:
        what = "a figure of a source" if panel.source else f"`{panel.metric}`"
        yield (*at, "chart"), f"expected {' or '.join(possible)} for {what}"


# --- what they mean -------------------------------------------------------------------------------------------------


def dashboards(blocks: Iterable[DashboardTable]) -> tuple[Dashboard, ...]:
    return tuple(
        Dashboard(
            name=block.name,
            title=visible(block.title, 80),
            audience=visible(block.audience or "", 200).rstrip("."),
            range=block.range,
            panels=tuple(_panel(panel) for panel in block.panel),
            pdf=block.pdf,
        )
        for block in blocks
    )


def _panel(panel: PanelTable) -> Panel:
    return Panel(
        metric=panel.metric,
        kind=panel.chart or kinds_of(panel.metric, panel.source)[0],
        title=visible(panel.title or "", 80),
        servers=tuple(panel.servers),
        groups=tuple(panel.groups),
        source=panel.source,
    )


def written(one: Dashboard) -> Iterator[str]:
    """As caelum.toml has it."""
    yield "[[dashboard]]"
    for key in ("name", "title", "audience", "range", "pdf"):
        yield f"{key} = {json.dumps(getattr(one, key), ensure_ascii=False)}"
    for panel in one.panels:
        yield "[[dashboard.panel]]"
        said = {
            "metric": panel.metric,
            "chart": panel.kind,
            "title": panel.title,
            "source": panel.source,
            "servers": list(panel.servers),
            "groups": list(panel.groups),
        }
        yield from (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in said.items() if value)
