"""The pages of the site: which exist, what stands on each and in which order. Layout only; every sentence and number that
can be known without a page comes from the Report.

A page is a tuple of blocks. Each block is a function of the view and fills one template; one that fails says so in its
place, and the page is whole without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from caelum_report import document, metrics, words
from caelum_report.document import Chart, Finding, HostReport, Report, ServerReport, Uptime
from caelum_report.model import Failure, Note, Status, Transport

from . import charts, marks
from .html import fill, named
from .ladder import ladder

if TYPE_CHECKING:
    from .diagrams import Drawing

CSP: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'"
)
NAVIGATION: Final = (
    ("index.html", "Fleet"),
    ("changes.html", "Changes"),
    ("trends.html", "Trends"),
    ("architecture.html", "Architecture"),
    ("host.html", "Host"),
    ("method.html", "Method"),
)
IN_MASTHEAD: Final = 8
SHOWN_FINDINGS: Final = 5
SHOWN_CHANGES: Final = 7
SHOWN_OBJECTIVES: Final = 3
SHOWN_LOOMING: Final = 3
SHOWN_TOOLS: Final = 100
STRIP_DAYS: Final = 30
UNSTEADY_DAYS: Final = 7
SERVER_PARTS: Final = frozenset(
    {"findings", "stages", "latency", "states", "tools", "contract", "neighbours", "about", "stderr", "notes"}
)
PARTS: Final[Mapping[str, frozenset[str]]] = {
    "index.html": frozenset({"needs-action", "changed", "objectives", "looming", "fleet", "read-on", "pages"}),
    "changes.html": frozenset({"since", "findings", "contract"}),
    "method.html": frozenset(
        {"figures", "accounting", "statuses", "failures", "run", "previous-run", "configurations", "notes"}
    ),
}
RANGE_WORDS: Final[Mapping[str, str]] = {
    "day": "Day",
    "week": "Week",
    "month": "Month",
    "quarter": "Quarter",
    "year": "Year",
}
TRANSPORT_WORDS: Final = {Transport.STDIO: "stdio", Transport.HTTP: "Streamable HTTP", Transport.SSE: "HTTP+SSE"}
FAILURE_WORDS: Final = {
    Failure.OK: "It answered every stage that applies to it.",
    Failure.SPAWN_FAILED: "Its program could not be started.",
    Failure.EXITED: "Its program ended, or closed its output, before it had answered.",
    Failure.TIMEOUT: "It did not finish within its time; the stage is named.",
    Failure.PROTOCOL_ERROR: "It answered, but not in the protocol; a short excerpt is shown.",
    Failure.UNSUPPORTED_VERSION: "It speaks no revision of the protocol that this program speaks.",
    Failure.AUTH_REQUIRED: "It wants a key that we do not have (401 or 403). Not counted as down.",
    Failure.TLS_ERROR: "The encrypted connection could not be made: certificate, name or date.",
    Failure.DNS_ERROR: "Its host name has no address.",
    Failure.CONNECT_ERROR: "Nothing accepts connections at its address.",
    Failure.REDIRECT_REFUSED: "It redirects to another origin; no byte was sent there.",
    Failure.HTTP_4XX: "The HTTP server refuses the request.",
    Failure.HTTP_5XX: "The HTTP server fails.",
    Failure.OVERSIZED: "It sent more than a bound allows; the bound is named.",
    Failure.CONFIG_ERROR: "Its configuration entry cannot be used. Nothing is known of the server.",
    Failure.SKIPPED: "It was not asked: disabled, not approved, or the run's time was spent.",
    Failure.INTERNAL_ERROR: "This program failed, not the server. Please report it.",
}
STATUS_WORDS: Final = {
    Status.DOWN: "The last probe failed in a way that its users feel too.",
    Status.DEGRADED: "It answers, and is slower than its objective, flapping, or a declared capability errs. Counts as up.",
    Status.AUTH_WALLED: "It wants a key that we do not have. Neither up nor down.",
    Status.UNKNOWN: "Not asked, or our own network or configuration is at fault. Neither up nor down.",
    Status.MAINTENANCE: "Within a declared window, whatever else. Left out of every share.",
    Status.UP: "It answered, and nothing worse is known.",
}


@dataclass(frozen=True, slots=True)
class View:
    """A report with the look-ups that its pages need."""

    report: Report
    servers: Mapping[str, ServerReport]
    findings: Mapping[str, Finding]
    pages: frozenset[str]
    sha256: str
    pdf: bool
    static_version: str  # of the stylesheet, so that no browser mixes two builds
    drawings: Mapping[str, Drawing]  # by Diagram.name
    notes: list[Note]  # what could not be rendered

    def address(self, page: str | None) -> str | None:
        """`page` as a link that leads somewhere: None for a page that this site has not, no fragment that it lacks."""
        if not page:
            return None
        path, _, fragment = page.partition("#")
        if path not in self.pages:
            return None
        known = SERVER_PARTS if path.startswith("servers/") else PARTS.get(path, frozenset())
        return f"{path}#{fragment}" if fragment in known else path


Block = Callable[[View], "dict[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class Page:
    path: str
    title: str
    blocks: tuple[tuple[str, Block], ...]  # template and what it places; None leaves the block out
    crumbs: tuple[tuple[str, str | None], ...] = ()  # text and page

    @property
    def root(self) -> str:
        return "../" * self.path.count("/")


def drawings(report: Report, notes: list[Note]) -> dict[str, Drawing]:
    """The diagrams of the site, by one call of `dot`; none, and a note, where they cannot be made."""
    try:
        from .diagrams import draw

        return dict(draw([report.architecture]))
    except Exception as error:  # noqa: BLE001  a table says the same
        notes.append(Note("block-failed", f"the diagrams could not be drawn ({type(error).__name__}: {error})"[:300]))
        return {}


def view_of(
    report: Report,
    *,
    sha256: str,
    pdf: bool,
    static_version: str,
    drawings: Mapping[str, Drawing],
    notes: list[Note],
) -> View:
    pages = {path for path, _ in NAVIGATION}
    for server in report.servers:
        pages.add(f"servers/{server.slug}.html")
        pages |= {f"servers/{server.slug}/{name}.html" for name in _longer_ranges(server)}
    pages |= {"report.json", "report.md", "latest.json", "api/v1/servers.json"} | ({"report.pdf"} if pdf else set())
    return View(
        report,
        {server.id: server for server in report.servers},
        {finding.id: finding for finding in report.findings},
        frozenset(pages),
        sha256,
        pdf,
        static_version,
        drawings,
        notes,
    )


def all_pages(report: Report) -> Iterator[Page]:
    yield Page("index.html", _headline(report), _index_blocks(report))
    yield Page("changes.html", "Changes", CHANGES)
    yield Page("trends.html", "Trends", TRENDS)
    yield Page("architecture.html", "Architecture", ARCHITECTURE)
    yield Page("host.html", "Host", HOST)
    yield Page("method.html", "Method", METHOD)
    for server in report.servers:
        yield from _server_pages(server)


def write(view: View, page: Page) -> bytes:
    """The page as it lies on disk."""
    shared = {"view": view, "report": view.report, "root": page.root}
    body = Markup("").join(_block(view, page, template, build, shared) for template, build in page.blocks)
    return fill(
        "page.html",
        {
            **shared,
            "page": page,
            "body": body,
            "csp": CSP,
            "navigation": NAVIGATION,
            "in_masthead": IN_MASTHEAD,
            "section": "index.html" if page.path.startswith("servers/") else page.path,
        },
    ).encode()


def _block(view: View, page: Page, template: str, build: Block, shared: dict[str, Any]) -> Markup:
    try:
        values = build(view)
        return Markup("") if values is None else fill(template, {**shared, **values})
    except Exception as error:  # noqa: BLE001  whatever it is, the rest of the page must not be lost with it
        name = template.rpartition("/")[2].removesuffix(".html")
        note = f"{page.path}: the part “{name}” could not be rendered ({type(error).__name__}: {error})"
        view.notes.append(Note("block-failed", note[:300]))
        return fill("failed.html", {**shared, "name": name, "error": type(error).__name__})


# --- index ----------------------------------------------------------------------------------------------------------


def _index_blocks(report: Report) -> tuple[tuple[str, Block], ...]:
    few = len(report.servers) < 3
    large = len(report.servers) >= marks.SEGMENTS_FROM
    well = _all_well(report) and not few and not large
    return (
        ("index/verdict.html", _verdict),
        ("index/needs_action.html", _needs_action),
        ("index/changed.html", _changed),
        ("index/objectives.html", _objectives),
        ("index/looming.html", _looming),
        *((("index/ladders.html", _ladders), ("index/host.html", _this_host)) if few else ()),
        *((("index/roll.html", _roll),) if well else ()),
        *((("index/fleet.html", _fleet),) if not few and not well else ()),
        ("index/read_on.html", _read_on),
    )


def _headline(report: Report) -> str:
    """For the browser's tab: 1 down, 3 degraded"""
    bad = [entry for entry in report.tally if entry[0] is not Status.UP]
    return marks.tally_text(bad[:2] or report.tally) or "No servers"


