"""What a page is, and the look-ups and small questions that several pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from caelum_report import document, words
from caelum_report.archived import Kept
from caelum_report.diagram import Diagram
from caelum_report.document import Finding, HostReport, Report, ServerReport, ServerUsage, ToolUsage, Uptime
from caelum_report.editions import INTERNAL, holds
from caelum_report.model import Note, Status, Transport
from caelum_report.text import slug

from .tool_sheets import sheet_pages

if TYPE_CHECKING:
    from caelum_report.render.diagrams import Drawing

NAVIGATION: Final = (  # pages that exist now
    ("index.html", "Fleet"),
    ("changes.html", "Changes"),
    ("alerts.html", "Alerts"),
    ("slo.html", "Objectives"),
    ("trends.html", "Trends"),
    ("bottlenecks.html", "Bottlenecks"),
    ("usage.html", "Usage"),
    ("tools.html", "Tools"),
    ("readiness.html", "Readiness"),
    ("architecture.html", "Architecture"),
    ("host.html", "Host"),
    ("method.html", "Method"),
    ("recommendations.html", "Recommendations"),
    ("dataflow.html", "Data flow"),
    ("servers/index.html", "Servers"),
    ("archive/index.html", "Archive"),
    ("api/index.html", "Files for programs"),
)
SERVER_PARTS: Final = frozenset(
    {
        "findings",
        "stages",
        "latency",
        "states",
        "tools",
        "usage",
        "contract",
        "neighbours",
        "sources",
        "about",
        "stderr",
        "notes",
    }
)
PARTS: Final[Mapping[str, frozenset[str]]] = {
    "index.html": frozenset({"needs-action", "changed", "objectives", "looming", "fleet", "read-on", "pages"}),
    "readiness.html": frozenset({"changes", "revisions"}),
    "changes.html": frozenset({"since", "compared", "marks", "findings", "contract", "tokens"}),
    "usage.html": frozenset({"calls", "week", "servers", "patterns", "how"}),
    "tools.html": frozenset({"most-called", "unused", "all"}),
    "alerts.html": frozenset({"open", "incidents", "maintenance", "rules", "messages"}),
    "slo.html": frozenset({"objectives", "incidents", "exclusions"}),
    "architecture.html": frozenset({"drawing", "hosts", "places"}),
    "dataflow.html": frozenset({"drawing", "flows", "unmeasured"}),
    "archive/index.html": frozenset({"hours", "days", "months"}),
    "method.html": frozenset(
        {
            "figures",
            "accounting",
            "record",
            "judging",
            "statuses",
            "failures",
            "sources",
            "run",
            "previous-run",
            "archive",
            "configurations",
            "notes",
        }
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
STRIP_DAYS: Final = 30


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
    usage: Mapping[str, ServerUsage]
    called: Mapping[str, Sequence[ToolUsage]]  # by server, most calls first
    tool_pages: Mapping[str, str]  # by server, where its tools are listed among all
    kept: tuple[Kept, ...] = ()  # past reports, oldest first
    frames: dict[tuple[str, ...], Markup] = field(default_factory=dict)  # what pages share around their bodies

    def address(self, page: str | None) -> str | None:
        """`page` as a link that leads somewhere: None for a page that this site has not, no fragment that it lacks."""
        if not page:
            return None
        path, _, fragment = page.partition("#")
        if path not in self.pages:
            return None
        known = SERVER_PARTS if path.startswith("servers/") else PARTS.get(path, frozenset())
        if path == "bottlenecks.html":
            known = frozenset(episode.id for episode in self.report.bottlenecks.episodes)
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


def view_of(
    report: Report,
    *,
    sha256: str,
    pdf: bool,
    static_version: str,
    drawings: Mapping[str, Drawing],
    notes: list[Note],
    kept: tuple[Kept, ...] = (),
) -> View:
    pages = {path for path, _ in NAVIGATION}
    if report.sources:
        pages.add("sources.html")
    for server in report.servers:
        pages.add(f"servers/{server.slug}.html")
        pages |= {f"servers/{server.slug}/{name}.html" for name in ranges_apart(report, server)}
    tool_pages = sheet_pages(report.servers)
    pages |= {path for path, _ in own_pages(report)} | set(tool_pages.values())
    pages |= {f"incidents/{one.id}.html" for one in report.alarms.incidents}
    pages |= {"report.json", "report.md", "latest.json", "api/v1/servers.json"} | ({"report.pdf"} if pdf else set())
    return View(
        report,
        {server.id: server for server in report.servers},
        {finding.id: finding for finding in report.findings},
        frozenset(page for page in pages if holds(report.edition, page)),
        sha256,
        pdf,
        static_version,
        drawings,
        notes,
        {server.server: server for server in report.usage.servers},
        _by_server(report.usage.tools),
        tool_pages,
        kept,
    )


def own_pages(report: Report) -> list[tuple[str, str]]:
    """Path and title of what only some reports have: sources, dashboards."""
    found = [("sources.html", "Sources")] if report.sources else []
    return found + [(f"dashboards/{one.name}.html", one.title) for one in report.dashboards]


def _by_server(tools: Sequence[ToolUsage]) -> dict[str, list[ToolUsage]]:
    found: dict[str, list[ToolUsage]] = {}
    for tool in tools:
        found.setdefault(tool.server, []).append(tool)
    return found


def longer_ranges(server: ServerReport) -> list[str]:
    return [name for name in document.RANGES[1:] if any(chart.range == name for chart in server.charts)]


def ranges_apart(report: Report, server: ServerReport) -> list[str]:
    """Those with pages of their own, none in an edition: its one chart of a range stands on the server's page."""
    return longer_ranges(server) if report.edition == INTERNAL else []


