"""Dashboards of one's own: which servers a panel means, and the charts of what it asks for. Nothing is worked out without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
import pandas as pd

from caelum_report.dashboards import SERVER_FIGURES, STATE, Dashboard, DashboardReport, Panel, PanelReport
from caelum_report.document import Chart, Points, Range
from caelum_report.metrics import METRICS
from caelum_report.nearest import did_you_mean
from caelum_report.patterns import selects
from caelum_report.text import slug, visible

from .charts import bucketed, chart, track_for
from .facts import Facts, Standing
from .fleet_charts import together
from .host_tracks import host_tracks
from .times import DAY, RANGE_SECONDS, unix_of
from .tracks import NOTHING, PERCENTILES, SERVER_METRICS, Rollups, ServerRows, Track, measured, server_rows
from .uptime import STATUSES, incidents

MOST_CHARTS: Final = 12  # of one panel
MOST_ROWS: Final = 200  # of its table
_HOURLY: Final = frozenset({"day", "week", "month"})  # ranges whose servers are put together by the hour


@dataclass(frozen=True, slots=True)
class Dashboards:
    reports: tuple[DashboardReport, ...]
    charts: tuple[Chart, ...]


def dashboards(facts: Facts) -> Dashboards:
    if not facts.config.dashboards:
        return Dashboards((), ())
    rows = server_rows(facts.checks)
    made = [_dashboard(facts, rows, one) for one in facts.config.dashboards]
    return Dashboards(tuple(report for report, _ in made), tuple(chart for _, charts in made for chart in charts))


def rolled_up(wanted: Sequence[Dashboard]) -> tuple[str, ...]:
    """The metrics whose roll-ups the panels need."""
    return tuple(dict.fromkeys(panel.metric for one in wanted for panel in one.panels if panel.metric in METRICS))


def _dashboard(facts: Facts, rows: ServerRows, one: Dashboard) -> tuple[DashboardReport, list[Chart]]:
    charts: list[Chart] = []
    panels: list[PanelReport] = []
    for number, panel in enumerate(one.panels, start=1):
        report, drawn = _panel(facts, rows, panel, cast("Range", one.range))
        own = [replace(each, id=f"{one.name}-{number}-{each.id}") for each in drawn]
        panels.append(replace(report, charts=tuple(each.id for each in own)))
        charts += own
    return DashboardReport(one.name, one.title, one.audience, one.range, tuple(panels), one.pdf), charts


def _panel(facts: Facts, rows: ServerRows, panel: Panel, span: Range) -> tuple[PanelReport, list[Chart]]:
    title = panel.title or _title(panel)
    report = PanelReport(title, panel.metric, panel.kind, source=panel.source)
    if panel.source is not None:
        return replace(report, empty=_no_source(facts, panel)), []
    if panel.metric != STATE and panel.metric not in SERVER_FIGURES:
        charts = list(_of_hosts(facts, panel, span))
        return replace(report, empty="" if charts else f"No {title.lower()} was measured on this host yet."), charts
    meant = sorted(_meant(facts, panel), key=lambda one: (STATUSES.index(one.status), one.name))
    if not meant:
        return replace(report, empty=_nobody(facts, panel)), []
    report = replace(report, servers=tuple(one.id for one in meant[:MOST_ROWS]), rest=max(0, len(meant) - MOST_ROWS))
    if panel.kind in {"states", "heat-map", "distribution"} or panel.metric == STATE:
        return report, []
    if panel.kind == "together":
        return report, [_together(facts, rows, panel.metric, meant, span)]
    tracks = {one.id: _track(facts, rows, one, panel.metric) for one in meant}
    known = [one for one in meant if _measured(facts, tracks[one.id], one, panel.metric)]
    shown = known[: MOST_ROWS if panel.kind == "numbers" else MOST_CHARTS]
    charts = [_line(facts, tracks[one.id], one, panel.metric, span) for one in shown]
    if panel.kind == "numbers":
        charts = [replace(each, points=Points(), ghost=Points()) for each in charts]
    empty = "" if charts else "None of its servers was measured yet."
    return replace(report, rest=len(known) - len(shown), empty=empty), charts


def _title(panel: Panel) -> str:
    if panel.metric == STATE:
        return "Up time" if panel.kind == "numbers" else "States"
    return METRICS[panel.metric].title if panel.source is None else f"{panel.metric.replace('_', ' ').capitalize()}"


# --- who is meant ---------------------------------------------------------------------------------------------------


def _meant(facts: Facts, panel: Panel) -> Iterator[Standing]:
    for one in facts.current:
        group = one.server.group if one.server else None
        if (not panel.servers and not panel.groups) or selects(panel, one.id, group):
            yield one


def _nobody(facts: Facts, panel: Panel) -> str:
    """No server is called X; did you mean Y?"""
    if not facts.current:
        return "No server is configured yet."
    groups = {one.server.group for one in facts.current if one.server and one.server.group}
    for pattern in panel.servers:
        return _did_you_mean(f"No server is called {visible(pattern, 80)}", pattern, [one.id for one in facts.current])
    for pattern in panel.groups:
        return _did_you_mean(f"No group is called {visible(pattern, 80)}", pattern, sorted(groups))
    return "No server is configured yet."


def _did_you_mean(said: str, word: str, names: Sequence[str]) -> str:
    return said + (did_you_mean(word, names) or ".")


def _no_source(facts: Facts, panel: Panel) -> str:
    """Empty where the figure is there: the table of figures is made of `Report.series`."""
    past = facts.history.sources
    names = [source.name for source in facts.config.sources]
    if past is not None and len(past.series):
        rows = past.series[past.series["host"] == facts.snapshot.host]
        mine = rows[rows["source"] == panel.source]
        if (mine["metric"] == panel.metric).any():
            return ""
        if len(mine):
            figures = sorted(set(mine["metric"].astype(str)))
            return _did_you_mean(f"{panel.source} gives no {visible(panel.metric, 80)}", panel.metric, figures)
    if panel.source in names:
        return f"{panel.source} has not given {visible(panel.metric, 80)} yet."
    return _did_you_mean(f"No source is called {visible(str(panel.source), 80)}", str(panel.source), names)


# --- what was measured ----------------------------------------------------------------------------------------------


def _track(facts: Facts, rows: ServerRows, one: Standing, metric: str) -> Track:
    if metric in SERVER_METRICS:
        return rows.of(one.index, metric)
    if metric == "tool_calls":
        return _calls(facts, one)
    place = slice(int(facts.checks.bounds[one.index]), int(facts.checks.bounds[one.index + 1]))
    return measured(facts.checks.time[place], facts.checks.rows[metric].to_numpy(np.float64)[place])


def _calls(facts: Facts, one: Standing) -> Track:
    mine = facts.calls[facts.calls["server"] == one.id]
    if not len(mine):
        return NOTHING
    hours = mine.groupby("hour", sort=True)["calls"].sum().asfreq("h", fill_value=0)  # nobody called: that is known
    return measured(unix_of(pd.DatetimeIndex(hours.index)) + 1800, hours.to_numpy(np.float64))


def _measured(facts: Facts, track: Track, one: Standing, metric: str) -> bool:
    return bool(len(track)) or any(len(facts.rolled.of(level, one.id, metric)) for level in ("hour", "day"))


def _line(facts: Facts, track: Track, one: Standing, metric: str, span: Range) -> Chart:
    latency = metric == "latency"
    made = chart(
        span,
        metric,
        track,
        facts.rolled,
        facts.now,
        subject=one.name,
        key=one.id,
        key_id=one.slug,
        interval=3600.0 if metric == "tool_calls" else facts.intervals[one.id] if facts.run_seconds else 0.0,
        spans=incidents(facts.ledger, one.index, facts.now - RANGE_SECONDS[span], facts.now) if latency else (),
        marks=facts.marks,
        source="real calls" if metric == "tool_calls" else "own probe",
    )
    return replace(made, title=one.name)


def _together(facts: Facts, rows: ServerRows, metric: str, meant: Sequence[Standing], span: Range) -> Chart:
    """The median of the servers in each hour or day, and the band from p5 to p95 of them; of calls their sum."""
    step = 3600.0 if span in _HOURLY else DAY
    since = facts.now - 2 * RANGE_SECONDS[span]
    lines: list[Track] = []
    for one in meant:
        track = track_for(span, _track(facts, rows, one, metric), facts.rolled, one.id, metric).between(
            since, facts.now
        )
        if len(track):
            lines.append(bucketed(track, step, percentiles=metric in PERCENTILES))
    joined = _side_by_side(lines, step, facts.now, added=metric == "tool_calls")
    subject = f"{len(lines)} servers" if len(lines) != 1 else "1 server"
    made = chart(
        span,
        metric,
        joined,
        Rollups({}),
        facts.now,
        subject=subject,
        key_id="together",
        interval=step,
        marks=facts.marks,
        source="real calls, added up" if metric == "tool_calls" else "the median of each server",
    )
    return replace(
        made, title=subject, band="p5–p95 of the servers" if made.band and metric != "tool_calls" else made.band
    )


def _side_by_side(lines: Sequence[Track], step: float, now: float, *, added: bool) -> Track:
    """Calls add up; of anything else the median stands for all."""
    if not lines:
        return NOTHING
    cells = np.unique(np.concatenate([np.floor(line.time / step) for line in lines]))
    values = np.full((len(cells), len(lines)), np.nan)
    for place, line in enumerate(lines):
        values[np.searchsorted(cells, np.floor(line.time / step)), place] = line.mid
    at = np.minimum(cells * step + step / 2, now)
    return measured(at, np.nansum(values, axis=1)) if added else together(at, values)


def _of_hosts(facts: Facts, panel: Panel, span: Range) -> Iterator[Chart]:
    sample = facts.snapshot.host_sample
    if sample is None:
        return
    tracks: Mapping[tuple[str, str], Track] = {(m, s): track for m, s, track in host_tracks(facts.history, sample)}
    for (metric, subject), track in tracks.items():
        if metric == panel.metric:
            shown = visible(subject or sample.host, 60)
            made = chart(
                span,
                metric,
                track,
                facts.rolled,
                facts.now,
                subject=shown,
                key=subject,
                key_id=slug(subject or sample.host),
                interval=facts.run_seconds or 0.0,
                marks=facts.marks,
                source="psutil",
            )
            yield replace(made, points=Points(), ghost=Points()) if panel.kind == "numbers" else made