def _all_well(report: Report) -> bool:
    return bool(report.servers) and all(server.status is Status.UP for server in report.servers)


def _verdict(view: View) -> dict[str, Any]:
    report = view.report
    return {
        "period": _period(report),
        "next_due": _next_due(report),
        "skyline": marks.skyline(report.tally) if len(report.servers) >= 3 else None,
        "tally": () if _all_well(report) else [_tally(report, status, number) for status, number in report.tally],
    }


def _tally(report: Report, status: Status, number: int) -> tuple[Status, str, str]:
    """A state, its count in words, and the anchor of the first such row of the fleet table."""
    there = any(server.status is status for server in _listed(report))
    return status, f"{words.count(number)} {marks.TALLY_WORDS[status]}", f"fleet-{status}" if there else "fleet"


def _period(report: Report) -> str:
    """13:00–14:00, after 12:00–13:00"""
    zone, start, end = report.zone, report.period_start, report.at
    if start >= end:
        return f"one snapshot, {words.clock(end, zone)}"
    now = words.moment(start, end, zone)
    shown = f"{now}–{words.clock(end, zone)}"
    if report.compared_start is None:
        return shown
    return f"{shown}, after {words.moment(report.compared_start, end, zone)}–{now}"


def _next_due(report: Report) -> str:
    if report.next_due is None:
        return "not scheduled"
    due = words.moment(report.next_due, report.at, report.zone)
    if report.old_after is None:
        return due
    return f"{due}. Old after {words.moment(report.old_after, report.at, report.zone)}"


