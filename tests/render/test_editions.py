"""Editions hold allowed fields and aliases only, in every face; and what slips through is refused with its file and kind."""

from __future__ import annotations

import dataclasses
import json
import posixpath
import subprocess
import sys
from functools import cache
from pathlib import Path

import html5lib
import pytest

from caelum_report import codec, demo
from caelum_report import document as d
from caelum_report.editions import Edition
from caelum_report.errors import PublishError
from caelum_report.model import Status
from caelum_report.render import pdf, render, render_edition
from caelum_report.render.editions import edition_of
from caelum_report.render.leaks import refuse_leaks
from caelum_report.render.pdf_text import text_of
from caelum_report.render.specimen import edition_of_specimen, specimen
from caelum_report.site import Site
from caelum_report.text import slug

from . import sample_reports
from .sample_reports import NOW

ALIASES = (
    ("api-gateway", "Gateway & Door"),
    ("ollama-pool-integration", "Models"),
    ("user-profile", "Accounts"),
    ("agentic-workflow", "Agents"),
    ("Platform", "Core"),
)
SECRET = "hunter2-hunter2"


def edition(kind: str = "public", **said: object) -> Edition:
    return dataclasses.replace(Edition(kind, "/nowhere", "Our services", ALIASES), **said)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def report() -> d.Report:
    it = sample_reports.with_few_charts(sample_reports.fleet_report(), 0)
    incident = d.IncidentReport(
        id="20261122t1222z-7", title="api-gateway refuses every connection.", severity="critical", began_at=NOW,
        ended_at=None, seconds=60, cause="/srv/gateway/run.sh", impact="operator@fleet.example was told",
        servers=("api-gateway", "file-storage"), alerts=(1,), owner="platform team", runbook=None,
        events=(d.Event(NOW, "mail to operator@fleet.example"),),
    )  # fmt: skip
    return dataclasses.replace(it, alarms=d.AlarmsReport(incidents=(incident,)))


@pytest.mark.parametrize("kind", ["public", "executive"])
def test_only_aliases_and_allowed_fields_are_in_an_edition(report: d.Report, kind: str) -> None:
    it = edition_of(report, edition(kind))
    assert [server.name for server in it.servers] == ["Gateway & Door", "Models", "Accounts", "Agents"]
    assert {(server.endpoint, server.host, server.owner, server.reason) for server in it.servers} == {
        ("", "", None, "")
    }
    assert [server.group for server in it.servers] == ["Core", None, None, None]
    assert dict(it.tally) == {Status.DOWN: 1, Status.DEGRADED: 1, Status.AUTH_WALLED: 1, Status.UP: 1}
    assert it.verdict.sentence == "One of 4 services is down."
    internal = codec.to_json(it).decode()
    names = [server.id for server in report.servers] + [report.host, *(s.owner for s in report.servers if s.owner)]
    assert [name for name in names if name in internal] == []


def test_an_edition_has_its_own_pages_and_every_link_of_them_leads_somewhere(report: d.Report) -> None:
    charted = dataclasses.replace(
        sample_reports.with_few_charts(sample_reports.fleet_report(), 1), alarms=report.alarms
    )
    site = render_edition(charted, edition(), [SECRET])
    pages = sorted(path for path in site.files if path.endswith(".html"))
    named = [f"servers/{slug(alias)}.html" for _, alias in ALIASES[:4]]
    fixed = ["incidents/20261122t1222z-7.html", "index.html", "servers/index.html", "slo.html"]
    assert pages == sorted([*fixed, *named])
    for path in pages:
        page = html5lib.parse(site.files[path].decode(), namespaceHTMLElements=False)
        for link in (*page.iter("a"), *page.iter("link")):
            target = link.get("href", "").partition("#")[0].partition("?")[0]
            assert not target or posixpath.normpath(f"{posixpath.dirname(path)}/{target}").lstrip("/") in site.files, (
                path,
                target,
            )
    executive = render_edition(report, edition("executive"), [SECRET])
    assert sorted(path for path in executive.files if path.endswith(".html")) == ["index.html", "slo.html"]


