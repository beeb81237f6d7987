"""Why a server died, in its own words: the lines of stderr that a person would look for."""

from __future__ import annotations

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
_PYTHON_FILE: Final = re.compile(r'File ".*?/(?:site|dist)-packages/([^/"]+)')
_OWN_FILE: Final = re.compile(r'File "(.+?)", line \d+')


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
    """Where a Python traceback ends up, and whose call it was: `(raised in mcp, called by mcp_server_sqlite)`."""
    if "Traceback (most recent call last)" not in stderr:
        return ""
    packages = list(dict.fromkeys(_PYTHON_FILE.findall(stderr)))
    return f" (in {' called by '.join(reversed(packages[-2:]))})" if packages else ""