def _needs_action(view: View) -> dict[str, Any]:
    findings = [finding for finding in view.report.findings if finding.needs_action]
    shown = findings[:SHOWN_FINDINGS]
    setup = bool(shown) and all(finding.kind == "setup" for finding in shown)
    steps = f"{words.plural(len(findings), 'step')} to a full report"
    others = len(view.report.findings) - len(shown)
    return {
        "findings": shown,
        "note": steps if setup else f"{words.plural(len(findings), 'finding')}, by impact",
        "others": words.plural(others, "more finding") if others else "",
    }


def _changed(view: View) -> dict[str, Any]:
    changes = view.report.changes
    rest = len(changes) - SHOWN_CHANGES
    return {
        "changes": changes[:SHOWN_CHANGES],
        "heading": _changed_heading(view.report),
        "rest": words.plural(rest, "smaller change") if rest > 0 else "",
    }


def _changed_heading(report: Report) -> str:
    return f"Changed since #{report.previous.number}" if report.previous else "Changed"


def _objectives(view: View) -> dict[str, Any]:
    objectives = view.report.objectives
    quiet = ""
    if objectives and _all_well(view.report):
        met = sum(o.achieved is not None and o.achieved >= o.target for o in objectives)
        left = objectives[0].budget_left
        least = (
            f" Least left: {objectives[0].name}, {words.percent(left, 0)} of its budget." if left is not None else ""
        )
        quiet = f"{met} of {len(objectives)} met.{least}"
    rest = objectives[SHOWN_OBJECTIVES:]
    known = [o.budget_left for o in rest if o.budget_left is not None]
    more = f"{words.plural(len(rest), 'more objective')}" if rest else ""
    if known:
        more += f", at least {words.percent(min(known), 0)} of the budget left" if min(known) > 0 else ", budget spent"
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
    return {
        "looming": [(item, marks.thirty_days(report.at, item.earliest, item.latest)) for item in shown],
        "quiet": _all_well(report),
        "rest": words.plural(len(report.looming) - len(shown), "later one") if len(report.looming) > len(shown) else "",
    }


