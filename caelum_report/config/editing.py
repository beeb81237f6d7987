"""caelum.toml edited by a command: tomlkit keeps every comment and the order; the result is judged before it is written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from caelum_report.errors import UsageError

from .files import parse_toml, read_text, shown

_LISTS: Final = ("state", "subjects", "groups")
_SWITCHES: Final = ("absent", "anomaly", "flapping", "disabled")


def toml_value(key: str, text: str) -> Any:
    """What `KEY=text` on the command line means in caelum.toml; None for an empty text."""
    if not text:
        return None
    if key in _LISTS:
        return [part.strip() for part in text.split(",")]
    if key in _SWITCHES and text in {"true", "false"}:
        return text == "true"
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def set_rule(file: Path, name: str, values: Mapping[str, Any]) -> str:
    """Adds a [[rule]], or changes the one of this name; a value of None takes its key away. Says what was done."""
    import tomlkit

    text = read_text(file)
    parse_toml(file, text)
    document = tomlkit.parse(text)
    blocks = document.get("rule")
    if blocks is None:
        blocks = document["rule"] = tomlkit.aot()
    block = next((one for one in blocks if one.get("name") == name), None)
    known = block is not None
    if block is None:
        block = tomlkit.table()
        block["name"] = name
        blocks.append(block)
    for key, value in values.items():
        if value is not None:
            block[key] = value
        else:
            block.pop(key, None)
    _write(file, tomlkit.dumps(document))
    return f"{'Changed' if known else 'Added'} the rule {name} in {shown(file)}."


def remove_rule(file: Path, name: str) -> str:
    """Takes a [[rule]] out; a built-in rule of the name holds again."""
    import tomlkit

    document = tomlkit.parse(read_text(file))
    blocks = document.get("rule") or []
    place = next((number for number, one in enumerate(blocks) if one.get("name") == name), None)
    if place is None:
        raise UsageError(
            f"{shown(file)} has no rule {name!r}; a built-in one is switched off by: alerts set {name} --disabled"
        )
    del blocks[place]
    if not blocks:
        del document["rule"]
    _write(file, tomlkit.dumps(document))
    return f"Took the rule {name} out of {shown(file)}."


def _write(file: Path, text: str) -> None:
    """Judged first, then swapped in whole, with the old file's mode; a link is followed, not replaced."""
    from .judging import judge

    try:
        judge(parse_toml(file, text), {}, file, text)
    except UsageError as error:
        raise UsageError(f"nothing was written, for it would say: {error}") from None
    target = Path(os.path.realpath(file))
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        mode = target.stat().st_mode & 0o777
        beside.write_text(text, "utf-8")
        beside.chmod(mode)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{shown(file)}: cannot be written: {error.strerror or type(error).__name__}") from None
