"""A Matplotlib figure as bare SVG: the shapes we named, in our roles, and nothing else.

Matplotlib's own SVG carries metadata, a style sheet, clip paths, ids and a style attribute on every element. We keep
geometry. An artist names its role by its `gid`, or by a colour that stands for a role where one artist draws many.
Texts are drawn as numbers into a list, so that no font of ours has to know a server's alphabet.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from .skins import ROLES, Skin, paint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG: Final = "{http://www.w3.org/2000/svg}"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_PATH_TOKEN: Final = re.compile(r"[A-Za-z]|-?\d+\.?\d*(?:e-?\d+)?")
_HAIRLINES: Final = {"grid", "axis", "tick"}

# Of Matplotlib's settings those that its output depends on; a user's matplotlibrc has no say.
SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "caelum-report",
    "text.parse_math": False,
    "text.usetex": False,
    "axes.unicode_minus": True,
    "path.simplify": False,
}


def canvas(width: float, height: float) -> Figure:
    """A figure of so many CSS pixels, one unit each, without a window system."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # "building the font cache" is no news for cron
    figure = Canvas(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasSVG(figure)  # registers itself as the figure's canvas
    return figure


@dataclass(frozen=True, slots=True)
class Shape:
    """A path's data, or a text at a place."""

    role: str
    path: str = ""
    text: str = ""
    x: str = ""
    y: str = ""


def shapes(figure: Figure, texts: Sequence[str], colours: Mapping[str, str]) -> list[Shape]:
    """What a figure drew in known roles, in its order; `colours` maps a fill or stroke (#rrggbb) to its role."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    output = io.StringIO()
    # savefig would draw everything twice
    FigureCanvasSVG(figure).print_svg(output, metadata={"Date": None})  # type: ignore[no-untyped-call]
    root = ET.fromstring(output.getvalue())  # noqa: S314 - our own output of a moment ago
    templates = {element.get("id"): element.get("d", "") for element in root.iter(f"{_SVG}path") if element.get("id")}
    found: list[Shape] = []

    def walk(element: ET.Element, role: str) -> None:
        gid = element.get("id", "").partition(":")[0]
        if gid in ROLES:
            role = gid
        if element.tag == f"{_SVG}text" and role and element.text:
            place = {"x": _short(element.get("x")), "y": _short(element.get("y"))}
            found.append(Shape(role, text=texts[int(element.text)], **place))
        elif element.tag in {f"{_SVG}path", f"{_SVG}use"}:
            painted = re.findall(r"#[0-9a-f]{6}", element.get("style", ""))
            named = role or next((colours[colour] for colour in painted if colour in colours), "")
            data = element.get("d") or templates.get(element.get(_HREF, "").removeprefix("#"))
            if named and data:  # a line of no length, as of a range of one value, has no path
                x, y = float(element.get("x", 0)), float(element.get("y", 0))
                found.append(Shape(named, path=_moved(data, x, y, snap=named in _HAIRLINES)))
        elif element.tag != f"{_SVG}defs":
            for child in element:
                walk(child, role)

    walk(root, "")
    return found


def _short(number: str | float | None) -> str:
    """At most one decimal, and no zero that says nothing."""
    text = f"{float(number or 0):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _moved(data: str, x: float, y: float, *, snap: bool) -> str:
    """Path data shifted and shortened; hairlines move to half pixels, where they are one pixel wide and not two."""
    parts: list[str] = []
    odd = False
    for token in _PATH_TOKEN.findall(data):
        if token.isalpha():
            parts.append(token)
            odd = False
            continue
        value = float(token) + (y if odd else x)
        number = _short(round(value - 0.5) + 0.5 if snap else value)
        parts.append(number if parts[-1].isalpha() or number.startswith("-") else f" {number}")
        odd = not odd
    return "".join(parts)


def svg_of(drawn: Sequence[Shape], skin: Skin) -> str:
    """The shapes as elements; paths of one role that follow each other become one."""
    parts: list[str] = []
    for index, shape in enumerate(drawn):
        if shape.text:
            parts.append(f'<text{paint(shape.role, skin)} x="{shape.x}" y="{shape.y}">{escape(shape.text)}</text>')
        elif shape.path and index and parts and drawn[index - 1].path and drawn[index - 1].role == shape.role:
            parts[-1] = parts[-1].removesuffix('"/>') + shape.path + '"/>'
        elif shape.path:
            parts.append(f'<path{paint(shape.role, skin)} d="{shape.path}"/>')
    return "".join(parts)
