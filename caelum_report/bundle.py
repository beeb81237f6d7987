"""One run as a file that travels: `collect --to` writes it on one machine, `import bundle` reads it on another.

gzip around JSON lines: a head with format, version and host; a line for each configured server (what may be shown of it,
never its command, environment or address); the snapshot; a line for each probe; an end that counts the lines. Whoever
hands a bundle in is as little trusted as a monitored server: bounded, validated, its texts cleaned; nothing in it is run.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from . import __version__
from .errors import UsageError
from .model import Budgets, Probe, Server, Snapshot, Surface
from .text import Redactor, slug, visible
from .wire import Allowance, Fault
from .wire.jsontext import parse

FORMAT: Final = "caelum-report bundle"
VERSION: Final = 1
_FILE_BYTES: Final = 32_000_000
_LINE_BYTES: Final = 8_000_000
_ALL_BYTES: Final = 64_000_000  # unpacked
_LINES: Final = 12_000  # 5,000 servers, their probes, and more than the rest
_TEXT: Final = 300_000  # characters; a tool's schema is the longest
_NUMBER: Final = 2**62  # what SQLite can hold


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A snapshot of another host, and its servers as their own host names them."""

    host: str
    servers: tuple[Server, ...]
    snapshot: Snapshot


def write(to: Path, snapshot: Snapshot, servers: Iterable[Server]) -> Path:
    """Writes `to`, whole or not at all; a new file in it where it is a folder. Gives the file's path."""
    if to.is_dir():
        to = to / f"{slug(snapshot.host)}-{snapshot.at:%Y%m%dT%H%M%SZ}.jsonl.gz"
    half = to.with_name(f".{to.name}.part")
    try:
        with half.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            packed.writelines(json.dumps(line).encode() + b"\n" for line in _lines(snapshot, servers))
        half.replace(to)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise UsageError(f"the bundle {visible(str(to), 300)} cannot be written: {error.strerror}") from error
    return to


def _lines(snapshot: Snapshot, servers: Iterable[Server]) -> Iterator[dict[str, Any]]:
    yield {"format": FORMAT, "version": VERSION, "program": __version__, "host": snapshot.host}
    servers = tuple(servers)
    yield from ({"server": _plain(Server, _shown(server))} for server in servers)
    yield {"snapshot": _plain(Snapshot, replace(snapshot, probes=(), bookmarks=()))}
    yield from ({"probe": _plain(Probe, probe)} for probe in snapshot.probes)
    yield {"end": 2 + len(servers) + len(snapshot.probes)}


def _shown(server: Server) -> Server:
    """What the other machine may know of a server: nothing that starts or reaches it."""
    nothing = {"command": None, "args": (), "cwd": None, "env": (), "url": None, "headers": (), "canary": None}
    return replace(server, **nothing, sources=(), fingerprint="", watched=False, tap=None)  # type: ignore[arg-type]


def _plain(kind: Any, value: Any) -> Any:
    return _adapter(kind).dump_python(value, mode="json")


# --- reading --------------------------------------------------------------------------------------------------------


def read(path: Path, redactor: Redactor) -> Bundle:
    """The bundle in a file. Raises `UsageError` for whatever is none, with the file's name and the line."""
    try:
        return _read(path, redactor)
    except _NoBundleError as error:
        raise UsageError(f"{visible(str(path), 300)}: {error}") from error


class _NoBundleError(Exception):
    """Why a file is not taken in."""


def _read(path: Path, redactor: Redactor) -> Bundle:
    host, servers, snapshots, probes = "", list[Server](), list[Snapshot](), list[Probe]()
    number, end = 0, None
    for number, line in enumerate(_documents(path), 1):
        if end is not None:
            raise _NoBundleError(f"line {number} stands behind the end")
        match _cleaned(line, redactor):
            case dict(head) if number == 1:
                host = _host(head)
            case {"server": value}:
                servers.append(_value(Server, value, number))
            case {"snapshot": value}:
                snapshots.append(_value(Snapshot, value, number))
            case {"probe": value}:
                probes.append(_value(Probe, value, number))
            case {"end": int(count)}:
                end = count
            case _:
                raise _NoBundleError(f"line {number} is nothing that a bundle has")
    if end is None or end != number - 1 or len(snapshots) != 1:
        raise _NoBundleError("it is not whole; have it written again")
    return _joined(host, servers, snapshots[0], probes)


