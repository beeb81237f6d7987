"""bottlenecks.html: who keeps the others waiting, now and in the last week, with the chart that shows it."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import words
from caelum_report.document import BottleneckReport

from .panels import Figure, figure
from .view import Page, View, host_slug


def _head(view: View) -> dict[str, Any]:
    found = view.report.bottlenecks
    return {"heading": found.heading, "lede": found.lede}


def _waits(view: View) -> dict[str, Any]:
    found = view.report.bottlenecks
    return {
        "waits": found.waits,
        "counted": found.counted,
        "extra": any(w.extra_share is not None for w in found.waits),
    }


def _episodes(view: View) -> dict[str, Any]:
    found = view.report.bottlenecks
    return {
        "episodes": [(one, _figure(view, one), _also(view, one), _lasted(view, one)) for one in found.episodes],
        "quiet": found.quiet,
    }


def _figure(view: View, episode: BottleneckReport) -> Figure | None:
    if episode.chart is None:
        return None
    hosts = view.report.hosts
    place = view.servers[episode.server].slug if episode.server is not None else f"hosts/{host_slug(hosts[0])}"
    return figure(view, episode.chart, f"api/v1/metrics/{place}.csv", "", {}, wide=True)


def _also(view: View, episode: BottleneckReport) -> list[str]:
    """Those that were slow beside the one to blame."""
    return [name for name in episode.servers if name != episode.server and name in view.servers]


def _lasted(view: View, episode: BottleneckReport) -> str:
    return words.duration(((episode.end or view.report.at) - episode.start).total_seconds())


PAGE: Final = Page(
    "bottlenecks.html",
    "Bottlenecks",
    (
        ("page_head.html", _head),
        ("bottlenecks/episodes.html", _episodes),
        ("bottlenecks/waits.html", _waits),
        ("bottlenecks/how.html", lambda _: {}),
    ),
)
