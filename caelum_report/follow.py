"""Files that grow: what is new in them since the last run, each byte once, whatever log rotation did meanwhile.

A bookmark is named by the file's device and inode and holds the offset behind the last whole line, and a hash of how the
file begins. The hash tells a truncated or a replaced file, whose inode may be the same, and finds a file again whose
inode is another: compressed, or copied before it was truncated. Paths are not kept, for they may tell more than they should.

The bookmark of a file that is gone is let go of after a time. Should the file come back nothing in it is new up to then:
`closed` remembers how far that is.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from caelum_report.model import Bookmark

_HEAD_BYTES: Final = 1024
_BLOCK_BYTES: Final = 1 << 22
KEPT_SECONDS: Final = 90 * 86_400.0  # a file that is gone, since it was last written
_GONE: Final = 200  # of them are kept however old they are
_CLOSED: Final = "closed"  # the bookmark of `Followed.closed`
LINE_BYTES: Final = 1 << 25  # a longer line is passed over


@dataclass(frozen=True, slots=True)
class Place:
    """How far one file was read."""

    offset: int = 0
    head_bytes: int = 0
    sha256: str = ""  # of the first `head_bytes`
    size: int = -1  # on the disk, when it was last looked at
    changed_ns: int = -1
    more: Any = None  # what the reader has to know when it goes on


class Followed:
    """Some files of one source. After reading, `moved` has the bookmarks to be stored with what was read.

    `rotates`: a file may be met again under another inode. Where it says no, two files that begin alike are two.

    `closed`, in seconds since 1970: in a file without a bookmark what was written up to then is read, or too old to be
    counted. Readers whose lines tell their times leave such lines out.
    """

    def __init__(
        self,
        source: str,
        bookmarks: Mapping[tuple[str, str], str],
        paths: Sequence[Path],
        *,
        rotates: bool,
        budget_bytes: int,
        now: float,
    ) -> None:
        self._source = source
        self._places = {
            name: _place(value) for (kind, name), value in bookmarks.items() if kind == source and ":" in name
        }
        self.closed = self._closed_before = float(bookmarks.get((source, _CLOSED)) or 0.0)
        self._now = now
        self._met: set[str] = set()
        self._before = dict(self._places)
        self._present = {name: path for path in paths if (name := _name_of(path)) is not None} if rotates else {}
        self._rotates = rotates
        self.left = budget_bytes  # of reading in this run; the rest is the next one's

    def more(self, path: Path) -> Any:
        """What the reader left with the file; None for a new one. OSError where it cannot be seen."""
        return self._find(path)[1].more

    def keep(self, path: Path, more: Any) -> None:
        """Leaves something with the file for the next run."""
        name, place = self._find(path)
        self._places[name] = replace(place, more=more)

    def is_unchanged(self, path: Path) -> bool:
        """Whether there can be nothing new: one look at the folder's entry, without opening the file."""
        stat = path.stat()
        name = f"{stat.st_dev}:{stat.st_ino}"
        self._met.add(name)
        place = self._places.get(name)
        if place is None:
            return stat.st_mtime <= self.closed
        return (place.size, place.changed_ns) == (stat.st_size, stat.st_mtime_ns)

    def is_new(self, path: Path) -> bool:
        """Whether nothing of it was read yet. OSError where it cannot be seen."""
        return self._find(path)[1].offset == 0

    def behind(self, path: Path) -> int:
        """Bytes of it that are not read yet, a compressed one's as they lie on the disk; 0 where it cannot be seen."""
        try:
            place, size = self._find(path)[1], path.stat().st_size
        except OSError:
            return 0
        if path.suffix == ".gz":
            return 0 if place.size == size else size
        return max(0, size - place.offset)

    def new(self, path: Path) -> Iterator[bytes]:
        """Blocks of whole lines that no run has read. The bookmark moves when the next block is asked for."""
        name, place = self._find(path)
        stat = path.stat()
        with _opened(path) as file:
            file.seek(place.offset)
            try:
                for block, end in _blocks(file, place.offset, self.left):
                    yield block
                    self.left -= end - place.offset
                    place = replace(place, offset=end)
                    self._places[name] = replace(place, more=self._more(name, place))
            except (EOFError, zlib.error, gzip.BadGzipFile):  # still being written, or damaged: as far as it goes
                pass
        finished = self.left > 0
        self._places[name] = replace(
            place,
            more=self._more(name, place),
            size=stat.st_size if finished else -1,
            changed_ns=stat.st_mtime_ns,
        )

    def _more(self, name: str, place: Place) -> Any:
        known = self._places.get(name)
        return known.more if known else place.more

    @property
    def is_behind(self) -> bool:
        """Whether one of them is not read to its end; while that is so nothing is let go of."""
        return any(self._places[name].size < 0 for name in self._met & self._places.keys())

    def close(self, until: float) -> None:
        """From now on nothing that was written up to then is new."""
        self.closed = max(self.closed, until)

    def moved(self) -> list[Bookmark]:
        gone = set(self._gone())
        for name in gone:
            self.close(self._places[name].changed_ns / 1e9)
        marks = [
            Bookmark(self._source, name, _value(place))
            for name, place in self._places.items()
            if self._before.get(name) != place and name not in gone
        ]
        marks += [Bookmark(self._source, name, "") for name in sorted(gone)]
        if self.closed != self._closed_before:
            marks.append(Bookmark(self._source, _CLOSED, repr(self.closed)))
        return marks

    def _gone(self) -> Iterator[str]:
        """Files that nobody has met in this run, but the latest and those that were written not long ago."""
        if self.is_behind:
            return
        missing = self._places.keys() - self._met
        limit = (self._now - KEPT_SECONDS) * 1e9
        for name in sorted(missing, key=lambda name: -self._places[name].changed_ns)[_GONE:]:
            if 0 < self._places[name].changed_ns < limit:
                yield name

    def _find(self, path: Path) -> tuple[str, Place]:
        """The file's bookmark; of a file that was not met before, one at its beginning."""
        stat = path.stat()
        name = f"{stat.st_dev}:{stat.st_ino}"
        self._met.add(name)
        head = _head(path)
        known = self._places.get(name)
        if known is not None and _begins(head, known):
            return name, _longer(known, head)
        for other, place in self._before.items() if self._rotates else ():
            if other != name and _begins(head, place) and not self._stayed(other, place):
                return name, _longer(place, head)
        return name, _longer(Place(), head)

    def _stayed(self, name: str, place: Place) -> bool:
        """Whether the file of a bookmark is still where it was; otherwise its text may be met under another inode."""
        path = self._present.get(name)
        return path is not None and _begins(_head(path), place)


