"""Text for paper becomes a PDF: tagged (PDF/UA-1), with bookmarks. The same text gives the same bytes under the same fonts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from caelum_report.model import Paper

from .html import TEMPLATES

PAPERS: Final[Mapping[Paper, str]] = {"a4": "A4", "letter": "Letter"}
_TAGGED: Final = {"pdf_variant": "pdf/ua-1", "pdf_tags": True}


class Press:
    """WeasyPrint, made ready once for all that is laid out on one size of paper. It reads nothing but the text it is given:
    every address is refused.
    """

    def __init__(self, paper: Paper, dated: datetime, more_style: str = "") -> None:
        import weasyprint
        from weasyprint.text.fonts import FontConfiguration

        os.environ["SOURCE_DATE_EPOCH"] = str(int(dated.timestamp()))  # fonts are stamped when they are cut down
        self._fonts = FontConfiguration()
        self._style = weasyprint.CSS(
            string=sheet(paper) + more_style, url_fetcher=inline_only(), font_config=self._fonts
        )

    def lay_out(self, text: str) -> Any:
        """The pages, not written yet."""
        import weasyprint

        page = weasyprint.HTML(string=str(text), url_fetcher=inline_only())
        return page.render(stylesheets=[self._style], font_config=self._fonts, **_TAGGED)


def written(pages: Any, identifier: str) -> bytes:
    """The finished file. The identifier is what would be drawn by lot otherwise."""
    pdf = pages.write_pdf(pdf_identifier=identifier.encode(), **_TAGGED)
    assert isinstance(pdf, bytes)
    return pdf


def sheet(paper: Paper) -> str:
    """The style of everything that is printed, for a size of paper."""
    return f"{(TEMPLATES / 'pdf' / 'report.css').read_text('utf-8')}\n@page {{ size: {PAPERS[paper]} }}\n"


def inline_only() -> Any:
    """Fetches what is written in the address itself (our glyphs), never a file, never the network."""
    from weasyprint.urls import URLFetcher

    return URLFetcher(allowed_protocols=("data",))
