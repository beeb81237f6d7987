"""Every file for programs is declared, valid by its own schema, and says what page 1 says."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import html5lib
import jsonschema  # comes with mcp, the probe's second opinion
import pytest

from caelum_report import document as d
from caelum_report.archived import Kept
from caelum_report.model import Status
from caelum_report.render import feeds, pages, render, schemas
from caelum_report.render.catalogue import DOCUMENTS
from caelum_report.render.page_one import page_one

from . import sample_reports
from .sample_reports import NOW

ATOM = "{http://www.w3.org/2005/Atom}"


def few(report: d.Report) -> d.Report:
    return dataclasses.replace(report, servers=report.servers[:4])


ENOUGH = 4  # files of one kind
REPORTS = {
    "first": sample_reports.first_report,
    "fleet": lambda: sample_reports.with_few_charts(sample_reports.fleet_report()),
    "well": lambda: few(sample_reports.well_report()),
    "hostile": lambda: sample_reports.with_few_charts(sample_reports.hostile_report()),
}


@pytest.fixture(scope="module")
def sites():
    return {name: dict(render(make(), pdf=False).files) for name, make in REPORTS.items()}


def pattern(path: str) -> str:
    return re.sub(r"\{\w+\}", "*", path)


def declared(path: str):
    """A literal path before one with a wildcard."""
    return next(
        (
            document
            for document in sorted(DOCUMENTS, key=lambda one: one.path.count("{"))
            if fnmatch.fnmatchcase(path, pattern(document.path)) and document.path.count("/") == path.count("/")
        ),
        None,
    )


def for_programs(paths):
    ours = ("static/", "api/v1/schemas/")
    return [path for path in paths if not path.endswith(".html") and not path.startswith(ours)]


@pytest.mark.parametrize("name", REPORTS)
def test_every_file_is_declared_and_what_is_always_there_is_there(sites, name: str) -> None:
    files = sites[name]
    undeclared = [path for path in for_programs(files) if declared(path) is None]
    assert undeclared == ["api/v1/openapi.json"]
    assert [
        document.path for document in DOCUMENTS if document.always and not fnmatch.filter(files, pattern(document.path))
    ] == []


@pytest.mark.parametrize("name", REPORTS)
def test_every_document_is_valid_by_its_schema(sites, name: str) -> None:
    checked: Counter[str] = Counter()
    for path in for_programs(sites[name]):
        document = declared(path)
        if document is None or document.schema is None or checked[document.path] == ENOUGH:
            continue
        schema = json.loads(sites[name][f"api/v1/schemas/{document.schema}.json"])
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        problems = [f"{path}: {error.message}" for error in validator.iter_errors(json.loads(sites[name][path]))]
        assert problems == []
        checked[document.path] += 1
    assert len(checked) >= 12


def test_the_demonstration_is_valid_too(demo_site: Path) -> None:
    schema_of = {document.path: document.schema for document in DOCUMENTS if document.schema}
    for path, name in schema_of.items():
        schema = json.loads((demo_site / f"api/v1/schemas/{name}.json").read_bytes())
        validator = jsonschema.Draft202012Validator(schema)
        for file in sorted(demo_site.glob(pattern(path)))[:3]:
            validator.validate(json.loads(file.read_bytes()))


def test_schemas_are_named_by_what_they_are_of_and_by_no_module_of_ours() -> None:
    assert [name for name in schemas.components() if "__" in name] == []


def test_schemas_are_schemas_and_refuse_what_is_wrong(sites) -> None:
    for schema in schemas.schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)
    servers = json.loads(sites["fleet"]["api/v1/servers.json"])
    servers["servers"][0]["status"] = "fine"
    del servers["servers"][1]["failure"]
    problems = jsonschema.Draft202012Validator(schemas.schemas()["servers"]).iter_errors(servers)
    assert len(list(problems)) == 2


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_json_has_a_schema_in_openapi(sites, name: str) -> None:
    paths = json.loads(sites[name]["api/v1/openapi.json"])["paths"]
    for path, item in paths.items():
        for media_type, content in item["get"]["responses"]["200"]["content"].items():
            assert not media_type.endswith("json") or content["schema"] != {"type": "string"}, path
    content = paths["/feed.json"]["get"]["responses"]["200"]["content"]["application/feed+json"]
    jsonschema.validate(json.loads(sites[name]["feed.json"]), content["schema"])


def test_openapi_names_every_file_and_every_reference_leads_somewhere(sites) -> None:
    document = json.loads(sites["fleet"]["api/v1/openapi.json"])
    assert document["openapi"] == "3.1.0"
    assert list(document["paths"]) == [f"/{one.path}" for one in DOCUMENTS]
    assert document["servers"] == [{"url": "../.."}]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])
    operations = [path["get"]["operationId"] for path in document["paths"].values()]
    assert len(set(operations)) == len(operations)
    for path, item in document["paths"].items():
        named = [parameter["name"] for parameter in item["get"].get("parameters", [])]
        assert named == re.findall(r"\{(\w+)\}", path)


# --- page 1 ----------------------------------------------------------------------------------------------------------


def dashboard(files):
    return json.loads(files["api/v1/analytics/dashboard.json"])


def page(files, path: str = "index.html"):
    return html5lib.parse(files[path].decode(), namespaceHTMLElements=False)


def text(element) -> str:
    return " ".join("".join(element.itertext()).split())


@pytest.mark.parametrize("name", REPORTS)
def test_the_dashboard_has_page_ones_parts_in_its_order(sites, name: str) -> None:
    parts = [part for part in dashboard(sites[name]) if part not in {"report", "number", "at", "fleet"}]
    assert parts == ["verdict", "needs_action", "changed", "objectives", "looming", "fleet_grid", "read_on"]


@pytest.mark.parametrize("name", REPORTS)
def test_the_dashboard_says_what_index_says(sites, name: str) -> None:
    facts, index = dashboard(sites[name]), page(sites[name])
    assert facts["verdict"]["sentence"] == text(index.find(".//h1"))
    sections = {section.get("id"): section for section in index.iter("section")}
    needs = [text(title) for title in sections["needs-action"].iter("h3")]
    assert [one["title"] for one in facts["needs_action"]["findings"]] == needs
    names = [text(row.find("./th")) for row in sections["looming"].iterfind(".//tbody/tr")]
    assert [one["what"] for one in facts["looming"]["looming"]] == names or not names
    objectives = [text(row.find("./th")) for row in sections["objectives"].iterfind(".//tbody/tr")]
    assert [one["name"] for one in facts["objectives"]["objectives"]] == objectives or not objectives
    changed = sections["changed"].findall(".//tbody/tr")
    assert len(facts["changed"]["changes"]) == len(changed)


def test_the_fleet_of_the_dashboard_is_the_table(sites) -> None:
    facts, index = dashboard(sites["fleet"]), page(sites["fleet"])
    rows = [
        row
        for table in index.iter("table")
        if "fleet" in table.get("class", "")
        for row in table.iterfind("./tbody/tr")
    ]
    assert [one["name"] for one in facts["fleet_grid"]["servers"]] == [text(row.find("./th")) for row in rows]
    shares = {row.find("./td[@data-label='up']").get("data-sort") for row in rows} - {""}
    assert shares == {str(s) for one in facts["fleet_grid"]["servers"] if (s := one["up_share_30_days"]) is not None}


def test_a_large_fleet_is_told_by_groups() -> None:
    report = sample_reports.large_report()
    view = pages.view_of(report, sha256="", pdf=False, static_version="", drawings={}, notes=[])
    grid = page_one(view).fleet_grid
    assert len(grid.servers) + sum(group.servers for group in grid.groups) == 1000
    assert len(grid.servers) <= 60


# --- feeds -----------------------------------------------------------------------------------------------------------


def incident(number: int, *, lasts: bool) -> d.IncidentReport:
    began = NOW - timedelta(hours=3 * number)
    ended = None if lasts else began + timedelta(minutes=40)
    return d.IncidentReport(
        id=f"{began:%Y%m%dt%H%Mz}-{number}",
        title="<api-gateway> refuses & drops every connection.",
        severity="critical",
        began_at=began,
        ended_at=ended,
        seconds=2_400,
        cause="",
        impact="3 servers need it.",
        servers=("api-gateway",),
        alerts=(number,),
        owner=None,
        runbook=None,
        events=(d.Event(began, "down fires"), *((d.Event(ended, "resolved"),) if ended else ())),
    )


def with_incidents(**changed):
    """Few servers: the feeds say nothing of each."""
    report = sample_reports.fleet_report()
    alarms = d.AlarmsReport(incidents=(incident(1, lasts=True), incident(2, lasts=False)))
    return dataclasses.replace(report, servers=report.servers[:1], alarms=alarms, **changed)


def entries(files):
    feed = ET.fromstring(files["feed.atom"])  # our own bytes
    return feed, feed.findall(f"{ATOM}entry")


@pytest.mark.parametrize("site_url", [None, "https://reports.example/fleet"])
def test_the_atom_feed_keeps_rfc_4287(site_url: str | None) -> None:
    files = render(with_incidents(site_url=site_url), pdf=False).files
    feed, items = entries(files)
    for one in (feed, *items):
        for name in ("id", "title", "updated"):
            assert len(one.findall(f"{ATOM}{name}")) == 1
        assert one.findtext(f"{ATOM}id", "").startswith("tag:")
        assert datetime.fromisoformat(one.findtext(f"{ATOM}updated", "")).tzinfo is not None
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    links = [link.get("href", "") for link in feed.iter(f"{ATOM}link")]
    if site_url:
        assert all(link.startswith(f"{site_url}/") for link in links)
        assert feed.findtext(f"{ATOM}id") == "tag:reports.example,2026:caelum-report/fleet/feed"
    else:
        assert all(link in files or link == "feed.atom" for link in links)
    ids = [item.findtext(f"{ATOM}id") for item in items]
    assert len(set(ids)) == len(ids) > 1


def test_both_feeds_tell_the_same() -> None:
    files = render(with_incidents(), pdf=False).files
    feed = json.loads(files["feed.json"])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    _, items = entries(files)
    assert [item["id"] for item in feed["items"]] == [item.findtext(f"{ATOM}id") for item in items]
    assert [item["title"] for item in feed["items"]] == [item.findtext(f"{ATOM}title") for item in items]
    assert [item["content_text"] for item in feed["items"]] == [item.findtext(f"{ATOM}content") for item in items]


def test_past_reports_stand_in_the_feed_and_lead_to_the_archive() -> None:
    kept = (Kept("r-20261122T1200Z-4216", 4216, NOW - timedelta(hours=1), "up", "All is well.", (), 0),)
    feed = json.loads(feeds.json_feed(with_incidents(site_url="https://reports.example/"), kept))
    reports = [(item["title"], item["url"]) for item in feed["items"] if item["tags"] == ["report"]]
    assert reports[1] == ("Report #4216: All is well.", "https://reports.example/archive/r-20261122T1200Z-4216.html")
    dates = [item["date_modified"] for item in feed["items"]]
    assert dates == sorted(dates, reverse=True)


def test_without_an_address_the_json_feed_has_no_relative_one() -> None:
    feed = json.loads(render(with_incidents(site_url=None), pdf=False).files["feed.json"])
    assert not {"home_page_url", "feed_url"} & set(feed)
    assert all("url" not in item for item in feed["items"])


def test_an_incident_keeps_its_identifier_in_the_next_report() -> None:
    now = with_incidents()
    later = dataclasses.replace(now, id="r-later-1", number=now.number + 1)
    ids = [
        {item["id"] for item in json.loads(render(report, pdf=False).files["feed.json"])["items"]}
        for report in (now, later)
    ]
    assert len(ids[0] & ids[1]) == len(ids[0]) - 1  # the report's own entry is a new one


# --- badges, heads ---------------------------------------------------------------------------------------------------


def test_a_badge_says_the_state_in_words_and_brings_no_style(sites) -> None:
    report = sample_reports.fleet_report()
    for server in report.servers:
        badge = ET.fromstring(sites["fleet"][f"badges/{server.slug}.svg"])
        words = [element.text for element in badge.iter("{http://www.w3.org/2000/svg}text")]
        assert words[0] == server.name
        assert words[1] == ("in maintenance" if server.status is Status.MAINTENANCE else server.status.value)
        assert b"style" not in sites["fleet"][f"badges/{server.slug}.svg"]
    assert "1 down" in sites["fleet"]["badges/index.svg"].decode()


def test_a_strangers_name_is_only_text_on_a_badge(sites) -> None:
    for path, content in sites["hostile"].items():
        if path.startswith("badges/"):
            assert {element.tag.rpartition("}")[2] for element in ET.fromstring(content).iter()} <= {
                "svg", "title", "rect", "path", "text", "g", "circle",
            }  # fmt: skip


@pytest.mark.parametrize("path", ["index.html", "servers/api-gateway.html", "api/index.html"])
def test_every_page_names_its_other_faces(sites, path: str) -> None:
    root = "../" * path.count("/")
    links = {
        link.get("type"): link.get("href").removeprefix(root)
        for link in page(sites["fleet"], path).iter("link")
        if link.get("rel") in {"alternate", "service-desc"}
    }
    assert links.pop("application/openapi+json") == "api/v1/openapi.json"
    assert set(links) == {"application/json", "text/markdown", "application/atom+xml", "application/feed+json"}
    assert all(target in sites["fleet"] for target in links.values())


def test_the_api_page_links_only_to_files_of_this_site(sites) -> None:
    for files in sites.values():
        for link in page(files, "api/index.html").iter("a"):
            target = link.get("href", "")
            if target.startswith("../") and not target.endswith(".html"):
                assert target.removeprefix("../").partition("#")[0] in files, target