@dataclass(frozen=True, slots=True)
class Row:
    """A server's line in the fleet table."""

    server: ServerReport
    anchor: str  # of the first server in its state
    strip: Markup
    spark: Markup
    up_share: float | None


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
                _uptime(server, "month").share if server.uptime else None,
            )
        )
    return rows


def _spark(view: View, server: ServerReport) -> Markup:
    end = view.report.at
    start = end.timestamp() - 86_400
    return Markup(charts.spark(server.spark, int(start), int(end.timestamp()), 90, 20, "css"))  # noqa: S704  our own SVG


def _uptime(server: ServerReport, name: str) -> Uptime:
    return next((u for u in server.uptime if u.range == name), server.uptime[0])


def _current(report: Report) -> list[ServerReport]:
    return [server for server in report.servers if not server.retired]


def _listed(report: Report) -> list[ServerReport]:
    """The rows of the fleet table, worst first; of a large fleet only those in trouble or lately unsteady."""
    servers = _current(report)
    if len(servers) < marks.SEGMENTS_FROM:
        return servers
    trouble = [server for server in servers if server.status is not Status.UP or _unsteady(server)]
    return trouble[: marks.SEGMENTS_FROM - 1]


def _fleet(view: View) -> dict[str, Any]:
    """The table, and of a large fleet a line a group for all the others."""
    servers = _current(view.report)
    shown = _listed(view.report)
    in_table = {server.id for server in shown}
    rest: dict[str, list[ServerReport]] = {}
    for server in servers:
        if server.id not in in_table:
            rest.setdefault(server.group or "No group", []).append(server)
    groups = [(group, members, _steady(members)) for group, members in sorted(rest.items())]
    return {"rows": _rows(view, shown), "groups": groups, "servers": servers}


def _steady(members: Sequence[ServerReport]) -> str:
    """110 servers, up and steady; or, where the table was full, how many of them are not."""
    trouble = sum(server.status is not Status.UP for server in members)
    return f"{words.plural(len(members), 'server')}, {f'{trouble} not up' if trouble else 'up and steady'}"


def _unsteady(server: ServerReport) -> bool:
    return any(day.status in (Status.DOWN, Status.DEGRADED) for day in server.strip[-UNSTEADY_DAYS:])


def _roll(view: View) -> dict[str, Any]:
    return {"rows": _rows(view, _current(view.report), spark=False)}


def _ladders(view: View) -> dict[str, Any]:
    servers = _current(view.report)
    return {"servers": [(server, ladder(server)) for server in servers], "note": words.plural(len(servers), "server")}


def _this_host(view: View) -> dict[str, Any] | None:
    return {"host": view.report.hosts[0]} if view.report.hosts else None


def _read_on(view: View) -> dict[str, Any]:
    return {"items": [item for item in view.report.read_on if view.address(item.page)]}


# --- servers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its words: two drawings for two widths, or the narrow one alone."""

    chart: Chart
    wide: Markup | None
    narrow: Markup
    lead: str  # first sentence of the caption, in bold
    rest: str
    foot: str
    csv: str


Drawn = dict[tuple[str, str], Markup]  # by the chart's id and size: a server's pages share drawings


def _draw(chart: Chart, zone: str, size: charts.Size, root: str, drawn: Drawn) -> Markup:
    """A chart whose marks lead nowhere is the same at every depth of the site, and drawn once."""
    found = drawn.get((chart.id, size))
    if found is None:
        found = Markup(charts.svg(chart, zone, size, "css", root=root))  # noqa: S704  our own SVG
        if not any(mark.page for mark in chart.marks):
            drawn[chart.id, size] = found
    return found


def _figure(view: View, chart: Chart, csv: str, root: str, drawn: Drawn, *, wide: bool) -> Figure:
    metric = metrics.METRICS[chart.metric]
    lead, stop, rest = chart.caption.partition(". ")
    n = f" n = {words.count(chart.n)}." if chart.n else ""
    zone = view.report.zone
    return Figure(
        chart,
        _draw(chart, zone, "L", root, drawn) if wide else None,
        _draw(chart, zone, "M", root, drawn),
        lead + stop.strip(),
        rest,
        f"{metric.title}, every {words.duration(chart.interval_seconds)}.{n} Source: {chart.source}.",
        csv,
    )


@dataclass(frozen=True, slots=True)
class Panel:
    """The charts of one range; the first is the page's own question."""

    range: str
    word: str
    lead: tuple[Figure, ...]
    others: tuple[Figure, ...]
    page: str | None  # where this range has a page of its own


