"""Page 1: verdict, what needs action, what changed, objectives, what looms, then the fleet, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.document import ReadOn, Recommendation, Report, ServerReport, Uptime
from caelum_report.model import Status
from caelum_report.render import charts, marks
from caelum_report.render.ladder import ladder

from .view import STRIP_DAYS, Block, Page, View, all_well, changed_heading, current, next_due, uptime_of

SHOWN_FINDINGS: Final = 5
SHOWN_CHANGES: Final = 7
SHOWN_OBJECTIVES: Final = 3
SHOWN_LOOMING: Final = 3
SHOWN_RECOMMENDATIONS: Final = 3
UNSTEADY_DAYS: Final = 7


def page(report: Report) -> Page:
    return Page("index.html", _headline(report), _blocks(report))


def _blocks(report: Report) -> tuple[tuple[str, Block], ...]:
    few = len(report.servers) < 3
    large = len(report.servers) >= marks.SEGMENTS_FROM
    well = all_well(report) and not few and not large
    return (
        ("index/verdict.html", _verdict),
        ("index/needs_action.html", _needs_action),
        ("index/changed.html", _changed),
        ("index/objectives.html", _objectives),
        ("index/looming.html", _looming),
        *((("index/ladders.html", _ladders), ("index/host.html", _this_host)) if few else ()),
        *((("index/roll.html", _roll),) if well else ()),
        *((("index/fleet.html", _fleet),) if not few and not well else ()),
        ("index/recommended.html", _recommended),
        ("index/read_on.html", _read_on),
    )


def placed(view: View) -> dict[str, dict[str, Any]]:
    """What each part of page 1 places, by the name of its template: paper, the mail and Markdown place the same."""
    parts = ((template, build(view)) for template, build in _blocks(view.report))
    return {template.removeprefix("index/").removesuffix(".html"): values for template, values in parts if values}


def _headline(report: Report) -> str:
    """For the browser's tab: 1 down, 3 degraded"""
    bad = [entry for entry in report.tally if entry[0] is not Status.UP]
    return marks.tally_text(bad[:2] or report.tally) or "No servers"


def _verdict(view: View) -> dict[str, Any]:
    report = view.report
    return {
        "period": _period(report),
        "next_due": next_due(report),
        "skyline": marks.skyline(report.tally) if len(report.servers) >= 3 else None,
        "tally": () if all_well(report) else [_tally(report, status, number) for status, number in report.tally],
    }


def _tally(report: Report, status: Status, number: int) -> tuple[Status, str, str]:
    """A state, its count in words, and the anchor of the first such row of the fleet table."""
    there = any(server.status is status for server in listed(report))
    return status, f"{words.count(number)} {marks.TALLY_WORDS[status]}", f"fleet-{status}" if there else "fleet"


def _period(report: Report) -> str:
    """13:00–14:00, after 12:00–13:00; within a minute 8 s to 14:00; over midnight 24 h to 14:00, after the 24 h before"""
    zone, start, end = report.zone, report.period_start, report.at
    if start >= end:
        return f"one snapshot, {words.clock(end, zone)}"
    now = words.moment(start, end, zone)
    if now == words.clock(end, zone):
        return f"{words.duration((end - start).total_seconds())} to {now}"
    earlier = report.compared_start or start
    if words.local(earlier, zone).date() == words.local(end, zone).date():
        before = words.clock(earlier, zone)
        return f"{now}–{words.clock(end, zone)}" + (f", after {before}–{now}" if before != now else "")
    length, past = ((b - a).total_seconds() for a, b in ((start, end), (earlier, start)))
    compared = f", after the {words.duration(past)} before" if past else ""
    return f"{words.duration(length)} to {words.clock(end, zone)}{compared}"


def _needs_action(view: View) -> dict[str, Any]:
    findings = [finding for finding in view.report.findings if finding.needs_action]
    shown = findings[:SHOWN_FINDINGS]
    setup = bool(shown) and all(finding.kind == "setup" for finding in shown)
    steps = f"{words.plural(len(findings), 'step')} to a full report"
    return {
        "findings": shown,
        "note": steps
        if setup
        else f"{len(findings)} need action, worst first"
        if len(findings) > 1
        else "1 needs action",
        "others": _others(len(findings) - len(shown), len(view.report.findings) - len(findings)),
    }


def _others(urgent: int, rest: int) -> str:
    """What page 1 leaves out, so that it adds up to how many it says need action."""
    more = [f"{words.count(urgent)} more that {'needs' if urgent == 1 else 'need'} action"] if urgent else []
    return words.listing([*more, words.plural(rest, "more finding")] if rest else more)


def _changed(view: View) -> dict[str, Any]:
    changes = view.report.changes
    rest = len(changes) - SHOWN_CHANGES
    return {
        "changes": changes[:SHOWN_CHANGES],
        "heading": changed_heading(view.report),
        "rest": words.plural(rest, "smaller change") if rest > 0 else "",
    }


