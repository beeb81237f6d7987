"""The archive: each report's own files in a folder beside the database, written once and let go with age.

A site links to these files, so that no build writes them again. A report is there when its page is: that comes last in,
and first out. The page's head says what a calendar has to know; no list can disagree with the folder.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from caelum_report.archived import ArchiveReport, Keeping, Kept
from caelum_report.text import visible

from .database import private_folder

if TYPE_CHECKING:
    from caelum_report.document import Report

_NAME: Final = re.compile(r"(r-(\d{8}T\d{4})Z-(\d{1,12}))\.html")
_ENDINGS: Final = ("html", "json", "pdf")
_META: Final = re.compile(r'<meta name="(caelum-status|description)" content="([^"]*)">')
_HEAD_BYTES: Final = 4_096
_UNFINISHED: Final = ".unfinished"


def archive_folder(database: str) -> Path:
    return Path(f"{database}.archive")


def kept(database: str, before: str) -> tuple[Kept, ...]:
    """The reports before the one with the id `before`, oldest first."""
    folder = archive_folder(database)
    try:
        names = os.listdir(folder)  # noqa: PTH208  a thousand names, no paths
    except OSError:
        return ()
    matches = [match for name in names if (match := _NAME.fullmatch(name))]
    found = (_kept(folder, match) for match in matches if _order(match[1]) < _order(before))
    return tuple(sorted((one for one in found if one), key=lambda one: (one.at, one.number)))


def _order(identifier: str) -> tuple[str, int]:
    """Reports by time; those of one minute by number."""
    _, minute, number = identifier.split("-")
    return minute, int(number)


def _kept(folder: Path, match: re.Match[str]) -> Kept | None:
    identifier, minute, number = match.groups()
    files = [(ending, folder / f"{identifier}.{ending}") for ending in _ENDINGS]
    try:
        sizes = {ending: path.stat().st_size for ending, path in files if path.exists()}
        at = datetime.strptime(minute, "%Y%m%dT%H%M").replace(tzinfo=UTC)
        with files[0][1].open("rb") as page:
            head = dict(_META.findall(page.read(_HEAD_BYTES).decode("utf-8", "replace")))
    except (OSError, ValueError):
        return None
    verdict = visible(html.unescape(head.get("description", "")), 300)
    there = tuple((ending, path) for ending, path in files if ending in sizes)
    return Kept(identifier, int(number), at, head.get("caelum-status", ""), verdict, there, sum(sizes.values()))


def keep(database: str, identifier: str, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Puts a report's files there, by their ending, and says where they lie; what is there already stays as it is."""
    folder = archive_folder(database)
    private_folder(folder)
    places = {ending: folder / f"{identifier}.{ending}" for ending in files}
    if places["html"].exists():
        return {ending: place for ending, place in places.items() if place.exists()}
    for ending in sorted(files, key=lambda ending: ending == "html"):
        _write(places[ending], files[ending])
    return places


def _write(place: Path, content: bytes) -> None:
    unfinished = place.with_suffix(_UNFINISHED)
    with unfinished.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)  # the published site shares it; the folder is private
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(place)


def contents(database: str) -> dict[str, frozenset[str]]:
    """The endings of each report's files, whatever is there."""
    found: dict[str, set[str]] = {}
    with suppress(FileNotFoundError):
        for file in archive_folder(database).iterdir():
            if file.suffix != _UNFINISHED:
                found.setdefault(file.stem, set()).add(file.suffix.removeprefix("."))
    return {identifier: frozenset(endings) for identifier, endings in found.items()}


def read(database: str, name: str) -> bytes | None:
    try:
        return (archive_folder(database) / name).read_bytes()
    except FileNotFoundError:
        return None


def replace(database: str, identifier: str, files: Mapping[str, bytes]) -> None:
    """A report's files by others, the JSON last; without any, the report goes. Those that are not among them go too."""
    folder = archive_folder(database)
    for ending in sorted(files, key=lambda ending: ending == "json"):
        _write(folder / f"{identifier}.{ending}", files[ending])
    for ending in sorted(contents(database).get(identifier, frozenset()) - files.keys(), key=lambda one: one == "json"):
        (folder / f"{identifier}.{ending}").unlink()


def sweep(database: str) -> None:
    """Removes what a killed run has left unfinished. The caller holds the publish lock."""
    for file in archive_folder(database).glob(f"*{_UNFINISHED}"):
        file.unlink()


def make_room(database: str, report: Report, keeping: Keeping) -> ArchiveReport:
    """Lets go what is no longer worth its room beside a new report, and says how the archive stands without that one.

    Reports of the future, which a clock that went back leaves, are not this run's to judge.
    """
    earlier = kept(database, report.id)
    stays = worth(earlier, report.at, report.zone, keeping)
    going = {one.id for one in earlier} - {one.id for one in stays}
    with suppress(OSError):
        pages = {file.stem for file in archive_folder(database).glob("*.html")}
        for file in sorted(archive_folder(database).iterdir(), key=lambda file: file.suffix != ".html"):
            if file.stem in going or file.stem not in pages:  # the latter is what a killed run left
                file.unlink()
    return ArchiveReport(len(stays), sum(one.bytes for one in stays), stays[0].at if stays else None, keeping)


def worth(reports: Iterable[Kept], at: datetime, zone: str, keeping: Keeping) -> list[Kept]:
    """Those that stay, oldest first. Where they take too much room, the densest ones go first, of these the oldest."""
    ascending = sorted(reports, key=lambda one: (one.at, one.number))
    here = ZoneInfo(zone)
    last: dict[tuple[str, object], str] = {("hour", at.replace(minute=0, second=0, microsecond=0)): ""}
    last |= {("day", at.astimezone(here).date()): "", ("month", f"{at.astimezone(here):%Y-%m}"): ""}
    of = {}
    for one in reversed(ascending):
        local = one.at.astimezone(here)
        spans: list[tuple[str, object]] = [("month", f"{local:%Y-%m}")]
        if at - one.at < timedelta(days=keeping.daily_days):
            spans.append(("day", local.date()))
        if at - one.at < timedelta(days=keeping.hourly_days):
            spans.append(("hour", one.at.replace(minute=0)))
        of[one.id] = [span for span, key in spans if last.setdefault((span, key), one.id) == one.id]
    stays = [one for one in ascending if of[one.id]]
    room = keeping.largest_bytes - sum(one.bytes for one in stays)
    for one in sorted(stays, key=lambda one: ("month" in of[one.id], "day" in of[one.id], one.at)):
        if room >= 0:
            break
        stays.remove(one)
        room += one.bytes
    return stays
