"""How a server's tool surface changed, by what the change means to its callers.

Breaking is what makes a call that worked fail: a tool or a property gone, an argument that became required, a type or an
enumeration that became narrower. Suspicious is text for the model that hides or instructs. Everything is decided on the
declarations as stored, at a cost of one JSON parse per schema that changed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Literal

from caelum_report import text, words
from caelum_report.document import ContractChange
from caelum_report.history import SurfaceVersion
from caelum_report.model import Surface, Tool

Severity = Literal["breaking", "additive", "cosmetic", "suspicious"]
SEVERITIES: Final[tuple[Severity, ...]] = ("suspicious", "breaking", "additive", "cosmetic")
_VERSIONS: Final = 20  # the latest of each server; older differences stand in older reports
_LINES: Final = 40  # of one difference
_DEPTH: Final = 12  # of nested properties

_HIDDEN: Final = re.compile(r"<U\+[0-9A-F]{4,6}>")
_URL: Final = re.compile(r"(?i)\bhttps?://[^\s<>\"')]+")
_INSTRUCTION: Final = re.compile(
    r"""(?ix)
      \b(?:ignore|disregard|forget)\b.{0,40}\b(?:previous|prior|above|other|all)\b
    | \bdo\s+not\s+(?:tell|inform|mention|show|reveal)\b
    | \bwithout\s+(?:telling|asking|informing|mentioning)\b
    | \b(?:before|after|instead\s+of)\s+(?:using|calling|running)\s+(?:this|any|every|other)\b
    | <\s*/?\s*(?:important|system|instructions?|secret)\s*>
    | \b(?:you\s+must|always)\b.{0,60}\b(?:call|send|read|include|pass|forward|upload)\b
    | \b(?:system\s+prompt|api[ _-]?keys?|private\s+key|\.ssh|id_rsa|\.env\b|conversation\s+history)
    """
)


@dataclass(slots=True)
class _Difference:
    """What one comparison finds, line by line."""

    titles: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


def contract_changes(
    versions: Sequence[SurfaceVersion], reports: Mapping[tuple[str, datetime], int | None]
) -> tuple[ContractChange, ...]:
    """Every change between the latest versions of each server, newest first. `reports` knows report numbers by server and time."""
    by_server: dict[str, list[SurfaceVersion]] = defaultdict(list)
    for version in versions:
        by_server[version.server].append(version)
    changes = [
        change
        for own in by_server.values()
        for old, new in pairwise(own[-_VERSIONS - 1 :])
        for change in compare(old.surface, new, reports.get((new.server, new.at)))
    ]
    changes.sort(key=lambda c: (-c.at.timestamp(), SEVERITIES.index(c.severity), c.server, c.title))
    return tuple(changes)


def compare(old: Surface, version: SurfaceVersion, report: int | None = None) -> Iterator[ContractChange]:
    """The changes that one new version of a surface brought, each with its meaning."""
    new = version.surface
    before, after = _by_name(old.tools), _by_name(new.tools)

    def change(
        severity: Severity, title: str, removed: Sequence[str], added: Sequence[str], tokens: int = 0
    ) -> ContractChange:
        return ContractChange(
            at=version.at,
            report=report,
            server=version.server,
            severity=severity,
            title=title,
            removed=tuple(removed[:_LINES]),
            added=tuple(added[:_LINES]),
            tokens=tokens,
        )

    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    if gone:
        title = f"{'Tool' if len(gone) == 1 else 'Tools'} removed: {words.listing(gone, 5)}"
        yield change("breaking", title, gone, _heirs(before, after, gone, come), -sum(before[n].tokens for n in gone))
    if come:
        title = f"{'Tool' if len(come) == 1 else 'Tools'} added: {words.listing(come, 5)}"
        yield change("additive", title, (), come, sum(after[n].tokens for n in come))
    cosmetic = _Difference()
    for name in sorted(before.keys() & after.keys()):
        was, now = before[name], after[name]
        if was == now:
            continue
        found = _tool(was, now)
        for severity in SEVERITIES[1:3]:
            difference = found[severity]
            if difference.titles:
                yield change(
                    severity,
                    f"{name}: {words.listing(difference.titles, 3)}",
                    difference.removed,
                    difference.added,
                    now.tokens - was.tokens,
                )
        cosmetic.titles += [name] if found["cosmetic"].titles else []
        cosmetic.removed += found["cosmetic"].removed
        cosmetic.added += found["cosmetic"].added
    for name, reason, line in _suspicions(old, new, before, after):
        yield change("suspicious", f"{name}: {reason}", (), (line,))
    for kind, was_names, now_names in (
        ("Resource", old.resources, new.resources),
        ("Prompt", old.prompts, new.prompts),
    ):
        lost = [item for item in was_names if item not in set(now_names)]
        won = [item for item in now_names if item not in set(was_names)]
        if lost:
            yield change("breaking", f"{words.plural(len(lost), kind)} removed: {words.listing(lost, 3)}", lost, won)
        elif won:
            yield change("additive", f"{words.plural(len(won), kind)} added: {words.listing(won, 3)}", (), won)
    if old.instructions != new.instructions:
        cosmetic.titles.append("instructions")
        cosmetic.removed += _lines(old.instructions)
        cosmetic.added += _lines(new.instructions)
    if cosmetic.titles:
        tokens = sum(after[n].tokens - before[n].tokens for n in cosmetic.titles if n in before and n in after)
        yield change(
            "cosmetic", f"Reworded: {words.listing(cosmetic.titles, 5)}", cosmetic.removed, cosmetic.added, tokens
        )


def _by_name(tools: Sequence[Tool]) -> dict[str, Tool]:
    """Of two tools with one name, the first counts."""
    found: dict[str, Tool] = {}
    for tool in tools:
        found.setdefault(tool.name, tool)
    return found


def _heirs(
    before: Mapping[str, Tool], after: Mapping[str, Tool], gone: Sequence[str], come: Sequence[str]
) -> list[str]:
    """New tools that take the same arguments as one that is gone."""
    schemas = {after[name].schema: name for name in come if _properties(_json(after[name].schema))}
    return [
        f"{schemas[before[name].schema]} is new and takes the same arguments as {name}"
        for name in gone
        if before[name].schema in schemas
    ]


def _tool(was: Tool, now: Tool) -> dict[Severity, _Difference]:
    found = {severity: _Difference() for severity in SEVERITIES}
    if was.schema != now.schema:
        _schema(_json(was.schema), _json(now.schema), "", found, 0)
    if was.output_schema != now.output_schema:
        severity: Severity = "breaking" if now.output_schema is None else "additive"
        verb = (
            "output schema removed"
            if now.output_schema is None
            else "output schema " + ("added" if was.output_schema is None else "changed")
        )
        _note(found[severity], verb, was.output_schema, now.output_schema)
    if dict(was.annotations) != dict(now.annotations):
        worse = dict(now.annotations).get("destructiveHint") and not dict(was.annotations).get("destructiveHint")
        _note(
            found["breaking" if worse else "cosmetic"],
            "now says that it destroys" if worse else "hints",
            json.dumps(dict(was.annotations), sort_keys=True),
            json.dumps(dict(now.annotations), sort_keys=True),
        )
    for label, old_text, new_text in (
        ("title", was.title, now.title),
        ("description", was.description, now.description),
    ):
        if old_text != new_text:
            _note(found["cosmetic"], label, old_text, new_text)
    if not any(difference.titles for difference in found.values()):  # the stored text was cut; its hash was not
        _note(found["cosmetic"], "text beyond what is stored", was.sha256[:12], now.sha256[:12])
    return found


def _schema(was: Any, now: Any, path: str, found: dict[Severity, _Difference], depth: int) -> None:
    """What a caller of the old schema meets in the new one."""
    if was == now or depth > _DEPTH:
        return
    if not (isinstance(was, dict) and isinstance(now, dict)):
        _note(found["breaking"], f"{_quoted(path)} changed", json.dumps(was), json.dumps(now))
        return
    told = sum(len(difference.titles) for difference in found.values())
    old_properties, new_properties = _properties(was), _properties(now)
    old_required, new_required = _required(was), _required(now)
    for name in sorted(old_properties.keys() - new_properties.keys()):
        _note(found["breaking"], f"{_quoted(path + name)} removed", _line(name, old_properties[name]), None)
    for name in sorted(new_properties.keys() - old_properties.keys()):
        if name in new_required:
            _note(
                found["breaking"], f"{_quoted(path + name)} added and required", None, _line(name, new_properties[name])
            )
        else:
            _note(found["additive"], f"{_quoted(path + name)} added", None, _line(name, new_properties[name]))
    for name in sorted((new_required - old_required) & old_properties.keys() & new_properties.keys()):
        _note(
            found["breaking"],
            f"{_quoted(path + name)} became required",
            _line("required", sorted(old_required)),
            _line("required", sorted(new_required)),
        )
    for name in sorted((old_required - new_required) & new_properties.keys()):
        _note(
            found["additive"],
            f"{_quoted(path + name)} became optional",
            _line("required", sorted(old_required)),
            _line("required", sorted(new_required)),
        )
    _types(was, now, path, found)
    _enumeration(was, now, path, found)
    for name in sorted(old_properties.keys() & new_properties.keys()):
        _schema(old_properties[name], new_properties[name], f"{path}{name}.", found, depth + 1)
    if isinstance(was.get("items"), dict) and isinstance(now.get("items"), dict):
        _schema(was["items"], now["items"], f"{path}[].", found, depth + 1)
    if told == sum(len(difference.titles) for difference in found.values()):
        _rest(was, now, path, found)


_WORDING: Final = {"description", "title", "examples", "$comment", "default", "$schema", "$id"}


def _rest(was: dict[str, Any], now: dict[str, Any], path: str, found: dict[Severity, _Difference]) -> None:
    """Keywords without a rule of their own: wording is cosmetic, a new constraint breaks, a dropped one does not."""
    for key in sorted(was.keys() | now.keys()):
        old, new = was.get(key), now.get(key)
        if old == new or key in {"properties", "required", "items", "type", "enum"}:
            continue
        if key in _WORDING:
            severity: Severity = "cosmetic"
        elif new is None or (key == "additionalProperties" and new is not False):
            severity = "additive"
        else:
            severity = "breaking"
        label = f"{_quoted(path)} {key} changed" if path else f"{key} changed"
        _note(
            found[severity], label, None if old is None else _line(key, old), None if new is None else _line(key, new)
        )


def _types(was: dict[str, Any], now: dict[str, Any], path: str, found: dict[Severity, _Difference]) -> None:
    old, new = _type_set(was), _type_set(now)
    if old == new:
        return
    wider = new is None or (old is not None and old <= new)
    verb = "accepts more types" if wider else "changed its type"
    _note(
        found["additive" if wider else "breaking"],
        f"{_quoted(path)} {verb}",
        _line("type", was.get("type")),
        _line("type", now.get("type")),
    )


def _enumeration(was: dict[str, Any], now: dict[str, Any], path: str, found: dict[Severity, _Difference]) -> None:
    old, new = _values(was), _values(now)
    if old == new:
        return
    if new is not None and (old is None or old - new):
        lost = sorted(old - new) if old is not None else []
        title = (
            f"{_quoted(path)} no longer takes {words.listing(lost, 3)}"
            if lost
            else f"{_quoted(path)} takes listed values only"
        )
        _note(found["breaking"], title, _line("enum", was.get("enum")), _line("enum", now.get("enum")))
    else:
        title = f"{_quoted(path)} takes more values"
        _note(found["additive"], title, _line("enum", was.get("enum")), _line("enum", now.get("enum")))


def _type_set(schema: dict[str, Any]) -> set[str] | None:
    kind = schema.get("type")
    if isinstance(kind, str):
        kinds = {kind}
    elif isinstance(kind, list):
        kinds = {str(item) for item in kind}
    else:
        return None
    return kinds | {"integer"} if "number" in kinds else kinds


def _values(schema: dict[str, Any]) -> set[str] | None:
    values = schema.get("enum")
    return {json.dumps(value, sort_keys=True) for value in values} if isinstance(values, list) else None


def _properties(schema: Any) -> dict[str, Any]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _required(schema: dict[str, Any]) -> set[str]:
    required = schema.get("required")
    return {str(name) for name in required} if isinstance(required, list) else set()


def _json(schema: str) -> Any:
    """A schema that was too long to keep whole is no JSON any more; then it is compared as text."""
    try:
        return json.loads(schema)
    except ValueError:
        return schema


def _quoted(path: str) -> str:
    path = path.rstrip(".")
    return f"“{text.visible(path, 80)}”" if path else "the input"


def _line(key: str, value: Any) -> str:
    return text.visible(
        f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False, sort_keys=True)}", 200
    )


def _lines(value: str) -> list[str]:
    return [text.visible(line, 200) for line in value.splitlines() if line.strip()]


def _note(difference: _Difference, title: str, removed: str | None, added: str | None) -> None:
    difference.titles.append(title)
    difference.removed += _lines(removed or "")
    difference.added += _lines(added or "")


# --- text for the model that should not be there --------------------------------------------------------------------


def _suspicions(
    old: Surface, new: Surface, before: Mapping[str, Tool], after: Mapping[str, Tool]
) -> Iterator[tuple[str, str, str]]:
    """Tool, reason and line of every text that a new version made suspicious: what was there before is not new."""
    pairs = [
        (
            name,
            f"{before[name].title}\n{before[name].description}" if name in before else "",
            f"{tool.title}\n{tool.description}",
        )
        for name, tool in after.items()
    ]
    for name, was, now in [*pairs, ("instructions", old.instructions, new.instructions)]:
        if was != now:
            for reason, line in suspicious_text(was, now):
                yield name, reason, line


def suspicious_text(was: str, now: str) -> Iterator[tuple[str, str]]:
    """What a new text for the model has that the old one had not: hidden characters, instructions, addresses."""
    for pattern, reason in (
        (_HIDDEN, "hidden characters in its description"),
        (_INSTRUCTION, "its description now instructs the model"),
        (_URL, "its description now names an address"),
    ):
        known = {match.group().lower() for match in pattern.finditer(was)}
        for match in pattern.finditer(now):
            if match.group().lower() not in known:
                start = max(0, match.start() - 60)
                yield reason, text.visible(now[start : match.end() + 60].replace("\n", " "), 240)
                break


# --- names that can be taken for another ----------------------------------------------------------------------------

_ALIKE: Final = str.maketrans(
    "аеорсухіјѕһԁԛԝьӏοανρτικυχωβηγ",
    "aeopcyxijshdqwbloavptikuxwbny",
)


def skeleton(name: str) -> str:
    """What a hurried reader takes a name for: width and case folded, Cyrillic and Greek look-alikes as Latin letters."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_ALIKE)


def collisions(tools: Mapping[str, Sequence[str]]) -> list[tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]:
    """Tool names that can be taken for another: the different spellings of one skeleton, and where each is offered."""
    places: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for server, names in tools.items():
        for name in dict.fromkeys(names):
            places[skeleton(name)].append((server, name))
    return sorted(
        (tuple(sorted({name for _, name in offered})), tuple(sorted(offered)))
        for offered in places.values()
        if len(offered) > 1
    )
