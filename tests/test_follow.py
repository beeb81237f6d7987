"""Files that grow, turn, shrink and are compressed: each line once."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from pathlib import Path

import pytest

from caelum_report.follow import LINE_BYTES, Followed


class Reader:
    """Runs of a program that keeps its bookmarks."""

    def __init__(self, folder: Path, *, rotates: bool = True) -> None:
        self.now = 0.0  # before all that is written: nothing is old
        self.folder = folder
        self.rotates = rotates
        self.bookmarks: dict[tuple[str, str], str] = {}

    def run(self, budget: int = 10**9) -> list[str]:
        # the oldest first: log.2.gz, log.1, log
        paths = sorted((path for path in self.folder.iterdir() if path.is_file()), key=lambda p: (-len(p.name), p.name))
        followed = Followed("test", self.bookmarks, paths, rotates=self.rotates, budget_bytes=budget, now=self.now)
        found: list[str] = []
        for path in paths:
            if not followed.is_unchanged(path):
                found += [line for block in followed.new(path) for line in block.decode().splitlines()]
        self.bookmarks |= {(mark.source, mark.name): mark.value for mark in followed.moved()}
        self.bookmarks = {key: value for key, value in self.bookmarks.items() if value}
        return found


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def add(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_only_what_is_new_is_read_and_half_a_line_waits(reader: Reader, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthr")
    assert reader.run() == ["one", "two"]
    assert reader.run() == []
    add(log, "ee", "four")
    assert reader.run() == ["three", "four"]


@pytest.mark.parametrize("way", ["rename", "compress", "copy-truncate"])
def test_a_turned_log_is_read_on_where_it_was_left(reader: Reader, tmp_path: Path, way: str) -> None:
    log = tmp_path / "log"
    add(log, "one", "two")
    assert reader.run() == ["one", "two"]
    add(log, "three")
    if way == "compress":
        with gzip.open(tmp_path / "log.1.gz", "wb") as packed:
            packed.write(log.read_bytes())
        log.unlink()
    elif way == "rename":
        log.rename(tmp_path / "log.1")
    else:
        shutil.copyfile(log, tmp_path / "log.1")
        os.truncate(log, 0)
    add(log, "four")
    assert reader.run() == ["three", "four"]
    assert reader.run() == []


def test_a_truncated_or_replaced_file_begins_anew(reader: Reader, tmp_path: Path) -> None:
    log = tmp_path / "log"
    add(log, "one", "two", "three")
    reader.run()
    log.write_text("another\n")
    assert reader.run() == ["another"]
    os.truncate(log, 0)
    assert reader.run() == []
    log.write_text("another beginning that is longer than before\n")
    assert reader.run() == ["another beginning that is longer than before"]


def test_two_files_that_begin_alike_are_two_where_nothing_rotates(tmp_path: Path) -> None:
    reader = Reader(tmp_path, rotates=False)
    add(tmp_path / "a", "same", "a")
    assert reader.run() == ["same", "a"]
    add(tmp_path / "b", "same", "a", "b")
    assert reader.run() == ["same", "a", "b"]


def test_a_run_that_has_read_enough_leaves_the_rest_to_the_next(reader: Reader, tmp_path: Path) -> None:
    lines = [f"{n:0100d}" for n in range(100_000)]
    add(tmp_path / "log", *lines)
    found = [reader.run(budget=1) for _ in range(5)]
    assert [line for part in found for line in part] == lines
    assert 0 < len(found[0]) < len(lines)


def test_a_run_that_is_killed_reads_it_again(reader: Reader, tmp_path: Path) -> None:
    add(tmp_path / "log", "one")
    before = dict(reader.bookmarks)
    assert reader.run() == ["one"]
    reader.bookmarks = before  # they were not committed
    assert reader.run() == ["one"]


def test_a_line_without_an_end_does_not_fill_the_memory(reader: Reader, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * (LINE_BYTES + 10_000_000) + b"\nafter\n")
    assert reader.run()[-1] == "after"
    assert reader.run() == []


def test_a_damaged_archive_is_read_as_far_as_it_goes(reader: Reader, tmp_path: Path) -> None:
    draw, archive = random.Random(1), tmp_path / "log.1.gz"
    lines = [draw.randbytes(32).hex() for _ in range(200_000)]
    whole = gzip.compress("\n".join([*lines, ""]).encode(), 1)
    archive.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "log.2.gz").write_bytes(b"no archive at all")
    found = reader.run()
    assert 0 < len(found) < len(lines) / 2
    with archive.open("ab") as file:
        file.write(whole[len(whole) // 2 :])
    assert found + reader.run() == lines


def test_bookmarks_hold_no_path(reader: Reader, tmp_path: Path) -> None:
    add(tmp_path / "a-telling-name", "one")
    reader.run()
    assert reader.bookmarks
    assert "telling" not in str(reader.bookmarks)
    assert str(tmp_path) not in str(reader.bookmarks)


def age(path: Path, days: float, now: float) -> None:
    os.utime(path, (now - days * 86_400,) * 2)


def test_bookmarks_of_files_that_are_gone_are_let_go_of_and_nothing_is_read_twice(
    reader: Reader, tmp_path: Path
) -> None:
    reader.now = now = 2e9
    for number in range(260):
        add(tmp_path / f"{number}", f"line {number}")
        age(tmp_path / f"{number}", 400 - number, now)
    assert len(reader.run()) == 260
    away = tmp_path.parent / f"{tmp_path.name}-away"
    away.mkdir()
    for number in range(230):
        (tmp_path / f"{number}").rename(away / f"{number}")
    assert reader.run() == []
    assert len(reader.bookmarks) == 200 + 30 + 1, "the latest 200 of those gone, what is there, and how far is closed"
    for path in away.iterdir():  # a disk that was not mounted
        path.rename(tmp_path / path.name)
    assert reader.run() == []
    age(tmp_path / "1", 398, now)
    add(tmp_path / "200", "more")
    assert reader.run() == ["more"]


def test_nothing_is_let_go_of_while_it_is_not_long_gone_or_something_is_not_read_yet(
    reader: Reader, tmp_path: Path
) -> None:
    reader.now = now = 2e9
    for number in range(220):
        add(tmp_path / f"{number}", f"line {number}")
        age(tmp_path / f"{number}", 80 if number < 10 else 400, now)
    reader.run()
    for number in range(219):
        (tmp_path / f"{number}").unlink()
    add(tmp_path / "219", *(f"{n:0100d}" for n in range(100_000)))
    assert len(reader.run(budget=1)) < 100_000
    assert len(reader.bookmarks) == 220
    reader.run()
    assert len(reader.bookmarks) == 200 + 1 + 1, "those of 80 days ago are among the latest"
