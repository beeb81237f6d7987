"""Build the site beside the old one, then swap: a reader sees a whole old page or a whole new one.

Three ways, the best first. `exchange` swaps two folders in one system call. `symlink` makes the output a link to a build
and swings it. `in-place` replaces file by file, each by rename and `index.html` last; between two renames a reader may
follow a link from an old page to a new one. It is for mount points, for bind sources of containers (which would keep the
old folder for ever) and for parents that we may not write to.

A file is ours when the marker in its folder names it. The marker is written before anything else, so that whatever a
killed run leaves can be proven ours and removed by the next.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

from caelum_report.errors import PublishError, UsageError
from caelum_report.site import Site
from caelum_report.text import visible
from caelum_report.words import listing

MARKER: Final = ".caelum-report.json"
_NEXT_MARKER: Final = f"{MARKER}.next"

# Not ours, but no reason to refuse: a checkout's placeholder travels along, Finder's note may go with the old folder.
_KEPT: Final = (".gitkeep", ".DS_Store")
_CANNOT_SWAP: Final = {
    errno.EACCES,
    errno.EBUSY,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EPERM,
    errno.EXDEV,
}

# A reader who has just looked the folder up still opens files in it: the old one stays that long after a swap.
_LINGER_SECONDS: Final = 0.2


def publish(site: Site, output: Path, mode: str) -> str:
    """Make `output` show `site`; says how it was done: `exchange`, `symlink` or `in-place`.

    Unchanged files keep their inode and time. A folder that holds anything but a site of ours raises UsageError and is
    left alone; what the disk refuses raises PublishError, and the old site stays. The caller holds the publish lock.
    """
    if "index.html" not in site.files or not all(map(_is_plain, site.paths)):
        raise ValueError("a site has an index.html, and plain relative paths only")
    output = check(output)
    try:
        _make_parent(output.parent)
        how = way(output, mode)
        _prune(output)
        try:
            _WAYS[how](site, output)
        except OSError as error:
            if mode != "auto" or how == "in-place" or error.errno not in _CANNOT_SWAP:
                raise
            how = "in-place"
            _replace_files(site, output)
    except OSError as error:
        place = visible(str(error.filename or output))
        raise PublishError(
            f"{place}: {error.strerror}. The snapshot is stored and the old pages stay; "
            "mend this and run `caelum-report render`"
        ) from error
    return how


def check(output: Path) -> Path:
    """Where a site for `output` will lie; UsageError where that place is not ours. Worth asking before a run begins."""
    output = follow(output)
    refuse_foreign(output)
    return output


def holds_site(output: Path) -> bool:
    """Whether a site of ours is there."""
    return bool(_listed(follow(output)))


def way(output: Path, mode: str) -> str:
    """How `output` is published on this file system when `mode` is `auto`; any other mode is its own answer."""
    if mode != "auto":
        return mode
    if _is_mount_point(output) or not os.access(output.parent, os.W_OK | os.X_OK):
        return "in-place"
    if _own_target(output):
        return "symlink"
    if _can_exchange(output):
        return "exchange"
    return "in-place" if output.is_dir() else "symlink"


def follow(output: Path) -> Path:
    """Where a link that somebody else made leads. Our own link stays itself: it is what we swing."""
    for _ in range(40):
        if not output.name or output.name == "..":
            output = output.resolve()
        if not output.is_symlink() or _own_target(output):
            return output.parent.resolve() / output.name
        output = output.parent / output.readlink()
    raise UsageError(f"{visible(str(output))}: the link leads nowhere; give a folder with --output")


def refuse_foreign(output: Path) -> None:
    """UsageError where `output` is not a folder or holds anything that no marker of ours names."""
    if not output.is_dir():
        if output.exists():
            raise UsageError(f"{visible(str(output))} is a file; the output must be a folder")
        return
    strays = {stray.name for stray in _strays(output, output.name)}
    skipped = {*strays, "lost+found"} if _is_mount_point(output) else strays
    try:
        foreign = _foreign(output, _listed(output), skipped)
    except OSError as error:
        raise UsageError(f"{visible(str(output))} cannot be read: {error.strerror}; choose another --output") from error
    if foreign:
        raise UsageError(
            f"{visible(str(output))} holds what is not ours ({listing([visible(name) for name in foreign])}) "
            "and is left alone; choose an empty folder with --output, or move these away"
        )


# --- the three ways -------------------------------------------------------------------------------------------------


def _exchange(site: Site, output: Path) -> None:
    with _build(site, output.parent, output) as build:
        _keep(output, build)
        if os.path.lexists(output):
            target = _own_target(output)
            _swap(build, output)
            if target:  # the mode has changed: what we swapped out is the link, not the site
                build.unlink()
                output.with_name(target).rename(build)
        else:
            build.rename(output)
        _sync(output.parent)
        time.sleep(_LINGER_SECONDS)


def _swing(site: Site, output: Path) -> None:
    with _build(site, output.parent, output) as build:
        _keep(output, build)
        is_folder = output.is_dir() and not output.is_symlink()
        if is_folder and not _can_exchange(output):
            raise PublishError(
                f"{visible(str(output))} is a folder that cannot be swapped for a link here: "
                'move it away once, or set publish = "in-place"'
            )
        before = _own_target(output)
        target = _fresh(output.parent, output.name, "site")
        build.rename(target)
        build.symlink_to(target.name)
        if is_folder:
            _swap(build, output)
        else:
            build.replace(output)
            if before:
                output.with_name(before).rename(build)
        _sync(output.parent)
        time.sleep(_LINGER_SECONDS)


def _replace_files(site: Site, output: Path) -> None:
    _make_parent(output)
    with _build(site, output, output) as build:
        old = _listed(output)
        new = set(site.paths)
        _replace_marker(build, output, site.report, old | new)
        blocking = old & _parents(new) | {path for path in old if not new.isdisjoint(_parents([path]))}
        _unlink(output, blocking)
        folders = {output}
        for path in sorted(new, key=lambda path: (path == "index.html", path.endswith(".html"), path)):
            target = output / path
            _make_folders(output, path)
            (build / path).replace(target)
            folders.add(target.parent)
        for folder in sorted(folders):
            _sync(folder)
        _unlink(output, old - new - blocking)
        _replace_marker(build, output, site.report, new)


_WAYS: Final = {"exchange": _exchange, "symlink": _swing, "in-place": _replace_files}


# --- building -------------------------------------------------------------------------------------------------------


@contextmanager
def _build(site: Site, folder: Path, output: Path) -> Iterator[Path]:
    """The whole site in a new folder, safe on disk. What lies under that name afterwards is removed: a build that
    failed, or the old site after a swap. The folder is locked meanwhile, so that nobody takes it for a stray.
    """
    build = _fresh(folder, output.name, "build")
    build.mkdir()
    lock = os.open(build, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        build.chmod(0o755)
        _write_marker(build / MARKER, site.report, site.paths)
        parents = sorted(_parents(site.paths))
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
            _sync(file)
        for parent in parents:
            _sync(build / parent)
        _sync(build)
        yield build
    finally:
        os.close(lock)
        with suppress(OSError):
            _remove(build)


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
    _sync(path)


def _replace_marker(build: Path, output: Path, report: str, files: Iterable[str]) -> None:
    _write_marker(build / _NEXT_MARKER, report, files)
    (build / _NEXT_MARKER).replace(output / MARKER)
    _sync(output)


def _make_folders(root: Path, path: str) -> None:
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        with suppress(FileExistsError):
            (root / parent).mkdir()
            (root / parent).chmod(0o755)


def _make_parent(folder: Path) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)


def _keep(output: Path, build: Path) -> None:
    for name in _KEPT:
        with suppress(FileNotFoundError):
            if not _link_unchanged(output / name, build / name, (output / name).read_bytes()):
                _write(build / name, (output / name).read_bytes())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def _swap(one: Path, other: Path) -> None:
    """Exchange two names in one step, whatever they are: renameat2 of Linux, renamex_np of macOS."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    at_cwd, exchange = -100, 2
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(at_cwd, names[0], at_cwd, names[1], exchange)
    elif hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*names, exchange)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(other))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))


