"""A report as a message: page 1 in its seven parts, as HTML and as plain text, from the values that index.html places."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.document import ObjectiveReport, Report
from caelum_report.model import Status
from caelum_report.text import brief

from . import marks
from .html import environment, named
from .pages.view import current, site_address
from .placed import about, names_of, parts_of, why
from .skins import TOKENS

LARGEST_HTML: Final = 102_000  # bytes, at which Gmail cuts
MARKS: Final = {
    "down": "■",
    "degraded": "▲",
    "auth-walled": "◆",
    "unknown": "○",
    "maintenance": "❚❚",
    "up": "●",
    "worse": "↘",
    "better": "↗",
    "method": "↔",
}
_AS_STATE: Final = {"worse": "down", "better": "up", "method": "unknown"}
_PALE: Final = {
    Status.AUTH_WALLED: "#d8c2dd",
    Status.MAINTENANCE: "#b5cee2",
}  # hollow on the page; cells have no outline
_LINE: Final = 76
_WIDE: Final = 6  # servers; fewer bars than that would be as wide as parts of the page


def colour(name: str) -> str:
    """Of a state's or a direction's word, on paper."""
    return TOKENS.get(_AS_STATE.get(name, name), TOKENS["ink-2"])[0]


def subject(report: Report) -> str:
    """`[caelum] 1 down, 3 degraded: api-gateway · report #4217`: the two worst states and who comes first."""
    bad = [(status, number) for status, number in report.tally if status not in {Status.UP, Status.MAINTENANCE}]
    tally = ", ".join(f"{number} {status}" for status, number in bad[:2])
    first = next((f.server for f in report.findings if f.needs_action and f.server), None)
    name = next((server.name for server in report.servers if server.id == first), "")
    said = f"{tally}: {brief(name, 60)}" if tally and name else tally or report.verdict.kicker
    return brief(f"[{report.fleet}] {said} · report #{report.number}", 200)


# --- HTML -----------------------------------------------------------------------------------------------------------


def html(report: Report, title: str, charts: Sequence[tuple[str, str, str]], attached: str) -> str:
    """Charts as content id, title and caption; `attached` is the PDF's file name. Always under `LARGEST_HTML`: names and
    reasons may be long, so the fleet's rows give way first, and then the layout.
    """
    view, parts = parts_of(report)
    url = report.site_url

    def address_of(page: str) -> str:
        return site_address(url, view.address(page))

    values = {
        **parts,
        "report": report,
        "title": title,
        "url": site_address(url, "index.html"),
        "address_of": address_of,
        "skyline": _skyline(report) if parts["verdict"]["skyline"] else [],
        "skyline_width": 50 * len(current(report)) if len(current(report)) < _WIDE else "100%",
        "tally": f"{parts['servers']}, worst first: {marks.tally_text(report.tally)}",
        "charts": charts,
        "attached": attached,
        "names": lambda change: names_of(change, report),
        "colour": colour,
        "mark": lambda name: MARKS.get(name, "·"),
        "why": why,
        "about": lambda finding: about(finding, report),
        "budget": _budget,
    }
    template = environment().get_template("mail/report.html")
    for given in (values, {**values, "rows": [], "steady": []}):
        made = template.render(given)
        if len(made.encode()) < LARGEST_HTML:
            return made
    plain = environment().get_template("mail/plain.html")
    return plain.render(title=title, text=text(report)[: LARGEST_HTML // 8])


def _skyline(report: Report) -> list[tuple[str, int, str]]:
    """Width in percent, height and colour of each bar; of a large fleet one for each state, as wide as its share."""
    total = sum(number for _, number in report.tally)
    whole = total >= marks.SEGMENTS_FROM
    bars = []
    for status, number in report.tally:
        share = 100 * (number if whole else 1) / total
        look = (f"{max(share, 1):.2f}", marks.SKYLINE_HEIGHTS[status], _fill(status))
        bars += [look] * (1 if whole else number)
    return bars


def _fill(status: Status) -> str:
    return _PALE.get(status) or TOKENS[f"{status}-f"][0]


def _budget(left: float | None) -> Markup:
    """What is left of an error budget, as a bar of 60 pixels; the number stands beside it, and alone on a phone."""
    width = 0 if left is None else round(min(max(left, 0.0), 1.0) * 60)
    kind = "down" if width < 15 else "data"
    cells = ((width, kind, TOKENS[kind][0]), (60 - width, "track", "#dcd9d2"))
    bar = Markup("").join(
        Markup(
            '<td width="{}" height="8" class="{}" bgcolor="{}" style="font-size:0;line-height:0">&nbsp;</td>'
        ).format(*cell)
        for cell in cells
        if cell[0]
    )
    return Markup(
        '<table role="presentation" class="wide" align="left" width="60" cellpadding="0" cellspacing="0" border="0" '
        'style="margin:6px 8px 0 0"><tr>{}</tr></table>'
    ).format(bar)


# --- plain text -----------------------------------------------------------------------------------------------------


def text(report: Report) -> str:
    """Wrapped at 76 characters, but for commands and addresses."""
    return "\n".join(_wrapped(_lines(report)))


def _wrapped(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Each line with what its continuations begin with; `|` says that it must stay whole."""
    for line, hang in lines:
        if hang == "|" or len(line) <= _LINE:
            yield line
        else:
            yield from textwrap.wrap(
                line, _LINE, subsequent_indent=hang, break_on_hyphens=False, break_long_words=False
            )


