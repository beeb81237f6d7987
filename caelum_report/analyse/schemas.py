"""What a change of a JSON Schema means to whoever relies on the old one: a caller for what goes in, a reader for what comes out.

Decided keyword by keyword, after the rules for JSON Schema 2020-12: a `$ref` is compared as text and never followed. Where
no rule knows better, another constraint is breaking: a warning too many costs a look, one too few a night.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from caelum_report import text, words

Severity = Literal["breaking", "additive", "cosmetic", "suspicious"]
_DEPTH: Final = 12  # of nested properties
_WORDING: Final = {"description", "title", "examples", "$comment", "default", "$schema", "$id"}
_LOWER_BOUNDS: Final = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER_BOUNDS: Final = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_CHOICES: Final = {"anyOf", "oneOf"}
_KNOWN: Final = {"properties", "required", "items", "type", "enum"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed, in words; `before` or `now` is empty where there was or is nothing."""

    severity: Severity
    title: str
    before: str = ""
    now: str = ""


def parsed(schema: str) -> Any:
    """A schema that was too long to keep whole is no JSON any more; then it is compared as text."""
    try:
        return json.loads(schema)
    except ValueError:
        return schema


def properties(schema: Any) -> dict[str, Any]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def inputs(was: Any, now: Any, path: str = "", depth: int = 0) -> Iterator[Difference]:
    """What a caller of the old schema meets in the new one."""
    if was == now or depth > _DEPTH:
        return
    if not (isinstance(was, dict) and isinstance(now, dict)):
        yield Difference("breaking", f"{_quoted(path)} changed", _json(was), _json(now))
        return
    told = [
        *_arguments(was, now, path),
        *_types(was, now, path),
        *_values(was, now, path),
        *_nested(was, now, path, depth),
    ]
    yield from told or _rest(was, now, path)


def outputs(was: Any, now: Any, path: str = "", depth: int = 0) -> Iterator[Difference]:
    """What a reader of the old result misses in the new one: a field that went, or that holds something else."""
    if was == now or depth > _DEPTH:
        return
    if not (isinstance(was, dict) and isinstance(now, dict)):
        yield Difference("breaking", f"{_result(path)} changed", _json(was), _json(now))
        return
    told = list(_fields(was, now, path))
    old, new = properties(was), properties(now)
    for name in sorted(old.keys() & new.keys()):
        told += outputs(old[name], new[name], f"{path}{name}.", depth + 1)
    if isinstance(was.get("items"), dict) and isinstance(now.get("items"), dict):
        told += outputs(was["items"], now["items"], f"{path}[].", depth + 1)
    yield from told or (Difference("cosmetic", "output schema", _json(was), _json(now)),)


def _fields(was: dict[str, Any], now: dict[str, Any], path: str) -> Iterator[Difference]:
    old, new = properties(was), properties(now)
    for name in sorted(old.keys() - new.keys()):
        yield Difference("breaking", f"the result's {_quoted(path + name)} removed", _argument(name, old, set()))
    for name in sorted(new.keys() - old.keys()):
        yield Difference("additive", f"the result's {_quoted(path + name)} added", "", _argument(name, new, set()))
    for name in sorted((_required(was) - _required(now)) & old.keys() & new.keys()):
        said = f"the result's {_quoted(path + name)} is no longer promised"
        yield Difference("breaking", said, f"{_quoted(name)} is always there", f"{_quoted(name)} may be missing")
    if was.get("type") != now.get("type"):
        yield Difference("breaking", f"{_result(path)} changed its type", _kind(was), _kind(now))


# --- keyword by keyword ---------------------------------------------------------------------------------------------


def _arguments(was: dict[str, Any], now: dict[str, Any], path: str) -> Iterator[Difference]:
    """Which there are, and which of them have to be given."""
    old, new = properties(was), properties(now)
    needed, needs = _required(was), _required(now)
    for name in sorted(old.keys() - new.keys()):
        yield Difference("breaking", f"{_quoted(path + name)} removed", _argument(name, old, needed))
    for name in sorted(new.keys() - old.keys()):
        said = _argument(name, new, needs)
        if name in needs:
            yield Difference("breaking", f"{_quoted(path + name)} added and required", "", said)
        else:
            yield Difference("additive", f"{_quoted(path + name)} added", "", said)
    for name in sorted((needs - needed) & old.keys() & new.keys()):
        yield _obligation("breaking", path + name, "became required", ("optional", "required"))
    for name in sorted((needed - needs) & new.keys()):
        yield _obligation("additive", path + name, "became optional", ("required", "optional"))


