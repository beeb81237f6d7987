"""A whole site in a new folder, safe on disk, with what has not changed linked from the old one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from caelum_report.site import Site

from .ours import KEPT, MARKER, NEXT_MARKER, folders_of, fresh_name, remove


@contextmanager
def built(site: Site, folder: Path, output: Path) -> Iterator[Path]:
    """The whole site in a new folder, safe on disk. What lies under that name afterwards is removed: a build that
    failed, or the old site after a swap. The folder is locked meanwhile, so that nobody takes it for a stray.
    """
    build = fresh_name(folder, output.name, "build")
    build.mkdir()
    lock = os.open(build, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        build.chmod(0o755)
        _write_marker(build / MARKER, site.report, site.paths)
        parents = sorted(folders_of(site.paths))
        for parent in parents:
            (build / parent).mkdir()
            (build / parent).chmod(0o755)
        written = []
        for path, content in site.files.items():
            new = build / path
            if not _link_unchanged(output / path, new, content):
                _write(new, content)
                written.append(new)
        for path, source in site.kept.items():
            if not _link_kept(source, output / path, build / path):
                written.append(build / path)
        for file in written:  # after all writes, so that the disk may order them
            sync(file)
        for parent in parents:
            sync(build / parent)
        sync(build)
        yield build
    finally:
        os.close(lock)
        with suppress(OSError):
            remove(build)


def _link_unchanged(old: Path, new: Path, content: bytes) -> bool:
    try:
        status = old.lstat()
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) != 0o644 or status.st_size != len(content):
            return False
        if old.read_bytes() != content:
            return False
        new.hardlink_to(old)
    except OSError:  # no such file, a file system without links, too many of them: a copy does as well
        return False
    return True


def _link_kept(source: Path, old: Path, new: Path) -> bool:
    """Whether a link was enough. From another file system it is copied once; the time of change tells the copy again."""
    kept = source.stat()
    try:
        new.hardlink_to(source)
    except OSError:
        with suppress(OSError):
            there = old.lstat()
            if stat.S_ISREG(there.st_mode) and (there.st_size, there.st_mtime_ns) == (kept.st_size, kept.st_mtime_ns):
                new.hardlink_to(old)
                return True
        _write(new, source.read_bytes())
        os.utime(new, ns=(kept.st_atime_ns, kept.st_mtime_ns))
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o644)  # whatever the umask: another user's web server reads it
        file.write(content)


def _write_marker(path: Path, report: str, files: Iterable[str]) -> None:
    content = {"program": "caelum-report", "report": report, "files": sorted(files)}
    _write(path, json.dumps(content, ensure_ascii=True).encode())
    sync(path)


def replace_marker(build: Path, output: Path, report: str, files: Iterable[str]) -> None:
    _write_marker(build / NEXT_MARKER, report, files)
    (build / NEXT_MARKER).replace(output / MARKER)
    sync(output)


def make_folders(root: Path, path: str) -> None:
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        with suppress(FileExistsError):
            (root / parent).mkdir()
            (root / parent).chmod(0o755)


def make_parent(folder: Path) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)


def keep(output: Path, build: Path) -> None:
    for name in KEPT:
        with suppress(FileNotFoundError):
            if not _link_unchanged(output / name, build / name, (output / name).read_bytes()):
                _write(build / name, (output / name).read_bytes())


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)
