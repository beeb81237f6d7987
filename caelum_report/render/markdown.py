"""Page 1 and the fleet as Markdown, for people and agents who read text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from caelum_report import words
from caelum_report.document import Finding, Report, ServerReport, Uptime

from .marks import WORDS, up_share

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~$!])|^([-+=]|\d+[.)])", re.MULTILINE)


def markdown(report: Report) -> bytes:
    return ("\n".join(_lines(report)).rstrip() + "\n").encode()


def text(words_of_others: str) -> str:
    """Inline text, whose own marks mean nothing; one line."""
    flat = " ".join(words_of_others.split()).replace("&", "&amp;")
    return _SPECIAL.sub(lambda match: f"\\{match.group()}", flat)


def _lines(report: Report) -> Iterable[str]:
    """Page 1 in its order, blank lines between the blocks."""
    for block in (_title, _needs_action, _changed, _objectives, _looming, _recommended, _fleet):
        yield from block(report)
        yield ""
    yield f"Report {text(report.id)}, made by caelum-report {text(report.program_version)}."


def _title(report: Report) -> Iterable[str]:
    now, zone = report.at, report.zone
    yield f"# {text(report.verdict.sentence)}"
    yield ""
    if report.demo:
        yield "*Demonstration: these servers and their history are simulated.*"
        yield ""
    yield text(report.verdict.lede)
    yield ""
    data_to = f"{words.full_date(now, zone)}, {words.clock(now, zone)} ({words.offset(now, zone)})"
    yield (
        f"{text(report.fleet)}, report #{report.number}. Data to {data_to}. {_next(report)} "
        f"Coverage: {text(report.coverage.sentence)}."
    )


def _needs_action(report: Report) -> Iterable[str]:
    yield from _heading("Needs action")
    actions = [finding for finding in report.findings if finding.needs_action]
    for finding in actions:
        yield from _finding(finding, report)
    if not actions:
        yield text(report.empty.needs_action or "Nothing.")


def _changed(report: Report) -> Iterable[str]:
    yield from _heading(f"Changed since #{report.previous.number}" if report.previous else "Changed")
    if not report.changes:
        yield text(report.empty.changes or "Nothing that stands out from chance.")
        return
    names = {server.id: server.name for server in report.servers}
    yield from _table(
        ("Change", "Server", "What", "Before → now", "Evidence"),
        (
            (
                change.direction.capitalize(),
                ", ".join(names.get(server, server) for server in change.servers) or "this report",
                change.what,
                f"{change.before} → {change.after}{words.appended(change.detail)}",
                change.evidence,
            )
            for change in report.changes
        ),
    )


def _objectives(report: Report) -> Iterable[str]:
    yield from _heading("SLO and budget")
    if not report.objectives:
        yield text(report.empty.objectives or "No objective is set.")
        return
    yield from _table(
        ("Objective", "Target", "Last 30 days", "Budget left", "Burn, 24 h", "Spent by"),
        (
            (
                objective.name,
                words.percent(objective.target, 1),
                words.percent(objective.achieved),
                words.percent(objective.budget_left, 0),
                words.NOTHING if objective.burn_24h is None else f"{objective.burn_24h:.1f}×",
                objective.spent_by,
            )
            for objective in report.objectives
        ),
    )
    yield ""
    yield text(report.objectives_note)


def _looming(report: Report) -> Iterable[str]:
    yield from _heading("Looming")
    for item in report.looming:
        yield f"- {text(item.what)}: {text(item.when)} ({text(item.record)})"
    if not report.looming:
        yield text(report.empty.looming or "Nothing within 30 days.")


def _recommended(report: Report) -> Iterable[str]:
    yield from _heading("Worth doing")
    for item in report.recommendations:
        yield f"- {text(item.title)} {text(item.gain[:1].upper() + item.gain[1:])}. {text(item.evidence)}"
        if item.command:
            yield f"  {_command(item.command)}"
    if not report.recommendations:
        yield "Nothing to recommend."


def _fleet(report: Report) -> Iterable[str]:
    yield from _heading("Fleet, worst first")
    yield from _table(
        ("Server", "State", "Why, since", "Up, 30 days", "p95, 24 h", "Tools", "Group"),
        (
            (
                server.name,
                WORDS[server.status],
                server.why,
                up_share(_month(server)),
                words.seconds(server.latency_day.p95 if server.latency_day else None),
                str(len(server.tools)),
                server.group or "",
            )
            for server in report.servers
            if not server.retired
        ),
    )


def _heading(words_of_ours: str) -> Iterable[str]:
    yield f"## {words_of_ours}"
    yield ""


def _next(report: Report) -> str:
    if report.next_due is None:
        return "Not scheduled."
    return f"Next due {words.moment(report.next_due, report.at, report.zone)}."


def _month(server: ServerReport) -> Uptime | None:
    return next((uptime for uptime in server.uptime if uptime.range == "month"), None)


def _finding(finding: Finding, report: Report) -> Iterable[str]:
    yield f"### {text(finding.title)}"
    yield ""
    facts = [f"**{text(finding.word)}**" if finding.word else ""]
    if finding.since:
        facts.append(words.since(finding.since, report.at, report.zone))
    facts += [text(finding.owner or ""), text(finding.evidence)]
    if finding.chance is not None:
        facts.append(words.chance(finding.chance))
    yield " · ".join(fact for fact in facts if fact)
    yield ""
    for label, value in (("Impact", finding.impact), ("Likely cause", finding.cause), ("Do next", finding.advice)):
        if value:
            yield f"- {label}: {text(value)}"
    if finding.command:
        yield f"- {_command(finding.command)}"
    yield ""


def _command(command: str) -> str:
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", command)), default=0))
    return f"Command: {fence} {command} {fence}" if len(fence) > 1 else f"Command: `{command}`"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(text(cell) for cell in row)} |"