def _longer_ranges(server: ServerReport) -> list[str]:
    return [name for name in document.RANGES[1:] if any(chart.range == name for chart in server.charts)]


LEADING: Final = "latency"


def _server_panel(view: View, server: ServerReport, name: str, root: str, drawn: Drawn, *, whole: bool) -> Panel:
    """`whole`: every metric of the range; otherwise the leading one only, with a link to the rest."""
    mine = [chart for chart in server.charts if chart.range == name]
    leading = next((c for c in mine if c.metric == LEADING), mine[0])
    csv = f"api/v1/metrics/{server.slug}.csv"
    others = [chart for chart in mine if chart is not leading]
    return Panel(
        name,
        RANGE_WORDS[name],
        (_figure(view, leading, csv, root, drawn, wide=True),),
        tuple(_figure(view, chart, csv, root, drawn, wide=False) for chart in others) if whole else (),
        f"servers/{server.slug}/{name}.html" if name != "day" else None,
    )


def _server_pages(server: ServerReport) -> Iterator[Page]:
    crumbs: tuple[tuple[str, str | None], ...] = (("Fleet", "index.html"),)
    if server.group:
        crumbs += ((server.group, "index.html#fleet"),)
    name = named(server.name)
    drawn: Drawn = {}
    blocks: tuple[tuple[str, Callable[[View, ServerReport], dict[str, Any] | None]], ...] = (
        ("server/head.html", _server_head),
        ("server/findings.html", _server_findings),
        ("server/stages.html", _server_stages),
        ("server/latency.html", partial(_server_latency, drawn)),
        ("server/states.html", _server_states),
        ("server/tools.html", _server_tools),
        ("server/contract.html", _server_contract),
        ("server/about.html", _server_about),
        ("server/neighbours.html", _server_neighbours),
        ("server/stderr.html", _server_stderr),
        ("server/notes.html", _server_notes),
    )
    yield Page(
        f"servers/{server.slug}.html",
        name,
        tuple((template, partial(_of_server, build, server)) for template, build in blocks),
        (*crumbs, (name, None)),
    )
    for longer in _longer_ranges(server):
        yield Page(
            f"servers/{server.slug}/{longer}.html",
            f"{name}, {longer}",
            (("server/range.html", partial(_server_range, server, longer, drawn)),),
            (*crumbs, (name, f"servers/{server.slug}.html"), (RANGE_WORDS[longer], None)),
        )


def _of_server(
    build: Callable[[View, ServerReport], dict[str, Any] | None], server: ServerReport, view: View
) -> dict[str, Any] | None:
    values = build(view, server)
    return None if values is None else {"server": server, **values}


def _server_head(view: View, server: ServerReport) -> dict[str, Any]:
    return {
        "facts": {
            "endpoint": f"{TRANSPORT_WORDS[server.transport]}, {server.endpoint}",
            "protocol": _protocol(server),
            "owner": server.owner or "not named",
        },
        "host": view.address("host.html"),
        "stats": _server_stats(view, server)[:6],
        "next_due": _next_due(view.report),
    }


def _protocol(server: ServerReport) -> str:
    if server.protocol_version is None:
        return "not known yet"
    era = f" ({server.era})" if server.era else ""
    others = [version for version in server.supported_versions if version != server.protocol_version]
    also = f", also {words.listing(others)}" if others else ""
    return f"{server.protocol_version}{era}{also}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure of the row of six, always with what it is compared with."""

    label: str
    value: str
    unit: str
    comparison: str


def _shown(label: str, value: float | None, unit: str, comparison: str) -> Shown:
    return Shown(label, *words.quantity_parts(value, unit), comparison)


