"""What a chart does not share with its data: grid, axis, time labels, legend and captions, drawn once per key by Matplotlib.

A report has thousands of charts and a few dozen frames. Drawing one costs Matplotlib about 8 ms; filling one is string
building. It does without Matplotlib's own axes, which would cost more than all that is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from caelum_report.document import Range

from .drawn import SETTINGS, canvas, shapes, svg_of
from .scales import thin, time_ticks
from .skins import Skin
from .widths import text_width

Size = Literal["M", "L", "P"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Of one size, in CSS pixels. The plot is flush left; the right margin holds the y labels above their lines."""

    width: int
    plot_height: int
    buckets: int
    text: float  # size of labels
    column: float  # width of one statistic
    roomy: bool

    @property
    def plot_width(self) -> int:
        return self.width - MARGIN

    @property
    def bottom(self) -> float:
        return TOP + self.plot_height

    def height(self, *, statistics: bool) -> float:
        return self.bottom + (64 if statistics else 24)


TOP: Final = 34.5
MARGIN: Final = 43
LEGEND_Y: Final = 11
GEOMETRY: Final[dict[Size, Geometry]] = {
    "M": Geometry(336, 120, 194, 12, 84, roomy=False),
    "L": Geometry(960, 200, 352, 12, 132, roomy=True),
    "P": Geometry(688, 150, 321, 11, 110, roomy=True),
}


@dataclass(frozen=True, slots=True)
class Key:
    """All that a frame depends on."""

    size: Size
    range: Range
    start: int
    end: int
    zone: str
    intervals: int
    legend: tuple[tuple[str, str], ...]  # role and word
    captions: tuple[str, ...]
    skin: Skin


@dataclass(frozen=True, slots=True)
class Frame:
    svg: str
    legend_end: float  # where another legend entry may begin


@lru_cache(maxsize=512)
def frame(key: Key) -> Frame:
    import matplotlib as mpl
    from matplotlib.lines import Line2D

    size = GEOMETRY[key.size]
    height = size.height(statistics=bool(key.captions))
    texts: list[str] = []
    with mpl.rc_context(SETTINGS):
        figure = canvas(size.width, height)

        def rules(role: str, lines: Iterable[tuple[float, float, float, float]]) -> None:
            """Straight lines (x, y, x, y) as one artist: NaN lifts the pen."""
            points = [point for x, y, to_x, to_y in lines for point in ((x, y), (to_x, to_y), (math.nan, math.nan))]
            across, down = [x / size.width for x, _ in points], [1 - y / height for _, y in points]
            figure.add_artist(Line2D(across, down, gid=role, zorder=0))

        levels = [size.bottom - index * size.plot_height / key.intervals for index in range(key.intervals + 1)]
        rules("grid", [(0, y, size.width, y) for y in levels[1:]])
        rules("axis", [(0, levels[0], size.width, levels[0])])

        def write(role: str, text: str, x: float, y: float) -> None:
            anchor: Literal["left", "center"] = "center" if role in {"middle", "day"} else "left"
            figure.text(x / size.width, 1 - y / height, str(len(texts)), ha=anchor, va="baseline", gid=role)
            texts.append(text)

        ticks = time_ticks(key.range, key.start, key.end, key.zone, roomy=size.roomy)
        pixels = size.plot_width / (key.end - key.start)
        strokes = [
            (tick.at - key.start) * pixels for tick in ticks if tick.at is not None and key.start < tick.at < key.end
        ]
        rules("tick", [(x, size.bottom + 4, x, size.bottom) for x in strokes])
        halves = [text_width(tick.label, size.text) / 2 for tick in ticks]
        centres = [(tick.centre - key.start) * pixels for tick in ticks]
        lefts = [centre - half for centre, half in zip(centres, halves, strict=True)]
        rights = [centre + half for centre, half in zip(centres, halves, strict=True)]
        for tick in thin(ticks, lefts, rights, size.width):
            role = "day" if tick.strong else "middle"
            write(role, tick.label, (tick.centre - key.start) * pixels, size.bottom + 18)

        x = 0.0
        for role, word in key.legend:
            _sample(figure, role, x, size.width, height)
            write("label", word, x + 20, LEGEND_Y)
            x += 20 + text_width(word, size.text) + 14
        for index, caption in enumerate(key.captions):
            write("label", caption, index * size.column, size.bottom + 43)
        return Frame(svg_of(shapes(figure, texts, {}), key.skin), x)


def _sample(figure: object, role: str, x: float, width: float, height: float) -> None:
    """A short piece of what the legend's word means."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    y = LEGEND_Y - 4
    if role == "band":
        box = Rectangle((x / width, 1 - (y + 4.5) / height), 14 / width, 9 / height, gid=role)
        figure.add_artist(box)  # type: ignore[attr-defined]
    else:
        line = Line2D((x / width, (x + 14) / width), (1 - y / height,) * 2, gid=role)
        figure.add_artist(line)  # type: ignore[attr-defined]
