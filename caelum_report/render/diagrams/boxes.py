"""What stands in a box, and how large that makes it."""

from __future__ import annotations

import math
from typing import Final

from caelum_report.diagram import Node
from caelum_report.render.widths import clip, text_width
from caelum_report.text import visible

_HEIGHT: Final = 44
_LINE: Final = 15
_NAME: Final = 270  # some 35 letters; a name of several hundred would tear the drawing apart


def word_of(node: Node) -> str:
    if node.status is not None:
        return str(node.status)
    return {"host": "host", "report": "this report"}.get(node.kind, "")


def name_of(node: Node) -> str:
    return clip(visible(node.label, 200), _NAME, 12, bold=True)


def lines_in(node: Node) -> list[str]:
    return [clip(visible(line, 200), 290) for line in node.lines]


def width_of(node: Node) -> float:
    widest = max([text_width(name_of(node), 12, bold=True), *map(text_width, lines_in(node))])
    return max(116.0, math.ceil(widest) + 28.0)


def height_of(node: Node) -> float:
    return _HEIGHT + _LINE * len(node.lines) - (_LINE if node.lines and not word_of(node) else 0)