def _name_of(path: Path) -> str | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return f"{stat.st_dev}:{stat.st_ino}"


def _head(path: Path) -> bytes:
    with _opened(path) as file:
        try:
            return file.read(_HEAD_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return b""


def _opened(path: Path) -> gzip.GzipFile | BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _blocks(file: gzip.GzipFile | BinaryIO, start: int, budget: int) -> Iterator[tuple[bytes, int]]:
    """Whole lines, and the offset behind them. A last line without its end waits for the next run."""
    waiting, offset = b"", start
    while offset - start < budget:
        data = file.read(_BLOCK_BYTES)
        if not data:
            return
        cut = data.rfind(b"\n") + 1
        if not cut:
            waiting += data
            if len(waiting) > LINE_BYTES:
                offset += len(waiting)
                waiting = b""
                yield b"", offset
            continue
        block, waiting = waiting + data[:cut], data[cut:]
        offset += len(block)
        yield block, offset


def _begins(head: bytes, place: Place) -> bool:
    return 0 < place.head_bytes <= len(head) and hashlib.sha256(head[: place.head_bytes]).hexdigest() == place.sha256


def _longer(place: Place, head: bytes) -> Place:
    """With all that is known of the file's beginning now."""
    if len(head) <= place.head_bytes:
        return place
    return replace(place, head_bytes=len(head), sha256=hashlib.sha256(head).hexdigest())


def _place(value: str) -> Place:
    try:
        return Place(*json.loads(value))
    except (ValueError, TypeError):
        return Place()


def _value(place: Place) -> str:
    said = [place.offset, place.head_bytes, place.sha256, place.size, place.changed_ns, place.more]
    return json.dumps(said, separators=(",", ":"))
