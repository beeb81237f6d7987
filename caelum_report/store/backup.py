"""A consistent copy while runs go on, and the way back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from caelum_report.errors import StoreError, UsageError

from . import schema
from .database import BUSY_SECONDS, copy_to, move_aside, translated


def backup(connection: sqlite3.Connection, path: str | Path) -> None:
    """Writes a complete copy to `path`, readable by its owner only; replaces an older copy, and nothing else."""
    target = Path(path)
    if target.exists():
        (own,) = (row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main")
        if target.samefile(own):
            raise UsageError(f"{target} is the history itself; name another file for its copy")
        if target.stat().st_size and not _is_ours(target):
            raise UsageError(f"{target} is not a copy of a history; it is left as it is")
    copy_to(connection, str(target))


def restore(path: str | Path, database: str | Path, *, force: bool = False) -> Path | None:
    """Puts the copy at `path` in the place of `database`, after reading all of it. The caller holds the run lock.

    A history that is there is kept beside it (`….replaced-1`) with `force`, and refused without; where it is kept is returned.
    """
    source, target = Path(path), Path(database)
    if not source.is_file():
        raise UsageError(f"{source} is not there")
    if target.exists():
        if target.samefile(source):
            raise UsageError(f"{source} is the history itself")
        if target.stat().st_size and not force:
            raise UsageError(f"{target} holds a history already; --force keeps it beside the restored one")
    if not _is_ours(source):
        raise UsageError(f"{source} is not a copy of a history; nothing was changed")
    with translated(str(source)), closing(_read_only(source)) as copy:
        _check(copy, source)
        restored = Path(f"{target}.restored")
        copy_to(copy, str(restored))
    kept = move_aside(str(target), "replaced")
    restored.replace(target)
    return kept


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def _check(copy: sqlite3.Connection, path: Path) -> None:
    if copy.execute("PRAGMA application_id").fetchone() != (schema.APPLICATION_ID,):
        raise StoreError(f"{path} is not a history of caelum-report")
    (version,) = copy.execute("PRAGMA user_version").fetchone()
    if version > 1 + len(schema.MIGRATIONS):
        raise StoreError(f"{path} was written by a newer caelum-report; update caelum-report first")
    (result,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if result != "ok":
        raise StoreError(f"{path} is damaged ({result}); nothing was changed")


def _is_ours(path: Path) -> bool:
    try:
        with closing(_read_only(path)) as copy:
            return bool(copy.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,))
    except sqlite3.DatabaseError:
        return False