def _server_stats(view: View, server: ServerReport) -> list[Shown]:
    stats = []
    if server.uptime:
        month = _uptime(server, "month")
        label = "Test starts that worked, 30 days" if server.transport is Transport.STDIO else "Up, 30 days"
        goal = (
            f"objective {words.percent(server.objective)}" if server.objective else words.plural(month.checks, "check")
        )
        stats.append(_shown(label, month.share, "ratio", goal if month.share is not None else "nothing measured yet"))
    objective = next((o for o in view.report.objectives if server.id in o.servers), None)
    if objective is not None and objective.budget_left is not None:
        left = max(objective.budget_left, 0.0)
        stats.append(Shown("Budget left", words.percent(left, 0).partition(words.NBSP)[0], "%", objective.spent_by))
    if now := server.latency_now:
        stats.append(_shown("Answer, p50, now", now.p50, "seconds", f"n = {now.n}, at most {words.seconds(now.max)}"))
    if day := server.latency_day:
        before = server.latency_day_before
        compared = f"day before {words.seconds(before.p95)}" if before else f"n = {words.count(day.n)}"
        stats.append(_shown("Answer, p95, 24 h", day.p95, "seconds", compared))
    if server.total_seconds is not None:
        usual = server.usual_total_seconds
        compared = f"usual {words.seconds(usual)}" if usual is not None else "nothing to compare with yet"
        stats.append(_shown("Whole probe", server.total_seconds, "seconds", compared))
    if server.rss_bytes is not None:
        compared = f"test instance, {words.plural(server.processes or 1, 'process', 'processes')}"
        stats.append(_shown("Memory", server.rss_bytes, "bytes", compared))
    stats.append(_shown("Tools", len(server.tools), "count", f"{words.count(server.tokens)} tokens"))
    offers = len(server.resources) + len(server.prompts)
    stats.append(
        _shown(
            "Resources and prompts",
            offers,
            "count",
            f"{words.plural(len(server.resources), 'resource')}, {words.plural(len(server.prompts), 'prompt')}",
        )
    )
    return stats


def _server_findings(view: View, server: ServerReport) -> dict[str, Any]:
    return {"findings": [view.findings[name] for name in server.findings if name in view.findings]}


def _server_stages(_: View, server: ServerReport) -> dict[str, Any]:
    return {"ladder": ladder(server), "usual": any(stage.usual_seconds is not None for stage in server.stages)}


def _server_latency(drawn: Drawn, view: View, server: ServerReport) -> dict[str, Any]:
    ranges = [name for name in document.RANGES if any(chart.range == name for chart in server.charts)]
    return {"panels": [_server_panel(view, server, name, "../", drawn, whole=name == ranges[0]) for name in ranges]}


def _server_range(server: ServerReport, name: str, drawn: Drawn, view: View) -> dict[str, Any]:
    tabs = [("day", "Day", f"servers/{server.slug}.html#latency")]
    tabs += [(other, RANGE_WORDS[other], f"servers/{server.slug}/{other}.html") for other in _longer_ranges(server)]
    panel = _server_panel(view, server, name, "../../", drawn, whole=True)
    uptime = next((u for u in server.uptime if u.range == name), None)
    return {"server": server, "panel": panel, "tabs": tabs, "name": name, "uptime": uptime}


def _server_states(_: View, server: ServerReport) -> dict[str, Any]:
    days = server.strip
    return {
        "strip": marks.strip(days, marks.strip_label(days), pitch=12),
        "days": len(days),
        "first_day": f"{days[0].date.day}{words.NBSP}{days[0].date:%b}" if days else "",
        "range_words": RANGE_WORDS,
    }


def _server_tools(_: View, server: ServerReport) -> dict[str, Any]:
    rest = len(server.tools) - SHOWN_TOOLS
    return {"tools": server.tools[:SHOWN_TOOLS], "rest": words.plural(rest, "more tool") if rest > 0 else ""}


def _server_contract(_: View, server: ServerReport) -> dict[str, Any]:
    return {"changes": server.contract, "note": _severities(server.contract), "on_fleet": False}


SEVERITY_GLYPHS: Final = {
    "breaking": "degraded",
    "suspicious": "degraded",
    "additive": "method",
    "cosmetic": "method",
}


def _severities(changes: Sequence[document.ContractChange]) -> str:
    """1 breaking, 2 additive"""
    counts = [(sum(c.severity == name for c in changes), name) for name in SEVERITY_GLYPHS]
    return ", ".join(f"{number} {name}" for number, name in counts if number)


def _server_about(_: View, server: ServerReport) -> dict[str, Any]:
    return {"instance": _test_instance(server), "running": _running(server)}