def _lines(report: Report) -> Iterator[tuple[str, str]]:
    view, parts = parts_of(report)
    zone = report.zone
    when = f"{words.full_date(report.at, zone)}, {words.clock(report.at, zone)} ({words.offset(report.at, zone)})"
    yield f"{report.fleet}, report #{report.number}, {when}", ""
    if report.demo:
        yield "Demonstration: these servers and their history are simulated.", ""
    yield "", ""
    yield report.verdict.sentence, ""
    yield report.verdict.lede, ""
    yield "", ""
    if parts["verdict"]["tally"]:
        yield ", ".join(said for _, said, _ in parts["verdict"]["tally"]), ""
    verdict = parts["verdict"]
    facts = f"Period {verdict['period']}. Data to {words.clock(report.at, zone)}. Next due {verdict['next_due']}."
    yield f"{facts} {report.coverage.sentence}.", ""
    for heading, body in (
        ("Needs action", _actions(report, parts["needs_action"])),
        (parts["changed"]["heading"], _changes(report, parts["changed"])),
        ("SLO and budget", _objectives(report, parts["objectives"])),
        ("Looming", _looming(report, parts["looming"])),
        ("Fleet, worst first", _fleet(parts)),
        ("Read on", _read_on(parts)),
    ):
        lines = list(body)
        if lines:
            yield from (("", ""), (heading.upper(), ""), *lines)
    if address := site_address(report.site_url, view.address("index.html")):
        yield from (("", ""), (address, "|"))
    yield from (("", ""), (f"{report.id}, caelum-report {report.program_version}, method {report.method_version}", ""))


def _actions(report: Report, part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for finding in part["findings"]:
        word = "" if finding.kind == "setup" else finding.word
        yield f"- {finding.title}", "  "
        if line := " · ".join(filter(None, (word, about(finding, report)))):
            yield f"  {line}", "  "
        said = (("Impact", finding.impact), *why(finding))
        yield from ((f"  {label}: {value}", "  ") for label, value in said if value)
        if finding.command:
            yield f"  {finding.command}", "|"
    if not part["findings"]:
        yield report.empty.needs_action or "Nothing.", ""
    if part["others"]:
        yield f"{part['others']} in the report", ""


def _changes(report: Report, part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for change in part["changes"]:
        what = "" if change.what == "State" else f" {change.what}"
        said = f"{names_of(change, report)}:{what} {change.before} → {change.after}{words.appended(change.detail)}"
        yield f"- {words.direction(change.direction, change.servers)} {said} ({change.evidence})", "  "
    if not part["changes"]:
        yield report.empty.changes or "Nothing that stands out from chance.", ""
    elif part["rest"]:
        yield f"{part['rest']} in the report", ""


def _objectives(report: Report, part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not part["objectives"]:
        yield report.empty.objectives or "No objective is set.", ""
    elif part["quiet"]:
        yield part["quiet"], ""
    else:
        for objective, _, left in part["objectives"]:
            yield f"- {_objective(objective)}; budget left {left}, spent by: {objective.spent_by}", "  "
        yield ". ".join(filter(None, (report.objectives_note.rstrip("."), part["rest"]))) + ".", ""


def _objective(one: ObjectiveReport) -> str:
    burn = words.NOTHING if one.burn_24h is None else f"{one.burn_24h:.1f}×"
    return f"{one.name}: {words.percent(one.achieved)} of {words.percent(one.target, 1)}, burn in 24 h {burn}"


def _looming(report: Report, part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for item, _ in part["looming"]:
        yield f"- {item.what}: {item.when} ({item.record})", "  "
    if not part["looming"]:
        yield report.empty.looming or "Nothing within 30 days.", ""
    elif part["rest"]:
        yield f"{part['rest']} in the report", ""


def _fleet(parts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for server, share, p95 in parts["rows"]:
        because = f", {server.why}" if server.why else ""
        yield f"- {server.status.word}: {named(server.name)}{because}; up {share} of 30 days, p95 {p95}", "  "
    if parts["steady"]:
        steady = "; ".join(f"{named(server.name)} {share}, {p95}" for server, share, p95 in parts["steady"])
        yield f"- Up (share of 30 days, p95 of 24 h): {steady}", "  "
    for group, _, said in parts["groups"]:
        yield f"- {group}: {said}", "  "


def _read_on(parts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for item in parts["recommended"]["shown"]:
        yield f"- Worth doing: {item.title} {item.gain[0].upper()}{item.gain[1:]}.", "  "
    for item in parts["items"]:
        yield f"- {item.title}: {item.fact}", "  "
