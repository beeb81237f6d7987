"""Templates into bytes: one Jinja environment, whose filters are `words`. Templates place values; nothing is computed in them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from markupsafe import Markup, escape

from caelum_report import words

from . import marks

PACKAGE: Final = Path(__file__).resolve().parent.parent
TEMPLATES: Final = next(d for d in (PACKAGE / "templates", PACKAGE.parent / "templates") if d.is_dir())


class _BesideTheTemplates(FileSystemBytecodeCache):
    """Compiled templates, kept as Python keeps its modules: in `__pycache__` of their folder, where that can be written.

    Jinja compares each with its source before it is used.
    """

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


@cache
def environment() -> Environment:
    """One for the process: compiling the templates costs ten times a page."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=None if sys.dont_write_bytecode else _BesideTheTemplates(str(TEMPLATES / "__pycache__")),
        autoescape=True,
        auto_reload=False,  # a build sees one state of its templates, and does not ask the disk for each block
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "seconds": words.seconds,
        "duration": words.duration,
        "amount": words.amount,
        "size": words.size,
        "percent": words.percent,
        "count": words.count,
        "plural": words.plural,
        "spelled": words.spelled,
        "quantity": words.quantity,
        "up_share": marks.up_share,
        "appended": words.appended,
        "direction": words.direction,
        "opened": words.opened,
        "parts": words.quantity_parts,
        "chance": words.chance,
        "stamp": words.stamp,
        "named": named,
        "kept": kept,
        "breakable": breakable,
        "clock": _zoned(words.clock),
        "day": _zoned(words.day),
        "full_date": _zoned(words.full_date),
        "offset": _zoned(words.offset),
        "moment": _dated(words.moment),
        "dated": _dated(words.dated),
        "since": _dated(words.since),
    }
    made.globals |= {
        "glyph": marks.glyph,
        "state": marks.state,
        "link": _link,
        "server_link": _server_link,
        "nothing": words.NOTHING,
    }
    return made


def fill(template: str, values: dict[str, Any]) -> Markup:
    return Markup(environment().get_template(template).render(values))  # noqa: S704  the template escaped it


def named(name: str) -> str:
    """A name that can be seen and clicked, also where the configured one is empty."""
    return name.strip() or "(empty name)"


_DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def kept(text: str) -> Markup:
    """The text with dates that no line breaks: a browser may end one at any hyphen."""
    return Markup(_DATE.sub(r'<span class="keep">\g<0></span>', str(escape(text))))  # noqa: S704  escaped just now


_LONG_WORD: Final = re.compile(r"\S{25,}")
_PLACE: Final = "\0"
_SEAM: Final = re.compile(r"(?<=[/_.:=&?-])(?=\w)")


def breakable(text: str) -> Markup:
    """The text with places where a line may end in paths, addresses and names that are longer than a column.

    Not for paper: there each such place is a character of the text, which whoever searches or copies it would meet.
    """
    marked = _LONG_WORD.sub(lambda word: _SEAM.sub(_PLACE, word.group()), text.replace(_PLACE, ""))
    return Markup(str(escape(marked)).replace(_PLACE, "<wbr>"))  # noqa: S704  escaped just now


def _zoned(word: Callable[[datetime, str], str]) -> Callable[[Context, datetime], str]:
    @pass_context
    def in_zone(context: Context, at: datetime) -> str:
        return word(at, context["report"].zone)

    return in_zone


def _dated(word: Callable[[datetime, datetime, str], str]) -> Callable[[Context, datetime], str]:
    @pass_context
    def seen_from_now(context: Context, at: datetime) -> str:
        return word(at, context["report"].at, context["report"].zone)

    return seen_from_now


@pass_context
def _link(context: Context, page: str | None, text: str | Markup, kind: str = "") -> Markup:
    """A link to a page of this site, or the bare text where there is no such page."""
    address = context["view"].address(page)
    shown = escape(text)
    if address is None:
        return Markup(f'<span class="{escape(kind)}">{shown}</span>') if kind else shown  # noqa: S704  escaped
    attribute = f' class="{escape(kind)}"' if kind else ""
    return Markup(f'<a{attribute} href="{escape(context["root"] + address)}">{shown}</a>')  # noqa: S704  escaped


@pass_context
def _server_link(context: Context, server: str, kind: str = "name") -> Markup:
    """A server's name, leading to its page."""
    found = context["view"].servers.get(server)
    if found is None:
        return Markup("{}").format(server)
    return _link(context, f"servers/{found.slug}.html", named(found.name), kind)