def _test_instance(server: ServerReport) -> str:
    """84 MiB, 0.4 s of processor time, 11 threads, 23 open files"""
    parts = []
    if server.rss_bytes is not None:
        parts.append(words.size(server.rss_bytes))
    if server.cpu_seconds is not None:
        parts.append(f"{words.seconds(server.cpu_seconds)} of processor time")
    if server.threads is not None:
        parts.append(words.plural(server.threads, "thread"))
    if server.open_files is not None:
        parts.append(words.plural(server.open_files, "open file"))
    if server.processes is not None:
        parts.append(words.plural(server.processes, "process", "processes"))
    return ", ".join(parts)


def _running(server: ServerReport) -> str:
    if server.instances is None:
        return ""
    if server.instances == 0:
        return "none on this host"
    memory = f", {words.size(server.instances_rss_bytes)}" if server.instances_rss_bytes is not None else ""
    oldest = (
        f", oldest {words.duration(server.instances_oldest_seconds)}"
        if server.instances_oldest_seconds is not None
        else ""
    )
    return f"{words.count(server.instances)} on this host{memory}{oldest}"


def _server_neighbours(view: View, server: ServerReport) -> dict[str, Any]:
    known = view.servers
    return {
        "needs": [known[name] for name in server.depends_on if name in known],
        "needed_by": [known[name] for name in server.needed_by if name in known],
        "host": next((host for host in view.report.hosts if host.name == server.host), None),
        "objectives": [o for o in view.report.objectives if server.id in o.servers],
    }


def _server_stderr(_: View, server: ServerReport) -> dict[str, Any] | None:
    return {} if server.stderr_tail or server.exit_status else None


def _server_notes(_: View, server: ServerReport) -> dict[str, Any] | None:
    return {} if server.notes or server.risks else None


# --- the other pages ------------------------------------------------------------------------------------------------


def _changes_head(view: View) -> dict[str, Any]:
    report = view.report
    worse = sum(change.direction == "worse" for change in report.changes)
    better = sum(change.direction == "better" for change in report.changes)
    breaking = sum(change.severity == "breaking" for change in report.contract)
    if report.changes:
        title = f"{words.spelled(worse).capitalize()} worse, {words.spelled(better)} better."
    elif report.previous:
        title = "Nothing changed that stands out from chance."
    else:
        title = "Nothing to compare with yet."
    tools = (
        f"The tools that servers offer changed {words.plural(len(report.contract), 'time')} on record, {breaking} breaking."
        if report.contract
        else "No server has changed the tools that it offers since the first report."
    )
    return {"heading": title, "lede": tools}


def _changes_since(view: View) -> dict[str, Any]:
    return {"changes": view.report.changes, "heading": _changed_heading(view.report)}


def _changes_findings(view: View) -> dict[str, Any]:
    return {"findings": view.report.findings}


def _changes_contract(view: View) -> dict[str, Any]:
    return {"changes": view.report.contract, "note": _severities(view.report.contract), "on_fleet": True}


CHANGES: Final = (
    ("page_head.html", _changes_head),
    ("changes/since.html", _changes_since),
    ("changes/findings.html", _changes_findings),
    ("server/contract.html", _changes_contract),
)


def _trends_head(view: View) -> dict[str, Any]:
    servers = _current(view.report)
    steady = sum(not any(d.status is Status.DOWN for d in s.strip[-STRIP_DAYS:]) for s in servers)
    measured = [s for s in servers if s.latency_day]
    slowest = max(measured, key=lambda s: s.latency_day.p95 if s.latency_day else 0.0, default=None)
    lede = "No answer has been timed yet."
    if slowest is not None and slowest.latency_day is not None:
        lede = (
            f"{len(measured)} of {len(servers)} answered in the last 24 hours; {slowest.name} took longest, "
            f"p95 {words.seconds(slowest.latency_day.p95)}."
        )
    days = max((len(s.strip[-STRIP_DAYS:]) for s in servers), default=0)
    title = f"{steady} of {words.plural(len(servers), 'server')} had no outage in {words.plural(days, 'day')}."
    return {"heading": title, "lede": lede}


def _trends_states(view: View) -> dict[str, Any]:
    from . import figures

    return {"drawing": _drawing(figures.state_heat_map(view.report))}


def _trends_latency(view: View) -> dict[str, Any]:
    from . import figures

    return {"drawing": _drawing(figures.latency_distribution(view.report))}


def _drawing(svg: str | None) -> Markup | None:
    return None if svg is None else Markup(svg)  # noqa: S704  our own SVG