def _can_exchange(output: Path) -> bool:
    """Tried out with two empty folders: only the file system knows."""
    one, other = (_fresh(output.parent, output.name, "build") for _ in range(2))
    try:
        one.mkdir()
        other.mkdir()
        _swap(one, other)
    except OSError:
        return False
    finally:
        for folder in (one, other):
            with suppress(OSError):
                folder.rmdir()
    return True


# --- what is ours ---------------------------------------------------------------------------------------------------


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return path != MARKER and "\0" not in path and not any(part in {"", ".", ".."} for part in parts)


def _fresh(folder: Path, name: str, kind: str) -> Path:
    return folder / f".{name}.{kind}-{secrets.token_hex(4)}"


def _is_own_name(candidate: str, name: str) -> bool:
    return re.fullmatch(rf"\.{re.escape(name)}\.(build|site)-[0-9a-f]{{8}}", candidate) is not None


def _own_target(output: Path) -> str | None:
    """The folder beside it that our own link names; None for anything else."""
    if not output.is_symlink():
        return None
    target = str(output.readlink())
    return target if _is_own_name(target, output.name) else None


def _listed(folder: Path) -> set[str]:
    """The files that the folder's marker names; none where there is no marker or only the beginning of one."""
    try:
        marker = json.loads((folder / MARKER).read_bytes())
        if marker["program"] == "caelum-report":
            return {path for path in marker["files"] if _is_plain(path)}
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return set()