def current(report: Report) -> list[ServerReport]:
    return [server for server in report.servers if not server.retired]


def uptime_of(server: ServerReport, name: str) -> Uptime | None:
    return next((u for u in server.uptime if u.range == name), None)


def telling_ranges(uptimes: Sequence[Uptime]) -> list[Uptime]:
    """Those that say more than the shorter one: a year of which a month is known is no year."""
    return [
        uptime
        for shorter, uptime in zip((None, *uptimes), uptimes, strict=False)
        if shorter is None or uptime.checks != shorter.checks
    ]


def all_well(report: Report) -> bool:
    return bool(report.servers) and all(server.status is Status.UP for server in report.servers)


def next_due(report: Report) -> str:
    if report.next_due is None:
        return "not scheduled"
    due = words.moment(report.next_due, report.at, report.zone)
    if report.old_after is None:
        return due
    return f"{due}. Old after {words.moment(report.old_after, report.at, report.zone)}"


def changed_heading(report: Report) -> str:
    return f"Changed since #{report.previous.number}" if report.previous else "Changed"


def severities(changes: Sequence[document.ContractChange]) -> str:
    """1 breaking, 2 additive"""
    counts = [
        (sum(c.severity == name for c in changes), name) for name in ("breaking", "suspicious", "additive", "cosmetic")
    ]
    return ", ".join(f"{number} {name}" for number, name in counts if number)


def drawing_of(svg: str | None) -> Markup | None:
    return None if svg is None else Markup(svg)  # noqa: S704  our own SVG


def diagram_block(view: View, diagram: Diagram) -> dict[str, Any]:
    """What `drawing.html` places: the drawing, where one could be made, and its files."""
    drawing = view.drawings.get(diagram.name)
    return {"drawing": drawing_of(drawing.svg if drawing else None), "name": diagram.name, "drawn": drawing is not None}


def slow_times(report: Report, server: str | None) -> list[document.BottleneckReport]:
    """The episodes in which a server was slow or to blame; those of the host for None."""
    episodes = report.bottlenecks.episodes
    return [one for one in episodes if one.server == server or (server is not None and server in one.servers)]


def site_address(url: str | None, page: str | None) -> str:
    """A page of the published site for those who read elsewhere; empty where nobody said where it is."""
    return f"{url.rstrip('/')}/{page}" if url and page else ""


def host_slug(host: HostReport) -> str:
    return slug(host.name)
