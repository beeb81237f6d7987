"""One name for the same error: a line without its time, numbers, addresses, paths and quoted texts.

What is left tells kinds of errors apart and says little about anybody. Secrets are taken out before, for half a secret
is a secret.
"""

from __future__ import annotations

import re
from typing import Final

from caelum_report.text import Redactor, brief

OTHERS: Final = "(other errors)"
_READ: Final = 2_000  # characters of a line that are looked at
_KEPT: Final = 200

_MONTHS: Final = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_VARIABLE: Final = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"^[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[^\s\])]{0,12}[\])]?\s*", ""),
        (rf"^(?:{_MONTHS}) [ \d]\d \d\d:\d\d:\d\d \S{{1,80}} ", ""),  # syslog's time and host
        (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "#"),
        (r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s\"'<>)\]]++", "URL"),
        (r"\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,64}", "ADDRESS"),
        (r"\"[^\"]*+\"|`[^`]*+`|(?<!\w)'[^']*+'", '"…"'),
        (r"(?<![\w/.])(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.@+~-]++(?:[/\\][\w.@+~-]*+)*+", "PATH"),
        (r"\b(?:0[xX][0-9a-fA-F]++|(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}+)\b", "#"),
        (r"\d++", "#"),
        (r"\s++", " "),
    )
)


def signature(text: str, redactor: Redactor) -> str:
    """At most 200 characters, visible, without secrets."""
    said = redactor.redact(text[: 2 * _READ])[:_READ]
    for pattern, instead in _VARIABLE:
        said = pattern.sub(instead, said)
    return brief(said.strip(), _KEPT) or "(an empty line)"