def _parents(paths: Iterable[str]) -> set[str]:
    """Every folder on the way to them."""
    folders: set[str] = set()
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above not in folders:
            folders.add(above)
            above = above.rpartition("/")[0]
    return folders


def _foreign(folder: Path, ours: set[str], skipped: Iterable[str] = ()) -> list[str]:
    """Files that are not in `ours`, and folders that would not be there without them."""
    known = {*ours, MARKER, *_KEPT}
    folders_known = _parents(ours)
    found: list[str] = []

    def unreadable(error: OSError) -> None:
        raise error

    for base, folders, files in os.walk(folder, onerror=unreadable):
        here = Path(base).relative_to(folder)
        if base == str(folder):
            folders[:] = [name for name in folders if name not in skipped]
        links = [name for name in folders if (Path(base) / name).is_symlink()]
        found += [path for name in (*files, *links) if (path := (here / name).as_posix()) not in known]
        found += [
            path for name in folders if name not in links and (path := (here / name).as_posix()) not in folders_known
        ]
    # NFS keeps a deleted file that somebody still reads under such a name
    return sorted(path for path in found if not PurePosixPath(path).name.startswith(".nfs"))


def _strays(folder: Path, name: str) -> list[Path]:
    """What killed runs left in `folder`: by its name, by its marker, and because nobody holds its lock."""
    with suppress(OSError):
        return [entry for entry in sorted(folder.iterdir()) if _is_own_name(entry.name, name) and _is_stray(entry)]
    return []


def _is_stray(entry: Path) -> bool:
    if entry.is_symlink():
        return ".site-" in entry.readlink().name
    try:
        lock = os.open(entry, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return not _foreign(entry, _listed(entry) | {_NEXT_MARKER})
    except OSError:
        return False
    finally:
        os.close(lock)


def _prune(output: Path) -> None:
    current = _own_target(output)
    for stray in (*_strays(output.parent, output.name), *_strays(output, output.name)):
        if stray.name != current:
            with suppress(OSError):
                _remove(stray)


def _remove(folder: Path) -> None:
    """A build or an old site, its marker last: a removal that is cut short can be finished by the next run. Files that
    nobody listed stay, and so does their folder.
    """
    if folder.is_symlink():
        folder.unlink()
        return
    listed = _listed(folder)
    _unlink(folder, {*listed, *_KEPT, _NEXT_MARKER})
    if not _foreign(folder, set()):
        (folder / MARKER).unlink(missing_ok=True)
    folder.rmdir()


def _unlink(root: Path, paths: Iterable[str]) -> None:
    """Remove files below `root`, and the folders that this empties."""
    paths = list(paths)
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            (root / path).unlink()
    for parent in sorted(_parents(paths), reverse=True):
        with suppress(OSError):
            (root / parent).rmdir()


def _is_mount_point(path: Path) -> bool:
    """Also a bind mount of the same file system, which `os.path.ismount` cannot see."""
    if path.is_mount():
        return True
    if sys.platform != "linux":
        return False
    try:
        table = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return False
    escaped = re.sub(rb"[ \t\n\\]", lambda match: b"\\%03o" % ord(match.group()), os.fsencode(path))
    return any(line.split(b" ", 5)[4] == escaped for line in table.splitlines())
