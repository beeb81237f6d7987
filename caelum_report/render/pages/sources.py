"""sources.html: the figures of those who are asked beside the servers. What is known of a server is on its page too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from caelum_report import words
from caelum_report.document import ErrorReport, SeriesReport
from caelum_report.model import Failure
from caelum_report.render import charts

from .view import Page, View

_SHOWN: Final = 20  # figures on a server's page


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table of figures."""

    series: SeriesReport
    last: str
    mean: str
    spread: str
    spark: Markup


def rows(view: View, series: Iterable[SeriesReport]) -> list[Row]:
    end = view.report.at.timestamp()
    return [
        Row(
            one,
            words.quantity(one.value, one.unit) if one.value is not None else "seen once",
            words.quantity(one.mean, one.unit),
            _spread(one),
            Markup(charts.spark(one.spark, int(end - 86_400), int(end), 90, 20, "css")),  # noqa: S704  our own SVG
        )
        for one in series
    ]


def _spread(one: SeriesReport) -> str:
    if one.lowest is None or one.highest is None:
        return words.NOTHING
    if one.n == 1:
        return "one value"
    if one.lowest == one.highest:
        return "did not change"
    return f"{words.quantity(one.lowest, one.unit)} to {words.quantity(one.highest, one.unit)}"


def of_server(view: View, identifier: str) -> dict[str, Any] | None:
    """The part of a server's page; left out where nobody speaks of it."""
    mine = [one for one in view.report.series if one.server == identifier]
    errors = [error for error in view.report.errors if error.server == identifier]
    rest = f"{len(mine) - _SHOWN} more" if len(mine) > _SHOWN else ""
    if not mine and not errors:
        return None
    return {"rows": rows(view, mine[:_SHOWN]), "rest": rest, "errors": errors[:_SHOWN], "more": _more(errors, _SHOWN)}


def _more(errors: list[ErrorReport], shown: int) -> str:
    return words.plural(len(errors) - shown, "more kind") if len(errors) > shown else ""


def _head(view: View) -> dict[str, Any]:
    sources = view.report.sources
    failing = [source.name for source in sources if source.failure is not Failure.OK]
    told = f"{words.plural(len(sources), 'source')}, {words.plural(len(view.report.series), 'figure')}."
    if failing:
        lede = f"{words.listing(failing)} did not answer as asked in this run; the reason stands with each."
    else:
        lede = "Each answered in this run."
    return {"heading": told, "lede": f"{lede} None of this is mixed with what our own probes measured."}


def _parts(view: View) -> dict[str, Any]:
    report = view.report
    return {
        "sources": [
            (
                source,
                rows(view, (one for one in report.series if one.source == source.name)),
                [error for error in report.errors if error.source == source.name],
            )
            for source in report.sources
        ]
    }


PAGE: Final = Page("sources.html", "Sources", (("page_head.html", _head), ("sources/figures.html", _parts)))
