"""The small drawings inside pages: glyphs, skyline, state strips, bars. Inline SVG without styles, so that the CSP holds.

Severity is height and shape first, then colour (classes of the stylesheet). Equal marks are joined into one path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.document import Day, Uptime
from caelum_report.model import Status

TALLY_WORDS: Final = {status: "in maintenance" if status is Status.MAINTENANCE else str(status) for status in Status}
HOLLOW: Final = {Status.AUTH_WALLED, Status.MAINTENANCE}
SKYLINE_HEIGHTS: Final = {
    Status.DOWN: 38,
    Status.DEGRADED: 26,
    Status.AUTH_WALLED: 26,
    Status.MAINTENANCE: 18,
    Status.UP: 8,
    Status.UNKNOWN: 3,
}
STRIP_HEIGHTS: Final = {
    Status.DOWN: 20,
    Status.DEGRADED: 13,
    Status.AUTH_WALLED: 13,
    Status.MAINTENANCE: 9,
    Status.UP: 5,
    Status.UNKNOWN: 2,
}
SEGMENTS_FROM: Final = 61  # servers; bars of their own would be too thin to see


@lru_cache(maxsize=256, typed=True)
def glyph(name: str) -> Markup:
    """A symbol of the page's sprite. It never stands alone: the word beside it says the same."""
    return Markup('<svg class="g" aria-hidden="true" width="12" height="12"><use href="#g-{}"/></svg>').format(name)


@lru_cache(maxsize=1024, typed=True)  # safe markup and bare text of the same characters are not the same
def state(status: Status | None, word: str = "") -> Markup:
    """Glyph and word in the state's colour."""
    if status is None:
        return Markup('<span class="state">{}</span>').format(word)
    return Markup('<span class="state is-{}">{}{}</span>').format(
        status.value, glyph(status.value), word or status.word
    )


def tally_text(tally: Sequence[tuple[Status, int]]) -> str:
    """1 down, 3 degraded, 17 up"""
    return ", ".join(f"{words.count(number)} {TALLY_WORDS[status]}" for status, number in tally)


def up_share(uptime: Uptime | None) -> str:
    """99.71 %, or why no share is told."""
    if uptime is None or uptime.share is None:
        return words.NOTHING
    return "too little data" if uptime.told_share is None else words.percent(uptime.told_share)


def skyline(tally: Sequence[tuple[Status, int]]) -> Markup:
    """One bar per server, worst first; over 60 servers one segment per state, as wide as its share."""
    servers = sum(number for _, number in tally)
    segments = servers >= SEGMENTS_FROM
    width = 1200.0 if segments else 50.0 * servers
    step = width / max(servers, 1)
    paths, x = [], 0.0
    for status, number in tally:
        boxes: Iterable[tuple[float, float]]
        if segments:
            boxes = ((x + 1, max(step * number - 2, 2)),)
        else:
            boxes = ((x + step * index + 5, 40.0) for index in range(number))
        paths.append(_path(status, boxes, SKYLINE_HEIGHTS[status], 38))
        x += step * number
    return Markup(
        '<svg class="skyline" width="{width}" height="40" viewBox="0 0 {width} 40" preserveAspectRatio="none" role="img" '
        'aria-label="{label}">{paths}<path class="base" d="M0 38.5h{width}"/></svg>'
    ).format(
        width=round(width), label=f"{servers} servers, worst first: {tally_text(tally)}", paths=Markup("").join(paths)
    )


def strip(days: Sequence[Day], label: str, pitch: int = 6) -> Markup:
    """One bar a day, the worst state of the day; one path per state, so that a fleet of strips stays small."""
    by_status: dict[Status, list[tuple[float, float]]] = {}
    for index, day in enumerate(days):
        by_status.setdefault(day.status or Status.UNKNOWN, []).append((index * pitch, pitch - 1))
    paths = [_path(status, boxes, STRIP_HEIGHTS[status], 20) for status, boxes in sorted(by_status.items())]
    return Markup(
        '<svg class="strip" width="{width}" height="20" viewBox="0 0 {width} 20" preserveAspectRatio="none" role="img" '
        'aria-label="{label}">{paths}</svg>'
    ).format(width=len(days) * pitch, label=label, paths=Markup("").join(paths))


def _path(status: Status, boxes: Iterable[tuple[float, float]], height: int, base: int) -> Markup:
    if status in HOLLOW:
        d = "".join(f"M{x + 0.5:g} {base}v{0.5 - height:g}h{width - 1:g}v{height - 0.5:g}" for x, width in boxes)
        return Markup('<path class="o-{}" d="{}"/>').format(status.value, d)
    d = "".join(f"M{x:g} {base}v-{height}h{width:g}v{height}z" for x, width in boxes)
    return Markup('<path class="f-{}" d="{}"/>').format(status.value, d)


def strip_label(days: Sequence[Day]) -> str:
    """30 days: 28 up, 1 degraded (4 Nov), 1 down (today)"""
    found: dict[str, list[str]] = {}
    for index, day in enumerate(days):
        word = "without data" if day.status is None else TALLY_WORDS[day.status]
        when = "today" if index == len(days) - 1 else f"{day.date.day}\u00a0{day.date:%b}"
        found.setdefault(word, []).append(when)
    parts = []
    for word, dates in sorted(found.items(), key=lambda item: (item[0] != "up", -len(item[1]), item[0])):
        named = f" ({', '.join(dates)})" if word != "up" and len(dates) <= 3 else ""
        parts.append(f"{len(dates)} {word}{named}")
    return f"{len(days)} days: {', '.join(parts)}" if days else "No days yet"


def budget_bar(left: float | None) -> Markup:
    """What is left of an error budget, as a bar of 100; the number stands beside it."""
    width = 0.0 if left is None else min(max(left, 0.0), 1.0) * 100
    kind = "f-down" if width < 25 else "f-ink"
    bar = Markup('<rect class="{}" width="{}" height="8"/>').format(kind, f"{width:.1f}") if width else ""
    return Markup(
        '<svg class="budget" width="96" height="8" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/>{}</svg>'
    ).format(bar)


def thirty_days(now: datetime, earliest: datetime, latest: datetime) -> Markup:
    """The range of a forecast on an axis of 30 days; a sharp date is a thin red mark."""
    span = timedelta(days=30)
    start = min(max((earliest - now) / span, 0.0), 1.0) * 220
    end = min(max((latest - now) / span, 0.0), 1.0) * 220
    sharp = end - start < 3
    kind = "f-down" if sharp else "f-degraded"
    box = (min(start, 217.0), 3.0, 0, 14) if sharp else (start, end - start, 3, 8)
    return Markup(
        '<svg class="axis30" width="220" height="14" viewBox="0 0 220 14" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="base" d="M.5 3v8M219.5 3v8M0 7h220"/><rect class="{}" x="{:.1f}" width="{:.1f}" y="{}" height="{}"/></svg>'
    ).format(kind, *box)
