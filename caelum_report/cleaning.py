"""Stored words, looked at again with what is secret and what can be seen today. No I/O.

At the boundary a text is cleaned once, before it is stored. This is for later: a value was declared a secret too late, or the
program has learned to tell more shapes and more characters. Cleaning what is clean changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from . import codec
from .document import Purged
from .text import Redactor, has_hidden, slug, visible

_REMEMBERED: Final = 200_000  # texts
_NOT_KEPT: Final = '{"$comment":"not kept: it holds what looks like a secret"}'


class Cleaning:
    """`names` are those that the configuration has now: they are told everywhere, and stay what they are."""

    def __init__(self, secrets: Iterable[str], names: Collection[str]) -> None:
        self._redactor = Redactor(secrets)
        self._kept = {*codec.own_words(), *names}
        self._odd = {name for name in names if has_hidden(name)}
        self._renamed: dict[str, str] = {}
        self._slugs: dict[str, str] = {}
        self._known: dict[str, str] = {}

    def settle(self, names: Collection[str], keys: Collection[str]) -> None:
        """To be told first: names of servers, hosts and sources of the past, and what else tells rows apart.

        Two that become the same are told apart by a number, so that no history is mixed with another's. The shape of a
        token alone changes no name: that would cut a server off from its past.
        """
        used = {*names, *keys}
        for name in sorted(set(names) - self._kept):
            if self._redactor.echoes(name):
                self._renamed[name] = new = _apart(self.text(name), used)
                self._slugs[slug(name)] = slug(new)
            else:
                self._kept.add(name)
                self._odd |= {name} if has_hidden(name) else set()
        self._known.clear()
        for key in sorted(keys):
            cleaned = self.text(key)
            if cleaned != key and key not in self._renamed:
                self._renamed[key] = _apart(cleaned, used)

    def text(self, text: str) -> str:
        """Cleaned; line breaks and tabs stay."""
        if text in self._kept:
            return text
        if text in self._renamed:
            return self._renamed[text]
        if text not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[text] = self._cleaned(text)
        return self._known[text]

    def _cleaned(self, text: str) -> str:
        cleaned = text
        for old, new in self._slugs.items():
            cleaned = cleaned.replace(old, new)
        cleaned = self._redactor.redact_remains(cleaned)
        if has_hidden(cleaned) and not any(name in text for name in self._odd):
            cleaned = "\t".join(visible(part, len(part), lines=True) for part in cleaned.split("\t"))
        if cleaned != text and _is_json(text) and not _is_json(cleaned):
            return _NOT_KEPT
        return cleaned

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it cleaned; the same object where nothing changes. Keys of objects are ours."""
        if isinstance(value, str):
            cleaned = self.text(value)
            return value if cleaned == value else cleaned
        if isinstance(value, list):
            parts = [self.value(part) for part in value]
            return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
        if isinstance(value, dict):
            members = {key: self.value(part) for key, part in value.items()}
            return value if all(members[key] is value[key] for key in value) else members
        return value

    def json(self, text: str) -> str:
        """A stored JSON text, as it is where nothing in it changes. What is no JSON is cleaned as a text."""
        try:
            value = json.loads(text)
        except ValueError:
            return self.text(text)
        cleaned = self.value(value)
        if cleaned is value:
            return text
        return json.dumps(cleaned, ensure_ascii=text.isascii(), separators=(",", ":"))

    def report(self, document: bytes, at: datetime) -> bytes:
        """A report's document, the same bytes where nothing changes. ValueError where what is left cannot be read."""
        value = json.loads(document)
        cleaned = self.value(value)
        if cleaned is value:
            return document
        report = codec.from_json(json.dumps(cleaned).encode())
        first = report.purged.sha256 if report.purged else sha256(document).hexdigest()
        return codec.to_json(replace(report, purged=Purged(at, first)))

    def holds_secret(self, page: bytes) -> bool:
        """Whether a secret of the configuration is in a page or a file, however escaped."""
        return self._redactor.echoes(page.decode("utf-8", "replace"))


def _apart(text: str, used: set[str]) -> str:
    """`text`, or the first number of it that is free; taken from then on."""
    free, number = text, 1
    while free in used:
        number += 1
        free = _numbered(text, number)
    used.add(free)
    return free


def _numbered(text: str, number: int) -> str:
    """Of an object, a set of labels, one member more."""
    if text.startswith("{") and _is_json(text):
        return json.dumps({**json.loads(text), "purged": str(number)}, ensure_ascii=False, separators=(",", ":"))
    return f"{text} ({number})"


def _is_json(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
