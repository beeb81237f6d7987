"""A digest as a message and as a PDF: both place the same values in the same order."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from caelum_report import codec, words
from caelum_report.digest import Digest, ServerShare
from caelum_report.editions import INTERNAL
from caelum_report.mail import Mail
from caelum_report.text import brief

from .html import environment, fill
from .mail_report import LARGEST_HTML
from .press import Press, written

SHOWN_SERVERS: Final = 20  # of those that were down; the PDF has all
SHOWN_CONTRASTS: Final = 12
SHOWN_OUTAGES: Final = 10
SHOWN_OBJECTIVES: Final = 6  # on paper
_PERIOD_WORDS: Final = {"day": "Daily", "week": "Weekly", "month": "Monthly"}


def digest_mail(digest: Digest, pdf: bytes | None, at: datetime) -> Mail:
    """`at` is when it goes out: a late one says so."""
    values = _values(digest, at)
    text = "\n".join(_text(digest, at))
    html = environment().get_template("mail/digest.html").render(values)
    if len(html.encode()) > LARGEST_HTML:
        short = {**values, "troubled": values["troubled"][:5], "contrasts": (), "outages": ()}
        html = environment().get_template("mail/digest.html").render(short)
    return Mail(
        id=f"digest:{digest.id}",
        title=values["title"],
        text=text,
        html=html,
        json=json.dumps(facts(digest, at), ensure_ascii=True, allow_nan=False, separators=(",", ":")),
        state="digest",
        url=values["url"],
        attachments=((f"{digest.kind}-{digest.key}.pdf", "application/pdf", pdf),) if pdf else (),
    )


def subject(digest: Digest, at: datetime) -> str:
    """`[caelum] week 47 of 2026: three of 24 servers were down`."""
    late = "late: " if digest.late(at) else ""
    said = digest.verdict.removesuffix(".").removesuffix(digest.label).removesuffix(" in ").removesuffix(" on ")
    return brief(f"[{digest.fleet}] {late}{digest.label}: {said[0].lower()}{said[1:]}", 200)


def _troubled(digest: Digest) -> list[ServerShare]:
    return [one for one in digest.servers if one.down_seconds > 0]


def _values(digest: Digest, at: datetime) -> dict[str, Any]:
    troubled = _troubled(digest)
    contrasts = digest.difference.contrasts if digest.difference else ()
    base = digest.site_url.rstrip("/") if digest.site_url else ""
    return {
        "digest": digest,
        "title": subject(digest, at),
        "word": _PERIOD_WORDS[digest.kind],
        "late": late_words(digest, at),
        "when": period_words(digest),
        "url": f"{base}/index.html" if base else "",
        "address": lambda page: f"{base}/{page}" if base else "",
        "troubled": troubled[:SHOWN_SERVERS],
        "more_troubled": max(0, len(troubled) - SHOWN_SERVERS),
        "well": sum(one.share is not None and not one.down_seconds for one in digest.servers),
        "contrasts": contrasts[:SHOWN_CONTRASTS],
        "more_contrasts": max(0, len(contrasts) - SHOWN_CONTRASTS),
        "outages": digest.outages[:SHOWN_OUTAGES],
        "more_outages": max(0, len(digest.outages) - SHOWN_OUTAGES),
        "moment": lambda when: words.moment(when, digest.end, digest.zone),
    }


def period_words(digest: Digest) -> str:
    """Mon 16 Nov 2026 00:00 to Mon 23 Nov 2026 00:00, Europe/Berlin"""

    def at(when: datetime) -> str:
        return f"{words.local(when, digest.zone):%a} {words.day(when, digest.zone)} {words.clock(when, digest.zone)}"

    return f"{at(digest.start)} to {at(digest.end)}, {digest.zone}"


def late_words(digest: Digest, at: datetime) -> str:
    if not digest.late(at):
        return ""
    due = f"{words.full_date(digest.end, digest.zone)}, {words.clock(digest.end, digest.zone)}"
    return f"Late by {words.duration((at - digest.end).total_seconds())}: it was due on {due}."


def facts(digest: Digest, at: datetime) -> dict[str, Any]:
    """The same for programs."""
    return {
        "fleet": digest.fleet,
        "period": digest.kind,
        "key": digest.key,
        "start": words.stamp(digest.start),
        "end": words.stamp(digest.end),
        "late": digest.late(at),
        "title": subject(digest, at),
        "verdict": digest.verdict,
        "lede": digest.lede,
        "servers": [
            {"id": one.server, "share": one.share, "share_before": one.share_before, "down_seconds": one.down_seconds,
             "measured_seconds": one.measured_seconds, "outages": one.outages}
            for one in digest.servers
        ],
        "worse": [
            {"servers": one.servers, "what": one.what, "before": one.before, "after": one.after, "p": one.p}
            for one in (digest.difference.contrasts if digest.difference else ())
            if one.direction == "worse"
        ],
    }  # fmt: skip


def _text(digest: Digest, at: datetime) -> Iterator[str]:
    yield f"{digest.fleet}, {digest.label}: {period_words(digest)}"
    if digest.demo:
        yield "Demonstration: these servers and their history are simulated."
    if late := late_words(digest, at):
        yield late
    yield ""
    yield digest.verdict
    yield digest.lede
    yield ""
    yield "DOWN"
    troubled = _troubled(digest)
    for one in troubled[:SHOWN_SERVERS]:
        before = f", {words.percent(one.share_before)} the {digest.kind} before" if one.share_before is not None else ""
        lasted = f"{words.duration(one.down_seconds)} in {words.plural(one.outages, 'outage')}"
        yield f"- {one.name}: answered {words.percent(one.share)}{before}; down {lasted}"
    if not troubled:
        yield "No server was down."
    elif len(troubled) > SHOWN_SERVERS:
        yield f"and {len(troubled) - SHOWN_SERVERS} more"
    if digest.edition == INTERNAL:
        yield from _changes(digest)
    if digest.outages:
        yield ""
        yield "INCIDENTS"
        for outage in digest.outages[:SHOWN_OUTAGES]:
            began = words.moment(outage.began_at, digest.end, digest.zone)
            yield f"- {outage.title} {began}, {words.duration(outage.seconds)}{', open' if outage.ended_at is None else ''}"
    if digest.objectives:
        yield ""
        yield "OBJECTIVES"
        for objective in digest.objectives[:SHOWN_OUTAGES]:
            yield f"- {objective.name}: {words.percent(objective.achieved)} of {words.percent(objective.target, 1)}"
    if digest.looming:
        yield ""
        yield "LOOMING"
        for what, when in digest.looming:
            yield f"- {what} {when}"
    if digest.site_url:
        yield ""
        yield digest.site_url


def _changes(digest: Digest) -> Iterator[str]:
    yield ""
    yield f"CHANGED SINCE THE {digest.kind.upper()} BEFORE"
    if digest.difference is None:
        yield f"Nothing is known of the {digest.kind} before."
        return
    yield digest.difference.sentence
    for line in digest.difference.contrasts[:SHOWN_CONTRASTS]:
        who = ", ".join(line.servers)
        yield f"- {words.direction(line.direction, line.servers)} {who}: {line.what} {line.before} → {line.after}{words.appended(line.detail)} ({line.evidence})"


def _objectives(digest: Digest) -> dict[str, Any]:
    """Every one that was missed or not measured, then of those that were met as many as fill the table."""
    met = [one for one in digest.objectives if one.is_met]
    others = [one for one in digest.objectives if not one.is_met]
    shown = met[: max(0, SHOWN_OBJECTIVES - len(others))]
    rest = len(met) - len(shown)
    return {"objectives": (*others, *shown), "met": words.plural(rest, "more", "more") if rest else ""}


def digest_document(digest: Digest) -> bytes:
    """The PDF; its dates are the digest's."""
    values = {**_values(digest, digest.made_at), "servers": digest.servers, "outages": digest.outages}
    values |= _objectives(digest)
    pages = Press(digest.paper, digest.made_at).lay_out(fill("digest/paper.html", values))
    return written(pages, digest.id)


if __name__ == "__main__":
    sys.stdout.buffer.write(digest_document(codec.digest_from_json(sys.stdin.read())))
