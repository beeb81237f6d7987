"""The last look at an edition: nothing of the internal report that its readers should not see is in any byte of it.

`editions` copies allowed fields only, so that this should never find anything; it is the second of two locks. Our own words
(those of an edition that shows nobody) and the aliases themselves are no leaks, whatever the servers are called; a secret
always is one.
"""

from __future__ import annotations

import html
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from caelum_report import codec
from caelum_report.configured import Config
from caelum_report.document import Mark, Report
from caelum_report.editions import Edition
from caelum_report.errors import DeliveryError, PublishError
from caelum_report.mail import Mail
from caelum_report.site import Site
from caelum_report.text import slug, visible
from caelum_report.words import listing

from .pdf_text import text_of

_URL: Final = re.compile(r"https?://[^\s\"'<>\\)]+")
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]*\w")
_PATH: Final = re.compile(r"(?<![\w.:/<])/(?:[\w.@+-]+/)+[\w.@+-]+")
_TAG: Final = re.compile(r"<[^<>]*>")
_TOKEN: Final = re.compile(r"[0-9a-z]+")
_SECRET: Final = "a secret"  # noqa: S105 - the word for one
_SHORTEST: Final = 2
_ELLIPSIS: Final = "…"
_LONGEST_CUT: Final = 80
_SHORTEST_CUT: Final = 6  # letters that are left of a name and still tell it
_SHORTEST_NOTE: Final = 6
_SHORTEST_SECRET: Final = 8


def refuse_leaks(
    edition: Edition, site: Site, report: Report, secrets: Iterable[str], ours: Callable[[], Site]
) -> None:
    """Raises `PublishError`, which names the files and what kind of thing each holds. Secrets are never printed.

    `ours` makes the same edition of a fleet that does not exist: what is in it, too, is our own word.
    """
    if said := _leaked(edition, site, dict(_kinds(_told_inside(report), secrets)), ours):
        raise PublishError(
            f"the {edition.kind} edition is not published, for it would give away what is internal: "
            f"{said}. The old pages stay"
        )


def refuse_mail(edition: Edition, mail: Mail, report: Report | None, config: Config, ours: Callable[[], Mail]) -> None:
    """The same for a message. Raises `DeliveryError`. What the configuration names is internal too, in a report or not."""
    inside = [*(_told_inside(report) if report else ()), *_configured(config)]
    if said := _leaked(edition, _as_site(mail), dict(_kinds(inside, config.secrets)), lambda: _as_site(ours())):
        raise DeliveryError(f"it would give away to readers of the {edition.name} edition what is internal: {said}")


def _as_site(mail: Mail) -> Site:
    said = {"its title": mail.title, "its text": mail.text, "its.html": mail.html, "its.json": mail.json,
            "its address": mail.url, "its diagram": mail.diagram}  # fmt: skip
    files = {path: text.encode() for path, text in said.items() if text}
    return Site(mail.report, files | {name: content for name, _, content in mail.attachments})


def _leaked(edition: Edition, site: Site, kinds: Mapping[str, str], ours: Callable[[], Site]) -> str:
    """`index.html holds a server (api-gateway)`; empty where there is nothing."""
    wanted, allowed = _Words.of(kinds), _Words.of(_allowed(edition, site))
    found = {path: hits for path, content in site.files.items() if (hits := _hits(path, content, wanted, allowed))}
    if not all(kinds[hit] == _SECRET for hits in found.values() for hit in hits):
        own = {hit for path, content in ours().files.items() for hit in _hits(path, content, wanted, allowed)}
        own = {hit for hit in own if kinds[hit] != _SECRET}
        found = {path: hits - own for path, hits in found.items() if hits - own}
    return listing([f"{path} holds {_named(hits, kinds)}" for path, hits in sorted(found.items())], 5)


def _named(hits: set[str], kinds: Mapping[str, str]) -> str:
    """a server (api-gateway), a secret"""
    told = [kinds[hit] if kinds[hit] == _SECRET else f"{kinds[hit]} ({visible(hit, 60)})" for hit in sorted(hits)]
    return listing(told, 3)


