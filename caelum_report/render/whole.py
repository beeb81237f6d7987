"""A report as one file that needs no other: page 1 and the servers' pages as they were rendered, styles and charts inside.

Nothing is drawn again. Identifiers get their page's name in front, links to what is inside lead there, and links to
pages that only the site of that time had become plain words. Cost: about 2 ms a server.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from markupsafe import Markup

from caelum_report.archived import LARGEST_PAGE
from caelum_report.document import Report

from .html import TEMPLATES, fill

_MAIN: Final = re.compile(r'<main id="main"[^>]*>(.*)</main>', re.DOTALL)
_LEFT_OUT: Final = re.compile(  # ways to other pages, and the second drawing of a chart: the narrow one fits everywhere
    r'<nav class="(?:crumbs|tabs)".*?</nav>|<svg [^>]*class="cx cx-l".*?</svg>|<span class="elsewhere">.*?</span>'
    r'|<section class="part[^"]*" id="read-on".*?</section>',
    re.DOTALL,
)
_TAG: Final = re.compile(
    r'<(?:[a-zA-Z][^<>]*? (?:id|href|aria-[a-z]+|for|headers)="[^<>]*|/a|/?svg[^<>]*|h1[^<>]*|/h1)>'
)
_NAMED: Final = re.compile(r' (id|aria-labelledby|aria-describedby|aria-controls|for|headers)="([^"]*)"')
_HREF: Final = re.compile(r' href="([^"]*)"')
_IDS: Final = re.compile(r' id="([^"]+)"')
_EMPTIED: Final = re.compile(r'<p class="after"><span class="elsewhere">[^<]*</span></p>')
_OUTSIDE: Final = ("http://", "https://", "mailto:")


def whole(report: Report, files: Mapping[str, bytes], *, pdf: bool) -> bytes:
    """The page that the archive keeps. `files` are the site's; servers beyond `LARGEST_PAGE`, the best of them, are left out."""
    mains = dict(_mains(report, files))
    ids = {path: frozenset(_IDS.findall(main)) for path, main in mains.items()}
    slugs = [path.removeprefix("servers/").removesuffix(".html") for path in mains if path != "index.html"]
    index = _placed("index.html", "", mains["index.html"], ids, report.id)
    servers = [
        (slug, _placed(f"servers/{slug}.html", f"s--{slug}--", mains[f"servers/{slug}.html"], ids, report.id))
        for slug in slugs
    ]
    left_out = sum(not server.retired for server in report.servers) - len(slugs)
    return fill(
        "archive/whole.html",
        {
            "report": report,
            "index": index,
            "servers": servers,
            **inlined(files["static/site.css"].decode()),
            "sha256": hashlib.sha256(files["report.json"]).hexdigest(),
            "left_out": max(0, left_out),
            "pdf": pdf,
        },
    ).encode()


def inlined(stylesheet: str) -> dict[str, Any]:
    """A style sheet to stand in a page, and the policy that allows this one and nothing else."""
    style = stylesheet + (TEMPLATES / "archive" / "whole.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "style": Markup(style),  # noqa: S704  our own style sheet
        "csp": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'",
    }


def _mains(report: Report, files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """What stands between `<main>` and `</main>` of page 1 and of the servers, worst first, while there is room."""
    room = LARGEST_PAGE - len(files["static/site.css"])
    for path in ("index.html", *(f"servers/{one.slug}.html" for one in report.servers if not one.retired)):
        found = _MAIN.search(files[path].decode())
        if found is None:
            continue
        main = _LEFT_OUT.sub("", found[1])
        room -= len(main.encode())
        if room < 0 and path != "index.html":
            return
        yield path, main


def _placed(path: str, prefix: str, main: str, ids: Mapping[str, frozenset[str]], report: str) -> Markup:
    """A page's main part among others: its identifiers are its own, and its links lead somewhere within or nowhere."""
    own = ids[path]
    closing: list[str] = []  # what ends each open link
    depth = 0

    def named(match: re.Match[str]) -> str:
        names = " ".join(f"{prefix}{name}" if name in own else name for name in match[2].split(" "))
        return f' {match[1]}="{names}"'

    def tag(match: re.Match[str]) -> str:
        nonlocal depth
        text = match[0]
        if text == "</a>":
            return closing.pop() if closing else text
        if text in {"<h1>", "</h1>"} or text.startswith("<h1 "):
            return text if not prefix else f'<h2 class="title" id="{prefix}h1">' if text[1] == "h" else "</h2>"
        if text.startswith(("<svg", "</svg")):
            depth += 1 if text[1] == "s" else -1
        if prefix:
            text = _NAMED.sub(named, text)
        if prefix and text.startswith("<section"):  # every server has the same parts: the part's name is not enough
            text = text.replace(' aria-labelledby="', f' aria-labelledby="{prefix}h1 ')
        href = _HREF.search(text)
        if href is None:
            if text.startswith("<a "):
                closing.append("</a>")
            return text
        to = _address(href[1], path, prefix, ids, report)
        if not text.startswith("<a "):
            return text if to is None else text.replace(href[0], f' href="{to}"')
        if to is None:
            closing.append("</g>" if depth else "</span>")
            return "<g>" if depth else '<span class="elsewhere">'
        closing.append("</a>")
        return text.replace(href[0], f' href="{to}"')

    return Markup(_EMPTIED.sub("", _TAG.sub(tag, main)))  # noqa: S704  the templates escaped it


def _address(href: str, path: str, prefix: str, ids: Mapping[str, frozenset[str]], report: str) -> str | None:
    """Where a link of the page at `path` leads within the one file; None where only the site had it."""
    if href.startswith(_OUTSIDE):
        return href
    if href.startswith("#"):
        return f"#{prefix}{href[1:]}" if href[1:] in ids[path] else href if href.startswith("#g-") else None
    page, _, fragment = href.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), page))
    if target in {"report.json", "report.pdf"}:
        return f"{report}{target.removeprefix('report')}"
    if target not in ids:
        return None
    if target == "index.html":
        return f"#{fragment}" if fragment in ids[target] else "#main"
    slug = target.removeprefix("servers/").removesuffix(".html")
    return f"#s--{slug}--{fragment}" if fragment in ids[target] else f"#s--{slug}"