def _host(head: dict[str, Any]) -> str:
    host, version = head.get("host"), head.get("version")
    if head.get("format") != FORMAT or not isinstance(host, str) or not 0 < len(host) <= 100:
        raise _NoBundleError("this is no bundle of caelum-report")
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        advice = "update caelum-report here" if newer else "update caelum-report there"
        raise _NoBundleError(f"it has version {version}, this program reads version {VERSION}; {advice}")
    return host


def _documents(path: Path) -> Iterator[Any]:
    """The JSON value of each line. An ordinary file within the bounds, unpacked only as far as they reach."""
    allowance = Allowance(replace(Budgets(), json_values=5_000_000))
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise _NoBundleError("it is not an ordinary file")
            if found.st_size > _FILE_BYTES:
                raise _NoBundleError(f"it is larger than {_FILE_BYTES / 1e6:.0f} MB")
            with gzip.GzipFile(fileobj=file) as packed:
                yield from (parse(line, allowance) for line in _bounded(packed))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise _NoBundleError("it is not gzip, or it is cut off") from None
    except Fault as fault:
        raise _NoBundleError(visible(fault.reason, 300)) from None
    except OSError as error:
        raise _NoBundleError(f"it cannot be read: {error.strerror}") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _bounded(packed: gzip.GzipFile) -> Iterator[bytes]:
    left = _ALL_BYTES
    for number in range(1, _LINES + 2):
        line = packed.readline(_LINE_BYTES + 1)
        if not line:
            return
        left -= len(line)
        if len(line) > _LINE_BYTES or left < 0 or number > _LINES:
            raise _NoBundleError("it holds more than a bundle may")
        yield line


def _cleaned(value: Any, redactor: Redactor) -> Any:
    """Texts as at the boundary of a probe, numbers as the database can hold them."""
    if isinstance(value, str):
        return redactor.clean(value, _TEXT, lines=True)
    if isinstance(value, dict):
        return {key: _cleaned(part, redactor) for key, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(part, redactor) for part in value]
    if isinstance(value, int | float) and abs(value) > _NUMBER:
        raise _NoBundleError("it holds a number that is out of range")
    return value


def _value(kind: Any, value: Any, number: int) -> Any:
    try:
        made = _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or kind.__name__.lower()
        raise _NoBundleError(f"line {number}: {visible(where, 100)}: {visible(first['msg'], 200)}") from None
    if not all(_is_aware(part) for part in _times(made)):
        raise _NoBundleError(f"line {number}: a time without its offset from UTC")
    return made


def _times(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _times(part)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _times(getattr(value, each.name))


def _is_aware(at: datetime) -> bool:
    return at.tzinfo is not None and 1970 < at.year < 2200


def _joined(host: str, servers: list[Server], snapshot: Snapshot, probes: list[Probe]) -> Bundle:
    names = [server.id for server in servers]
    asked = [probe.server for probe in probes]
    if len(set(names)) < len(names) or len(set(asked)) < len(asked) or not set(asked) <= set(names):
        raise _NoBundleError("it names a server twice, or has a probe of a server that it does not name")
    sources = [reading.source for reading in snapshot.readings]
    if len(set(sources)) < len(sources):
        raise _NoBundleError("it names a source twice")
    sample = snapshot.host_sample and replace(snapshot.host_sample, host=host)
    own = tuple(_with_own_hash(probe, host) for probe in probes)
    shown = tuple(_shown(server) for server in servers)
    whole = replace(snapshot, host=host, probes=own, host_sample=sample, bookmarks=())  # how far *its* files were read
    return Bundle(host, shown, whole)


def _with_own_hash(probe: Probe, host: str) -> Probe:
    """The hash of what came, and of the host: nobody may lay a surface of his under the hash of somebody else's."""
    if probe.surface is None:
        return probe
    whole = json.dumps([host, _plain(Surface, replace(probe.surface, sha256=""))], sort_keys=True)
    return replace(probe, surface=replace(probe.surface, sha256=hashlib.sha256(whole.encode()).hexdigest()))
