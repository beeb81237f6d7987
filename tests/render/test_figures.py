"""Fleet-level figures: clean, said in words, and absent where there is too little to see."""

from __future__ import annotations

import dataclasses
import re
from xml.etree import ElementTree as ET

import pytest

from caelum_report.render import figures

from . import sample_reports

SVG = "{http://www.w3.org/2000/svg}"
BOTH = (figures.state_heat_map, figures.latency_distribution)


@pytest.mark.parametrize("draw", BOTH)
@pytest.mark.parametrize("skin", ["css", "light"])
@pytest.mark.parametrize("report", [sample_reports.fleet_report, sample_reports.hostile_report])
def test_clean_and_deterministic(draw, skin, report) -> None:
    pair = draw(report(), skin)
    assert pair == draw(report(), skin)
    for text in pair:
        svg = ET.fromstring(text)
        for element in svg.iter():
            assert "style" not in element.attrib
            assert element.tag.removeprefix(SVG) in {"svg", "title", "desc", "path", "text"}
            assert ("class" in element.attrib) <= (skin == "css")
        assert svg.findtext(f"{SVG}title")


def x_of(path: str) -> list[float]:
    return [float(start) for start in re.findall(r"M(-?[\d.]+)", path)]


@pytest.mark.parametrize("draw", BOTH)
def test_the_narrow_drawing_fits_a_phone_and_holds_today(draw) -> None:
    svg = ET.fromstring(draw(sample_reports.fleet_report()).narrow)
    width = float(svg.attrib["width"])
    assert width <= 344
    for element in svg.iter(f"{SVG}path"):
        assert all(-1 <= x <= width for x in x_of(element.attrib["d"]))
    if draw is figures.state_heat_map:
        bars = [x for e in svg.iter(f"{SVG}path") for x in x_of(e.attrib["d"])]
        assert max(bars) > width - 25, "today's column is on screen"
        assert "today" in {e.text for e in svg.iter(f"{SVG}text")}


def test_every_bar_is_a_day_and_the_key_says_the_states_in_words() -> None:
    report = sample_reports.fleet_report()
    svg = ET.fromstring(figures.state_heat_map(report).wide)
    down = sum(day.status == "down" for server in report.servers for day in server.strip[-30:])
    bars = "".join(e.get("d", "") for e in svg.iter(f"{SVG}path") if e.get("class") == "cx-cell-down")
    assert bars.count("M") == down + 1  # and one in the key
    words = {e.text for e in svg.iter(f"{SVG}text")}
    assert {"down", "degraded", "up", "blank: no data"} <= words
    assert {server.name for server in report.servers} <= words


def test_the_slowest_is_first_and_named() -> None:
    text = figures.latency_distribution(sample_reports.fleet_report()).wide
    svg = ET.fromstring(text)
    assert "ollama-pool-integration is the slowest" in (svg.findtext(f"{SVG}desc") or "")


def test_one_look_at_each_server_is_drawn_without_ranges() -> None:
    report = sample_reports.fleet_report()
    once = [
        dataclasses.replace(server, spark=dataclasses.replace(server.spark, mid=server.spark.mid[:1]))
        for server in report.servers
    ]
    pair = figures.latency_distribution(dataclasses.replace(report, servers=tuple(once)))
    assert pair
    for text in pair:
        classes = {path.get("class") for path in ET.fromstring(text).iter(f"{SVG}path")}
        assert {"cx-median", "cx-tail"} <= classes
        assert not classes & {"cx-box", "cx-whisker"}


@pytest.mark.parametrize("draw", BOTH)
def test_none_of_too_little(draw) -> None:
    assert draw(sample_reports.first_report()) is None
    assert draw(dataclasses.replace(sample_reports.fleet_report(), servers=())) is None


@pytest.mark.parametrize("draw", BOTH)
def test_a_thousand_servers_show_the_worst_and_count_the_rest(draw) -> None:
    svg = ET.fromstring(draw(sample_reports.large_report(200)).wide)
    assert "are not drawn" in (svg.findtext(f"{SVG}desc") or "")
