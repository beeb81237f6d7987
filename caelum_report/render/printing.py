"""PDFs from child processes: WeasyPrint's time and memory, and its missing libraries, stay there."""

from __future__ import annotations

import subprocess
import sys

from caelum_report import codec
from caelum_report.digest import Digest
from caelum_report.document import Report
from caelum_report.model import Note

from .html import PACKAGE


def report_paper(document: bytes, seconds: float) -> bytes | Note:
    """report.pdf of a report's JSON, or why there is none."""
    return _printed("caelum_report.render.pdf", document, "report.pdf", seconds)


def paper(report: Report, seconds: float) -> bytes | None:
    """report.pdf alone, for a message about an earlier report; None where it cannot be made."""
    made = report_paper(codec.to_json(report), seconds)
    return made if isinstance(made, bytes) else None


def digest_paper(digest: Digest, seconds: float) -> bytes | Note:
    """A digest's PDF, or why there is none."""
    document = codec.digest_to_json(digest).encode()
    return _printed("caelum_report.render.digest", document, "the digest’s PDF", seconds)


def _printed(module: str, document: bytes, name: str, seconds: float) -> bytes | Note:
    """What a module of ours makes of a document on its standard input."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", module],
            input=document,
            capture_output=True,
            timeout=seconds,
            cwd=PACKAGE.parent,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Note("no-pdf", f"{name} is missing: it took longer than {seconds:.0f} s")
    if child.returncode != 0 or not child.stdout.startswith(b"%PDF-"):
        lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
        return Note("no-pdf", f"{name} is missing: {lines[-1][:200] if lines else f'exit {child.returncode}'}")
    return child.stdout
