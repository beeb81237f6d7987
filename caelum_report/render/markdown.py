"""Page 1 and the fleet as Markdown, for people and agents who read text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from caelum_report import words
from caelum_report.document import Finding, ReadOn, Report
from caelum_report.editions import INTERNAL

from .placed import about, names_of, parts_of, why

Part = dict[str, Any]  # what page 1 places

_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>|#~$!]|^[-+=]")
_NUMBERED: Final = re.compile(r"^(\d+)([.)])(?=\s|$)")  # no figure: 99.5 % is none


def markdown(report: Report) -> bytes:
    return ("\n".join(_lines(report)).rstrip() + "\n").encode()


def text(words_of_others: str) -> str:
    """Inline text, whose own marks mean nothing; one line."""
    flat = " ".join(words_of_others.split()).replace("&", "&amp;")
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(lambda match: f"\\{match.group()}", flat))


def _lines(report: Report) -> Iterable[str]:
    """Page 1 in its order, blank lines between the blocks."""
    _, parts = parts_of(report)
    blocks = (
        _title(report, parts["verdict"]),
        _needs_action(report, parts["needs_action"]),
        _changed(report, parts["changed"]),
        _objectives(report, parts["objectives"]),
        _looming(report, parts["looming"]),
        _recommended(report) if report.edition == INTERNAL else (),
        _fleet(parts, internal=report.edition == INTERNAL),
        _read_on(parts["items"]),
    )
    for block in blocks:
        yield from block
        yield ""
    purged = ""
    if report.purged:
        purged = f" Words were taken out of it on {words.full_date(report.purged.at, report.zone)}."
    yield f"Report {text(report.id)}, made by caelum-report {text(report.program_version)}.{purged}"


def _title(report: Report, part: Part) -> Iterable[str]:
    now, zone = report.at, report.zone
    yield f"# {text(report.verdict.sentence)}"
    yield ""
    if report.demo:
        yield "*Demonstration: these servers and their history are simulated.*"
        yield ""
    yield text(report.verdict.lede)
    yield ""
    if part["tally"]:
        yield ", ".join(said for _, said, _ in part["tally"]) + "."
        yield ""
    data_to = f"{words.full_date(now, zone)}, {words.clock(now, zone)} ({words.offset(now, zone)})"
    yield (
        f"{text(report.fleet)}, report #{report.number}. Period {part['period']}. Data to {data_to}. "
        f"Next due {part['next_due']}. Coverage: {text(report.coverage.sentence)}."
    )


def _needs_action(report: Report, part: Part) -> Iterable[str]:
    yield from _heading("Needs action")
    for finding in part["findings"]:
        yield from _finding(finding, report)
    if not part["findings"]:
        yield text(report.empty.needs_action or "Nothing.")
    if part["others"]:
        yield f"{part['others']} in findings.json."


def _changed(report: Report, part: Part) -> Iterable[str]:
    yield from _heading(part["heading"])
    if not part["changes"]:
        yield text(report.empty.changes or "Nothing that stands out from chance.")
        return
    yield from _table(
        ("Change", "Server", "What", "Before → now", "Evidence"),
        (
            (
                words.direction(change.direction, change.servers),
                names_of(change, report),
                change.what,
                f"{change.before} → {change.after}{words.appended(change.detail)}",
                change.evidence,
            )
            for change in part["changes"]
        ),
    )
    if part["rest"]:
        yield ""
        yield f"{part['rest']} on the site."


def _objectives(report: Report, part: Part) -> Iterable[str]:
    yield from _heading("SLO and budget")
    if part["quiet"] or not part["objectives"]:
        yield text(part["quiet"] or report.empty.objectives or "No objective is set.")
        return
    yield from _table(
        ("Objective", "Target", "Last 30 days", "Budget left", "Burn, 24 h", "Spent by"),
        (
            (
                objective.name,
                words.percent(objective.target, 1),
                words.percent(objective.achieved),
                left,
                words.NOTHING if objective.burn_24h is None else f"{objective.burn_24h:.1f}×",
                objective.spent_by,
            )
            for objective, _, left in part["objectives"]
        ),
    )
    yield ""
    yield text(". ".join(filter(None, (report.objectives_note.rstrip("."), part["rest"]))) + ".")


def _looming(report: Report, part: Part) -> Iterable[str]:
    yield from _heading("Looming")
    for item, _ in part["looming"]:
        yield f"- {text(item.what)}: {text(item.when)} ({text(item.record)})"
    if not part["looming"]:
        yield text(report.empty.looming or "Nothing within 30 days.")
    if part["rest"]:
        yield f"- {part['rest']} on the site"


def _recommended(report: Report) -> Iterable[str]:
    yield from _heading("Worth doing")
    for item in report.recommendations:
        yield f"- {text(item.title)} {text(item.gain[:1].upper() + item.gain[1:])}. {text(item.evidence)}"
        if item.command:
            yield f"  {_command(item.command)}"
    if not report.recommendations:
        yield "Nothing to recommend."


def _fleet(parts: Part, *, internal: bool) -> Iterable[str]:
    yield from _heading("Fleet, worst first")
    rows = (*parts["rows"], *parts["steady"])
    grouped = any(server.group for server, _, _ in rows)
    more = (("Tools",) if internal else ()) + (("Group",) if grouped else ())
    yield from _table(
        ("Server", "State", "Why, since", "Up, 30 days", "p95, 24 h", *more),
        (
            (
                *(server.name, server.status.word, server.why, share, p95),
                *((words.NOTHING if server.tool_count is None else str(server.tool_count),) if internal else ()),
                *((server.group or "",) if grouped else ()),
            )
            for server, share, p95 in rows
        ),
    )
    if parts["groups"]:
        yield ""
    for group, _, said in parts["groups"]:
        yield f"- {text(group)}: {said}"


def _read_on(items: Sequence[ReadOn]) -> Iterable[str]:
    if items:
        yield from _heading("Read on")
    for item in items:
        yield f"- {text(item.title)}: {text(item.fact)}"


def _heading(words_of_ours: str) -> Iterable[str]:
    yield f"## {words_of_ours}"
    yield ""


def _finding(finding: Finding, report: Report) -> Iterable[str]:
    yield f"### {text(finding.title)}"
    yield ""
    word = f"**{text(finding.word)}**" if finding.word else ""
    yield " · ".join(filter(None, (word, text(about(finding, report)))))
    yield ""
    for label, value in (("Impact", finding.impact), *why(finding)):
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