def _obligation(severity: Severity, path: str, verb: str, states: tuple[str, str]) -> Difference:
    name = _quoted(path)
    return Difference(severity, f"{name} {verb}", *(f"{name} is {state}" for state in states))


def _types(was: dict[str, Any], now: dict[str, Any], path: str) -> Iterator[Difference]:
    old, new = _type_set(was), _type_set(now)
    if old == new:
        return
    wider = new is None or (old is not None and old <= new)
    title = f"{_quoted(path)} {'accepts more types' if wider else 'changed its type'}"
    name = _quoted(path)
    yield Difference("additive" if wider else "breaking", title, f"{name}: {_kind(was)}", f"{name}: {_kind(now)}")


def _values(was: dict[str, Any], now: dict[str, Any], path: str) -> Iterator[Difference]:
    old, new = _enumerated(was), _enumerated(now)
    if old == new:
        return
    name = _quoted(path)
    if new is not None and (old is None or old - new):
        lost = sorted(old - new) if old is not None else []
        said = f"no longer takes {words.listing(lost, 3)}" if lost else "takes listed values only"
        severity: Severity = "breaking"
    else:
        said, severity = "takes more values", "additive"
    yield Difference(severity, f"{name} {said}", _taken(name, old), _taken(name, new))


def _nested(was: dict[str, Any], now: dict[str, Any], path: str, depth: int) -> Iterator[Difference]:
    old, new = properties(was), properties(now)
    for name in sorted(old.keys() & new.keys()):
        yield from inputs(old[name], new[name], f"{path}{name}.", depth + 1)
    if isinstance(was.get("items"), dict) and isinstance(now.get("items"), dict):
        yield from inputs(was["items"], now["items"], f"{path}[].", depth + 1)


def _rest(was: dict[str, Any], now: dict[str, Any], path: str) -> Iterator[Difference]:
    """Keywords without a rule of their own: wording is cosmetic, a looser constraint additive, any other breaking."""
    for key in sorted((was.keys() | now.keys()) - _KNOWN):
        old, new = was.get(key), now.get(key)
        if old == new:
            continue
        if key in _WORDING:
            severity: Severity = "cosmetic"
        else:
            severity = "additive" if _looser(key, old, new) else "breaking"
        name = _quoted(path)
        yield Difference(
            severity,
            f"{name} {key} changed" if path else f"{key} changed",
            "" if old is None else f"{name} {key}: {_json(old)}",
            "" if new is None else f"{name} {key}: {_json(new)}",
        )


def _looser(key: str, old: Any, new: Any) -> bool:
    if new is None:
        return key != "$ref"
    if key == "additionalProperties":
        return new is True or old is False
    if key in _CHOICES:
        return isinstance(old, list) and isinstance(new, list) and all(choice in new for choice in old)
    if key in _LOWER_BOUNDS | _UPPER_BOUNDS and isinstance(old, int | float) and isinstance(new, int | float):
        return new <= old if key in _LOWER_BOUNDS else new >= old
    return False


# --- a schema in words ----------------------------------------------------------------------------------------------


def _type_set(schema: dict[str, Any]) -> set[str] | None:
    kind = schema.get("type")
    if isinstance(kind, str):
        kinds = {kind}
    elif isinstance(kind, list):
        kinds = {str(item) for item in kind}
    else:
        return None
    return kinds | {"integer"} if "number" in kinds else kinds


def _enumerated(schema: dict[str, Any]) -> set[str] | None:
    values = schema.get("enum")
    return {json.dumps(value, sort_keys=True) for value in values} if isinstance(values, list) else None


def _required(schema: dict[str, Any]) -> set[str]:
    required = schema.get("required")
    return {str(name) for name in required} if isinstance(required, list) else set()


def _argument(name: str, among: dict[str, Any], required: set[str]) -> str:
    """`“model”: string, required`"""
    schema = among[name]
    kind = _kind(schema) if isinstance(schema, dict) else "anything"
    return text.visible(f"{_quoted(name)}: {kind}{', required' if name in required else ''}", 200)


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return text.visible(" or ".join(str(item) for item in kind), 120)
    return text.visible(kind, 60) if isinstance(kind, str) else "anything"


def _taken(name: str, values: set[str] | None) -> str:
    return f"{name} takes {text.visible(words.listing(sorted(values), 8), 200) if values is not None else 'any value'}"


def _result(path: str) -> str:
    return f"the result's {_quoted(path)}" if path else "the result"


def _quoted(path: str) -> str:
    path = path.rstrip(".")
    return f"“{text.visible(path, 80)}”" if path else "the input"


def _json(value: Any) -> str:
    return text.visible(json.dumps(value, ensure_ascii=False, sort_keys=True), 200)
