"""Where each key of a TOML file stands, for messages: tomllib gives values without their places."""

from __future__ import annotations

import bisect
import re
import tomllib
from typing import Final

Keys = tuple[str | int, ...]  # ("server", 1, "canary", "tool")
Place = tuple[int, int]  # line and column, both from 1
Mistake = tuple[Keys, str]  # where it is, and what is said of it

_GAP: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY: Final = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL
)
_SCALAR: Final = re.compile(r"[^,\]}#\n]*")


def places(text: str) -> dict[Keys, Place]:
    """The place of every key and every array element. `text` must be TOML that tomllib accepts."""
    return _Scan(text).found


class _Scan:
    """One pass over valid TOML: it only finds its way, tomllib has judged."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.found: dict[Keys, Place] = {}
        self.elements: dict[Keys, int] = {}  # of each array of tables
        table: Keys = ()
        self.gap()
        while self.at < len(text):
            if text.startswith("[[", self.at):
                table = self.header(2)
                number = self.elements.get(table, -1) + 1
                self.elements[table] = number
                table = (*table, number)
                self.note(table, self.header_start)
            elif text.startswith("[", self.at):
                table = self.header(1)
            else:
                self.assignment(table)
            self.gap()

    def note(self, path: Keys, start: int) -> None:
        line = bisect.bisect_right(self.lines, start)
        self.found.setdefault(path, (line, start - self.lines[line - 1] + 1))

    def gap(self) -> None:
        match = _GAP.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def header(self, brackets: int) -> Keys:
        self.header_start = self.at
        self.at += brackets
        path = self.dotted((), through_arrays=True)
        self.at = self.text.index("]" * brackets, self.at) + brackets
        return path

    def dotted(self, path: Keys, *, through_arrays: bool) -> Keys:
        while True:
            if through_arrays and path in self.elements:
                path = (*path, self.elements[path])
            self.gap()
            start = self.at
            match = _KEY.match(self.text, start)
            if match is None:  # not reached on valid TOML
                raise ValueError("a key was expected")
            self.at = match.end()
            path = (*path, _unquoted(match.group()))
            self.note(path, start)
            self.gap()
            if not self.text.startswith(".", self.at):
                return path
            self.at += 1

    def assignment(self, table: Keys) -> None:
        path = self.dotted(table, through_arrays=False)
        self.at = self.text.index("=", self.at) + 1
        self.value(path)

    def value(self, path: Keys) -> None:
        self.gap()
        opening = self.text[self.at]
        if opening in "\"'":
            match = _STRING.match(self.text, self.at)
            self.at = match.end() if match else len(self.text)
        elif opening in "[{":
            self.at += 1
            self.items(path, "]" if opening == "[" else "}")
        else:
            match = _SCALAR.match(self.text, self.at)
            self.at = match.end() if match else len(self.text)

    def items(self, path: Keys, closing: str) -> None:
        number = 0
        while True:
            self.gap()
            if self.text.startswith(closing, self.at):
                self.at += 1
                return
            if self.text.startswith(",", self.at):
                self.at += 1
            elif closing == "]":
                self.note((*path, number), self.at)
                self.value((*path, number))
                number += 1
            else:
                self.assignment(path)


def _unquoted(key: str) -> str:
    return key if key[0] not in "\"'" else next(iter(tomllib.loads(f"{key} = 0")))
