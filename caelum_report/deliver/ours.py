"""What of a folder is ours: a file that the marker in its folder names, and what a killed run has left behind.

The marker is written before anything else, so that whatever a killed run leaves can be proven ours and removed by the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

MARKER: Final = ".caelum-report.json"
NEXT_MARKER: Final = f"{MARKER}.next"

# Not ours, but no reason to refuse: a checkout's placeholder travels along, Finder's note may go with the old folder.
KEPT: Final = (".gitkeep", ".DS_Store")


def is_plain(path: str) -> bool:
    parts = path.split("/")
    return path != MARKER and "\0" not in path and not any(part in {"", ".", ".."} for part in parts)


def fresh_name(folder: Path, name: str, kind: str) -> Path:
    return folder / f".{name}.{kind}-{secrets.token_hex(4)}"


def _is_own_name(candidate: str, name: str) -> bool:
    return re.fullmatch(rf"\.{re.escape(name)}\.(build|site)-[0-9a-f]{{8}}", candidate) is not None


def own_target(output: Path) -> str | None:
    """The folder beside it that our own link names; None for anything else."""
    if not output.is_symlink():
        return None
    target = str(output.readlink())
    return target if _is_own_name(target, output.name) else None


def listed_in(folder: Path) -> set[str]:
    """The files that the folder's marker names; none where there is no marker or only the beginning of one."""
    try:
        marker = json.loads((folder / MARKER).read_bytes())
        if marker["program"] == "caelum-report":
            return {path for path in marker["files"] if is_plain(path)}
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return set()


def folders_of(paths: Iterable[str]) -> set[str]:
    """Every folder on the way to them."""
    folders: set[str] = set()
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above not in folders:
            folders.add(above)
            above = above.rpartition("/")[0]
    return folders


def foreign_in(folder: Path, ours: set[str], skipped: Iterable[str] = ()) -> list[str]:
    """Files that are not in `ours`, and folders that would not be there without them."""
    known = {*ours, MARKER, *KEPT}
    folders_known = folders_of(ours)
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


def strays_in(folder: Path, name: str) -> list[Path]:
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
        return not foreign_in(entry, listed_in(entry) | {NEXT_MARKER})
    except OSError:
        return False
    finally:
        os.close(lock)


def prune(output: Path) -> None:
    current = own_target(output)
    for stray in (*strays_in(output.parent, output.name), *strays_in(output, output.name)):
        if stray.name != current:
            with suppress(OSError):
                remove(stray)


def remove(folder: Path) -> None:
    """A build or an old site, its marker last: a removal that is cut short can be finished by the next run. Files that
    nobody listed stay, and so does their folder.
    """
    if folder.is_symlink():
        folder.unlink()
        return
    listed = listed_in(folder)
    unlink(folder, {*listed, *KEPT, NEXT_MARKER})
    if not foreign_in(folder, set()):
        (folder / MARKER).unlink(missing_ok=True)
    folder.rmdir()


def unlink(root: Path, paths: Iterable[str]) -> None:
    """Remove files below `root`, and the folders that this empties."""
    paths = list(paths)
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            (root / path).unlink()
    for parent in sorted(folders_of(paths), reverse=True):
        with suppress(OSError):
            (root / parent).rmdir()
