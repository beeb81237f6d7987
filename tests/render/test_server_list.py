"""The list of servers: each by its letter and by its group, with nothing, with one, with twenty and with a thousand."""

from __future__ import annotations

import dataclasses
import functools

import html5lib
import pytest

from caelum_report.render import pages
from caelum_report.render.pages import server_list

from . import sample_reports
from .test_ledger_pages import view_of, written

fleet_report = functools.cache(sample_reports.fleet_report)


@pytest.mark.parametrize("count", [0, 1, 24])
def test_every_server_has_a_row(count: int) -> None:
    report = dataclasses.replace(fleet_report(), servers=fleet_report().servers[:count])
    text, rows = written(report, server_list.PAGE)
    assert len(rows) == (1 + count if count else 0)
    assert ("No server is configured." in text) == (count == 0)
    names = [row[0] for row in rows[1:]]
    assert names == sorted(names)


def test_a_thousand_are_reached_by_letter_and_group() -> None:
    report = sample_reports.large_report()
    tree = html5lib.parse(pages.write(view_of(report), server_list.PAGE).decode(), namespaceHTMLElements=False)
    ids = {element.get("id") for element in tree.iter() if element.get("id")}
    jumps = [
        a.get("href", "")
        for nav in tree.iter("nav")
        if nav.get("aria-label") in {"First letter", "Group"}
        for a in nav.iter("a")
    ]
    assert jumps
    assert {jump.removeprefix("#") for jump in jumps} <= ids
    assert len(list(tree.iter("tr"))) == 1 + 11  # those that are not up
    names = next(section for section in tree.iter("section") if section.get("id") == "names")
    assert len(list(names.iter("li"))) == len(report.servers)


def test_the_list_of_a_thousand_opens_at_once_on_a_phone() -> None:
    report = sample_reports.large_report()
    assert len(pages.write(view_of(report), server_list.PAGE)) < 300_000


def test_columns_that_hold_nothing_are_left_out() -> None:
    report = fleet_report()
    plain = tuple(dataclasses.replace(one, group=None, owner=None, why="") for one in report.servers)
    _, rows = written(dataclasses.replace(report, servers=plain), server_list.PAGE)
    assert rows[0] == ["Server", "State"]


def test_groups_that_read_alike_keep_their_own_anchors() -> None:
    assert len({server_list.group_page(group) for group in ("A b", "a-b", "A.b", "ä", "", "漢字")}) == 6


@pytest.mark.parametrize(
    ("name", "letter"), [("alpha", "A"), ("Émile", "E"), ("7up", "0–9"), ("漢字", "0–9"), ("", "0–9")]
)
def test_names_stand_under_their_letter(name: str, letter: str) -> None:
    assert server_list.letter_of(name) == letter
