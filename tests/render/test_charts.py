"""Charts: what they say, what they never contain, and scales that hold for any data."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.document import Chart, Limit, Mark, Passage, Points, Stat, StateSpan
from caelum_report.model import Status
from caelum_report.render import charts
from caelum_report.render.scales import scale, time_ticks
from caelum_report.render.skins import ROLES

NOW = datetime(2026, 11, 22, 13, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def day(values: list[float], **more: object) -> Chart:
    start = int((NOW - timedelta(days=1)).timestamp())
    step = 86_400 // max(len(values), 1)
    points = Points(
        tuple(start + step * (index + 1) for index in range(len(values))), tuple(values), tuple(values), tuple(values)
    )
    whole = {
        "id": "latency-day",
        "metric": "latency",
        "subject": "github",
        "title": "Answer time",
        "caption": "It is steady.",
        "range": "day",
        "start": NOW - timedelta(days=1),
        "end": NOW,
        "points": points,
        "band": "p5–p95",
        "interval_seconds": float(step),
        "stats": (Stat("Last", values[-1] if values else None, "seconds"),),
    }
    return Chart(**(whole | more))


def drawn(chart: Chart, size: charts.Size = "M", skin: charts.Skin = "css") -> ET.Element:
    return ET.fromstring(charts.svg(chart, "Europe/Berlin", size, skin))


def texts(svg: ET.Element) -> list[str]:
    return [element.text or "" for element in svg.iter(f"{SVG}text")]


def of(svg: ET.Element, role: str) -> list[ET.Element]:
    return [element for element in svg.iter() if element.get("class") == f"cx-{role}"]


def test_same_chart_same_bytes() -> None:
    chart = day([0.2, 0.3, 0.25] * 40)
    assert charts.svg(chart, "Europe/Berlin", "L", "css") == charts.svg(chart, "Europe/Berlin", "L", "css")


@pytest.mark.parametrize("size", ["M", "L", "P"])
@pytest.mark.parametrize("skin", ["css", "light", "dark"])
def test_nothing_that_a_page_forbids(size: charts.Size, skin: charts.Skin) -> None:
    chart = day(
        [0.2, 0.3] * 60,
        marks=(Mark(NOW - timedelta(hours=3), "deployment", "changes.html"),),
        spans=(StateSpan(NOW - timedelta(hours=4), NOW - timedelta(hours=3), Status.DOWN),),
        limit=Limit(0.25, "objective"),
    )
    svg = drawn(chart, size, skin)
    ids = [element.get("id") for element in svg.iter() if element.get("id")]
    assert ids == [f"latency-day-{size.lower()}-t", f"latency-day-{size.lower()}-d"]
    for element in svg.iter():
        assert "style" not in element.attrib
        assert element.tag.removeprefix(SVG) not in {"style", "script", "image", "metadata", "use"}
        if skin != "css":
            assert "class" not in element.attrib
    classes = {element.get("class", "") for element in svg.iter()} - {"", f"cx cx-{size.lower()}"}
    assert classes <= {f"cx-{role}" for role in ROLES}


def test_every_class_has_a_rule() -> None:
    sheet = charts.stylesheet()
    assert all(f".cx-{role}{{" in sheet for role in ROLES)
    assert "prefers-color-scheme:dark" in sheet
    assert "forced-colors:active" in sheet


def test_text_alternative_says_what_the_picture_says() -> None:
    chart = day(
        [0.2] * 10 + [0.9],
        stats=(Stat("Last", 0.9, "seconds", "day before 0.2 s"), Stat("Max", 0.9, "seconds")),
        limit=Limit(0.5, "objective 500 ms"),
        spans=(StateSpan(NOW - timedelta(hours=1), NOW, Status.DEGRADED),),
    )
    svg = drawn(chart)
    assert svg.get("role") == "img"
    assert svg.findtext(f"{SVG}title") == "Answer time"
    description = svg.findtext(f"{SVG}desc") or ""
    for part in ("Github, the last 24 hours", "Last 900\u00a0ms (day before 0.2 s)", "is exceeded", "1 incident"):
        assert part in description


def test_marks_with_a_page_are_links_from_any_depth() -> None:
    chart = day([0.2] * 24, marks=(Mark(NOW - timedelta(hours=3), "deployment", "changes.html#since"),))
    svg = ET.fromstring(charts.svg(chart, "Europe/Berlin", "M", "css", root="../"))
    assert svg.get("role") == "group"
    assert [link.get("href") for link in svg.iter(f"{SVG}a")] == ["../changes.html#since"]


def test_marks_never_overlap() -> None:
    chart = day([0.2] * 24, marks=tuple(Mark(NOW - timedelta(minutes=i), str(i)) for i in range(9)))
    places = sorted(float(disc.get("cx", 0)) for disc in of(drawn(chart), "mark"))
    assert len(places) == 9
    assert all(b - a >= 16.9 for a, b in pairwise(places))
    assert places[-1] <= 293


def test_empty_chart_is_a_sentence_and_no_plot() -> None:
    svg = drawn(day([], empty="No data since 3 July 2026."))
    assert texts(svg) == ["No data since 3 July 2026."]
    assert not list(svg.iter(f"{SVG}path"))


def test_a_hole_breaks_the_line_and_a_lone_point_is_a_dot() -> None:
    chart = day([0.2] * 24)
    kept = [i for i in range(24) if i not in {5, 6, 7, 9, 10, 11}]
    pick = lambda row: tuple(row[i] for i in kept)  # noqa: E731
    points = Points(pick(chart.points.at), pick(chart.points.mid))
    svg = drawn(dataclasses.replace(chart, points=points))
    line = next(element for element in of(svg, "line") if "l" in element.get("d", ""))
    assert line.get("d", "").count("M") == 2
    assert len(of(svg, "lone")) == 1


def test_one_outlier_does_not_flatten_the_rest() -> None:
    svg = drawn(day([0.2] * 100 + [40.0] + [0.2] * 100))
    assert len(of(svg, "caret")) == 1
    assert "400" in texts(svg)  # milliseconds: the scale ends at 1.6 times the usual


def test_limit_takes_the_place_of_a_label_beside_it() -> None:
    svg = drawn(day([0.1, 1.0], limit=Limit(0.61, "objective")))
    assert [element.text for element in of(svg, "limit-end")] == ["0.61"]
    assert "0.6" not in texts(svg)


def test_limit_far_above_is_named_rather_than_drawn() -> None:
    svg = drawn(day([0.01] * 50, limit=Limit(2.0, "objective")), "L")
    assert not of(svg, "limit-end")
    assert any("objective" in text and "above" in text for text in texts(svg))


def test_rolled_up_history_is_no_chain_of_holes() -> None:
    chart = day([0.2] * 24, interval_seconds=60.0)
    assert not of(drawn(chart), "lone")


HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=y>\u202e\x00\ud800$\\frac{"


@pytest.mark.parametrize("skin", ["css", "light"])
def test_hostile_words_stay_words(skin: charts.Skin) -> None:
    chart = day(
        [0.1, 0.2],
        title=HOSTILE,
        subject=HOSTILE,
        band=HOSTILE,
        stats=(Stat(HOSTILE, 1.0, "seconds", HOSTILE),),
        marks=(Mark(NOW - timedelta(hours=1), HOSTILE),),
        limit=Limit(0.15, HOSTILE),
        id=HOSTILE,
    )
    svg = drawn(chart, "L", skin)
    assert not [e for e in svg.iter() if e.tag.removeprefix(SVG) in {"script", "img"}]
    assert "<U+202E>" in (svg.findtext(f"{SVG}title") or "")


ODD = [0.0, -5.0, 1e-30, 5e-324, 1e30, -1e308, 1e308, 0.1, 100.0, float("nan"), float("inf")]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(ODD), st.floats(allow_nan=True, allow_infinity=True)), min_size=0, max_size=40),
    st.sampled_from(["latency", "rss", "host_cpu", "tools", "disk_read", "host_temperature"]),
    st.sampled_from(["M", "L", "P"]),
)
def test_any_numbers_make_a_picture(values: list[float], metric: str, size: charts.Size) -> None:
    svg = drawn(day(values, metric=metric, stats=()), size)
    numbers = [float(n) for e in svg.iter(f"{SVG}path") for n in re.findall(r"-?\d+\.?\d*", e.get("d", ""))]
    assert all(abs(number) < 2000 for number in numbers)


@settings(max_examples=300, deadline=None)
@given(
    st.floats(-1e12, 1e12),
    st.floats(0, 1e12),
    st.sampled_from(["seconds", "bytes", "percent", "count", "bytes/s", "celsius", "ratio"]),
    st.sampled_from([None, 1.0, 100.0]),
    st.booleans(),
)
def test_a_scale_holds_its_data_and_its_labels_differ(
    low: float, span: float, unit: str, cap: float | None, from_zero: bool
) -> None:
    high = low + span
    if cap is not None and not from_zero:
        high = min(high, cap)
        low = min(low, high)
    made = scale(low, high, unit, cap, from_zero=from_zero)
    slack = (made.top - made.bottom) * 1e-6
    assert made.bottom <= low + slack
    assert made.top >= high - slack
    assert made.intervals in {3, 4, 5}
    assert len(set(made.labels)) == len(made.labels) == made.intervals + 1


@pytest.mark.parametrize(
    ("high", "unit", "cap", "labels", "name"),
    [
        (0.905, "seconds", None, ("0", "0.2", "0.4", "0.6", "0.8", "1.0"), "s"),
        (3.75 * 2**30, "bytes", None, ("0", "1", "2", "3", "4"), "GiB"),
        (42, "count", None, ("0", "10", "20", "30", "40", "50"), ""),
        (97, "percent", 100, ("0", "20", "40", "60", "80", "100"), "%"),
        (400, "seconds", None, ("0", "2", "4", "6", "8"), "min"),
        (0, "count", None, ("0", "1", "2", "3", "4"), ""),
    ],
)
def test_steps_that_people_count_in(
    high: float, unit: str, cap: float | None, labels: tuple[str, ...], name: str
) -> None:
    made = scale(0, high, unit, cap)
    assert (made.labels, made.unit) == (labels, name)


def test_a_rate_near_its_cap_hangs_from_it() -> None:
    made = scale(99.78, 99.999, "percent", 100, from_zero=False)
    assert (made.bottom, made.top) == (99.75, 100)


def ticks(name: str, start: datetime, end: datetime, zone: str) -> list[tuple[str, str]]:
    found = time_ticks(name, int(start.timestamp()), int(end.timestamp()), zone, roomy=True)
    return [(t.label, f"{datetime.fromtimestamp(t.at, UTC):%d %H:%M}") for t in found if t.at is not None]


def test_the_day_the_clocks_go_back_has_a_step_of_four_hours() -> None:
    found = ticks("day", datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC), "Europe/Berlin")
    assert found == [("Sun 25", "24 22:00"), ("03:00", "25 02:00"), ("06:00", "25 05:00")]


@pytest.mark.parametrize(
    ("zone", "day_of_change"), [("Africa/Cairo", date(2026, 4, 24)), ("America/Santiago", date(2026, 9, 6))]
)
def test_a_midnight_that_does_not_exist_is_the_first_moment_that_does(zone: str, day_of_change: date) -> None:
    noon = datetime.combine(day_of_change, time(12), UTC)
    found = time_ticks("day", int((noon - timedelta(days=1)).timestamp()), int(noon.timestamp()), zone, roomy=True)
    strong = [t.at for t in found if t.strong and t.label.endswith(f" {day_of_change.day}")]
    local = [datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)) for at in strong if at]
    assert [f"{at:%d %H:%M}" for at in local] == [f"{day_of_change.day:02d} 01:00"]


@pytest.mark.parametrize("name", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("size", ["M", "L", "P"])
def test_every_range_in_every_size(name: str, size: charts.Size) -> None:
    days = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[name]
    chart = dataclasses.replace(day([0.1] * 8), range=name, start=NOW - timedelta(days=days))
    assert len(texts(drawn(chart, size))) > 6


def test_spark_of_nothing_and_of_one_point() -> None:
    assert "cx-spark-gap" in charts.spark(Points(), 0, 100, 90, 20, "css")
    assert "circle" in charts.spark(Points((50,), (1.0,)), 0, 100, 90, 20, "css")


def test_a_file_of_its_own_has_its_colours_in_it() -> None:
    ET.fromstring(charts.picture(day([0.1] * 8), "UTC", "L"))


def foretold(**more: object) -> Chart:
    """A day, and half a day more that rises into its limit."""
    at = tuple(int((NOW + timedelta(hours=hour)).timestamp()) for hour in range(1, 12))
    middle = tuple(0.3 + 0.02 * hour for hour in range(1, 12))
    ahead = Points(at, middle, tuple(m - 0.05 for m in middle), tuple(m + 0.05 for m in middle))
    passage = Passage(*(NOW + timedelta(hours=hour) for hour in (6, 4, 9)))
    return day([0.3] * 24, **{"forecast": ahead, "limit": Limit(0.4, "objective"), "passage": passage} | more)


@pytest.mark.parametrize("size", ["M", "L", "P"])
def test_a_forecast_stands_right_of_now(size: charts.Size) -> None:
    svg = drawn(foretold(), size)
    (now,) = of(svg, "now")
    middle = float(re.findall(r"M([\d.]+)", now.get("d") or "")[0])
    assert middle == pytest.approx(charts.GEOMETRY[size].plot_width * 2 / 3, abs=1)
    (wedge,), (line, *_) = of(svg, "wedge"), [e for e in of(svg, "forecast") if (e.get("d") or "").count("l")]
    for path in (wedge, line):
        assert float(re.findall(r"M([\d.]+)", path.get("d") or "")[0]) == pytest.approx(middle, abs=2)
    (ring,) = of(svg, "ring")
    assert float(ring.get("cx") or 0) == pytest.approx(charts.GEOMETRY[size].plot_width * 30 / 36, abs=1)
    assert "forecast" in texts(svg)
    assert "22\xa0Nov" in texts(svg)


def test_a_forecast_is_told_to_who_does_not_see_it() -> None:
    said = next(drawn(foretold()).iter(f"{SVG}desc")).text or ""
    assert "Forecast for 23\xa0Nov 01:00: 520\xa0ms, 470\xa0ms to 570\xa0ms" in said
    assert "The limit is reached about 22\xa0Nov" in said


def test_a_forecast_without_end_does_not_flatten_what_was_measured() -> None:
    wild = foretold()
    ahead = dataclasses.replace(wild.forecast, high=tuple(100.0 for _ in wild.forecast.at))
    tall = drawn(dataclasses.replace(wild, forecast=ahead, limit=None, passage=None))
    assert not any("100" in text for text in texts(tall))