def _trends_uptime(view: View) -> dict[str, Any]:
    return {"servers": _current(view.report), "ranges": document.RANGES, "range_words": RANGE_WORDS, "up": _share}


def _share(server: ServerReport, name: str) -> float | None:
    return next((u.share for u in server.uptime if u.range == name), None)


TRENDS: Final = (
    ("page_head.html", _trends_head),
    ("trends/states.html", _trends_states),
    ("trends/latency.html", _trends_latency),
    ("trends/uptime.html", _trends_uptime),
)


def _architecture_head(view: View) -> dict[str, Any]:
    diagram = view.report.architecture
    servers = sum(node.kind == "server" for node in diagram.nodes)
    needs = sum(edge.kind == "depends-on" for edge in diagram.edges)
    hosts = sum(node.kind == "host" for node in diagram.nodes)
    known = f"{words.plural(needs, 'dependency', 'dependencies')} declared" if needs else "no dependency declared"
    title = f"{words.plural(servers, 'server')}, {words.plural(hosts, 'host')}, {known}."
    return {"heading": title, "lede": diagram.description}


def _architecture_drawing(view: View) -> dict[str, Any]:
    name = view.report.architecture.name
    drawing = view.drawings.get(name)
    return {"drawing": _drawing(drawing.svg if drawing else None), "name": name, "drawn": drawing is not None}


def _architecture_table(view: View) -> dict[str, Any]:
    diagram = view.report.architecture
    labels = {node.id: node.label for node in diagram.nodes}
    targets: dict[tuple[str, str], list[str]] = {}
    for edge in diagram.edges:
        targets.setdefault((edge.source, edge.kind), []).append(labels.get(edge.target, edge.target))

    def relations(node: document.Node) -> str:
        parts = [(verb, targets.get((node.id, kind), [])) for kind, verb in EDGE_WORDS.items()]
        return "; ".join(f"{verb} {words.listing(names, 6)}" for verb, names in parts if names)

    return {"nodes": [(node, relations(node)) for node in diagram.nodes]}


EDGE_WORDS: Final = {"probes": "asks", "depends-on": "needs", "runs-on": "runs on"}
ARCHITECTURE: Final = (
    ("page_head.html", _architecture_head),
    ("architecture/drawing.html", _architecture_drawing),
    ("architecture/table.html", _architecture_table),
)


def _host_head(view: View) -> dict[str, Any]:
    hosts = view.report.hosts
    if not hosts:
        return {"heading": "No host was read.", "lede": "This run could not read processors, memory or disks."}
    if len(hosts) == 1:
        return {"heading": hosts[0].name, "lede": hosts[0].lede}
    return {"heading": f"{words.plural(len(hosts), 'host')}.", "lede": " ".join(host.lede for host in hosts[:2])}


def _host_parts(view: View) -> dict[str, Any]:
    return {"hosts": [(host, _host_panels(view, host)) for host in view.report.hosts]}


def _host_panels(view: View, host: HostReport) -> list[Panel]:
    csv = f"api/v1/metrics/hosts/{host_slug(host)}.csv"
    return [
        Panel(
            name,
            RANGE_WORDS[name],
            (),
            tuple(_figure(view, chart, csv, "", {}, wide=False) for chart in host.charts if chart.range == name),
            None,
        )
        for name in document.RANGES
        if any(chart.range == name for chart in host.charts)
    ]


def host_slug(host: HostReport) -> str:
    from caelum_report.text import slug

    return slug(host.name)


HOST: Final = (("page_head.html", _host_head), ("host/hosts.html", _host_parts))


def _method_head(view: View) -> dict[str, Any]:
    run = view.report.run
    return {
        "heading": "How each figure is made, and how this run went.",
        "lede": f"This run took {words.seconds(run.seconds)}; {view.report.coverage.sentence}.",
    }


def _method(view: View) -> dict[str, Any]:
    return {
        "metrics": metrics.METRICS.values(),
        "status_words": STATUS_WORDS,
        "failure_words": FAILURE_WORDS,
        "run": view.report.run,
        "previous": view.report.previous_run,
        "found": view.report.found,
    }


METHOD: Final = (
    ("page_head.html", _method_head),
    ("method/figures.html", _method),
    ("method/words.html", _method),
    ("method/run.html", _method),
    ("method/configurations.html", _method),
)
