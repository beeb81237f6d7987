"""Charts that go with a mail, as PNG: mail programs show no SVG. Drawn as the pages' charts are inked, on paper's light ground."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from caelum_report import metrics, words
from caelum_report.document import Chart, Report

from .skins import TOKENS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST_POINTS: Final = 3
_INCHES: Final = (5.52, 1.9)  # 552 px wide in the mail, twice as many in the picture
_DATES: Final = ["%Y", "%b", "%-d %b", "%H:%M", "%H:%M", "%S"]
_COLOURS: Final = 64  # a third of the bytes; nobody sees the difference


def mail_charts(report: Report) -> tuple[tuple[str, str, str, bytes], ...]:
    """Content id, title, caption and PNG: the fleet's answer times of the last week, or of the day. None with too little history."""
    by_range = {chart.range: chart for chart in report.fleet_charts}
    chart = by_range.get("week") or by_range.get("day")
    if chart is None or len(chart.points.at) < _LEAST_POINTS:
        return ()
    title = "The fleet" if chart.caption.startswith(chart.title) else f"{chart.title} of the fleet"
    return ((f"fleet-{chart.metric}-{chart.range}", title, chart.caption, _drawn(chart, report.zone)),)


def _drawn(chart: Chart, zone: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import ConciseDateFormatter, date2num
    from matplotlib.figure import Figure

    ink, soft, band, data = (TOKENS[name][0] for name in ("ink-2", "grid", "band", "data"))
    figure = Figure(figsize=_INCHES, dpi=200, facecolor=TOKENS["paper"][0], layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=TOKENS["paper"][0])
    points = chart.points
    at = [float(date2num(datetime.fromtimestamp(second, UTC))) for second in points.at]  # type: ignore[no-untyped-call]
    if points.low and points.high:
        axes.fill_between(at, list(points.low), list(points.high), color=band, linewidth=0)
    axes.plot(at, list(points.mid), color=data, linewidth=1.4)
    axes.xaxis_date(ZoneInfo(zone))
    days = {"formats": _DATES, "zero_formats": _DATES, "show_offset": False}
    dates = ConciseDateFormatter(axes.xaxis.get_major_locator(), tz=ZoneInfo(zone), **days)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(dates)
    unit = metrics.METRICS[chart.metric].unit
    axes.yaxis.set_major_formatter(lambda value, _: words.quantity(float(value), unit))
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, color=soft, linewidth=0.6)
    axes.tick_params(colors=ink, labelsize=9.5, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return _small(figure)


def _small(figure: Figure) -> bytes:
    from PIL import Image

    drawn, picture = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(_COLOURS).save(picture, format="png", optimize=True)
    return picture.getvalue()
