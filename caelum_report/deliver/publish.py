"""Build the site beside the old one, then swap: a reader sees a whole old page or a whole new one.

Three ways, the best first. `exchange` swaps two folders in one system call. `symlink` makes the output a link to a build
and swings it. `in-place` replaces file by file, each by rename and `index.html` last; between two renames a reader may
follow a link from an old page to a new one. It is for mount points, for bind sources of containers (which would keep the
old folder for ever) and for parents that we may not write to.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from caelum_report.errors import PublishError, UsageError
from caelum_report.site import Site
from caelum_report.text import visible
from caelum_report.words import listing

from .building import built, keep, make_folders, make_parent, replace_marker, sync
from .ours import folders_of, foreign_in, fresh_name, is_plain, listed_in, own_target, prune, strays_in, unlink

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
    if "index.html" not in site.files or not all(map(is_plain, site.paths)):
        raise ValueError("a site has an index.html, and plain relative paths only")
    output = check(output)
    try:
        make_parent(output.parent)
        how = way(output, mode)
        prune(output)
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
    return bool(listed_in(follow(output)))


def way(output: Path, mode: str) -> str:
    """How `output` is published on this file system when `mode` is `auto`; any other mode is its own answer."""
    if mode != "auto":
        return mode
    if _is_mount_point(output) or not os.access(output.parent, os.W_OK | os.X_OK):
        return "in-place"
    if own_target(output):
        return "symlink"
    if _can_exchange(output):
        return "exchange"
    return "in-place" if output.is_dir() else "symlink"


def follow(output: Path) -> Path:
    """Where a link that somebody else made leads. Our own link stays itself: it is what we swing."""
    for _ in range(40):
        if not output.name or output.name == "..":
            output = output.resolve()
        if not output.is_symlink() or own_target(output):
            return output.parent.resolve() / output.name
        output = output.parent / output.readlink()
    raise UsageError(f"{visible(str(output))}: the link leads nowhere; give a folder with --output")


def refuse_foreign(output: Path) -> None:
    """UsageError where `output` is not a folder or holds anything that no marker of ours names."""
    if not output.is_dir():
        if output.exists():
            raise UsageError(f"{visible(str(output))} is a file; the output must be a folder")
        return
    strays = {stray.name for stray in strays_in(output, output.name)}
    skipped = {*strays, "lost+found"} if _is_mount_point(output) else strays
    try:
        foreign = foreign_in(output, listed_in(output), skipped)
    except OSError as error:
        raise UsageError(f"{visible(str(output))} cannot be read: {error.strerror}; choose another --output") from error
    if foreign:
        raise UsageError(
            f"{visible(str(output))} holds what is not ours ({listing([visible(name) for name in foreign])}) "
            "and is left alone; choose an empty folder with --output, or move these away"
        )


# --- the three ways -------------------------------------------------------------------------------------------------


def _exchange(site: Site, output: Path) -> None:
    with built(site, output.parent, output) as build:
        keep(output, build)
        if os.path.lexists(output):
            target = own_target(output)
            _swap(build, output)
            if target:  # the mode has changed: what we swapped out is the link, not the site
                build.unlink()
                output.with_name(target).rename(build)
        else:
            build.rename(output)
        sync(output.parent)
        time.sleep(_LINGER_SECONDS)


def _swing(site: Site, output: Path) -> None:
    with built(site, output.parent, output) as build:
        keep(output, build)
        is_folder = output.is_dir() and not output.is_symlink()
        if is_folder and not _can_exchange(output):
            raise PublishError(
                f"{visible(str(output))} is a folder that cannot be swapped for a link here: "
                'move it away once, or set publish = "in-place"'
            )
        before = own_target(output)
        target = fresh_name(output.parent, output.name, "site")
        build.rename(target)
        build.symlink_to(target.name)
        if is_folder:
            _swap(build, output)
        else:
            build.replace(output)
            if before:
                output.with_name(before).rename(build)
        sync(output.parent)
        time.sleep(_LINGER_SECONDS)


def _replace_files(site: Site, output: Path) -> None:
    make_parent(output)
    with built(site, output, output) as build:
        old = listed_in(output)
        new = set(site.paths)
        replace_marker(build, output, site.report, old | new)
        blocking = old & folders_of(new) | {path for path in old if not new.isdisjoint(folders_of([path]))}
        unlink(output, blocking)
        folders = {output}
        for path in sorted(new, key=lambda path: (path == "index.html", path.endswith(".html"), path)):
            target = output / path
            make_folders(output, path)
            (build / path).replace(target)
            folders.add(target.parent)
        for folder in sorted(folders):
            sync(folder)
        unlink(output, old - new - blocking)
        replace_marker(build, output, site.report, new)


_WAYS: Final = {"exchange": _exchange, "symlink": _swing, "in-place": _replace_files}


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
    one, other = (fresh_name(output.parent, output.name, "build") for _ in range(2))
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
