"""What stands in a box, and how large that makes it."""

from __future__ import annotations

import math
from typing import Final

from caelum_report.diagram import Node
from caelum_report.render.widths import clip, text_width
from caelum_report.text import visible

HEIGHT: Final = 44


def word_of(node: Node) -> str:
    if node.status is not None:
        return str(node.status)
    return {"server": "", "service": "", "host": "host", "report": "this report"}[node.kind]


def name_of(node: Node) -> str:
    return clip(visible(node.label, 200), 190, 12, bold=True)


def width_of(node: Node) -> float:
    return max(116.0, math.ceil(text_width(name_of(node), 12, bold=True)) + 28.0)
