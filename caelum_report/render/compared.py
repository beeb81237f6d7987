"""Two spans of time side by side, as a page of its own that needs no other."""

from __future__ import annotations

from caelum_report import __version__
from caelum_report.difference import Difference

from .html import TEMPLATES, fill
from .whole import inlined


def difference_page(found: Difference, fleet: str, zone: str) -> bytes:
    """What `diff --output` writes."""
    shared = inlined((TEMPLATES / "static" / "site.css").read_text("utf-8"))
    values = {"found": found, "fleet": fleet, "zone": zone, "version": __version__, **shared}
    return fill("compared/page.html", values).encode()
