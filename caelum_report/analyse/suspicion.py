"""Text that a server hands to the model and that somebody should read first: facts with their excerpt, never a verdict.

What is looked for is known from published attacks on MCP clients ("tool poisoning": instructions in descriptions and in
the descriptions of parameters, hidden characters, requests to read a key and pass it on). Honest servers instruct too, so
a match says what the text does and shows it. Cost: four regular expressions a text, each bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from caelum_report import text
from caelum_report.document import Remark
from caelum_report.model import Surface, Tool

from .schemas import parsed, properties

_AROUND: Final = 60  # characters of an excerpt, on each side
_TEXTS: Final = 400  # of one tool
_DEPTH: Final = 12

_MARK: Final = r"<U\+[0-9A-F]{4,6}>"
_TAG_RUN: Final = re.compile(r"(?:<U\+E00[2-7][0-9A-F]>){2,}")
_TAG: Final = re.compile(r"<U\+E00([2-7][0-9A-F])>")
_HIDDEN: Final = re.compile(_MARK)
_ADDRESS: Final = re.compile(r"(?i)\bhttps?://[^\s<>\"')]+")
_INSTRUCTION: Final = re.compile(
    r"""(?ix)
      \b(?:ignore|disregard|forget)\b.{0,40}\b(?:previous|prior|above|other|all)\b
    | \bdo\s+not\s+(?:tell|inform|mention|show|reveal)\b
    | \bwithout\s+(?:telling|asking|informing|mentioning)\b
    | \b(?:before|after|instead\s+of)\s+(?:using|calling|running)\s+(?:this|any|every|other)\b
    | <\s*/?\s*(?:important|system|instructions?|secret)\s*>
    | \b(?:you\s+must|always)\b.{0,60}\b(?:call|send|read|include|pass|forward|upload)\b
    """
)
_SECRET: Final = re.compile(
    r"""(?ix)
      (?:~|\$HOME|/home/[^\s/]+|/root)?/\.(?:ssh|aws|gnupg|kube|netrc|config/gcloud)\b | \bid_(?:rsa|ed25519|ecdsa)\b
    | /etc/(?:passwd|shadow)\b | (?<![\w.])\.env\b | \bmcp\.json\b
    | \b(?:system\s+prompt|private\s+key|conversation\s+history|chat\s+history)\b
    | !\[[^\]]{0,80}\]\(\s*https?://
    | \b(?:curl|wget)\b.{0,80}\bhttps?://
    | \b(?:send|post|upload|forward|exfiltrate)\b.{0,60}\b(?:content|result|output|key|token|credential|password|file)s?\b.{0,40}\bto\b
    """
)
_PATTERNS: Final = (
    (_HIDDEN, "hidden characters"),
    (_INSTRUCTION, "an instruction to the model"),
    (_SECRET, "a place of secrets, or a way out"),
    (_ADDRESS, "an address"),
)


def remarks(surface: Surface) -> Iterator[Remark]:
    """All that stands in a surface now; addresses are left out, for most descriptions name one."""
    for remark in changed(None, surface):
        if remark.what != "an address":
            yield remark


def changed(old: Surface | None, new: Surface) -> Iterator[Remark]:
    """What a new version says that the old one did not."""
    before = _first_by_name(old.tools) if old else {}
    for name, tool in _first_by_name(new.tools).items():
        was = before.get(name)
        if was != tool:
            yield from _of_tool(was, tool)
    if old is None or old.instructions != new.instructions:
        for what, excerpt in suspicious_text(old.instructions if old else "", new.instructions):
            yield Remark("instructions", what, "its instructions", excerpt)


def _first_by_name(tools: tuple[Tool, ...]) -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    for tool in tools:
        found.setdefault(tool.name, tool)
    return found


def _of_tool(was: Tool | None, now: Tool) -> Iterator[Remark]:
    """Each kind of remark once a tool: its first place."""
    known = "\n".join(said for _, said in _texts(was)) if was else ""
    seen: set[str] = set()
    for where, said in _texts(now):
        for what, excerpt in suspicious_text(known, said):
            if what not in seen:
                seen.add(what)
                yield Remark(now.name, what, where, excerpt)


def _texts(tool: Tool) -> list[tuple[str, str]]:
    """Everything of a tool that a model reads."""
    found = [("its name", tool.name), ("its title", tool.title), ("its description", tool.description)]
    for schema in (tool.schema, tool.output_schema or ""):
        found += _schema_texts(parsed(schema), "", 0)
    return [(where, said) for where, said in found if said][:_TEXTS]


def _schema_texts(schema: Any, path: str, depth: int) -> list[tuple[str, str]]:
    if not isinstance(schema, dict) or depth > _DEPTH:
        return []
    where = f"its parameter “{text.visible(path, 60)}”" if path else "its schema"
    found = [(where, said) for key in ("title", "description", "default") if isinstance(said := schema.get(key), str)]
    for key in ("enum", "examples"):
        values = schema.get(key)
        if isinstance(values, list):
            found += [(where, value) for value in values if isinstance(value, str)]
    for name, inner in properties(schema).items():
        place = f"{path}.{name}" if path else name
        found += [(f"the name of {_parameter(place)}", name), *_schema_texts(inner, place, depth + 1)]
    return found + _schema_texts(schema.get("items"), f"{path}[]", depth + 1)


def _parameter(path: str) -> str:
    return f"its parameter “{text.visible(path, 60)}”"


def suspicious_text(was: str, now: str) -> Iterator[tuple[str, str]]:
    """What a new text has that the old one had not, and the words around it."""
    for pattern, what in _PATTERNS:
        known = {match.group().lower() for match in pattern.finditer(was)}
        for match in pattern.finditer(now):
            if match.group().lower() not in known:
                yield what, _excerpt(now, match.start(), match.end())
                break


def _excerpt(said: str, start: int, end: int) -> str:
    """The words around a match. Tag characters spell ASCII that no person sees: it is spelt out."""
    around = said[max(0, start - _AROUND) : end + _AROUND].replace("\n", " ")
    run = _TAG_RUN.search(said, start)
    spelt = "".join(chr(int(code, 16)) for code in _TAG.findall(run.group())) if run else ""
    shown = text.visible(around, 240)
    return f"{shown} (the hidden characters spell “{text.visible(spelt, 120)}”)" if spelt else shown
