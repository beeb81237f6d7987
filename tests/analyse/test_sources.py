"""What sources gave, in the report and on its pages: none, one and forty figures."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from caelum_report import analyse, store
from caelum_report.configured import Config
from caelum_report.document import Report
from caelum_report.grafana import GrafanaLinks, link
from caelum_report.model import Failure, LoggedError, Reading, Sample, Source
from caelum_report.render import render
from caelum_report.store import database as file
from tests.store.given import NOON, config, fleet, hours

CONFIG = config(
    "server-0", "server-1", "server-2", sources=(Source("shop", "http-json", {}, "https://shop.example:443/"),)
)


def report(*readings: tuple[Reading, ...], settings: Config = CONFIG) -> Report:
    """Of runs an hour apart, the last at noon."""
    with closing(file.connect(":memory:")) as connection:
        file.prepare(connection, ":memory:")
        for number, those in enumerate(readings):
            at = NOON - hours(len(readings) - 1 - number)
            snapshot = replace(fleet(at), readings=those)
            identifier = store.add_snapshot(connection, snapshot, settings)
            store.maintain(connection, at, settings)
        history = store.history(connection, identifier, analyse.ROLLED_UP)
    return analyse.report(snapshot, identifier, history, settings, ())


def reading(*samples: Sample, failure: Failure = Failure.OK) -> Reading:
    return Reading("shop", "http-json", failure, "" if failure is Failure.OK else "it refuses us", 0.25, samples)


def test_a_gauge_and_a_counter_with_what_they_are_compared_with() -> None:
    runs = [
        (reading(Sample("server-0", "waiting", n, "count"), Sample("shop", "sent", n * 7200.0, "bytes", counter=True)),)
        for n in range(6)
    ]
    sent, waiting = report(*runs).series
    assert (waiting.subject, waiting.server, waiting.value, waiting.unit) == ("server-0", "server-0", 5, "count")
    assert (waiting.n, waiting.lowest, waiting.mean, waiting.highest) == (6, 0, 2.5, 5)
    assert waiting.spark.mid == (0, 1, 2, 3, 4, 5)
    assert (sent.server, sent.value, sent.unit, sent.raw) == (None, 2.0, "bytes/s", 36000)
    assert sent.n == 5  # a rate has a sample before it


def test_a_source_that_fails_keeps_its_figures_and_says_since_when() -> None:
    made = report((reading(Sample("shop", "waiting", 3)),), (reading(failure=Failure.AUTH_REQUIRED),))
    (source,) = made.sources
    assert (source.failure, source.reason) == (Failure.AUTH_REQUIRED, "it refuses us")
    assert (source.succeeded_at, source.failing_since) == (NOON - hours(1), NOON)
    (finding,) = (finding for finding in made.findings if finding.kind == "source")
    assert finding.title == "The source shop does not answer as asked: it refuses us."
    assert (finding.needs_action, finding.since) == (True, NOON)
    assert finding.evidence == "auth-required; it last did 11:00"
    (figure,) = made.series
    assert (figure.value, figure.at) == (3, NOON - hours(1))


@pytest.mark.parametrize("figures", [0, 1, 40])
def test_its_pages_are_whole(figures: int) -> None:
    samples = [Sample("server-0", "calls", n, counter=True, labels=(("tool", f"<{n}>"),)) for n in range(figures)]
    site = render(report((reading(*samples),), (reading(*samples),)), pdf=False)
    assert site.notes == ()
    page, server = site.files["sources.html"].decode(), site.files["servers/server-0.html"].decode()
    assert page.count("tool &lt;") == figures
    assert server.count("tool &lt;") == min(figures, 20)
    assert ('id="sources"' in server) is bool(figures)
    assert "sources.html" in site.files["method.html"].decode()


def test_without_sources_there_is_no_page_of_them() -> None:
    site = render(report(()), pdf=False)
    assert "sources.html" not in site.files
    assert "Nobody is asked beside the servers" in site.files["method.html"].decode()


def test_more_figures_than_a_report_holds() -> None:
    samples = [Sample("shop", "calls", n, labels=(("n", str(n)),)) for n in range(150)]
    made = report((reading(*samples),))
    assert len(made.series) == 100
    assert made.sources[0].figures == 150


def test_a_source_that_is_no_longer_asked_is_not_shown() -> None:
    assert report((reading(Sample("shop", "waiting", 3)),), ()).series == ()


def logged(*errors: tuple[str, str, int]) -> Reading:
    found = tuple(LoggedError(subject, text, count, NOON, NOON) for subject, text, count in errors)
    return Reading("shop", "log", Failure.OK, errors=found)


def test_errors_of_a_log_stand_on_its_page_and_on_the_servers() -> None:
    hostile = "<script>alert(1)</script> # refused"
    made = report((logged(("server-0", hostile, 3), ("shop", "no route to #", 1200)),))
    assert [(error.server, error.text, error.count, error.is_new) for error in made.errors] == [
        ("server-0", hostile, 3, False),
        (None, "no route to #", 1200, False),
    ]
    assert not [finding for finding in made.findings if finding.kind == "log"], "at first everything is new"
    site = render(made, pdf=False)
    pages = {path: bytes(site.files[path]).decode() for path in ("sources.html", "servers/server-0.html")}
    for page in pages.values():
        assert "&lt;script&gt;alert(1)&lt;/script&gt; # refused" in page
        assert "<script>alert" not in page
    assert "no route to #" in pages["sources.html"]
    assert "no route to #" not in pages["servers/server-0.html"]


def test_what_a_log_never_said_before_is_one_finding() -> None:
    runs = [(logged(("shop", "no route to #", 1)),)] * 30
    made = report(*runs, (logged(("server-0", "disk is full", 5), ("server-0", "cannot write", 2)),))
    (finding,) = (finding for finding in made.findings if finding.kind == "log")
    assert finding.title == "The log shop has an error that it never had before: disk is full"
    assert (finding.server, finding.evidence, finding.needs_action) == (
        "server-0",
        "5 lines in 24 hours; 1 other kind too",
        False,
    )


LINK = "/d/mcp?var-server={server}&from={from}&to={to}"
BACKING = (
    Source("cache", "redis", {}, "redis://cache.example:6379"),
    Source(
        "dashboards",
        "grafana",
        {"url": "https://u:p@g.example/at/?x=1", "server_link": LINK, "host_link": "/d/h?h={host}"},
        "",
    ),
)


def test_backing_services_are_places_of_the_architecture_and_dashboards_are_led_to() -> None:
    readings = (Reading("cache", "redis", Failure.CONNECT_ERROR, "gone"), Reading("dashboards", "grafana", Failure.OK))
    made = report(readings, settings=replace(CONFIG, sources=BACKING))
    services = {node.label: str(node.status) for node in made.architecture.nodes if node.kind == "service"}
    assert services == {"cache": "down", "dashboards": "up"}
    assert ("report", "service:cache", "Redis") in {(e.source, e.target, e.label) for e in made.architecture.edges}
    site = render(made, pdf=False)
    noon = round(NOON.timestamp() * 1000)
    page = bytes(site.files["servers/server-0.html"]).decode()
    assert f'href="https://g.example/at/d/mcp?var-server=server-0&amp;from={noon - 86_400_000}&amp;to={noon}"' in page
    assert 'href="https://g.example/at/d/h?h=' in bytes(site.files["host.html"]).decode()
    assert "u:p@" not in page
    assert "dashboards" in bytes(site.files["architecture.html"]).decode()
    assert 'href="sources.html">Sources<' in bytes(site.files["index.html"]).decode()


def test_a_name_in_a_link_stays_a_name() -> None:
    links = GrafanaLinks("https://g.example", LINK, None)
    assert link(links, LINK, NOON, server='a&b"/../{host}').startswith(
        "https://g.example/d/mcp?var-server=a%26b%22%2F..%2F%7Bhost%7D&"
    )
