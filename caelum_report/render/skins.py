"""What the parts of a drawing look like: one table from role to paint, printed as CSS classes or as plain attributes.

Pages carry classes and one linked style sheet, so that a drawing follows light, dark, print and forced colours under a
content security policy that drops `style` attributes. Paper, mail and stand-alone files know no style sheet: there the
same table is written out as attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final, Literal
from xml.sax.saxutils import quoteattr

from caelum_report.model import Status

Skin = Literal["css", "light", "dark"]

# Without blanks after the commas: WeasyPrint takes the names of an SVG's fonts as they stand.
SANS: Final = "'Segoe UI',Roboto,'Noto Sans','Liberation Sans','DejaVu Sans',system-ui,sans-serif"

# Token: light, dark, and what forced colours make of it. Contrasts on paper are in DESIGN's table; fills are for shapes only.
TOKENS: Final[Mapping[str, tuple[str, str, str]]] = {
    "paper": ("#fdfcfa", "#14161a", "Canvas"),
    "ink": ("#1b1d21", "#e9e7e2", "CanvasText"),
    "ink-2": ("#565a61", "#a5a9b0", "CanvasText"),
    "link": ("#0a4f8c", "#8cc2f5", "LinkText"),
    "axis": ("#87898d", "#6d727a", "CanvasText"),
    "grid": ("#e4e1da", "#2b2e34", "GrayText"),
    "data": ("#33475b", "#b9cbdd", "CanvasText"),
    "band": ("#d3d8de", "#353e49", "GrayText"),
    "ghost": ("#868d96", "#828d99", "GrayText"),
    "limit": ("#a8201a", "#ff8f80", "CanvasText"),
    "down": ("#a8201a", "#ff8f80", "CanvasText"),
    "degraded": ("#855300", "#f2b544", "CanvasText"),
    "auth-walled": ("#76397f", "#d6a3e0", "CanvasText"),
    "unknown": ("#5c6067", "#a5a9b0", "CanvasText"),
    "maintenance": ("#1d5a8a", "#8fc3ea", "CanvasText"),
    "up": ("#1c6a55", "#7fcdb6", "CanvasText"),
    "down-f": ("#c22a20", "#f0604f", "CanvasText"),
    "degraded-f": ("#c98000", "#e2a02a", "CanvasText"),
    "auth-walled-f": ("#9a5fa4", "#b27fbd", "CanvasText"),
    "unknown-f": ("#8c8d90", "#6d727a", "GrayText"),
    "maintenance-f": ("#5b8fb8", "#5c93bd", "GrayText"),
    "up-f": ("#4f9d88", "#3f8f7b", "GrayText"),
}

_TEXT: Final = {"fill": "@ink-2"}
_BOLD: Final = {"font-weight": "600"}

# `@name` is a token. Widths are CSS pixels at scale 1.
ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "grid": {"fill": "none", "stroke": "@grid"},
    "axis": {"fill": "none", "stroke": "@axis"},
    "tick": {"fill": "none", "stroke": "@axis"},
    "label": _TEXT,
    "middle": {**_TEXT, "text-anchor": "middle"},
    "end": {**_TEXT, "text-anchor": "end"},
    "day": {"fill": "@ink", "text-anchor": "middle"},
    "value": {"fill": "@ink", "font-size": "14px", **_BOLD},
    "tight": {"fill": "@ink", **_BOLD},
    "strong": {"fill": "@ink", **_BOLD},
    "line": {
        "fill": "none",
        "stroke": "@data",
        "stroke-width": "1.75",
        "stroke-linejoin": "round",
        "stroke-linecap": "round",
    },
    "lone": {"fill": "none", "stroke": "@data", "stroke-width": "4", "stroke-linecap": "round"},
    "band": {"fill": "@band"},
    "ghost": {"fill": "none", "stroke": "@ghost", "stroke-dasharray": "2 2.5"},
    "wedge": {"fill": "@band", "fill-opacity": ".7"},
    "forecast": {"fill": "none", "stroke": "@data", "stroke-width": "1.5", "stroke-dasharray": "4 3"},
    "now": {"fill": "none", "stroke": "@axis", "stroke-dasharray": "1 2"},
    "passage": {"fill": "none", "stroke": "@limit", "stroke-width": "4", "stroke-opacity": ".45"},
    "ring": {"fill": "@paper", "stroke": "@limit", "stroke-width": "1.5"},
    "limit": {"fill": "none", "stroke": "@limit", "stroke-width": "1.25", "stroke-dasharray": "6 3"},
    "limit-end": {"fill": "@limit", "text-anchor": "end", **_BOLD},
    "dot": {"fill": "@data", "stroke": "@paper", "stroke-width": "1.5"},
    "caret": {"fill": "@data"},
    "mark": {"fill": "@ink", "stroke": "@paper", "stroke-width": "1.5"},
    "mark-text": {"fill": "@paper", "text-anchor": "middle", "font-size": "11px", **_BOLD},
    "spark": {"fill": "none", "stroke": "@data", "stroke-width": "1.25", "stroke-linejoin": "round"},
    "spark-gap": {"fill": "none", "stroke": "@ghost", "stroke-dasharray": "2 2.5"},
    "spark-dot": {"fill": "@data"},
    **{f"tint-{status}": {"fill": f"@{status}-f", "fill-opacity": ".14"} for status in Status},
    **{f"bar-{status}": {"fill": f"@{status}-f"} for status in Status},
    # statistical figures
    **{f"cell-{status}": {"fill": f"@{status}-f"} for status in Status},
    **{f"heat-{level}": {"fill": "@data", "fill-opacity": f"{0.25 + 0.15 * level:.2f}"} for level in range(1, 6)},
    "cell-none": {"fill": "none", "stroke": "@axis", "stroke-width": ".75"},
    "box": {"fill": "none", "stroke": "@ghost", "stroke-width": "6"},
    "median": {"fill": "@data", "stroke": "@paper"},
    "tail": {"fill": "@ink"},
    "whisker": {"fill": "none", "stroke": "@data", "stroke-width": "1.25"},
    # diagrams: the border tells the state as its colour does
    "node": {"fill": "@paper", "stroke": "@axis", "stroke-width": "1"},
    "node-up": {"fill": "@paper", "stroke": "@up-f", "stroke-width": "1.25"},
    "node-down": {"fill": "@paper", "stroke": "@down-f", "stroke-width": "3"},
    "node-degraded": {"fill": "@paper", "stroke": "@degraded-f", "stroke-width": "2.25"},
    "node-auth-walled": {"fill": "@paper", "stroke": "@auth-walled-f", "stroke-width": "2", "stroke-dasharray": "8 3"},
    "node-unknown": {"fill": "@paper", "stroke": "@unknown-f", "stroke-width": "1.5", "stroke-dasharray": "2 3"},
    "node-maintenance": {
        "fill": "@paper",
        "stroke": "@maintenance-f",
        "stroke-width": "1.5",
        "stroke-dasharray": "8 3 2 3",
    },
    "cluster": {"fill": "none", "stroke": "@grid", "stroke-width": "1"},
    "edge": {"fill": "none", "stroke": "@axis", "stroke-width": "1.25"},
    "edge-faint": {"fill": "none", "stroke": "@axis", "stroke-dasharray": "1 3"},
    "edge-strong": {"fill": "none", "stroke": "@down-f", "stroke-width": "2.5"},
    "flow": {"fill": "none", "stroke": "@ghost"},
    "flow-failing": {"fill": "none", "stroke": "@degraded-f", "stroke-dasharray": "10 3"},
    "edge-dashed": {"fill": "none", "stroke": "@axis", "stroke-dasharray": "6 4"},
    "arrow": {"fill": "@axis"},
    "arrow-strong": {"fill": "@down-f"},
    "arrow-failing": {"fill": "@degraded-f"},
    "halo": {
        "fill": "@ink-2",
        "stroke": "@paper",
        "stroke-width": "3",
        "paint-order": "stroke",
        "text-anchor": "middle",
    },
    **{f"word-{status}": {"fill": f"@{status}", "text-anchor": "middle", **_BOLD} for status in Status},
    "name": {"fill": "@ink", "text-anchor": "middle", **_BOLD},
}

_FORCED: Final = {"band": "stroke:GrayText;fill-opacity:.25"}


@cache
def paint(role: str, skin: Skin) -> str:
    """The attributes of an element in that role, with a leading blank."""
    if skin == "css":
        return f' class="cx-{role}"'
    column = 0 if skin == "light" else 1
    return "".join(
        f" {name}={quoteattr(TOKENS[value[1:]][column] if value.startswith('@') else value.removesuffix('px'))}"
        for name, value in ROLES[role].items()
    )


def stylesheet() -> str:
    """The classes of every drawing and their colours; the site links it once."""
    light, dark, forced = (_declare(column) for column in range(3))
    rules = "".join(f".cx-{role}{{{_properties(properties)}}}\n" for role, properties in ROLES.items())
    overrides = "".join(f".cx-{role}{{{text}}}" for role, text in _FORCED.items())
    return (
        f":root{{{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"@media (forced-colors:active){{:root{{{forced}}}{overrides}}}\n"
        ".cx{display:block;width:100%;height:auto;overflow:visible;font-variant-numeric:tabular-nums}\n"
        ".cx-m{max-width:30rem}.cx-l{max-width:60rem}.cx-spark{display:inline-block;width:auto}\n"
        ".cx-diagram{width:auto;max-width:max(100%,48rem)}\n"
        ".cx-figure{max-width:47.5rem}.cx-figure.cx-m{max-width:26rem}\n"
        ".cx a{text-decoration:none}.cx a .cx-name{text-decoration:underline;text-decoration-color:var(--cx-axis)}\n"
        ".cx a:hover .cx-name{text-decoration-color:currentColor}\n"
        f"{rules}"
    )


_SPARED: Final = re.compile(r'("[^"]*")|/\*.*?\*/|\s*([{};>])\s*|(?<=[\w-]):\s+|\s+', re.DOTALL)


def compact(stylesheet: str) -> str:
    """Without comments and the spaces that only its authors need: every page waits for it."""

    def spared(match: re.Match[str]) -> str:
        string, sign = match.groups()
        if string or sign:
            return f"{string or sign}\n" if sign == "}" else string or sign
        return ":" if match.group().startswith(":") else "" if match.group().startswith("/*") else " "

    return _SPARED.sub(spared, stylesheet).replace(";}", "}").strip() + "\n"


def _declare(column: int) -> str:
    return "".join(f"--cx-{name}:{colours[column]};" for name, colours in TOKENS.items())


def _properties(properties: Mapping[str, str]) -> str:
    return ";".join(
        f"{name}:{f'var(--cx-{value[1:]})' if value.startswith('@') else value}" for name, value in properties.items()
    )
