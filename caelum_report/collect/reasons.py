"""Why a server died, in its own words: the lines of stderr that a person would look for."""

from __future__ import annotations

import os
import re
from typing import Final

_TELLING: Final = re.compile(
    r"(?i)\b(requir|missing|must (be )?(set|provide|specif)|not set|not found|no such|cannot|can't|could not|unable|denied|invalid"
    r"|unknown|unsupported|expected|fail(ed|ure)|fatal|refused|environment variable|api[ _-]?key|token|credential|usage:)"
)
_EXCEPTION: Final = re.compile(
    r"(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)|Error)(?: \[\w+\])?:? .+"
)
_FRAME: Final = re.compile(r"\s*(at .+[:(]\d+|File \".+\", line \d+|\.\.\.|[\^~ ]+$|[|+\-=* ]+$)")
_IGNORED: Final = re.compile(
    r"(?i)^(node\.js v\d|npm (notice|warn)|\(node:\d+\)|\(use `node|\[?(debug|info)\b|\}|\{|\)|requirestack)"
)
_PACKAGE_FILE: Final = re.compile(r'File "(/[^"]*?/(?:site|dist)-packages)/([^/"]+?)(?:\.py)?[/"]')
_SDK: Final = re.compile(r"(mcp|fastmcp)-(\d[\w.]*)\.dist-info")


def telling_line(stderr: str) -> str:
    """The line of an output that says best why its writer gave up; empty when it says nothing.

    The exception that ends a traceback; else the last line that speaks of something missing or failing; else the last line.
    """
    lines = [line.strip() for line in stderr.splitlines()]
    useful = [line for line in lines if line and not _FRAME.fullmatch(line) and not _IGNORED.match(line)]
    useful = [line for line in useful if not line.startswith(("at ", 'File "', "Traceback (most"))]
    for found in (
        [line for line in useful if _EXCEPTION.fullmatch(line)],
        [line for line in useful if _TELLING.search(line)],
        useful,
    ):
        if found:
            return found[-1] + _package(stderr)
    return ""


def _package(stderr: str) -> str:
    """Whose code raised, and which SDK it met: `(in mcp_server_sqlite, with mcp 2.3.0)`."""
    if "Traceback (most recent call last)" not in stderr or not (places := _PACKAGE_FILE.findall(stderr)):
        return ""
    folder, package = places[-1]
    found = (match for name in _names(folder) if (match := _SDK.fullmatch(name)))
    sdk = next((match.groups() for match in found if match[1] != package), None)
    if sdk is None:
        return f" (in {package})"
    broken = int(sdk[1].partition(".")[0]) >= 2 and package not in ("mcp", "fastmcp")
    hint = "; it may have been written for mcp 1, try pinning mcp<2" if broken and sdk[0] == "mcp" else ""
    return f" (in {package}, with {sdk[0]} {sdk[1]}{hint})"


def _names(folder: str) -> list[str]:
    """What lies beside a package that a traceback names. Only a listing, of a folder that calls itself site-packages."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names only
    except OSError:
        return []
