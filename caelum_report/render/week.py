"""The week's heat map: calls by weekday and hour, drawn by seaborn. A busier hour is a higher bar, then a darker one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from caelum_report import words
from caelum_report.document import UsageReport

from .drawn import SETTINGS, Shape, canvas, shapes, svg_of
from .figures import NARROW, WIDTH, Pair, framed
from .skins import Skin

_LEVELS: Final = 5
_ROW: Final = 26
_TOP: Final = 24
_FOOT: Final = 26
_LEFT: Final = 44
_NARROW_LEFT: Final = 34
_CODES: Final = {f"#0002{level:02x}": f"heat-{level}" for level in range(1, _LEVELS + 1)}
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def week_heat_map(usage: UsageReport, skin: Skin = "css") -> Pair | None:
    """For a wide and a narrow page. None while a day of the week was not measured yet, or nothing was called."""
    values = [value for day in usage.week for value in day if value is not None]
    if len(values) < 168 or not any(values):
        return None
    top = max(values)
    height = _TOP + 7 * _ROW + _FOOT
    cells, labels = _cells_and_labels([[_level(value or 0.0, top) for value in day] for day in usage.week], height, top)
    scale = (NARROW - _NARROW_LEFT) / (WIDTH - _LEFT)
    few = [_bar(shape, _NARROW_LEFT - _LEFT * scale, scale) for shape in cells] + list(_few_labels(height, top))
    title, description = "Calls by weekday and hour", _words(usage, values)
    wide = svg_of([_bar(shape) for shape in cells] + labels, skin)
    return Pair(
        framed("week", title, description, (WIDTH, height), wide, skin),
        framed("week-narrow", title, description, (NARROW, height), svg_of(few, skin), skin),
    )


def _cells_and_labels(levels: Sequence[Sequence[int]], height: float, top: float) -> tuple[list[Shape], list[Shape]]:
    """What seaborn draws of them for a wide page: a cell for each hour that is not blank, and the words around them."""
    import matplotlib as mpl
    import pandas as pd
    import seaborn as sns
    from matplotlib.colors import ListedColormap

    shown = pd.DataFrame(levels, dtype=float)
    texts: list[str] = []
    with mpl.rc_context(SETTINGS):
        figure = canvas(WIDTH, height)
        axes = figure.add_axes((_LEFT / WIDTH, _FOOT / height, 1 - _LEFT / WIDTH, 7 * _ROW / height))
        sns.heatmap(
            shown,
            ax=axes,
            mask=shown == 0,
            cmap=ListedColormap(list(_CODES)),
            vmin=0.5,
            vmax=_LEVELS + 0.5,
            cbar=False,
            xticklabels=False,
            yticklabels=False,
        )
        axes.set_axis_off()
        for role, text, x, y in _labels(height, top):
            anchor = "center" if role == "middle" else "left"
            figure.text(x / WIDTH, 1 - y / height, str(len(texts)), ha=anchor, va="baseline", gid=role)
            texts.append(text)
        drawn = shapes(figure, texts, _CODES)
    return [shape for shape in drawn if shape.path], [shape for shape in drawn if shape.text]


def _labels(height: float, top: float) -> Iterator[tuple[str, str, float, float]]:
    """Role, text and place of each."""
    for row, name in enumerate(_DAYS):
        yield "label", name, 0, _TOP + _ROW * (row + 1) - 6
    cell = (WIDTH - _LEFT) / 24
    for hour in range(0, 24, 3):
        yield "middle", f"{hour:02}:00", _LEFT + cell * (hour + 0.5), _TOP - 8
    said = f"highest bar: {words.significant(top, 2)} calls an hour; blank: under a tenth of that"
    yield "label", said, 0, height - 6


def _few_labels(height: float, top: float) -> Iterator[Shape]:
    for row, name in enumerate(_DAYS):
        yield Shape("label", text=name, x="0", y=f"{_TOP + _ROW * (row + 1) - 6:g}")
    cell = (NARROW - _NARROW_LEFT) / 24
    for hour in range(0, 24, 6):
        yield Shape("middle", text=f"{hour:02}:00", x=f"{_NARROW_LEFT + cell * (hour + 1.5):.1f}", y=f"{_TOP - 8:g}")
    yield Shape(
        "label", text=f"highest: {words.significant(top, 2)} an hour; blank: under a tenth", x="0", y=f"{height - 6:g}"
    )


def _level(value: float, top: float) -> int:
    """0 is left blank: under a tenth of the highest."""
    return math.floor(_LEVELS * value / top + 0.5)


def _bar(shape: Shape, move: float = 0.0, scale: float = 1.0) -> Shape:
    """A cell as a bar that stands on its foot."""
    numbers = [float(part) for part in shape.path.replace("M", " ").replace("L", " ").replace("z", "").split()]
    left, right, top, foot = min(numbers[0::2]), max(numbers[0::2]), min(numbers[1::2]), max(numbers[1::2])
    left, right = left * scale + move + scale, right * scale + move - scale
    share = int(shape.role.rpartition("-")[2]) / _LEVELS
    return Shape(
        shape.role, path=f"M{left:.1f} {foot - 2:.1f}v{-(foot - top - 4) * share:.1f}H{right:.1f}V{foot - 2:.1f}z"
    )


def _words(usage: UsageReport, values: Sequence[float]) -> str:
    days = [sum(value or 0.0 for value in day) for day in usage.week]
    parts = [f"{name} {words.significant(calls, 2)}" for name, calls in zip(_DAYS, days, strict=True)]
    sentences = [f"Mean calls a day over {usage.weeks:g} weeks: {', '.join(parts)}"]
    sentences += [f"Busiest: {usage.busiest}"] if usage.busiest else []
    return f"{'. '.join(sentences).removesuffix('.')}. At most {words.significant(max(values), 2)} an hour."
