"""A message as a value, between render and deliver: the same words in every form that a way out may want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# What `{word}` in a way's template stands for: fields of a Mail, and the folder of the published site.
WORDS: Final = ("title", "text", "html", "json", "report", "url", "site", "diagram", "id", "state", "severity")


@dataclass(frozen=True, slots=True)
class Mail:
    """`id` is that of what it tells, so that a repeated message can be known as the same."""

    id: str
    title: str  # one line
    text: str
    html: str
    json: str  # the same for programs
    state: str = "report"  # firing, resolved, report, quiet, digest, test
    severity: str = "info"  # critical, warning, info: the worst that it tells of
    report: str = ""  # Report.id, where it is about one
    url: str = ""  # where to read on
    images: tuple[tuple[str, bytes], ...] = ()  # cid and PNG
    attachments: tuple[tuple[str, str, bytes], ...] = ()  # file name, type/subtype, content
    diagram: str = ""  # Mermaid, where there is one
    only: tuple[str, ...] = ()  # of its recipients those who wait for it still; empty: all of them
