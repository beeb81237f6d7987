"""Where a server's words come in: redacted, made visible, bounded; and a record of what had to be done to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from caelum_report.model import Note
from caelum_report.text import Redactor, has_hidden, visible
from caelum_report.wire.jsontext import canonical

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PLACES: Final = 3  # named in a note; the rest are counted
_SCHEMA_CHARACTERS: Final = 100_000


class Boundary:
    """One probe's. `where` is a phrase of ours, for the notes."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._echoes: dict[str, None] = {}
        self._hidden: dict[str, None] = {}

    def text(self, text: str, where: str, limit: int = 300, *, lines: bool = False) -> str:
        self._look(text, where)
        return self._redactor.clean(text, limit, lines=lines)

    def bytes(self, data: bytes, where: str, limit: int = 5_000) -> str:
        """Output that may be in no encoding at all; its terminal colours are no message."""
        return self.text(_without_colours(data.decode("utf-8", "replace")), where, limit, lines=True)

    def json(self, value: Any, where: str) -> str:
        """Canonical JSON of a schema. One that is too long or does not survive redaction is not kept."""
        whole = canonical(value)
        self._look(whole, where)
        if len(whole) > _SCHEMA_CHARACTERS:
            return canonical({"$comment": f"not kept: {len(whole)} characters"})
        cleaned = visible(self._redactor.redact(whole), 2 * _SCHEMA_CHARACTERS)
        if cleaned == whole:
            return whole
        try:
            json.loads(cleaned)
        except ValueError:
            return canonical({"$comment": "not kept: it holds what looks like a secret"})
        return cleaned

    def sentence(self, text: str) -> str:
        """A reason of ours with their words in it. They are quoted as one line."""
        return self.text(" ".join(_without_colours(text).split()), "an error text", 500)

    def notes(self) -> Iterable[Note]:
        if self._echoes:
            yield Note("echoes-secret", f"A secret of the configuration came back in {_places(self._echoes)}.")
        if self._hidden:
            yield Note("hidden-characters", f"Characters that cannot be seen are in {_places(self._hidden)}.")

    def _look(self, text: str, where: str) -> None:
        if self._redactor.echoes(text):
            self._echoes[where] = None
        if has_hidden(text[:_SCHEMA_CHARACTERS]):  # nothing longer is kept
            self._hidden[where] = None


def _places(places: dict[str, None]) -> str:
    names = list(places)
    more = f" and {len(names) - _PLACES} more places" if len(names) > _PLACES else ""
    return ", ".join(names[:_PLACES]) + more


def _without_colours(text: str) -> str:
    return _COLOURS.sub("", text)