def _kinds(inside: Iterable[tuple[str, str]], secrets: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every word that is internal, in small letters, and what it is; of several kinds the last one counts."""
    for kind, word in inside:
        if len(word) >= _SHORTEST:
            yield word.lower(), kind
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            yield secret.lower(), _SECRET


def _configured(config: Config) -> Iterator[tuple[str, str]]:
    """Kinds and words, as `_told_inside` gives them."""
    yield "a host", config.host
    for one in config.servers:
        yield from (("a server", name) for name in (one.id, one.slug))
        yield from (("a group", group) for group in [one.group] if group)
        yield from (("an owner", owner) for owner in [one.owner] if owner)
        yield from (("a command or URL", endpoint) for endpoint in [one.endpoint] if endpoint)
    for rule in config.rules:
        yield from (("an owner", owner) for owner in [rule.owner] if owner)
        yield from (("a runbook", runbook) for runbook in [rule.runbook] if runbook)
    if config.site_url:
        yield "the internal site", config.site_url.rstrip("/")


def _told_inside(report: Report) -> list[tuple[str, str]]:
    """Kinds and words."""
    whole = json.dumps(json.loads(codec.to_json(report)), ensure_ascii=False)
    words = [("a path", match) for match in _PATH.findall(whole)]
    words += [("a URL", match) for match in _URL.findall(whole)]
    words += [("an e-mail address", match) for match in _EMAIL.findall(whole)]
    words += _of_servers(report)
    words += [("a host", one.name) for one in report.hosts] + [("a host", report.host)]
    words += [("an owner", one.owner) for one in report.findings if one.owner]
    words += [("an owner", one.owner) for one in report.alarms.alerts if one.owner]
    words += [("a source", one.name) for one in report.sources]
    words += [("a node of a diagram", node.id) for node in report.architecture.nodes if ":" in node.id]
    words += [("a configuration", one.path) for one in report.found]
    words += [("a fleet", report.fleet)] + [("an objective", one.name) for one in report.objectives]
    words += [("a dashboard", one.title) for one in report.dashboards]
    words += [("a note", mark.text) for mark in _marks(report) if len(mark.text) >= _SHORTEST_NOTE]
    return words


def _marks(report: Report) -> Iterator[Mark]:
    yield from (mark for chart in report.fleet_charts for mark in chart.marks)
    yield from (mark for one in report.servers for chart in one.charts for mark in chart.marks)


def _of_servers(report: Report) -> Iterator[tuple[str, str]]:
    for one in report.servers:
        yield from (("a tool", item.tool.name) for item in one.tools)
        yield from (("a group", group) for group in [one.group] if group)
        yield from (("an owner", owner) for owner in [one.owner] if owner)
        yield from (("a host", host) for host in [one.host] if host)
        yield from (("a command or URL", endpoint) for endpoint in [one.endpoint] if endpoint)
        yield from (("a prompt", prompt) for prompt in one.prompts)
        yield from (("a resource", resource) for resource in one.resources)
        yield from (("a server", name) for name in (one.server_name, one.id, one.name, one.slug))


def _allowed(edition: Edition, site: Site) -> list[str]:
    """What somebody has written into the edition's own configuration: it may be read, whatever else it is."""
    said = [edition.fleet, edition.site_url or "", *(alias for _, alias in edition.aliases)]
    said += [slug(alias) for _, alias in edition.aliases]
    said += [html.escape(word) for word in said]
    return [word.lower() for word in (*said, site.report) if word]


@dataclass(frozen=True, slots=True)
class _Words:
    """Words that are looked for, and the tokens of each: a text that lacks one of them cannot hold the word."""

    kinds: Mapping[str, str]
    tokens: tuple[tuple[str, frozenset[str]], ...]
    ordered: tuple[str, ...]

    @classmethod
    def of(cls, kinds: Mapping[str, str] | Iterable[str]) -> _Words:
        named = dict(kinds) if isinstance(kinds, Mapping) else dict.fromkeys(kinds, "")
        longest_first = sorted(named, key=lambda word: (-len(word), word))
        return cls(
            named,
            tuple((word, frozenset(_TOKEN.findall(word))) for word in longest_first),
            tuple(sorted(named)),
        )

    def found_in(self, text: str, tokens: set[str], *, whole: bool) -> Iterator[tuple[int, int, str]]:
        """Start, end and word; `whole`: as a word of its own, for a server may be called `up`. At one place the longest."""
        likely = "|".join(re.escape(word) for word, needed in self.tokens if needed <= tokens)
        if likely:
            pattern = re.compile(rf"(?<![0-9a-z])(?:{likely})(?![0-9a-z])" if whole else likely)
            yield from ((*match.span(), match[0]) for match in pattern.finditer(text))

    def beginning_with(self, start: str) -> str | None:
        place = bisect_left(self.ordered, start)
        found = self.ordered[place] if place < len(self.ordered) else ""
        return found if found.startswith(start) else None


def _hits(path: str, content: bytes, wanted: _Words, allowed: _Words) -> set[str]:
    """The internal words of a file or its name, also those of which only the beginning is shown."""
    text = "\n".join((path, *dict.fromkeys(_readings(path, content)))).lower()
    tokens = set(_TOKEN.findall(text))
    found = list(wanted.found_in(text, tokens, whole=True))
    spans = [(start, end) for start, end, _ in allowed.found_in(text, tokens, whole=False)] if found else []
    starts = [start for start, _ in spans]
    hits = {
        word for start, end, word in found if wanted.kinds[word] == _SECRET or not _within(start, end, spans, starts)
    }
    return hits | {word for start in _cut_short(text) if (word := _told_by(start, wanted, allowed))}


def _within(start: int, end: int, spans: list[tuple[int, int]], starts: list[int]) -> bool:
    """Whether a stretch of text is part of an allowed one."""
    place = bisect_right(starts, start) - 1
    return place >= 0 and end <= spans[place][1]


def _cut_short(text: str) -> Iterator[str]:
    """What stands before an ellipsis, from every word on."""
    for match in re.finditer(_ELLIPSIS, text):
        before = text[max(0, match.start() - _LONGEST_CUT) : match.start()].rpartition("\n")[2].rstrip()
        for token in _TOKEN.finditer(before):
            if len(before) - token.start() >= _SHORTEST_CUT:
                yield before[token.start() :]


def _told_by(start: str, wanted: _Words, allowed: _Words) -> str | None:
    return None if allowed.beginning_with(start) else wanted.beginning_with(start)


def _readings(path: str, content: bytes) -> Iterator[str]:
    """The file as it stands, and as its readers decode it."""
    if path.endswith(".pdf"):
        yield text_of(content)
        return
    text = content.decode("utf-8", "replace")
    yield text
    decoded = unquote(html.unescape(text))
    yield decoded
    if path.endswith((".html", ".svg", ".atom")):
        yield _TAG.sub("", decoded)  # a name may be drawn in pieces
    if path.endswith(".json"):
        yield json.dumps(json.loads(text), ensure_ascii=False)