def test_a_public_server_page_shows_the_course_of_its_answer_times_and_states_alone() -> None:
    it = dataclasses.replace(edition(), aliases=(("api-gateway", "Door"), ("ollama-pool-integration", "Models")))
    site = render_edition(sample_reports.with_few_charts(sample_reports.fleet_report()), it, [SECRET])
    models = slug("Models")
    page = html5lib.parse(site.files[f"servers/{models}.html"].decode(), namespaceHTMLElements=False)
    parts = [section.get("id") for section in page.iter("section")]
    assert parts == ["latency", "states"]
    charts = {row["metric"] for row in json.loads(site.files[f"api/v1/metrics/{models}.json"])["series"]}
    assert charts == {"latency"}
    text = site.files[f"servers/{models}.html"].decode()
    assert "over 7 days." in text
    assert "host begins to swap" not in text
    assert not any(path.startswith(f"servers/{models}/") for path in site.files)
    assert "api/v1/servers.json" not in site.files


def test_slugs_and_identifiers_come_from_the_aliases(report: d.Report) -> None:
    site = render_edition(report, edition(), [SECRET])
    badges = [path for path in site.files if path.startswith("badges/")]
    assert len(badges) == 1 + 4
    assert not any("gateway-and" in path or "api" in path for path in badges)
    grid = json.loads(site.files["api/v1/analytics/dashboard.json"])["fleet_grid"]["servers"]
    assert [row["id"] for row in grid] == ["Gateway & Door", "Models", "Accounts", "Agents"]
    assert {row["tools"] for row in grid} == {None}


def test_an_incident_is_told_in_new_words(report: d.Report) -> None:
    (incident,) = edition_of(report, edition()).alarms.incidents
    assert incident.title == "Gateway & Door is disturbed."
    assert (incident.cause, incident.impact, incident.owner) == ("", "", None)
    assert [event.text for event in incident.events] == ["It began."]


@pytest.mark.parametrize("kind", ["public", "executive"])
def test_the_demonstration_shows_its_editions(demo_site: Path, kind: str) -> None:
    folder = demo_site.with_name(f"{demo_site.name}-{kind}")
    whole = b"".join(
        file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".pdf"
    )
    aliases = dict(demo.editions("")[0].aliases)
    assert [one.id for one in demo.FLEET if one.id.encode() in whole] == ["caelum-report"]  # who made it
    assert all(aliases[one.id].encode() in whole for one in demo.FLEET if one.id in aliases)
    assert (folder / f"servers/{slug(aliases['api-gateway'])}.html").exists() == (kind == "public")
    assert (folder / "report.pdf").exists() == (kind == "executive")


# --- the second lock -------------------------------------------------------------------------------------------------


@cache
def ours(it: Edition) -> Site:
    """Our own words: the edition of a fleet that does not exist."""
    return render(edition_of(specimen(sample_reports.first_report()), edition_of_specimen(it)), pdf=False)