def _objectives(view: View) -> dict[str, Any]:
    objectives = view.report.objectives
    quiet = ""
    if objectives and all_well(view.report):
        met = sum(one.is_met for one in objectives)
        left = objectives[0].budget_left
        share = words.percent(left, 0) if left is not None and left > 0 else "nothing"
        least = f" Least left: {objectives[0].name}, {share} of its budget." if left is not None else ""
        quiet = f"{words.count(met)} of {words.count(len(objectives))} met.{least}"
    if objectives and all(o.budget_left is None for o in objectives):
        quiet = f"{words.plural(len(objectives), 'objective')}, too little data yet: figures begin after 24 hours."
    rest = objectives[SHOWN_OBJECTIVES:]
    known = [o.budget_left for o in rest if o.budget_left is not None]
    more = f"{words.plural(len(rest), 'more objective')}" if rest else ""
    if spent := sum(left <= 0 for left in known):
        more += f", {words.count(spent)} of them without budget left"
    elif known:
        more += f", at least {words.percent(min(known), 0)} of the budget left"
    return {
        "objectives": [
            (o, marks.budget_bar(o.budget_left), _left(o.budget_left)) for o in objectives[:SHOWN_OBJECTIVES]
        ],
        "quiet": quiet,
        "rest": more,
    }


def _left(share: float | None) -> str:
    if share is None:
        return words.NOTHING
    return "none" if share <= 0 else words.percent(share, 0)


def _looming(view: View) -> dict[str, Any]:
    report = view.report
    shown = report.looming[:SHOWN_LOOMING]
    later = len(report.looming) - len(shown)
    return {
        "looming": [(item, marks.thirty_days(report.at, item.earliest, item.latest)) for item in shown],
        "quiet": all_well(report),
        "rest": f"{words.count(later)} later" if later else "",
    }


@dataclass(frozen=True, slots=True)
class Row:
    """A server's line in the fleet table."""

    server: ServerReport
    anchor: str  # of the first server in its state
    strip: Markup
    spark: Markup
    month: Uptime | None


def _rows(view: View, servers: Iterable[ServerReport], *, spark: bool = True) -> list[Row]:
    rows: list[Row] = []
    seen: set[Status] = set()
    for server in servers:
        first = server.status not in seen
        seen.add(server.status)
        days = server.strip[-STRIP_DAYS:]
        rows.append(
            Row(
                server,
                f"fleet-{server.status}" if first else "",
                marks.strip(days, marks.strip_label(days)),
                _spark(view, server) if spark else Markup(""),
                uptime_of(server, "month"),
            )
        )
    return rows


def _spark(view: View, server: ServerReport) -> Markup:
    end = view.report.at
    start = end.timestamp() - 86_400
    return Markup(charts.spark(server.spark, int(start), int(end.timestamp()), 90, 20, "css"))  # noqa: S704  our own SVG


def listed(report: Report) -> list[ServerReport]:
    """The rows of the fleet table, worst first; of a large fleet only those in trouble or lately unsteady."""
    servers = current(report)
    if len(servers) < marks.SEGMENTS_FROM:
        return servers
    trouble = [server for server in servers if server.status is not Status.UP or _unsteady(server)]
    return trouble[: marks.SEGMENTS_FROM - 1]


def _fleet(view: View) -> dict[str, Any]:
    """The table, and of a large fleet a line a group for all the others."""
    servers = current(view.report)
    shown = listed(view.report)
    others = [(group, members, _steady(members)) for group, members in groups(view.report, shown)]
    return {
        "rows": _rows(view, shown),
        "groups": others,
        "servers": servers,
        "several_hosts": len({server.host for server in servers}) > 1,
        "grouped": any(server.group for server in shown),
    }


def groups(report: Report, shown: Sequence[ServerReport]) -> list[tuple[str, list[ServerReport]]]:
    """The servers that the table leaves out, by group."""
    in_table = {server.id for server in shown}
    rest: dict[str, list[ServerReport]] = {}
    for server in current(report):
        if server.id not in in_table:
            rest.setdefault(server.group or "No group", []).append(server)
    return sorted(rest.items())


def _steady(members: Sequence[ServerReport]) -> str:
    """110 servers, up and steady; or, where the table was full, how many of them are not."""
    trouble = sum(server.status is not Status.UP for server in members)
    return f"{words.plural(len(members), 'server')}, {f'{trouble} not up' if trouble else 'up and steady'}"


def _unsteady(server: ServerReport) -> bool:
    return any(day.status in (Status.DOWN, Status.DEGRADED) for day in server.strip[-UNSTEADY_DAYS:])


def _roll(view: View) -> dict[str, Any]:
    return {"rows": _rows(view, current(view.report), spark=False)}


def _ladders(view: View) -> dict[str, Any]:
    servers = current(view.report)
    return {"servers": [(server, ladder(server)) for server in servers], "note": words.plural(len(servers), "server")}


def _this_host(view: View) -> dict[str, Any] | None:
    return {"host": view.report.hosts[0]} if view.report.hosts else None


def _recommended(view: View) -> dict[str, Any] | None:
    found = view.report.recommendations
    if not found:
        return None
    rest = len(found) - SHOWN_RECOMMENDATIONS
    return {
        "shown": recommended(view.report),
        "rest": words.plural(rest, "more", "more") if rest > 0 else "",
        "quiet": all_well(view.report),
    }


def recommended(report: Report) -> tuple[Recommendation, ...]:
    return report.recommendations[: 1 if all_well(report) else SHOWN_RECOMMENDATIONS]


def _read_on(view: View) -> dict[str, Any]:
    return {"items": leading_on(view)}


def leading_on(view: View) -> list[ReadOn]:
    """What leads to a page that this site has."""
    return [item for item in view.report.read_on if view.address(item.page)]
