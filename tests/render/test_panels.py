"""Charts with their words, as pages place them: titles are said once, silence is one sentence, ranges that say more."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import html5lib
import pytest

from caelum_report import document as d
from caelum_report.model import Era
from caelum_report.render import pages, render
from caelum_report.render.html import breakable, kept
from caelum_report.render.pages import index
from caelum_report.render.pages.panels import beside, figure

from . import sample_reports


@pytest.fixture(scope="module")
def report() -> d.Report:
    return sample_reports.with_few_charts(sample_reports.fleet_report())


@pytest.fixture(scope="module")
def view(report):
    return pages.view_of(report, sha256="0" * 64, pdf=False, static_version="1", drawings={}, notes=[])


def charted(server: d.ServerReport, **changed: object) -> d.Chart:
    return dataclasses.replace(server.charts[0], **changed)


def section(page: bytes, name: str):
    root = html5lib.parse(page.decode(), namespaceHTMLElements=False)
    return next(element for element in root.iter("section") if element.get("id") == name)


def text(element) -> str:
    return " ".join("".join(element.itertext()).split())


@pytest.mark.parametrize(
    ("caption", "wide", "lead"),
    [
        ("Answer time over 24 hours: median 48 ms. At most 1 s.", False, "Over 24 hours: median 48 ms."),
        ("Answer time is now 1.2 s, 4.5 times its median. Over", False, "Now 1.2 s, 4.5 times its median."),
        ("Answer time: 84 ms. Too little history.", False, "84 ms."),
        ("Answer time over 24 hours: median 48 ms. At most 1 s.", True, "Answer time over 24 hours: median 48 ms."),
    ],
)
def test_the_metric_is_named_once(view, report, caption, wide, lead):
    chart = charted(report.servers[0], metric="latency", title="Answer time", caption=caption)
    made = figure(view, chart, "x.csv", "", {}, wide=wide)
    assert (made.title, made.lead) == ("" if wide else "Answer time", lead)


def test_charts_that_have_nothing_to_draw_share_one_sentence(view, report):
    drawn = charted(report.servers[0])
    empty = [
        charted(
            report.servers[0], metric=metric, title=title, points=d.Points(), n=0, empty="No data since 3 July 2026."
        )
        for metric, title in (("rss", "Memory"), ("list", "Listing"))
    ]
    row = beside(view, [*empty, drawn], "x.csv", "", {})
    assert len(row.figures) == 1
    assert row.silent == ("Memory and Listing: no data since 3 July 2026.",)
    alone = figure(view, empty[0], "x.csv", "", {}, wide=True)
    assert (alone.wide, alone.narrow, alone.rest) == (None, None, "No data since 3 July 2026.")


def test_objectives_that_nothing_measured_yet_are_one_line(report):
    unmeasured = tuple(
        dataclasses.replace(one, achieved=None, budget_left=None, burn_24h=None) for one in report.objectives
    )
    first = render(dataclasses.replace(report, objectives=unmeasured), pdf=False)
    said = text(section(first.files["index.html"], "objectives"))
    assert said == "SLO and budget 5 objectives, too little data yet: figures begin after 24 hours."


def test_of_up_time_the_ranges_stand_that_know_more_than_the_shorter_one(report):
    server = report.servers[0]
    checks = {"day": 24, "week": 168, "month": 700, "quarter": 700, "year": 700}
    uptimes = tuple(dataclasses.replace(one, checks=checks[one.range]) for one in server.uptime)
    young = dataclasses.replace(report, servers=(dataclasses.replace(server, uptime=uptimes), *report.servers[1:]))
    states = section(render(young, pdf=False).files[f"servers/{server.slug}.html"], "states")
    heads = [text(row.find("th")) for table in states.iter("table") for row in table.iter("tr")]
    assert [head for head in heads if head in {"Day", "Week", "Month", "Quarter", "Year"}] == ["Day", "Week", "Month"]


def test_a_period_over_midnight_is_told_by_its_length(report):
    def period(hours: float, compared: float | None) -> str:
        start = report.at - timedelta(hours=hours)
        earlier = start - timedelta(hours=compared) if compared else None
        return index._period(dataclasses.replace(report, period_start=start, compared_start=earlier)).replace(
            "\u00a0", " "
        )

    assert period(1, 1) == "13:00–14:00, after 12:00–13:00"
    assert period(24, 24) == "24 h to 14:00, after the 24 h before"
    assert period(24, None) == "24 h to 14:00"
    assert period(0, None) == "one snapshot, 14:00"


def test_only_revisions_that_somebody_was_asked_for_are_columns(report):
    ready = d.Readiness(
        revisions=("2024-11-05", "2025-03-26", "2025-11-25", "2026-07-28"),
        servers=(
            d.ReadyServer(report.servers[0].id, None, None, (d.Speaks.UNKNOWN,) * 4, ()),
            d.ReadyServer(
                report.servers[1].id,
                Era.LEGACY,
                "2025-11-25",
                (d.Speaks.UNKNOWN, d.Speaks.UNKNOWN, d.Speaks.SPOKEN, d.Speaks.NO),
                (),
            ),
        ),
    )
    page = render(dataclasses.replace(report, readiness=ready), pdf=False).files["readiness.html"]
    revisions = section(page, "revisions")
    heads = [text(head) for head in revisions.iter("th") if head.get("scope") == "col"]
    assert heads == ["Server", "Era", "2025-11-25", "2026-07-28", "To change"]
    assert "older ones than the agreed one are not asked for, and 2024-11-05 and 2025-03-26 of none." in text(revisions)


@pytest.mark.slow
def test_tables_of_a_large_fleet_end_with_where_the_others_are():
    made = sample_reports.large_report(260)
    large = render(dataclasses.replace(made, architecture=sample_reports.diagram(made.servers)), pdf=False)
    for page, part in (("architecture.html", "places"), ("trends.html", "uptime")):
        table = section(large.files[page], part)
        rows = len(list(table.iter("tr"))) - 1
        assert rows == 200
        assert "more servers" in text(table)
    places = [text(row.find("th")) for row in section(large.files["architecture.html"], "places").iter("tr")][1:]
    assert large.files["architecture.html"].count(b"is-down") >= 1
    assert len(set(places)) == 200


def test_a_date_is_not_broken_at_its_hyphens_and_what_surrounds_it_is_escaped():
    said = kept("<b> speaks 2026-07-28; 12026-07-281 does not")
    assert str(said) == ('&lt;b&gt; speaks <span class="keep">2026-07-28</span>; 12026-07-281 does not')


def test_long_names_break_at_their_seams_and_short_ones_stay_whole():
    assert str(breakable("<a> /srv/fleet/servers/one_of_many/bin & VOICE_TOKEN")) == (
        "&lt;a&gt; /<wbr>srv/<wbr>fleet/<wbr>servers/<wbr>one_<wbr>of_<wbr>many/<wbr>bin &amp; VOICE_TOKEN"
    )


def test_what_was_measured_once_is_its_number_and_no_frame_around_a_dot(view, report):
    once = charted(report.servers[0], metric="rss", title="Memory", points=d.Points((1,), (11 * 1024.0**2,)), n=1)
    row = beside(view, [once], "x.csv", "", {})
    assert row.figures == ()
    assert [said.replace("\u00a0", " ") for said in row.silent] == [
        "Measured once. Memory: 11 MiB. Charts begin with a second measurement."
    ]
    alone = figure(view, once, "x.csv", "", {}, wide=True)
    assert alone.wide is None
    assert alone.rest.endswith("The chart begins with a second one.")


def test_a_mark_that_many_charts_show_is_told_once(view, report):
    marked = (d.Mark(report.at, "Keys rotated", None),)
    alike = [charted(report.servers[0], metric=m, title=m, marks=marked) for m in ("rss", "list", "latency")]
    alone = charted(report.servers[0], metric="cpu_seconds", title="cpu", marks=(d.Mark(report.at, "Moved", None),))
    row = beside(view, [*alike, alone], "x.csv", "", {})
    assert [words for _, _, words, _ in row.marks] == ["Keys rotated"]
    assert [[words for _, _, words, _ in one.marks] for one in row.figures] == [[], [], [], ["Moved"]]
    lead = figure(view, alike[0], "x.csv", "", {}, wide=True)
    assert [words for _, _, words, _ in lead.marks] == ["Keys rotated"]
    below = beside(view, alike[1:], "x.csv", "", {}).below(lead)
    assert (below.marks, [one.marks for one in below.figures]) == ((), [(), ()])