def refusal(report: d.Report, path: str, content: bytes, it: Edition | None = None) -> str:
    try:
        it = it or edition()
        refuse_leaks(it, Site("r-1", {path: content}), report, [SECRET], lambda: ours(it))
    except PublishError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("index.html", b"<p>api-gateway</p>", "a server (api-gateway)"),
        ("index.html", b"<p>API-Gateway</p>", "a server (api-gateway)"),
        ("index.html", b"<p>api&#45;gateway</p>", "a server (api-gateway)"),
        ("report.json", b'{"a":"api\\u002dgateway"}', "a server (api-gateway)"),
        ("feed.atom", b'<link href="x/api%2Dgateway"/>', "a server (api-gateway)"),
        ("badges/api-gateway.svg", b"<svg/>", "a server (api-gateway)"),
        ("report.md", b"asked by caelum-01", "a host (caelum-01)"),
        ("index.html", b"mailto:operator@fleet.example", "an e-mail address (operator@fleet.example)"),
        ("index.html", b"<code>/srv/gateway/run.sh</code>", "a path (/srv/gateway/run.sh)"),
        ("a.svg", b"<svg><title>hunter2-hunter2</title></svg>", "a secret"),
        ("a.svg", b"<svg><text>api-<tspan>gateway</tspan></text></svg>", "a server (api-gateway)"),
        ("a.svg", "<svg><text>ollama-pool-integ…</text></svg>".encode(), "a server (ollama-pool-integration)"),
        ("feed.json", b'{"id":"urn:caelum-01:api-gateway"}', "a server (api-gateway) and a host (caelum-01)"),
        ("index.html", b"<p>Caelum fleet</p>", "a fleet (caelum fleet)"),
        ("index.html", b"<p>Models answer within 2 s</p>", "an objective (models answer within 2 s)"),
    ],
)
def test_a_leak_is_named_by_its_file_and_kind(report: d.Report, path: str, content: bytes, kind: str) -> None:
    assert f"{path} holds {kind}" in refusal(report, path, content)


def test_a_schema_made_for_it_keeps_no_edition_waiting() -> None:
    """A server's schema of underscores took the search for addresses minutes; the processor time of a child says so."""
    program = """
import dataclasses, resource
from caelum_report.editions import Edition
from caelum_report.render.leaks import refuse_leaks
from caelum_report.site import Site
from tests.render import sample_reports
report = sample_reports.fleet_report()
server = next(one for one in report.servers if one.tools)
tool = dataclasses.replace(server.tools[0].tool, schema='{"a":"' + "_" * 90_000 + '"}')
server = dataclasses.replace(server, tools=(dataclasses.replace(server.tools[0], tool=tool),))
report = dataclasses.replace(report, servers=(server,))
site = Site("r", {"index.html": b"<p>All well."}, ())
resource.setrlimit(resource.RLIMIT_CPU, (25, 25))
refuse_leaks(Edition("public", "/nowhere", "Ours", ()), site, report, (), ours=lambda: site)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_secret_is_not_printed(report: d.Report) -> None:
    said = refusal(report, "index.html", SECRET.encode())
    assert "a secret" in said
    assert SECRET not in said


def test_what_the_edition_says_itself_is_no_leak_unless_it_is_a_secret(report: d.Report) -> None:
    named = edition(aliases=(("api-gateway", "The api-gateway"),))
    assert refusal(report, "index.html", b"<h3>The api-gateway is down</h3>", named) == ""
    assert "api-gateway" in refusal(report, "index.html", b"<h3>api-gateway is down</h3>", named)
    assert "a secret" in refusal(report, "index.html", SECRET.encode(), edition(fleet=SECRET))


@pytest.mark.parametrize("kind", ["public", "executive"])
def test_servers_with_our_words_for_names_stop_nothing(report: d.Report, kind: str) -> None:
    names = ("report", "down", "time", "median", "incident", "is", "24", "gateway", "latency", "v")
    odd = tuple(dataclasses.replace(report.servers[0], id=name, name=name, slug=name) for name in names)
    changed = dataclasses.replace(report, servers=(*report.servers, *odd))
    assert render_edition(changed, edition(kind), [SECRET]).files["index.html"]


def test_the_words_of_a_pdf_are_found(report: d.Report) -> None:
    small = dataclasses.replace(report, servers=report.servers[:3])
    paper = pdf.document(small)
    assert "api-gateway" in text_of(paper)
    assert "report.pdf holds" in refusal(report, "report.pdf", paper)
    drawn = text_of(pdf.document(dataclasses.replace(sample_reports.fleet_report(), servers=())))
    assert "06:00" in drawn  # under a chart, where each letter is set alone
    made = pdf.document(edition_of(small, edition()))
    assert "Our services" in text_of(made)
    assert refusal(report, "report.pdf", made) == ""
