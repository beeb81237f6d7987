"""The last look at an edition: nothing of the internal report that its readers should not see is in any byte of it.

`editions` copies allowed fields only, so that this should never find anything; it is the second of two locks. Our own words
(those of an edition that shows nobody) and the aliases themselves are no leaks, whatever the servers are called; a secret
always is one.
"""

from __future__ import annotations

import html
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from caelum_report import codec
from caelum_report.document import Report
from caelum_report.editions import Edition
from caelum_report.errors import PublishError
from caelum_report.site import Site
from caelum_report.text import slug, visible
from caelum_report.words import listing

from .pdf_text import text_of

_URL: Final = re.compile(r"https?://[^\s\"'<>\\)]+")
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_PATH: Final = re.compile(r"(?<![\w.:/<])/(?:[\w.@+-]+/)+[\w.@+-]+")
_SECRET: Final = "a secret"  # noqa: S105 - the word for one
_SHORTEST: Final = 2
_SHORTEST_SECRET: Final = 8


def refuse_leaks(edition: Edition, site: Site, report: Report, secrets: Iterable[str], *, ours: Site) -> None:
    """Raises `PublishError`, which names the files and what kind of thing each holds. Secrets are never printed."""
    kinds = dict(_told_inside(report, secrets))
    allowed = _allowed(edition, site)
    found = {path: hits for path, content in site.files.items() if (hits := _hits(path, content, kinds, allowed))}
    if not found:
        return
    own = {
        hit
        for path, content in ours.files.items()
        for hit in _hits(path, content, kinds, allowed)
        if kinds[hit] != _SECRET
    }
    found = {path: hits - own for path, hits in found.items() if hits - own}
    if found:
        lines = [f"{path} holds {_named(hits, kinds)}" for path, hits in sorted(found.items())]
        raise PublishError(
            f"the {edition.kind} edition is not published, for it would give away what is internal: "
            f"{listing(lines, 5)}. The old pages stay"
        )


def _named(hits: set[str], kinds: Mapping[str, str]) -> str:
    """a server (api-gateway), a secret"""
    told = [kinds[hit] if kinds[hit] == _SECRET else f"{kinds[hit]} ({visible(hit, 60)})" for hit in sorted(hits)]
    return listing(told, 3)


def _told_inside(report: Report, secrets: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every word that is internal, in small letters, and what it is; of several kinds the last one counts."""
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
    for kind, word in words:
        if len(word) >= _SHORTEST:
            yield word.lower(), kind
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            yield secret.lower(), _SECRET


def _of_servers(report: Report) -> Iterator[tuple[str, str]]:
    for one in report.servers:
        yield from (("a tool", item.tool.name) for item in one.tools)
        yield from (("a group", group) for group in [one.group] if group)
        yield from (("an owner", owner) for owner in [one.owner] if owner)
        yield from (("a host", host) for host in [one.host] if host)
        yield from (("a command or URL", endpoint) for endpoint in [one.endpoint] if endpoint)
        yield from (("a server", name) for name in (one.id, one.name, one.slug))


def _allowed(edition: Edition, site: Site) -> list[str]:
    """What somebody has written into the edition's own configuration: it may be read, whatever else it is."""
    said = [edition.fleet, edition.site_url or "", *(alias for _, alias in edition.aliases)]
    said += [slug(alias) for _, alias in edition.aliases]
    return sorted({word.lower() for word in (*said, site.report) if word}, key=lambda word: (-len(word), word))


def _hits(path: str, content: bytes, kinds: Mapping[str, str], allowed: list[str]) -> set[str]:
    """The internal words of a file or its name; whole words only, for a server may be called `up`."""
    wanted = _pattern(tuple(kinds))
    text = "\n".join((path, *dict.fromkeys(_readings(path, content)))).lower()
    found = [] if wanted is None else [(match.span(), match[0]) for match in wanted.finditer(text)]
    permitted = _pattern(tuple(allowed)) if found else None
    if permitted is None:
        return {word for _, word in found}
    spans = [match.span() for match in permitted.finditer(text)]
    starts = [start for start, _ in spans]
    return {word for (start, end), word in found if kinds[word] == _SECRET or not _within(start, end, spans, starts)}


def _within(start: int, end: int, spans: list[tuple[int, int]], starts: list[int]) -> bool:
    """Whether a stretch of text is part of an allowed one."""
    place = bisect_right(starts, start) - 1
    return place >= 0 and end <= spans[place][1]


def _readings(path: str, content: bytes) -> Iterator[str]:
    """The file as it stands, and as its readers decode it."""
    if path.endswith(".pdf"):
        yield text_of(content)
        return
    text = content.decode("utf-8", "replace")
    yield text
    yield html.unescape(text)
    yield unquote(text)
    if path.endswith(".json"):
        yield json.dumps(json.loads(text), ensure_ascii=False)


@lru_cache(maxsize=8)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    """Any of the words as a whole word, the longest first."""
    parts = "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    return re.compile(rf"(?<![0-9a-z])(?:{parts})(?![0-9a-z])") if parts else None
