"""method.html: how each figure is made, what the words mean, and how the runs went."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import metrics, words
from caelum_report.model import Failure, Status

from .archive import kept_for
from .view import Page, View

FAILURE_WORDS: Final = {
    Failure.OK: "It answered every stage that applies to it.",
    Failure.SPAWN_FAILED: "Its program could not be started.",
    Failure.EXITED: "Its program ended, or closed its output, before it had answered.",
    Failure.TIMEOUT: "It did not finish within its time; the stage is named.",
    Failure.PROTOCOL_ERROR: "It answered, but not in the protocol; a short excerpt is shown.",
    Failure.UNSUPPORTED_VERSION: "It speaks no revision of the protocol that this program speaks.",
    Failure.AUTH_REQUIRED: "It wants a key that we do not have (401 or 403). Not counted as down.",
    Failure.TLS_ERROR: "The encrypted connection could not be made: certificate, name or date.",
    Failure.DNS_ERROR: "Its host name has no address.",
    Failure.CONNECT_ERROR: "Nothing accepts connections at its address.",
    Failure.REDIRECT_REFUSED: "It redirects to another origin; no byte was sent there.",
    Failure.HTTP_4XX: "The HTTP server refuses the request.",
    Failure.HTTP_5XX: "The HTTP server fails.",
    Failure.OVERSIZED: "It sent more than a bound allows; the bound is named.",
    Failure.CONFIG_ERROR: "Its configuration entry cannot be used. Nothing is known of the server.",
    Failure.SKIPPED: "It was not asked: disabled, not approved, or the run's time was spent.",
    Failure.INTERNAL_ERROR: "This program failed, not the server. Please report it.",
}
STATUS_WORDS: Final = {
    Status.DOWN: "The last probe failed in a way that its users feel too.",
    Status.DEGRADED: "It answers, and is slower than its objective, flapping, or a declared capability errs. Counts as up.",
    Status.AUTH_WALLED: "It wants a key that we do not have. Neither up nor down.",
    Status.UNKNOWN: "Not asked, or our own network or configuration is at fault. Neither up nor down.",
    Status.MAINTENANCE: "Within a declared window, whatever else. Left out of every share.",
    Status.UP: "It answered, and nothing worse is known.",
}


def _head(view: View) -> dict[str, Any]:
    run = view.report.run
    return {
        "heading": "How each figure is made, and how this run went.",
        "lede": f"{view.report.coverage.sentence}. Asking took {words.seconds(run.seconds)}.",
    }


def _values(view: View) -> dict[str, Any]:
    return {
        "metrics": metrics.METRICS.values(),
        "status_words": STATUS_WORDS,
        "failure_words": FAILURE_WORDS,
        "run": view.report.run,
        "previous": view.report.previous_run,
        "found": view.report.found,
        "judging": view.report.judging,
        "sources": view.report.sources,
    }


def _archive(view: View) -> dict[str, Any] | None:
    archive = view.report.archive
    return None if archive is None else {"archive": archive, "rule": kept_for(archive.keeping)}


def _record(view: View) -> dict[str, Any]:
    return {
        "records": [(metrics.METRICS[r.metric].title, r) for r in view.report.records if r.metric in metrics.METRICS]
    }


PAGE: Final = Page(
    "method.html",
    "Method",
    (
        ("page_head.html", _head),
        ("method/figures.html", _values),
        ("method/record.html", _record),
        ("method/words.html", _values),
        ("method/sources.html", _values),
        ("method/run.html", _values),
        ("method/archive.html", _archive),
        ("method/configurations.html", _values),
    ),
)
